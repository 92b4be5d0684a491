import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { base64url, createLocalJWKSet, exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { authenticate, type TokenRules } from './authenticate.ts';
import { openTokenKeys } from './token-keys.ts';

const issuer = 'https://issuer.test';
const audience = 'exequatur';
const tenant = '11111111-1111-1111-1111-111111111111';
const good = { tenant, kind: 'user', roles: ['keeper'], sub: 'kim', iss: issuer, aud: audience } satisfies JWTPayload;
const now = () => Math.floor(Date.now() / 1000);

type Pair = Awaited<ReturnType<typeof generateKeyPair>>;
const pairs: Record<'EdDSA' | 'ES256' | 'RS256' | 'stranger', Pair> = {} as never;
let rules: TokenRules;

beforeAll(async () => {
  pairs.EdDSA = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  pairs.ES256 = await generateKeyPair('ES256', { extractable: true });
  pairs.RS256 = await generateKeyPair('RS256', { extractable: true });
  pairs.stranger = await generateKeyPair('EdDSA', { crv: 'Ed25519' });
  const keys = await Promise.all(
    (['EdDSA', 'ES256', 'RS256'] as const).map(async (alg) => ({ ...(await exportJWK(pairs[alg].publicKey)), kid: alg, alg })),
  );
  rules = { keys: { getKey: createLocalJWKSet({ keys }) }, issuer, audience, now: Date.now };
});

interface Wish {
  alg?: 'EdDSA' | 'ES256' | 'RS256';
  header?: Record<string, unknown>;
  key?: Pair['privateKey'] | Uint8Array;
}

function sign(claims: Record<string, unknown>, { alg = 'EdDSA', header = {}, key = pairs[alg].privateKey }: Wish = {}): Promise<string> {
  return new SignJWT({ exp: now() + 60, iat: now(), ...claims }).setProtectedHeader({ alg, kid: alg, ...header }).sign(key);
}

/** A token put together by hand, for what no library would sign. */
const forged = (header: object, claims: object, signature = '') =>
  `${base64url.encode(JSON.stringify(header))}.${base64url.encode(JSON.stringify({ exp: now() + 60, iat: now(), ...claims }))}.${signature}`;

const ask = (token: string) => authenticate(`Bearer ${token}`, rules);

describe('authenticate', () => {
  it.each(['EdDSA', 'ES256', 'RS256'] as const)('takes who calls, and for which tenant, from a token signed with %s', async (alg) => {
    expect(await ask(await sign({ ...good, name: 'Kim', acts_for: 'sam' }, { alg }))).toEqual({
      caller: {
        tenant,
        id: 'kim',
        kind: 'user',
        roles: ['keeper'],
        name: 'Kim',
        actsFor: 'sam',
        tokenIssuedAt: expect.stringMatching(/^\d{4}-.*Z$/),
      },
      expiresAt: expect.any(Number),
    });
  });

  it.each([
    ['of another issuer', { iss: 'https://other.test' }],
    ['for another audience', { aud: 'somebody-else' }],
    ['that has expired', { exp: now() - 60 }],
    ['that never expires', { exp: undefined }],
    ['that is not valid yet', { nbf: now() + 600 }],
    ['issued in the future', { iat: now() + 600 }],
    ['without a time of issue', { iat: undefined }],
    ['without a subject', { sub: undefined }],
    ['with an empty subject', { sub: '' }],
    ['with a subject that cannot be stored', { sub: 'a\u0000b' }],
    ['without a tenant', { tenant: undefined }],
    ['whose tenant is no UUID', { tenant: "x' OR true" }],
    ['whose tenant is a list', { tenant: [tenant] }],
    ['of an unknown kind', { kind: 'administrator' }],
    ['without a kind', { kind: undefined }],
    ['without roles', { roles: undefined }],
    ['whose roles are one text', { roles: 'ontology-admin' }],
    ['whose roles are not texts', { roles: ['keeper', { name: 'ontology-admin' }] }],
    ['with more roles than anybody has', { roles: Array.from({ length: 201 }, (_, at) => `r${at}`) }],
  ])('refuses a token %s', async (_, claims) => {
    expect(await ask(await sign({ ...good, ...claims }))).toMatchObject({ refused: 'unauthenticated' });
  });

  it('refuses what is not signed, or signed with something that everybody knows', async () => {
    const publicKey = new TextEncoder().encode(await exportSPKI(pairs.RS256.publicKey));
    const withPublicKey = await new SignJWT({ ...good, exp: now() + 60, iat: now() })
      .setProtectedHeader({ alg: 'HS256', kid: 'RS256' })
      .sign(publicKey);
    for (const token of [
      forged({ alg: 'none' }, good),
      forged({ alg: 'none', kid: 'EdDSA' }, good, 'x'),
      forged({ alg: 'NONE' }, good),
      withPublicKey,
    ]) {
      expect(await ask(token)).toMatchObject({ refused: 'unauthenticated' });
    }
  });

  it('refuses a stranger’s signature, whatever key the token itself brings or points at', async () => {
    const jwk = await exportJWK(pairs.stranger.publicKey);
    for (const header of [
      {},
      { jwk },
      { jku: 'http://127.0.0.1:1/keys' },
      { x5u: 'http://127.0.0.1:1/chain' },
      { kid: '../../etc/passwd' },
      { kid: "' OR 1=1" },
      { kid: '__proto__' },
    ]) {
      expect(await ask(await sign(good, { key: pairs.stranger.privateKey, header }))).toMatchObject({ refused: 'unauthenticated' });
    }
    expect(await ask(await sign(good, { header: { kid: 'no-such-key' } }))).toMatchObject({ refused: 'unauthenticated' });
    expect(await ask(await sign(good, { header: { kid: 'ES256' } }))).toMatchObject({ refused: 'unauthenticated' });
  });

  it('refuses a token whose content was changed after it was signed', async () => {
    const [header, , signature] = (await sign(good)).split('.');
    const claims = base64url.encode(JSON.stringify({ ...good, roles: ['ontology-admin'], exp: now() + 60, iat: now() }));
    expect(await ask(`${header}.${claims}.${signature}`)).toMatchObject({ refused: 'unauthenticated' });
  });

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer x',
    'Basic a.b.c',
    'Bearer a.b.c.d',
    `Bearer ${'a'.repeat(9_000)}.b.c`,
    'Bearer a.b.c',
    'Bearer ..',
  ])('refuses the header %s', async (header) => {
    expect(await authenticate(header, rules)).toMatchObject({ refused: 'unauthenticated' });
  });
});

describe('keys from an address', () => {
  it('that cannot be fetched are an outage, not the token’s fault; those that can verify', async () => {
    const jwk = { ...(await exportJWK(pairs.EdDSA.publicKey)), kid: 'EdDSA', alg: 'EdDSA' };
    let status = 500;
    const server = createServer((_request, response) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: [jwk] })),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
    const settings = {
      EXEQUATUR_JWKS_URL: url,
      EXEQUATUR_JWKS_FILE: undefined,
      EXEQUATUR_DEVELOPMENT_KEYS: true,
      EXEQUATUR_JWT_ISSUER: issuer,
    };
    const remote = { now: Date.now, keys: openTokenKeys(settings), issuer, audience };
    const token = `Bearer ${await sign(good)}`;
    expect(await authenticate(token, remote)).toMatchObject({ refused: 'temporarily_unavailable' });
    status = 200;
    expect(await authenticate(token, remote)).toMatchObject({ caller: { id: 'kim' } });
    server.closeAllConnections();
    server.close();
    expect(() => openTokenKeys({ ...settings, EXEQUATUR_DEVELOPMENT_KEYS: false })).toThrow('https');
  });
});
