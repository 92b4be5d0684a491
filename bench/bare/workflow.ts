import { allHandlersFinished, condition, proxyLocalActivities, setHandler } from '@temporalio/workflow';
import { approveUpdate, type BareActivities, type BareInput, simulatedUpdate } from './bare.contract.ts';

const { simulate, execute } = proxyLocalActivities<BareActivities>({ startToCloseTimeout: '10 s' });

/**
 * The least that Temporal asks of this shape: simulate, wait for one approval, execute; two local activities, two updates, one insert.
 * It has no database behind its decisions, no roles, no audit: what it costs is what any product built this way pays to Temporal.
 */
export async function bareLifecycle({ id }: BareInput): Promise<number> {
  let digest: string | undefined;
  let approved = false;
  let inserted: number | undefined;
  setHandler(simulatedUpdate, async () => {
    await condition(() => digest !== undefined);
    return digest as string;
  });
  setHandler(approveUpdate, async () => {
    approved = true;
    await condition(() => inserted !== undefined);
    return inserted as number;
  });
  digest = await simulate(id);
  await condition(() => approved);
  inserted = await execute(id);
  await condition(allHandlersFinished);
  return inserted;
}
