/**
 * Keys, passwords and tokens of a development stack, kept with its state, so that what a person copied yesterday works today. Never for anything else: the
 * private key lies in a file.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import { type KeyKind, readSigningKey, writeSigningKey } from '../../audit/note-keys.ts';
import { writeWhole } from './write-whole.ts';

export interface DevelopmentKeys {
  /** Public keys, as the API reads them. */
  jwksFile: string;
  passwords: { api: string; worker: string; relay: string };
  /** What signs checkpoints of audit logs, and what cosigns them. */
  checkpointKey: NoteKeyFile;
  witnessKey: NoteKeyFile;
  /** What seals secrets of endpoints: 32 bytes in base64. */
  secretsKey: string;
  sign(claims: TokenClaims): Promise<string>;
}

export interface NoteKeyFile {
  path: string;
  /** What verifies. */
  verifierKey: string;
}

export interface TokenClaims {
  tenant: string;
  id: string;
  kind: 'user' | 'agent' | 'service';
  roles: readonly string[];
  name?: string;
}

export const issuer = 'https://exequatur.invalid/development';
export const audience = 'exequatur';
const algorithm = 'EdDSA';
const keyId = 'development';
const tokenLifetime = '30d'; // Longer than anyone leaves a development stack running; each start signs new ones.

export async function openDevelopmentKeys(directory: string): Promise<DevelopmentKeys> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const privateFile = join(directory, 'private-key.json');
  const jwksFile = join(directory, 'jwks.json');
  if (!existsSync(privateFile)) await generate(privateFile);
  const privateJwk = JSON.parse(readFileSync(privateFile, 'utf8')) as JWK;
  const { d: _, ...publicJwk } = privateJwk;
  writeFileSync(jwksFile, JSON.stringify({ keys: [publicJwk] }, null, 2));
  const key = await importJWK(privateJwk, algorithm);
  return {
    jwksFile,
    passwords: openPasswords(join(directory, 'passwords.json')),
    checkpointKey: openNoteKey(join(directory, 'checkpoint-key'), 'exequatur.invalid/development', 'log'),
    witnessKey: openNoteKey(join(directory, 'witness-key'), 'exequatur.invalid/witness', 'witness'),
    secretsKey: openSecretsKey(join(directory, 'secrets-key')),
    sign: ({ tenant, id, kind, roles, name }) =>
      new SignJWT({ tenant, kind, roles: [...roles], ...(name ? { name } : {}) })
        .setProtectedHeader({ alg: algorithm, kid: keyId })
        .setSubject(id)
        .setIssuer(issuer)
        .setAudience(audience)
        .setIssuedAt()
        .setExpirationTime(tokenLifetime)
        .sign(key),
  };
}

async function generate(file: string): Promise<void> {
  const { privateKey } = await generateKeyPair(algorithm, { crv: 'Ed25519', extractable: true });
  writeWhole(file, JSON.stringify({ ...(await exportJWK(privateKey)), kid: keyId, alg: algorithm, use: 'sig' }), 0o600);
}

function openNoteKey(path: string, name: string, kind: KeyKind): NoteKeyFile {
  if (!existsSync(path)) writeWhole(path, writeSigningKey(name, kind, randomBytes(32)), 0o600);
  return { path, verifierKey: readSigningKey(readFileSync(path, 'utf8'), kind).verifierKey };
}

function openSecretsKey(file: string): string {
  if (!existsSync(file)) writeWhole(file, randomBytes(32).toString('base64'), 0o600);
  return readFileSync(file, 'utf8');
}

function openPasswords(file: string): DevelopmentKeys['passwords'] {
  if (!existsSync(file)) {
    const password = () => randomBytes(18).toString('hex');
    writeWhole(file, JSON.stringify({ api: password(), worker: password(), relay: password() }), 0o600);
  }
  return JSON.parse(readFileSync(file, 'utf8')) as DevelopmentKeys['passwords'];
}
