import { randomUUID } from 'node:crypto';
import { withCarrier } from '../../examples/flight-network/with-carrier.ts';
import { propose, review, until, untilInForce } from '../rest/carry-proposal.ts';
import type { OntologyObject, Proposal } from '../rest/proposal.ts';
import { expectGood } from '../rest/rest-client.ts';
import { type Carrier, openCarrier } from './carrier.ts';
import type { Cast } from './cast.ts';
import { heading, table, text } from './page.ts';

const flight = '00002';
const ended = ['executed', 'failed', 'needs_attention'];

interface WithEffects extends Proposal {
  effects: {
    steps: { name: string; state: string; problem: { message: string } | null }[];
    edits: string;
    attention: { id: string; step: string; choices: string[] } | null;
  } | null;
}

/** A flight whose carrier is told before it is rerouted and whose crew after: what is done outside is undone like what is done inside, and what cannot be is put before a person. */
export async function rerouteWithCarrier(cast: Cast): Promise<void> {
  const carrier = await openCarrier();
  try {
    await bringInCarrier(cast, carrier);
    await refusedAfterTheWrite(cast, carrier);
    await resolvedByAnOperator(cast, carrier);
  } finally {
    await carrier.close();
  }
}

async function bringInCarrier({ administrator, otherAdministrator }: Cast, carrier: Carrier): Promise<void> {
  heading('Rerouting becomes the carrier’s business as well: a write-back before the edit, a side effect after it');
  const answer = await administrator.put<{ proposal: { id: string } | null }>('/v1/ontology', withCarrier(carrier.url));
  await untilInForce(answer, otherAdministrator, 'Where effects go takes two people');
  const path = '/v1/endpoints/carrier/secrets/signing';
  expectGood(await administrator.put(path, {}), 'Setting the secret');
  text('ontology-admin-1 sends the document, ontology-admin-2 approves it; requests to the carrier are signed from now on');
}

async function refusedAfterTheWrite(cast: Cast, carrier: Carrier): Promise<void> {
  heading('The carrier agrees, the flight is rerouted, and then there is no crew: all of it is undone');
  const before = await destinationOf(cast);
  carrier.refuses.add('notices');
  const proposal = await propose(cast.dispatcher, reroute('DEN'), randomUUID());
  const plan = expectGood(
    await cast.dispatcher.get<{ effects: { name: string; request: { method: string; url: string; body: unknown } }[] }>(
      `/v1/proposals/${proposal.id}/plan`,
    ),
    'Reading the plan',
  );
  table([
    ['the plan shows', 'request'],
    ...plan.effects.map(({ name, request }) => [
      name,
      `${request.method} ${new URL(request.url).pathname} ${JSON.stringify(request.body)}`,
    ]),
  ]);
  const failed = await carriedOut(cast, proposal);
  if (failed.status !== 'failed') throw new Error(`The reroute is ${failed.status}`);
  table([['the carrier was asked', 'and answered'], ...carrier.log.splice(0)]);
  const after = await destinationOf(cast);
  if (after !== before) throw new Error(`The flight goes to ${after}, not to ${before} as before`);
  text(`${failed.status}; the flight goes to ${after} again, and the carrier’s reroute is cancelled`);
}

async function resolvedByAnOperator(cast: Cast, carrier: Carrier): Promise<void> {
  heading('Once more, and the carrier does not take it back: a person decides');
  carrier.refuses.add('cancellation');
  const stuck = await carriedOut(cast, await propose(cast.dispatcher, reroute('SEA'), randomUUID()));
  if (stuck.status !== 'needs_attention' || !stuck.effects?.attention) throw new Error(`The reroute is ${stuck.status}`);
  const { steps, edits, attention } = stuck.effects;
  table([
    ['step', 'state', 'why'],
    ...steps.map(({ name, state, problem }) => [name, state, problem?.message ?? '']),
    ['edits', edits, ''],
  ]);
  text(`${stuck.status}: step ${attention.step}, of which an operator may ${attention.choices.join(', ')}`);
  const decision = { choice: 'skip', reason: 'The station cancelled it by telephone.' };
  expectGood(await cast.operator.post(`/v1/proposals/${stuck.id}/resolve`, decision, { 'if-match': `"${attention.id}"` }), 'Deciding');
  const over = await until(cast.operator, stuck.id, (status) => status === 'failed');
  text(`operator         ${decision.choice}: "${decision.reason}" It is ${over.status}, and in the audit log with who and why`);
}

const reroute = (destination: string) => ({
  actionType: 'rerouteFlight',
  parameters: { flight, destination },
  justification: 'Fog at the destination.',
});

async function carriedOut(cast: Cast, proposal: Proposal): Promise<WithEffects> {
  expectGood(await review(cast.dutyManager, proposal, 'approve', 'As the dispatcher says.'), 'Approving the reroute');
  return (await until(cast.dispatcher, proposal.id, (status) => ended.includes(status))) as WithEffects;
}

async function destinationOf({ dispatcher }: Cast): Promise<unknown> {
  const { properties } = expectGood(await dispatcher.get<OntologyObject>(`/v1/objects/flight/${flight}`), 'Reading the flight');
  return properties.destination;
}
