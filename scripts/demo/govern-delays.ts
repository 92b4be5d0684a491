import { randomUUID } from 'node:crypto';
import type { OntologyDocument } from '../../ontology/definition.ts';
import { propose, review, until, untilExecuted } from '../rest/carry-proposal.ts';
import { expectGood, type Problem } from '../rest/rest-client.ts';
import type { Cast } from './cast.ts';
import { explain } from './explain.ts';
import { heading, table, text } from './page.ts';

const flights = ['00001', '00002'];
const delay = (minutes: number) => ({
  actionType: 'delayFlights',
  parameters: { flights, minutes, reason: 'De-icing' },
  justification: 'The queue for de-icing is an hour long.',
});

/** What policy alone approves, what it asks people for, what is sent back to the agent, what has to wait, and what is stopped; each with its explanation. */
export async function governDelays(cast: Cast): Promise<void> {
  await smallDelay(cast);
  await changesRequested(cast);
  await heldByWindow(cast);
  await switchedOff(cast);
  await stageDropped(cast);
}

async function smallDelay({ agent }: Cast): Promise<void> {
  heading('A small delay goes through by policy alone');
  const proposal = await untilExecuted(agent, (await propose(agent, delay(15), randomUUID())).id);
  text(`two flights, 15 minutes: ${proposal.status}, approved by nobody but the policy`, '');
  await explain(agent, proposal);
}

async function changesRequested({ agent, dutyManager }: Cast): Promise<void> {
  heading('A longer one is for a person, who asks for changes; the agent revises it');
  const first = await propose(agent, delay(50), randomUUID());
  text(`two flights, 50 minutes: ${first.status}`);
  const review = {
    decision: 'request_changes',
    reason: 'Too much.',
    comments: [{ text: 'Half an hour is enough for this one.', on: { type: 'flight', id: flights[0] ?? '', property: 'delay' } }],
  };
  expectGood(
    await dutyManager.post(`/v1/proposals/${first.id}/reviews`, review, { 'if-match': `"${first.planDigest}"` }),
    'Asking for changes',
  );
  text(`duty-manager-1   asks for changes, at flight ${flights[0]}: "${review.comments[0]?.text}"`);
  const { parameters } = delay(30);
  expectGood(await agent.post(`/v1/proposals/${first.id}/revisions`, { parameters }, { 'idempotency-key': randomUUID() }), 'Revising');
  const second = await until(agent, first.id, (status) => status === 'executed');
  text(`ops-agent        revises it to 30 minutes: revision ${second.revision}, which policy alone approves; ${second.status}`, '');
  const { edits } = expectGood(
    await dutyManager.get<{ edits: { kind: string; properties?: { property: string; from: unknown; to: unknown }[] }[] }>(
      `/v1/proposals/${first.id}/plan/difference`,
    ),
    'Comparing the plans',
  );
  text(`from plan to plan: ${edits.length} edits differ`, '');
  await explain(agent, second);
}

async function heldByWindow({ agent, operator }: Cast): Promise<void> {
  heading('A freeze window holds what is approved, and lets it go when it closes');
  const opensForMs = 3_000;
  const now = Date.now();
  const once = { from: new Date(now - 60_000).toISOString(), until: new Date(now + opensForMs).toISOString() };
  expectGood(await operator.put('/v1/freeze-windows/shift-change', { reason: 'The shift changes.', once }), 'Setting the window');
  const proposal = await propose(agent, delay(5), randomUUID());
  const held = await until(agent, proposal.id, (status) => status === 'scheduled');
  text(`two flights, 5 minutes: ${held.status}, held by ${held.held?.by} until ${held.held?.until}`);
  const executed = await untilExecuted(agent, proposal.id);
  const afterMs = Date.parse(executed.statusTimestamps.executed ?? '') - Date.parse(once.until);
  if (afterMs < 0) throw new Error('The window did not hold it.');
  text(`it was executed by itself ${afterMs} ms after the window closed`, '');
  await explain(agent, executed);
}

async function switchedOff({ agent, dutyManager, operator }: Cast): Promise<void> {
  heading('A switch stops the agent; to let it go on takes two people');
  const path = '/v1/switches/agent/ops-agent';
  const waiting = await propose(agent, delay(40), randomUUID());
  expectGood(await operator.put(path, { state: 'off', reason: 'It delays too much.' }), 'Switching off');
  const refused = await agent.post<Problem>('/v1/proposals', delay(5), { 'idempotency-key': randomUUID() });
  if (refused.status !== 409) throw new Error(`The agent was answered ${refused.status} although it is switched off`);
  expectGood(await review(dutyManager, waiting, 'approve', 'Agreed.'), 'Approving what is switched off');
  const held = await until(agent, waiting.id, (status) => status === 'scheduled');
  const asked = await operator.put<Problem>(path, { state: 'on', reason: 'It knows better now.' });
  if (asked.status !== 202) throw new Error(`One operator alone was answered ${asked.status}`);
  table([
    ['who', 'wants', 'answer', 'in words'],
    ['operator', 'ops-agent off', '200', 'from now on nothing it proposes is accepted or executed'],
    ['ops-agent', 'another delay', String(refused.status), refused.body.title ?? ''],
    ['duty-manager-1', 'to approve one of before', '201', `approved, and ${held.status}: nothing is executed`],
    ['operator', 'ops-agent on', String(asked.status), 'it stays off until another operator approves that proposal'],
  ]);
  text('');
  await explain(agent, waiting);
}

async function stageDropped({ administrator }: Cast): Promise<void> {
  heading('An administrator alone drops no approval stage');
  const inForce = expectGood(await administrator.get<OntologyDocument>('/v1/ontology'), 'Reading the document');
  const policies = inForce.approvalPolicies ?? {};
  const closure = policies['two-stage'];
  if (closure === undefined) throw new Error('The network has no policy of two stages');
  const laxer = { ...inForce, approvalPolicies: { ...policies, 'two-stage': { ...closure, stages: closure.stages.slice(0, 1) } } };
  const { proposal, loosens } = expectGood(await administrator.put<SettingAnswer>('/v1/ontology', laxer), 'Sending the document');
  if (proposal === null) throw new Error('The document is in force although nobody approved it');
  const waiting = await until(administrator, proposal.id, (status) => status !== 'simulating');
  if (waiting.status !== 'awaiting_approval') throw new Error(`The change is ${waiting.status}`);
  table([['loosens at', 'why'], ...loosens.map(({ pointer, message }) => [pointer, message])]);
  const self = await review(administrator, waiting, 'approve', 'It is only me.');
  text('', `the document is proposal ${proposal.id}, which waits for another administrator: ${waiting.status}`);
  text(`ontology-admin-1 approving their own: ${self.status}`, '');
  await explain(administrator, waiting);
}

interface SettingAnswer {
  proposal: { id: string } | null;
  loosens: { pointer: string; message: string }[];
}
