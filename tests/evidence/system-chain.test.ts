// What no tenant can be trusted for: failed logins, in a chain of their own. An API over a clone from tests/support/database.ts, whose clock is moved.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withTenant } from '../../store/sql.ts';
import { appendSystem, systemTenant } from '../../store/system-chain.ts';
import { EvidenceScene } from './evidence-scene.ts';

let scene: EvidenceScene;
beforeAll(async () => {
  scene = await EvidenceScene.open();
});
afterAll(() => scene?.close());

interface Entry {
  type: string;
  facts: Record<string, unknown>;
  told: Record<string, string>;
}

async function entriesOf(tenant: string): Promise<Entry[]> {
  const { rows } = await scene.superuser.query<Entry>(
    `SELECT e.type, convert_from(e.payload, 'UTF8')::jsonb AS facts,
            coalesce((SELECT jsonb_object_agg(d.name, d.value::jsonb) FROM exequatur.audit_disclosure d WHERE d.tenant_id = e.tenant_id AND d.entry_id = e.id), '{}') AS told
       FROM exequatur.audit_entry e WHERE e.tenant_id = $1 ORDER BY e.seq`,
    [tenant],
  );
  return rows;
}

const failed = async () => {
  await scene.api.context.logins.flush();
  return entriesOf(systemTenant);
};

describe('a login that fails', () => {
  it('is an entry of the system’s chain, with who it claimed to be as a commitment, and without the token', async () => {
    const good = await scene.api.token({ id: 'keeper-1' });
    const [header, claims, signature = ''] = good.split('.');
    const forged = `${header}.${claims}.${signature.slice(0, -4)}AAAA`;
    expect((await scene.api.call('GET', '/v1/object-types', { token: forged })).status).toBe(401);
    expect((await scene.api.call('GET', '/v1/object-types', { token: good })).status).toBe(200);
    expect((await scene.api.call('GET', '/v1/object-types')).status).toBe(401); // Without a token nobody tried.
    const entries = await failed();
    expect(entries).toMatchObject([
      {
        type: 'login.failed',
        facts: { reason: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' },
        told: { subject: 'keeper-1', tenant: scene.api.tenant, address: expect.stringContaining('127.0.0.1') },
      },
    ]);
    expect(JSON.stringify(entries[0]?.facts)).not.toMatch(/keeper-1|127\.0\.0\.1/);
    const { rows } = await scene.superuser.query(
      `SELECT 1 FROM exequatur.audit_disclosure d WHERE strpos(d.value, $1) + strpos(d.value, $2) > 0`,
      [claims, signature.slice(0, 20)],
    );
    expect(rows).toEqual([]);
  });

  it('by a genuine token is told where the trust of the token puts it', async () => {
    const nowhere = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
    expect((await scene.api.as({ id: 'stranger', tenant: nowhere }).get('/v1/object-types')).status).toBe(403);
    expect((await scene.api.as({ id: 'stranger', tenant: systemTenant }).get('/v1/object-types')).status).toBe(401);
    const told = (await failed()).filter(({ told: { subject } }) => subject === 'stranger');
    expect(told.map(({ facts, told: { tenant } }) => [facts.reason, tenant]).sort()).toEqual([
      ['claims: tenant', systemTenant],
      ['unknown tenant', nowhere],
    ]);
    const gone = scene.api.as({ id: 'keeper-9' });
    expect((await gone.get('/v1/object-types')).status).toBe(200);
    await scene.api.as({ id: 'access-admin-1' }).put('/v1/principals/keeper-9', { disabled: true });
    for (let at = 0; at < 3; at++) expect((await gone.get('/v1/object-types')).status).toBe(403);
    expect((await scene.api.as({ id: 'keeper-1' }).get('/v1/audit/export')).status).toBe(403);
    const refused = (await entriesOf(scene.api.tenant)).filter(({ type }) => type === 'login.refused');
    expect(refused).toMatchObject([{ facts: { reason: 'disabled' }, told: { principal: 'keeper-9' } }]); // Once, however often.
  });

  it('in a flood is counted, and the count is an entry once the minute is over', async () => {
    await scene.api.database.advanceClock(60_000);
    const before = (await failed()).length;
    const many = Array.from({ length: 20 }, () => ({ type: 'login.failed', facts: { reason: 'flood' }, personal: {} }));
    for (let at = 0; at < 5; at++) await appendSystem(scene.api.pool, many, 100);
    expect(await appendSystem(scene.api.pool, many)).toBe(5 * 120 + 20 - 60);
    expect(await entriesOf(systemTenant)).toHaveLength(before + 60);
    await scene.api.database.advanceClock(60_000);
    expect(await appendSystem(scene.api.pool, [])).toBe(0);
    const last = (await entriesOf(systemTenant)).at(-1);
    expect(last).toMatchObject({ type: 'login.suppressed', facts: { suppressed: 560 } });
    expect(await appendSystem(scene.api.pool, [])).toBe(0);
    expect(await entriesOf(systemTenant)).toHaveLength(before + 61);
  });

  it('reaches the database once a second of each process, however many there are', async () => {
    await scene.api.database.advanceClock(60_000);
    await failed();
    const before = (await entriesOf(systemTenant)).length;
    for (let at = 0; at < 50; at++) scene.api.context.logins.refused('flood', 'Bearer x', '127.0.0.1');
    await failed();
    expect((await entriesOf(systemTenant)).length).toBe(before + 20);
    const { rows } = await scene.superuser.query('SELECT suppressed::int AS suppressed FROM exequatur.system_window');
    expect(rows[0].suppressed).toBe(30);
  });
});

describe('the system’s chain', () => {
  it('is read by operators of the installation, whom no role of a tenant makes', async () => {
    await scene.seal();
    const read = (token: string) => scene.api.call('GET', '/v1/system/audit/export', { token });
    const answer = await read(await scene.api.operatorToken());
    expect(answer.status).toBe(200);
    expect(await scene.verify(answer.body)).toMatchObject({ code: 0, said: expect.stringContaining(systemTenant) });
    const checkpoint = await scene.api.call('GET', '/v1/system/audit/checkpoint', { token: await scene.api.operatorToken() });
    expect(checkpoint.body.note).toContain(`/${systemTenant}\n`);
    expect((await failed()).at(-1)).toMatchObject({ type: 'audit.exported', told: { reader: 'op-1' } });
    for (const other of [
      scene.api.token({ id: 'auditor-1' }),
      scene.api.operatorToken({ aud: 'exequatur-test' }),
      scene.api.operatorToken({ kind: 'agent' }),
    ])
      expect((await read(await other)).status).toBe(401);
    expect((await scene.api.call('GET', '/v1/audit/export', { token: await scene.api.operatorToken() })).status).toBe(401);
  });

  it('is exported by more operators at once than there are connections, and keeps nobody else waiting', async () => {
    const token = await scene.api.operatorToken();
    const before = (await failed()).length;
    const exported = Array.from({ length: 3 * (scene.api.pool.options.max ?? 0) }, () =>
      scene.api.call('GET', '/v1/system/audit/export', { token }),
    );
    const other = await scene.auditor.get('/v1/object-types');
    expect([...new Set([other, ...(await Promise.all(exported))].map(({ status }) => status))]).toEqual([200]);
    const told = (await failed()).slice(before);
    expect(told.map(({ type }) => type)).toEqual(exported.map(() => 'audit.exported'));
  });

  it('is written through its own function alone, and that takes nothing else', async () => {
    const entry = { type: 'review.recorded' as const, facts: {} };
    await expect(withTenant(scene.api.pool, systemTenant, async (tx) => tx.audit(entry))).rejects.toMatchObject({ code: 'XQ015' });
    await expect(appendSystem(scene.api.pool, [entry])).rejects.toMatchObject({ code: 'XQ015' });
  });
});

describe('a read of what is sensitive', () => {
  it('of the audit log is an entry of it: an export, and the evidence of one action', async () => {
    const id = await scene.act();
    await scene.seal();
    await scene.export();
    expect((await scene.auditor.get(`/v1/proposals/${id}/evidence`)).status).toBe(200);
    expect((await scene.auditor.get(`/v1/proposals/${id}/evidence`)).status).toBe(200); // Having been read, it is still sealed.
    const reads = (await entriesOf(scene.api.tenant)).slice(-3);
    expect(reads).toMatchObject([
      { type: 'audit.exported', facts: { from: 1 }, told: { reader: 'auditor-1' } },
      { type: 'evidence.read', facts: { evidenceOf: id, plan: true }, told: { reader: 'auditor-1' } },
      { type: 'evidence.read' },
    ]);
  });
});
