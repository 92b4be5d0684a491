// What a plan may touch, and what an event and a filter may say: each with everything as it should be, and with one fact of it another.
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  type Attempt,
  craftedRows,
  digest,
  executionId,
  past,
  planId,
  proposal,
  proposalId,
  type Row,
  typeVersion,
} from './crafted-rows.ts';

const { answerOf, each } = craftedRows();

const shape = (op: string, type: string, edits = 1, touched: string[] = []): Row => ({ op, type, touched, edits });
const edit = (op: string, type: string, id: string | null, more: Row = {}): Row => ({
  op,
  type,
  id,
  set: {},
  unset: [],
  before: {},
  touched: [],
  ...more,
});
const arrayOf = (kind: string, parameter: string) =>
  `ARRAY(SELECT x FROM jsonb_populate_recordset(NULL::exequatur.${kind}, ${parameter}::jsonb) x)`;
const version = (number: number, more: Row = {}) => typeVersion({ version: number, ...more });

describe('a plan touches', () => {
  const surface = [
    { type: 't', operation: 'modify', properties: ['a'] },
    { type: 'u', operation: 'create', properties: ['b'] },
    { type: 'l', operation: 'link' },
  ];
  const touch = (shapes: Row[], p: Row = {}): Attempt => ({
    rows: {
      proposal: [proposal(p)],
      action_type_version: [
        version(1, { surface, ceilings: { edits: 3, objects: { t: 1 } } }),
        version(2, { surface: [{ type: 'v', operation: 'delete' }], ceilings: { edits: 1, objects: {} } }),
      ],
    },
    call: `SELECT exequatur.check_surface(p, ${arrayOf('plan_shape', '$1')}) FROM exequatur.proposal p`,
    values: [JSON.stringify(shapes)],
  });
  const back = { revert_of: executionId };
  const outside = (what: string) => `XQ004: ${what} is outside what send may touch`;
  const many = 'XQ005: the plan has more edits than send may make';
  each([
    ['what its action may', '', touch([shape('modify', 't', 1, ['a']), shape('create', 'u', 1, ['b']), shape('link', 'l')])],
    ['what another version of it may', outside('delete of v'), touch([shape('delete', 'v')])],
    ['what this version of it may', '', touch([shape('delete', 'v')], { action_type_version: 2 })],
    ['what a former version of it might', outside('modify of t'), touch([shape('modify', 't', 1, ['a'])], { action_type_version: 2 })],
    ['another property', outside('modify of t'), touch([shape('modify', 't', 1, ['a', 'b'])])],
    ['another property of what it creates', outside('create of u'), touch([shape('create', 'u', 1, ['b', 'c'])])],
    ['something otherwise', outside('delete of u'), touch([shape('delete', 'u')])],
    ['more of a type than its action may', many, touch([shape('modify', 't', 2, ['a'])])],
    ['more than its action may', many, touch([shape('modify', 't', 1, ['a']), shape('create', 'u', 3, ['b'])])],
    ['on the way back what is the opposite', '', touch([shape('modify', 't', 9, ['a']), shape('delete', 'u'), shape('unlink', 'l')], back)],
    ['on the way back all of what it had deleted', '', touch([shape('create', 'u', 1, ['b', 'c'])], back)],
    ['on the way back something else', outside('delete of t'), touch([shape('delete', 't')], back)],
    ['on the way back another property', outside('modify of t'), touch([shape('modify', 't', 1, ['b'])], back)],
  ]);
});

describe('a plan touches each thing once', () => {
  const twice = (edits: Row[], shapes: Row[]): Attempt => ({
    rows: {},
    call: `SELECT exequatur.refuse_doubles(${arrayOf('plan_edit', '$1')}, ${arrayOf('plan_shape', '$2')})`,
    values: [JSON.stringify(edits), JSON.stringify(shapes)],
  });
  const refused = 'XQ003: the plan touches something twice, or nothing';
  const mixed = [shape('create', 't'), shape('modify', 't', 1, ['a'])];
  each([
    ['a property', '', twice([edit('modify', 't', '1')], [shape('modify', 't', 1, ['a'])])],
    ['no property', refused, twice([edit('modify', 't', '1')], [shape('modify', 't', 1, [])])],
    ['a property twice', refused, twice([edit('modify', 't', '1')], [shape('modify', 't', 1, ['a', 'a'])])],
    ['two objects', '', twice([edit('create', 't', '1'), edit('modify', 't', '2')], mixed)],
    ['an object twice', refused, twice([edit('create', 't', '1'), edit('modify', 't', '1')], mixed)],
    [
      'an object of another type twice, which is found later',
      '',
      twice(
        [edit('create', 't', '1'), edit('modify', 't', '2'), edit('create', 'u', '1'), edit('create', 'u', '1')],
        [...mixed, shape('create', 'u', 2)],
      ),
    ],
    [
      'two links of the name of a type',
      '',
      twice(
        [edit('create', 't', '1'), edit('modify', 't', '2'), edit('link', 't', null), edit('link', 't', null)],
        [...mixed, shape('link', 't', 2)],
      ),
    ],
    [
      'an object beside a link of its type’s name',
      '',
      twice([edit('create', 't', '1'), edit('create', 't', '1')], [shape('create', 't', 2), shape('link', 't')]),
    ],
  ]);
});

describe('a revert', () => {
  const history = (op: string, before: object, set: object): Row => ({
    ...{
      type: 't',
      object_id: '1',
      version: 2,
      op,
      before,
      set,
      unset: [],
      execution_id: executionId,
      proposal_id: planId,
      at: past,
      ordinal: 1,
    },
  });
  const linked: Row = {
    link: 'l',
    from_id: '1',
    to_id: '2',
    version: 1,
    op: 'link',
    execution_id: executionId,
    proposal_id: planId,
    at: past,
    ordinal: 1,
  };
  const executed = (id: string, of: string): Row => {
    return { id, proposal_id: of, plan_id: randomUUID(), digest, edits: 1, started_at: past, executed_at: past, outcome: {} };
  };
  const family = (number: number, depth: number, more: Row = {}): Row =>
    proposal({ revert_of: executionId, revert_root: executionId, revert_number: number, revert_depth: depth, ...more });
  const restore = (
    edits: Row[],
    { histories = [] as Row[], original = {} as Row, reverts = [] as Row[], executions = [] as Row[], links = [] as Row[] } = {},
  ): Attempt => ({
    rows: {
      proposal: [family(9, 1), proposal({ id: planId, status: 'executed', ...original }), ...reverts],
      execution: [executed(executionId, planId), ...executions],
      object_history: histories,
      link_history: [linked, ...links],
    },
    call: `SELECT exequatur.restore_only(p, ${arrayOf('plan_edit', '$1')}) FROM exequatur.proposal p WHERE p.id = '${proposalId}'`,
    values: [JSON.stringify(edits)],
  });
  /** Reverts of the family that were executed before, one after another: each at a depth, with what it did. */
  const since = (...others: { depth: number; did: 'nothing' | 'the property' | 'the link'; status?: string }[]) => {
    const ids = others.map(() => ({ proposal: randomUUID(), execution: randomUUID() }));
    const by = (what: string, row: (at: number, ids: Row) => Row) =>
      others.flatMap(({ did }, at) => {
        const mine = ids[at];
        return did === what && mine ? [row(at, { execution_id: mine.execution, proposal_id: mine.proposal })] : [];
      });
    return {
      reverts: others.map(({ depth, status = 'executed' }, at) => family(at + 1, depth, { id: ids[at]?.proposal, status })),
      executions: ids.map(({ proposal: of, execution }) => executed(execution, of)),
      histories: [
        ...changed.histories,
        ...by('the property', (at, row) => ({ ...history('modify', { a: at % 2 }, { a: (at + 1) % 2 }), version: at + 3, ...row })),
      ],
      links: by('the link', (at, row) => ({ ...linked, version: at + 2, op: at % 2 === 0 ? 'unlink' : 'link', ...row })),
    };
  };
  const asks = 'XQ004: a revert asks for the approvals of the action that it takes back';
  const only = 'XQ004: a revert may only restore what the execution had changed';
  const twice = 'XQ004: a revert may not take back what was taken back already';
  const changed = { histories: [history('modify', { a: 0 }, { a: 1 })] };
  const put = (a: number, before = 1) => [edit('modify', 't', '1', { set: { a }, before: { a: before }, touched: ['a'] })];
  const link = (op: string, to: string) => [edit(op, 'l', null, { from_id: '1', to_id: to })];
  each([
    ['puts back what was', '', restore(put(0), changed)],
    ['puts something else', only, restore(put(2), changed)],
    ['puts back from something else', only, restore(put(0, 2), changed)],
    ['puts back what was never changed', only, restore(put(0))],
    ['puts back by another action', asks, restore(put(0), { ...changed, original: { action_type: 'lend' } })],
    ['puts back by another version of the action', asks, restore(put(0), { ...changed, original: { action_type_version: 2 } })],
    ['unlinks what was linked', '', restore(link('unlink', '2'))],
    ['links what was linked', only, restore(link('link', '2'))],
    ['unlinks what was not', only, restore(link('unlink', '3'))],
    ['puts back what another left', '', restore(put(0), since({ depth: 1, did: 'the link' }))],
    ['puts back what another put back', twice, restore(put(0), since({ depth: 1, did: 'the property' }))],
    [
      'puts back what another was to put back, and did not',
      '',
      restore(put(0), since({ depth: 1, did: 'the property', status: 'failed' })),
    ],
    ['puts back what was done again', '', restore(put(0), since({ depth: 1, did: 'the property' }, { depth: 2, did: 'the property' }))],
    [
      'puts back what was done again, and put back again',
      twice,
      restore(put(0), since({ depth: 1, did: 'the property' }, { depth: 2, did: 'the property' }, { depth: 3, did: 'the property' })),
    ],
    ['unlinks what another left', '', restore(link('unlink', '2'), since({ depth: 1, did: 'the property' }))],
    ['unlinks what another unlinked', twice, restore(link('unlink', '2'), since({ depth: 1, did: 'the link' }))],
    [
      'unlinks what was linked again',
      '',
      restore(link('unlink', '2'), since({ depth: 1, did: 'the link' }, { depth: 2, did: 'the link' })),
    ],
  ]);
});

describe('what is deleted', () => {
  const gone = (links: Row[]): Attempt => ({
    rows: { proposal: [proposal()], link: links },
    call: `SELECT exequatur.check_references(p, ${arrayOf('plan_edit', '$1')}, ${arrayOf('plan_shape', '$2')}) FROM exequatur.proposal p`,
    values: [JSON.stringify([edit('delete', 't', '1')]), JSON.stringify([shape('delete', 't')])],
  });
  const link = (from: string, to: string, alive = true): Row => ({
    link: 'l',
    from_type: 't',
    from_id: from,
    to_type: 't',
    to_id: to,
    version: 1,
    alive,
  });
  const refused = 'XQ008: something still refers to an object that would be deleted';
  each([
    ['is linked to nothing', '', gone([])],
    ['is linked no more', '', gone([link('1', '2', false), link('2', '1', false)])],
    ['is linked to something', refused, gone([link('1', '2')])],
    ['is what something is linked to', refused, gone([link('2', '1')])],
  ]);
});

describe('an event', () => {
  const zeros = `\\x${'00'.repeat(32)}`;
  const entry = (type: string, of: string | null = proposalId): Row => ({
    seq: 1,
    id: planId,
    at: past,
    type,
    proposal_id: of,
    previous_hash: zeros,
    payload: '\\x7b7d',
    hash: zeros,
  });
  const tell = (type: string, entries: Row[]): Attempt => ({
    rows: { audit_entry: entries },
    call: `INSERT INTO exequatur.outbox (tenant_id, id, audit_entry_id, type, subject, proposal_id, data, created_at)
           VALUES (current_setting('app.tenant')::uuid, $1, $2, $3, 's', $4, '{}', now())`,
    values: [executionId, planId, type, proposalId],
    look: 'SET CONSTRAINTS ALL IMMEDIATE',
  });
  const refused = 'XQ015: an event tells of what is not entered in the log with it';
  each([
    ['tells of an entry', 'none', tell('x', [entry('x')])],
    ['tells of none', refused, tell('x', [])],
    ['tells of an entry of something else', refused, tell('x', [entry('y')])],
    ['tells of an entry of another proposal', refused, tell('x', [entry('x', randomUUID())])],
    ['tells of an entry of no proposal', refused, tell('x', [entry('x', null)])],
    ['tells of changes with an execution', 'none', tell('object.changes', [entry('execution.applied')])],
    ['tells of changes without one', refused, tell('object.changes', [entry('x')])],
    ['tells of a message', 'none', tell('message.sent', [entry('effect.message')])],
    ['tells of no message', refused, tell('message.sent', [entry('message.sent')])],
  ]);
});

describe('a filter', () => {
  const compare = (comparison: object): Attempt => ({
    rows: {},
    call: "SELECT exequatur.comparison_sql('{}', $1::jsonb)",
    values: [JSON.stringify(comparison)],
  });
  each([
    ['by an id', "(o.id = 'a')", compare({ property: 'id', op: 'eq', value: 'a' })],
    ['by something unknown', 'XQ013: unknown comparison', compare({ property: 'a', op: 'like', value: 'a' })],
  ]);
  it('by the beginning of an id asks its index', async () => {
    expect(await answerOf(compare({ property: 'id', op: 'startsWith', value: 'a' }))).toMatch(/^\(o\.id >= 'a' AND o\.id <= 'a/);
  });
  it('is of a type that there is, where it is written to', async () => {
    const call = `SELECT exequatur.lock_types(p, $1, ${arrayOf('plan_shape', '$2')}) FROM exequatur.proposal p`;
    const lock = (name: string) =>
      answerOf({
        rows: { proposal: [proposal()], type_state: [{ type: 't', counter: 0 }] },
        call,
        values: [planId, JSON.stringify([shape('create', name)])],
      });
    expect(await lock('t')).toBe('');
    expect(await lock('nowhere')).toBe('XQ004: there is no type nowhere');
  });
});
