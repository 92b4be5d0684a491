// Servers of its own, on which tests/support/database.ts and tests/support/temporal.ts stand.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bookCarrier, tellDepot } from '../../effects/parcel-domain.ts';
import { Dice } from '../../trust/random-numbers.ts';
import { expectWhole } from '../expect-whole.ts';
import { ParcelDeployment } from '../parcel-deployment.ts';
import { ParcelTraffic, receiveParcels } from '../parcel-traffic.ts';

const seconds = Number(process.env.EXEQUATUR_CHAOS_SECONDS ?? 60);
const seed = Number(process.env.EXEQUATUR_SEED ?? 1);
const everyMs = 5_000;
const parcels = 12;

let deployment: ParcelDeployment;
beforeAll(async () => {
  deployment = await ParcelDeployment.open([bookCarrier, tellDepot]);
  await receiveParcels(deployment, parcels);
}, 300_000);
afterAll(() => deployment?.close(), 120_000);

it(`PostgreSQL restarted every five seconds for ${seconds} s under load: whatever was accepted comes to its end, once`, {
  timeout: seconds * 1_000 + 300_000,
}, async () => {
  const { postgres, shop } = deployment;
  const before = await startsOf();
  const traffic = new ParcelTraffic(deployment, { seed, lanes: 8, parcels });
  const dice = new Dice(seed);
  const until = Date.now() + seconds * 1_000;
  let restarts = 0;
  while (Date.now() < until) {
    const next = Date.now() + everyMs;
    await sleep(dice.roll(everyMs / 2)); // Somewhere within the five seconds.
    const started = await startsOf();
    await postgres.restart(dice.roll(500));
    restarts += (await startsOf()) === started ? 0 : 1;
    await sleep(Math.max(0, next - Date.now()));
  }
  const acceptedMeanwhile = traffic.accepted.length;
  await traffic.stop(180_000);
  console.log(
    JSON.stringify({ chaos: 'restarted postgres', seed, seconds, restarts, accepted: acceptedMeanwhile, outcomes: traffic.outcomes }),
  );
  expect(await startsOf()).not.toBe(before);
  expect(restarts).toBeGreaterThan(seconds / 15); // A restart takes a moment itself.
  expect(acceptedMeanwhile).toBeGreaterThan(restarts);
  const stored = await shop.query(`SELECT count(*)::int FROM exequatur.proposal WHERE action_type <> 'receive'`);
  expect(stored).toEqual([{ count: traffic.accepted.length }]);
  expect(Object.keys(traffic.outcomes)).toContain('executed');
  await expectWhole(deployment);
});

/** When the server that runs now was started. */
async function startsOf(): Promise<string> {
  for (;;) {
    const rows = await deployment.shop.query<{ at: string }>('SELECT pg_postmaster_start_time()::text AS at').catch(() => []);
    if (rows[0]) return rows[0].at;
    await sleep(50);
  }
}
