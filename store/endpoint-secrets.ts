import type { Actor, Caller } from '../ontology/authority.ts';
import { durationMs } from '../ontology/duration.ts';
import { announceChange } from './announce-change.ts';
import { isSecretInUse, keepSecret, placeOfSecret, retireSecrets, type SecretView, secretJson, signing } from './kept-secrets.ts';
import { refusalToAdminister } from './may-administer.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';
import type { SecretBox } from './secret-box.ts';
import type { Sql, Tx } from './sql.ts';
import { resolveActor } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';

export interface EndpointView {
  name: string;
  /** Null where the document in force has none of that name any more, and secrets are still in use. */
  url: string | null;
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

/** Puts a secret in use; those before it retire, at once or after the overlap. Answers the value where it was made here, which nobody is told again. */
export async function putEndpointSecret(
  tx: Tx,
  wish: NewSecret,
  box: SecretBox,
  deps: Deps,
): Promise<{ secret: SecretView; value: string | null } | Refusal> {
  const actor = await mayKeep(tx, wish, deps);
  if ('refused' in actor) return actor;
  const { endpoint, name, value, overlap } = wish;
  if (value === undefined && name !== signing)
    return refuse('malformed_request', [{ code: 'malformed_request', pointer: '/value', message: 'is required of a header' }]);
  const kept = await keepSecret(
    tx,
    { endpoint, name, ...(value === undefined ? {} : { value }), ...(overlap === undefined ? {} : { overlapMs: durationMs(overlap) }) },
    actor.id,
    box,
  );
  if (!isRefusal(kept)) announce(tx, { endpoint, name, change: 'set', actor });
  return kept;
}

/** Takes a secret out of use at once, also of an endpoint that the document no longer has. */
export async function retireEndpointSecret(
  tx: Tx,
  wish: Pick<NewSecret, 'endpoint' | 'name' | 'by'>,
  deps: Deps,
): Promise<{ retired: number } | Refusal> {
  const actor = await mayAdminister(tx, wish.by, deps);
  if ('refused' in actor) return actor;
  const retired = await retireSecrets(tx, wish.endpoint, wish.name, 0);
  if (retired === 0) return refuse('not_found');
  announce(tx, { endpoint: wish.endpoint, name: wish.name, change: 'retired', actor });
  return { retired };
}

/** The endpoints of the document in force, and which secrets each has; after them those that it no longer has whose secrets are still in use. */
export async function listEndpoints(tx: Tx, deps: Pick<StoreDeps, 'ontologies'>): Promise<EndpointView[]> {
  const [loaded, rows] = await Promise.all([
    deps.ontologies.load(tx),
    tx.rows<{ endpoint: string; secret: SecretView }>(
      `SELECT s.endpoint, ${secretJson('s')} AS secret FROM exequatur.endpoint_secret s WHERE ${isSecretInUse('s')} ORDER BY s.name, s.created_at DESC`,
    ),
  ]);
  const endpoints = loaded?.ontology.document.endpoints ?? {};
  const gone = new Set(rows.map(({ endpoint }) => endpoint).filter((name) => !Object.hasOwn(endpoints, name)));
  return [...Object.keys(endpoints), ...gone].map((name) => ({
    name,
    url: gone.has(name) ? null : (endpoints[name]?.url ?? null),
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
    `SELECT s.name, s.sealed FROM exequatur.endpoint_secret s WHERE s.endpoint = $1 AND ${isSecretInUse('s')} ORDER BY s.created_at DESC, s.id`,
    [endpoint],
  );
  const opened = rows.flatMap(({ name, sealed }) => {
    const value = box.open(sealed, placeOfSecret(tx.tenant, endpoint, name));
    return value === null ? [] : [{ name, value }];
  });
  if (opened.length < rows.length) return null;
  const headers: Record<string, string> = {};
  for (const { name, value } of opened) if (name !== signing) headers[name] ??= value;
  return { signing: opened.filter(({ name }) => name === signing).map(({ value }) => value), headers };
}

async function mayAdminister(tx: Tx, by: Caller, deps: Deps): Promise<Actor | Refusal> {
  const actor = await resolveActor(tx, by);
  return (await refusalToAdminister(tx, deps, { action: 'ontology:put', actor }, 'ontology')) ?? actor;
}

async function mayKeep(tx: Tx, { by, endpoint }: Pick<NewSecret, 'by' | 'endpoint'>, deps: Deps): Promise<Actor | Refusal> {
  const actor = await mayAdminister(tx, by, deps);
  if (isRefusal(actor)) return actor;
  const loaded = await deps.ontologies.load(tx);
  return Object.hasOwn(loaded?.ontology.document.endpoints ?? {}, endpoint) ? actor : refuse('not_found');
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
