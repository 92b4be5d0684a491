// Keys of signed notes, as C2SP's signed-note and tlog-cosignature name them.
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';

/** What a key signs: checkpoints of its own log, or those of others, with the time. The number is the algorithm's byte, in keys and in what key ids are over. */
export const keyKinds = { log: 1, witness: 4 } as const;
export type KeyKind = keyof typeof keyKinds;

/** Who is believed, as verifiers are told: `<name>+<key id in hex>+<base64 of the kind's byte and the 32 bytes of an Ed25519 key>`. */
export interface VerifierKey {
  name: string;
  kind: KeyKind;
  /** Hex of 4 bytes; with the name it tells whose a signature is. */
  id: string;
  key: KeyObject;
}

export interface SigningKey {
  name: string;
  id: Buffer;
  /** As {@link VerifierKey} is written. */
  verifierKey: string;
  /** 64 bytes. */
  sign(bytes: Buffer): Buffer;
}

const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex'); // What DER puts before the 32 bytes of an Ed25519 key.
const spki = Buffer.from('302a300506032b6570032100', 'hex');

/** @throws when the text is no verifier key, or has another id than it names. */
export function readVerifierKey(text: string): VerifierKey {
  const [, name = '', id = '', encoded = ''] = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text) ?? [];
  const typed = Buffer.from(encoded, 'base64');
  const kind = kindOf(typed);
  if (kind === undefined) throw new Error(`${text} is no Ed25519 key of a signed note`);
  if (keyId(name, typed).toString('hex') !== id) throw new Error(`${text} has another id than it names`);
  const key = createPublicKey({ key: Buffer.concat([spki, typed.subarray(1)]), format: 'der', type: 'spki' });
  return { name, kind, id, key };
}

/** @throws when the text is no verifier key of a witness. */
export function readWitnessKey(text: string): VerifierKey {
  const key = readVerifierKey(text);
  if (key.kind !== 'witness') throw new Error(`${key.name} has no key of a witness`);
  return key;
}

/**
 * Reads a key as `note.GenerateKey` of golang.org/x/mod/sumdb/note writes it: `PRIVATE+KEY+<name>+<key id>+<base64 of the kind's byte and the 32 bytes>`.
 * @throws when the text is no such key of this kind.
 */
export function readSigningKey(text: string, kind: KeyKind): SigningKey {
  const [, name = '', id = '', encoded = ''] = /^PRIVATE\+KEY\+([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text.trim()) ?? [];
  const typed = Buffer.from(encoded, 'base64');
  if (kindOf(typed) !== kind) throw new Error(`the signing key is no Ed25519 key of a ${kind} for signed notes`);
  const key = signingKeyOf(name, kind, typed.subarray(1));
  if (key.id.toString('hex') !== id) throw new Error('the signing key does not have the id that it names');
  return key;
}

/** A signing key from its 32 bytes, as text. */
export function writeSigningKey(name: string, kind: KeyKind, seed: Buffer): string {
  const typed = Buffer.concat([Buffer.of(keyKinds[kind]), seed]);
  return `PRIVATE+KEY+${name}+${signingKeyOf(name, kind, seed).id.toString('hex')}+${typed.toString('base64')}`;
}

function signingKeyOf(name: string, kind: KeyKind, seed: Buffer): SigningKey {
  const privateKey = createPrivateKey({ key: Buffer.concat([pkcs8, seed]), format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32);
  const typed = Buffer.concat([Buffer.of(keyKinds[kind]), publicKey]);
  const id = keyId(name, typed);
  const verifierKey = `${name}+${id.toString('hex')}+${typed.toString('base64')}`;
  return { name, id, verifierKey, sign: (bytes) => sign(null, bytes, privateKey) };
}

function keyId(name: string, typed: Buffer): Buffer {
  return createHash('sha256').update(`${name}\n`).update(typed).digest().subarray(0, 4);
}

function kindOf(typed: Buffer): KeyKind | undefined {
  return typed.length === 33 ? (['log', 'witness'] as const).find((kind) => keyKinds[kind] === typed[0]) : undefined;
}
