import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { timeSkippingEnvironment } from '../support/temporal.ts';
import type { LampShop } from './lamp-shop.ts';
import { SkippingShop } from './skipping-shop.ts';

let environment: TestWorkflowEnvironment;
let shop: LampShop;
let settled: string[] = [];

beforeAll(async () => {
  environment = await timeSkippingEnvironment();
  const skipping = await SkippingShop.open(environment);
  shop = skipping.shop;
  await skipping.startWorker((step) => async (start) => {
    const state = await step(start);
    settled.push(state.status);
    return state;
  });
  await shop.outcome(await shop.started('install', { names: ['hall'] }));
});
afterAll(async () => {
  await shop?.close();
  await environment?.teardown();
});

describe('expiry', () => {
  it('ends a proposal that nobody answered, by a timer that outlives everything', async () => {
    settled = [];
    const before = await environment.currentTimeMs();
    const id = await shop.started('dim', { lamp: 'hall', level: 1 });
    expect(await shop.outcome(id)).toBe('expired');
    expect(await shop.status(id)).toBe('expired');
    expect(await shop.lampLevel('hall')).toBe(100);
    expect((await environment.currentTimeMs()) - before).toBeGreaterThanOrEqual(59 * 60_000);
    expect(settled.filter((status) => status === 'awaiting_approval').length).toBeLessThanOrEqual(4); // It slept; it did not spin.
  });

  it('does not end one that was approved in time', async () => {
    const id = await shop.started('dim', { lamp: 'hall', level: 2 });
    await expect.poll(() => shop.status(id)).toBe('awaiting_approval');
    await shop.review(id);
    await shop.signal(id, 'dim');
    expect(await shop.outcome(id)).toBe('executed');
  });
});
