/**
 * `npm run dev [-- --fresh] [--kafka] [--state .exequatur]`: starts everything, a Kafka broker as well where asked, and stays until SIGINT or SIGTERM. State lives in the
 * directory named, survives a stop and a kill -9, and is removed first where a fresh start is asked for.
 */
import { relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { elapsed, say } from './bootstrap/progress.mjs';
import { formatLogLine } from './dev/format-log-line.ts';
import { loadNetwork } from './dev/load-network.ts';
import { removeReadyFile, writeReadyFile } from './dev/ready-file.ts';
import { OutdatedState } from './stack/outdated-state.ts';
import { type Stack, startStack } from './stack/start-stack.ts';

const { values: asked } = parseArgs({
  options: {
    fresh: { type: 'boolean', default: false },
    kafka: { type: 'boolean', default: false },
    state: { type: 'string', default: '.exequatur' },
  },
});
const directory = resolve(asked.state);
const tenants = [
  { slug: 'meridian', name: 'Meridian Air' },
  { slug: 'polaris', name: 'Polaris Airways' },
];

const colour = process.stdout.isTTY === true && !process.env.NO_COLOR;
const startedAt = Date.now();

let stack: Stack | undefined;
let askedToStop = '';
const stopping = new AbortController();
const stopRequested = new Promise<void>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      askedToStop ||= signal;
      stopping.abort();
      resolve();
    });
  }
});

async function start(): Promise<void> {
  stack = await startStack({
    directory,
    onOwned: () => removeReadyFile(directory),
    fresh: asked.fresh,
    kafka: asked.kafka,
    signal: stopping.signal,
    tenants,
    preferredPorts: { api: 8080, postgres: 5432, temporal: 7233, temporalUi: 8233, kafka: 9092 },
    functions: resolve('examples/flight-network/functions.ts'),
    onLine: (source, line) => console.log(formatLogLine(source, line, colour)),
  });
  say('loading the flight network into both tenants');
  const { apiUrl } = stack;
  // One tenant after the other: both at once take as long on two cores, and the first could not be used earlier.
  for (const tenant of stack.tenants) {
    const loaded = await loadNetwork(apiUrl, tenant);
    say(
      loaded.batches === 0
        ? `${tenant.slug}: loaded already`
        : `${tenant.slug}: ${loaded.objects} objects in ${loaded.batches} batches (${loaded.seconds.toFixed(1)} s)`,
    );
  }
  if (stopping.signal.aborted) return;
  const readyFile = writeReadyFile(directory, stack);
  say(`ready after ${elapsed(startedAt)}`);
  if (stack.kafkaBrokers) say(`events are published to the topic exequatur.events on ${stack.kafkaBrokers}`);
  say(`API ${apiUrl}/docs · Temporal UI ${stack.temporalUiUrl ?? '(none)'} · tokens and connections in ${readyFile}`);
}

let exitCode = 0;
const starting = start();
try {
  await Promise.race([starting, stopRequested]);
  if (!askedToStop && stack) {
    const broken = await Promise.race([stopRequested, stack.broken]);
    if (broken) throw new Error(broken);
  }
} catch (error) {
  if (!askedToStop) {
    say(error instanceof Error ? error.message : String(error));
    if (error instanceof OutdatedState)
      say(`the state under ${relative('.', directory)}/ is of another version; \`npm run dev -- --fresh\` starts empty`);
    exitCode = 1;
  }
}
if (askedToStop) say(`${askedToStop}: stopping`);
if (stack) {
  removeReadyFile(directory);
  await stack.stop();
  say(`stopped; state is kept under ${relative('.', directory)}/`);
}
await starting.catch(() => {}); // Interrupted while starting, it stops by itself what it had started.
process.exit(exitCode);
