import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTokenKeys } from './token-keys.ts';

const directory = mkdtempSync(join(tmpdir(), 'keys-'));
const EXEQUATUR_JWKS_FILE = join(directory, 'jwks.json');
const settings = {
  EXEQUATUR_JWKS_URL: undefined,
  EXEQUATUR_JWKS_FILE,
  EXEQUATUR_DEVELOPMENT_KEYS: false,
  EXEQUATUR_JWT_ISSUER: 'https://issuer.example',
};
let publicKey: JWK;
let privateKey: JWK;

beforeAll(async () => {
  const pair = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  [publicKey, privateKey] = await Promise.all([exportJWK(pair.publicKey), exportJWK(pair.privateKey)]);
});
afterAll(() => rmSync(directory, { recursive: true }));

const withKeys = (...keys: JWK[]) => writeFileSync(EXEQUATUR_JWKS_FILE, JSON.stringify({ keys }));

describe('openTokenKeys', () => {
  it('refuses development keys and tokens unless the settings say so in as many words', () => {
    withKeys({ ...publicKey, kid: 'development' });
    expect(() => openTokenKeys(settings)).toThrow('Development keys are refused');
    expect(openTokenKeys({ ...settings, EXEQUATUR_DEVELOPMENT_KEYS: true }).development).toBe(true);
    withKeys({ ...publicKey, kid: 'a' });
    expect(openTokenKeys(settings).development).toBe(false);
    expect(() => openTokenKeys({ ...settings, EXEQUATUR_JWT_ISSUER: 'https://exequatur.invalid/development' })).toThrow(
      'Development keys are refused',
    );
  });

  it('refuses a file that holds a secret', () => {
    withKeys({ ...privateKey, kid: 'a' });
    expect(() => openTokenKeys(settings)).toThrow('secret');
    withKeys({ kty: 'oct', k: 'c2VjcmV0', kid: 'a' });
    expect(() => openTokenKeys(settings)).toThrow('secret');
  });

  it('refuses to guess where the keys are', () => {
    expect(() => openTokenKeys({ ...settings, EXEQUATUR_JWKS_FILE: undefined })).toThrow('Neither');
    expect(() => openTokenKeys({ ...settings, EXEQUATUR_JWKS_URL: 'https://keys.example' })).toThrow('both');
    withKeys();
    expect(() => openTokenKeys(settings)).toThrow('no JSON Web Key Set');
  });
});
