import type { ProposalStatus } from '../ontology/lifecycle.ts';
import { type ProposalRecord, selectProposalRecord } from './proposal-view.ts';
import type { Sql } from './sql.ts';

const selectOne = `${selectProposalRecord('p.parameters', 'exequatur.proposal')} WHERE p.id = $1::uuid`;

/** Null when there is no such proposal. */
export async function readStatus(tx: Sql, proposalId: string): Promise<ProposalStatus | null> {
  const [row] = await tx.rows<{ status: ProposalStatus }>('SELECT p.status FROM exequatur.proposal p WHERE p.id = $1::uuid', [proposalId]);
  return row?.status ?? null;
}

export async function readProposalRecord(tx: Sql, proposalId: string): Promise<ProposalRecord | null> {
  const [record] = await tx.rows<ProposalRecord>(selectOne, [proposalId]);
  return record ?? null;
}
