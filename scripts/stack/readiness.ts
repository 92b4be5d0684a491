import { setTimeout as delay } from 'node:timers/promises';
import type { SupervisedProcess } from '../processes/supervised-process.ts';

const failuresAllowed = 3; // A process that cannot start does not start at the fourth attempt either.
const readyTimeoutMs = 180_000; // The first start compiles everything with cold caches, on a machine that may be busy.

/** Waits until a process of the product says at /readyz that it is ready: it then reaches its database, and a worker polls. */
export async function untilReady(url: string, running: SupervisedProcess): Promise<void> {
  const deadline = Date.now() + readyTimeoutMs;
  while (Date.now() < deadline && running.failures() < failuresAllowed) {
    const response = await fetch(`${url}/readyz`).catch(() => undefined);
    await response?.arrayBuffer();
    if (response?.ok) return;
    await delay(50);
  }
  throw new Error(`${running.name} did not become ready:\n${running.tail()}`);
}
