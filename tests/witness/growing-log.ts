import { randomBytes } from 'node:crypto';
import { consistencyProof, leafHash, rootOf, StoredTiles } from '../../audit/merkle.ts';
import { checkpointText, type NoteSigner, readSigner, signNote, writeSigner } from '../../audit/signed-note.ts';

/** A log that a test makes grow, fork and lie as it likes. */
export class GrowingLog {
  readonly signer: NoteSigner = readSigner(writeSigner('log.test/family', randomBytes(32)));
  readonly origin: string;
  private readonly leaves: Buffer[];

  constructor(origin = 'log.test/family/one', leaves: Buffer[] = []) {
    this.origin = origin;
    this.leaves = leaves;
  }

  grow(count: number, what = 'leaf'): this {
    for (let at = 0; at < count; at++) this.leaves.push(leafHash(Buffer.from(`${what} ${this.leaves.length}`)));
    return this;
  }

  /** What `add-checkpoint` is given: from an old size, over all leaves or fewer. */
  async submission(old: number, { size = this.leaves.length, signer = this.signer } = {}): Promise<string> {
    const tiles = new StoredTiles(
      async () => null,
      async (from, to) => this.leaves.slice(from, to),
    );
    const proof = await consistencyProof(tiles, old, size);
    const note = await signNote(checkpointText(this.origin, size, await rootOf(tiles, size)), [signer]);
    return `old ${old}\n${proof.map((hash) => `${hash.toString('base64')}\n`).join('')}\n${note}`;
  }

  /** Another log under the same name and key, equal up to a size. */
  fork(size: number): GrowingLog {
    return Object.assign(new GrowingLog(this.origin, this.leaves.slice(0, size)), { signer: this.signer });
  }
}
