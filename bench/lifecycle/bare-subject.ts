import { randomUUID } from 'node:crypto';
import { Client, Connection, WithStartWorkflowOperation } from '@temporalio/client';
import { approveUpdate, type BareInput, bareTaskQueue, bareWorkflowType, simulatedUpdate } from '../bare/bare.contract.ts';
import type { Subject } from './subject.ts';

/** Drives the bare workflow straight through Temporal's client: update-with-start to propose, one update to approve, done when that update returns. */
export async function bareSubject(temporalAddress: string): Promise<Subject> {
  const connection = await Connection.connect({ address: temporalAddress });
  const client = new Client({ connection, namespace: 'default' });
  return {
    name: 'bare Temporal workflow',
    async run() {
      const id = randomUUID();
      const input: BareInput = { id };
      const start = new WithStartWorkflowOperation(bareWorkflowType, {
        workflowId: `bare/${id}`,
        taskQueue: bareTaskQueue,
        args: [input],
        workflowIdConflictPolicy: 'USE_EXISTING',
      });
      const from = performance.now();
      await client.workflow.executeUpdateWithStart(simulatedUpdate, { startWorkflowOperation: start });
      const proposed = performance.now();
      await client.workflow.getHandle(`bare/${id}`).executeUpdate(approveUpdate);
      const done = performance.now();
      return { propose: proposed - from, approveToExecuted: done - proposed, whole: done - from };
    },
    close: () => connection.close(),
  };
}
