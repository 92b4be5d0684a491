/** Steps that do not come to their end: their connection is lost, or their process killed, while they wait for a lock. */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { lockWaits } from '../../support/lock-waits.ts';
import type { KillableEngine } from './killable-engine.ts';

/** Runs it into a lock, and ends its connection there. */
export async function cutOff(superuser: pg.Client, lock: string, run: () => Promise<unknown>): Promise<void> {
  await holding(superuser, lock, async (endWaiting) => {
    let isOver = false;
    const running = run()
      .then(
        () => undefined,
        (error: Error) => error,
      )
      .finally(() => {
        isOver = true;
      });
    const ended = await endWaiting(() => isOver);
    return async () => {
      const error = await running;
      if ((error === undefined) !== (ended === 0)) throw error ?? new Error('a step whose connection ended came to its end');
    };
  });
}

/** The same of a process of its own, which is killed. */
export async function killIn(
  superuser: pg.Client,
  lock: string,
  { kill, ended }: Awaited<ReturnType<KillableEngine['begin']>>,
): Promise<void> {
  await holding(superuser, lock, async (endWaiting) => {
    let isOver = false;
    void ended.then(() => {
      isOver = true;
    });
    await endWaiting(() => isOver, kill);
    return async () => {
      await ended;
    };
  });
}

/** While the superuser holds a lock. `work` may end whatever waits for it, and says what is to be waited for once the lock is free. */
async function holding(
  superuser: pg.Client,
  lock: string,
  work: (endWaiting: (isOver: () => boolean, before?: () => void) => Promise<number>) => Promise<() => Promise<void>>,
): Promise<void> {
  await superuser.query(`BEGIN; ${lock}`);
  const afterwards = await work(async (isOver, before) => {
    for (let waiting = 0; !isOver(); await sleep(1)) {
      const behind = await lockWaits(superuser);
      waiting = behind.length;
      if (waiting === 0) continue;
      before?.();
      for (const pid of behind) await superuser.query('SELECT pg_terminate_backend($1, 5000)', [pid]);
      return waiting;
    }
    return 0;
  });
  await superuser.query('ROLLBACK');
  await afterwards();
}
