// What the door asks of the bytes of a plan and of what a write-back answered: each with everything as it should be, and with one fact of it another.
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { auditEntry } from '../../audit/entry.ts';
import {
  craftedRows,
  digest,
  executionId,
  future,
  hashOf,
  logUpTo,
  past,
  person,
  planId,
  proposal,
  proposalId,
  type Row,
  type Rows,
  typeVersion,
} from './crafted-rows.ts';

const { answerOf, tenant } = craftedRows();
const ask = (call: string, ...values: unknown[]) => answerOf({ rows: {}, call, values });

describe('an edit', () => {
  const refused = 'XQ003: a line of the plan is no edit: an object with unique keys, of a known kind and with what that kind has';
  const modify = { op: 'modify', type: 't', id: '1', set: { a: 1 }, before: { a: 0 } };
  const create = { op: 'create', type: 't', id: '1', set: { a: 1 } };
  const gone = { op: 'delete', type: 't', id: '1', before: { a: 1 } };
  const link = { op: 'link', link: 'l', from: '1', to: '2' };
  const without = (edit: object, ...names: string[]) => Object.fromEntries(Object.entries(edit).filter(([name]) => !names.includes(name)));
  it.each<[string, object, string]>([
    ['changes', modify, '1'],
    ['changes by leaving out', { ...without(modify, 'set'), unset: ['a'] }, '1'],
    ['changes what it does not say', without(modify, 'set'), refused],
    ['changes from what it does not say', without(modify, 'before'), refused],
    ['changes a link', { ...modify, link: 'l' }, refused],
    ['changes a link under the name of a type', { ...without(modify, 'type'), link: 'l' }, refused],
    ['changes what has no type', without(modify, 'type'), refused],
    ['changes nobody', without(modify, 'id'), refused],
    ['creates', create, '1'],
    ['creates what was there', { ...create, before: {} }, refused],
    ['creates nothing', without(create, 'set'), refused],
    ['creates by leaving out', { ...create, unset: ['b'] }, refused],
    ['creates a link', { ...create, link: 'l' }, refused],
    ['creates what has no type', without(create, 'type'), refused],
    ['creates nobody', without(create, 'id'), refused],
    ['creates what has too long an id', { ...create, id: 'i'.repeat(257) }, refused],
    ['creates what has an id of two lines', { ...create, id: 'a\nb' }, refused],
    ['deletes', gone, '1'],
    ['deletes what it does not say', without(gone, 'before'), refused],
    ['deletes and sets', { ...gone, set: {} }, refused],
    ['deletes and leaves out', { ...gone, unset: ['a'] }, refused],
    ['deletes a link', { ...gone, link: 'l' }, refused],
    ['deletes what has no type', without(gone, 'type'), refused],
    ['deletes nobody', without(gone, 'id'), refused],
    ['links', link, '1'],
    ['unlinks', { ...link, op: 'unlink' }, '1'],
    ['links a type', { ...link, type: 't' }, refused],
    ['links by nothing', without(link, 'link'), refused],
    ['links from nobody', without(link, 'from'), refused],
    ['links to nobody', without(link, 'to'), refused],
    ['does what is not known', { ...create, op: 'drop' }, refused],
  ])('%s', async (_, edit, expected) => {
    expect(await ask('SELECT cardinality(exequatur.edits_of($1))', `{}\n{}\n${JSON.stringify(edit)}`)).toBe(expected);
  });

  it('touches what it names, whatever the first one names', async () => {
    const edits = [{ a: 1, b: 1 }, { a: 1 }, { b: 1, a: 1 }, { a: 1, b: 1, c: 1 }, { c: 1 }].map((set) =>
      JSON.stringify({ ...create, set }),
    );
    expect(
      await ask(
        "SELECT string_agg((SELECT string_agg(t, '' ORDER BY t) FROM unnest(e.touched) t), ' ') FROM unnest(exequatur.edits_of($1)) e",
        ['{}', '{}', ...edits].join('\n'),
      ),
    ).toBe('ab a ab abc c');
  });
});

describe('what an answer may say', () => {
  const text = { type: 'string', minLength: 2, maxLength: 4, pattern: '[a-z]+' };
  it.each<[object, unknown, boolean]>([
    [{ type: 'boolean' }, true, true],
    [{ type: 'boolean' }, 'true', false],
    [{ type: 'boolean', oneOf: [true] }, false, false],
    [{ type: 'boolean', oneOf: [true] }, true, true],
    [{ type: 'enum', values: ['a'] }, 'a', true],
    [{ type: 'enum', values: ['a'] }, 'b', false],
    [{ type: 'enum', values: [5] }, 5, false],
    [text, 'abc', true],
    [text, 'a', false],
    [text, 'abcde', false],
    [text, 'ab1', false],
    [{ type: 'string', maxLength: 4 }, 'ab1', true],
    [{ type: 'string', maxLength: 4 }, 12, false],
    [{ type: 'integer' }, 5, true],
    [{ type: 'integer' }, '5', false],
    [{ type: 'integer' }, 5.5, false],
    [{ type: 'integer' }, 2 ** 53, false],
    [{ type: 'integer', minimum: 3, maximum: 7 }, 3, true],
    [{ type: 'integer', minimum: 3, maximum: 7 }, 2, false],
    [{ type: 'integer', minimum: 3, maximum: 7 }, 8, false],
    [{ type: 'long' }, '5', true],
    [{ type: 'long' }, 5, false],
    [{ type: 'long' }, '05', false],
    [{ type: 'long' }, '9223372036854775808', false],
    [{ type: 'double' }, 5, false],
  ])('of %j: %j', async (definition, value, fits) => {
    expect(await ask('SELECT exequatur.fits_slot($1::jsonb, $2::jsonb)', JSON.stringify(definition), JSON.stringify(value))).toBe(
      String(fits),
    );
  });

  it.each<[unknown, string]>([
    [{ $slot: 'a' }, 'a'],
    [{ $slot: null }, ''],
    [{ slot: 'a' }, 'null'],
    [['$slot'], 'null'],
    ['$slot', 'null'],
  ])('is asked for by %j', async (value, slot) => {
    expect(await ask('SELECT exequatur.slot_in($1::jsonb)', JSON.stringify(value))).toBe(slot);
  });
});

const effect = (more: Row = {}): Row => ({ name: 'book', phase: 'writeBack', slots: { n: { type: 'integer' } }, fills: ['n'], ...more });
const header = (...effects: Row[]) => `${JSON.stringify({ effects })}\n{"$slot":1}`;

describe('what edits may take of answers', () => {
  it.each<[string, Row, string]>([
    ['what a write-back says', effect(), 'n'],
    ['nothing that comes after them', effect({ phase: 'sideEffect' }), 'none'],
    ['nothing that it does not say', effect({ slots: {} }), 'none'],
  ])('%s', async (_, one, expected) => {
    expect(await ask('SELECT slot FROM exequatur.slots_for_edits($1)', header(one))).toBe(expected);
  });

  const edits = (set: object) =>
    `ARRAY[ROW('create', 't', '1', '${JSON.stringify(set)}', '{}', '{}', '{}', NULL, NULL)::exequatur.plan_edit]`;
  const checked = (set: object, text: string, p: Row = {}) =>
    answerOf({
      rows: { proposal: [proposal(p)] },
      call: `SELECT exequatur.check_slots(p, $1, ${edits(set)}) FROM exequatur.proposal p`,
      values: [text],
    });
  it('is asked for before it is approved', async () => {
    const refused = 'XQ003: an edit takes what no write-back of this plan says';
    expect(await checked({ a: { $slot: 'n' } }, header(effect()))).toBe('');
    expect(await checked({ a: { $slot: 'm' } }, header(effect()))).toBe(refused);
    expect(await checked({ a: { $slot: 'n' } }, header(effect({ fills: [] })))).toBe(refused);
    expect(await checked({ a: 1 }, header(effect({ fills: [] })))).toBe('');
    expect(await checked({ a: { $slot: 'm' } }, header(effect()), { action_type: '$ontology', loosens: false })).toBe('');
  });

  const saga = (more: Row = {}): Row => ({ proposal_id: proposalId, run: 1, plan_id: planId, digest, begun_at: past, ...more });
  const step = (more: Row = {}): Row => ({
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
    ...{ state: 'done', slots: { n: 7 }, changed_at: past },
    ...more,
  });
  const filled = (more: { saga?: Row; step?: Row; p?: Row; text?: string } = {}) =>
    answerOf({
      rows: { proposal: [proposal(more.p)], saga: [saga(more.saga)], saga_step: [step(more.step)] },
      call: `SELECT (exequatur.fill_slots(p, $1, ${edits({ a: { $slot: 'n' }, b: 1 })}))[1].set FROM exequatur.proposal p`,
      values: [more.text ?? header(effect())],
    });
  it('is what is on record of a write-back that is done, and fits', async () => {
    const refused = 'XQ019: what is on record of n is not what the plan allows';
    expect(await filled()).toBe('{"a":7,"b":1}');
    expect(await filled({ step: { slots: { n: 'seven' } } })).toBe(refused);
    expect(await filled({ step: { state: 'sending' } })).toBe(refused);
    expect(await filled({ saga: { ended_at: past } })).toBe(refused);
    const asksNothing = header(effect()).replace('$slot', 'slot');
    expect(await filled({ saga: { ended_at: past }, text: asksNothing })).toBe('{"a":{"$slot":"n"},"b":1}');
    expect(await filled({ p: { action_type: '$ontology', loosens: false } })).toBe('{"a":{"$slot":"n"},"b":1}');
  });
});

describe('a plan', () => {
  const requirement = { policy: 'one' };
  const head = (more: Row = {}) => ({
    format: 1,
    tenant: tenant(),
    actionType: 'send',
    actionTypeVersion: 1,
    requirement,
    effects: [],
    ...more,
  });
  const worldOf = (text: string, more: { p?: Row; plan?: Row; chunks?: Row[] } = {}): Rows => {
    const of = `sha256:${hashOf(text)}`;
    const summary = { edits: { create: 0, modify: 0, delete: 0, link: 0, unlink: 0 } };
    return {
      ...logUpTo('proposal.executing'),
      proposal: [proposal({ plan_digest: of, status_timestamps: { executing: past }, ...more.p })],
      plan: [
        {
          id: planId,
          proposal_id: proposalId,
          revision: 1,
          digest: of,
          bytes: text.length,
          edits: 0,
          summary,
          requirement,
          created_at: past,
          ...more.plan,
        },
      ],
      plan_chunk: more.chunks ?? [
        { plan_id: planId, ordinal: 0, bytes: `\\x${Buffer.from(text).toString('hex')}`, first_edit: 0, edits: 0 },
      ],
      action_type: [{ name: 'send', current_version: 1, retired: false }],
      read_set: [{ plan_id: planId, simulation: 0, counters: {}, queries: [], created_at: past }],
      action_type_version: [typeVersion({ floors: [{ approvals: 0, ceilings: {} }], ceilings: { edits: 9, objects: {} } })],
      standing_role: [role()],
    };
  };
  const role = (more: Row = {}): Row => ({ principal_id: 'ann', role: 'clerk', source: 'token', fed_at: past, ...more });
  const textOf = (more: Row = {}, parameters = '{}') => `${JSON.stringify(head(more))}\n${parameters}`;
  const other = 'XQ003: this is not the approved plan of the proposal';
  const bytes = 'XQ003: the stored bytes do not have the approved digest';
  const belongs = 'XQ003: the plan belongs to another action';
  it.each<[string, string, () => Rows]>([
    ['is what was approved', 'true', () => worldOf(textOf())],
    ['is there', other, () => worldOf(textOf(), { plan: { proposal_id: randomUUID() } })],
    ['is the one that the proposal has', other, () => worldOf(textOf(), { p: { plan_id: randomUUID() } })],
    ['has the digest that was approved', other, () => worldOf(textOf(), { plan: { digest } })],
    ['is of this revision', other, () => worldOf(textOf(), { plan: { revision: 2 } })],
    ['has bytes', bytes, () => worldOf(textOf(), { chunks: [] })],
    ['has the bytes that were approved', bytes, () => worldOf(textOf(), { p: { plan_digest: digest }, plan: { digest } })],
    ['was made from these parameters', 'XQ003: the plan was made from other parameters', () => worldOf(textOf({}, '{"a":1}'))],
    ['begins readably', 'XQ003: the plan has no readable header', () => worldOf(textOf().replace('"format":1', '"format":2,"format":1'))],
    ['has a known format', belongs, () => worldOf(textOf({ format: 2 }))],
    ['is of this tenant', belongs, () => worldOf(textOf({ tenant: randomUUID() }))],
    ['is of this action type', belongs, () => worldOf(textOf({ actionType: 'lend' }))],
    ['is of this version of it', belongs, () => worldOf(textOf({ actionTypeVersion: 2 }))],
    ['takes back what the proposal takes back', belongs, () => worldOf(textOf({ revertOf: executionId }))],
    [
      'asks for what was asked',
      'XQ003: reviewers were held to another requirement than the plan has',
      () => worldOf(textOf({ requirement: {} })),
    ],
  ])('%s', async (_, expected, rows) => {
    const call = 'SELECT (exequatur.approved_text(p, $1) IS NOT NULL)::text FROM exequatur.proposal p';
    expect(await answerOf({ rows: rows(), call, values: [planId] })).toBe(expected);
  });

  const batch = (of = proposalId): Row => ({ migration_id: executionId, number: 1, proposal_id: of, rule: 0, pass: 1, objects: 1 });
  const applied = (rows: Rows, entry = 'proposal.executed') =>
    answerOf({
      rows,
      call: "SELECT exequatur.apply_plan($1, $2, $3::jsonb) ->> 'edits'",
      values: [
        planId,
        executionId,
        JSON.stringify([
          auditEntry({ type: entry, proposalId, facts: { status: 'executed', executionId, planDigest: `sha256:${hashOf(textOf())}` } }),
        ]),
      ],
    });
  it('has as many edits as it says, and as its summary says', async () => {
    expect(await applied(worldOf(textOf()))).toBe('0');
    expect(await applied(worldOf(textOf(), { plan: { edits: 1 } }))).toBe('XQ003: the plan says another number of edits');
    const summary = { edits: { create: 1, modify: 0, delete: 0, link: 0, unlink: 0 } };
    expect(await applied(worldOf(textOf(), { plan: { summary } }))).toBe('XQ003: the summary counts other edits than the plan has');
    expect(await applied(worldOf(textOf()), 'execution.applied')).toBe('XQ003: the audit entry tells of something else');
  });

  it('that nobody approved is of somebody who may still propose', async () => {
    const of = (standing_role: Row[], more: Rows = {}) => applied({ ...worldOf(textOf()), standing_role, ...more });
    const refused = 'XQ002: nobody approved this, and who proposed it may propose nothing now';
    expect(await of([role()])).toBe('0');
    expect(await of([])).toBe(refused);
    expect(await of([role({ principal_id: 'bo' })])).toBe(refused);
    expect(await of([role({ removed_at: past })])).toBe(refused);
    expect(await of([role({ expires_at: past })])).toBe(refused);
    expect(await of([role({ expires_at: future })])).toBe('0');
    expect(await of([role({ role: 'auditor' })])).toBe(refused);
    expect(await of([], { migration_batch: [batch()] })).toBe('0');
    expect(await of([], { migration_batch: [batch(executionId)] })).toBe(refused);
    const glass = { id: randomUUID(), proposal_id: proposalId, revision: 1, digest: `sha256:${hashOf(textOf())}`, broken_by: 'bo' };
    const roles = ['keeper'];
    const behindGlass: Rows = {
      glass: [{ ...glass, reason: 'fire', broken_at: past }],
      principal: [person('bo')],
      action_type_version: [
        typeVersion({ floors: [{ approvals: 1, ceilings: {} }, { glass: { approvals: 0, roles } }], ceilings: { edits: 9, objects: {} } }),
      ],
    };
    expect(await of([role({ principal_id: 'bo', role: 'keeper' })], behindGlass)).toBe('0');
  });

  const sagaOf = (rows: Rows) => answerOf({ rows, call: 'SELECT exequatur.begin_saga($1)', values: [proposalId] });
  it('has effects, none of which is stopped, where an execution begins with them', async () => {
    const effects = [{ name: 'tell', phase: 'sideEffect', optional: false, lostAnswer: 'repeat' }];
    const right = worldOf(textOf({ effects }));
    const off = { scope: 'tenant', name: 'all', off: true, reason: 'smoke', changed_by: 'ann', changed_at: past };
    expect(await sagaOf(right)).toBe('1');
    expect(await sagaOf(worldOf(textOf()))).toBe('XQ006: this plan has no effects');
    expect(await sagaOf({ ...right, switch: [off] })).toBe('XQ016: this is switched off');
    expect(await sagaOf({ ...right, read_set: [] })).toBe('XQ001: what the plan had read has changed');
    const governing = worldOf(textOf({ effects, actionType: '$ontology' }), { p: { action_type: '$ontology', loosens: false } });
    expect(await sagaOf(governing)).toBe('XQ006: this plan has no effects');
  });
});
