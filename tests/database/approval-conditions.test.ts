// How many must approve a plan, and what it waits for: each with everything as it should be, and with one fact of it another.
import { describe, expect, it } from 'vitest';
import {
  type Attempt,
  craftedRows,
  digest,
  executionId,
  future,
  past,
  person,
  planId,
  proposal,
  proposalId,
  type Row,
  type Rows,
  review,
  typeVersion,
} from './crafted-rows.ts';

const { answerOf, each } = craftedRows();

const shape = (op: string, type: string, edits = 1, touched: string[] = []): Row => ({ op, type, touched, edits });
const arrayOf = (kind: string, parameter: string) =>
  `ARRAY(SELECT x FROM jsonb_populate_recordset(NULL::exequatur.${kind}, ${parameter}::jsonb) x)`;
const version = (number: number, more: Row = {}) => typeVersion({ version: number, ...more });

const plan: Row = {
  id: planId,
  proposal_id: proposalId,
  revision: 1,
  digest,
  bytes: 1,
  edits: 0,
  summary: {},
  requirement: {},
  created_at: past,
};
const glass: Row = {
  id: executionId,
  proposal_id: proposalId,
  revision: 1,
  digest,
  broken_by: 'bo',
  reason: 'fire',
  broken_at: '2020-01-02T00:00:00Z',
};
const broken = (rule: Row): Rows => ({
  ...{ plan: [plan], glass: [glass], principal: [person('ann'), person('bo'), person('cy')] },
  standing_role: [{ principal_id: 'bo', role: 'keeper', source: 'token', fed_at: past }],
  action_type_version: [version(1, { floors: [{ approvals: 2, ceilings: {} }, { glass: { roles: ['keeper'], approvals: 0, ...rule } }] })],
});

describe('as many approve', () => {
  const floors = [
    { approvals: 0, ceilings: { edits: 1, parameters: { m: 30 } } },
    { approvals: 1, ceilings: { edits: 5 } },
  ];
  const type = (name: string, more: Row = {}): Row => ({
    name,
    ontology_version: 1,
    definition: { properties: { a: {}, s: { sensitive: true } } },
    minimum_approvals: 0,
    ...more,
  });
  const needed = (parameters: object, shapes: Row[], { p = {} as Row, more = {} as Rows } = {}): Attempt => ({
    rows: {
      ...{ proposal: [proposal(p)], object_type: [type('t'), type('vault', { minimum_approvals: 3 })] },
      action_type_version: [version(1, { floors }), version(2, { floors: [{ approvals: 7, ceilings: {} }] })],
      link_type: [{ name: 'l', definition: {}, cardinality: 'many-to-many', from_type: 't', to_type: 'vault' }],
      ...more,
    },
    call: `SELECT exequatur.approvals_needed(p, $1::jsonb, ${arrayOf('plan_shape', '$2')}) FROM exequatur.proposal p`,
    values: [JSON.stringify(parameters), JSON.stringify(shapes)],
  });
  const one = [shape('modify', 't', 1, ['a'])];
  const back = (shapes: Row[], action: Row = {}) =>
    needed({ m: 1 }, shapes, {
      p: { revert_of: executionId },
      more: { action_type: [{ name: 'send', current_version: 1, retired: false, ...action }] },
    });
  each([
    ['nobody, of a little', '0', needed({ m: 30 }, one)],
    ['one, of more', '1', needed({ m: 31 }, one)],
    ['one, of more the other way', '1', needed({ m: -31 }, one)],
    ['one, of nobody knows how much', '1', needed({}, one)],
    ['one, of something else', '1', needed({ m: '5' }, one)],
    ['one, of more edits', '1', needed({ m: 1 }, [shape('modify', 't', 2, ['a'])])],
    ['unknown, of too many edits', 'null', needed({ m: 1 }, [shape('modify', 't', 6, ['a'])])],
    ['seven, by another version', '7', needed({ m: 1 }, one, { p: { action_type_version: 2 } })],
    ['one, of what is sensitive', '1', needed({ m: 1 }, [shape('modify', 't', 1, ['s'])])],
    ['one, of what is deleted with what is sensitive', '1', needed({ m: 1 }, [shape('delete', 't')])],
    ['nobody, of what is put back', '0', back(one)],
    ['nobody, of what is taken back of what was created without what is sensitive', '0', back([shape('delete', 't', 1, ['a'])])],
    ['one, of what is taken back of what was created with what is sensitive', '1', back([shape('delete', 't', 1, ['s'])])],
    ['one, of what is sensitive and put back', '1', back([shape('modify', 't', 1, ['s'])])],
    ['one, of what is put back, where people are asked for the action now', '1', back(one, { current_version: 2 })],
    ['one, of what is put back, where the action is gone', '1', back(one, { retired: true })],
    [
      'nobody, of what is sensitive and named',
      '0',
      needed({ m: 1 }, [shape('modify', 't', 1, ['s'])], {
        more: { action_type_version: [version(1, { floors: [{ approvals: 0, ceilings: { sensitive: ['t.s'] } }] })] },
      }),
    ],
    ['as many as a type asks for', '3', needed({ m: 1 }, [shape('modify', 'vault', 1, ['a'])])],
    ['as many as a linked type asks for', '3', needed({ m: 1 }, [shape('link', 'l')])],
    ['as many as no type of another link asks for', '0', needed({ m: 1 }, [shape('link', 'other')])],
  ]);

  const behind = (reviews: Row[], more: Rows = broken({})): Attempt => ({
    rows: { proposal: [proposal({ status: 'approved' })], ...more, review: reviews },
    call: 'SELECT exequatur.approvals_behind_glass(p, 2) FROM exequatur.proposal p',
  });
  each([
    ['as were asked, without a glass', '2', behind([], { ...broken({}), glass: [] })],
    ['none, behind a glass', '0', behind([])],
    ['one more, behind a glass, where whoever broke it approves', '1', behind([review('bo')])],
    ['no more, where that is taken back', '0', behind([review('bo', { decision: 'reject' })])],
    ['no more, where somebody else approves', '0', behind([review('cy')])],
    ['no more than were asked', '2', behind([review('bo')], broken({ approvals: 5 }))],
  ]);
});

describe('it is held', () => {
  const window = (more: Row = {}): Row => ({
    name: 'fair',
    reason: 'fair',
    starts_at: past,
    ends_at: future,
    created_by: 'op',
    created_at: past,
    ...more,
  });
  const held = (windows: Row[], p: Row = {}, more: Rows = {}): Attempt => ({
    rows: { proposal: [proposal({ status: 'approved', ...p })], freeze_window: windows, ...more },
    call: 'SELECT h.what FROM exequatur.proposal p, exequatur.holds(p) h',
  });
  const passes = broken({ passesFreezeWindows: true });
  each([
    ['by nothing', 'none', held([])],
    ['by a window', 'window/fair', held([window()])],
    ['by a window of this', 'window/fair', held([window({ action_type: 'send' })])],
    ['by no window of something else', 'none', held([window({ action_type: 'lend' })])],
    ['by no window that is over', 'none', held([window({ ends_at: '2020-01-02T00:00:00Z' })])],
    ['by no window that is to come', 'none', held([window({ starts_at: '2998-01-01T00:00:00Z' })])],
    ['by no window, where a rule is changed', 'none', held([window()], { action_type: '$x', loosens: false })],
    ['by its time', 'executeAfter', held([], { execute_after: future })],
    ['by no time that has come', 'none', held([], { execute_after: past })],
    ['by a window behind a glass', 'window/fair', held([window()], {}, broken({}))],
    ['by no window behind a glass that passes it', 'none', held([window()], {}, passes)],
    ['by its time behind a glass that passes windows', 'executeAfter', held([window()], { execute_after: future }, passes)],
    ['by no time that has come, behind such a glass', 'none', held([window()], { execute_after: past }, passes)],
  ]);

  const weekly = {
    name: 'night',
    reason: 'night',
    days: [1],
    from_time: '22:00',
    until_time: '06:00',
    time_zone: 'Europe/Berlin',
    created_by: 'op',
    created_at: past,
  };
  it.each([
    ['on the evening of its day', '2026-01-05T21:30:00Z', '2026-01-06T05:00:00.000Z'],
    ['on the morning after', '2026-01-06T04:59:00Z', '2026-01-06T05:00:00.000Z'],
    ['no longer', '2026-01-06T05:00:00Z', 'null'],
    ['not before', '2026-01-05T20:59:00Z', 'null'],
    ['not on another day', '2026-01-07T21:30:00Z', 'null'],
  ])('by a night %s', async (_, at, until) => {
    const call = 'SELECT exequatur.stamp(exequatur.open_until(jsonb_populate_record(NULL::exequatur.freeze_window, $1::jsonb), $2))';
    expect(await answerOf({ rows: {}, call, values: [JSON.stringify(weekly), at] })).toBe(until);
  });
  it.each([
    ['2026-07-01 12:00', '2026-07-01T10:00:00.000Z'],
    ['2026-10-25 02:30', '2026-10-25T00:30:00.000Z'],
  ])('from the first instant that is %s', async (local, instant) => {
    const call = "SELECT exequatur.stamp(exequatur.first_instant($1::timestamp, 'Europe/Berlin'))";
    expect(await answerOf({ rows: {}, call, values: [local] })).toBe(instant);
  });
});
