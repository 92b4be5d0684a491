import { randomUUID } from 'node:crypto';
import { until } from '../rest/carry-proposal.ts';
import type { Proposal } from '../rest/proposal.ts';
import { expectGood } from '../rest/rest-client.ts';
import type { Cast } from './cast.ts';
import { approveAndExecute } from './decide-closure.ts';
import { count, heading, table, text } from './page.ts';

interface ChangeSet extends Proposal {
  planSummary: NonNullable<Proposal['planSummary']> & { actions: { actionType: string; edits: number }[] };
}

const actions = [
  { actionType: 'closeAirport', parameters: { airport: 'BOI', reason: 'fog' } },
  { actionType: 'delayFlights', parameters: { flights: ['00006', '00007', '00008'], minutes: 45, reason: 'fog at Boise' } },
];

/** An agent's whole answer to one event: several actions that are approved, executed and taken back together or not at all. */
export async function proposeChangeSet(cast: Cast, hashNow: () => Promise<string>): Promise<void> {
  heading('Fog at Boise: the agent proposes a closure and delays as one change set');
  const before = await hashNow();
  const body = { changeSet: { actions, justification: 'Visibility is below minimum until noon.' } };
  const answer = await cast.agent.post<Proposal>('/v1/proposals:batch', body, { 'idempotency-key': randomUUID() });
  const proposed = expectGood(answer, 'Proposing the change set');
  const set = (await until(cast.agent, proposed.id, (status) => status !== 'simulating')) as ChangeSet;
  table([['in one plan', 'edits'], ...set.planSummary.actions.map(({ actionType, edits }) => [actionType, edits])]);
  text('everybody is asked whom the policies of its actions ask:', ...(set.approval?.missing ?? '').split(', '), '');
  const executed = await approveAndExecute(approvers(cast, 'As the agent says.'), set);

  const revert = await cast.dispatcher.post<Proposal>(
    `/v1/proposals/${executed.id}/revert`,
    { justification: 'The fog has lifted.' },
    { 'idempotency-key': randomUUID() },
  );
  const back = await until(cast.dispatcher, expectGood(revert, 'Proposing the revert').id, (status) => status !== 'simulating');
  text('', `one revert takes back all ${count(executed.execution?.edits ?? 0)} edits`, '');
  await approveAndExecute(approvers(cast, 'Clear again.'), back);
  if ((await hashNow()) !== before) throw new Error('The change set was not taken back whole.');
  text('the hash over all objects is what it was before');
}

function approvers(cast: Cast, reason: string) {
  return [
    { who: 'duty-manager-1', client: cast.dutyManager, reason },
    { who: 'safety-officer', client: cast.safetyOfficer, reason },
    { who: 'duty-manager-2', client: cast.otherDutyManager, reason },
  ];
}
