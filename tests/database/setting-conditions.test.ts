// What changes rules, and what is forgotten: each with everything as it should be, and with one fact of it another.
import { randomUUID } from 'node:crypto';
import { describe } from 'vitest';
import { auditEntry } from '../../audit/entry.ts';
import {
  type Attempt,
  craftedRows,
  digest,
  executionId,
  past,
  person,
  planId,
  proposal,
  proposalId,
  type Row,
  type Rows,
  review,
  robot,
  typeVersion,
} from './crafted-rows.ts';

const { each, tenant } = craftedRows();

const type = (name: string, current_version: number, more: Row = {}): Row => ({ name, current_version, retired: false, ...more });
const version = (name: string, number: number, more: Row = {}) => typeVersion({ name, version: number, ...more });
const ontology = (number: number): Row => ({ version: number, document: '{}', digest: 'd', created_by: 'ann', created_at: past });
const subscription = (more: Row = {}): Row => ({
  ...{ name: 'x', id: planId, url: 'https://x', filter: {}, enabled: true, starts_seq: 0, starts_ordinal: 0 },
  ...{ created_by: 'ann', created_at: past, changed_by: 'ann', changed_at: past },
  ...more,
});

describe('a setting', () => {
  const put = (rows: Rows, edit: { type: string; id?: string; before?: object; set?: object }): Attempt => ({
    rows,
    call: "SELECT exequatur.put_setting(ROW('modify', $1::text, $2::text, $3::jsonb, '{}', $4::jsonb, '{}', NULL, NULL)::exequatur.plan_edit, 'ann', NULL)",
    values: [edit.type, edit.id ?? 'x', JSON.stringify(edit.set ?? {}), JSON.stringify(edit.before ?? {})],
  });
  const policies: Rows = { policy_version: [{ version: 7, policies: '{}', cases: '[]', digest, created_by: 'ann', created_at: past }] };
  const off = (more: Row = {}): Rows => ({
    switch: [{ scope: 'tenant', name: 'all', off: true, reason: 'smoke', changed_by: 'op', changed_at: past, ...more }],
  });
  const on = { type: '$switch', id: 'tenant/all', before: { changedAt: '2020-01-01T00:00:00.000Z' }, set: { reason: 'over' } };
  const delegation = {
    id: 'leave',
    delegator: 'ann',
    delegate: 'bo',
    starts_at: past,
    ends_at: '2020-02-01T00:00:00Z',
    reason: 'away',
    granted_by: 'ann',
    granted_at: past,
  };
  const grant = {
    type: '$delegation',
    id: 'leave',
    set: { delegator: 'ann', delegate: 'bo', endsAt: new Date(Date.now() + 3_600_000).toISOString(), reason: 'away' },
  };
  const give = (standing: object) => ({
    type: '$principal',
    id: 'bo',
    before: { standing },
    set: { change: { roles: ['keeper'] }, loosens: [] },
  });
  const document = { type: '$ontology', before: { version: 1, digest: 'd' }, set: { definitions: { document: '{}', digest: 'e' } } };
  const migration = (state: string) => ({
    ...{
      id: planId,
      state,
      document: '{}',
      digest,
      target: {},
      restore: {},
      rules: [],
      base_version: 1,
      started_by: 'ann',
      proposer_kind: 'user',
      proposer_roles: [],
    },
    ...{ started_at: past, ended_at: state === 'running' ? null : past },
  });
  const lane = (more: Row = {}): Row => ({ sink: planId, ...more });
  const subscribe = (before: object) => ({
    type: '$subscription',
    before,
    set: { url: 'https://y', filter: {}, enabled: true, loosens: [] },
  });
  const newly = (from: string) => ({ type: '$subscription', set: { url: 'https://y', filter: {}, enabled: true, loosens: [], from } });
  const head = { seq: 9, hash: `\\x${'00'.repeat(32)}` };
  const otherPolicies = 'XQ001: other policies are in force';
  const thrown = 'XQ001: the switch was thrown again';
  const others = 'XQ001: other definitions are in force';
  const another = 'XQ001: the subscription is another by now';
  const asSeen = { changedAt: '2020-01-01T00:00:00.000Z' };
  each([
    ['puts policies in force again', '7', () => put(policies, { type: '$policies', before: { version: 0 }, set: { version: 7 } })],
    [
      'puts policies in force in the place of others',
      otherPolicies,
      () => put(policies, { type: '$policies', before: { version: 3 }, set: { version: 7 } }),
    ],
    ['lets go on', 'null', () => put(off(), on)],
    ['lets go on what goes on', thrown, () => put(off({ off: false }), on)],
    ['lets something else go on', thrown, () => put(off({ scope: 'principal' }), on)],
    ['lets go on what was stopped again', thrown, () => put(off({ changed_at: '2020-01-02T00:00:00Z' }), on)],
    ['gives roles', 'null', () => put({ principal: [person('bo')] }, give({ roles: [] }))],
    [
      'gives roles to one who has others by now',
      'XQ001: the directory says something else by now',
      () =>
        put(
          { principal: [person('bo')], standing_role: [{ principal_id: 'bo', role: 'clerk', source: 'token', fed_at: past }] },
          give({ roles: [] }),
        ),
    ],
    ['delegates', 'null', () => put({}, grant)],
    ['delegates under an id that there is', 'XQ001: there is a delegation of that id', () => put({ delegation: [delegation] }, grant)],
    ['defines', '2', () => put({ ontology_version: [ontology(1)] }, document)],
    ['defines in the place of other definitions', others, () => put({ ontology_version: [ontology(1), ontology(2)] }, document)],
    [
      'defines while a migration runs',
      others,
      () => put({ ontology_version: [ontology(1)], ontology_migration: [migration('running')] }, document),
    ],
    ['defines after a migration', '2', () => put({ ontology_version: [ontology(1)], ontology_migration: [migration('done')] }, document)],
    ['subscribes otherwise', 'null', () => put({ subscription: [subscription()], event_lane: [lane()] }, subscribe(asSeen))],
    [
      'subscribes otherwise to what is not kept',
      'XQ001: what it would go on with is not kept any more',
      () => put({ subscription: [subscription()], event_lane: [lane()], event_feed: [{ deleted_seq: 5 }] }, subscribe(asSeen)),
    ],
    ['subscribes from now on', 'null', () => put({ event_feed: [{ deleted_seq: 5 }], audit_head: [head] }, newly('now'))],
    [
      'subscribes from what is not kept',
      'XQ001: what it is to begin with is not kept any more',
      () => put({ event_feed: [{ deleted_seq: 5 }], audit_head: [head] }, newly('0000000000000002.00000001')),
    ],
    [
      'subscribes in the place of another',
      another,
      () => put({ subscription: [subscription({ changed_at: '2020-01-02T00:00:00Z' })], event_lane: [lane()] }, subscribe(asSeen)),
    ],
    [
      'subscribes in the place of one that was given up',
      another,
      () => put({ subscription: [subscription({ disabled_at: past, disabled_reason: 'gone' })], event_lane: [lane()] }, subscribe(asSeen)),
    ],
    ['is none that there is', 'XQ004: there is no such setting', () => put({}, { type: '$other' })],
    [
      'is found',
      '7',
      () => ({ rows: policies, call: `SELECT exequatur.found_setting('$policies', 'x', '{"version":0}', '{"version":7}', 'ann')` }),
    ],
    [
      'is found once',
      'XQ006: from now on this takes a proposal',
      () => ({
        rows: { ...policies, ontology_version: [ontology(1)] },
        call: `SELECT exequatur.found_setting('$policies', 'x', '{"version":0}', '{"version":7}', 'ann')`,
      }),
    ],
  ]);
});

describe('a second person', () => {
  const asked = (
    p: Row = {},
    { set = { loosens: [] }, seen = null, edits = 1 }: { set?: object; seen?: object | null; edits?: number } = {},
  ): Attempt => ({
    rows: { proposal: [proposal({ action_type: '$x', loosens: false, ...p })] },
    call: `SELECT exequatur.second_people(jsonb_populate_record(p, jsonb_build_object('setting_digest', exequatur.setting_digest('$x', 'i', '{}', $2::jsonb))),
             array_fill(ROW('modify', '$x', 'i', $1::jsonb, '{}', '{}', '{}', NULL, NULL)::exequatur.plan_edit, ARRAY[$3::int])) FROM exequatur.proposal p`,
    values: [JSON.stringify(set), JSON.stringify(seen ?? set), edits],
  });
  each([
    ['is not asked about what only tightens', '0', () => asked()],
    ['is asked where the API says that it loosens', '1', () => asked({ loosens: true })],
    ['is asked where the worker says that it loosens', '1', () => asked({}, { set: { loosens: ['x'] } })],
    ['is asked where it is something else than was sent', '1', () => asked({}, { seen: { loosens: [], other: 1 } })],
    ['is not asked about two', 'XQ003: a plan changes one setting', () => asked({}, { edits: 2 })],
  ]);
});

describe('an approval of what governs', () => {
  const kept = (type: string, set: object, principals: Row[] = [], more: Row = {}, id = 'ann'): Attempt => ({
    rows: {
      principal: [person('ann'), ...(principals.some(({ id }) => id === 'bo') ? [] : [person('bo')]), ...principals],
      review: [review('bo', more)],
    },
    call: `SELECT cardinality(exequatur.disinterested(ARRAY(SELECT r.id FROM exequatur.review r WHERE r.decision = 'approve'),
             ROW('modify', $1::text, $3::text, $2::jsonb, '{}', '{}', '{}', NULL, NULL)::exequatur.plan_edit))`,
    values: [type, JSON.stringify(set), id],
  });
  const delegates = (delegator: string, delegate: string) => ['$delegation', { delegator, delegate }] as const;
  const switchesOn = (id: string, principals: Row[] = []) => kept('$switch', { reason: 'over' }, principals, {}, id);
  const amends = (change: object) => ['$principal', { change }] as const;
  each([
    ['counts', '1', () => kept(...delegates('ann', 'cy'))],
    ['counts where it did before', '0', () => kept(...delegates('ann', 'cy'), [], { decision: 'reject' })],
    ['counts no more by the delegate', '0', () => kept(...delegates('ann', 'bo'))],
    ['counts no more by the delegator', '0', () => kept(...delegates('bo', 'cy'))],
    [
      'counts no more by the delegate under another name',
      '0',
      () => kept(...delegates('ann', 'cy'), [person('cy', { person: 'c' }), person('di', { person: 'c' })], { reviewer_id: 'di' }),
    ],
    [
      'counts no more by who acts for the delegate',
      '0',
      () => kept(...delegates('ann', 'cy'), [person('cy'), person('di', { acts_for: 'cy' })], { reviewer_id: 'di' }),
    ],
    [
      'counts no more on behalf of the delegate',
      '0',
      () => kept(...delegates('ann', 'cy'), [person('cy')], { on_behalf_of: 'cy', delegation_id: 'leave' }),
    ],
    ['counts of a change of somebody else', '1', () => kept(...amends({ roles: ['x'] }))],
    ['counts no more by who is changed', '0', () => kept(...amends({ roles: ['x'] }), [], { reviewer_id: 'ann' })],
    ['counts no more by who is linked', '0', () => kept(...amends({ linkedIdentities: ['bo'] }))],
    ['counts of what is about nobody', '1', () => switchesOn('actionType/bo')],
    ['counts of a switch on somebody else', '1', () => switchesOn('principal/ann')],
    ['counts no more by whom a switch stops', '0', () => switchesOn('principal/bo')],
    ['counts of a switch over all agents', '1', () => switchesOn('agent/all', [person('di', { acts_for: 'bo' })])],
    ['counts no more by whose agent a switch over all stops', '0', () => switchesOn('agent/all', [robot('robot', { acts_for: 'bo' })])],
    ['counts no more by whom the token of an agent names', '0', () => switchesOn('agent/all', [robot('robot', { token_acts_for: 'bo' })])],
    ['counts no more by who acts for an agent', '0', () => switchesOn('agent/all', [robot('robot'), person('bo', { acts_for: 'robot' })])],
    [
      'counts no more by whose token names an agent',
      '0',
      () => switchesOn('agent/all', [robot('robot'), person('bo', { token_acts_for: 'robot' })]),
    ],
    [
      'counts no more by who is linked with an agent',
      '0',
      () => switchesOn('agent/all', [robot('robot', { person: 'b' }), person('bo', { person: 'b' })]),
    ],
    [
      'counts no more by whose agent has an agent',
      '0',
      () => switchesOn('agent/all', [robot('robot', { acts_for: 'robin' }), robot('robin', { acts_for: 'bo' })]),
    ],
    ['counts no more by whose agent a switch stops', '0', () => switchesOn('agent/robot', [person('robot', { acts_for: 'bo' })])],
  ]);
});

describe('a change set', () => {
  const surface = (...rows: object[]) => rows;
  const lend = version('lend', 1, {
    surface: surface({ type: 't', operation: 'create', properties: [] }, { type: 't', operation: 'delete' }),
    floors: [{ approvals: 1 }, { glass: {} }],
  });
  const send = version('send', 2, { surface: surface({ type: 'u', operation: 'modify', properties: ['b'] }), floors: [{ approvals: 2 }] });
  const rows = (more: Rows = {}): Rows => ({
    ...{
      action_type: [type('lend', 1), type('send', 2), type('keep', 1), type('make', 1), type('$ontology', 1)],
      ontology_version: [ontology(1)],
    },
    action_type_version: [
      lend,
      version('send', 1, { surface: surface({ type: 'v', operation: 'delete' }) }),
      send,
      version('keep', 1, { surface: surface({ type: 'w', operation: 'delete' }) }),
      version('make', 1, { surface: surface({ type: 'u', operation: 'create', properties: [] }) }),
      version('$ontology', 1),
    ],
    object_type: [
      { name: 't', ontology_version: 1, definition: { properties: { a: {}, k: {} } }, key_property: 'k' },
      { name: 'u', ontology_version: 1, definition: { properties: { b: {}, c: {} } } },
    ],
    ...more,
  });
  const combine = (name = 'lend+send', more: Rows = {}): Attempt => ({
    rows: rows(more),
    call: 'SELECT exequatur.combine_actions($1)',
    values: [name],
  });
  const sorted = 'XQ006: the names of a change set are sorted and joined by +';
  const look =
    "SELECT (SELECT string_agg(concat(s ->> 'operation', ' ', s ->> 'type', ' ', s -> 'properties'), '; ') FROM jsonb_array_elements(v.surface) s) FROM exequatur.action_type_version v WHERE strpos(v.name, '+') > 0";
  each([
    ['combines', '1', () => combine()],
    ['is what it was', '11', () => ({ ...combine(), call: 'SELECT exequatur.combine_actions($1) + 10 * exequatur.combine_actions($1)' })],
    [
      'may what its actions may, and what becomes of it together',
      'create t []; delete t ; modify t ["a"]; modify u ["b"]',
      () => ({ ...combine(), look }),
    ],
    ['may no more where nothing is deleted', 'create u ["b"]; modify u ["b"]', () => ({ ...combine('make+send'), look })],
    ['is no single action', sorted, () => combine('send')],
    ['is not empty', sorted, () => combine('+')],
    ['is sorted', sorted, () => combine('send+lend')],
    ['of one', '1', () => combine('lend+')],
    ['has no action that there is not', 'null', () => combine('lend+other')],
    [
      'has no action that is retired',
      'null',
      () => combine('lend+send', { action_type: [type('lend', 1), type('send', 2, { retired: true })] }),
    ],
    ['changes no rule', 'null', () => combine('$ontology+send')],
  ]);

  const members = (actions: unknown, edits: number, more: Row = {}): Attempt => ({
    rows: {
      proposal: [proposal({ action_type: 'lend+send' })],
      action_type_version: [
        version('lend+send', 1, { definition: '{"members":{"lend":1,"send":2}}' }),
        version('lend+send', 2, { definition: '{"members":{"lend":1,"send":2,"other":1}}' }),
        version('lend', 1, { ceilings: { edits: 2, objects: {} } }),
        version('lend', 2, { ceilings: { edits: 50, objects: {} } }),
        version('send', 1, { ceilings: { edits: 50, objects: {} } }),
        version('send', 2, { ceilings: { edits: 3, objects: { t: 1 } }, ...more }),
        version('other', 1, { ceilings: { edits: 50, objects: {} } }),
      ],
    },
    call: "SELECT exequatur.check_members(p, $1::jsonb, ARRAY[ROW('create', 't', '{}', $2)::exequatur.plan_shape]) FROM exequatur.proposal p",
    values: [JSON.stringify({ actions }), edits],
  });
  const of = (...names: string[]) => names.map((actionType) => ({ actionType }));
  const none = 'XQ003: an action of the set is none of its members';
  const many = 'XQ005: the plan has more edits than the actions of the set may make';
  each([
    ['makes what its actions may', '', () => members(of('lend', 'send'), 3)],
    ['makes more of one type than its actions may', many, () => members(of('lend', 'send'), 4)],
    ['makes more than its action may', many, () => members(of('lend'), 3)],
    ['has actions', none, () => members({}, 0)],
    ['has a list of actions', none, () => members(undefined, 0)],
    ['has an action', none, () => members([], 0)],
    ['has members alone', none, () => members(of('lend', 'other'), 1)],
  ]);
});

describe('a subscription', () => {
  const named = (id: string, name: string, more: Row = {}) => subscription({ id, name, ...more });
  const entry = (name = 'x', kind = 'subscription.disabled', reason = 'gone') => auditEntry({ type: kind, facts: { name, reason } });
  const give = ({ s = {} as Row, claimed = executionId as string | null, entries = [entry()], lanes = [] as Row[] } = {}): Attempt => ({
    rows: {
      subscription: [named(planId, 'x', s), named(proposalId, 'other')],
      event_lane: [{ sink: planId, claimed_by: claimed }, ...lanes],
    },
    call: "SELECT exequatur.disable_subscription($1, $2, $3, 'gone', '410', 'gone', $4::jsonb)",
    values: [tenant(), planId, executionId, JSON.stringify(entries)],
  });
  const other = 'XQ015: the audit entry tells of something else';
  each([
    ['is given up', 'true', () => give()],
    ['alone is given up', 'x', () => ({ ...give(), look: 'SELECT name FROM exequatur.subscription WHERE disabled_at IS NOT NULL' })],
    ['is given up by who serves it', 'false', () => give({ claimed: randomUUID() })],
    [
      'is given up by nobody who serves another',
      'false',
      () => give({ claimed: null, lanes: [{ sink: proposalId, claimed_by: executionId }] }),
    ],
    ['is given up once', 'false', () => give({ s: { disabled_at: past, disabled_reason: 'gone' } })],
    ['is told of', other, () => give({ entries: [] })],
    ['is told of alone', other, () => give({ entries: [entry(), entry()] })],
    ['is told of by name', other, () => give({ entries: [entry('other')] })],
    ['is told of with why', other, () => give({ entries: [entry('x', 'subscription.disabled', 'failing')] })],
    ['is told of as that', other, () => give({ entries: [entry('x', 'subscription.changed')] })],
  ]);
});
