import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OntologyDocument } from '../../ontology/definition.ts';
import { tokenOf } from '../../scripts/dev/load-network.ts';
import { propose, untilExecuted, untilInForce } from '../../scripts/rest/carry-proposal.ts';
import { expectGood, type RestClient, restClient } from '../../scripts/rest/rest-client.ts';
import type { StackTenant } from '../../scripts/stack/tenants.ts';
import { connectedNetwork } from './connect-flights.ts';
import { flightNumber } from './grow-network.ts';

export interface Evolved {
  /** From the request until it was approved and executed. */
  answeredMs: number;
  /** Until the index was ready, or the document in force. */
  seconds: number;
  objects: number;
  /** The longest of the small actions that went on beside it, from the request to the commit. */
  longestMs: number;
}

/** Policy alone lets batches through, as large as they come. */
export const evolvingNetwork: OntologyDocument = {
  ...connectedNetwork,
  approvalPolicies: {
    ...connectedNetwork.approvalPolicies,
    migration: {
      stages: [{ name: 'admins', thresholds: [{ needed: 1, reviewers: "'ontology-admin' in reviewer.roles" }] }],
      expiresAfter: 'P1D',
      automatic: { condition: 'true', ceilings: { edits: 2_000 } },
    },
  },
};

function withFlight(change: object): OntologyDocument {
  const flight = evolvingNetwork.objectTypes.flight;
  if (flight === undefined) throw new Error('the network has no flights');
  const properties = { ...flight.properties, ...change };
  return { ...evolvingNetwork, objectTypes: { ...evolvingNetwork.objectTypes, flight: { ...flight, properties } } };
}

const indexed = { gate: { type: 'string', required: true, default: '' }, distance: { type: 'integer', indexed: true } } as const;

interface Uploaded {
  migration: { rules: { objects: number }[] };
  proposal: { id: string } | null;
}

/** Two uploads, each beside small actions: one that adds a required property, which a migration fills, and one that makes a property indexed. */
export async function evolveNetwork(apiUrl: string, tenant: StackTenant): Promise<{ migrated: Evolved; indexed: Evolved }> {
  const admin = restClient(apiUrl, tokenOf(tenant, 'ontology-admin-1'));
  const second = restClient(apiUrl, tokenOf(tenant, 'ontology-admin-2'));
  const agent = restClient(apiUrl, tokenOf(tenant, 'ops-agent'));
  const filled = {
    ...withFlight({ gate: indexed.gate }),
    migrations: [{ objectType: 'flight', set: { gate: "'A1'" }, approvalPolicy: 'migration' }],
  };
  const migrated = await beside(agent, async () => {
    const answer = await admin.put<Uploaded>('/v1/ontology', filled);
    const { rules } = expectGood(answer, 'uploading').migration;
    const id = await untilInForce(answer, second, 'uploading');
    return { objects: rules[0]?.objects ?? 0, isDone: () => isMigrated(admin, id ?? '') };
  });
  const built = await beside(agent, async () => {
    await untilInForce(await admin.put<Uploaded>('/v1/ontology', withFlight(indexed)), second, 'uploading');
    return { objects: migrated.objects, isDone: () => isIndexed(admin) };
  });
  return { migrated, indexed: built };
}

async function isMigrated(client: RestClient, id: string): Promise<boolean> {
  const { state } = expectGood(await client.get<{ state: string }>(`/v1/ontology/migrations/${id}`), 'asking for the migration');
  if (state !== 'running' && state !== 'done') throw new Error(`the migration is ${state}`);
  return state === 'done';
}

async function isIndexed(client: RestClient): Promise<boolean> {
  const { indexes } = expectGood(await client.get<{ indexes: { state: string }[] }>('/v1/ontology/indexes'), 'asking for indexes');
  return indexes.every(({ state }) => state === 'ready');
}

const askEveryMs = 200;

async function beside(agent: RestClient, begin: () => Promise<{ objects: number; isDone: () => Promise<boolean> }>): Promise<Evolved> {
  const stop = new AbortController();
  const small = smallActions(agent, stop.signal);
  const from = performance.now();
  const { objects, isDone } = await begin();
  const answeredMs = performance.now() - from;
  while (!(await isDone())) await sleep(askEveryMs);
  const seconds = (performance.now() - from) / 1000;
  stop.abort();
  return { answeredMs, seconds, objects, longestMs: Math.max(...(await small)) };
}

/** One after another, each executed by policy alone. Returns how long each took. */
async function smallActions(agent: RestClient, signal: AbortSignal): Promise<number[]> {
  const took: number[] = [];
  for (let turn = 0; !signal.aborted; turn++) {
    const from = performance.now();
    const parameters = { flights: [flightNumber(1 + (turn % 1_000))], minutes: 1, reason: 'benchmark' };
    const proposal = await propose(agent, { actionType: 'delayFlights', parameters, justification: 'benchmark' }, randomUUID());
    await untilExecuted(agent, proposal.id);
    took.push(performance.now() - from);
  }
  return took;
}
