import { isIP } from 'node:net';
import { z } from 'zod';

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
  .refine((entries) => entries.every(isAddressOrCidr), 'must be addresses or CIDRs with commas between');
const secretsKey = z
  .string()
  .refine((text) => Buffer.from(text, 'base64').length === 32, 'must be 32 bytes in base64')
  .optional();
/** What seals secrets of endpoints and subscriptions, the same in API, worker and relay; beside a new key the previous one still opens what it sealed. */
const secretsKeySettings = { EXEQUATUR_SECRETS_KEY: secretsKey, EXEQUATUR_SECRETS_PREVIOUS_KEY: secretsKey };
const functions = z.string().min(1).optional();

const apiSettings = z.object({
  ...temporal,
  EXEQUATUR_API_DATABASE_URL: url,
  EXEQUATUR_HOST: host,
  EXEQUATUR_PORT: port.default(8080),
  EXEQUATUR_TEMPORAL_UI_URL: url.optional(),
  EXEQUATUR_JWT_ISSUER: z.string().min(1),
  EXEQUATUR_JWT_AUDIENCE: z.string().min(1),
  EXEQUATUR_JWKS_URL: z.url().optional(),
  EXEQUATUR_JWKS_FILE: z.string().min(1).optional(),
  EXEQUATUR_DEVELOPMENT_KEYS: z.stringbool().default(false),
  ...secretsKeySettings,
  EXEQUATUR_FUNCTIONS: functions,
});

const workerSettings = z.object({
  ...temporal,
  EXEQUATUR_WORKER_DATABASE_URL: url,
  EXEQUATUR_HOST: host,
  EXEQUATUR_WORKER_METRICS_PORT: port.default(9464),
  EXEQUATUR_WORKER_SDK_METRICS_PORT: port.default(9465),
  /** Names this build to Temporal, which then routes workflows by version; a release step MUST set the deployment's current version, or the worker gets nothing. */
  EXEQUATUR_WORKER_BUILD_ID: z.string().min(1).optional(),
  EXEQUATUR_WORKFLOW_BUNDLE: z.string().min(1).optional(),
  EXEQUATUR_FUNCTIONS: functions,
  /** Addresses or CIDRs, with commas between, that effects may reach although they are private. */
  EXEQUATUR_EFFECTS_ALLOWED_ADDRESSES: addresses,
  ...secretsKeySettings,
});

const relaySettings = z.object({
  ...temporal,
  /** Addresses or CIDRs, with commas between, that events may be sent to although they are private. */
  EXEQUATUR_EFFECTS_ALLOWED_ADDRESSES: addresses,
  ...secretsKeySettings,
  EXEQUATUR_RELAY_DATABASE_URL: url,
  EXEQUATUR_HOST: host,
  EXEQUATUR_RELAY_METRICS_PORT: port.default(9466),
  /** A file with the key that signs checkpoints; without one nothing is sealed. */
  EXEQUATUR_CHECKPOINT_KEY_FILE: z.string().min(1).optional(),
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

function isAddressOrCidr(entry: string): boolean {
  const [address = '', bits] = entry.split('/');
  return isIP(address) !== 0 && (bits === undefined || /^\d{1,3}$/.test(bits));
}

function read<T extends z.ZodType>(settings: T, env: NodeJS.ProcessEnv): z.infer<T> {
  // An empty variable is how shells and compose files say "not set".
  const outcome = settings.safeParse(Object.fromEntries(Object.entries(env).filter(([, value]) => value !== '')));
  if (outcome.success) return outcome.data;
  const faults = outcome.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new Error(`The environment is not complete. ${faults.join('; ')}`);
}
