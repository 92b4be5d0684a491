import { afterEach, describe, expect, it } from 'vitest';
import { openPool } from '../../../store/connect.ts';
import { putEndpointSecret } from '../../../store/endpoint-secrets.ts';
import { SecretBox } from '../../../store/secret-box.ts';
import { withTenantPrisma } from '../../../store/sql.ts';
import type { KillableProcess } from '../../support/killable-process.ts';
import { keeper, owner } from '../../workflows/lamps.ts';
import { LampService } from '../lamp-service.ts';
import { ParcelService } from '../parcel-service.ts';

// On the run's servers: tests/support/database.ts, tests/support/temporal.ts.
let service: LampService | ParcelService | undefined;
afterEach(() => service?.close());

const hourMs = 3_600_000;
const jumping = { NODE_OPTIONS: '--import ./tests/support/jumping-clock.mjs' };

/** What the processes that jump print. */
let lines: string[] = [];
const onLine = (line: string) => void lines.push(line);

/** Sets the clock of each of these processes: ahead, behind, or right again, in turn. @returns after all have told that they have */
async function jump(offMs: number, ...processes: KillableProcess[]): Promise<void> {
  lines = [];
  for (const process of processes) global.process.kill(process.pid() ?? 0, 'SIGUSR2');
  await expect.poll(() => lines.filter((line) => line === `clock off by ${offMs} ms`).length).toBe(processes.length);
}

describe('the clocks of API and worker, set an hour ahead and an hour behind,', () => {
  it('let nothing expire, or be accepted, that does not by the database’s', async () => {
    const lamps = await LampService.open({ ofApi: jumping, ofWorker: jumping, onLine });
    service = lamps;
    const { shop, apis, worker, api } = lamps;
    const names = ['hall', 'porch', 'cellar', 'attic', 'late'];
    await shop.installed(...names);
    const ids: string[] = [];
    const propose = async (name: string) => ids.push((await lamps.propose(name, ids.length)).body.id);
    await propose('hall');
    await propose('porch');
    for (const [offMs, next] of [
      [hourMs, 'cellar'],
      [-hourMs, 'attic'],
    ] as const) {
      await jump(offMs, api, worker);
      await propose(next);
      const waiting = ids.shift() as string; // Proposed before the jump; expires an hour after that.
      await lamps.untilStatus([waiting], 'awaiting_approval');
      expect(await lamps.approve(waiting)).toMatchObject({ status: 201 });
      await lamps.expectExecutedOnce([waiting]);
    }
    // An hour behind: a token that expired half an hour ago is still expired, one that is issued in half an hour is not valid yet.
    const read = async (issuedAtMs: number) =>
      (await apis.once('GET', `/v1/proposals/${ids[0]}`, keeper, { token: await apis.signedToken(keeper, issuedAtMs) }))?.status;
    expect(await read(Date.now() - 1.5 * hourMs)).toBe(401);
    expect(await read(Date.now() + 0.5 * hourMs)).toBe(401);
    expect(await read(Date.now() - 0.5 * hourMs)).toBe(200);
    // And what expires by the database's clock expires.
    await lamps.untilStatus(ids, 'awaiting_approval');
    await shop.database.advanceClock(hourMs + 1_000);
    expect(await lamps.approve(ids[0] as string)).toMatchObject({ status: 409 });
    expect(await shop.status(ids[0] as string)).toBe('expired');
  });

  it('do not date what effects are signed with', async () => {
    const key = Buffer.alloc(32, 7).toString('base64');
    const parcels = await ParcelService.open({ parcels: 3, more: { EXEQUATUR_SECRETS_KEY: key, ...jumping }, onLine });
    service = parcels;
    const { shop, carrier, worker } = parcels;
    const api = openPool(shop.database.urls.api, { max: 1 });
    const secret = { endpoint: 'carrier', name: 'signing', by: owner };
    await withTenantPrisma(api, shop.tenant, (tx) => putEndpointSecret(tx, secret, new SecretBox([key]), shop.deps));
    await api.end();
    for (const [offMs, code] of [
      [hourMs, 'P1'],
      [-hourMs, 'P2'],
      [0, 'P3'],
    ] as const) {
      await jump(offMs, worker);
      const before = carrier.headers.length;
      expect(await parcels.ended(await parcels.handOver(code))).toBe('executed');
      const dated = carrier.headers.slice(before).map((headers) => Number(headers['webhook-timestamp']) * 1_000);
      expect(dated.length).toBeGreaterThan(0);
      for (const at of dated) expect(Math.abs(Date.now() - at)).toBeLessThan(60_000);
    }
  });
});
