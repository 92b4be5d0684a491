import { expect } from 'vitest';
import { verifyLog } from '../evidence/verify-log.ts';
import type { ParcelDeployment } from './parcel-deployment.ts';
import { differencesOf, objectsOf, replayedObjects } from './sequential-replay.ts';

/** Every proposal is in a final state, the receiver's log equals the engine's, and the objects equal those of a sequential model that is fed with the executed plans in the order of their commits. */
export async function expectWhole({ shop, carrier }: Pick<ParcelDeployment, 'shop' | 'carrier'>): Promise<void> {
  const open = await shop.query(
    "SELECT id, status FROM exequatur.proposal WHERE status NOT IN ('executed', 'failed', 'invalid', 'rejected', 'expired', 'withdrawn')",
  );
  expect(open).toEqual([]);
  const done = new Map<string, number>();
  for (const { key } of carrier.done) done.set(key, (done.get(key) ?? 0) + 1);
  expect([...done.values()].filter((times) => times !== 1)).toEqual([]);
  const steps = await shop.query<{ key: string; state: string; name: string; status: string; is_last: boolean; compensated: boolean }>(
    `SELECT t.proposal_id || '.' || t.run || '.' || t.ordinal AS key, t.state, t.name, p.status, t.compensated,
            t.run = max(t.run) OVER (PARTITION BY t.proposal_id) AS is_last
       FROM exequatur.saga_step t JOIN exequatur.proposal p ON p.tenant_id = t.tenant_id AND p.id = t.proposal_id`,
  );
  const wrong = steps.filter(({ key, state, status, is_last }) => {
    const isDone = done.has(`${key}.do`);
    const isUndone = done.has(`${key}.undo`);
    if (status === 'executed' && is_last) return state !== 'done' || !isDone || isUndone;
    // Undone, or an operator has said that somebody saw to it.
    return state !== 'skipped' && isDone && !isUndone;
  });
  expect(wrong).toEqual([]);
  expect(differencesOf(await objectsOf(shop), await replayedObjects(shop))).toEqual([]);
  const [chain] = await shop.query<{ entries: number; last: number }>(
    'SELECT count(*)::int AS entries, max(seq)::int AS last FROM exequatur.audit_entry',
  );
  expect(chain?.entries).toBe(chain?.last);
  const said = await verifyLog(shop.database, shop.tenant);
  expect(said).toMatch(/^whole /);
  expect(JSON.parse(said.slice('whole '.length))).toMatchObject({ unjudged: 0, conditionsUnjudged: 0 });
}
