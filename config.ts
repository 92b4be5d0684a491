import { z } from 'zod';
import { readAllowedAddress } from './outbound/allowed-addresses.ts';

/**
 * Settings come from the environment, checked once at start: a process with a setting missing or misspelt says which and ends.
 */
const port = z.coerce.number().int().min(0).max(65_535);
const url = z.string().min(1);

const temporal = {
  TEMPORAL_ADDRESS: url,
  TEMPORAL_NAMESPACE: z.string().min(1).default('default'),
  EXEQUATUR_TASK_QUEUE: z.string().min(1).default('exequatur'),
};

const host = z.string().min(1).default('127.0.0.1');
const addresses = z
  .string()
  .default('')
  .transform((text) => text.split(',').flatMap((entry) => (entry.trim() === '' ? [] : [entry.trim()])))
  .refine(
    (entries) => entries.every(isAllowedAddress),
    'must be addresses or CIDRs with commas between, each for all tenants or with @ and the id of one',
  );
const secretsKey = z
  .string()
  .refine((text) => Buffer.from(text, 'base64').length === 32, 'must be 32 bytes in base64')
  .optional();
/** Pairs of a URL and a verifier key, all with spaces between. */
const witnesses = z
  .string()
  .default('')
  .transform((text) => text.split(/\s+/).filter((word) => word !== ''))
  .refine(
    (words) => words.length % 2 === 0 && words.every((word, at) => at % 2 === 1 || /^https?:\/\//.test(word)),
    'must be pairs of a URL and a verifier key',
  )
  .transform((words) => Array.from({ length: words.length / 2 }, (_, at) => ({ url: words[2 * at] ?? '', key: words[2 * at + 1] ?? '' })));
/** What seals secrets of endpoints and subscriptions, the same in API, worker and relay; beside a new key the previous one still opens what it sealed. */
const secretsKeySettings = { EXEQUATUR_SECRETS_KEY: secretsKey, EXEQUATUR_SECRETS_PREVIOUS_KEY: secretsKey };
const functions = z.string().min(1).optional();
/** Where an OPA answers, the same in API and worker: then policies are Rego, and without one Cedar. */
const opaUrl = z
  .string()
  .optional()
  .transform((text) => text || undefined)
  .refine((text) => text === undefined || /^https?:\/\/[^\s]+$/.test(text), 'must be an http or https URL');

const apiSettings = z.object({
  ...temporal,
  EXEQUATUR_API_DATABASE_URL: url,
  EXEQUATUR_HOST: host,
  EXEQUATUR_PORT: port.default(8080),
  EXEQUATUR_TEMPORAL_UI_URL: url.optional(),
  EXEQUATUR_JWT_ISSUER: z.string().min(1),
  EXEQUATUR_JWT_AUDIENCE: z.string().min(1),
  /** Of tokens of operators of the installation, who read its own log; without one nobody does. */
  EXEQUATUR_OPERATOR_AUDIENCE: z.string().min(1).optional(),
  EXEQUATUR_JWKS_URL: z.url().optional(),
  EXEQUATUR_JWKS_FILE: z.string().min(1).optional(),
  EXEQUATUR_DEVELOPMENT_KEYS: z.stringbool().default(false),
  ...secretsKeySettings,
  EXEQUATUR_FUNCTIONS: functions,
  /** Whose cosignatures are served; and verifier keys of former witnesses, with spaces between, whose cosignatures are there. */
  EXEQUATUR_WITNESSES: witnesses,
  EXEQUATUR_FORMER_WITNESS_KEYS: z
    .string()
    .default('')
    .transform((text) => text.split(/\s+/).filter((word) => word !== '')),
  EXEQUATUR_OPA_URL: opaUrl,
});

const workerSettings = z.object({
  ...temporal,
  EXEQUATUR_WORKER_DATABASE_URL: url,
  EXEQUATUR_HOST: host,
  EXEQUATUR_WORKER_METRICS_PORT: port.default(9464),
  EXEQUATUR_WORKER_SDK_METRICS_PORT: port.default(9465),
  /** Names this build to Temporal, which then routes workflows by version; a release step MUST set the deployment's current version, or the worker gets nothing. */
  EXEQUATUR_WORKER_BUILD_ID: z.string().min(1).optional(),
  EXEQUATUR_FUNCTIONS: functions,
  EXEQUATUR_OPA_URL: opaUrl,
  /** Addresses or CIDRs, with commas between, that effects may reach although they are private. */
  EXEQUATUR_EFFECTS_ALLOWED_ADDRESSES: addresses,
  ...secretsKeySettings,
});

const brokers = z
  .string()
  .optional()
  .transform((text) => text?.split(',').map((entry) => entry.trim()))
  .refine(
    (entries) => entries === undefined || entries.every((entry) => /^[^\s:]+:\d{1,5}$/.test(entry)),
    'must be host:port with commas between',
  );

const kafkaSettings = {
  /** Where events are published; without any they stay readable through the API, and are published when there is one. */
  EXEQUATUR_KAFKA_BROKERS: brokers,
  /** With `{tenant}` in it each tenant has a topic of its own. */
  EXEQUATUR_KAFKA_TOPIC: z
    .string()
    .regex(/^[a-zA-Z0-9._-]*(\{tenant\}[a-zA-Z0-9._-]*)?$/, 'must be the name of a topic, perhaps with {tenant} in it')
    .min(1)
    .max(200)
    .default('exequatur.events'),
  /** Of topics that do not exist yet. */
  EXEQUATUR_KAFKA_PARTITIONS: z.coerce.number().int().min(1).max(10_000).default(6),
  EXEQUATUR_KAFKA_TLS: z.stringbool().default(false),
  EXEQUATUR_KAFKA_CA_FILE: z.string().min(1).optional(),
  EXEQUATUR_KAFKA_CERT_FILE: z.string().min(1).optional(),
  EXEQUATUR_KAFKA_KEY_FILE: z.string().min(1).optional(),
  EXEQUATUR_KAFKA_SASL_MECHANISM: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']).optional(),
  EXEQUATUR_KAFKA_SASL_USERNAME: z.string().min(1).optional(),
  EXEQUATUR_KAFKA_SASL_PASSWORD: z.string().min(1).optional(),
};

const relaySettings = z.object({
  ...temporal,
  /** Addresses or CIDRs, with commas between, that events may be sent to although they are private. */
  EXEQUATUR_EFFECTS_ALLOWED_ADDRESSES: addresses,
  ...secretsKeySettings,
  EXEQUATUR_RELAY_DATABASE_URL: url,
  EXEQUATUR_HOST: host,
  EXEQUATUR_RELAY_METRICS_PORT: port.default(9466),
  /** A file with the key that signs checkpoints; without one, and without a command, nothing is sealed. The previous one signs beside it. */
  EXEQUATUR_CHECKPOINT_KEY_FILE: z.string().min(1).optional(),
  ...kafkaSettings,
  /** For how many days events are kept, at least; those that somebody has not come to are kept longer. */
  EXEQUATUR_EVENTS_KEPT_DAYS: z.coerce.number().int().min(1).max(36_500).default(30),
  EXEQUATUR_CHECKPOINT_PREVIOUS_KEY_FILE: z.string().min(1).optional(),
  /** A program that signs instead, with its arguments, and what verifies its signatures. */
  EXEQUATUR_CHECKPOINT_COMMAND: z.string().min(1).optional(),
  EXEQUATUR_CHECKPOINT_COMMAND_KEY: z.string().min(1).optional(),
  /** The one that it takes over from, which signs beside it. */
  EXEQUATUR_CHECKPOINT_PREVIOUS_COMMAND: z.string().min(1).optional(),
  EXEQUATUR_CHECKPOINT_PREVIOUS_COMMAND_KEY: z.string().min(1).optional(),
  EXEQUATUR_WITNESSES: witnesses,
});

export type ApiSettings = z.infer<typeof apiSettings>;
export type WorkerSettings = z.infer<typeof workerSettings>;
export type RelaySettings = z.infer<typeof relaySettings>;

export const readApiSettings = (env: NodeJS.ProcessEnv = process.env): ApiSettings => read(apiSettings, env);
export const readWorkerSettings = (env: NodeJS.ProcessEnv = process.env): WorkerSettings => read(workerSettings, env);
export const readRelaySettings = (env: NodeJS.ProcessEnv = process.env): RelaySettings => read(relaySettings, env);

/** Newest first. */
export function secretsKeys(settings: Pick<ApiSettings, 'EXEQUATUR_SECRETS_KEY' | 'EXEQUATUR_SECRETS_PREVIOUS_KEY'>): string[] {
  return [settings.EXEQUATUR_SECRETS_KEY, settings.EXEQUATUR_SECRETS_PREVIOUS_KEY].filter((key) => key !== undefined);
}

function isAllowedAddress(entry: string): boolean {
  try {
    return readAllowedAddress(entry) !== undefined;
  } catch {
    return false;
  }
}

function read<T extends z.ZodType>(settings: T, env: NodeJS.ProcessEnv): z.infer<T> {
  // An empty variable is how shells and compose files say "not set".
  const outcome = settings.safeParse(Object.fromEntries(Object.entries(env).filter(([, value]) => value !== '')));
  if (outcome.success) return outcome.data;
  const faults = outcome.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new Error(`The environment is not complete. ${faults.join('; ')}`);
}
