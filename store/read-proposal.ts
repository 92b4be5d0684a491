import type { Actor } from '../ontology/authority.ts';
import { type ProposalRecord, type ProposalView, proposalView, selectProposalRecord } from './proposal-view.ts';
import type { Sql } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

const selectOne = `${selectProposalRecord('p.parameters', 'exequatur.proposal')} WHERE p.id = $1::uuid`;

/** One proposal as this viewer sees it: what it is, and what the viewer may do with it. Null when there is none. */
export async function readProposal(
  tx: Sql,
  proposalId: string,
  viewer: Actor,
  deps: Pick<StoreDeps, 'decide'>,
): Promise<ProposalView | null> {
  const record = await readProposalRecord(tx, proposalId);
  return record === null ? null : proposalView(record, viewer, deps.decide);
}

export async function readProposalRecord(tx: Sql, proposalId: string): Promise<ProposalRecord | null> {
  const [record] = await tx.rows<ProposalRecord>(selectOne, [proposalId]);
  return record ?? null;
}
