import { randomUUID } from 'node:crypto';
import { createProposal } from '../../store/create-proposal.ts';
import { createRevert } from '../../store/create-revert.ts';
import { recordReview } from '../../store/record-review.ts';
import { isRefusal } from '../../store/refusal.ts';
import { withTenantPrisma } from '../../store/sql.ts';
import type { BenchStack } from './bench-stack.ts';
import { proposer, reviewer } from './principals.ts';

/** Proposes and simulates. @returns the proposal's id. */
export async function propose(stack: BenchStack, actionType: string, parameters: Record<string, unknown>): Promise<string> {
  const created = await withTenantPrisma(stack.api, stack.tenant, (tx) =>
    createProposal(
      tx,
      { actionType, parameters: parameters as never, justification: 'benchmark', idempotencyKey: randomUUID(), proposer },
      stack.deps,
    ),
  );
  if (isRefusal(created)) throw new Error(`refused: ${JSON.stringify(created)}`);
  await stack.simulate(created.proposalId);
  return created.proposalId;
}

export async function proposeRevert(stack: BenchStack, proposalId: string): Promise<string> {
  const created = await withTenantPrisma(stack.api, stack.tenant, (tx) =>
    createRevert(tx, { proposalId, justification: 'benchmark', idempotencyKey: randomUUID(), proposer }, stack.deps),
  );
  if (isRefusal(created)) throw new Error(`refused: ${JSON.stringify(created)}`);
  return created.proposalId;
}

/** One person's approval on the digest that the simulation stored. */
export async function approve(stack: BenchStack, proposalId: string): Promise<void> {
  const { digest, status } = await stack.simulate(proposalId); // A repeat: returns what is stored.
  if (digest === null) throw new Error(`nothing to approve: ${status}`);
  const outcome = await withTenantPrisma(stack.api, stack.tenant, (tx) =>
    recordReview(tx, { proposalId, decision: 'approve', digest, reviewer }, stack.deps),
  );
  if (isRefusal(outcome)) throw new Error(`refused: ${JSON.stringify(outcome)}`);
}
