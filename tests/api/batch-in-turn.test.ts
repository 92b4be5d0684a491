// On the run's servers: tests/support/database.ts, tests/support/temporal.ts. No worker takes what Temporal is given.
import { Client, Connection } from '@temporalio/client';
import type pg from 'pg';
import { afterEach, expect, it } from 'vitest';
import { ordinaryLimits } from '../../api/admission.ts';
import { cedar } from '../../policy/cedar.ts';
import { decide } from '../../policy/decide.ts';
import { openPool } from '../../store/connect.ts';
import { OntologyCache } from '../../store/load-ontology.ts';
import { PolicySets } from '../../store/policy-sets.ts';
import { openProposals, undeliveredNudges } from '../../store/relay-work.ts';
import { simulateProposal } from '../../store/simulate-proposal.ts';
import { proposalWorkflowId } from '../../workflows/proposal.contract.ts';
import { building } from '../store/fixture.ts';
import { temporalAddress } from '../support/temporal.ts';
import { ApiScene } from './api-scene.ts';

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

function pool(url: string): pg.Pool {
  const opened = openPool(url);
  stops.push(() => opened.end());
  return opened;
}

it('of a batch no more members are started at once than calls would be, and the relay leaves the others alone until nobody holds them', async () => {
  const engineLimits = { ...ordinaryLimits, atOnce: 2 };
  const scene = await ApiScene.open({ temporal: temporalAddress(), engineLimits, suspiciousMs: 600_000 });
  stops.push(() => scene.close());
  const connection = await Connection.connect({ address: temporalAddress() });
  stops.push(() => connection.close());
  const client = new Client({ connection });
  const [worker, relay] = [pool(scene.database.urls.worker), pool(scene.database.urls.relay)];
  expect((await scene.as({ id: 'ontology-admin-1' }).put('/v1/ontology', building)).status).toBe(201);

  const proposals = Array.from({ length: 6 }, (_, at) => ({
    actionType: 'askFloor',
    parameters: { name: `F${at}` },
    justification: 'a floor',
  }));
  const { status, body } = await scene
    .as({ id: 'agent-1', kind: 'agent', roles: ['agent'] })
    .post('/v1/proposals:batch', { proposals }, { 'idempotency-key': 'six' });
  expect(status).toBe(200);
  const members: string[] = body.results.map(({ proposalId }: { proposalId: string }) => proposalId);

  const isStarted = (id: string) =>
    client.workflow
      .getHandle(proposalWorkflowId(id))
      .describe()
      .then(
        () => true,
        () => false,
      );
  const started = async () => {
    const found = await Promise.all(members.map(isStarted));
    return members.filter((_, at) => found[at]);
  };
  await expect.poll(started).toHaveLength(2);
  expect(scene.context.engine.load).toEqual({ atWork: 2, waiting: 4 });
  expect(await undeliveredNudges(relay, { olderThanMs: 0, limit: 100 })).toEqual([]);
  expect(await openProposals(relay, { quietMs: 0, limit: 100 })).toEqual([]);

  // What has come to a person makes room for the next.
  const deps = { decide, ontologies: new OntologyCache([]), policies: new PolicySets(cedar) };
  for (const id of await started())
    expect(await simulateProposal(worker, scene.tenant, id, deps)).toMatchObject({ status: 'awaiting_approval' });
  await expect.poll(started).toHaveLength(4);

  await scene.database.advanceClock(61_000);
  const left = members.slice(2).sort();
  expect((await undeliveredNudges(relay, { olderThanMs: 0, limit: 100 })).map(({ proposalId }) => proposalId).sort()).toEqual(left);
  expect((await openProposals(relay, { quietMs: 0, limit: 100 })).map(({ proposalId }) => proposalId)).toEqual(
    expect.arrayContaining(left),
  );
});
