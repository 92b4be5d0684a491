import { randomUUID } from 'node:crypto';
import { auditEntry } from '../../audit/entry.ts';
import { type Attempt, logUpTo, past, proposal, proposalId, type Row, type Rows } from './crafted-rows.ts';

/** Of one entry, or of several at once, to a log by which the proposal awaits approval. */
export const append = (entry: object, rows: Rows = {}, by = 'append_entries'): Attempt => ({
  rows: { ...logUpTo('proposal.simulated'), ...rows },
  call: `SELECT (exequatur.${by}($1::jsonb) > 0)::text`,
  values: [JSON.stringify(Array.isArray(entry) ? entry : [entry])],
});

export const told = (type: string, facts: Record<string, string | number> = {}, personal: Record<string, string> = {}) =>
  auditEntry({ type, proposalId, facts, personal });

/** The proposal is here, of which the log has told `stands`. */
export const moved = (status: string, more: Row = {}, stands = 'proposal.simulated'): Rows => ({
  ...logUpTo(stands),
  proposal: [proposal({ status, ...more })],
});

/** An entry that is there, on the proposal unless `more` says otherwise. */
export const entryRow = (seq: number, type: string, payload: object | string = {}, more: Row = {}): Row => {
  const hash = `\\x${'00'.repeat(32)}`;
  const bytes = `\\x${Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)).toString('hex')}`;
  return { seq, id: randomUUID(), at: past, type, proposal_id: proposalId, payload: bytes, previous_hash: hash, hash, ...more };
};

export const unfollowed = 'XQ015: an audit entry tells of a proposal what does not follow from those before it';
