// What is proposed anew, by a person, a schedule or a migration: each with everything as it should be, and with one fact of it another.
import { randomUUID } from 'node:crypto';
import { describe } from 'vitest';
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
  typeVersion,
} from './crafted-rows.ts';

const { each } = craftedRows();

const type = (current_version: number, more: Row = {}): Row => ({ name: 'send', current_version, retired: false, ...more });
const version = (number: number, parameters: object = {}, more: Row = {}) =>
  typeVersion({ version: number, definition: JSON.stringify({ actionType: { parameters } }), ...more });
const ontology = (number: number): Row => ({ version: number, document: '{}', digest: 'd', created_by: 'ann', created_at: past });
const withDefault = { b: { type: 'integer', default: 2 } };

describe('a proposal is raised to the version in force', () => {
  const unplanned = { plan_id: null, plan_digest: null, failure: null, parameters: '{"a":1}' };
  const raise = (said = '{"a":1}', p: Row = {}, more: Rows = {}): Attempt => ({
    rows: {
      ...{ proposal: [proposal({ status: 'simulating', ...unplanned, ...p })], action_type: [type(2)], ontology_version: [ontology(1)] },
      action_type_version: [version(1), version(2, withDefault)],
      ...more,
    },
    call: 'SELECT exequatur.raise_proposal($1, $2)',
    values: [proposalId, said],
  });
  const refused = 'XQ006: a proposal is raised while it is simulated, and a revert never';
  const none = 'XQ006: there is no later version of send in force';
  each([
    ['with what it had', '2', () => raise()],
    ['with a default of that version', '2', () => raise('{"a":1,"b":2}')],
    ['with something else than the default', 'null', () => raise('{"a":1,"b":3}')],
    ['with something else than it had', 'null', () => raise('{"a":2}')],
    ['without what it had', 'null', () => raise('{}')],
    ['with what it had twice', 'null', () => raise('{"a":1,"a":1}')],
    ['while it waits', refused, () => raise('{"a":1}', { status: 'changes_requested' })],
    ['that takes something back', refused, () => raise('{"a":1}', { revert_of: executionId })],
    ['that there is not', refused, () => ({ ...raise(), values: [randomUUID(), '{}'] })],
    ['that has it', none, () => raise('{"a":1}', {}, { action_type: [type(1)] })],
    ['of an action type that is retired', none, () => raise('{"a":1}', {}, { action_type: [type(2, { retired: true })] })],
  ]);
});

describe('a proposal is revised', () => {
  const revise = (p: Row = {}, { parameters = '{"a":1}', expires = future, more = {} as Rows } = {}): Attempt => ({
    rows: { proposal: [proposal({ status: 'changes_requested', ...p })], action_type: [type(1)], ontology_version: [ontology(1)], ...more },
    call: "SELECT exequatur.revise_proposal($1, $2, 'because', 'seed', $3)",
    values: [proposalId, parameters, expires],
  });
  const refused = 'XQ006: a proposal is revised after changes were requested, in time, and a revert never';
  const has = 'XQ006: a revision has parameters, and time';
  const setting = (p: Row): Attempt => ({
    ...revise(p),
    call: "SELECT exequatur.revise_setting($1, '{}', 'because', 'seed', $2, true, 'd')",
    values: [proposalId, future],
  });
  const revisedFor = (p: Row = {}, by: Row = {}, named: string | null = null): Attempt => ({
    ...revise(p, { more: { principal: [person('ann', by)] } }),
    call: "SELECT exequatur.revise_proposal($1, '{}', 'because', 'seed', $2, $3)",
    values: [proposalId, future, named],
    look: 'SELECT revised_for::text FROM exequatur.proposal',
  });
  each([
    ['after changes were requested', '2', () => revise()],
    ['before', refused, () => revise({ status: 'simulating' })],
    ['too late', refused, () => revise({ expires_at: past })],
    ['that takes something back', refused, () => revise({ revert_of: executionId })],
    ['that there is not', refused, () => ({ ...revise(), values: [randomUUID(), '{}', future] })],
    ['with something twice', has, () => revise({}, { parameters: '{"a":1,"a":1}' })],
    ['without time', has, () => revise({}, { expires: past })],
    [
      'of an action type that is retired',
      'XQ006: the action type is retired',
      () => revise({}, { more: { action_type: [type(1, { retired: true })] } }),
    ],
    [
      'that changes a rule',
      '2',
      () => ({
        ...setting({ action_type: '$ontology', loosens: false }),
        rows: { ...revise({ action_type: '$ontology', loosens: false }).rows, action_type: [type(1, { name: '$ontology' })] },
      }),
    ],
    ['for nobody', '{}', () => revisedFor()],
    ['for whom the directory says', '{bo,cy}', () => revisedFor({}, { acts_for: 'bo', token_acts_for: 'cy' })],
    [
      'for whom its token names, beside those before',
      '{bo,cy,di}',
      () => revisedFor({ revised_for: ['di', 'cy'] }, { acts_for: 'bo' }, 'cy'),
    ],
    ['that nobody knows, for those before', '{cy,di}', () => revisedFor({ revised_for: ['di'] }, { id: 'robot' }, 'cy')],
    ['as if it changed a rule', 'XQ006: this changes nothing that governs', () => setting({})],
  ]);
});

describe('a schedule proposes', () => {
  const nominal = '2020-01-02T00:00:00Z';
  const schedule = (more: Row = {}): Row => ({
    ...{
      id: planId,
      action_type: 'send',
      parameters: '{"a":1}',
      justification: 'because',
      timing: {},
      skip_while_open: false,
      owner_id: 'ann',
      request_hash: 'h',
    },
    ...{ state: 'active', state_by: 'ann', state_at: past, version: 1, created_at: past },
    ...more,
  });
  const ran = (more: Row = {}): Row => ({ schedule_id: planId, nominal_at: past, proposal_id: executionId, created_at: past, ...more });
  const run = (s: Row = {}, { parameters = '{"a":1}', more = {} as Rows, problem = null as string | null } = {}): Attempt => ({
    rows: {
      ...{ schedule: [schedule(s)], principal: [person('ann')], action_type: [type(2)], ontology_version: [ontology(1)] },
      action_type_version: [version(1, withDefault), version(2, { b: { type: 'integer', default: 3 } })],
      ...more,
    },
    call: "SELECT exequatur.run_schedule($1, $2, $3, $4, '{}', 'seed', '1 day', $5::jsonb)",
    values: [planId, nominal, proposalId, parameters, problem],
  });
  const refused = 'XQ006: this is not what the schedule asks for';
  const open = (status: string) => ({ schedule_run: [ran()], proposal: [proposal({ id: executionId, status })] });
  const proposed = { look: 'SELECT count(*) FROM exequatur.proposal' };
  each([
    ['what it says', 'true', () => run()],
    ['and then it is there', '1', () => ({ ...run(), ...proposed })],
    [
      'for those for whom it was made',
      '{bo,cy}',
      () => ({ ...run({ made_for: ['bo', 'cy'] }), look: 'SELECT revised_for::text FROM exequatur.proposal' }),
    ],
    ['with the default of the version in force', 'true', () => run({}, { parameters: '{"a":1,"b":3}' })],
    ['with the default of a former one', refused, () => run({}, { parameters: '{"a":1,"b":2}' })],
    ['something else', refused, () => run({}, { parameters: '{"a":2}' })],
    ['without what it says', refused, () => run({}, { parameters: '{}' })],
    ['with what it says twice', refused, () => run({}, { parameters: '{"a":1,"a":1}' })],
    ['for nobody', refused, () => run({}, { more: { principal: [] } })],
    ['for somebody disabled', refused, () => run({}, { more: { principal: [person('ann', { disabled: true })] } })],
    ['while it is paused', 'false', () => run({ state: 'paused' })],
    ['a second time', 'false', () => run({}, { more: { schedule_run: [ran({ nominal_at: nominal })] } })],
    ['once more', 'true', () => run({}, { more: { schedule_run: [ran()] } })],
    ['beside what it proposed before', 'true', () => run({}, { more: open('awaiting_approval') })],
    ['beside what it proposed before, if it is not to', 'false', () => run({ skip_while_open: true }, { more: open('awaiting_approval') })],
    ['after what it proposed before, if it is not to beside it', 'true', () => run({ skip_while_open: true }, { more: open('executed') })],
    ['nothing, where there is a problem', '0', () => ({ ...run({}, { problem: '{"code":"forbidden","faults":[]}' }), ...proposed })],
    [
      'nothing of an action type that is retired',
      '0',
      () => ({ ...run({}, { more: { action_type: [type(2, { retired: true })] } }), ...proposed }),
    ],
    [
      'nothing by the default of an action type that is retired',
      refused,
      () => run({}, { parameters: '{"a":1,"b":3}', more: { action_type: [type(2, { retired: true })] } }),
    ],
  ]);
});

describe('a migration', () => {
  const migration = (more: Row = {}): Row => ({
    ...{
      id: planId,
      state: 'running',
      document: '{}',
      digest,
      target: {},
      restore: {},
      rules: [{ actionType: 'send' }],
      base_version: 1,
      started_by: 'ann',
      proposer_kind: 'user',
    },
    ...{ proposer_roles: [], started_at: past },
    ...more,
  });
  const batch = (number: number, proposal_id: string): Row => ({ migration_id: planId, number, proposal_id, rule: 0, pass: 1, objects: 1 });
  const propose = (number: number, { m = {} as Row, more = {} as Rows } = {}): Attempt => ({
    rows: { ontology_migration: [migration(m)], action_type: [type(1)], ontology_version: [ontology(1), ontology(2)], ...more },
    call: "SELECT exequatur.propose_batch($1, $2, 0, 1, NULL, 1, $3, '{}', '1 day')",
    values: [planId, number, proposalId],
  });
  const batchIn = (status: string): Rows => ({
    migration_batch: [batch(1, executionId)],
    proposal: [proposal({ id: executionId, status })],
  });
  const before = 'XQ006: the batch before is not through';
  const end = (outcome: string, m: Row = {}, more: Rows = {}): Attempt => ({
    rows: { ontology_migration: [migration(m)], ontology_version: [ontology(1), ontology(2)], ...more },
    call: "SELECT exequatur.end_migration($1, $2, 'ann', NULL, NULL)",
    values: [planId, outcome],
  });
  const done = { state: 'done', ended_at: past };
  each([
    ['proposes a batch', 'true', () => propose(1)],
    ['proposes nothing once it is over', 'false', () => propose(1, { m: done })],
    ['proposes a batch once', 'false', () => propose(1, { more: batchIn('executed') })],
    ['proposes the next once one is done', 'true', () => propose(2, { more: batchIn('executed') })],
    ['proposes the next once one was not to be done', 'true', () => propose(2, { more: batchIn('invalid') })],
    ['proposes the next too soon', before, () => propose(2, { more: batchIn('approved') })],
    ['leaves one out', before, () => propose(3, { more: batchIn('executed') })],
    [
      'proposes by an action type that is retired',
      'XQ006: the migration has no such rule',
      () => propose(1, { more: { action_type: [type(1, { retired: true })] } }),
    ],
    ['ends once', 'null', () => end('failed', done)],
    ['ends', 'XQ006: the migration cannot end like that', () => end('running')],
    ['ends on other definitions', 'XQ006: the migration cannot end like that', () => end('failed', { base_version: 7 })],
    ['ends when it is through', '3', () => end('done', { target: { document: '{}', digest: 'e' } }, batchIn('executed'))],
    ['ends before it is through', 'XQ006: a batch of the migration is not through', () => end('done', {}, batchIn('approved'))],
  ]);
});
