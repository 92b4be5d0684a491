// Servers of its own, on which tests/support/database.ts and tests/support/temporal.ts stand.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { bookCarrier, tellDepot } from '../../effects/parcel-domain.ts';
import { SmallVolume } from '../../support/small-volume.ts';
import { whyNotStored } from '../chaos-faults.ts';
import { expectWhole } from '../expect-whole.ts';
import { ParcelDeployment } from '../parcel-deployment.ts';
import { ParcelTraffic, receiveParcels } from '../parcel-traffic.ts';

const seed = Number(process.env.EXEQUATUR_SEED ?? 1);
const volume = SmallVolume.open(768); // A gigabyte would do as well; the log of a minute's load must not fill it by itself.
if (volume === null) console.log('A full disk is not tried: mounting a small file system takes root and the right to mount.');
const parcels = 12;

let deployment: ParcelDeployment | undefined;
afterAll(async () => {
  volume?.giveBack();
  await deployment?.close();
});

describe.skipIf(volume === null)('PostgreSQL’s disk full under load', { timeout: 600_000 }, () => {
  it('turns away what would be stored, says so under /readyz, and loses and doubles nothing, whether statements are refused or the server falls', async () => {
    const disk = volume as SmallVolume;
    deployment = await ParcelDeployment.open([bookCarrier, tellDepot], { disk });
    const { shop, apis, postgres } = deployment;
    await receiveParcels(deployment, parcels);
    const traffic = new ParcelTraffic(deployment, { seed, lanes: 8, parcels });
    await expect.poll(() => traffic.accepted.length).toBeGreaterThan(20);
    expect(await readiness()).toMatchObject({ status: 200, database: 'ok' });

    await shop.query('SELECT pg_switch_wal()'); // So that the next segment is whole, and statements are refused before the log has no room.
    disk.fill();
    await expect.poll(() => whyNotStored(shop)).toBe('53100');
    await expect.poll(readiness).toMatchObject({ status: 503, database: 'full' });
    const insisting = receiveParcels(deployment, 1, 'Q'); // The lanes may all be waiting for what they proposed before.
    await expect.poll(() => apis.turnedAway.length).toBeGreaterThan(20);
    const turnedWhileFull = apis.turnedAway.length;

    // The log finds no room either: the server ends itself, or takes nothing more.
    await shop.query('SELECT pg_switch_wal()').catch(() => undefined);
    await shop.query('SELECT pg_switch_wal()').catch(() => undefined);
    await expect.poll(readiness).toMatchObject({ status: 503, database: expect.stringMatching(/full|away/) });
    await sleep(5_000);
    const whileLogIsFull = await readiness();
    expect(whileLogIsFull.status).toBe(503);

    disk.giveBack();
    await postgres.revive();
    await expect.poll(readiness).toMatchObject({ status: 200, database: 'ok' });
    const acceptedBefore = traffic.accepted.length;
    await expect.poll(() => traffic.accepted.length).toBeGreaterThan(acceptedBefore + 20);
    await insisting;
    await traffic.stop(180_000);

    const { outcomes } = traffic;
    console.log(
      JSON.stringify({
        chaos: 'full disk',
        seed,
        turnedWhileFull,
        whileLogIsFull: whileLogIsFull.database,
        turned: apis.turnedAway.length,
        accepted: traffic.accepted.length,
        outcomes,
      }),
    );
    for (const { retryAfter, body } of apis.turnedAway) {
      expect(Number(retryAfter)).toBeGreaterThan(0);
      expect(['temporarily_unavailable', 'overloaded']).toContain(body.code);
    }
    const stored = await shop.query(`SELECT count(*)::int FROM exequatur.proposal WHERE action_type <> 'receive'`);
    expect(stored).toEqual([{ count: traffic.accepted.length }]);
    await expectWhole(deployment);
  });
});

async function readiness(): Promise<{ status: number; database: string }> {
  const { apis } = deployment as ParcelDeployment;
  const answer = await fetch(`${apis.urls[0]}/readyz`);
  return { status: answer.status, database: ((await answer.json()) as { database: string }).database };
}
