import { setTimeout as delay } from 'node:timers/promises';
import type { Connection } from '@temporalio/client';
import { searchAttributes, typeNumbers } from './search-attributes.ts';

const retentionSeconds = 72 * 3600; // Closed workflows are only looked at by people; nothing of the product depends on them.
const alreadyExists = 6; // The gRPC status.
const visibleTimeoutMs = 30_000;

/** Makes the namespace with its retention and search attributes; what is there already is left alone. Returns once workflows can be started in it. */
export async function registerNamespace(connection: Connection, namespace: string): Promise<void> {
  await unlessItExists(
    connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: { seconds: retentionSeconds as never } }),
  );
  await untilVisible(connection, namespace);
  await unlessItExists(addSearchAttributes(connection, namespace));
}

/** For a server that is ours: the embedded one makes its namespace by itself, with a retention of one day. */
export async function setRetention(connection: Connection, namespace: string): Promise<void> {
  await connection.workflowService.updateNamespace({
    namespace,
    config: { workflowExecutionRetentionTtl: { seconds: retentionSeconds as never } },
  });
}

async function addSearchAttributes(connection: Connection, namespace: string): Promise<unknown> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const missing = Object.entries(searchAttributes).filter(([name]) => !(name in (customAttributes ?? {})));
  if (missing.length === 0) return;
  return connection.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries(missing.map(([name, type]) => [name, typeNumbers[type]])),
  });
}

/** The server reads new namespaces from its database at intervals, so the first calls may not know it yet. */
async function untilVisible(connection: Connection, namespace: string): Promise<void> {
  const deadline = Date.now() + visibleTimeoutMs;
  for (;;) {
    try {
      await connection.workflowService.countWorkflowExecutions({ namespace });
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(200);
    }
  }
}

async function unlessItExists(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if ((error as { code?: number }).code !== alreadyExists) throw error;
  }
}
