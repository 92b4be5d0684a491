// Checkpoints as C2SP's tlog-checkpoint has them, signed as its signed-note says: any tool of the transparency logs reads them.
import { verify } from 'node:crypto';
import { hashBytes } from './merkle.ts';
import { readSigningKey, type VerifierKey, writeSigningKey } from './note-keys.ts';

/** Who signs, by the name that verifiers know. */
export interface NoteSigner {
  name: string;
  /** `<name>+<key id>+<key>`, as verifiers are given it. */
  verifierKey: string;
  /** @returns a signature line, with its newline. */
  sign(text: string): Promise<string>;
}

/** Of one name, the one that stays first: more than one while a key takes over from another. */
export type Signers = readonly [NoteSigner, ...NoteSigner[]];

export interface Checkpoint {
  /** The log's name. */
  origin: string;
  size: number;
  root: Buffer;
}

export interface NoteSignature {
  name: string;
  /** Hex of 4 bytes. */
  id: string;
  /** What stands behind the id. */
  bytes: Buffer;
  /** With its newline. */
  line: string;
}

/** @throws when the text is no signing key of a log. */
export function readSigner(text: string): NoteSigner {
  const key = readSigningKey(text, 'log');
  return {
    name: key.name,
    verifierKey: key.verifierKey,
    sign: async (note) => signatureLine(key.name, key.id, key.sign(Buffer.from(note))),
  };
}

/** A signing key from its 32 bytes, as text. */
export function writeSigner(name: string, seed: Buffer): string {
  return writeSigningKey(name, 'log', seed);
}

/** The note with a signature of each. */
export async function signNote(text: string, signers: Signers): Promise<string> {
  return `${text}\n${(await Promise.all(signers.map((signer) => signer.sign(text)))).join('')}`;
}

export function signatureLine(name: string, id: Uint8Array, bytes: Uint8Array): string {
  return `\u2014 ${name} ${Buffer.concat([id, bytes]).toString('base64')}\n`;
}

/** The text of a checkpoint, which is what is signed; it begins with the log's name. */
export function checkpointText(log: string, size: number, root: Uint8Array): string {
  return `${log}\n${size}\n${Buffer.from(root).toString('base64')}\n`;
}

/** The text, up to the empty line, and the signatures behind it; null where it is no signed note. */
export function openNote(note: string): { text: string; signatures: NoteSignature[] } | null {
  const end = note.lastIndexOf('\n\n');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a note has none but newlines.
  if (end < 0 || !note.endsWith('\n') || /[\u0000-\u0009\u000b-\u001f]/.test(note)) return null;
  const signatures: NoteSignature[] = [];
  for (const line of note.slice(end + 2, -1).split('\n')) {
    const [, name = '', encoded = ''] = /^\u2014 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/.exec(line) ?? [];
    const bytes = Buffer.from(encoded, 'base64');
    if (name === '' || bytes.length < 5) return null;
    signatures.push({ name, id: bytes.subarray(0, 4).toString('hex'), bytes: bytes.subarray(4), line: `${line}\n` });
  }
  return { text: note.slice(0, end + 1), signatures };
}

/** Null where the text is no checkpoint. */
export function readCheckpointText(text: string): Checkpoint | null {
  const [origin = '', size = '', encoded = '', ...extensions] = text.slice(0, -1).split('\n');
  const root = Buffer.from(encoded, 'base64');
  const isCanonical = root.length === hashBytes && root.toString('base64') === encoded;
  if (origin === '' || !/^(0|[1-9][0-9]*)$/.test(size) || !Number.isSafeInteger(Number(size)) || !isCanonical) return null;
  return extensions.includes('') ? null : { origin, size: Number(size), root };
}

/** Whether a log's key signed the text. */
export function isSignature(text: string, { name, id, bytes }: NoteSignature, verifier: VerifierKey): boolean {
  return verifier.kind === 'log' && name === verifier.name && id === verifier.id && verify(null, Buffer.from(text), verifier.key, bytes);
}
