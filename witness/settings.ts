import { readFileSync } from 'node:fs';
import { type Cosigner, readCosigner } from '../audit/cosignature.ts';
import { readVerifierKey, type VerifierKey } from '../audit/note-keys.ts';

/** A family of logs that this witness cosigns: those whose name is the prefix, or begins with it and a slash. */
export interface KnownLogs {
  prefix: string;
  /** More than one while a key takes over from another. */
  keys: VerifierKey[];
}

export interface WitnessSettings {
  cosigner: Cosigner;
  /** A directory that is this witness's alone. */
  store: string;
  logs: KnownLogs[];
  host: string;
  port: number;
}

/** From the environment, checked at start. @throws with what is missing or misspelt. */
export function readWitnessSettings(env: NodeJS.ProcessEnv = process.env): WitnessSettings {
  const required = (name: string): string => {
    const value = env[name];
    if (!value) throw new Error(`${name} is not set`);
    return value;
  };
  const port = Number(env.EXEQUATUR_WITNESS_PORT || 9467);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error('EXEQUATUR_WITNESS_PORT is no port');
  return {
    cosigner: readCosigner(readFileSync(required('EXEQUATUR_WITNESS_KEY_FILE'), 'utf8')),
    store: required('EXEQUATUR_WITNESS_STORE'),
    logs: readLogs(required('EXEQUATUR_WITNESS_LOGS')),
    host: env.EXEQUATUR_HOST || '127.0.0.1',
    port,
  };
}

/** Verifier keys with spaces between, each as it is, which stands for the logs under its own name, or behind another prefix and `=`. */
export function readLogs(text: string): KnownLogs[] {
  const logs = new Map<string, KnownLogs>();
  for (const word of text.split(/\s+/).filter((one) => one !== '')) {
    const [, given, written = ''] = /^(?:([^+=]+)=)?(.+)$/.exec(word) ?? [];
    const key = readVerifierKey(written);
    if (key.kind !== 'log') throw new Error(`${written} is no key of a log`);
    const prefix = given ?? key.name;
    const known = logs.get(prefix) ?? { prefix, keys: [] };
    known.keys.push(key);
    logs.set(prefix, known);
  }
  if (logs.size === 0) throw new Error('EXEQUATUR_WITNESS_LOGS names no log');
  return [...logs.values()];
}
