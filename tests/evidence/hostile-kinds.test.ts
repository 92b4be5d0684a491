// Logs by whoever holds the signing key, that write people, reviews and proposals as another kind of JSON than they are, so that nobody sees who is who. No database: tests/evidence/signed-log.ts.
import { expect, it } from 'vitest';
import type { JsonValue } from '../../ontology/json.ts';
import { saidOf, signedExport, verdictOn, type Written } from './signed-log.ts';
import {
  approvals,
  asks,
  begun,
  created,
  digest,
  last,
  plain,
  ran,
  replaced,
  review,
  simulated,
  threshold,
  told,
  without,
} from './written-proposal.ts';

const tellsOf = (approval: object, more: object = {}): Written[] =>
  last(plain, (entry) => told(entry, { approvals: [{ ...approvals[0], ...approval }, approvals[1]] as JsonValue, ...more }));
const oddlyNamed = (value: JsonValue): Written[] => replaced(plain, 3, { personal: { reviewer: value } });
const untold = 'says whose approval a plan needs, and not as that is told';
const said = 'entry 7: was executed, but those by whose approval are not told as people are';

it('an honest log passes, also with teams as texts and as pairs', async () => {
  expect(await verdictOn(plain)).toMatchObject({ executions: 1, unjudged: 0 });
  expect(await verdictOn(tellsOf({ teams: ['day'] }))).toMatchObject({ executions: 1, unjudged: 0 });
  expect(await verdictOn(tellsOf({ teams: [[0, 'day']] }))).toMatchObject({ executions: 1, unjudged: 0 });
});

it.each<[string, JsonValue]>([
  ['in a list', ['keeper-1']],
  ['in an object', { id: 'keeper-1' }],
  ['as a number', 5],
  ['as nothing', null],
])('nobody is disclosed %s', async (_, value) => {
  expect(await verdictOn(oddlyNamed(value))).toBe('entry 4: what is disclosed as reviewer is no text, as who somebody is has to be');
  const proposed = replaced(plain, 0, { personal: { proposer: value } });
  expect(await verdictOn(proposed)).toMatch(/^entry 1: what is disclosed as proposer is no text/);
  const broken: Written = { type: 'proposal.glass_broken', facts: { planDigest: digest }, personal: { actor: value } };
  expect(await verdictOn([created, simulated(), broken])).toMatch(/^entry 3: what is disclosed as actor is no text/);
});

it.each<[string, Written[]]>([
  ['a person as a text', tellsOf({ person: '2' })],
  ['a person as a list', tellsOf({ person: [2] })],
  ['half a person', tellsOf({ person: 1.5 })],
  ['less than nobody', tellsOf({ person: -1 })],
  ['a person as a number that no two programs read alike', tellsOf({ person: 2 ** 53 })],
  ['a delegate as a text', tellsOf({ delegate: '3' })],
  ['roles as a text that has one in it', tellsOf({ roles: 'xkeeperx' })],
  ['no roles', tellsOf({ roles: null })],
  ['a role in a list of its own', tellsOf({ roles: [['keeper']] })],
  ['teams as a text', tellsOf({ teams: 'day' })],
  ['a team as a number', tellsOf({ teams: [1] })],
  ['a review as a list', tellsOf({ review: ['r1'] })],
  ['denials of a person as a text', tellsOf({}, { denials: [{ review: 'r1', person: '1', roles: [] }] })],
  ['whoever broke the glass as a text', tellsOf({}, { emergency: { person: '3', roles: [] } })],
  ['an escalation as a text', tellsOf({}, { escalated: 'false' })],
  ['roles of whoever broke the glass as a text', tellsOf({}, { emergency: { person: 3, roles: 'chief' } })],
])('broken is %s', async (_, log) => {
  expect(await verdictOn(log)).toBe(said);
});

it('broken is a review that has no number', async () => {
  const log = replaced(plain, 2, told(plain[2], { reviewId: 1 }));
  expect(await verdictOn(log)).toBe('entry 3: tells of a review, and not of which');
});

it.each<[string, JsonValue | undefined]>([
  ['none', undefined],
  ['nothing', null],
  ['a number', 5],
  ['a list of one', ['0b5d2b04-9c62-4c0e-8f0c-3c5d6f1b7a11']],
  ['one in upper case', '0B5D2B04-9C62-4C0E-8F0C-3C5D6F1B7A11'],
  ['one in braces', '{0b5d2b04-9c62-4c0e-8f0c-3c5d6f1b7a11}'],
  ['an empty one', ''],
])('what is of a proposal names it, and not %s', async (_, proposalId) => {
  const facts = { executionId: 'x', approvals: [], reviewId: 'r9', ...(proposalId === undefined ? {} : { proposalId }) };
  for (const type of ['proposal.created', 'proposal.executed', 'execution.applied', 'execution.undone', 'review.recorded', 'proposal.any'])
    expect(await verdictOn([...plain, { type, facts, proposalId: null }]), type).toBe(`entry 8: is ${type}, and of no proposal`);
});

it('what may be of a proposal or not names one as all do', async () => {
  for (const proposalId of [null, 5, 'x', ['0b5d2b04-9c62-4c0e-8f0c-3c5d6f1b7a11']])
    expect(await verdictOn([...plain, { type: 'effect.ended', facts: { proposalId }, proposalId: null }])).toBe(
      'entry 8: is effect.ended, and of no proposal',
    );
});

it('a state is a text, also where nobody knows the one before', async () => {
  const log = [...plain.slice(0, 5), { type: 'proposal.executing', facts: { from: ['approved'], status: 'executing' } }, ...plain.slice(6)];
  expect(await saidOf(await signedExport(log, { from: 6 }))).toBe('entry 6: a proposal in approved cannot become executing');
});

it('how long an approval lasts is a text', async () => {
  const lasting = (approvalsLast: JsonValue): Written[] => {
    const requirement = asks([{ name: 'keepers', thresholds: [threshold('keeper')] }], { approvalsLast });
    const executed = ran('proposal.executed', { requirement, approvals: [{ review: 'r1', person: 1, roles: ['keeper'] }] });
    return [created, simulated(digest, { requirement }), review('r1', 'keeper-1'), ...begun, executed];
  };
  expect(await verdictOn(lasting('P1D'))).toMatchObject({ executions: 1 });
  expect(await verdictOn(lasting(['P1D']))).toMatch(/^entry 6: was executed, but what its plan asks for is not formed/);
});

it('what is of no proposal names none', async () => {
  const others = ['log.format_changed', 'policies.changed', 'proposals', 'login.refused', 'execution'].map(
    (type): Written => ({ type, proposalId: null }),
  );
  expect(await verdictOn([...plain, ...others])).toMatchObject({ entries: 12, executions: 1 });
});

it('a requirement that asks nobody is not formed, unless policy alone approves', async () => {
  const by = (requirement: ReturnType<typeof asks>): Written[] => [
    created,
    simulated(digest, { requirement }),
    ...begun,
    ran('proposal.executed', { requirement, approvals: [] }),
  ];
  expect(await verdictOn(by(asks([], { automatic: true })))).toMatchObject({ executions: 1, unjudged: 0 });
  expect(await verdictOn(by(asks([])))).toMatch(/^entry 5: was executed, but what its plan asks for is not formed/);
});

it.each<[string, string, Written[], number]>([
  ['executing', 'executing', [created, simulated(), ...begun, review('r1', 'keeper-1'), review('r2', 'officer-1')], 7],
  [
    'approved',
    'approved',
    [created, simulated(), review('r2', 'officer-1'), ...begun.slice(0, 1), review('r1', 'keeper-1'), ...begun.slice(1)],
    7,
  ],
])('broken is an approval that was given afterwards, while the proposal was %s', async (_, state, log, seq) => {
  expect(await verdictOn([...log, ran('proposal.executed')])).toBe(
    `entry ${seq}: was executed, but the approval r1 was given while the proposal was in ${state}`,
  );
});

it('so it is in an emergency', async () => {
  const requirement = asks([{ name: 'safety', thresholds: [threshold('officer', 3)] }], { breakGlass: { roles: ['chief'], approvals: 1 } });
  const of = (entries: Written[]): Written[] => [
    created,
    simulated(digest, { requirement }),
    { type: 'proposal.glass_broken', facts: { planDigest: digest }, personal: { actor: 'chief-1' } },
    ...entries,
    ran('proposal.executed', {
      requirement,
      approvals: [{ review: 'r2', person: 1, roles: ['officer'] }],
      emergency: { person: 2, roles: ['chief'] },
    }),
  ];
  const given = review('r2', 'officer-1');
  expect(await verdictOn(of([given, ...begun]))).toMatchObject({ executions: 1, unjudged: 0 });
  expect(await verdictOn(of([...begun, given]))).toMatch(/^entry 7: was executed, but the approval r2 was given while/);
});

it.each<[string, JsonValue]>([
  ['a number', 5],
  ['nothing', null],
  ['an empty text', ''],
  ['an object', { a: 1 }],
  ['a text without its 64 digits', 'sha256:zz'],
  ['one in upper case', `sha256:${'A'.repeat(64)}`],
])('a digest of a requirement is not %s', async (_, requirementDigest) => {
  const short = (digestTold: JsonValue): Written[] =>
    plain.map((entry) =>
      entry.facts?.requirement === undefined
        ? entry
        : { ...entry, ...told(without(entry, 'requirement') as Written, { requirementDigest: digestTold }) },
    );
  const by = `sha256:${'c'.repeat(64)}`;
  expect(await verdictOn(short(by))).toMatchObject({ executions: 1, unjudged: 1 });
  expect(await verdictOn(short(requirementDigest))).toBe(`entry 2: ${untold}`);
  expect(await verdictOn(replaced(short(by), 6, told(short(by)[6], { requirementDigest })))).toBe(`entry 7: ${untold}`);
});

it.each<[string, JsonValue]>([
  ['a number', 5],
  ['nothing', null],
  ['a text', 'x'],
  ['a list', [asks([])]],
])('a requirement is not %s', async (_, requirement) => {
  expect(await verdictOn([created, simulated(digest, { requirement })])).toBe(`entry 2: ${untold}`);
  expect(await verdictOn(last(plain, (entry) => told(entry, { requirement })))).toBe(`entry 7: ${untold}`);
});

it('a state that a proposal is created in is told as a text or not at all', async () => {
  const of = (status: JsonValue): Written[] => replaced(plain, 0, told(created, { status }));
  expect(await verdictOn(of('simulating'))).toMatchObject({ executions: 1 });
  for (const status of [null, '', 'approved', ['simulating']])
    expect(await verdictOn(of(status))).toBe(`entry 1: creates a proposal that is ${status}`);
});
