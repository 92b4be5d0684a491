// Cosignatures of checkpoints as C2SP's tlog-cosignature has them, version 1: what a witness says of a log, and when.
import { verify } from 'node:crypto';
import { readSigningKey, type VerifierKey } from './note-keys.ts';
import { type NoteSignature, openNote, signatureLine } from './signed-note.ts';

export interface Cosigner {
  name: string;
  verifierKey: string;
  /** @returns a signature line that says: at this time, in seconds since 1970, this is the largest consistent tree that the witness has seen of this log. */
  cosign(text: string, seconds: number): string;
}

/** @throws when the text is no signing key of a witness. */
export function readCosigner(text: string): Cosigner {
  const key = readSigningKey(text, 'witness');
  return {
    name: key.name,
    verifierKey: key.verifierKey,
    cosign(checkpoint, seconds) {
      const time = Buffer.alloc(8);
      time.writeBigUInt64BE(BigInt(seconds));
      return signatureLine(key.name, key.id, Buffer.concat([time, key.sign(cosignedBytes(checkpoint, BigInt(seconds)))]));
    },
  };
}

/** When a witness cosigned the text of a checkpoint, in seconds since 1970; null where it did not. */
export function cosignedAt(text: string, { name, id, bytes }: NoteSignature, verifier: VerifierKey): number | null {
  if (verifier.kind !== 'witness' || name !== verifier.name || id !== verifier.id || bytes.length !== 8 + 64) return null;
  const seconds = bytes.readBigUInt64BE();
  return verify(null, cosignedBytes(text, seconds), verifier.key, bytes.subarray(8)) ? Number(seconds) : null;
}

/**
 * A note with those of the lines that hold under the witnesses' keys, one of each key, in the order of their names; what else was filed as a cosignature is left out.
 * `by` is how many keys there are.
 */
export function withCosignatures(note: string, lines: readonly string[], witnesses: readonly VerifierKey[]): { note: string; by: number } {
  const text = openNote(note)?.text ?? '';
  const holding = new Map<string, string>();
  for (const line of [...lines].sort()) {
    const [signature, ...more] = openNote(`${text}\n${line}`)?.signatures ?? [];
    if (signature === undefined || more.length > 0) continue;
    const witness = witnesses.find((key) => cosignedAt(text, signature, key) !== null);
    if (witness !== undefined) holding.set(`${witness.name}+${witness.id}`, signature.line);
  }
  const ordered = [...holding].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, line]) => line);
  return { note: note + ordered.join(''), by: ordered.length };
}

function cosignedBytes(text: string, seconds: bigint): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`);
}
