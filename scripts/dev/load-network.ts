/**
 * Loads the flight network as any user would: the definitions with PUT /v1/ontology, the objects through proposals that one ontology administrator makes and
 * the other approves. Repeating it after a crash goes on where it stopped, because each batch carries an idempotency key of its own.
 */
import { type NetworkBatch, loadNetwork as readNetwork } from '../../examples/flight-network/load-network.ts';
import { flightNetwork } from '../../examples/flight-network/ontology.ts';
import { propose, review, untilExecuted } from '../rest/carry-proposal.ts';
import { expectGood, type RestClient, restClient } from '../rest/rest-client.ts';
import type { StackTenant } from '../stack/tenants.ts';

export interface Loaded {
  objects: number;
  batches: number;
  seconds: number;
}

export async function loadNetwork(apiUrl: string, tenant: StackTenant): Promise<Loaded> {
  const startedAt = Date.now();
  const proposer = restClient(apiUrl, tokenOf(tenant, 'ontology-admin-1'));
  const approver = restClient(apiUrl, tokenOf(tenant, 'ontology-admin-2'));
  await ensureOntology(proposer);
  let objects = 0;
  const batches = readNetwork();
  if ((await executedImports(proposer, batches.length)) === batches.length) return { objects: 0, batches: 0, seconds: 0 };
  for (const [index, batch] of batches.entries()) {
    objects += await importBatch(proposer, approver, batch, index + 1, batches.length);
  }
  return { objects, batches: batches.length, seconds: (Date.now() - startedAt) / 1000 };
}

/** The network's first batch alone, its airports: enough for a tenant that others must not see. */
export async function loadAirports(apiUrl: string, tenant: StackTenant): Promise<number> {
  const proposer = restClient(apiUrl, tokenOf(tenant, 'ontology-admin-1'));
  await ensureOntology(proposer);
  const batches = readNetwork();
  const [airports] = batches;
  if (airports === undefined) return 0;
  return importBatch(proposer, restClient(apiUrl, tokenOf(tenant, 'ontology-admin-2')), airports, 1, batches.length);
}

export function tokenOf(tenant: StackTenant, principal: string): string {
  const entry = tenant.tokens[principal];
  if (!entry) throw new Error(`There is no principal ${principal}`);
  return entry.token;
}

export async function ensureOntology(admin: RestClient): Promise<void> {
  const existing = await admin.get<unknown>('/v1/ontology');
  if (existing.status === 200) return;
  expectGood(await admin.put('/v1/ontology', flightNetwork), 'PUT /v1/ontology');
}

/** Counts no further than it is asked to. A tenant that has them all is left as its people have made it since. */
async function executedImports(reader: RestClient, most: number): Promise<number> {
  const path = `/v1/proposals?actionType=importNetwork&status=executed&pageSize=${most}`;
  return expectGood(await reader.get<{ proposals: unknown[] }>(path), 'Listing the imports').proposals.length;
}

/** Each batch is executed before the next is proposed: routes refer to airports, flights to both. */
async function importBatch(proposer: RestClient, approver: RestClient, batch: NetworkBatch, number: number, of: number): Promise<number> {
  const { title, objects, parameters } = batch;
  const justification = `The flight network, batch ${number} of ${of}: ${objects} ${title}`;
  const request = { actionType: 'importNetwork', parameters, justification };
  const proposal = await propose(proposer, request, `load-network-${number}`);
  if (proposal.status === 'awaiting_approval') {
    expectGood(await review(approver, proposal, 'approve', 'The published data set'), `Approving batch ${number}`);
  }
  const executed = await untilExecuted(proposer, proposal.id);
  return executed.execution?.edits ?? 0;
}
