// Cosignatures of checkpoints as C2SP's tlog-cosignature has them, version 1: what a witness says of a log, and when.
import { verify } from 'node:crypto';
import { readSigningKey, type VerifierKey } from './note-keys.ts';
import { type NoteSignature, signatureLine } from './signed-note.ts';

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

function cosignedBytes(text: string, seconds: bigint): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`);
}
