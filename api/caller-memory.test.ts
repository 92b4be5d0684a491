import { createLocalJWKSet, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterEach, expect, it, vi } from 'vitest';
import { CallerMemory } from './caller-memory.ts';

afterEach(() => vi.useRealTimers());

const seconds = () => Math.floor(Date.now() / 1_000);

async function scene(lifetimeSeconds: number) {
  const { publicKey, privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519' });
  const keySet = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'EdDSA' }] });
  const getKey = vi.fn(keySet);
  const token = await new SignJWT({ tenant: '00000000-0000-4000-8000-000000000001', kind: 'user', roles: ['keeper'] })
    .setProtectedHeader({ alg: 'EdDSA', kid: 'k' })
    .setSubject('kim')
    .setIssuer('i')
    .setAudience('a')
    .setIssuedAt()
    .setExpirationTime(seconds() + lifetimeSeconds)
    .sign(privateKey);
  return {
    memory: new CallerMemory({ keys: { getKey }, issuer: 'i', audience: 'a', now: Date.now }),
    getKey,
    authorization: `Bearer ${token}`,
  };
}

it('verifies a token that comes again once in ten seconds', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const { memory, getKey, authorization } = await scene(3_600);
  for (let i = 0; i < 5; i++) expect(await memory.authenticate(authorization)).toMatchObject({ caller: { id: 'kim' } });
  expect(getKey).toHaveBeenCalledTimes(1);
  vi.setSystemTime(Date.now() + 10_001);
  await memory.authenticate(authorization);
  expect(getKey).toHaveBeenCalledTimes(2);
});

it('refuses a token that has expired since it was verified', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const { memory, authorization } = await scene(4);
  expect(await memory.authenticate(authorization)).toMatchObject({ caller: { id: 'kim' } });
  vi.setSystemTime(Date.now() + 9_500); // Within the time that tokens are remembered, beyond its expiry and the clocks' tolerance.
  expect(await memory.authenticate(authorization)).toMatchObject({ refused: 'unauthenticated' });
});

it('remembers no refusal', async () => {
  const { memory, authorization } = await scene(3_600);
  expect(await memory.authenticate(`${authorization}x`)).toMatchObject({ refused: 'unauthenticated' });
  expect(await memory.authenticate(undefined)).toMatchObject({ refused: 'unauthenticated' });
  expect(await memory.authenticate(authorization)).toMatchObject({ caller: { id: 'kim' } });
});
