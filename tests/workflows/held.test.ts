import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { Caller } from '../../ontology/authority.ts';
import { setFreezeWindow } from '../../store/change-freeze-window.ts';
import { timeSkippingEnvironment } from '../support/temporal.ts';
import { SkippingShop } from './skipping-shop.ts';

const operator: Caller = { id: 'operator', kind: 'user', roles: ['operator'], tokenIssuedAt: '2026-01-01T00:00:00.000Z' };
let environment: TestWorkflowEnvironment;
let skipping: SkippingShop;
beforeAll(async () => {
  environment = await timeSkippingEnvironment();
});
afterEach(() => skipping?.shop.close());
afterAll(() => environment?.teardown());

it.each([
  ['that goes on', {}],
  ['whose successor remembers nothing', { maxCachedWorkflows: 0 }],
])('what a freeze window holds is executed when it closes, by a worker %s', async (_, options) => {
  skipping = await SkippingShop.open(environment);
  const { shop } = skipping;
  const seen: string[] = [];
  await skipping.startWorker(
    (step) => async (start) => {
      const state = await step(start);
      seen.push(state.status);
      return state;
    },
    options,
  );
  await shop.installed('hall');
  const now = await environment.currentTimeMs();
  const once = { from: new Date(now - 60_000).toISOString(), until: new Date(now + 1_200_000).toISOString() };
  await shop.write((tx) => setFreezeWindow(tx, { name: 'now', reason: 'x', once, by: operator }, shop.deps));
  seen.length = 0;
  const id = await shop.started('install', { names: ['stairs'] });
  expect(await shop.outcome(id)).toBe('executed');
  expect([seen.includes('scheduled'), seen.at(-1)]).toEqual([true, 'executed']);
  const [row] = await shop.query(
    `SELECT (x.executed_at >= w.ends_at) AS after FROM exequatur.execution x, exequatur.freeze_window w WHERE x.proposal_id = '${id}'`,
  );
  expect(row).toEqual({ after: true });
});
