import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { readWitnessKey, type VerifierKey } from '../audit/note-keys.ts';
import { type ApiSettings, readApiSettings, secretsKeys } from '../config.ts';
import { decide } from '../policy/decide.ts';
import { policiesOf } from '../policy/opa.ts';
import { openPool } from '../store/connect.ts';
import { DatabaseClock } from '../store/database-clock.ts';
import { DatabaseProbe } from '../store/database-probe.ts';
import { loadFunctions } from '../store/load-functions.ts';
import { OntologyCache } from '../store/load-ontology.ts';
import { PolicySets } from '../store/policy-sets.ts';
import { SecretBox } from '../store/secret-box.ts';
import { StatusWatch } from '../store/status-watch.ts';
import { type Logger, openLogger } from '../telemetry/logger.ts';
import { openRegistry } from '../telemetry/metrics.ts';
import { startTracing } from '../telemetry/tracing.ts';
import { ApiContext } from './api-context.ts';
import type { TokenRules } from './authenticate.ts';
import { createHttpServer } from './http-server.ts';
import { openApiDocument } from './open-api.ts';
import { routes } from './routes.ts';
import { openTokenKeys, type TokenKeys } from './token-keys.ts';
import { openWorkflowGateway } from './workflow-gateway.ts';

/**
 * The API process: everything it needs, put together, and ended in order. It starts while Temporal is away, and while the database is, and says so under /readyz.
 */
const clockPatienceMs = 1_000; // It starts while the database is away; then its own clock is all there is.
const shutdownGraceMs = 10_000; // Longer than any answer takes; after it the process ends with what is open, and the relay finishes what was committed.

async function main(logger: Logger): Promise<void> {
  const settings = readApiSettings();
  const tracing = startTracing('exequatur-api');
  const keys = openTokenKeys(settings);
  if (keys.development) warnOfDevelopmentKeys(logger);
  const pool = openPool(settings.EXEQUATUR_API_DATABASE_URL, { applicationName: 'exequatur-api' });
  const probe = new DatabaseProbe(settings.EXEQUATUR_API_DATABASE_URL, 'exequatur-api-probe');
  const clock = new DatabaseClock(pool);
  const workflows = openWorkflowGateway(settings, { tracing, logger });
  const context = new ApiContext({
    pool,
    probe,
    watch: new StatusWatch(pool),
    workflows,
    logger,
    deps: {
      decide,
      ontologies: new OntologyCache(await loadFunctions(settings.EXEQUATUR_FUNCTIONS)),
      policies: new PolicySets(policiesOf(settings.EXEQUATUR_OPA_URL)),
    },
    tokens: { keys, issuer: settings.EXEQUATUR_JWT_ISSUER, audience: settings.EXEQUATUR_JWT_AUDIENCE, now: () => clock.now() },
    ...operatorTokens(settings, keys, () => clock.now()),
    witnesses: witnessKeys(settings),
    secrets: new SecretBox(secretsKeys(settings)),
    registry: openRegistry('api'),
    openApi: describeOnce(),
    workflowPages:
      settings.EXEQUATUR_TEMPORAL_UI_URL === undefined
        ? null
        : { url: settings.EXEQUATUR_TEMPORAL_UI_URL, namespace: settings.TEMPORAL_NAMESPACE },
  });
  const server = createHttpServer(context);
  await Promise.race([clock.keep(), sleep(clockPatienceMs)]);
  await listen(server, settings);
  logger.info({ host: settings.EXEQUATUR_HOST, port: settings.EXEQUATUR_PORT }, 'the API listens');
  await signalled();
  context.streams.endAll();
  await close(server);
  await context.settle();
  clock.stop();
  await Promise.allSettled([workflows.close(), pool.end(), probe.end(), tracing.stop()]);
  logger.info('the API has ended');
}

/** One audience for both would make a token of a tenant one of the installation. */
function operatorTokens(settings: ApiSettings, keys: TokenKeys, now: () => number): { operatorTokens?: TokenRules } {
  const { EXEQUATUR_JWT_ISSUER: issuer, EXEQUATUR_JWT_AUDIENCE: tenants, EXEQUATUR_OPERATOR_AUDIENCE: audience } = settings;
  if (audience === tenants) throw new Error('EXEQUATUR_OPERATOR_AUDIENCE must be another audience than EXEQUATUR_JWT_AUDIENCE');
  return audience === undefined ? {} : { operatorTokens: { keys, issuer, audience, now } };
}

/** Of witnesses that are asked now, and of former ones, whose cosignatures hold as ever. @throws when one is no key of a witness. */
function witnessKeys({ EXEQUATUR_WITNESSES: asked, EXEQUATUR_FORMER_WITNESS_KEYS: former }: ApiSettings): VerifierKey[] {
  return [...asked.map(({ key }) => key), ...former].map(readWitnessKey);
}

function describeOnce(): () => string {
  let text: string | undefined;
  return () => {
    text ??= JSON.stringify(openApiDocument(routes));
    return text;
  };
}

function warnOfDevelopmentKeys(logger: Logger): void {
  logger.warn(
    'DEVELOPMENT KEYS ARE IN USE: whoever holds the key file can sign a token for any principal of any tenant. Never run like this with real data.',
  );
}

function listen(server: Server, settings: ApiSettings): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(settings.EXEQUATUR_PORT, settings.EXEQUATUR_HOST, resolve);
  });
}

function signalled(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}

/** Lets requests that are under way finish; idle connections end at once. */
function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), shutdownGraceMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}

const logger = openLogger('api');
main(logger).then(
  () => process.exit(0),
  (err: unknown) => {
    logger.fatal({ err }, 'the API cannot run');
    process.exit(1);
  },
);
