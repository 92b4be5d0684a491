import { errors, type JWTPayload, jwtVerify } from 'jose';
import { z } from 'zod';
import type { Caller } from '../ontology/authority.ts';
import { isStorableText } from '../ontology/json.ts';
import { systemTenant } from '../store/system-chain.ts';
import { KeysUnavailable, type TokenKeys } from './token-keys.ts';

/** Who calls, and for which tenant: from a verified token only, never from anything else in a request. */
export interface AuthenticatedCaller extends Caller {
  tenant: string;
}

/** `expiresAt` is the token's, ms since 1970. */
export type Authentication =
  | { caller: AuthenticatedCaller; expiresAt: number }
  | { refused: 'unauthenticated' | 'temporarily_unavailable'; why: string };

export interface TokenRules {
  keys: Pick<TokenKeys, 'getKey'>;
  issuer: string;
  audience: string;
  /** Ms since 1970: the database's time, so that an API process whose own clock is off takes no token for valid, or for expired, that is not. */
  now: () => number;
}

/** Asymmetric only: with HS256 anybody who knows the public key could sign. `none` is no algorithm at all. */
const algorithms = ['EdDSA', 'ES256', 'RS256'];
const clockToleranceSeconds = 5; // Clocks of issuer and API differ a little.
const maxTokenLength = 8_192;

const text = (max: number) => z.string().min(1).max(max).refine(isStorableText);

const claimsSchema = z.object({
  sub: text(200),
  tenant: z.guid().toLowerCase(),
  kind: z.enum(['user', 'agent', 'service']),
  roles: z.array(text(100)).max(200),
  name: text(200).optional(),
  acts_for: text(200).optional(),
  iat: z.number().int().positive(),
  exp: z.number().positive(),
});

/** `why` is for the log; a client hears only that it is not authenticated, since more would help whoever guesses. */
export async function authenticate(authorization: string | undefined, rules: TokenRules): Promise<Authentication> {
  const verified = await verify(authorization, rules);
  if ('refused' in verified) return verified;
  const claims = claimsSchema.safeParse(verified.payload);
  if (!claims.success) return unreadableClaims(claims.error);
  if (claims.data.tenant === systemTenant) return { refused: 'unauthenticated', why: 'claims: tenant' };
  return { caller: callerOf(claims.data), expiresAt: claims.data.exp * 1_000 };
}

const operatorClaims = claimsSchema.pick({ sub: true, iat: true, exp: true }).extend({ kind: z.literal('user') });

/**
 * An operator of the installation, who reads its own log and nothing of any tenant: a person whose token is for another audience than tenants' are. No role of any tenant
 * makes one, and where no audience is set there are none.
 */
export async function authenticateOperator(authorization: string | undefined, rules: TokenRules | null): Promise<Authentication> {
  if (rules === null) return { refused: 'unauthenticated', why: 'no audience for operators is set' };
  const verified = await verify(authorization, rules);
  if ('refused' in verified) return verified;
  const claims = operatorClaims.safeParse(verified.payload);
  if (!claims.success) return unreadableClaims(claims.error);
  const { sub, iat, exp } = claims.data;
  const caller = { tenant: systemTenant, id: sub, kind: 'user' as const, roles: [], tokenIssuedAt: new Date(iat * 1000).toISOString() };
  return { caller, expiresAt: exp * 1_000 };
}

type Refused = Extract<Authentication, { refused: string }>;

async function verify(authorization: string | undefined, rules: TokenRules): Promise<{ payload: JWTPayload } | Refused> {
  const token = bearerToken(authorization);
  if (token === null) return { refused: 'unauthenticated', why: 'no bearer token' };
  const now = rules.now();
  try {
    const { payload } = await jwtVerify(token, rules.keys.getKey, {
      issuer: rules.issuer,
      audience: rules.audience,
      algorithms,
      requiredClaims: ['exp', 'iat', 'sub'],
      clockTolerance: clockToleranceSeconds,
      currentDate: new Date(now),
    });
    // Standing compares this time with removals of roles, so a token from the future would outlive them.
    if ((payload.iat ?? 0) > now / 1000 + clockToleranceSeconds) return { refused: 'unauthenticated', why: 'issued in the future' };
    return { payload };
  } catch (error) {
    return refusalOf(error);
  }
}

function unreadableClaims({ issues }: z.ZodError): Refused {
  return { refused: 'unauthenticated', why: `claims: ${issues.map(({ path }) => path.join('.')).join(', ')}` };
}

/** RFC 6750; the scheme is case-insensitive. */
function bearerToken(authorization: string | undefined): string | null {
  if (authorization === undefined || authorization.length > maxTokenLength) return null;
  return /^Bearer +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$/i.exec(authorization)?.[1] ?? null;
}

/** Whatever else goes wrong while a token is read is the token's fault: a strange one must not look like an outage. */
function refusalOf(error: unknown): Refused {
  if (error instanceof KeysUnavailable) return { refused: 'temporarily_unavailable', why: error.message };
  return { refused: 'unauthenticated', why: error instanceof errors.JOSEError ? error.code : 'the token cannot be read' };
}

function callerOf(claims: z.infer<typeof claimsSchema>): AuthenticatedCaller {
  return {
    tenant: claims.tenant,
    id: claims.sub,
    kind: claims.kind,
    roles: [...new Set(claims.roles)],
    ...(claims.name === undefined ? {} : { name: claims.name }),
    ...(claims.acts_for === undefined ? {} : { actsFor: claims.acts_for }),
    tokenIssuedAt: new Date(claims.iat * 1000).toISOString(),
  };
}
