// What the audit log and its checkpoints ask: each with everything as it should be, and with one fact of it another.
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { auditEntry, commitmentTo } from '../../audit/entry.ts';
import { decisionText, type TakenDecision } from '../../store/decision-text.ts';
import {
  type Attempt,
  type Case,
  craftedRows,
  digest,
  executionId,
  logUpTo,
  past,
  planId,
  proposal,
  proposalId,
  type Row,
  review,
  tenantId,
} from './crafted-rows.ts';
import { append, entryRow, moved, told, unfollowed } from './log-rows.ts';

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
  const given = review('bo', { id: planId, created_at: past });
  const recorded = (more: Record<string, string> = {}) =>
    auditEntry({
      type: 'review.recorded',
      proposalId,
      facts: { reviewId: planId, decision: 'approve', planDigest: digest, ...more },
      personal: { reviewer: 'bo' },
    });
  const another = 'XQ015: an audit entry tells of another review than there is';
  const requirement = { policy: 'one', stages: [] };
  const simulated = (requirementTold: object, more: Record<string, string> = {}) =>
    auditEntry({
      type: 'proposal.simulated',
      proposalId,
      facts: { from: 'simulating', status: 'awaiting_approval', planDigest: digest, requirement: requirementTold as never, ...more },
    });
  const planned = (more: Row = {}, stands = 'proposal.created') => ({
    ...logUpTo(stands),
    proposal: [proposal({ status: 'awaiting_approval' })],
    plan: [
      { id: planId, proposal_id: proposalId, revision: 1, digest, bytes: 1, edits: 0, summary: {}, requirement, created_at: past, ...more },
    ],
  });
  const held = 'XQ015: an audit entry tells of another requirement than the plan has';
  const begun = { ...logUpTo('proposal.executing'), proposal: [proposal({ status: 'executed' })] };
  const counted = (more: Row = {}) => ({ ...begun, review_consumption: [{ review_id: planId, execution_id: executionId, ...more }] });
  const executed = (facts: Record<string, unknown>) =>
    auditEntry({
      type: 'proposal.executed',
      proposalId,
      facts: { status: 'executed', approvals: [{ review: planId }], ...facts } as never,
    });
  const uncounted = 'XQ015: an audit entry names an approval that the door did not count';
  const disclosed = auditEntry({ type: 'switch.changed', facts: {}, personal: { who: 'ann' } });
  const undisclosed = 'XQ015: an audit entry discloses what it did not commit to';
  const uncommitted = 'XQ015: an audit entry commits to what it does not disclose';
  const salt = 'ab'.repeat(16);
  const committing = (commitments: unknown) => ({ ...disclosed, payload: JSON.stringify({ type: 'switch.changed', commitments }) });
  const disclosing = (who: string, salt?: string, value = '"ann"') => ({
    ...committing({ who }),
    disclosures: [{ name: 'who', salt, value }],
  });
  const commitment = 'ab'.repeat(32);
  const undecided = 'XQ015: an audit entry tells of decisions, and not of new ones';
  const deciding = (decisions: unknown) => {
    const { payload, ...entry } = told('proposal.reminded');
    return { ...entry, id: randomUUID(), payload: payload.replace('{', `{"decisions":${JSON.stringify(decisions)},`) };
  };
  const following = (payload: string) => ({ audit_entry: [entryRow(1, 'proposal.simulated', payload)] });
  const both = auditEntry({ type: 'switch.changed', facts: {}, personal: { who: 'ann', why: 'late' } });
  const shouted = {
    ...told('proposal.reminded'),
    payload: JSON.stringify({ type: 'proposal.reminded', proposalId: `{${proposalId}}` }),
    proposalId: `{${proposalId}}`,
  };
  const nested = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as never;
  const approved = (more: Record<string, string> = {}) =>
    told('proposal.approved', { from: 'awaiting_approval', status: 'approved', ...more });
  const outcome = 'XQ015: the door alone says what became of an execution';
  each([
    ['is told', 'true', () => append(told('proposal.reminded'))],
    ['is told by a login', 'true', () => append(told('proposal.reminded'), {}, 'append_audit')],
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
        ...append(told('proposal.reminded')),
        call: "WITH s AS MATERIALIZED (SELECT set_config('app.tenant', '00000000-0000-0000-0000-000000000000', true) AS x) SELECT CASE WHEN s.x <> '' THEN exequatur.append_audit($1::jsonb) END FROM s",
      }),
    ],
    [
      'of the system holds no more than it holds',
      'XQ015: the chain of the system does not hold proposal.reminded',
      () => ({ ...append(told('proposal.reminded')), call: 'SELECT exequatur.append_system($1::jsonb, 0)' }),
    ],
    [
      'of nobody',
      'XQ012: no tenant is set',
      () => ({
        ...append(told('proposal.reminded')),
        call: "WITH s AS MATERIALIZED (SELECT set_config('app.tenant', '', true) AS x) SELECT CASE WHEN s.x = '' THEN exequatur.append_entries($1::jsonb) END FROM s",
      }),
    ],
    [
      'has types as their payloads',
      'XQ015: an audit entry has another type or proposal than its payload',
      () => append({ ...told('proposal.reminded'), type: 'effect.ended' }),
    ],
    [
      'has proposals as their payloads',
      'XQ015: an audit entry has another type or proposal than its payload',
      () => append({ ...told('proposal.reminded'), proposalId: planId }),
    ],
    ['is an object', 'XQ015: the payload of an audit entry is no object', () => append({ ...told('proposal.reminded'), payload: '[]' })],
    [
      'has each name once',
      'XQ015: the payload of an audit entry is no object',
      () => append({ ...disclosed, payload: disclosed.payload.replace('{', '{"type":"x",') }),
    ],
    [
      'of no proposal is of a type that there is',
      'XQ015: the log does not take x from this login',
      () => append(auditEntry({ type: 'x', facts: {} })),
    ],
    [
      'of a proposal says nothing of the log',
      'XQ015: the log does not take log.format_changed from this login',
      () => append(told('log.format_changed')),
    ],
    ['is of a type that there is', 'XQ015: the log does not take x from this login', () => append(told('x'))],
    [
      'is of a type that this login tells',
      'XQ015: the log does not take review.recorded from this login',
      () => ({ ...append(recorded(), {}, 'append_audit'), as: 'worker' }),
    ],
    ['is of a proposal', 'XQ015: an audit entry is of no proposal', () => append(auditEntry({ type: 'proposal.reminded', facts: {} }))],
    ['is of a proposal that was created', unfollowed, () => append(told('proposal.reminded'), { audit_entry: [] })],
    ['is of a proposal as it is written', unfollowed, () => append(shouted)],
    [
      'is as deep as anybody writes',
      'XQ015: an audit entry is nested too deep',
      () => append(auditEntry({ type: 'switch.changed', facts: { deep: nested(600) } })),
    ],
    ['is deeper where it is short', 'true', () => append(auditEntry({ type: 'switch.changed', facts: { deep: nested(300) } }))],
    [
      'discloses what is as deep as anybody writes',
      'XQ015: an audit entry is nested too deep',
      () => append(auditEntry({ type: 'switch.changed', facts: {}, personal: { change: nested(600) } })),
    ],
    ['moves where the proposal is', 'true', () => append(approved(), moved('approved'))],
    [
      'moves where the proposal is not',
      'XQ015: an audit entry tells that a proposal is where it is not',
      () => append(approved(), moved('rejected')),
    ],
    ['moves from where it was', unfollowed, () => append(approved({ from: 'simulating' }), moved('approved'))],
    ['moves to what it says', unfollowed, () => append(approved({ status: 'scheduled' }), moved('approved'))],
    ['moves nowhere and says where', unfollowed, () => append(told('proposal.reminded', { status: 'approved' }))],
    [
      'is revised once',
      unfollowed,
      () => append(told('proposal.raised', { revision: '2' }), moved('simulating', { revision: 2 }, 'proposal.created')),
    ],
    ['tells of an escalation that there was not', unfollowed, () => append(told('proposal.escalated'), moved('awaiting_approval'))],
    [
      'tells of a glass that nobody broke',
      unfollowed,
      () =>
        append(
          auditEntry({ type: 'proposal.glass_broken', proposalId, facts: { planDigest: digest }, personal: { actor: 'bo' } }),
          moved('awaiting_approval'),
        ),
    ],
    [
      'is created by another than it says',
      unfollowed,
      () =>
        append(auditEntry({ type: 'proposal.created', proposalId, facts: {}, personal: { proposer: 'bo' } }), {
          ...moved('simulating'),
          audit_entry: [],
        }),
    ],
    [
      'is created by whom it says',
      'true',
      () =>
        append(auditEntry({ type: 'proposal.created', proposalId, facts: {}, personal: { proposer: 'ann' } }), {
          ...moved('simulating'),
          audit_entry: [],
        }),
    ],
    ['commits to a decision', 'true', () => append(deciding([commitment]))],
    ...[commitment, [1], ['x'], [commitment, commitment]].map(
      (decisions): Case => [`commits to ${JSON.stringify(decisions)}`, undecided, () => append(deciding(decisions))],
    ),
    ['commits to a decision that an earlier one commits to', undecided, () => append([deciding([commitment]), deciding([commitment])])],
    [
      'commits to a decision that an earlier one commits to in other characters',
      undecided,
      () => append(deciding([commitment]), following(`{"decisions":["\\u0061${commitment.slice(1)}"]}`)),
    ],
    [
      'commits to a decision that an earlier one names',
      'true',
      () => append(deciding([commitment]), following(`{"note":"${commitment}"}`)),
    ],
    [
      'commits to a decision on nothing',
      undecided,
      () => append({ ...disclosed, payload: disclosed.payload.replace('{', `{"decisions":["${commitment}"],`) }),
    ],
    ['discloses', 'true', () => append(disclosed)],
    ['discloses all that it commits to', uncommitted, () => append({ ...disclosed, disclosures: [] })],
    ['discloses each of what it commits to', uncommitted, () => append({ ...both, disclosures: both.disclosures.slice(1) })],
    ['discloses each once', undisclosed, () => append({ ...disclosed, disclosures: [...disclosed.disclosures, ...disclosed.disclosures] })],
    ['discloses with the salt that it committed with', 'true', () => append(disclosing(commitmentTo(salt, '"ann"'), salt))],
    ...[salt.toUpperCase(), 'ab', undefined].map(
      (given): Case => [
        `discloses with ${given} for a salt`,
        undisclosed,
        () => append(disclosing(commitmentTo(given ?? '', '"ann"'), given)),
      ],
    ),
    ['discloses what is no value', undisclosed, () => append(disclosing(commitmentTo(salt, 'ann'), salt, 'ann'))],
    ['discloses what is no list', undisclosed, () => append({ ...disclosed, disclosures: {} })],
    ['discloses nothing that is there', undisclosed, () => append({ ...disclosed, disclosures: null })],
    ['commits to what has no name', uncommitted, () => append({ ...committing(5), disclosures: [] })],
    [
      'discloses who somebody is as a text',
      undisclosed,
      () => append(auditEntry({ type: 'switch.changed', facts: {}, personal: { actor: ['ann'] } })),
    ],
    [
      'discloses what it did not commit to',
      undisclosed,
      () => append({ ...disclosed, disclosures: [{ ...disclosed.disclosures[0], value: '"bo"' }] }),
    ],
    ['tells of a review', 'true', () => append(recorded(), { review: [given] })],
    ['tells of a review that there is not', unfollowed, () => append(recorded())],
    [
      'tells of a review that there is not, where there is another one',
      unfollowed,
      () => append(recorded(), { review: [{ ...given, id: proposalId }] }),
    ],
    ['tells of another decision', another, () => append(recorded({ decision: 'reject' }), { review: [given] })],
    ['tells of another plan of a review', another, () => append(recorded({ planDigest: 'sha256:b' }), { review: [given] })],
    ['tells of a review of another proposal', another, () => append(recorded(), { review: [{ ...given, proposal_id: randomUUID() }] })],
    [
      'tells of a review of another proposal, where this one has its like',
      another,
      () => append(recorded(), { review: [{ ...given, proposal_id: randomUUID() }, review('cy', { id: proposalId, created_at: past })] }),
    ],
    ['tells of a review twice', another, () => append([recorded(), recorded()], { review: [given] })],
    ['tells what was asked', 'true', () => append(simulated(requirement), planned())],
    ['tells something else than was asked', held, () => append(simulated({ policy: 'none' }), planned())],
    ['tells what another plan asked', held, () => append(simulated(requirement), planned({ digest: `sha256:${'b'.repeat(64)}` }))],
    [
      'tells what was asked, of what is sent back',
      'true',
      () => append(simulated({ policy: 'none' }, { from: 'approved' }), planned({}, 'proposal.approved')),
    ],
    ['tells of approvals', 'true', () => append(executed({ executionId }), counted())],
    ['tells of an approval that was not counted', uncounted, () => append(executed({ executionId }), begun)],
    [
      'tells of an approval that another execution counted',
      uncounted,
      () => append(executed({ executionId }), counted({ execution_id: randomUUID() })),
    ],
    ['tells of approvals of no execution', uncounted, () => append(executed({}), begun)],
  ]);

  it.each([
    ['{"a": 1, "b": ["x", true, null]}', '{"a":1,"b":["x",true,null]}'],
    ['{"a": 1.5}', 'XQ015: an audit entry holds whole numbers, not 1.5'],
    ['{"a": 1e20}', 'XQ015: an audit entry holds whole numbers, not 100000000000000000000'],
    [
      '{"bb": [1], "a": [{"d": [], "c": {}}, "x, y: z"], "b": [["x"], [true]]}',
      '{"a":[{"c":{},"d":[]},"x, y: z"],"b":[["x"],[true]],"bb":[1]}',
    ],
    ['{"a": [1.5]}', 'XQ015: an audit entry holds whole numbers, not 1.5'],
    ['{"a": [{"b": 1.5}]}', 'XQ015: an audit entry holds whole numbers, not 1.5'],
  ])('writes %s', async (value, text) => {
    expect(await answerOf({ rows: {}, call: 'SELECT exequatur.canonical_facts($1::jsonb)', values: [value] })).toBe(text);
  });

  const decision: TakenDecision = {
    ...{ id: planId, proposalId, actor: 'ann', action: 'propose', outcome: 'allowed', reason: null, revision: 1, digest: null },
    ...{ policyVersion: 0, policies: [], errors: [], details: {} },
  };
  it.each<[string, Partial<TakenDecision>]>([
    ['nothing in particular', {}],
    ['other characters', { actor: 'a"n\\n\u0001\u00e9\u{1F600}/', reason: 'l\ni\tn', policies: ['"', 'b, c'], errors: ['x: "y"'] }],
    [
      'what is longer',
      { digest, revision: 12, policyVersion: 34, details: { stages: [{ name: 's', needed: [1, 2] }], b: null, aa: [true] } },
    ],
  ])('commits to a decision as whoever takes it does, with %s', async (_, more) => {
    const { proposalId: proposal_id, policyVersion: policy_version, ...rest } = { ...decision, ...more };
    const salt = '00'.repeat(16);
    expect(
      await answerOf({
        rows: {},
        call: 'SELECT exequatur.commitment_to(jsonb_populate_record(NULL::exequatur.decision, $1))',
        values: [JSON.stringify({ ...rest, proposal_id, policy_version, salt: `\\x${salt}` })],
      }),
    ).toBe(commitmentTo(salt, decisionText({ ...decision, ...more })));
  });
});
