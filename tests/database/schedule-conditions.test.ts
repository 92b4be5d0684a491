// What a schedule asks of its runs: each with everything as it should be, and with one fact of it another.
import { describe } from 'vitest';
import {
  type Attempt,
  craftedRows,
  executionId,
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

const due = '2026-01-01T00:00:00Z';
const schedule = (more: Row = {}): Row => ({
  ...{ id: planId, action_type: 'send', parameters: '{"to":"hall"}', justification: 'daily', timing: {}, skip_while_open: false },
  ...{ owner_id: 'ann', request_hash: 'h', state: 'active', state_by: 'ann', state_at: past, version: 1, created_at: past },
  ...more,
});
const version = (number: number, level: number) =>
  typeVersion({ version: number, definition: JSON.stringify({ actionType: { parameters: { level: { default: level }, to: {} } } }) });
const type = (more: Row = {}): Rows => ({ action_type: [{ name: 'send', current_version: 1, retired: false, ...more }] });
const retired = type({ retired: true });
const ran = (more: Row = {}): Row => ({ schedule_id: planId, nominal_at: past, proposal_id: executionId, created_at: past, ...more });
const run = (rows: Rows = {}, parameters = '{"level":7,"to":"hall"}', look?: string, problem: unknown = null): Attempt => ({
  rows: {
    ontology_version: [{ version: 1, document: '{}', digest: 'd', created_by: 'ann', created_at: past }],
    schedule: [schedule()],
    ...type(),
    action_type_version: [version(1, 7), version(2, 8)],
    principal: [person('ann')],
    ...rows,
  },
  call: "SELECT exequatur.run_schedule($1, $2, $3, $4, '{}', 's', '1 hour', $5)",
  values: [planId, due, proposalId, parameters, problem === null ? null : JSON.stringify(problem)],
  ...(look === undefined ? {} : { look }),
});
const open = (status: string, skip_while_open = true): Rows => ({
  schedule: [schedule({ skip_while_open })],
  schedule_run: [ran()],
  proposal: [proposal({ id: executionId, status })],
});
const under = (name: string): Rows => ({
  principal: [person('ann', { person: 'anna' }), person('home', { person: name, disabled: true })],
});
const other = 'XQ006: this is not what the schedule asks for';
const proposed = 'SELECT count(*) FROM exequatur.proposal';

describe('a schedule', () => {
  each([
    ['runs', 'true', run()],
    ['runs as what it asks for', '1', run({}, undefined, proposed)],
    ['that is paused', 'false', run({ schedule: [schedule({ state: 'paused' })] })],
    ['that is not there', 'false', run({ schedule: [] })],
    ['that has run at this time', 'false', run({ schedule_run: [ran({ nominal_at: due })] })],
    ['that has run at another time', 'true', run({ schedule_run: [ran()] })],
    ['that finds something wrong', 'gone', run({}, '{}', 'SELECT refused FROM exequatur.schedule_run', { code: 'gone' })],
    ['that waits for an earlier run', 'false', run(open('awaiting_approval'))],
    ['that does not wait for an earlier run', 'true', run(open('awaiting_approval', false))],
    ['whose earlier run has ended', 'true', run(open('executed'))],
    ['whose owner is not there', other, run({ principal: [person('bo')] })],
    ['whose owner is disabled', other, run({ principal: [person('ann', { disabled: true })] })],
    ['whose owner is disabled under another name', other, run(under('anna'))],
    ['whose owner is not who is disabled', 'true', run(under('bob'))],
    ['with a parameter twice', other, run({}, '{"to":"hall","to":"hall","level":7}')],
    ['with another parameter than it says', other, run({}, '{"to":"roof","level":7}')],
    ['with another parameter than is usual', other, run({}, '{"to":"hall","level":8}')],
    ['with a parameter that nobody knows', other, run({}, '{"to":"hall","x":1}')],
    ['without a parameter', other, run({}, '{"level":7}')],
    ['without a usual parameter', 'true', run({}, '{"to":"hall"}')],
    ['with what is usual since', 'true', run(type({ current_version: 2 }), '{"to":"hall","level":8}')],
    ['with what was usual before', other, run(type({ current_version: 2 }))],
    ['of what is retired, with what was usual', other, run(retired)],
    ['of what is retired', '0', run(retired, '{"to":"hall"}', proposed)],
  ]);
});
