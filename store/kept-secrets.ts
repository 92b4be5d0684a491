import { randomBytes, randomUUID } from 'node:crypto';
import { isoTime } from './proposal-row.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { SecretBox } from './secret-box.ts';
import type { Tx } from './sql.ts';

/** The name of what signs; every other is that of a header. */
export const signing = 'signing';

export interface SecretView {
  name: string;
  id: string;
  createdBy: string;
  createdAt: string;
  retiresAt: string | null;
}

export interface SecretWish {
  /** An endpoint of the document, or what a subscription's are kept under. */
  endpoint: string;
  name: string;
  /** Made here where it is left out. */
  value?: string;
  /** How long those before are used beside it. */
  overlapMs?: number;
}

export const secretJson = (
  s: string,
): string => `jsonb_build_object('name', ${s}.name, 'id', ${s}.id, 'createdBy', ${s}.created_by, 'createdAt', ${isoTime(`${s}.created_at`)},
  'retiresAt', ${isoTime(`${s}.retires_at`)})`;
export const isSecretInUse = (s: string): string => `(${s}.retires_at IS NULL OR ${s}.retires_at > exequatur.clock())`;

/** What the secrets of a subscription are kept under; no endpoint of a document is called so. */
export function endpointOfSubscription(name: string): string {
  return `subscription/${name}`;
}

/** Binds what is sealed to where it belongs. */
export function placeOfSecret(tenant: string, endpoint: string, name: string): string {
  return `${tenant}/${endpoint}/${name}`;
}

/** Puts a secret in use; those before it retire, at once or after the overlap. Answers the value where it was made here, which nobody is told again. */
export async function keepSecret(
  tx: Tx,
  { endpoint, name, value: given, overlapMs = 0 }: SecretWish,
  by: string,
  box: SecretBox,
): Promise<{ secret: SecretView; value: string | null } | Refusal> {
  if (!box.isUsable) return refuse('secrets_unavailable');
  if (given !== undefined && name === signing && !isSigningSecret(given)) {
    return refuse('malformed_request', [
      { code: 'malformed_request', pointer: '/value', message: 'must be whsec_ and 24 to 64 bytes in base64' },
    ]);
  }
  const value = given ?? `whsec_${randomBytes(32).toString('base64')}`;
  await retireSecrets(tx, endpoint, name, overlapMs);
  const [row] = await tx.rows<{ secret: SecretView }>(
    `INSERT INTO exequatur.endpoint_secret AS s (tenant_id, id, endpoint, name, sealed, created_by, created_at)
     VALUES ((SELECT current_setting('app.tenant')::uuid), $1::uuid, $2, $3, $4::bytea, $5, exequatur.clock()) RETURNING ${secretJson('s')} AS secret`,
    [randomUUID(), endpoint, name, box.seal(value, placeOfSecret(tx.tenant, endpoint, name)), by],
  );
  if (row === undefined) throw new Error('a secret was not written');
  return { secret: row.secret, value: given === undefined ? value : null };
}

/** @returns how many retire. */
export async function retireSecrets(tx: Tx, endpoint: string, name: string, afterMs: number): Promise<number> {
  const rows = await tx.rows(
    `UPDATE exequatur.endpoint_secret s SET retires_at = least(s.retires_at, exequatur.clock() + make_interval(secs => $3::double precision / 1000))
      WHERE s.endpoint = $1 AND s.name = $2 AND ${isSecretInUse('s')} RETURNING s.id`,
    [endpoint, name, afterMs],
  );
  return rows.length;
}

/** As Standard Webhooks asks. */
function isSigningSecret(value: string): boolean {
  const text = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(value)?.[1] ?? '';
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text && bytes.length >= 24 && bytes.length <= 64;
}
