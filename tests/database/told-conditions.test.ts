// What the log asks of an entry on a proposal: each with everything as it should be, and with one fact of it another.
import { describe } from 'vitest';
import {
  type Attempt,
  craftedRows,
  digest,
  executionId,
  future,
  past,
  planId,
  proposalId,
  type Row,
  type Rows,
  review,
} from './crafted-rows.ts';
import { append, entryRow, moved, told, unfollowed } from './log-rows.ts';

const { each } = craftedRows();
const yesterday = '2020-01-02T00:00:00Z';

describe('that a proposal is created', () => {
  const begun = (more: Row = {}): Rows => ({ ...moved('simulating', more), audit_entry: [] });
  const created = (facts = {}, personal = {}) => told('proposal.created', facts, { proposer: 'ann', ...personal });
  each([
    ['where it begins', 'true', () => append(created({ status: 'simulating' }), begun())],
    ['somewhere else', unfollowed, () => append(created({ status: 'approved' }), begun())],
    ['a second time', unfollowed, () => append(created(), moved('simulating', {}, 'proposal.created'))],
    ['for whom its proposer acts', 'true', () => append(created({}, { actsFor: 'bo' }), begun({ acts_for: 'bo' }))],
    ['for somebody else', unfollowed, () => append(created({}, { actsFor: 'bo' }), begun({ acts_for: 'cy' }))],
    ['for nobody, where its proposer acts for somebody', unfollowed, () => append(created(), begun({ acts_for: 'bo' }))],
  ]);
});

describe('that a proposal moves', () => {
  const approved = (facts: Record<string, string>) => told('proposal.approved', { status: 'approved', ...facts });
  const revised = (revision: number) => told('proposal.revised', { from: 'awaiting_approval', status: 'simulating', revision });
  const raised = (revision: number) => told('proposal.raised', { revision });
  const again = (status: string, stands: string) => moved(status, { revision: 2 }, stands);
  const third = { proposal: moved('simulating', { revision: 3 }).proposal ?? [] };
  const following = (type: string): Rows => ({
    ...again('simulating', 'proposal.created'),
    audit_entry: [entryRow(1, 'proposal.created'), entryRow(2, type, { revision: 2 })],
    audit_head: [{ seq: 2, hash: `\\x${'00'.repeat(32)}` }],
  });
  each([
    ['from where it was', 'true', () => append(approved({ from: 'awaiting_approval' }), moved('approved'))],
    ['from nowhere', unfollowed, () => append(approved({}), moved('approved'))],
    [
      'from where no edge leads there',
      unfollowed,
      () => append(told('proposal.scheduled', { from: 'awaiting_approval', status: 'scheduled' }), moved('scheduled')),
    ],
    ['with a new revision', 'true', () => append(revised(2), again('simulating', 'proposal.simulated'))],
    ['with another revision than it has', unfollowed, () => append(revised(3), again('simulating', 'proposal.simulated'))],
    ['is raised', 'true', () => append(raised(2), again('simulating', 'proposal.created'))],
    ['is raised to another revision than it has', unfollowed, () => append(raised(3), again('simulating', 'proposal.created'))],
    ['is raised to a revision that it had', unfollowed, () => append(raised(2), following('proposal.raised'))],
    ['is raised to a revision that something else has named', 'true', () => append(raised(2), following('proposal.reminded'))],
    ['is raised to a revision after one that it had', 'true', () => append(raised(3), { ...following('proposal.raised'), ...third })],
    ['is raised while it awaits approval', unfollowed, () => append(raised(2), again('awaiting_approval', 'proposal.simulated'))],
  ]);
});

describe('of an execution', () => {
  const applied = told('execution.applied', { executionId });
  const executed = (facts: Record<string, unknown> = {}) =>
    told('proposal.executed', { status: 'executed', executionId, ...facts } as never);
  const afterEdits: Rows = {
    ...moved('executed', {}, 'proposal.executing'),
    audit_entry: [entryRow(1, 'proposal.executing'), entryRow(2, 'execution.applied')],
    audit_head: [{ seq: 2, hash: `\\x${'00'.repeat(32)}` }],
    review_consumption: [{ review_id: planId, execution_id: executionId }],
  };
  each([
    ['whose edits are applied', 'true', () => append(applied, moved('executing', {}, 'proposal.executing'))],
    ['that has not begun', unfollowed, () => append(applied, moved('awaiting_approval'))],
    ['whose edits were applied', 'true', () => append(executed(), afterEdits)],
    ['whose edits were applied, with approvals again', unfollowed, () => append(executed({ approvals: [{ review: planId }] }), afterEdits)],
  ]);
});

describe('of what is asked of people', () => {
  const awaiting = (rows: Rows): Rows => ({ ...moved('awaiting_approval'), ...rows });
  const glass = (more: Row = {}): Rows =>
    awaiting({
      glass: [{ id: executionId, proposal_id: proposalId, revision: 1, digest, broken_by: 'bo', reason: 'fire', broken_at: past, ...more }],
    });
  const broken = told('proposal.glass_broken', { planDigest: digest }, { actor: 'bo' });
  const prompt = (more: Row = {}): Rows =>
    awaiting({ prompt: [{ plan_id: planId, kind: 'escalation', since: past, number: 1, sent_at: past, ...more }] });
  const escalated = told('proposal.escalated');
  const appendLater = (entry: object, table: string, { [table]: earlier = [], ...rows }: Rows): Attempt => ({
    ...append(entry, rows),
    earlier: { [table]: earlier },
  });
  const recorded = (personal: Record<string, string> = {}) =>
    told('review.recorded', { reviewId: planId, decision: 'approve', planDigest: digest }, { reviewer: 'bo', ...personal });
  const given = (more: Row = {}, ...others: Row[]): Rows =>
    awaiting({ review: [review('bo', { id: planId, created_at: past, ...more }), ...others] });
  const forCy = { on_behalf_of: 'cy', delegation_id: 'd' };
  each([
    ['a glass', 'true', () => append(broken, glass())],
    ['a glass of another plan', unfollowed, () => append(broken, glass({ digest: `sha256:${'b'.repeat(64)}` }))],
    ['a glass that is broken later', unfollowed, () => append(broken, glass({ broken_at: future }))],
    ['a glass that was broken in an earlier transaction', unfollowed, () => appendLater(broken, 'glass', glass())],
    ['a glass that somebody else broke', unfollowed, () => append(broken, glass({ broken_by: 'cy' }))],
    ['an escalation', 'true', () => append(escalated, prompt())],
    [
      'an escalation of what is approved',
      unfollowed,
      () => append(escalated, { ...prompt(), ...moved('approved', {}, 'proposal.approved') }),
    ],
    ['a reminder as an escalation', unfollowed, () => append(escalated, prompt({ kind: 'reminder' }))],
    ['an escalation that comes later', unfollowed, () => append(escalated, prompt({ sent_at: future }))],
    ['an escalation of an earlier transaction', unfollowed, () => appendLater(escalated, 'prompt', prompt())],
    ['an escalation of another plan', unfollowed, () => append(escalated, prompt({ plan_id: executionId }))],
    ['a review', 'true', () => append(recorded(), given())],
    ['a review of what is approved', unfollowed, () => append(recorded(), { ...given(), ...moved('approved', {}, 'proposal.approved') })],
    ['a review that is given later', unfollowed, () => append(recorded(), given({ created_at: future }))],
    ['a review of somebody else', unfollowed, () => append(recorded(), given({ reviewer_id: 'cy' }))],
    ['a review for somebody', 'true', () => append(recorded({ onBehalfOf: 'cy' }), given(forCy))],
    ['a review for nobody, that was for somebody', unfollowed, () => append(recorded(), given(forCy))],
    ['a review before a later one of somebody else', 'true', () => append(recorded(), given({}, review('cy', { created_at: yesterday })))],
    [
      'a review before a later one of its reviewer',
      unfollowed,
      () => append(recorded(), given({}, review('bo', { created_at: yesterday }))),
    ],
    [
      'a review before a later one for its reviewer',
      unfollowed,
      () => append(recorded(), given({}, review('cy', { created_at: yesterday, on_behalf_of: 'bo', delegation_id: 'd' }))),
    ],
    [
      'a review after an earlier one of its reviewer',
      'true',
      () => append(recorded(), given({ created_at: yesterday }, review('bo', { created_at: past }))),
    ],
  ]);
});
