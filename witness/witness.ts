import { isConsistent, type Tree } from '../audit/consistency.ts';
import type { Cosigner } from '../audit/cosignature.ts';
import { emptyRoot } from '../audit/merkle.ts';
import { isSignature, openNote, readCheckpointText } from '../audit/signed-note.ts';
import type { CheckpointStore, Stored } from './checkpoint-store.ts';
import type { KnownLogs } from './settings.ts';
import type { Submission } from './submission.ts';

export type Verdict =
  /** Signature lines. */
  | { cosigned: string }
  | { refused: 'unknown_log' | 'unknown_key' | 'malformed' }
  /** What the log has signed cannot be the same log as before. */
  | { refused: 'bad_proof' }
  | { refused: 'conflict' /** Of the checkpoint that was last cosigned. */; size: number /** One size, two roots. */; isFork: boolean };

/**
 * Cosigns checkpoints of logs that only grow. MUST NOT ever cosign two checkpoints of one log of which one is not the beginning of the other, also over restarts and
 * with two processes over one store: what is cosigned is stored, whole and flushed, before anybody sees the cosignature.
 */
export class Witness {
  private readonly cosigner: Cosigner;
  private readonly store: CheckpointStore;
  private readonly logs: readonly KnownLogs[];
  private readonly turns = new Map<string, Promise<unknown>>();

  constructor({ cosigner, store, logs }: { cosigner: Cosigner; store: CheckpointStore; logs: readonly KnownLogs[] }) {
    this.cosigner = cosigner;
    this.store = store;
    this.logs = logs;
  }

  async add(submission: Submission): Promise<Verdict> {
    const { origin } = submission.checkpoint;
    const keys = this.logs.filter(({ prefix }) => origin === prefix || origin.startsWith(`${prefix}/`)).flatMap((known) => known.keys);
    if (keys.length === 0) return { refused: 'unknown_log' };
    const signed = submission.signatures.filter((signature) => keys.some((key) => isSignature(submission.text, signature, key)));
    if (signed.length === 0) return { refused: 'unknown_key' };
    if (submission.old > submission.checkpoint.size) return { refused: 'malformed' };
    return this.inTurn(origin, () => this.judge({ ...submission, signatures: signed }));
  }

  /** The note that was last cosigned of a log, cosignature included. */
  async latest(origin: string): Promise<string | null> {
    return (await this.store.latest(origin))?.note ?? null;
  }

  private async judge(submission: Submission): Promise<Verdict> {
    const { old, proof, text, checkpoint, signatures } = submission;
    const stored = await this.store.latest(checkpoint.origin);
    const known = treeOf(stored);
    if (old !== known.size) return { refused: 'conflict', size: known.size, isFork: false };
    if (stored !== null && checkpoint.size === known.size && !checkpoint.root.equals(known.root))
      return { refused: 'conflict', size: known.size, isFork: true };
    if (!isConsistent(known, checkpoint, proof)) return { refused: 'bad_proof' };
    const line = this.cosigner.cosign(text, Math.floor(Date.now() / 1_000));
    if (stored !== null && checkpoint.size === known.size) return { cosigned: line }; // The same again, such as when the answer was lost.
    const note = `${text}\n${signatures.map((signature) => signature.line).join('')}${line}`;
    if (await this.store.replace(checkpoint.origin, stored?.generation ?? 0, note)) return { cosigned: line };
    return { refused: 'conflict', size: treeOf(await this.store.latest(checkpoint.origin)).size, isFork: false };
  }

  /** One submission of a log after the other: between reading what is known and storing what follows nothing else is decided of it. */
  private async inTurn<T>(origin: string, work: () => Promise<T>): Promise<T> {
    const before = this.turns.get(origin) ?? Promise.resolve();
    const turn = before.then(work, work);
    const done = turn.catch(() => {});
    this.turns.set(origin, done);
    try {
      return await turn;
    } finally {
      if (this.turns.get(origin) === done) this.turns.delete(origin);
    }
  }
}

function treeOf(stored: Stored | null): Tree {
  if (stored === null) return { size: 0, root: emptyRoot };
  const checkpoint = readCheckpointText(openNote(stored.note)?.text ?? '');
  if (checkpoint === null) throw new Error('what is stored is no checkpoint'); // Cosigning anything now would forget what was cosigned.
  return checkpoint;
}
