import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Caller } from '../../ontology/authority.ts';
import type { EffectDefinition } from '../../ontology/effect-definition.ts';
import type { JsonObject, JsonValue } from '../../ontology/json.ts';
import { openPool } from '../../store/connect.ts';
import { createProposal } from '../../store/create-proposal.ts';
import { createRevert } from '../../store/create-revert.ts';
import { isRefusal, type Refusal } from '../../store/refusal.ts';
import { cancelExecution } from '../../store/saga/cancel-execution.ts';
import { resolveAttention } from '../../store/saga/resolve-attention.ts';
import { type PrismaTx, withTenantPrisma } from '../../store/sql.ts';
import { bookCarrier, parcelDomain, tellDepot } from '../effects/parcel-domain.ts';
import { Receiver, type Reply } from '../effects/receiver.ts';
import { verifyLog } from '../evidence/verify-log.ts';
import { type KillableProcess, startKillable } from '../support/killable-process.ts';
import { type SeverableProxy, startSeverableProxy } from '../support/severable-proxy.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.ts';
import { Dice } from '../trust/random-numbers.ts';
import { LampShop } from '../workflows/lamp-shop.ts';
import { differencesOf, objectsOf, replayedObjects } from './sequential-replay.ts';

const actions = Number(process.env.EXEQUATUR_CHAOS_ACTIONS ?? 40);
const seed = Number(process.env.EXEQUATUR_SEED ?? 1);
const dice = new Dice(seed);
const parcels = Array.from({ length: Math.max(8, Math.round(actions / 8)) }, (_, i) => `P${i}`);
const atOnce = 8;
const limitMs = 60_000 + actions * 1_500;

const issued = '2026-01-01T00:00:00.000Z';
const clerk: Caller = { id: 'clerk', kind: 'user', roles: ['clerk'], tokenIssuedAt: issued };
const operator: Caller = { id: 'operator', kind: 'user', roles: ['operator'], tokenIssuedAt: issued };

const effects: EffectDefinition[] = [bookCarrier, { ...tellDepot, attempts: 3 }];

let shop: LampShop;
let carrier: Receiver;
let proxy: SeverableProxy;
let workers: WorkerProcess[];
let relay: KillableProcess;
let api: ReturnType<typeof openPool>;
const fired: Record<string, number> = {};
const fire = (fault: string) => {
  fired[fault] = (fired[fault] ?? 0) + 1;
};

beforeAll(async () => {
  carrier = await Receiver.open();
  shop = await LampShop.open({ document: parcelDomain(carrier.url, effects) as unknown as JsonValue });
  api = openPool(shop.database.urls.api, { max: 4 });
  proxy = await startSeverableProxy(shop.database.urls.worker);
  const settings = {
    databaseUrl: proxy.url,
    temporal: shop.temporal,
    taskQueue: shop.taskQueue,
    more: { EXEQUATUR_EFFECTS_ALLOWED_ADDRESSES: '127.0.0.1' },
  };
  workers = await Promise.all([startWorkerProcess(settings), startWorkerProcess(settings)]);
  relay = startKillable('relay', 'events/relay.ts', {
    EXEQUATUR_RELAY_DATABASE_URL: shop.database.urls.relay,
    EXEQUATUR_RELAY_METRICS_PORT: '0',
    TEMPORAL_ADDRESS: shop.temporal,
    EXEQUATUR_TASK_QUEUE: shop.taskQueue,
  });
  for (const code of parcels) expect(await shop.outcome(await shop.proposed('receive', { code, weight: 1 }))).toBe('executed');
}, 120_000);

afterAll(async () => {
  for (const worker of workers ?? []) await worker.stop();
  await relay?.stop();
  await api?.end();
  await shop?.close();
  await proxy?.close();
  await carrier?.close();
});

/** How the carrier behaves at a request: mostly well. */
function misbehave(method: string, path: string): Reply | undefined {
  const roll = dice.roll(100);
  const isUndo = method === 'DELETE' || path.endsWith('cancellations');
  if (roll < 4) return told('slow', { delayMs: 600 });
  if (roll < 8) return told('500', { status: 500 });
  if (roll < 12) return told('reset before', { reset: 'before' });
  if (roll < 17) return told('done, then reset', { reset: 'after' });
  if (roll < 20) return told('503', { status: 503, headers: { 'retry-after': '0' } });
  if (roll < 22 && path === '/bookings') return told('wrong body', { body: { nothing: true } });
  if (roll < 27 && !isUndo) return told('refused', { status: 409 });
  if (roll < 28 && isUndo) return told('undo refused', { status: 423 });
  return undefined;
}

function told(fault: string, reply: Reply): Reply {
  fire(fault);
  return reply;
}

/** One of the mixed actions, as the API would commit it. Null where there was nothing to revert. */
async function propose(executed: string[]): Promise<string | null> {
  const parcel = dice.pick(parcels);
  const roll = dice.roll(100);
  const depot = `depot-${dice.roll(4)}`;
  if (roll < 55) return plain('handOver', { parcel, depot });
  if (roll < 70) return plain('relabel', { parcel, depot });
  if (roll < 85) return plain('weigh', { parcel, weight: dice.roll(50) });
  const target = executed.length > 0 ? dice.pick(executed) : null;
  if (target === null) return null;
  const revert = await write((tx) =>
    createRevert(
      tx,
      { proposalId: target, justification: 'chaos', conflicts: dice.chance(50) ? 'skip' : 'refuse', proposer: clerk },
      shop.deps,
    ),
  );
  return isRefusal(revert) ? null : begun(revert.proposalId, 'revert');
}

function begun(id: string, what: string): string {
  fire(what);
  return id;
}

async function plain(actionType: string, parameters: JsonObject): Promise<string> {
  const made = await write((tx) => createProposal(tx, { actionType, parameters, justification: 'chaos', proposer: clerk }, shop.deps));
  if (isRefusal(made)) throw new Error(JSON.stringify(made));
  return made.proposalId;
}

const write = <T extends object>(work: (tx: PrismaTx) => Promise<T | Refusal>) => withTenantPrisma(api, shop.tenant, work);

/** Follows one proposal to its end; now and then somebody cancels it, and an operator decides what needs attention. */
async function follow(proposalId: string, until: number): Promise<string> {
  await shop.signal(proposalId, 'chaos').catch(() => undefined); // The relay starts what this could not.
  let isCancelled = !dice.chance(8);
  for (;;) {
    const status = (await shop.status(proposalId)) ?? 'none';
    if (['executed', 'failed', 'invalid', 'rejected', 'expired', 'withdrawn'].includes(status)) return status;
    if (status === 'executing' && !isCancelled) {
      isCancelled = true;
      const outcome = await write((tx) => cancelExecution(tx, { proposalId, reason: 'chaos', by: clerk }, shop.deps));
      if (!isRefusal(outcome)) fire('cancelled');
    }
    if (status === 'needs_attention') {
      const choice = dice.pick(['retry', 'skip', 'skip'] as const);
      const outcome = await write((tx) => resolveAttention(tx, { proposalId, choice, reason: 'chaos', by: operator }, shop.deps));
      if (!isRefusal(outcome)) fire(`resolved by ${choice}`);
    }
    if (Date.now() > until) {
      const details = await shop.currentDetails(proposalId).catch((error: Error) => error.message);
      throw new Error(
        `seed ${seed}: proposal ${proposalId} is still ${status}: ${details} ${JSON.stringify(await shop.pendingActivity(proposalId))}`,
      );
    }
    await sleep(100);
  }
}

/** Kills a worker or the relay, or takes the database away from the workers, until told to stop. */
async function disturb(isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await sleep(1_500 + dice.roll(2_500));
    const fault = dice.pick(['worker killed', 'worker killed', 'relay killed', 'database away'] as const);
    if (isOver()) return;
    fire(fault);
    if (fault === 'worker killed') dice.pick(workers).kill();
    else if (fault === 'relay killed') relay.kill();
    else {
      await proxy.sever();
      await sleep(300 + dice.roll(700));
      await proxy.mend();
    }
  }
}

it(`${actions} mixed actions under faults: none lost, none doubled, none half-done`, { timeout: limitMs + 60_000 }, async () => {
  carrier.behaviour = ({ method, path }) => misbehave(method, path);
  const until = Date.now() + limitMs;
  const executed: string[] = [];
  const outcomes: Record<string, number> = {};
  let isOver = false;
  const disturbance = disturb(() => isOver);
  let left = actions;
  const lane = async () => {
    while (left-- > 0) {
      const id = await propose(executed);
      if (id === null) continue;
      const status = await follow(id, until);
      outcomes[status] = (outcomes[status] ?? 0) + 1;
      if (status === 'executed') executed.push(id);
    }
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, lane));
  } finally {
    isOver = true;
    await disturbance;
  }
  console.log(JSON.stringify({ chaos: 'mixed', seed, actions, outcomes, fired }));
  for (const fault of ['worker killed', 'done, then reset', 'refused']) expect(fired[fault] ?? 0, fault).toBeGreaterThan(0);
  await expectWhole();
});

/** The receiver's log equals the engine's, and the objects equal those of a sequential model that is fed with the executed plans in the order of their commits. */
async function expectWhole(): Promise<void> {
  const open = await shop.query(
    "SELECT id, status FROM exequatur.proposal WHERE status NOT IN ('executed', 'failed', 'invalid', 'rejected', 'expired', 'withdrawn')",
  );
  expect(open).toEqual([]);
  const done = new Map<string, number>();
  for (const { key } of carrier.done) done.set(key, (done.get(key) ?? 0) + 1);
  expect([...done.values()].filter((times) => times !== 1)).toEqual([]);
  const steps = await shop.query<{ key: string; state: string; name: string; status: string; is_last: boolean; compensated: boolean }>(
    `SELECT t.proposal_id || '.' || t.run || '.' || t.ordinal AS key, t.state, t.name, p.status, t.compensated,
            t.run = max(t.run) OVER (PARTITION BY t.proposal_id) AS is_last
       FROM exequatur.saga_step t JOIN exequatur.proposal p ON p.tenant_id = t.tenant_id AND p.id = t.proposal_id`,
  );
  const wrong = steps.filter(({ key, state, status, is_last }) => {
    const isDone = done.has(`${key}.do`);
    const isUndone = done.has(`${key}.undo`);
    if (status === 'executed' && is_last) return state !== 'done' || !isDone || isUndone;
    // Undone, or an operator has said that somebody saw to it.
    return state !== 'skipped' && isDone && !isUndone;
  });
  expect(wrong).toEqual([]);
  expect(differencesOf(await objectsOf(shop), await replayedObjects(shop))).toEqual([]);
  const [chain] = await shop.query<{ entries: number; last: number }>(
    'SELECT count(*)::int AS entries, max(seq)::int AS last FROM exequatur.audit_entry',
  );
  expect(chain?.entries).toBe(chain?.last);
  const said = await verifyLog(shop.database, shop.tenant);
  expect(said).toMatch(/^whole /);
  expect(JSON.parse(said.slice('whole '.length))).toMatchObject({ unjudged: 0, conditionsUnjudged: 0 });
}
