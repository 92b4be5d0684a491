import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openOutside } from '../../activities/effects/open-outside.ts';
import {
  listEndpoints,
  type NewSecret,
  putEndpointSecret,
  readEndpointSecrets,
  retireEndpointSecret,
} from '../../store/endpoint-secrets.ts';
import { SecretBox } from '../../store/secret-box.ts';
import { withTenant } from '../../store/sql.ts';
import { admin, caller, expectDone } from '../store/fixture.ts';
import { writeUntold } from '../support/write-untold.ts';
import { clerk, type Depot, openDepot } from './parcel-depot.ts';

const key = randomBytes(32).toString('base64');
const box = new SecretBox([key]);
let depot: Depot;
beforeEach(async () => {
  depot = await openDepot([]);
});
afterEach(() => depot?.close());

const put = (wish: Partial<NewSecret> = {}, by = admin, keys = box) =>
  depot.fixture.inApi((tx) => putEndpointSecret(tx, { endpoint: 'carrier', name: 'signing', by, ...wish }, keys, depot.fixture.deps));
const read = (keys = box) => depot.fixture.inWorker((tx) => readEndpointSecrets(tx, 'carrier', keys));
const made = async (wish: Partial<NewSecret> = {}) => expectDone(await put(wish)).value;

function send(secrets: SecretBox, answerBy = performance.now() + 4_000) {
  const { fixture, carrier } = depot;
  const outside = openOutside({ pool: fixture.worker, functions: [], allowedAddresses: ['127.0.0.1'], secrets });
  const request = {
    kind: 'webhook' as const,
    endpoint: 'carrier',
    method: 'POST',
    url: `${carrier.url}/x`,
    body: { a: 1 },
    timeoutMs: 2_000,
  };
  return outside.sendWebhook(fixture.tenant, request, 'id-1', { signal: new AbortController().signal, answerBy, isHeld: () => true });
}

describe('secrets of endpoints', () => {
  it('sign what is sent, the one before beside the newest for as long as was said, and then no more', async () => {
    const first = await made();
    const second = await made({ overlap: 'PT1H' });
    expect(first).toMatch(/^whsec_/);
    expect(await read()).toEqual({ signing: [second, first], headers: {} });
    await depot.fixture.database.advanceClock(3_600_000);
    expect(await read()).toEqual({ signing: [second], headers: {} });
    const third = await made();
    expect(await read()).toEqual({ signing: [third], headers: {} });
  });

  it('reach the receiver as signatures and headers', async () => {
    const secret = await made();
    await made({ name: 'authorization', value: 'Bearer s3cret' });
    expect(await send(box)).toMatchObject({ kind: 'answered', status: 200 });
    const headers = depot.carrier.headers.at(-1) as Record<string, string>;
    expect(headers.authorization).toBe('Bearer s3cret');
    expect(new Webhook(secret ?? '').verify('{"a":1}', headers)).toEqual({ a: 1 });
  });

  it('stop what is sent where they cannot be opened: nothing goes out unsigned', async () => {
    await made();
    const stranger = new SecretBox([randomBytes(32).toString('base64')]);
    expect(await read(stranger)).toBeNull();
    expect(await send(stranger)).toMatchObject({ kind: 'not_sent', code: 'secret_sealed' });
    expect(depot.carrier.received).toEqual([]);
  });

  it('that were so long in coming that nobody waits any more are the secrets of nothing: it is not sent', async () => {
    await made();
    expect(await send(box, performance.now())).toMatchObject({ kind: 'not_sent', code: 'too_late' });
    expect(depot.carrier.received).toHaveLength(0);
  });

  it('are still opened by the previous key while a new one seals', async () => {
    const first = await made();
    const newer = new SecretBox([randomBytes(32).toString('base64'), key]);
    const second = expectDone(await put({ overlap: 'PT1H' }, admin, newer)).value;
    expect(await read(newer)).toEqual({ signing: [second, first], headers: {} });
    expect(await read()).toBeNull();
  });

  it('do not open in another place', async () => {
    await made();
    await writeUntold(
      depot.fixture.database,
      `INSERT INTO exequatur.endpoint_secret
       SELECT tenant_id, gen_random_uuid(), endpoint, 'authorization', sealed, created_by, created_at, NULL FROM exequatur.endpoint_secret`,
    );
    expect(await read()).toBeNull();
  });

  it('are out of use at once when they are retired, and nobody is told their values', async () => {
    await made();
    const listed = await depot.fixture.inApi((tx) => listEndpoints(tx, depot.fixture.deps));
    const secrets = [{ name: 'signing', createdBy: admin.id, retiresAt: null }];
    expect(listed).toMatchObject([{ name: 'carrier', url: depot.carrier.url, secrets }]);
    expect(JSON.stringify(listed)).not.toContain('whsec_');
    const wish = { endpoint: 'carrier', name: 'signing', by: admin };
    expectDone(await depot.fixture.inApi((tx) => retireEndpointSecret(tx, wish, depot.fixture.deps)));
    expect(await read()).toEqual({ signing: [], headers: {} });
  });

  it('are set by whoever may change the ontology, of endpoints that there are, where there is a key', async () => {
    expect(await put({}, clerk)).toMatchObject({ refused: 'forbidden' });
    expect(await put({}, caller('robot', ['ontology-admin'], { kind: 'agent' }))).toMatchObject({ refused: 'forbidden' });
    expect(await put({ endpoint: 'moon' })).toMatchObject({ refused: 'not_found' });
    expect(await put({ name: 'authorization' })).toMatchObject({ refused: 'malformed_request' });
    expect(await put({ value: 'whsec_short' })).toMatchObject({ refused: 'malformed_request' });
    expect(await put({}, admin, new SecretBox([]))).toMatchObject({ refused: 'secrets_unavailable' });
    expect(await read()).toEqual({ signing: [], headers: {} });
  });

  it('cannot be read back by the login that writes them, written by the one that reads them, or kept beyond their time', async () => {
    await made();
    await made({ overlap: 'PT1H' });
    const { api, worker, tenant, database } = depot.fixture;
    const attempt = (pool: pg.Pool, sql: string) =>
      withTenant(pool, tenant, (tx) => tx.rows(sql)).then(
        () => 'done',
        (error: { code?: string }) => error.code,
      );
    expect(await attempt(api, 'SELECT sealed FROM exequatur.endpoint_secret')).toBe('42501');
    expect(await attempt(api, 'UPDATE exequatur.endpoint_secret SET retires_at = NULL')).toBe('XQ011');
    expect(await attempt(api, 'DELETE FROM exequatur.endpoint_secret')).toBe('42501');
    expect(await attempt(worker, 'UPDATE exequatur.endpoint_secret SET retires_at = NULL')).toBe('42501');
    const stranger = await database.createTenant();
    expect(await withTenant(worker, stranger, (tx) => readEndpointSecrets(tx, 'carrier', box))).toEqual({ signing: [], headers: {} });
  });
});
