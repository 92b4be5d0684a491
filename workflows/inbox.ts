import { CancellationScope, condition, setHandler, sleep } from '@temporalio/workflow';
import { nudgeSignal, nudgeUpdate } from './proposal.contract.ts';

/** What reaches the workflow from outside: that there is something to look at. */
export interface Inbox {
  /** A nudge arrived since the last look. MUST be cleared before looking, not after: one that arrives during the look is a reason for another. */
  nudged: boolean;
  /** The newest alarm. It is never cancelled: one that nobody waits for any more rings unheard. */
  alarm: Alarm | undefined;
}

interface Alarm {
  /** Workflow time, ms. */
  readonly dueAt: number;
  rang: boolean;
}

/** Registers the handlers. MUST be called before the workflow's first await: messages may be in its very first activation. */
export function openInbox(): Inbox {
  const inbox: Inbox = { nudged: false, alarm: undefined };
  const nudge = () => {
    inbox.nudged = true;
  };
  setHandler(nudgeSignal, nudge);
  setHandler(nudgeUpdate, nudge);
  return inbox;
}

/** Waits for a nudge, at most this long; true when one came. Without a limit it waits for a nudge alone. */
export async function nudgeOrAfter(inbox: Inbox, waitMs: number | null, summary: string): Promise<boolean> {
  const alarm = waitMs === null ? undefined : alarmIn(inbox, waitMs, summary);
  await condition(() => inbox.nudged || alarm?.rang === true);
  return inbox.nudged;
}

const sameInstantMs = 1_000; // The database says how long to wait; two answers about one expiry differ by the time between them.

/**
 * The alarm for that instant, set unless it is set already. It is not cancelled when a nudge comes first: a cancellation stands in the history behind or before the
 * update that caused it, depending on how many interceptors the worker has, so a worker without tracing could not replay what one with tracing had begun.
 */
function alarmIn(inbox: Inbox, waitMs: number, summary: string): Alarm {
  const dueAt = Date.now() + waitMs;
  if (inbox.alarm !== undefined && !inbox.alarm.rang && Math.abs(inbox.alarm.dueAt - dueAt) <= sameInstantMs) return inbox.alarm;
  const alarm: Alarm = { dueAt, rang: false };
  inbox.alarm = alarm;
  void CancellationScope.nonCancellable(() => sleep(waitMs, { summary })).then(() => {
    alarm.rang = true;
  });
  return alarm;
}
