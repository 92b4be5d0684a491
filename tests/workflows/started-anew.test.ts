import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { redeliverNudges } from '../../events/redeliver-nudges.ts';
import { restartLostWorkflows } from '../../events/restart-lost-workflows.ts';
import type { Caller } from '../../ontology/authority.ts';
import { startTemporalDevServer } from '../../scripts/temporal/dev-server.ts';
import { setFreezeWindow } from '../../store/change-freeze-window.ts';
import { openLogger } from '../../telemetry/logger.ts';
import { LampShop } from './lamp-shop.ts';

let shop: LampShop;
beforeEach(async () => {
  shop = await LampShop.open();
});
afterEach(() => shop?.close());

const once = { executions: 1, history: 1, executedEvents: 1, plans: 1 };
const logger = openLogger('test');
const relayOf = ({ relayPool: pool, client, taskQueue }: LampShop) => ({ pool, client, taskQueue, logger });
const quiet = () => shop.database.advanceClock(60_000); // What the relay takes for missed must have been so for a while.

describe('a workflow that Temporal has lost is started anew', () => {
  it('in simulating', async () => {
    const id = await shop.propose('install', { names: ['hall'] });
    await quiet();
    expect(await restartLostWorkflows(relayOf(shop))).toBe(1);
    await shop.startWorker();
    expect(await shop.outcome(id)).toBe('executed');
    expect(await shop.traces(id)).toEqual(once);
  });

  it('in awaiting_approval', async () => {
    await shop.startWorker();
    await shop.installed('hall');
    const id = await shop.proposed('dim', { lamp: 'hall', level: 5 });
    await shop.handle(id).terminate();
    await quiet();
    expect(await restartLostWorkflows(relayOf(shop))).toBe(1);
    await shop.review(id);
    await shop.signal(id, 'dim');
    expect(await shop.outcome(id)).toBe('executed');
    expect(await shop.traces(id)).toEqual(once);
  });

  it('in approved', async () => {
    await shop.startWorker();
    await shop.installed('hall');
    const id = await shop.proposed('dim', { lamp: 'hall', level: 6 });
    await shop.handle(id).terminate();
    await shop.review(id);
    expect(await shop.status(id)).toBe('approved');
    await quiet();
    expect(await restartLostWorkflows(relayOf(shop))).toBe(1);
    expect(await shop.outcome(id)).toBe('executed');
    expect(await shop.lampLevel('hall')).toBe(6);
  });

  it('in executing: the execution had begun and not been applied', async () => {
    await shop.startWorker();
    await shop.installed('hall');
    const id = await shop.proposed('dim', { lamp: 'hall', level: 16 });
    await shop.handle(id).terminate();
    await shop.review(id);
    await shop.beginExecution(id);
    expect(await shop.status(id)).toBe('executing');
    await quiet();
    expect(await restartLostWorkflows(relayOf(shop))).toBe(1);
    expect(await shop.outcome(id)).toBe('executed');
    expect(await shop.traces(id)).toEqual(once);
  });

  it('in changes_requested', async () => {
    await shop.startWorker();
    await shop.installed('hall');
    const id = await shop.proposed('dim', { lamp: 'hall', level: 26 });
    await shop.handle(id).terminate();
    await shop.review(id, 'request_changes');
    expect(await shop.status(id)).toBe('changes_requested');
    await quiet();
    expect(await restartLostWorkflows(relayOf(shop))).toBe(1);
    await shop.withdraw(id);
    await shop.nudge(id);
    expect(await shop.outcome(id)).toBe('withdrawn');
  });

  it('in scheduled', async () => {
    await shop.startWorker();
    await shop.installed('hall');
    const by: Caller = { id: 'operator', kind: 'user', roles: ['operator'], tokenIssuedAt: '2026-01-01T00:00:00.000Z' };
    const once = { from: new Date(Date.now() - 60_000).toISOString(), until: new Date(Date.now() + 1_800_000).toISOString() };
    await shop.write((tx) => setFreezeWindow(tx, { name: 'now', reason: 'x', once, by }, shop.deps));
    const id = await shop.started('install', { names: ['stairs'] });
    await expect.poll(() => shop.status(id)).toBe('scheduled');
    await shop.handle(id).terminate();
    await quiet();
    expect(await restartLostWorkflows(relayOf(shop))).toBe(1);
    await shop.database.advanceClock(1_800_000); // The window closes; the workflow, started anew, is told to look.
    await shop.nudge(id);
    expect(await shop.outcome(id)).toBe('executed');
  });

  it('and left alone while it runs, and for proposals that have ended', async () => {
    await shop.startWorker();
    await shop.installed('hall');
    const id = await shop.proposed('dim', { lamp: 'hall', level: 7 });
    const { runId } = await shop.handle(id).describe();
    await quiet();
    expect(await restartLostWorkflows(relayOf(shop))).toBe(0);
    expect((await shop.handle(id).describe()).runId).toBe(runId);
  });

  it('and told to look again where it is the engine’s turn and every nudge was lost', async () => {
    await shop.startWorker();
    await shop.installed('hall');
    const id = await shop.proposed('dim', { lamp: 'hall', level: 9 });
    await shop.review(id);
    await quiet();
    await shop.database.advanceClock(1_000);
    expect(await restartLostWorkflows(relayOf(shop))).toBe(0);
    expect(await shop.outcome(id)).toBe('executed');
  });

  it('when all of Temporal is new: every open proposal goes on where it stood', async () => {
    const before = await startTemporalDevServer();
    const own = await LampShop.open({ temporal: before.address });
    try {
      await own.startWorker();
      await own.installed('hall');
      const waiting = await own.proposed('dim', { lamp: 'hall', level: 8 });
      await before.stop();
      const approvedMeanwhile = own.review(waiting); // PostgreSQL decides, whether or not Temporal is there.
      await approvedMeanwhile;
      const missed = await own.propose('install', { names: ['porch'] });
      const after = await startTemporalDevServer({ preferredPort: Number(before.address.split(':')[1]) });
      try {
        expect(after.address).toBe(before.address);
        await own.database.advanceClock(60_000);
        await expect.poll(() => restartLostWorkflows(relayOf(own)).catch(() => -1)).toBeGreaterThan(0);
        await expect.poll(() => own.status(waiting)).toBe('executed');
        await expect.poll(() => own.status(missed)).toBe('executed');
        expect(await own.traces(waiting)).toEqual(once);
        expect(await own.lampLevel('hall')).toBe(8);
      } finally {
        await own.close();
        await after.stop();
      }
    } finally {
      await before.stop();
    }
  });
});

describe('a nudge that the API could not deliver', () => {
  it('starts the workflow of a proposal that Temporal never heard of, and is delivered once', async () => {
    await shop.startWorker();
    const id = await shop.propose('install', { names: ['hall'] });
    await quiet();
    expect(await redeliverNudges(relayOf(shop))).toBe(1);
    expect(await shop.outcome(id)).toBe('executed');
    expect(await redeliverNudges(relayOf(shop))).toBe(0);
  });

  it('lets a waiting workflow go when the proposal has ended meanwhile', async () => {
    await shop.startWorker();
    await shop.installed('hall');
    const id = await shop.proposed('dim', { lamp: 'hall', level: 9 });
    await shop.withdraw(id);
    await quiet();
    await redeliverNudges(relayOf(shop));
    expect(await shop.outcome(id)).toBe('withdrawn');
  });

  it('starts nothing for a proposal that has ended and has no workflow', async () => {
    const id = await shop.propose('install', { names: ['hall'] });
    await shop.withdraw(id);
    await quiet();
    expect(await redeliverNudges(relayOf(shop))).toBeGreaterThan(0);
    await expect(shop.handle(id).describe()).rejects.toThrow();
    expect(await redeliverNudges(relayOf(shop))).toBe(0);
  });
});
