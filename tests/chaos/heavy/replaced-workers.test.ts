// Servers of its own, on which tests/support/database.ts and tests/support/temporal.ts stand.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bookCarrier, tellDepot } from '../../effects/parcel-domain.ts';
import { askedParcels, foreman } from '../asked-parcels.ts';
import { expectWhole } from '../expect-whole.ts';
import { ParcelDeployment } from '../parcel-deployment.ts';
import { isArrival, isCancellation } from '../parcel-service.ts';
import { clerk, receiveParcels } from '../parcel-traffic.ts';

const heldMs = 15 * 60_000; // By the database's clock, which the test sets.

let deployment: ParcelDeployment;
beforeAll(async () => {
  deployment = await ParcelDeployment.open([bookCarrier, { ...tellDepot, attempts: 50 }], { change: askedParcels });
  await receiveParcels(deployment, 4);
}, 300_000);
afterAll(() => deployment?.close(), 120_000);

it('proposals that wait for people, for their time, in the middle of an effect and in the middle of an undo go on with workers of a newer build', {
  timeout: 300_000,
}, async () => {
  const { carrier, shop, apis } = deployment;
  const former = deployment.buildId;
  let isOpen = false;
  // The depot takes nothing, and takes nothing back, before the newer build is there.
  carrier.behaviour = (received) => {
    if (isOpen) return undefined;
    if (isArrival(received)) return received.path.includes('refusing') ? { status: 409 } : { status: 503, headers: { 'retry-after': '1' } };
    return received.method === 'DELETE' || isCancellation(received) ? { status: 503, headers: { 'retry-after': '1' } } : undefined;
  };
  const waiting = await proposed('askToWeigh', { parcel: 'P0', weight: 11 });
  const held = await proposed('weigh', { parcel: 'P1', weight: 12 }, { executeAfter: new Date(Date.now() + heldMs).toISOString() });
  const inEffect = await proposed('handOver', { parcel: 'P2', depot: 'north' });
  const inUndo = await proposed('handOver', { parcel: 'P3', depot: 'refusing' });
  await reaches(waiting, 'awaiting_approval');
  await reaches(held, 'scheduled');
  await reaches(inUndo, 'compensating');
  await expect.poll(() => carrier.requests('POST', /arrivals$/).length).toBeGreaterThan(1);
  for (const id of [waiting, held, inEffect, inUndo]) await expect.poll(() => buildOf(id)).toBe(former);

  await deployment.replaceWorkers(); // The former have ended when it returns.
  expect(deployment.buildId).not.toBe(former);
  expect(await Promise.all([waiting, held, inEffect, inUndo].map((id) => shop.status(id)))).toEqual([
    'awaiting_approval',
    'scheduled',
    'executing',
    'compensating',
  ]);

  await shop.database.advanceClock(heldMs);
  await shop.nudge(held);
  isOpen = true;
  const [{ plan_digest: digest } = { plan_digest: '' }] = await shop.query<{ plan_digest: string }>(
    'SELECT plan_digest FROM exequatur.proposal WHERE id = $1',
    [waiting],
  );
  const review = await apis.post(
    `/v1/proposals/${waiting}/reviews`,
    foreman,
    { decision: 'approve' },
    { headers: { 'if-match': `"${digest}"` } },
  );
  expect(review.status).toBe(201);
  for (const id of [waiting, held, inEffect]) await reaches(id, 'executed');
  await reaches(inUndo, 'failed');
  for (const id of [waiting, held, inEffect, inUndo]) await expect.poll(() => buildOf(id)).toBe(deployment.buildId);
  for (const id of [waiting, held, inEffect]) expect(await shop.traces(id)).toMatchObject({ executions: 1, history: 1, executedEvents: 1 });
  await expectWhole(deployment);
});

async function proposed(actionType: string, parameters: Record<string, string | number>, more: object = {}): Promise<string> {
  const proposal = { actionType, parameters, justification: 'a release', ...more };
  const { status, body } = await deployment.apis.post('/v1/proposals', clerk, proposal, {
    headers: { 'idempotency-key': `${actionType}-${parameters.parcel}` },
  });
  expect(status).toBeLessThan(300);
  return body.id;
}

const reaches = (id: string, status: string) => expect.poll(() => deployment.shop.status(id), { timeout: 120_000 }).toBe(status);

/** The build that its workflow last ran on. */
async function buildOf(id: string): Promise<string | null | undefined> {
  const { raw } = await deployment.shop.handle(id).describe();
  return raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId;
}
