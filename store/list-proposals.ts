import { setImmediate as turn } from 'node:timers/promises';
import type { Actor } from '../ontology/authority.ts';
import type { ProposalStatus } from '../ontology/lifecycle.ts';
import { owesReview } from './glass-facts.ts';
import { pageSizeOf, pageToken, readPage, readPageToken } from './page-token.ts';
import { proposalActions } from './proposal-actions.ts';
import { type ProposalRecord, type ProposalView, proposalView, selectProposalRecord } from './proposal-view.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';
import { sightOf } from './see-proposal.ts';
import type { Tx } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

export interface ProposalQuery {
  status?: ProposalStatus;
  actionType?: string;
  proposer?: string;
  /** Only those whose emergency nobody has reviewed. */
  needsReview?: boolean;
  pageSize?: number;
  pageToken?: string;
}

const longParameters = 32_768; // Characters; a page of imports would otherwise be hundreds of megabytes. The proposal by itself always has them.

/** Newest first. Ids break ties between proposals of one instant, so pages neither skip nor repeat. */
const selectPage = `${selectProposalRecord(
  `CASE WHEN length(p.parameters) <= ${longParameters} THEN p.parameters END`,
  `(SELECT * FROM exequatur.proposal q
     WHERE ($1::text IS NULL OR q.status = $1) AND ($2::text IS NULL OR q.action_type = $2) AND ($3::text IS NULL OR q.proposer_id = $3)
       AND ($4::timestamptz IS NULL OR (q.created_at, q.id) < ($4::timestamptz, $5::uuid))
       AND ($7::boolean IS NULL OR ${owesReview('q')} = $7)
     ORDER BY q.created_at DESC, q.id DESC LIMIT $6::int)`,
)} ORDER BY p.created_at DESC, p.id DESC`;

const turnMs = 20; // Between two decisions others are worked on, if these have taken so long.
const longestMs = 500; // That policies are asked about one page; of what they were not asked about in time the next begins.

/**
 * Those of a page that the viewer may see: it may hold fewer than it could, or none, although there are more, which the token says. What the viewer may do with each is what
 * the gate says; policies are asked that where one is read by itself. @throws PolicyEngineAway
 */
export async function listProposals(
  tx: Tx,
  query: ProposalQuery,
  viewer: Actor,
  deps: StoreDeps,
): Promise<{ proposals: ProposalView[]; nextPageToken: string | null } | Refusal> {
  const asked = {
    status: query.status ?? null,
    actionType: query.actionType ?? null,
    proposer: query.proposer ?? null,
    ...(query.needsReview === undefined ? {} : { needsReview: String(query.needsReview) }),
  };
  const after = startOf(asked, query.pageToken);
  if (after === null) return refuse('invalid_page_token');
  const pageSize = pageSizeOf(query.pageSize);
  const values = [asked.status, asked.actionType, asked.proposer, after.createdAt, after.id, pageSize + 1, query.needsReview ?? null];
  const records = await readPage(tx, query.pageToken, () => tx.rows<ProposalRecord>(selectPage, values));
  if (isRefusal(records)) return records;
  const sees = await sightOf(tx, deps, viewer);
  const proposals: ProposalView[] = [];
  const since = performance.now();
  let lookedAt = 0;
  let turnAt = since + turnMs;
  for (const record of records.slice(0, pageSize)) {
    const now = performance.now();
    if (sees !== null && lookedAt > 0 && now - since > longestMs) break;
    if (now > turnAt) {
      await turn();
      turnAt = performance.now() + turnMs;
    }
    lookedAt++;
    if (sees !== null && !(await sees({ ...record.proposal, summary: record.summary }))) continue;
    // Policies may take milliseconds of one proposal, and may have to read what it touches: of a page they would hold this transaction for as long as nobody waits.
    proposals.push(proposalView(record, await proposalActions({ record, viewer, policyVersion: null }, deps, (work) => work(tx))));
  }
  const last = records[lookedAt - 1];
  return {
    proposals,
    nextPageToken: records.length > lookedAt && last !== undefined ? pageToken(asked, [last.key, last.proposal.id]) : null,
  };
}

function startOf(
  asked: { [name: string]: string | null },
  token: string | undefined,
): { createdAt: string | null; id: string | null } | null {
  if (token === undefined) return { createdAt: null, id: null };
  const after = readPageToken(asked, token)?.after;
  if (!Array.isArray(after) || typeof after[0] !== 'string' || typeof after[1] !== 'string') return null;
  return { createdAt: after[0], id: after[1] };
}
