import { readFileSync } from 'node:fs';
import { createLocalJWKSet, createRemoteJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import type { ApiSettings } from '../config.ts';

/** Where the keys that sign tokens come from, and whether they are development keys, which are refused unless the settings say so in as many words. */
export interface TokenKeys {
  getKey: JWTVerifyGetKey;
  development: boolean;
}

type KeySettings = Pick<ApiSettings, 'EXEQUATUR_JWKS_URL' | 'EXEQUATUR_JWKS_FILE' | 'EXEQUATUR_DEVELOPMENT_KEYS' | 'EXEQUATUR_JWT_ISSUER'>;

const fetchTimeoutMs = 3_000; // A sign-in must not hang on a key server; whoever asks hears 503 and tries again.
const cooldownMs = 10_000; // Tokens with made-up key ids cannot make us fetch more often than this.
const reservedHost = 'exequatur.invalid'; // Issuer of development tokens; no name under .invalid can be anybody's.

const keySet = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string().optional() })).min(1) });

export function openTokenKeys(settings: KeySettings): TokenKeys {
  const development = settings.EXEQUATUR_DEVELOPMENT_KEYS;
  if (settings.EXEQUATUR_JWKS_URL !== undefined && settings.EXEQUATUR_JWKS_FILE !== undefined)
    throw new Error('EXEQUATUR_JWKS_URL and EXEQUATUR_JWKS_FILE are both set; name one.');
  if (!development && isReserved(settings.EXEQUATUR_JWT_ISSUER)) throw refusesDevelopment('the issuer is the one of development tokens');
  if (settings.EXEQUATUR_JWKS_URL !== undefined) return { getKey: remoteKeys(settings.EXEQUATUR_JWKS_URL, development), development };
  if (settings.EXEQUATUR_JWKS_FILE !== undefined) return { getKey: localKeys(settings.EXEQUATUR_JWKS_FILE, development), development };
  throw new Error('Neither EXEQUATUR_JWKS_URL nor EXEQUATUR_JWKS_FILE is set; tokens cannot be verified.');
}

function remoteKeys(address: string, development: boolean): JWTVerifyGetKey {
  const url = new URL(address);
  if (url.protocol !== 'https:' && !development)
    throw new Error('EXEQUATUR_JWKS_URL must be https: whoever sits between could swap the keys.');
  const getKey = createRemoteJWKSet(url, { timeoutDuration: fetchTimeoutMs, cooldownDuration: cooldownMs });
  return async (header, token) => {
    try {
      return await getKey(header, token);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) throw error;
      throw new KeysUnavailable('the signing keys cannot be fetched', { cause: error });
    }
  };
}

/** The key server's fault, not the token's. */
export class KeysUnavailable extends Error {}

/** Read once, at start. A file with a secret in it is refused: it would be a signing key lying where only verifying keys belong. */
function localKeys(file: string, development: boolean): JWTVerifyGetKey {
  const parsed = keySet.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (!parsed.success) throw new Error('EXEQUATUR_JWKS_FILE holds no JSON Web Key Set.');
  for (const key of parsed.data.keys) {
    if (key.kty === 'oct' || 'd' in key || 'k' in key)
      throw new Error('EXEQUATUR_JWKS_FILE holds a secret key; it must hold public keys only.');
    if (key.kid === 'development' && !development) throw refusesDevelopment('its key is named "development"');
  }
  return createLocalJWKSet(parsed.data as unknown as JSONWebKeySet);
}

function isReserved(issuer: string): boolean {
  try {
    return new URL(issuer).hostname === reservedHost;
  } catch {
    return false;
  }
}

function refusesDevelopment(why: string): Error {
  return new Error(`Development keys are refused unless EXEQUATUR_DEVELOPMENT_KEYS=true: ${why}.`);
}
