import type { Edit } from '../ontology/plan.ts';
import type { Sql } from './sql.ts';

/** Walks over a stored plan's edits as canonical lines, with one chunk in memory. Lines of equal edits are equal, so most need not be parsed. */
export class EditLines {
  /** Number of the edit that is next. */
  at: number;
  private readonly sql: Sql;
  private readonly planId: string;
  private lines: string[] = [];
  private next = 0;
  private hasEnded = false;

  constructor(sql: Sql, planId: string, at: number) {
    this.sql = sql;
    this.planId = planId;
    this.at = at;
  }

  /** The line of the edit that is next, where its chunk is loaded. */
  get line(): string | undefined {
    return this.lines[this.next];
  }

  edit(): Edit | null {
    return this.line === undefined ? null : (JSON.parse(this.line) as Edit);
  }

  skip(): void {
    this.next++;
    this.at++;
  }

  /** Loads the chunk of the edit that is next, and returns its line; null at the end. In every chunk the edit lines are the last ones. */
  async load(): Promise<string | null> {
    if (this.hasEnded) return null;
    const [chunk] = await this.sql.rows<{ bytes: Uint8Array; first: number; edits: number }>(
      `SELECT c.bytes, c.first_edit::int AS first, c.edits::int AS edits FROM exequatur.plan_chunk c
        WHERE c.plan_id = $1::uuid AND c.first_edit <= $2::bigint AND c.first_edit + c.edits > $2::bigint`,
      [this.planId, this.at],
    );
    this.hasEnded = chunk === undefined;
    if (chunk === undefined) return null;
    this.lines = Buffer.from(chunk.bytes).toString('utf8').trimEnd().split('\n').slice(-chunk.edits);
    this.next = this.at - chunk.first;
    return this.line ?? null;
  }
}
