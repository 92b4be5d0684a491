// Which events are read, and what a relay may say of its lanes: each with everything as it should be, and with one fact of it another.
import { describe } from 'vitest';
import { type Attempt, craftedRows, executionId, future, past, planId, proposalId, type Row, type Rows } from './crafted-rows.ts';
import { entryRow } from './log-rows.ts';

const { each, tenant } = craftedRows();

const refused = '23514: ';
const hash = `\\x${'00'.repeat(32)}`;
const idOf = (number: number) => `00000000-0000-4000-8000-0000000000e${number}`;
const entry = (seq: number, of: string | null = proposalId) => entryRow(seq, 'proposal.reminded', {}, { id: idOf(seq), proposal_id: of });
const told = (seq: number, type: string, more: Row = {}): Row => ({
  ...{ id: `00000000-0000-4000-8000-0000000000f${seq}`, audit_entry_id: idOf(seq), type, subject: type, proposal_id: null, data: {} },
  ...{ created_at: past, ...more },
});
const history = { execution_id: executionId, proposal_id: proposalId, version: 1, at: past };
const room = (object_id: string, ordinal: number, more: Row = {}): Row => ({
  ...{ ...history, type: 'room', object_id, ordinal, op: 'create', before: {}, set: { name: object_id, secret: 's' }, unset: [], ...more },
});
const link = (to_id: string, ordinal: number, more: Row = {}): Row => ({
  ...{ ...history, link: 'beside', from_id: 'a', to_id, ordinal, op: 'link', ...more },
});
const later = { at: '2020-01-03T00:00:00Z' };

/** Of five entries the second has edits, and the third is followed by a checkpoint. */
const log: Rows = {
  audit_head: [{ seq: 5, hash }],
  audit_entry: [entry(1, null), entry(2), entry(3, null), entry(4), entry(5)],
  outbox: [
    told(1, 'one'),
    told(2, 'object.changes', { proposal_id: proposalId, data: { executionId } }),
    told(3, 'three'),
    { ...told(3, 'audit.checkpoint', { data: { size: 3 } }), id: planId },
    told(4, 'four', { proposal_id: proposalId }),
    told(5, 'five', { proposal_id: proposalId }),
  ],
  object_type: [{ name: 'room', ontology_version: 1, definition: { properties: { name: {}, secret: { sensitive: true } } } }],
  object_history: [room('a', 1), room('b', 2), room('c', 1, later)],
  link_history: [link('b', 3), link('c', 1, later)],
};

describe('events', () => {
  const read = (seq: number, skip = 0, lim = 100, bytes = 100_000, of: string | null = null, more: Rows = {}): Attempt => ({
    rows: { ...log, ...more },
    call: `SELECT string_agg(e.seq || '.' || e.ordinal || coalesce(' ' || e.type, '') || CASE WHEN e.type IS NOT NULL AND e.data IS NULL THEN ' untold' ELSE '' END, ', ' ORDER BY e.place)
             FROM exequatur.events_after($1, $2, $3, $4, $5, $6) WITH ORDINALITY e(seq, ordinal, at, id, type, subject, key, data, traceparent, place)`,
    values: [tenant(), seq, skip, lim, bytes, of],
  });
  const edits = '2.1 object.created, 2.2 object.created, 2.3 link.created';
  each([
    ['all', `1.1 one, ${edits}, 3.1 three, 4.1 audit.checkpoint, 4.2 four, 5.1 five, 6.0`, () => read(0)],
    ['after an entry', '3.1 three, 4.1 audit.checkpoint, 4.2 four, 5.1 five, 6.0', () => read(2)],
    ['after a part of what an entry has', '2.3 link.created, 3.1 three, 4.1 audit.checkpoint, 4.2 four, 5.1 five, 6.0', () => read(1, 2)],
    ['after a checkpoint', '4.2 four, 5.1 five, 6.0', () => read(3, 1)],
    ['after the last', '6.0', () => read(5)],
    ['of a proposal', `${edits}, 4.2 four, 5.1 five, 6.0`, () => read(0, 0, 100, 100_000, proposalId)],
    ['of a proposal, after an entry', '4.2 four, 5.1 five, 6.0', () => read(2, 0, 100, 100_000, proposalId)],
    ['of a proposal, one at a time', '5.1 five', () => read(4, 0, 1, 100_000, proposalId)],
    ['one at a time', '5.1 five', () => read(4, 0, 1)],
    ['as many as are asked for', '4.1 audit.checkpoint, 4.2 four', () => read(3, 0, 2)],
    ['as much as is asked for', '4.1 audit.checkpoint', () => read(3, 0, 100, 12)],
    ['at least one, whatever its size', '5.1 five', () => read(4, 0, 100, 1)],
    ['as many edits as are asked for', '2.1 object.created, 2.2 object.created', () => read(1, 0, 2)],
    ['as much of edits as is asked for', '2.1 object.created', () => read(1, 0, 100, 350)],
  ]);

  // Each stands in front of what else its entry has, by its id.
  const untold = (seq: number, type: string, data: Row): Row => ({
    ...told(seq, type, { data, proposal_id: proposalId }),
    id: `00000000-0000-4000-8000-0000000000a${seq}`,
  });
  const spoilt: Rows = {
    outbox: [
      ...(log.outbox ?? []),
      untold(3, 'audit.checkpoint', { size: 'x' }),
      untold(4, 'audit.checkpoint', { size: 'x' }),
      untold(5, 'object.changes', { executionId: 'none' }),
    ],
  };
  const fourth = '4.2 audit.checkpoint untold, 4.3 four';
  const fifth = '5.1 object.changes untold, 5.2 five, 6.0';
  /** The row that tells of edits, otherwise. */
  const changes = (more: Row): Rows => ({
    outbox: (log.outbox ?? []).map((row) =>
      row.type === 'object.changes' ? { ...row, subject: `execution/${executionId}`, proposal_id: proposalId, ...more } : row,
    ),
  });
  const ill: Rows = { object_history: [room('a', 1, { set: ['a'] }), room('b', 2, { set: ['b'] })] };
  each([
    [
      'and in its place what cannot be told',
      `1.1 one, ${edits}, 3.1 audit.checkpoint untold, 3.2 three, 4.1 audit.checkpoint, ${fourth}, ${fifth}`,
      () => read(0, 0, 100, 100_000, null, spoilt),
    ],
    [
      'of a proposal, and in its place what cannot be told',
      `${edits}, ${fourth}, ${fifth}`,
      () => read(0, 0, 100, 100_000, proposalId, spoilt),
    ],
    ['after what cannot be told, once', `4.3 four, ${fifth}`, () => read(3, 2, 100, 100_000, null, spoilt)],
    ['of edits whose values cannot be told, each in its place', '2.1 object.created untold', () => read(1, 0, 1, 100_000, null, ill)],
    ['after one whose values cannot be told', '2.2 object.created untold, 2.3 link.created', () => read(1, 1, 2, 100_000, null, ill)],
    ['of edits by the subject and history', `${edits}, 3.1 three`, () => read(1, 0, 4, 100_000, null, changes({ data: {} }))],
    [
      'of edits by history at its time',
      `${edits}, 3.1 three`,
      () => read(1, 0, 4, 100_000, null, changes({ created_at: '2020-01-05T00:00:00Z' })),
    ],
    ['of edits that nobody can name', '2.1 object.changes untold', () => read(1, 0, 1, 100_000, null, changes({ data: {}, subject: 'x' }))],
  ]);

  const tells = (type: string, data: unknown, at = past, more: Row = {}): Attempt => ({
    rows: { outbox: [told(1, type, { data, ...more })] },
    call: 'SELECT exequatur.can_be_told(o, $1::timestamptz) FROM exequatur.outbox o',
    values: [at],
  });
  each([
    ['can be told of data', 'true', tells('one', {})],
    ['can be told of an execution', 'true', tells('object.changes', { executionId })],
    ['can be told of a size', 'true', tells('audit.checkpoint', { size: 3 })],
    ['cannot be told of no execution', 'false', tells('object.changes', {})],
    ['cannot be told of what is no execution', 'false', tells('object.changes', { executionId: `${executionId}0` })],
    ['cannot be told of no size', 'false', tells('audit.checkpoint', { size: '3x' })],
    ['cannot be told of what are no data', 'false', tells('one', 'x')],
    ['cannot be told at a time without end', 'false', tells('one', {}, past, { created_at: 'infinity' })],
    ['cannot be told of an entry at a time without end', 'false', tells('one', {}, 'infinity')],
  ]);

  const changed = (data: Row, more: Rows = {}): Attempt => ({
    rows: {
      outbox: [told(2, 'object.changes', { proposal_id: proposalId, subject: `execution/${executionId}`, data })],
      object_history: log.object_history ?? [],
      ...more,
    },
    call: `SELECT concat_ws(' ', c.data ->> 'executionId' = $1, c.created_at = $2::timestamptz)
             FROM exequatur.outbox o CROSS JOIN exequatur.changes_told(o, false) c WHERE o.type = 'object.changes'`,
    values: [executionId, past],
  });
  each([
    ['tell of edits what their row says', 't t', changed({ executionId })],
    ['tell of no edits where there were none', 't t', changed({ executionId, edits: 0 }, { object_history: [] })],
    ['tell of no edits, of which their row does not say whose', 't t', changed({ edits: 0 })],
    ['tell of edits when an object changed', 't t', changed({}, { object_history: [room('a', 1, { at: '-infinity' }), room('b', 2)] })],
    [
      'tell of edits when a link did',
      't t',
      changed({}, { object_history: [], link_history: [link('b', 1, { at: '-infinity' }), link('c', 2)] }),
    ],
  ]);

  const edited = (skip: number, lim: number, bytes: number, answer = "string_agg(e.ordinal::text, ',')"): Attempt => ({
    rows: log,
    call: `SELECT ${answer} FROM exequatur.outbox o CROSS JOIN exequatur.object_events($1, o, $2, $3, $4) e WHERE o.type = 'object.changes'`,
    values: [tenant(), skip, lim, bytes],
  });
  each([
    ['of edits', '1,2,3', () => edited(0, 100, 100_000)],
    ['of edits after the first', '2,3', () => edited(1, 100, 100_000)],
    ['of edits after all', 'null', () => edited(3, 100, 100_000)],
    ['of edits, read until there is no room', '1', () => edited(0, 100, 1)],
    [
      'of links, read until there is no room',
      '3',
      () => ({ ...edited(2, 100, 1), rows: { ...log, link_history: [link('b', 3), link('d', 4)] } }),
    ],
    [
      'of edits, without what nobody may read',
      '["secret"] "a"',
      () => edited(0, 1, 1, "(e.data ->> 'masked') || ' ' || (e.data -> 'set' -> 'name')"),
    ],
  ]);
});

describe('a lane', () => {
  const mine = planId;
  const lane = (sink = 'kafka', claimed_by: string | null = mine): Row => ({ sink, seq: 2, ordinal: 0, claimed_by, claimed_until: future });
  const lanes = (...event_lane: Row[]): Rows => ({ ...log, event_lane });
  const moves = (event_lane: Row[], seq = 4, ordinal = 0, look?: string): Attempt => ({
    rows: lanes(...event_lane),
    call: "SELECT exequatur.move_lane($1, 'kafka', $2, $3, $4, interval '1 minute')",
    values: [tenant(), mine, seq, ordinal],
    ...(look ? { look } : {}),
  });
  const held = (more: Row): Row => ({ sink: 'kafka', key: proposalId, event_id: 'x', type: 'x', reason: 'r', held_at: past, ...more });
  const four = { seq: 4, ordinal: 2, id: told(4, '').id, type: 'four', key: proposalId };
  const holds = (event_lane: Row[], hold: Row[] = [], more: Partial<typeof four> = {}, look?: string): Attempt => {
    const { seq, ordinal, id, type, key } = { ...four, ...more };
    return {
      rows: { ...lanes(...event_lane), event_hold: hold },
      call: "SELECT exequatur.hold_key($1, 'kafka', $2, $3, $4, $5, $6, $7, 'in vain')",
      values: [tenant(), mine, key, seq, ordinal, id, type],
      ...(look ? { look } : {}),
    };
  };
  const where = "SELECT string_agg(sink || ' ' || seq, ',' ORDER BY sink) FROM exequatur.event_lane";
  const at = "SELECT seq || '.' || ordinal FROM exequatur.event_hold";
  const on = `${refused}a lane moves on, up to the end of the log`;
  const none = `${refused}there is no such event to hold`;
  each([
    ['moves', 'kafka 4,other 2', () => moves([lane(), lane('other')], 4, 0, where)],
    ['moves to the end of the log', 'true', () => moves([lane()], 5)],
    ['moves past the end of the log', on, () => moves([lane()], 6)],
    ['moves back', on, () => moves([lane()], 1)],
    ['is moved by whoever claims another', 'false', () => moves([lane('kafka', null), lane('other')])],
    ['is moved by whoever does not claim it', 'false', () => moves([lane('kafka', executionId)])],
    ['holds a key', 'true', () => holds([lane()])],
    ['holds a key for whoever claims another', 'false', () => holds([lane('kafka', null), lane('other')])],
    ['holds a key for whoever does not claim it', 'false', () => holds([lane('kafka', executionId)])],
    ['holds another key than the event has', none, () => holds([lane()], [], { key: executionId })],
    ['holds a key at an event that is not there', none, () => holds([lane()], [], { ordinal: 3 })],
    ['holds a key further on', '4.2', () => holds([lane()], [held({ seq: 2, ordinal: 1 })], {}, at)],
    ['holds a key no earlier', '5.1', () => holds([lane()], [held({ seq: 5, ordinal: 1 })], {}, at)],
  ]);
});

describe('the log reaches', () => {
  const reaches = (seq: number, ordinal: number, feed: Row[] = [{ head_seq: 5, checkpoints: 2 }]): Attempt => ({
    rows: { audit_head: [{ seq: 5, hash }], event_feed: feed },
    call: 'SELECT exequatur.is_in_log($1, $2, $3)',
    values: [tenant(), seq, ordinal],
  });
  each([
    ['every place of earlier entries', 'true', () => reaches(4, 99)],
    ['the checkpoints of its last entry', 'true', () => reaches(5, 2)],
    ['no more checkpoints than there are', 'false', () => reaches(5, 3)],
    ['no later entry', 'false', () => reaches(6, 0)],
    ['no checkpoints of an earlier entry', 'false', () => reaches(5, 1, [{ head_seq: 4, checkpoints: 2 }])],
    ['its last entry, with or without checkpoints', 'true', () => reaches(5, 0, [])],
  ]);
});
