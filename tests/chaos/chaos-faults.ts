import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { sqlStateOf } from '../../store/sql-state.ts';
import type { KillableProcess } from '../support/killable-process.ts';
import type { SeverableProxy } from '../support/severable-proxy.ts';
import type { Dice } from '../trust/random-numbers.ts';
import type { LampShop } from '../workflows/lamp-shop.ts';
import type { ScheduledFault } from './chaos-schedule.ts';
import type { ParcelDeployment } from './parcel-deployment.ts';

export type FaultName =
  | 'worker killed'
  | 'relay killed'
  | 'API killed'
  | 'database away'
  | 'PostgreSQL killed'
  | 'PostgreSQL restarted'
  | 'Temporal killed'
  | 'Temporal emptied'
  | 'answer to a worker’s COMMIT lost'
  | 'answer to an API’s COMMIT lost'
  | 'workers killed and the answer to a COMMIT lost'
  | 'workers of another build'
  | 'clocks jumped'
  | 'disk full';

type Fault = (deployment: ParcelDeployment, scheduled: ScheduledFault, dice: Dice, fired: () => void) => Promise<void> | void;

/** Makes one fault happen, and calls `fired` when it has. @returns once what was taken away is back; of an answer that is to be lost at once, since it waits for a COMMIT */
export const faults: Record<FaultName, Fault> = {
  'worker killed': ({ workers }, _, dice, fired) => kill(dice.pick(workers), fired),
  'relay killed': ({ relay }, _, __, fired) => kill(relay, fired),
  'API killed': ({ apis }, _, dice, fired) => kill(dice.pick(apis.processes), fired),
  async 'database away'({ workersProxy }, { awayMs }, _, fired) {
    await workersProxy.sever();
    await sleep(awayMs);
    await workersProxy.mend();
    fired();
  },
  'PostgreSQL killed': ({ postgres }, { awayMs }, _, fired) => postgres.kill(awayMs).then(fired),
  'PostgreSQL restarted': ({ postgres }, { awayMs }, _, fired) => postgres.restart(awayMs).then(fired),
  'Temporal killed': ({ temporal }, { awayMs }, _, fired) => temporal.kill(awayMs).then(fired),
  async 'Temporal emptied'(deployment, _, __, fired) {
    await deployment.temporal.empty();
    await deployment.release(); // It has forgotten which build is current, too.
    fired();
  },
  'answer to a worker’s COMMIT lost': ({ workersProxy }, _, dice, fired) => loseOne(workersProxy, dice, fired),
  'answer to an API’s COMMIT lost': ({ apisProxy }, _, dice, fired) => loseOne(apisProxy, dice, fired),
  'workers killed and the answer to a COMMIT lost'(deployment, _, dice, fired) {
    loseOne(deployment.workersProxy, dice, () => {
      for (const worker of deployment.workers) worker.kill();
      fired();
    });
  },
  'workers of another build': (deployment, _, __, fired) => deployment.replaceWorkers().then(fired),
  async 'clocks jumped'(deployment, _, __, fired) {
    const before = deployment.clockJumps;
    for (const running of [...deployment.workers, ...deployment.apis.processes]) jump(running);
    await expect.poll(() => deployment.clockJumps, { timeout: 90_000 }).toBeGreaterThan(before);
    fired();
  },
  async 'disk full'({ disk, shop, postgres }, { awayMs }, _, fired) {
    if (disk === undefined) throw new Error('there is no disk to be filled');
    disk.fill();
    try {
      await expect.poll(() => whyNotStored(shop), { timeout: 120_000 }).toMatch(/^53100$|^gone$/);
      await sleep(2 * awayMs);
    } finally {
      disk.giveBack();
    }
    if (!(await postgres.answers())) await postgres.revive(); // Its log had found no room.
    fired();
  },
};

/** The next of an hour ahead, an hour behind, and right. */
function jump(running: KillableProcess): void {
  const pid = running.pid();
  if (pid !== undefined) process.kill(pid, 'SIGUSR2');
}

/** What PostgreSQL says to whoever wants to store a mebibyte: a SQLSTATE, or `gone` where it says nothing. Null where it is stored. */
export async function whyNotStored(shop: LampShop): Promise<string | null> {
  try {
    await shop.query(`CREATE TABLE IF NOT EXISTS public.grown AS SELECT repeat(md5(n::text), 30) AS room FROM generate_series(1, 1000) n`);
    await shop.query('DROP TABLE public.grown');
    return null;
  } catch (error) {
    return sqlStateOf(error) ?? 'gone';
  }
}

/** A process that is there, and not one that is about to start anyway. */
async function kill(running: KillableProcess, fired: () => void): Promise<void> {
  await expect.poll(() => running.pid(), { timeout: 90_000 }).toBeDefined();
  const before = running.failures();
  running.kill();
  await expect.poll(() => running.failures()).toBeGreaterThan(before);
  fired();
}

/** One of the next few. */
function loseOne(proxy: SeverableProxy, dice: Dice, fired: () => void): void {
  proxy.loseCommit(1 + dice.roll(6), fired);
}
