import { Connection } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { inject, vi } from 'vitest';
import { freePort } from '../../scripts/processes/free-port.ts';
import { startLeashed } from '../../scripts/processes/leashed-program.ts';
import { searchAttributes, typeNumbers } from '../../scripts/temporal/search-attributes.ts';
import { findTimeSkippingServer } from '../../scripts/time-skipping-server.ts';

/** host:port of the Temporal server this test run shares. Tests keep apart by task queues and workflow ids of their own. */
export function temporalAddress(): string {
  const address = inject('temporalAddress');
  if (!address)
    throw new Error('No Temporal was started for this run: tests/support/servers.ts starts one when a test file names support/temporal.');
  return address;
}

/** A Temporal of the caller's own whose clock skips while its client awaits a workflow's result, or in `sleep`. The caller tears it down. */
export async function timeSkippingEnvironment(): Promise<TestWorkflowEnvironment> {
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  // Started here: the SDK waits for it for five seconds and no longer, in which a busy machine has not started Java.
  const server = startLeashed({ name: 'time-skipping server', command: await findTimeSkippingServer(), args: [String(port)] });
  const isUp = async () => (await Connection.connect({ address, connectTimeout: '2 seconds' })).close();
  await vi.waitFor(isUp, { timeout: 180_000, interval: 100 });
  // biome-ignore lint/complexity/useLiteralKeys: it is private, and nothing public takes a server that runs and skips time.
  const environment = await TestWorkflowEnvironment['create']({ server: { type: 'existing' }, address, supportsTimeSkipping: true });
  await environment.connection.operatorService.addSearchAttributes({
    namespace: 'default',
    searchAttributes: Object.fromEntries(Object.entries(searchAttributes).map(([name, type]) => [name, typeNumbers[type]])),
  });
  const disconnect = environment.teardown.bind(environment);
  return Object.assign(environment, {
    async teardown() {
      await disconnect();
      await server.stop();
    },
  });
}
