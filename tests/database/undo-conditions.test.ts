// What stands in the way of an undo, and what an operator was shown of it: each with everything as it should be, and with one fact of it another.
import { describe } from 'vitest';
import { auditEntry } from '../../audit/entry.ts';
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
  type Rows,
} from './crafted-rows.ts';

const { each, tenant } = craftedRows();

const object = (type: string, id: string, properties: Row = {}, more: Row = {}): Row => ({
  ...{ type, id, version: 1, alive: true, properties, property_versions: {} },
  ...more,
});
const index = (type: string, property: string, key: string, object_id: string): Row => ({ type, property, key, object_id });
const required = { type: 'string', required: true };
const definitions: Rows = {
  object_type: [
    {
      ...{ name: 'box', ontology_version: 1, unique_properties: ['name'], references: { shelf: 'shelf' } },
      definition: { properties: { name: { type: 'string' }, code: required, shelf: { type: 'reference', to: 'shelf' } } },
    },
    { name: 'shelf', ontology_version: 1, definition: { properties: {} } },
  ],
  link_type: [
    { name: 'beside', definition: {}, cardinality: 'many-to-many', from_type: 'box', to_type: 'shelf' },
    { name: 'holds', definition: {}, cardinality: 'one-to-many', from_type: 'box', to_type: 'shelf', via: 'x' },
  ],
};

describe('what stands in the way of an undo', () => {
  const edit = (op: string, type: string, id: string | null, set: Row = {}, more: Row = {}): Row => ({
    ...{ op, type, id, set, unset: [], before: {}, touched: Object.keys(set) },
    ...more,
  });
  const obstacles = (edits: Row[], rows: Rows = {}): Attempt => ({
    rows: { ...definitions, ...rows },
    call: `SELECT concat_ws(' ', x.type, x.id, x.property, x.because, x.by ->> 'type', x.by ->> 'id')
             FROM exequatur.undo_obstacles($1, ARRAY(SELECT e FROM jsonb_populate_recordset(NULL::exequatur.plan_edit, $2::jsonb) e)) x ORDER BY 1`,
    values: [tenant(), JSON.stringify(edits)],
  });
  const cases = (list: readonly [name: string, expected: string, edits: Row[], rows?: Rows][]) =>
    each(list.map(([name, expected, edits, rows]): Case => [name, expected, () => obstacles(edits, rows)]));

  const named = { object: [object('box', 'a', { name: 'n' })], object_index: [index('box', 'name', 'n', 'a')] };
  const create = edit('create', 'box', 'b', { code: 'c', name: 'n' });
  const notUnique = 'box b $ not_unique box a';
  describe('of a unique value', () => {
    cases([
      ['that nobody has', 'none', [create]],
      ['that another has by now', notUnique, [create], named],
      ['that another has by now, of one property', 'box b name not_unique box a', [edit('modify', 'box', 'b', { name: 'n' })], named],
      ['that it has itself', 'none', [edit('create', 'box', 'a', { code: 'c', name: 'n' }, { touched: [] })], named],
      ['that one had who is gone', 'none', [create], { ...named, object: [object('box', 'a', { name: 'n' }, { alive: false })] }],
      ['that begins as that of another', 'none', [create], { ...named, object: [object('box', 'a', { name: 'n and more' })] }],
      ['that another gives back', 'none', [create, edit('delete', 'box', 'a')], named],
      ['that another changes back', 'none', [create, edit('modify', 'box', 'a', { name: 'm' })], named],
      [
        'that another keeps, of which something else is changed back',
        notUnique,
        [create, edit('modify', 'box', 'a', { code: 'd' })],
        named,
      ],
    ]);
  });

  const shelf = { object: [object('shelf', 's')] };
  const refers = edit('modify', 'box', 'b', { shelf: 's' });
  const unknown = 'box b shelf unknown_reference shelf s';
  describe('of a reference', () => {
    cases([
      ['to what is there', 'none', [refers], shelf],
      ['to what was never there', unknown, [refers]],
      ['to what is gone', unknown, [refers], { object: [object('shelf', 's', {}, { alive: false })] }],
      ['to what comes back', 'none', [refers, edit('create', 'shelf', 's')]],
      ['to what goes', unknown, [refers, edit('delete', 'shelf', 's')], shelf],
      ['to nothing', 'box b shelf defined_otherwise', [edit('modify', 'box', 'b', { shelf: null })]],
    ]);
  });

  const remove = edit('delete', 'shelf', 's');
  const referring = { object_index: [index('box', 'shelf', 's', 'a')] };
  const still = 'shelf s $ still_referenced box a';
  const beside = (more: Row = {}): Rows => ({
    link: [{ link: 'beside', from_type: 'box', from_id: 'a', to_type: 'shelf', to_id: 's', version: 1, alive: true, ...more }],
  });
  const unlink = edit('unlink', 'beside', null, {}, { from_id: 'a', to_id: 's' });
  describe('of what is to go', () => {
    cases([
      ['to which nothing refers', 'none', [remove]],
      ['to which something refers', still, [remove], referring],
      ['of a name under which something else is referred to', 'none', [edit('delete', 'box', 's')], referring],
      ['to which what goes as well refers', 'none', [remove, edit('delete', 'box', 'a')], referring],
      ['to which something refers no more', 'none', [remove, edit('modify', 'box', 'a', {}, { touched: ['shelf'] })], referring],
      [
        'to which something refers of which something else is changed back',
        still,
        [remove, edit('modify', 'box', 'a', { code: 'd' })],
        referring,
      ],
      ['to which a link leads', 'shelf s $ still_referenced beside a s', [remove], beside()],
      ['from which a link leads', 'box a $ still_referenced beside a s', [edit('delete', 'box', 'a')], beside()],
      ['to which a link led that is gone', 'none', [remove], beside({ alive: false })],
      ['from which a link led that is gone', 'none', [edit('delete', 'box', 'a')], beside({ alive: false })],
      ['of a name to which a link of others leads', 'none', [edit('delete', 'box', 's')], beside()],
      ['of a name from which a link of others leads', 'none', [edit('delete', 'shelf', 'a')], beside()],
      ['to which a link leads that goes as well', 'none', [remove, unlink], beside()],
      [
        'to which a link leads beside one that goes',
        'shelf s $ still_referenced beside a s',
        [remove, { ...unlink, from_id: 'b' }],
        beside(),
      ],
    ]);
  });

  const link = edit('link', 'beside', null, {}, { from_id: 'a', to_id: 's' });
  const ends = { object: [object('box', 'a'), object('shelf', 's')] };
  const noEnd = 'beside a s $ unknown_reference shelf s';
  describe('of a link', () => {
    cases([
      ['of what is there', 'none', [link], ends],
      ['of what was never there', noEnd, [link], { object: [object('box', 'a')] }],
      ['of what is gone', noEnd, [link], { object: [object('box', 'a'), object('shelf', 's', {}, { alive: false })] }],
      ['of what comes back', 'none', [link, edit('create', 'shelf', 's')], { object: [object('box', 'a')] }],
      ['of what goes', noEnd, [link, remove], ends],
      ['of a kind that there is not', 'other a s $ defined_otherwise', [{ ...link, type: 'other' }], ends],
      ['of a kind that is a property by now', 'holds a s $ defined_otherwise', [{ ...link, type: 'holds' }], ends],
    ]);
  });

  describe('of definitions', () => {
    const otherwise = 'box b $ defined_otherwise';
    cases([
      ['that admit what comes back', 'none', [edit('create', 'box', 'b', { code: 'c' })]],
      ['that do not admit a value of what comes back', otherwise, [edit('create', 'box', 'b', { code: 7 })]],
      ['that do not admit a value', 'box b code defined_otherwise', [edit('modify', 'box', 'b', { code: 7 })]],
      ['that do not know the property', 'box b size defined_otherwise', [edit('modify', 'box', 'b', { size: 7 })]],
      ['that do not know the type', 'crate b $ defined_otherwise', [edit('create', 'crate', 'b', { code: 'c' })]],
      ['that ask for what comes back without', otherwise, [edit('create', 'box', 'b', { name: 'n' })]],
      ['that ask for what would be taken away', 'box b code defined_otherwise', [edit('modify', 'box', 'b', {}, { touched: ['code'] })]],
      ['that do not ask for what would be taken away', 'none', [edit('modify', 'box', 'b', {}, { touched: ['name'] })]],
      ['that do not admit what goes', 'none', [edit('delete', 'box', 'b', { code: 7 })]],
    ]);
  });
});

describe('an operator was shown', () => {
  const one = { type: 'box', id: 'a', property: 'code', because: 'changed' };
  const shown = (conflicts: object[], before: object[]): Attempt => ({
    rows: {},
    call: 'SELECT exequatur.were_shown($1::jsonb, $2::jsonb)',
    values: [JSON.stringify(conflicts), JSON.stringify(before)],
  });
  each([
    ['what they leave', 'true', shown([one], [one])],
    ['more than they leave', 'true', shown([one], [one, { ...one, id: 'b' }])],
    ['it for another reason', 'true', shown([one], [{ ...one, because: 'not_unique' }])],
    ['less', 'false', shown([one, { ...one, id: 'b' }], [one])],
    ['another property', 'false', shown([one], [{ ...one, property: 'name' }])],
    ['another type', 'false', shown([one], [{ ...one, type: 'shelf' }])],
    ['nothing', 'false', shown([one], [])],
  ]);
});

describe('an asking', () => {
  const saga = (run: number, more: Row = {}): Row => ({ proposal_id: proposalId, run, plan_id: planId, digest, begun_at: past, ...more });
  each([
    [
      'of the run that is open has another name each time, and that of one that ended keeps its own',
      'true false',
      {
        rows: {
          ...logUpTo('proposal.compensating'),
          proposal: [proposal({ status: 'compensating' })],
          saga: [saga(1, { ended_at: past, asking: planId }), saga(2, { asking: planId })],
        },
        call: 'SELECT exequatur.need_attention($1)',
        values: [proposalId],
        look: `SELECT string_agg((s.asking = '${planId}')::text, ' ' ORDER BY s.run) FROM exequatur.saga s`,
      },
    ],
  ]);
});

describe('an undo', () => {
  const history = (type: string, id: string, property: string): Row => ({
    ...{ execution_id: executionId, proposal_id: proposalId, version: 2, at: past, type, object_id: id, op: 'modify', unset: [] },
    ...{ ordinal: 1, before: { [property]: 'old' }, set: { [property]: 'new' } },
  });
  const conflict = { type: 'box', id: 'a', property: 'code', because: 'changed' };
  /** One property is as the execution left it, another was changed since. */
  const undo = (saga: Row, look?: string, misfits: readonly Row[] = []): Attempt => ({
    rows: {
      ...definitions,
      ...logUpTo('proposal.compensating'),
      proposal: [proposal({ status: 'compensating' })],
      saga: [
        {
          ...{ proposal_id: proposalId, run: 1, plan_id: planId, digest, begun_at: past, direction: 'back', turned_at: past },
          ...{ back_to: 'failed', edits: 'applied', ...saga },
        },
      ],
      execution: [
        {
          ...{ id: executionId, proposal_id: proposalId, plan_id: planId, digest, edits: 2, started_at: past, executed_at: past },
          outcome: {},
        },
      ],
      object: [
        object('box', 'a', { code: 'newer' }, { version: 3, property_versions: { $: 1, code: 3 } }),
        object('box', 'b', { code: 'new' }, { version: 2, property_versions: { $: 1, code: 2 } }),
      ],
      object_history: [history('box', 'a', 'code'), { ...history('box', 'b', 'code'), ordinal: 2 }],
      type_state: [{ type: 'box' }, { type: 'shelf' }],
    },
    call: 'SELECT exequatur.undo_execution($1, $2::jsonb, $3::jsonb)',
    values: [
      proposalId,
      JSON.stringify([auditEntry({ type: 'execution.undone', proposalId, facts: { executionId, planDigest: digest } })]),
      JSON.stringify(misfits),
    ],
    ...(look === undefined ? {} : { look }),
  });
  const misfit = (id: string, property: string): Row => ({ type: 'box', id, property });
  const shown = `SELECT string_agg(concat_ws(' ', c ->> 'id', c ->> 'because'), ', ' ORDER BY c ->> 'id') FROM exequatur.saga s, jsonb_array_elements(s.conflicts) c`;
  const leavesBoth = { skips_conflicts: true, conflicts: [conflict, { ...misfit('b', 'code'), because: 'defined_otherwise' }] };
  const leaves = { skips_conflicts: true, conflicts: [conflict] };
  const stuck = '{"undone":false,"conflicts":1}';
  each([
    ['asks about what stands in its way', stuck, undo({})],
    [
      'asks about what it is told that definitions do not admit',
      '{"undone":false,"conflicts":2}',
      undo({}, undefined, [misfit('b', 'code')]),
    ],
    [
      'asks about nothing else that it is told',
      stuck,
      undo({}, undefined, [misfit('a', 'code'), misfit('b', 'name'), misfit('c', 'code')]),
    ],
    ['names it as what was defined otherwise', 'a changed, b defined_otherwise', undo({}, shown, [misfit('b', 'code')])],
    [
      'puts none of it back where that was left',
      '{"edits":0,"undone":true,"conflicts":2}',
      undo(leavesBoth, undefined, [misfit('b', 'code')]),
    ],
    ['leaves what an operator was shown', '{"edits":1,"undone":true,"conflicts":1}', undo(leaves)],
    ['asks again where somebody was shown it and did not leave it', stuck, undo({ ...leaves, skips_conflicts: false })],
    ['asks again about what an operator was not shown', stuck, undo({ ...leaves, conflicts: [{ ...conflict, property: 'name' }] })],
    [
      'puts back what is as it was left, and nothing else',
      'a newer, b old',
      undo(leaves, "SELECT string_agg(id || ' ' || (properties ->> 'code'), ', ' ORDER BY id) FROM exequatur.object"),
    ],
    [
      'moves what is looked at again where the types are those it wrote',
      'box 1, shelf 0',
      undo(leaves, "SELECT string_agg(type || ' ' || counter, ', ' ORDER BY type) FROM exequatur.type_state"),
    ],
  ]);
});
