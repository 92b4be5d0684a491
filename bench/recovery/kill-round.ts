import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type pg from 'pg';
import { propose, until, untilExecuted } from '../../scripts/rest/carry-proposal.ts';
import { expectGood } from '../../scripts/rest/rest-client.ts';
import type { ProductClients } from '../lifecycle/product-subject.ts';
import type { HoldingReceiver } from './holding-receiver.ts';

export const kinds = [
  'effect, key',
  'effect, probe',
  'effect, none',
  'undo',
  'execution activity',
  'execution in a workflow task',
  'nudge to a waiting workflow',
] as const;
export type Kind = (typeof kinds)[number];

export interface Scene {
  clients: ProductClients;
  temporal: Client;
  superuser: pg.Pool;
  receiver: HoldingReceiver;
  /** Pids of the two workers; undefined where one is not there. */
  workers: () => (number | undefined)[];
}

interface Waiting {
  kind: Kind;
  id: string;
  /** Which process holds the step. */
  pid: number | null;
}

const lookMs = 20; // How exactly recovery is seen, ms.
const limitMs = 60_000;

/**
 * One step of each kind is brought to wait in its middle: what leaves the house with the receiver, what writes behind a lock. Then a worker that holds some of them is killed with kill -9, and each step that it held is watched until another attempt at it has begun, by whichever worker: it is sent again, probed, or, under `none`, unknown. @returns milliseconds by kind
 */
export async function killRound(scene: Scene, round: number): Promise<Partial<Record<Kind, number>>> {
  const { clients, receiver, superuser } = scene;
  const lock = await superuser.connect();
  try {
    receiver.hold();
    await lock.query('BEGIN');
    await lock.query(`SELECT FROM exequatur.type_state WHERE type IN ('blocked', 'locked') FOR UPDATE`);
    const ask = (actionType: string, type: string, code: string) =>
      propose(clients.agent, { actionType, parameters: { [type]: code, n: round + 1 }, justification: 'benchmark' }, randomUUID());
    const activity = await ask('changeBlocked', 'blocked', `t${round}`);
    await reach(async () => (await pendingActivity(scene, activity.id)) !== null); // Its budget as a local one is over by then.
    const [effect, probed, once, undo, asked] = await Promise.all([
      ask('tell', 'thing', `t${round}`),
      ask('tellProbed', 'thing', `p${round}`),
      ask('tellOnce', 'thing', `o${round}`),
      ask('tellInVain', 'thing', `undo${round}`),
      ask('ask', 'thing', `u${round}`),
    ]);
    const sent = [`POST /things/t${round}`, `POST /probed/p${round}`, `POST /once/o${round}`, `DELETE /things/undo${round}`];
    await reach(async () => sent.every((one) => receiver.timesAsked(one) > 0));
    const local = await ask('changeLocked', 'locked', `t${round}`);
    await reach(async () => (await workflowTask(scene, local.id)) !== null);

    const waiting: Waiting[] = [
      { kind: 'effect, key', id: effect.id, pid: (await pendingActivity(scene, effect.id))?.pid ?? null },
      { kind: 'effect, probe', id: probed.id, pid: (await pendingActivity(scene, probed.id))?.pid ?? null },
      { kind: 'effect, none', id: once.id, pid: (await pendingActivity(scene, once.id))?.pid ?? null },
      { kind: 'undo', id: undo.id, pid: (await pendingActivity(scene, undo.id))?.pid ?? null },
      { kind: 'execution activity', id: activity.id, pid: (await pendingActivity(scene, activity.id))?.pid ?? null },
      { kind: 'execution in a workflow task', id: local.id, pid: await lastWorker(scene, local.id) },
      { kind: 'nudge to a waiting workflow', id: asked.id, pid: await lastWorker(scene, asked.id) },
    ];
    const there = waiting.map(({ pid }) => pid).filter((pid) => scene.workers().includes(pid ?? undefined));
    const victim = round % 2 === 0 ? mostFrequent(there) : (there.at(round % there.length) ?? null); // So that each kind is hit, though one worker often holds most.
    if (victim === null) throw new Error('no worker holds any of the steps');
    process.kill(victim, 'SIGKILL');
    const killedAt = performance.now();
    const hit = waiting.filter(({ pid }) => pid === victim);
    const goesOn: Record<Kind, () => Promise<boolean>> = {
      'effect, key': async () => receiver.timesAsked(`POST /things/t${round}`) > 1,
      'effect, probe': async () => receiver.timesAsked(`GET /probed/p${round}`) > 0,
      'effect, none': async () => {
        const { rows } = await superuser.query(`SELECT FROM exequatur.saga_step t WHERE t.proposal_id = $1 AND t.state = 'unknown'`, [
          once.id,
        ]);
        return rows.length > 0;
      },
      undo: async () => receiver.timesAsked(`DELETE /things/undo${round}`) > 1,
      'execution activity': async () => ((await pendingActivity(scene, activity.id))?.attempt ?? 1) > 1,
      'execution in a workflow task': async () =>
        ((await workflowTask(scene, local.id))?.attempt ?? 1) > 1 || (await pendingActivity(scene, local.id)) !== null,
      'nudge to a waiting workflow': async () => (await until(clients.approver, asked.id, () => true)).status === 'executed',
    };
    const approving = clients.approver.post(
      `/v1/proposals/${asked.id}/reviews`,
      { decision: 'approve' },
      { 'if-match': `"${asked.planDigest}"` },
    );
    const seen = await Promise.all(hit.map(async ({ kind }) => [kind, (await reach(goesOn[kind])) - killedAt] as const));
    expectGood(await approving, 'approving');
    receiver.release();
    await lock.query('ROLLBACK');
    for (const { id } of [activity, effect, probed, once, asked, local]) await untilExecuted(clients.approver, id);
    await until(clients.approver, undo.id, (status) => status === 'failed');
    return Object.fromEntries(seen);
  } finally {
    receiver.release();
    lock.release(true);
  }
}

/** @returns when it was so, performance.now() */
export async function reach(isSo: () => Promise<boolean>): Promise<number> {
  const deadline = performance.now() + limitMs;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error('a step does not get on');
    await delay(lookMs);
  }
  return performance.now();
}

const started = { workflowTask: 2, activity: 2 }; // PENDING_WORKFLOW_TASK_STATE_STARTED and PENDING_ACTIVITY_STATE_STARTED of temporal.api.enums.v1.

async function describe({ temporal }: Scene, id: string) {
  return (await temporal.workflow.getHandle(`proposal/${id}`).describe()).raw;
}

/** The activity that a worker is at. */
async function pendingActivity(scene: Scene, id: string): Promise<{ pid: number; attempt: number } | null> {
  const [pending] = (await describe(scene, id)).pendingActivities ?? [];
  return pending?.state === started.activity ? { pid: pidOf(pending.lastWorkerIdentity), attempt: pending.attempt ?? 1 } : null;
}

/** The workflow task that a worker is at. */
async function workflowTask(scene: Scene, id: string): Promise<{ attempt: number } | null> {
  const { pendingWorkflowTask: task } = await describe(scene, id);
  return task?.state === started.workflowTask ? { attempt: task.attempt ?? 1 } : null;
}

/** Who was given its last workflow task. */
async function lastWorker({ temporal }: Scene, id: string): Promise<number | null> {
  const { events } = await temporal.workflow.getHandle(`proposal/${id}`).fetchHistory();
  const last = events?.findLast((event) => event.workflowTaskStartedEventAttributes)?.workflowTaskStartedEventAttributes;
  return last ? pidOf(last.identity) : null;
}

const pidOf = (identity: string | null | undefined) => Number(identity?.split('@')[0]);

function mostFrequent(pids: readonly (number | null)[]): number | null {
  const counts = new Map<number, number>();
  for (const pid of pids) if (pid !== null) counts.set(pid, (counts.get(pid) ?? 0) + 1);
  return [...counts].sort(([, one], [, other]) => other - one)[0]?.[0] ?? null;
}
