import { TestWorkflowEnvironment } from '@temporalio/testing';
import { inject } from 'vitest';
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
  const path = await findTimeSkippingServer();
  const environment = await TestWorkflowEnvironment.createTimeSkipping({ server: { executable: { type: 'existing-path', path } } });
  await environment.connection.operatorService.addSearchAttributes({
    namespace: 'default',
    searchAttributes: Object.fromEntries(Object.entries(searchAttributes).map(([name, type]) => [name, typeNumbers[type]])),
  });
  return environment;
}
