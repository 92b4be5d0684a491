import { randomBytes, randomUUID } from 'node:crypto';
import type { Actor, Caller } from '../ontology/authority.ts';
import { durationMs } from '../ontology/duration.ts';
import { announceChange } from './announce-change.ts';
import { refusalToAdminister } from './may-administer.ts';
import { isoTime } from './proposal-row.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { SecretBox } from './secret-box.ts';
import type { Sql, Tx } from './sql.ts';
import { resolveActor } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';

/** The name of what signs; every other is that of a header. */
export const signing = 'signing';

export interface SecretView {
  name: string;
  id: string;
  createdBy: string;
  createdAt: string;
  retiresAt: string | null;
}

export interface EndpointView {
  name: string;
  url: string;
  /** Those in use, never their values. */
  secrets: SecretView[];
}

export interface NewSecret {
  endpoint: string;
  name: string;
  /** Made here where it is left out, of what signs. */
  value?: string;
  /** ISO 8601 duration: how long the one before is used beside it. */
  overlap?: string;
  by: Caller;
}

type Deps = Pick<StoreDeps, 'decide' | 'policies' | 'ontologies'>;

const secretJson = (
  s: string,
): string => `jsonb_build_object('name', ${s}.name, 'id', ${s}.id, 'createdBy', ${s}.created_by, 'createdAt', ${isoTime(`${s}.created_at`)},
  'retiresAt', ${isoTime(`${s}.retires_at`)})`;
const isInUse = (s: string): string => `(${s}.retires_at IS NULL OR ${s}.retires_at > exequatur.clock())`;

/** As Standard Webhooks asks. */
function isSigningSecret(value: string): boolean {
  const text = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(value)?.[1] ?? '';
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text && bytes.length >= 24 && bytes.length <= 64;
}

/** Binds what is sealed to where it belongs. */
function placeOf(tenant: string, endpoint: string, name: string): string {
  return `${tenant}/${endpoint}/${name}`;
}

/** Puts a secret in use; those before it retire, at once or after the overlap. Answers the value where it was made here, which nobody is told again. */
export async function putEndpointSecret(
  tx: Tx,
  wish: NewSecret,
  box: SecretBox,
  deps: Deps,
): Promise<{ secret: SecretView; value: string | null } | Refusal> {
  const actor = await mayKeep(tx, wish, deps);
  if ('refused' in actor) return actor;
  if (!box.isUsable) return refuse('secrets_unavailable');
  const { endpoint, name } = wish;
  if (wish.value === undefined && name !== signing)
    return refuse('malformed_request', [{ code: 'malformed_request', pointer: '/value', message: 'is required of a header' }]);
  if (wish.value !== undefined && name === signing && !isSigningSecret(wish.value)) {
    return refuse('malformed_request', [
      { code: 'malformed_request', pointer: '/value', message: 'must be whsec_ and 24 to 64 bytes in base64' },
    ]);
  }
  const value = wish.value ?? `whsec_${randomBytes(32).toString('base64')}`;
  const overlapMs = wish.overlap === undefined ? 0 : durationMs(wish.overlap);
  await retire(tx, endpoint, name, overlapMs);
  const [row] = await tx.rows<{ secret: SecretView }>(
    `INSERT INTO exequatur.endpoint_secret AS s (tenant_id, id, endpoint, name, sealed, created_by, created_at)
     VALUES ((SELECT current_setting('app.tenant')::uuid), $1::uuid, $2, $3, $4::bytea, $5, exequatur.clock()) RETURNING ${secretJson('s')} AS secret`,
    [randomUUID(), endpoint, name, box.seal(value, placeOf(tx.tenant, endpoint, name)), actor.id],
  );
  if (row === undefined) throw new Error('a secret was not written');
  announce(tx, { endpoint, name, change: 'set', actor });
  return { secret: row.secret, value: wish.value === undefined ? value : null };
}

/** Takes a secret out of use at once. */
export async function retireEndpointSecret(
  tx: Tx,
  wish: Pick<NewSecret, 'endpoint' | 'name' | 'by'>,
  deps: Deps,
): Promise<{ retired: number } | Refusal> {
  const actor = await mayKeep(tx, wish, deps);
  if ('refused' in actor) return actor;
  const retired = await retire(tx, wish.endpoint, wish.name, 0);
  if (retired === 0) return refuse('not_found');
  announce(tx, { endpoint: wish.endpoint, name: wish.name, change: 'retired', actor });
  return { retired };
}

/** The endpoints of the document in force, and which secrets each has. */
export async function listEndpoints(tx: Tx, deps: Pick<StoreDeps, 'ontologies'>): Promise<EndpointView[]> {
  const [loaded, rows] = await Promise.all([
    deps.ontologies.load(tx),
    tx.rows<{ endpoint: string; secret: SecretView }>(
      `SELECT s.endpoint, ${secretJson('s')} AS secret FROM exequatur.endpoint_secret s WHERE ${isInUse('s')} ORDER BY s.name, s.created_at DESC`,
    ),
  ]);
  return Object.entries(loaded?.ontology.document.endpoints ?? {}).map(([name, { url }]) => ({
    name,
    url,
    secrets: rows.filter(({ endpoint }) => endpoint === name).map(({ secret }) => secret),
  }));
}

/** What a worker sends with a request; null where a secret cannot be opened: an unsigned request must not pass for a signed one. */
export async function readEndpointSecrets(
  tx: Sql & { tenant: string },
  endpoint: string,
  box: SecretBox,
): Promise<{ signing: string[]; headers: Record<string, string> } | null> {
  const rows = await tx.rows<{ name: string; sealed: Buffer }>(
    `SELECT s.name, s.sealed FROM exequatur.endpoint_secret s WHERE s.endpoint = $1 AND ${isInUse('s')} ORDER BY s.created_at DESC, s.id`,
    [endpoint],
  );
  const opened = rows.flatMap(({ name, sealed }) => {
    const value = box.open(sealed, placeOf(tx.tenant, endpoint, name));
    return value === null ? [] : [{ name, value }];
  });
  if (opened.length < rows.length) return null;
  const headers: Record<string, string> = {};
  for (const { name, value } of opened) if (name !== signing) headers[name] ??= value;
  return { signing: opened.filter(({ name }) => name === signing).map(({ value }) => value), headers };
}

async function mayKeep(tx: Tx, { by, endpoint }: Pick<NewSecret, 'by' | 'endpoint'>, deps: Deps): Promise<Actor | Refusal> {
  const actor = await resolveActor(tx, by);
  const refusal = await refusalToAdminister(tx, deps, { action: 'ontology:put', actor }, 'ontology');
  if (refusal !== null) return refusal;
  const loaded = await deps.ontologies.load(tx);
  return Object.hasOwn(loaded?.ontology.document.endpoints ?? {}, endpoint) ? actor : refuse('not_found');
}

async function retire(tx: Tx, endpoint: string, name: string, afterMs: number): Promise<number> {
  const rows = await tx.rows(
    `UPDATE exequatur.endpoint_secret s SET retires_at = least(s.retires_at, exequatur.clock() + make_interval(secs => $3::double precision / 1000))
      WHERE s.endpoint = $1 AND s.name = $2 AND ${isInUse('s')} RETURNING s.id`,
    [endpoint, name, afterMs],
  );
  return rows.length;
}

function announce(
  tx: Tx,
  { endpoint, name, change, actor }: { endpoint: string; name: string; change: 'set' | 'retired'; actor: Actor },
): void {
  announceChange(tx, {
    type: 'endpoint.secret_changed',
    subject: `endpoint/${endpoint}`,
    facts: { endpoint, secret: name, change },
    personal: { actor: actor.id },
  });
}
