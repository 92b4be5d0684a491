import { type Checkpoint, type NoteSignature, openNote, readCheckpointText } from '../audit/signed-note.ts';

/** What C2SP's tlog-witness has in the body of `add-checkpoint`. */
export interface Submission {
  /** How large the log was when this witness last cosigned it, as far as whoever submits knows. */
  old: number;
  proof: Buffer[];
  /** What is signed. */
  text: string;
  checkpoint: Checkpoint;
  signatures: NoteSignature[];
}

const mostHashes = 63;

/** Null where it is none. */
export function readSubmission(body: string): Submission | null {
  const end = body.indexOf('\n\n');
  const [first = '', ...hashes] = body.slice(0, Math.max(end, 0)).split('\n');
  const [, old] = /^old (0|[1-9][0-9]*)$/.exec(first) ?? [];
  const note = openNote(body.slice(end + 2));
  const checkpoint = note === null ? null : readCheckpointText(note.text);
  if (old === undefined || !Number.isSafeInteger(Number(old)) || note === null || checkpoint === null || hashes.length > mostHashes)
    return null;
  const proof = hashes.map((hash) => Buffer.from(hash, 'base64'));
  if (proof.some((hash, at) => hash.length !== 32 || hash.toString('base64') !== hashes[at])) return null;
  return { old: Number(old), proof, checkpoint, ...note };
}
