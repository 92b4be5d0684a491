/**
 * The witness process: cosigns checkpoints of logs that are consistent with what it saw before. It needs this folder, `audit/`, Node and a directory, and is best run by
 * somebody else than who runs the log, on another site.
 */
import type { AddressInfo } from 'node:net';
import { CheckpointStore } from './checkpoint-store.ts';
import { log } from './log.ts';
import { serveWitness } from './serve-witness.ts';
import { readWitnessSettings } from './settings.ts';
import { Witness } from './witness.ts';

const settings = readWitnessSettings();
const { cosigner, logs } = settings;
const server = await serveWitness(new Witness({ cosigner, logs, store: await CheckpointStore.open(settings.store) }), settings);
log('info', 'the witness is listening', {
  port: (server.address() as AddressInfo).port,
  verifierKey: cosigner.verifierKey,
  logs: logs.map(({ prefix }) => prefix),
});
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    server.close(() => log('info', 'the witness has stopped'));
    server.closeIdleConnections();
  });
