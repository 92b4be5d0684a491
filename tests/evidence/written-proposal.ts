// The entries of one proposal as an honest server writes them, for whoever writes them otherwise.
import type { JsonObject, JsonValue } from '../../ontology/json.ts';
import type { Written } from './signed-log.ts';

export const digest = `sha256:${'a'.repeat(64)}`;
export const otherDigest = `sha256:${'b'.repeat(64)}`;
export const threshold = (role: string, needed = 1) => ({
  name: role,
  needed,
  toleratedDenials: 0,
  reviewers: `'${role}' in reviewer.roles`,
});
export const asks = (stages: JsonValue[], more: JsonObject = {}): JsonObject => ({
  policy: 'p',
  automatic: false,
  distinctReviewers: true,
  expiresAfter: 'PT1H',
  stages,
  ...more,
});
export const requirement = asks([
  { name: 'keepers', thresholds: [threshold('keeper')] },
  { name: 'safety', thresholds: [threshold('officer')] },
]);
export const approvals = [
  { review: 'r1', person: 1, roles: ['keeper'] },
  { review: 'r2', person: 2, roles: ['officer'] },
];

export const created: Written = { type: 'proposal.created', personal: { proposer: 'agent-1', actsFor: 'planner-1' } };
export const simulated = (planDigest = digest, asked: JsonObject = { requirement }): Written => ({
  type: 'proposal.simulated',
  facts: { from: 'simulating', status: 'awaiting_approval', planDigest, ...asked },
});
export const review = (reviewId: string, reviewer: string, more: JsonObject = {}, personal = {}): Written => ({
  type: 'review.recorded',
  facts: { reviewId, decision: 'approve', planDigest: digest, ...more },
  personal: { reviewer, ...personal },
});
export const move = (from: string, status: string, type = `proposal.${status}`): Written => ({
  type,
  facts: { from, status, planDigest: digest },
});
export const ran = (type: 'proposal.executed' | 'execution.applied', facts: JsonObject = {}): Written => ({
  type,
  facts: {
    executionId: 'x',
    status: type === 'proposal.executed' ? 'executed' : 'executing',
    planDigest: digest,
    requirement,
    approvals,
    ...facts,
  },
});
export const ended = (facts: JsonObject = {}): Written => ({
  type: 'proposal.executed',
  facts: { executionId: 'x', status: 'executed', planDigest: digest, ...facts },
});
export const undone: Written = { type: 'execution.undone', facts: { executionId: 'x', planDigest: digest } };
export const changed: Written = {
  type: 'log.format_changed',
  facts: { tells: ['requirement', 'approvals'] },
  proposalId: null,
};

export const asked: Written[] = [created, simulated()];
export const reviews: Written[] = [review('r1', 'keeper-1'), review('r2', 'officer-1')];
export const begun: Written[] = [move('awaiting_approval', 'approved'), move('approved', 'executing')];
export const approved: Written[] = [...asked, ...reviews, ...begun];
export const plain: Written[] = [...approved, ran('proposal.executed')];
export const applied: Written[] = [...approved, ran('execution.applied')];
export const turned: Written[] = [move('executing', 'compensating')];
export const backToSimulation: Written[] = [...turned, move('compensating', 'simulating')];

/** The same log with another entry in the place of one. */
export const replaced = (log: readonly Written[], index: number, change: Partial<Written>): Written[] =>
  log.map((entry, at) => (at === index ? { ...entry, ...change } : entry));
export const told = (entry: Written | undefined, facts: JsonObject): Partial<Written> => ({ facts: { ...entry?.facts, ...facts } });
export const without = (entry: Written | undefined, ...names: string[]): Partial<Written> => ({
  facts: Object.fromEntries(Object.entries(entry?.facts ?? {}).filter(([name]) => !names.includes(name))),
});
export const last = (log: readonly Written[], change: (entry: Written | undefined) => Partial<Written>): Written[] =>
  replaced(log, log.length - 1, change(log.at(-1)));
