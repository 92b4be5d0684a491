// What the functions of an execution with effects ask: each with everything as it should be, and with one fact of it another. Nobody could bring most of this about; the door asks nevertheless.
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { auditEntry } from '../../audit/entry.ts';
import { craftedRows, digest, executionId, logUpTo, past, planId, proposal, proposalId, type Row, type Rows } from './crafted-rows.ts';

const { answerOf } = craftedRows();

interface World {
  proposal?: Row;
  saga?: Row | null;
  steps?: readonly Row[];
  execution?: Row | null;
}
const back = { direction: 'back', turned_at: past, back_to: 'simulating' };
const saga = (more: Row = {}): Row => ({ proposal_id: proposalId, run: 1, plan_id: planId, digest, begun_at: past, ...more });
const step = (state: string, more: Row = {}): Row => ({
  ...{
    proposal_id: proposalId,
    run: 1,
    ordinal: 0,
    name: 'book',
    phase: 'writeBack',
    optional: false,
    compensated: true,
    asks_person: false,
  },
  ...{ state, changed_at: past },
  ...more,
});
const rowsOf = ({ proposal: p = {}, saga: s = {}, steps = [], execution = {} }: World): Rows => ({
  proposal: [proposal(p)],
  ...logUpTo('proposal.executing'),
  ...(s === null ? {} : { saga: [saga(s)] }),
  saga_step: steps,
  ...(execution === null
    ? {}
    : {
        execution: [
          {
            id: executionId,
            proposal_id: proposalId,
            plan_id: planId,
            digest,
            edits: 0,
            started_at: past,
            executed_at: past,
            outcome: {},
            ...execution,
          },
        ],
      }),
});

type Case = [name: string, answer: string, world?: World, values?: readonly unknown[]];
function cases(call: string, right: World, values: readonly unknown[], list: readonly Case[], look?: string) {
  it.each<Case>([...list])('%s: %s', async (_name, expected, changed = {}, said = values) => {
    const world = { ...right, ...changed, proposal: { ...right.proposal, ...changed.proposal } };
    const merged = changed.saga === null ? null : { ...right.saga, ...changed.saga };
    const found = await answerOf({ rows: rowsOf({ ...world, saga: merged }), call, values: said, ...(look === undefined ? {} : { look }) });
    expect(found).toBe(expected);
  });
}
type EntryChange = { of?: string; execution?: string; plan?: string; left?: number };
const entries = (type: string, { of = proposalId, execution = executionId, plan = digest, ...more }: EntryChange = {}) =>
  JSON.stringify([
    auditEntry({
      type,
      proposalId: of,
      facts: { ...(type === 'proposal.executed' ? { status: 'executed' } : {}), executionId: execution, planDigest: plan, ...more },
    }),
  ]);

describe('the end of what is undone', () => {
  const refused = 'XQ006: not everything is undone';
  const undone = { proposal: { status: 'compensating' }, saga: { ...back, edits: 'undone' }, steps: [step('undone')] };
  cases(
    'SELECT exequatur.end_saga($1)',
    undone,
    [proposalId],
    [
      ['with everything undone', 'simulating'],
      ['while it goes on', refused, { proposal: { status: 'executing' } }],
      ['a second time', refused, { saga: { ended_at: past } }],
      ['where nothing was begun', refused, { saga: null }],
      ['with edits applied', refused, { saga: { edits: 'applied' } }],
      ['with edits stuck', refused, { saga: { edits: 'stuck' } }],
      ['with nothing applied', 'simulating', { saga: { edits: 'waiting' } }],
      ['with edits that are left', 'failed', { saga: { edits: 'skipped' } }],
      ['with a step that is done', refused, { steps: [step('done')] }],
      ['with a step that is left', 'failed', { steps: [step('skipped')] }],
      ['with a check that is done', 'simulating', { steps: [step('done', { phase: 'check' })] }],
      ['with what nothing takes back, and need not be', 'simulating', { steps: [step('done', { optional: true, compensated: false })] }],
      ['with what nothing takes back, and matters', refused, { steps: [step('done', { compensated: false })] }],
      ['with what need not be and can be taken back', refused, { steps: [step('done', { optional: true })] }],
      ['with what need not be and is stuck', refused, { steps: [step('stuck', { optional: true, compensated: false })] }],
    ],
  );
});

describe('the end of what is done', () => {
  const refused = 'XQ006: not every step is done';
  const other = 'XQ003: the audit entry tells of something else';
  cases(
    'SELECT exequatur.finish_saga($1, $2::jsonb)',
    { saga: { edits: 'applied' }, steps: [step('done')] },
    [proposalId, entries('proposal.executed')],
    [
      ['with every step done', ''],
      ['after it ended', refused, { proposal: { status: 'executed' } }],
      ['a second time', refused, { saga: { ended_at: past } }],
      ['after somebody stopped it', 'XQ006: a cancellation of this execution was accepted', { saga: { cancelled_at: past } }],
      ['on its way back', refused, { saga: back }],
      ['with nothing applied', refused, { saga: { edits: 'waiting' } }],
      ['without an execution', refused, { execution: null }],
      ['with a step that waits', refused, { steps: [step('waiting')] }],
      ['with a step refused', refused, { steps: [step('refused')] }],
      ['with an optional step refused', '', { steps: [step('refused', { optional: true })] }],
      ['with an optional step that waits', refused, { steps: [step('waiting', { optional: true })] }],
      ['told of another execution', other, {}, [proposalId, entries('proposal.executed', { execution: randomUUID() })]],
      ['told of another plan', other, {}, [proposalId, entries('proposal.executed', { plan: 'sha256:b' })]],
      ['told of another proposal', other, {}, [proposalId, entries('proposal.executed', { of: randomUUID() })]],
      ['told of a beginning', other, {}, [proposalId, entries('proposal.executing')]],
    ],
  );
  const ended = (state: string, ordinal: number, name: string) => step(state, { ordinal, name, optional: true });
  cases(
    'SELECT exequatur.finish_saga($1, $2::jsonb)',
    { saga: { edits: 'applied' } },
    [proposalId, entries('proposal.executed')],
    [
      ['names no step that is done', 'null null', { steps: [ended('done', 0, 'book')] }],
      [
        'names each that is not done, and how it ended',
        '["mail"] ["post"]',
        { steps: [ended('done', 0, 'book'), ended('refused', 1, 'mail'), ended('unknown', 2, 'post')] },
      ],
    ],
    "SELECT concat_ws(' ', coalesce(data ->> 'failedEffects', 'null'), coalesce(data ->> 'unknownEffects', 'null')) FROM exequatur.outbox",
  );
});

describe('taking the edits back', () => {
  const refused = 'XQ006: there is nothing applied to undo';
  const other = 'XQ003: the audit entry tells of something else';
  const call = 'SELECT exequatur.undo_execution($1, $2::jsonb)';
  const right = { proposal: { status: 'compensating' }, saga: { ...back, edits: 'applied' } };
  const said = [proposalId, entries('execution.undone')];
  cases(call, right, said, [
    ['of what is applied', '{"edits":0,"undone":true,"conflicts":0}'],
    [
      'of what is applied, told to leave none',
      '{"edits":0,"undone":true,"conflicts":0}',
      {},
      [proposalId, entries('execution.undone', { left: 0 })],
    ],
    ['told to leave what it does not', '{"left":0,"undone":false}', {}, [proposalId, entries('execution.undone', { left: 2 })]],
    ['while it goes on', refused, { proposal: { status: 'executing' } }],
    ['after it ended', refused, { saga: { ended_at: past } }],
    ['before it turned back', refused, { saga: { direction: 'forward', turned_at: null, back_to: null } }],
    ['a second time', refused, { saga: { edits: 'undone' } }],
    ['without an execution', refused, { execution: null }],
    ['of another plan', refused, { execution: { plan_id: randomUUID() } }],
    ['told of another execution', other, {}, [proposalId, entries('execution.undone', { execution: randomUUID() })]],
    ['told of another proposal', other, {}, [proposalId, entries('execution.undone', { of: randomUUID() })]],
    ['told of something else', other, {}, [proposalId, entries('execution.applied')]],
  ]);
  it('sees what others have committed meanwhile', async () => {
    const found = await answerOf({ rows: rowsOf(right), call, values: said, isolation: 'REPEATABLE READ' });
    expect(found).toBe('XQ014: the door opens in READ COMMITTED alone');
  });
});

describe('turning back', () => {
  const refused = 'XQ006: there is no execution to turn back';
  cases(
    'SELECT exequatur.turn_back($1, $2, NULL)',
    {},
    [proposalId, 'simulating'],
    [
      ['with nothing applied', ''],
      ['a second time', refused, { proposal: { status: 'compensating' } }],
      ['where nothing was begun', refused, { saga: null }],
      ['after it ended', refused, { saga: { ended_at: past } }],
      ['on its way back', refused, { saga: back }],
      ['to be tried again, with edits applied', refused, { saga: { edits: 'applied' } }],
      ['for good, with edits applied', '', { saga: { edits: 'applied' } }, [proposalId, 'failed']],
    ],
  );
});

describe('leaving it', () => {
  const begun = 'XQ006: what was begun must be undone first';
  cases(
    'SELECT exequatur.leave_executing($1, $2, $3)',
    { steps: [step('waiting'), step('refused', { ordinal: 1 })] },
    [proposalId, 'simulating', null],
    [
      ['with nothing begun', ''],
      ['for where it is', 'XQ006: there is no such execution to leave', { proposal: { status: 'simulating' } }],
      ['as if it were done', 'XQ006: an execution is left for simulating, awaiting_approval or failed', {}, [proposalId, 'executed', null]],
      ['with edits applied', begun, { saga: { edits: 'applied' } }],
      ['with a step done', begun, { steps: [step('done')] }],
      ['with a step done in a run that has ended', '', { saga: { ended_at: past }, steps: [step('done')] }],
      ['with edits applied in a run that has ended', '', { saga: { ended_at: past, edits: 'applied' } }],
    ],
  );
  it('ends the run that is open, and when another one ended stays', async () => {
    const rows = rowsOf({});
    const look = "SELECT string_agg((s.ended_at = '2020-01-01T00:00:00Z')::text, ' ' ORDER BY s.run) FROM exequatur.saga s";
    const both = { ...rows, saga: [saga({ ended_at: past }), saga({ run: 2 })] };
    expect(
      await answerOf({ rows: both, call: "SELECT exequatur.leave_executing($1, 'simulating', NULL)", values: [proposalId], look }),
    ).toBe('true false');
  });
});

describe('stopping it', () => {
  const refused = 'XQ006: there is no execution to cancel';
  cases(
    "SELECT exequatur.cancel_execution($1, 'ann', 'because')",
    {},
    [proposalId],
    [
      ['on its way', ''],
      ['on its way back', refused, { saga: back }],
      ['once it is undone', refused, { proposal: { status: 'compensating' } }],
      ['after it ended', refused, { saga: { ended_at: past } }],
      ['a second time', refused, { saga: { cancelled_at: past } }],
    ],
  );
});

describe('edits that cannot be taken back', () => {
  const refused = 'XQ006: there is nothing applied to undo';
  const right = { proposal: { status: 'compensating' }, saga: { ...back, edits: 'applied' } };
  cases(
    `SELECT exequatur.stick_edits($1, '{"code": "x"}')`,
    right,
    [proposalId],
    [
      ['on its way back', ''],
      ['while it goes on', refused, { proposal: { status: 'executing' } }],
      ['after it ended', refused, { saga: { ended_at: past } }],
      ['with nothing applied', refused, { saga: { edits: 'waiting' } }],
    ],
  );
});

describe('asking a person', () => {
  cases(
    'SELECT exequatur.need_attention($1)',
    { proposal: { status: 'compensating' } },
    [proposalId],
    [
      ['on its way back', ''],
      ['a second time', 'XQ006: nothing is being undone here', { proposal: { status: 'needs_attention' } }],
    ],
  );
});

describe('what a person decides', () => {
  const asking = randomUUID();
  const nothing = 'XQ006: there is nothing to decide here, or no reason is given';
  const nobody = 'XQ006: nobody is asked this';
  const right = { proposal: { status: 'needs_attention' }, saga: { ...back, edits: 'stuck', asking }, steps: [step('stuck')] };
  const said = (
    ordinal: number | null,
    choice: string | null,
    who: string | null = 'ann',
    why: string | null = 'because',
    asked?: string | null,
  ) => [
    proposalId,
    ordinal,
    choice,
    who,
    why,
    asked === undefined ? `${asking}.${ordinal === null ? 'edits' : `${ordinal}.stuck`}` : asked,
  ];
  const call = 'SELECT exequatur.resolve_attention($1, $2, $3, $4, $5, $6)';
  cases(call, right, said(0, 'retry'), [
    ['to try a step again', 'compensating'],
    ['to leave it', 'compensating', {}, said(0, 'skip')],
    ['to leave everything', 'failed', {}, said(0, 'abort')],
    ['of what goes on', nothing, { proposal: { status: 'compensating' } }],
    ['of what has ended', nothing, { saga: { ended_at: past } }],
    ['where nothing was begun', nothing, { saga: null }],
    ['nothing', nothing, {}, said(0, null)],
    ['something else', nothing, {}, said(0, 'forget')],
    ['for no reason', nothing, {}, said(0, 'retry', 'ann', '')],
    ['by nobody', nothing, {}, said(0, 'retry', '')],
    ['of a step that there is not', nobody, {}, said(7, 'retry')],
    ['of a step that is undone', nobody, { steps: [step('undone')] }, said(0, 'retry', 'ann', 'because', `${asking}.0.undone`)],
    ['to try again what nothing takes back', nobody, { steps: [step('stuck', { compensated: false })] }],
    ['to leave what nothing takes back', 'compensating', { steps: [step('stuck', { compensated: false })] }, said(0, 'skip')],
    ['of edits that are not stuck', nobody, { saga: { edits: 'applied' } }, said(null, 'retry')],
    ['who was shown nothing', nobody, {}, said(0, 'skip', 'ann', 'because', null)],
    ['who was shown an earlier asking', nobody, {}, said(0, 'skip', 'ann', 'because', `${planId}.0.stuck`)],
    ['who was shown another step', nobody, {}, said(0, 'skip', 'ann', 'because', `${asking}.1.stuck`)],
    ['who was shown another state', nobody, {}, said(0, 'skip', 'ann', 'because', `${asking}.0.unknown`)],
    ['who was shown an earlier asking about edits', nobody, {}, said(null, 'skip', 'ann', 'because', `${planId}.edits`)],
    ['who was shown a step, about the edits', nobody, {}, said(null, 'skip', 'ann', 'because', `${asking}.0.stuck`)],
  ]);
  const look = 'SELECT s.edits FROM exequatur.saga s';
  const code = { conflicts: [{ code: 'x' }] };
  const some = { conflicts: [{ type: 'parcel' }] };
  describe('of the edits', () => {
    cases(
      call,
      right,
      said(null, 'skip'),
      [
        ['to leave what cannot be put back at all', 'skipped', { saga: code }],
        ['to leave what stands in the way of some', 'applied', { saga: some }],
        ['to try again what could not be put back at all', 'applied', { saga: code }, said(null, 'retry')],
        ['to leave everything', 'stuck', { saga: code }, said(null, 'abort')],
      ],
      look,
    );
  });
});

describe('the beginning', () => {
  const refused = 'XQ006: effects belong to an execution that has begun';
  const late = (status: string) => `XQ006: an execution begins from approved or scheduled, in time, not from ${status}`;
  it.each([
    ['of effects, where it has not begun', 'SELECT exequatur.begin_saga($1)', { status: 'approved' }, proposalId, refused],
    ['of effects, where there is none', 'SELECT exequatur.begin_saga($1)', {}, randomUUID(), refused],
    ['of an execution', 'SELECT exequatur.begin_execution($1, $1)', { status: 'approved' }, proposalId, ''],
    ['of an execution that was scheduled', 'SELECT exequatur.begin_execution($1, $1)', { status: 'scheduled' }, proposalId, ''],
    [
      'of an execution that waits',
      'SELECT exequatur.begin_execution($1, $1)',
      { status: 'awaiting_approval' },
      proposalId,
      late('awaiting_approval'),
    ],
    ['of one that there is not', 'SELECT exequatur.begin_execution($1, $1)', {}, randomUUID(), late('nothing')],
    [
      'of one that was scheduled for too long',
      'SELECT exequatur.begin_execution($1, $1)',
      { status: 'scheduled', expires_at: past },
      proposalId,
      late('scheduled'),
    ],
  ])('%s', async (_, call, p, id, expected) => {
    expect(await answerOf({ rows: rowsOf({ proposal: p, saga: null, execution: null }), call, values: [id] })).toBe(expected);
  });
});

describe('what the edits wait for', () => {
  const refused = 'XQ006: the write-backs of this plan are not done';
  cases(
    'SELECT exequatur.write_backs_done(p, $1) FROM exequatur.proposal p',
    { steps: [step('done'), step('waiting', { ordinal: 1, phase: 'sideEffect' })] },
    [planId],
    [
      ['every write-back done', ''],
      ['one that waits', refused, { steps: [step('waiting')] }],
      ['none begun', refused, { saga: null }],
      ['those of a run that has ended', refused, { saga: { ended_at: past } }],
      ['those of another plan', refused, { saga: { plan_id: randomUUID() } }],
      ['those of another digest', refused, { saga: { digest: 'sha256:b' } }],
      ['those of a run on its way back', refused, { saga: back }],
      ['those of edits that are applied', refused, { saga: { edits: 'applied' } }],
    ],
  );
});

describe('a step', () => {
  const is = 'XQ006: what a step is does not change';
  const was = 'XQ006: what is on record of a step does not change';
  const said = 'XQ006: what an answer said does not change';
  const goes = (from: string, to: string) => `XQ006: a step cannot go from ${from} to ${to}`;
  const sending = step('sending', { attempts: 2, undo_attempts: 2 });
  const decided = { decision: 'skip', decided_by: 'cy', decision_reason: 'so' };
  const over = { saga: { ended_at: past }, steps: [step('skipped', decided)] };
  it.each<[name: string, set: string, expected: string, world?: World, as?: 'door']>([
    ['stays as it is', 'attempts = attempts', 'none'],
    ['keeps its name', "name = 'other'", is],
    ['is not asked about once more', 'asks_person = true', is],
    ['is tried again', 'attempts = 3', 'none'],
    ['is not tried less', 'attempts = 1', was],
    ['is not undone less', 'undo_attempts = 1', was],
    ['of a run that has ended stays', 'attempts = 3', was, { saga: { ended_at: past } }],
    ['has its answer with its end', `state = 'done', slots = '{"a": 1}'`, 'none'],
    ['has an answer once', `state = 'done', slots = '{"a": 1}'`, said, { steps: [step('sending', { slots: { a: 2 } })] }],
    ['has no answer when it is refused', `state = 'refused', slots = '{"a": 1}'`, said],
    ['has no answer that nobody asked for', `state = 'done', slots = '{"a": 1}'`, said, { steps: [step('unknown')] }, 'door'],
    ['does not wait again once it is done', "state = 'waiting'", goes('done', 'waiting'), { steps: [step('done')] }],
    ['goes no way back on the way there', "state = 'undoing'", goes('done', 'undoing'), { steps: [step('done')] }],
    ['goes its way back', "state = 'undoing'", 'none', { saga: back, steps: [step('done')] }],
    ['goes no way on on its way back', "state = 'done'", goes('sending', 'done'), { saga: back }],
    ['has its reason erased by the door', "decision_reason = ''", 'none', over, 'door'],
    ['has it erased by nobody else', "decision_reason = ''", was, over],
    ['has it changed by nobody', "decision_reason = 'other'", was, over, 'door'],
    ['has more than that changed by nobody', "decision_reason = '', attempts = 3", was, over, 'door'],
    ['goes where the door lets it', "state = 'skipped'", 'none', { saga: back, steps: [step('stuck')] }, 'door'],
  ])('%s', async (_, set, expected, world = {}, as) => {
    const rows = rowsOf({ steps: [sending], ...world });
    expect(await answerOf({ rows, call: `UPDATE exequatur.saga_step SET ${set}`, ...(as ? { as } : {}) })).toBe(expected);
  });
});
