// Checkpoints: notes that a log's key signed and that witnesses cosigned.
import { createPublicKey, verify as verifySignature } from 'node:crypto';
import { Mismatch, sha256 } from './formats.mjs';
import { isBase64, isText } from './kinds.mjs';

/** `<name>+<key id>+<base64 of a byte and the 32 bytes of an Ed25519 key>`; the byte is 1 for a log's key and 4 for a witness's. */
export function readVerifier(text, type = 1) {
  const [, name, id, encoded] = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text.trim()) ?? [];
  const typed = Buffer.from(encoded ?? '', 'base64');
  if (typed.length !== 33 || typed[0] !== type || !isBase64(encoded))
    throw new Error(`${text} is no Ed25519 key of a ${type === 1 ? 'log' : 'witness'}`);
  if (sha256(`${name}\n`, typed).subarray(0, 4).toString('hex') !== id) throw new Error(`${text} has another id than it names`);
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), typed.subarray(1)]);
  return { name, id, key: createPublicKey({ key: der, format: 'der', type: 'spki' }) };
}

/** What a witness signs: the text of a checkpoint behind the time, which stands before the signature in 8 bytes, in seconds since 1970. Null where it did not. */
function cosignedAt(text, { key }, bytes) {
  if (bytes.length !== 8 + 64) return null;
  const seconds = bytes.readBigUInt64BE();
  if (seconds > 253_402_300_799n) return null; // Of a year with more than four digits.
  const message = Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`);
  return verifySignature(null, message, key, bytes.subarray(8)) ? new Date(Number(seconds) * 1000).toISOString() : null;
}

/** What a note says, and who signed it with what; empty lines at its end are passed over. @throws {Mismatch} where it is none, or a line under it is no signature. */
function readNote(note) {
  const spoilt = new Mismatch(null, 'a checkpoint is not one');
  if (!isText(note) || !note.includes('\n\n')) throw spoilt;
  const text = note.slice(0, note.indexOf('\n\n') + 1);
  const lines = note.slice(text.length + 1).split('\n');
  while (lines.at(-1) === '') lines.pop();
  const signatures = lines.map((line) => /^\u2014 ([^\s+]+) (\S+)$/.exec(line)?.slice(1) ?? []);
  const [origin, size, root] = text.split('\n');
  const isSize = /^[1-9][0-9]*$/.test(size) && Number.isSafeInteger(Number(size));
  if (!isSize || !isBase64(root) || Buffer.from(root, 'base64').length !== 32) throw spoilt;
  if (!signatures.every(([, encoded]) => isBase64(encoded))) throw spoilt;
  return { text, origin, size, root, signatures };
}

/** A checkpoint that one of the verifiers signed, or whoever where there are none to ask (null), and by which witnesses it is cosigned, when. A signature by a key that was given and that does not hold spoils it. @throws {Mismatch} */
export function openCheckpoint(note, verifiers, witnesses = []) {
  const { text, origin, size, root, signatures } = readNote(note);
  const signers = [];
  const cosigned = Object.create(null);
  for (const [name, encoded] of signatures) {
    const bytes = Buffer.from(encoded, 'base64');
    const isOf = (one) => one.name === name && one.id === bytes.subarray(0, 4).toString('hex');
    const [verifier, witness] = [verifiers?.find(isOf), witnesses.find(isOf)];
    if (verifier === undefined && witness === undefined) continue;
    const at = witness && cosignedAt(text, witness, bytes.subarray(4));
    if (verifier ? !verifySignature(null, Buffer.from(text), verifier.key, bytes.subarray(4)) : at === null)
      throw new Mismatch(null, `the signature of ${name} under the checkpoint over ${size} entries does not hold`);
    if (verifier) signers.push(name);
    else if (!(cosigned[name] > at)) cosigned[name] = at;
  }
  if (verifiers !== null && signers.length === 0)
    throw new Mismatch(null, `the checkpoint over ${size} entries is signed by nobody whose key was given`);
  return { origin, size: Number(size), root: Buffer.from(root, 'base64'), signers, cosigned };
}

/** What a checkpoint lacks to be cosigned by as many witnesses as are asked for; null where it lacks nothing. */
export function lackOf({ cosigned }, { witnesses, quorum }) {
  const missing = namesOf(witnesses).filter((name) => cosigned[name] === undefined);
  const enough = namesOf(witnesses).length - missing.length >= quorum;
  return enough ? null : `cosigned by ${quorum} of ${namesOf(witnesses).length} witnesses: missing ${missing.join(', ')}`;
}

/** A witness is its name: two keys of one are one witness, whose key changed. */
export const namesOf = (witnesses) => [...new Set(witnesses.map(({ name }) => name))];

export const nobody = { witnesses: [], quorum: 0, mostUnjudged: Number.POSITIVE_INFINITY };
