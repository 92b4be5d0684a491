import type pg from 'pg';
import { holdMs, renewalMs } from '../../store/saga/leases.ts';
import { renewHold } from '../../store/saga/renew-hold.ts';
import type { Attempt } from '../../store/saga/start-attempt.ts';

/** An attempt that is not overtaken as long as whoever makes it is alive, and says so. */
export interface Hold {
  /** MUST be asked right before anything is sent: a process that stood still, or could not reach the database, may have been taken for dead. */
  isHeld(): boolean;
  /** Aborted once the attempt was overtaken. */
  overtaken: AbortSignal;
  release(): void;
}

/** Holds an attempt until it is released. A renewal that does not get through takes nothing back of what was sent: only whoever overtakes it does, and nobody can while the database is away. */
export function holdAttempt(pool: pg.Pool, attempt: Attempt): Hold {
  const overtaken = new AbortController();
  let until = attempt.heldUntil ?? Number.POSITIVE_INFINITY;
  let isAsking = false;
  const renew = async () => {
    if (isAsking) return;
    isAsking = true;
    const from = performance.now(); // Before the database's clock is asked, so that it is never longer than what others believe.
    try {
      if (await renewHold(pool, attempt)) until = from + holdMs;
      else overtaken.abort();
    } catch {
      // The next one may get through.
    } finally {
      isAsking = false;
    }
  };
  const timer = attempt.heldUntil === undefined ? undefined : setInterval(renew, renewalMs);
  return {
    isHeld: () => !overtaken.signal.aborted && performance.now() < until,
    overtaken: overtaken.signal,
    release: () => clearInterval(timer),
  };
}
