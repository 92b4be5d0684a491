// Logs that cannot be sealed beside logs that can; on a clone from tests/support/database.ts.
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { NoteSigner } from '../../audit/signed-note.ts';
import { mostLogs, sealLogs } from '../../events/seal-logs.ts';
import { openPool } from '../../store/connect.ts';
import { claimLogsToSeal } from '../../store/log-work.ts';
import { withTenant } from '../../store/sql.ts';
import { openLogger } from '../../telemetry/logger.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { newSigner } from './evidence-scene.ts';

let database: TestDatabase;
let relay: pg.Pool;
let api: pg.Pool;
let superuser: pg.Pool;
const signer = newSigner();
beforeAll(async () => {
  database = await createTestDatabase();
  [relay, api, superuser] = [database.urls.relay, database.urls.api, database.urls.superuser].map((url) => openPool(url)) as [
    pg.Pool,
    pg.Pool,
    pg.Pool,
  ];
});
afterAll(async () => {
  await Promise.all([relay?.end(), api?.end(), superuser?.end()]);
  await database?.drop();
});

const happen = (tenant: string, count: number) =>
  withTenant(api, tenant, async (tx) => {
    for (let turn = 0; turn < count; turn++) tx.audit({ type: 'switch.changed', facts: { turn } });
  });
const healthy = async () => {
  const tenant = await database.createTenant();
  await happen(tenant, 1);
  return tenant;
};
const isSealed = async (tenant: string) =>
  (await superuser.query('SELECT FROM exequatur.audit_checkpoint WHERE tenant_id = $1', [tenant])).rowCount === 1;

it('a small log is sealed before a large one whose entries came later', async () => {
  const small = await healthy();
  const large = await database.createTenant();
  await happen(large, 50);
  const claimed = async (passed: string[]) => {
    const { logs, release } = await claimLogsToSeal(relay, { passed, limit: 10 });
    await release();
    return logs.map(({ tenant }) => tenant);
  };
  const order = await claimed([]);
  expect(order.indexOf(small)).toBeLessThan(order.indexOf(large));
  expect(await claimed([large])).not.toContain(large);
});

it('a log of which whoever signs will not sign keeps no other from being sealed, and is tried again', async () => {
  await sealLogs({ pool: relay, signers: [signer], logger: openLogger('test') });
  const [stubborn, ...others] = await Promise.all(Array.from({ length: 12 }, healthy));
  let willing = false;
  const moody: NoteSigner = {
    ...signer,
    sign: async (text) => {
      if (!willing && text.startsWith(`${signer.name}/${stubborn}\n`)) throw new Error('this is no later than what was signed');
      return signer.sign(text);
    },
  };
  const unsigned = new Map<string, number>();
  const seal = () => sealLogs({ pool: relay, signers: [moody], logger: openLogger('test'), unsigned });
  expect(await seal()).toMatchObject({ sealed: others.length });
  for (const one of others) expect(await isSealed(one)).toBe(true);
  expect([...unsigned.keys()]).toEqual([stubborn]);
  const later = await healthy(); // Meanwhile the one rests, and holds up nothing.
  expect(await seal()).toMatchObject({ sealed: 1 });
  expect(await isSealed(later)).toBe(true);
  unsigned.clear(); // Alone it fails the round, for whoever looks at whether rounds do.
  await expect(seal()).rejects.toThrow('this is no later than what was signed');
  willing = true;
  unsigned.clear();
  expect(await seal()).toMatchObject({ sealed: 1 });
  expect(await isSealed(stubborn ?? '')).toBe(true);
});

it('where nobody signs no more is begun than shows it', async () => {
  await Promise.all(Array.from({ length: 12 }, healthy));
  let asked = 0;
  const sign = async () => {
    asked++;
    throw new Error('the module is locked');
  };
  await expect(sealLogs({ pool: relay, signers: [{ ...signer, sign }], logger: openLogger('test') })).rejects.toThrow(
    'the module is locked',
  );
  expect(asked).toBeLessThanOrEqual(8); // Four, and those that were under way then.
  expect(await sealLogs({ pool: relay, signers: [signer], logger: openLogger('test') })).toMatchObject({ sealed: 12 });
});

it('as many rewritten logs as a round takes keep no other from being sealed', async () => {
  const refused = new Map<string, number>();
  const seal = () => sealLogs({ pool: relay, signers: [signer], logger: openLogger('test'), refused });
  // Their oldest entry has waited longest; that it does not follow from what was signed is seen when they are looked at.
  await superuser.query("SELECT exequatur.ensure_tenant('rewritten-' || n, 'x') FROM generate_series(1, $1::int) n", [mostLogs]);
  await superuser.query(
    `SET session_replication_role = replica;
     INSERT INTO exequatur.audit_head (tenant_id, seq, hash) SELECT t.tenant_id, 5, sha256('') FROM exequatur.tenant t WHERE t.slug LIKE 'rewritten-%'
       ON CONFLICT (tenant_id) DO UPDATE SET seq = 5;
     INSERT INTO exequatur.audit_entry (tenant_id, seq, id, at, type, previous_hash, payload, hash)
       SELECT t.tenant_id, n, gen_random_uuid(), '2020-01-01', 'x', sha256(''), '{}', sha256('') FROM exequatur.tenant t, generate_series(1, 5) n WHERE t.slug LIKE 'rewritten-%';
     INSERT INTO exequatur.audit_checkpoint (tenant_id, size, root, note, created_at)
       SELECT t.tenant_id, 1, sha256('another'), 'x/' || t.tenant_id || E'\\n1\\n' || encode(sha256('another'), 'base64') || E'\\n\\n\u2014 x ' || repeat('A', 91) || E'=\\n', '2020-01-01'
         FROM exequatur.tenant t WHERE t.slug LIKE 'rewritten-%';
     RESET session_replication_role`,
  );
  const waiting = await healthy();
  await seal();
  await seal();
  expect(refused.size).toBe(mostLogs);
  expect(await isSealed(waiting)).toBe(true);
  const later = await healthy();
  expect(await seal()).toMatchObject({ sealed: 1 });
  expect(await isSealed(later)).toBe(true);
  for (const tenant of refused.keys()) refused.set(tenant, 0); // A minute later they are looked at again.
  await seal();
  expect(refused.size).toBe(mostLogs);
});
