// What the audit log and its checkpoints ask: each with everything as it should be, and with one fact of it another.
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { auditEntry } from '../../audit/entry.ts';
import {
  type Attempt,
  type Case,
  craftedRows,
  digest,
  executionId,
  past,
  planId,
  proposal,
  proposalId,
  type Row,
  review,
  tenantId,
} from './crafted-rows.ts';

const { answerOf, each } = craftedRows();

describe('a checkpoint', () => {
  const at = (hours: number) => new Date(Date.UTC(2020, 0, 1, 0, 10) + hours * 3_600_000).toISOString();
  const checkpoint = (size: number, created_at: string): Row => ({
    ...{ size, root: `\\x${'00'.repeat(32)}`, created_at },
    note: `log/${tenantId}\n${size}\n${'A'.repeat(43)}=\n\n— log ${'A'.repeat(91)}=\n`,
  });
  const signed = (size: number, name = 'w'): Row => ({
    ...{ size, witness: `${name}+00000000`, cosigned_at: past },
    line: `— ${name} ${'A'.repeat(102)}==\n`,
  });
  const kept = 'XQ011: a checkpoint is kept until a later one takes its place';
  const recent = () => [checkpoint(1, new Date(Date.now() - 1).toISOString()), checkpoint(2, new Date().toISOString())];
  const forget = (...rows: [checkpoints: Row[], cosignatures?: Row[]]): Attempt => ({
    rows: { audit_checkpoint: rows[0], audit_cosignature: rows[1] ?? [] },
    call: 'DELETE FROM exequatur.audit_checkpoint WHERE size = 1',
  });
  each([
    ['is forgotten for a later one of its hour', 'none', () => forget([checkpoint(1, at(0)), checkpoint(2, at(0.5))])],
    ['is kept for a day', kept, () => forget(recent())],
    ['is kept where it is the last of its hour', kept, () => forget([checkpoint(1, at(0)), checkpoint(2, at(1))])],
    ['is kept where an earlier one is larger', kept, () => forget([checkpoint(1, at(0)), checkpoint(2, at(-0.1))])],
    [
      'is kept where a later one is smaller',
      kept,
      () => ({ ...forget([checkpoint(2, at(0)), checkpoint(1, at(0.5))]), call: 'DELETE FROM exequatur.audit_checkpoint WHERE size = 2' }),
    ],
    ['is kept for its witness', kept, () => forget([checkpoint(1, at(0)), checkpoint(2, at(0.5))], [signed(1)])],
    [
      'is kept for a witness who signed none of that hour later',
      kept,
      () => forget([checkpoint(1, at(0)), checkpoint(2, at(0.5))], [signed(1), signed(2, 'v')]),
    ],
    [
      'is kept for a witness who signed a later one in another hour',
      kept,
      () => forget([checkpoint(1, at(0)), checkpoint(2, at(0.5)), checkpoint(3, at(2))], [signed(1), signed(3)]),
    ],
    [
      'is kept for a witness of one that is not there',
      kept,
      () => forget([checkpoint(1, at(0)), checkpoint(2, at(0.5))], [signed(1), signed(3)]),
    ],
    [
      'is forgotten where its witness signed a later one',
      'none',
      () => forget([checkpoint(1, at(0)), checkpoint(2, at(0.5))], [signed(1), signed(2)]),
    ],
    ['is forgotten whoever signed others', 'none', () => forget([checkpoint(1, at(0)), checkpoint(2, at(0.5))], [signed(2)])],
    [
      'keeps its cosignatures',
      'XQ011: a cosignature stays as long as its checkpoint',
      () => ({
        rows: { audit_checkpoint: [checkpoint(1, at(0))], audit_cosignature: [signed(1)] },
        call: 'DELETE FROM exequatur.audit_cosignature',
      }),
    ],
    [
      'keeps no cosignature of another',
      'none',
      () => ({
        rows: { audit_checkpoint: [checkpoint(2, at(0))], audit_cosignature: [signed(1)] },
        call: 'DELETE FROM exequatur.audit_cosignature',
      }),
    ],
  ]);
});

describe('the audit log', () => {
  const append = (entry: object, rows: Attempt['rows'] = {}, by = 'append_entries'): Attempt => ({
    rows,
    call: `SELECT (exequatur.${by}($1::jsonb) > 0)::text`,
    values: [JSON.stringify([entry])],
  });
  const told = (type: string, facts: Record<string, string> = {}) => auditEntry({ type, proposalId, facts });
  const given = review('bo', { id: planId, created_at: past });
  const recorded = (more: Record<string, string> = {}) =>
    told('review.recorded', { reviewId: planId, decision: 'approve', planDigest: digest, ...more });
  const another = 'XQ015: an audit entry tells of another review than there is';
  const requirement = { policy: 'one', stages: [] };
  const simulated = (requirementTold: object, more: Record<string, string> = {}) =>
    auditEntry({
      type: 'proposal.simulated',
      proposalId,
      facts: { from: 'simulating', planDigest: digest, requirement: requirementTold as never, ...more },
    });
  const planned = (more: Row = {}) => ({
    proposal: [proposal({ status: 'awaiting_approval' })],
    plan: [
      { id: planId, proposal_id: proposalId, revision: 1, digest, bytes: 1, edits: 0, summary: {}, requirement, created_at: past, ...more },
    ],
  });
  const held = 'XQ015: an audit entry tells of another requirement than the plan has';
  const counted = (more: Row = {}) => ({ review_consumption: [{ review_id: planId, execution_id: executionId, ...more }] });
  const executed = (facts: Record<string, unknown>) =>
    auditEntry({ type: 'proposal.executed', proposalId, facts: { approvals: [{ review: planId }], ...facts } as never });
  const uncounted = 'XQ015: an audit entry names an approval that the door did not count';
  const disclosed = auditEntry({ type: 'x', facts: {}, personal: { who: 'ann' } });
  const outcome = 'XQ015: the door alone says what became of an execution';
  each([
    ['is told', 'true', () => append(told('x'))],
    ['is told by a login', 'true', () => append(told('x'), {}, 'append_audit')],
    ...['proposal.executed', 'execution.applied', 'execution.undone'].map(
      (type): Case => [`is told of ${type} by a login`, outcome, () => append(told(type), {}, 'append_audit')],
    ),
    [
      'is told by a login that it has changed',
      'XQ015: a migration alone says that the log has changed',
      () => append(told('log.format_changed'), {}, 'append_audit'),
    ],
    [
      'of the system is told by a login',
      'XQ015: the chain of the system has a writer of its own',
      () => ({
        ...append(told('x')),
        call: "WITH s AS MATERIALIZED (SELECT set_config('app.tenant', '00000000-0000-0000-0000-000000000000', true) AS x) SELECT CASE WHEN s.x <> '' THEN exequatur.append_audit($1::jsonb) END FROM s",
      }),
    ],
    [
      'of the system holds no more than it holds',
      'XQ015: the chain of the system does not hold x',
      () => ({ ...append(told('x')), call: 'SELECT exequatur.append_system($1::jsonb, 0)' }),
    ],
    [
      'of nobody',
      'XQ012: no tenant is set',
      () => ({
        ...append(told('x')),
        call: "WITH s AS MATERIALIZED (SELECT set_config('app.tenant', '', true) AS x) SELECT CASE WHEN s.x = '' THEN exequatur.append_entries($1::jsonb) END FROM s",
      }),
    ],
    [
      'has types as their payloads',
      'XQ015: an audit entry has another type or proposal than its payload',
      () => append({ ...told('x'), type: 'y' }),
    ],
    [
      'has proposals as their payloads',
      'XQ015: an audit entry has another type or proposal than its payload',
      () => append({ ...told('x'), proposalId: planId }),
    ],
    ['discloses', 'true', () => append(disclosed)],
    [
      'discloses what it did not commit to',
      'XQ015: an audit entry discloses what it did not commit to',
      () => append({ ...disclosed, disclosures: [{ ...disclosed.disclosures[0], value: '"bo"' }] }),
    ],
    [
      'discloses what is no value',
      'XQ015: an audit entry discloses what it did not commit to',
      () => append({ ...disclosed, disclosures: [{ ...disclosed.disclosures[0], value: 'bo' }] }),
    ],
    ['tells of a review', 'true', () => append(recorded(), { review: [given] })],
    ['tells of a review that there is not', another, () => append(recorded())],
    ['tells of another decision', another, () => append(recorded({ decision: 'reject' }), { review: [given] })],
    ['tells of another plan of a review', another, () => append(recorded({ planDigest: 'sha256:b' }), { review: [given] })],
    ['tells of a review of another proposal', another, () => append(recorded(), { review: [{ ...given, proposal_id: randomUUID() }] })],
    [
      'tells of a review twice',
      another,
      () => ({ ...append(recorded(), { review: [given] }), values: [JSON.stringify([recorded(), recorded()])] }),
    ],
    ['tells what was asked', 'true', () => append(simulated(requirement), planned())],
    ['tells something else than was asked', held, () => append(simulated({ policy: 'none' }), planned())],
    ['tells what another plan asked', held, () => append(simulated(requirement), planned({ digest: `sha256:${'b'.repeat(64)}` }))],
    ['tells what was asked, of what is sent back', 'true', () => append(simulated({ policy: 'none' }, { from: 'approved' }), planned())],
    ['tells of approvals', 'true', () => append(executed({ executionId }), counted())],
    ['tells of an approval that was not counted', uncounted, () => append(executed({ executionId }))],
    [
      'tells of an approval that another execution counted',
      uncounted,
      () => append(executed({ executionId }), counted({ execution_id: randomUUID() })),
    ],
    ['tells of approvals of no execution', uncounted, () => append(executed({}))],
  ]);

  it.each([
    ['{"a": 1, "b": ["x", true, null]}', '{"a":1,"b":["x",true,null]}'],
    ['{"a": 1.5}', 'XQ015: an audit entry holds whole numbers, not 1.5'],
    ['{"a": 1e20}', 'XQ015: an audit entry holds whole numbers, not 100000000000000000000'],
  ])('writes %s', async (value, text) => {
    expect(await answerOf({ rows: {}, call: 'SELECT exequatur.canonical_facts($1::jsonb)', values: [value] })).toBe(text);
  });
});
