import { durationMs } from './duration.ts';
import type { CheckDefinition } from './effect-definition.ts';

const shortestMs = 1_000; // Each asking is a step of its own in a workflow, which takes some tens of milliseconds.
const usualMostMs = 60_000; // What stopped holding is taken back about a minute later, however long the bake time.
const usualAskings = 20;
const mostAskings = 1_000; // A dozen events each in the workflow's history, so it starts over a few times at most.

/** How long between two askings of a check in its bake time: unless said a twentieth of it, from a second to a minute, and as long as it takes for no more than a thousand. */
export function askingIntervalMs(bake: string, every?: string): number {
  if (every !== undefined) return durationMs(every);
  const bakeMs = durationMs(bake);
  const usualMs = Math.min(usualMostMs, Math.max(shortestMs, bakeMs / usualAskings));
  return Math.ceil(Math.max(usualMs, bakeMs / mostAskings));
}

/** What is wrong with the interval that a check declares. */
export function complaintOfInterval({ bake, every }: Pick<CheckDefinition, 'bake' | 'every'>): string | undefined {
  if (every === undefined) return undefined;
  if (bake === undefined) return 'goes with bake, and with it alone';
  const [everyMs, bakeMs] = [durationMs(every), durationMs(bake)];
  if (everyMs < shortestMs || everyMs > bakeMs) return 'must be from a second to the whole bake time';
  return bakeMs / everyMs > mostAskings ? `would have it asked more than ${mostAskings} times` : undefined;
}
