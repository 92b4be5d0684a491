// When failed logins come into the log, on a clone from tests/support/database.ts.
import type pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { LoginFailures } from '../../api/login-failures.ts';
import { withTenant } from '../../store/sql.ts';
import { systemTenant } from '../../store/system-chain.ts';
import { openLogger } from '../../telemetry/logger.ts';
import { type Fixture, openFixture } from '../store/fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture?.close());

const entries = (type: string) =>
  withTenant(fixture.api, systemTenant, async (tx) => {
    const [row] = await tx.rows<{ n: number }>('SELECT count(*)::int AS n FROM exequatur.audit_entry WHERE type = $1', [type]);
    return row?.n ?? 0;
  });

it('one comes within a moment also while what was left out of a full minute waits for its end', async () => {
  const logins = new LoginFailures(fixture.api, openLogger('test'));
  const fail = () => logins.refused('signature', 'Bearer x.y.z', '192.0.2.1');
  for (let round = 0; round < 4; round++) {
    for (let n = 0; n < 20; n++) fail();
    await logins.flush();
  }
  expect(await entries('login.failed')).toBe(60); // The rest of the minute is counted, and becomes an entry when it is over.
  await fixture.database.advanceClock(61_000);
  fail();
  await expect.poll(() => entries('login.failed'), { timeout: 30_000 }).toBe(61); // Of the minute that the others wait for, not even half.
  expect(await entries('login.suppressed')).toBe(1);
  await logins.flush();
});

/** The API's pool, with what is sent through it held until it is let go. */
function heldPool() {
  const sent: { entries: number; uncounted: number }[] = [];
  let letGo = () => {};
  const held = new Promise<void>((done) => {
    letGo = done;
  });
  const pool = new Proxy(fixture.api, {
    get: (target, name) =>
      name === 'query'
        ? async (query: pg.QueryConfig<[string, number]>) => {
            const [entries, uncounted] = query.values ?? ['[]', 0];
            sent.push({ entries: JSON.parse(entries).length, uncounted });
            await held;
            return target.query(query);
          }
        : Reflect.get(target, name),
  });
  return { pool, sent, letGo };
}

it('one is on its way to the log as soon as it is refused, and those that come meanwhile go right behind it', async () => {
  await fixture.database.advanceClock(61_000); // Another minute.
  const { pool, sent, letGo } = heldPool();
  const logins = new LoginFailures(pool, openLogger('test'));
  const fail = () => logins.refused('signature', 'Bearer x.y.z', '192.0.2.1');
  const before = await entries('login.failed');
  const timers = vi.spyOn(globalThis, 'setTimeout');
  fail();
  expect(timers.mock.calls.map(([, afterMs]) => afterMs)).toEqual([0]);
  timers.mockRestore();
  await expect.poll(() => sent, { interval: 5 }).toEqual([{ entries: 1, uncounted: 0 }]);
  for (let n = 0; n < 25; n++) fail();
  letGo();
  await expect.poll(() => entries('login.failed')).toBe(before + 21);
  expect(sent).toEqual([
    { entries: 1, uncounted: 0 },
    { entries: 20, uncounted: 5 },
  ]);
});
