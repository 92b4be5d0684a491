import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { KillableProcess } from '../support/killable-process.ts';
import type { SeverableProxy } from '../support/severable-proxy.ts';
import type { Dice } from '../trust/random-numbers.ts';
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
  | 'workers of another build';

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
  'workers of another build': (deployment, _, __, fired) => deployment.replaceWorkers().then(fired),
};

/** A process that is there, and not one that is about to start anyway. */
async function kill(running: KillableProcess, fired: () => void): Promise<void> {
  await expect.poll(() => running.pid(), { timeout: 15_000 }).toBeDefined();
  const before = running.failures();
  running.kill();
  await expect.poll(() => running.failures(), { timeout: 10_000 }).toBeGreaterThan(before);
  fired();
}

/** One of the next few. */
function loseOne(proxy: SeverableProxy, dice: Dice, fired: () => void): void {
  const which = 1 + dice.roll(6);
  proxy.loseCommits((nth) => {
    if (nth === which) fired();
    return nth === which;
  });
}
