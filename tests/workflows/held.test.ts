import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Caller } from '../../ontology/authority.ts';
import { setFreezeWindow } from '../../store/change-freeze-window.ts';
import { LampShop } from './lamp-shop.ts';

const operator: Caller = { id: 'operator', kind: 'user', roles: ['operator'], tokenIssuedAt: '2026-01-01T00:00:00.000Z' };
let shop: LampShop;
beforeEach(async () => {
  shop = await LampShop.open();
});
afterEach(() => shop?.close());

it.each([
  ['that goes on', {}],
  ['whose successor remembers nothing', { maxCachedWorkflows: 0 }],
])('what a freeze window holds is executed when it closes, by a worker %s', async (_, options) => {
  await shop.startWorker({ options });
  await shop.installed('hall');
  const until = Date.now() + 4_000;
  const once = { from: new Date(until - 60_000).toISOString(), until: new Date(until).toISOString() };
  await shop.write((tx) => setFreezeWindow(tx, { name: 'now', reason: 'x', once, by: operator }, shop.deps));
  const id = await shop.started('install', { names: ['stairs'] });
  await expect.poll(() => shop.status(id)).toBe('scheduled');
  await expect.poll(() => shop.status(id)).toBe('executed');
  const [row] = await shop.query(
    `SELECT (x.executed_at >= w.ends_at) AS after FROM exequatur.execution x, exequatur.freeze_window w WHERE x.proposal_id = '${id}'`,
  );
  expect(row).toEqual({ after: true });
});
