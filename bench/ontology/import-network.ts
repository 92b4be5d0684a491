import { randomUUID } from 'node:crypto';
import type { NetworkBatch } from '../../examples/flight-network/load-network.ts';
import { tokenOf } from '../../scripts/dev/load-network.ts';
import { propose } from '../../scripts/rest/carry-proposal.ts';
import type { Proposal } from '../../scripts/rest/proposal.ts';
import { expectGood, type RestClient, restClient } from '../../scripts/rest/rest-client.ts';
import type { StackTenant } from '../../scripts/stack/tenants.ts';
import { growNetwork } from './grow-network.ts';

export interface Imported {
  objects: number;
  batches: number;
  seconds: number;
  /** Of each batch of the largest size, milliseconds from request to plan and from approval to commit. */
  simulate: number[];
  execute: number[];
  /** How often a batch had gone stale and was simulated again. */
  stale: number;
}

/** What one plan may hold unless its action type says otherwise. */
const batchSize = 10_000;

/**
 * Imports a network as any user would: each batch is proposed by one administrator, approved by another, and executed; over HTTP with tokens. `overlap` batches are
 * under way at the same time, so that one is simulated while another is executed; airports are there before anything that refers to them is proposed.
 */
export async function importNetwork(apiUrl: string, tenant: StackTenant, objects: number, overlap: number): Promise<Imported> {
  const proposer = restClient(apiUrl, tokenOf(tenant, 'ontology-admin-1'));
  const approver = restClient(apiUrl, tokenOf(tenant, 'ontology-admin-2'));
  const imported: Imported = { objects: 0, batches: 0, seconds: 0, simulate: [], execute: [], stale: 0 };
  const from = performance.now();
  const batches = growNetwork(objects, batchSize);
  const first = batches.next();
  if (!first.done) await importBatch(proposer, approver, first.value, imported);
  // One generator for all lanes: whoever is free takes the next batch.
  const lane = async (): Promise<void> => {
    for (const batch of batches) await importBatch(proposer, approver, batch, imported);
  };
  await Promise.all(Array.from({ length: overlap }, lane));
  imported.seconds = (performance.now() - from) / 1000;
  return imported;
}

async function importBatch(proposer: RestClient, approver: RestClient, batch: NetworkBatch, imported: Imported): Promise<void> {
  const from = performance.now();
  const request = { actionType: 'importNetwork', parameters: batch.parameters, justification: `${batch.objects} ${batch.title}` };
  const proposal = await propose(proposer, request, randomUUID());
  const simulated = performance.now();
  const reviewed = await approver.post<{ proposal: Proposal }>(
    `/v1/proposals/${proposal.id}/reviews`,
    { decision: 'approve', reason: 'benchmark' },
    { 'if-match': `"${proposal.planDigest}"`, prefer: 'wait=60' },
  );
  const executed = expectGood(reviewed, 'approving a batch').proposal;
  if (executed.status !== 'executed') throw new Error(`a batch of ${batch.objects} is ${executed.status}`);
  imported.objects += batch.objects;
  imported.batches += 1;
  imported.stale += executed.revision - 1;
  if (batch.objects === batchSize) {
    imported.simulate.push(simulated - from);
    imported.execute.push(performance.now() - simulated);
  }
}
