import type { BenchStack } from './bench-stack.ts';
import { groupOf } from './load-items.ts';
import { approve, propose, proposeRevert } from './propose.ts';

/** Milliseconds per step of one action of `size` edits. */
export interface Timings {
  simulate: number;
  apply: number;
  repeat: number;
  revertSimulate: number;
  revertApply: number;
}

/**
 * One action and its revert, through the same functions that the activities call. `simulate` reads, evaluates and stores the plan; `apply` is the whole
 * execution transaction (locks, gate, door, history, events, audit); `repeat` is the execution asked for again.
 */
export async function measureAction(stack: BenchStack, kind: 'plain' | 'indexed', size: number): Promise<Timings> {
  const actionType = kind === 'plain' ? 'shiftPlain' : 'shiftIndexed';
  const simulated = await timed(() => propose(stack, actionType, { group: groupOf(size), amount: 1 }));
  const executed = await approveAndExecute(stack, simulated.result, size);
  const repeat = await timed(() => stack.execute(simulated.result));
  const revertId = await proposeRevert(stack, simulated.result);
  const revertSimulated = await timed(() => stack.simulate(revertId));
  const reverted = await approveAndExecute(stack, revertId, size);
  return { simulate: simulated.took, apply: executed, repeat: repeat.took, revertSimulate: revertSimulated.took, revertApply: reverted };
}

async function approveAndExecute(stack: BenchStack, proposalId: string, size: number): Promise<number> {
  await approve(stack, proposalId);
  const { took, result } = await timed(() => stack.execute(proposalId));
  if (result.status !== 'executed' || result.edits !== size)
    throw new Error(`expected ${size} edits executed, got ${JSON.stringify(result)}`);
  return took;
}

async function timed<T>(work: () => Promise<T>): Promise<{ took: number; result: T }> {
  const from = performance.now();
  const result = await work();
  return { took: performance.now() - from, result };
}
