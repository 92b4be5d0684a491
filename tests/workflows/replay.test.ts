import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from '@temporalio/worker';
import { describe, it } from 'vitest';
import { temporalLogger } from '../../telemetry/temporal-logger.ts';
import { startTracing } from '../../telemetry/tracing.ts';
import { findWorkflowBundle } from '../../workflow-bundle.ts';
import { logger as testLogger } from '../support/runtime.ts';
import { readHistory } from './history-file.ts';

const directory = join(import.meta.dirname, 'histories');
const histories = readdirSync(directory).filter((name) => name.endsWith('.history.json'));
const logger = temporalLogger(testLogger);

// Histories of workflows as released code wrote them. One that no longer replays means that running workflows would break on the next deployment: keep the old
// path behind `patched()`, or record anew (record-histories.test.ts) only while nothing is deployed.
describe('workflow code replays committed histories', async () => {
  const plain = await findWorkflowBundle([], logger);
  const tracing = startTracing('replay', 'http://127.0.0.1:1');
  const traced = await findWorkflowBundle(tracing.plugins, logger);
  await tracing.stop();

  for (const name of histories) {
    const history = readHistory(readFileSync(join(directory, name), 'utf8'));
    it(`${name}`, () => Worker.runReplayHistory({ workflowBundle: plain }, history));
    it(`${name}, after tracing was switched on`, () =>
      Worker.runReplayHistory({ workflowBundle: traced, plugins: tracing.plugins }, history));
  }
});
