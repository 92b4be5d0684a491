/**
 * `npm run dev [-- --fresh] [--kafka]`: starts everything, a Kafka broker as well where asked, and stays until SIGINT or SIGTERM. State lives under .exequatur/ and survives a stop and a kill -9.
 */
import { resolve } from 'node:path';
import { elapsed, say } from './bootstrap/progress.mjs';
import { formatLogLine } from './dev/format-log-line.ts';
import { loadNetwork } from './dev/load-network.ts';
import { removeReadyFile, writeReadyFile } from './dev/ready-file.ts';
import { OutdatedState } from './stack/outdated-state.ts';
import { type Stack, startStack } from './stack/start-stack.ts';

const directory = resolve('.exequatur');
const tenants = [
  { slug: 'meridian', name: 'Meridian Air' },
  { slug: 'polaris', name: 'Polaris Airways' },
];

const fresh = process.argv.includes('--fresh');
const kafka = process.argv.includes('--kafka');
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
    fresh,
    kafka,
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
    if (error instanceof OutdatedState) say('the state under .exequatur/ is of another version; `npm run dev -- --fresh` starts empty');
    exitCode = 1;
  }
}
if (askedToStop) say(`${askedToStop}: stopping`);
if (stack) {
  removeReadyFile(directory);
  await stack.stop();
  say('stopped; state is kept under .exequatur/');
}
await starting.catch(() => {}); // Interrupted while starting, it stops by itself what it had started.
process.exit(exitCode);
