import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Caller } from '../../ontology/authority.ts';
import type { JsonObject } from '../../ontology/json.ts';
import type { Received, Reply } from '../effects/receiver.ts';
import { SmallVolume } from '../support/small-volume.ts';
import type { LampShop } from '../workflows/lamp-shop.ts';
import { foreman } from './asked-parcels.ts';
import { faults } from './chaos-faults.ts';
import { fits, type ReplyKind, replyOf, rolledReply } from './chaos-replies.ts';
import { type ChaosAction, ChaosSchedule, type Racer } from './chaos-schedule.ts';
import { expectWhole } from './expect-whole.ts';
import { deedOf, keyed, mixedParcels } from './mixed-parcels.ts';
import { ParcelDeployment } from './parcel-deployment.ts';

const count = Number(process.env.EXEQUATUR_CHAOS_ACTIONS ?? 40);
const seed = Number(process.env.EXEQUATUR_SEED ?? 1);
const parcels = Math.max(8, Math.round(count / 8));
const disk = SmallVolume.open(1_536); // The log of a thousand actions is a third of it.
if (disk === null) console.log('A full disk is not among the faults: mounting a small file system takes root and the right to mount.');
const schedule = new ChaosSchedule(seed, count, parcels, disk !== null);
const atOnce = 8;
const actionsForAll = 500; // From so many on, whatever is left to chance has come to pass.
const limitMs = 300_000 + count * 5_000; // On a busy machine.

const issued = '2026-01-01T00:00:00.000Z';
const clerk: Caller = { id: 'clerk', kind: 'user', roles: ['clerk'], tokenIssuedAt: issued };
const operator: Caller = { id: 'operator', kind: 'user', roles: ['operator'], tokenIssuedAt: issued };
const over = ['executed', 'failed', 'invalid', 'rejected', 'expired', 'withdrawn'];

let deployment: ParcelDeployment;
let shop: LampShop;
const fired: Record<string, number> = {};
const fire = (fault: string) => {
  fired[fault] = (fired[fault] ?? 0) + 1;
};

beforeAll(async () => {
  const wishes = { ...(disk === null ? {} : { disk }), change: mixedParcels, functions: 'tests/chaos/label-functions.ts' };
  deployment = await ParcelDeployment.open(keyed, wishes).catch((error) => {
    disk?.close();
    throw error;
  });
  shop = deployment.shop;
  let next = 0;
  const receive = async () => {
    while (next < parcels) {
      const code = next++;
      const id = await posted('/v1/proposals', proposal('receive', { code: `P${code}`, weight: 1 }), `parcel-${code}`);
      if (id !== null) await vi.waitFor(async () => expect(await shop.status(id)).toBe('executed'), { timeout: 180_000 });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, receive));
}, 900_000);

afterAll(() => deployment?.close(), 120_000);

const depotOf = (n: number) => `depot-${n}`;
const mishaps = new Map<string, ReplyKind>();
for (const [n, { mishap }] of schedule.actions.entries()) if (mishap !== null) mishaps.set(depotOf(n), mishap);

/**
 * How the carrier behaves at a request: mostly well, and as the schedule says once for each action that names what happens to it. Which action it comes from stands in the depot
 * that it names, and the seed says the rest.
 */
const asked = new Map<string, number>();
function misbehave(received: Received): Reply | undefined {
  const { done } = deployment.carrier;
  const { path, key } = received;
  const attempt = asked.get(key) ?? 0;
  asked.set(key, attempt + 1);
  const deed = deedOf(received, done);
  const depot = /depot-\d+/.exec(deed?.thing ?? path)?.[0] ?? '';
  const isUndo = deed?.way === 'undo';
  const mishap = mishaps.get(depot);
  if (mishap === undefined) {
    const kind = rolledReply(schedule.dice(depot, key.split('.').slice(2).join('.'), attempt).roll(100));
    return kind !== null && fits(kind, received, isUndo) ? told(kind) : undefined;
  }
  // Nothing is taken back but what fails in the end.
  if (mishap === 'undo refused' && path.endsWith('arrivals')) return told('refused');
  if (!fits(mishap, received, isUndo)) return undefined;
  mishaps.delete(depot);
  return told(mishap);
}

function told(kind: ReplyKind): Reply {
  fire(kind);
  return replyOf(kind);
}

const proposal = (actionType: string, parameters: JsonObject) => ({ actionType, parameters, justification: 'chaos' });

/** Sent until it is answered, maybe by several at once under one key. @returns the proposal's id; null where it was refused */
async function posted(path: string, body: object, key: string, copies = 1): Promise<string | null> {
  const headers = { 'idempotency-key': key };
  const sent = Array.from({ length: copies }, (_, to) => deployment.apis.post(path, clerk, body, { headers, to }));
  const ids = (await Promise.all(sent)).map((answer) => {
    if (answer.status > 299 && answer.status !== 409) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.status > 299 ? null : (answer.body.id as string);
  });
  if (copies > 1) {
    expect(new Set(ids).size, key).toBe(1);
    fire('one key at once');
  }
  return ids[0] ?? null;
}

/** Null where there was nothing to revert. */
async function propose(action: ChaosAction, n: number, ids: ReadonlyMap<number, string>): Promise<string | null> {
  const parcel = `P${action.parcel}`;
  const { kind, weight, copies } = action;
  if (kind !== 'revert') {
    const more = kind === 'weigh' || kind === 'askToWeigh' ? { weight } : { depot: depotOf(n) };
    return posted('/v1/proposals', proposal(kind, { parcel, ...more }), `action-${n}`, copies);
  }
  const original = ids.get(action.reverted);
  if (original === undefined || (await statusOf(original)) !== 'executed') return null;
  const revert = { justification: 'chaos', conflicts: action.conflicts };
  const id = await posted(`/v1/proposals/${original}/revert`, revert, `action-${n}`);
  if (id !== null) fire('revert');
  return id;
}

/** Whatever is away at the moment. */
const statusOf = (id: string) => shop.status(id).catch(() => 'unknown');

/** Follows one proposal to its end; some are cancelled on the way, and an operator decides what needs attention. */
async function follow(proposalId: string, { isCancelled, choices, racers, parcel }: ChaosAction, until: number): Promise<string> {
  let cancels = isCancelled;
  let racing = racers;
  for (let turn = 0; ; ) {
    const status = (await statusOf(proposalId)) ?? 'none';
    if (over.includes(status)) return status;
    if (status === 'executing' && cancels) {
      cancels = false;
      const answer = await deployment.apis.post(`/v1/proposals/${proposalId}/cancel`, clerk, { reason: 'chaos' });
      if (answer.status < 300) fire('cancelled');
    }
    if (status === 'awaiting_approval') {
      await race(proposalId, `P${parcel}`, racing);
      racing = ['approve']; // Whoever is left of the race approves.
    }
    if (status === 'needs_attention') {
      const choice = choices[turn++ % choices.length];
      const seen = await deployment.apis.once('GET', `/v1/proposals/${proposalId}`, operator);
      const headers = { 'if-match': `"${seen?.body.effects?.attention?.id ?? 'none'}"` };
      const answer = await deployment.apis.post(`/v1/proposals/${proposalId}/resolve`, operator, { choice, reason: 'chaos' }, { headers });
      if (answer.status < 300) fire(`resolved by ${choice}`);
    }
    if (Date.now() > until) {
      const details = await shop.currentDetails(proposalId).catch((error: Error) => error.message);
      throw new Error(`seed ${seed}: proposal ${proposalId} is still ${status}: ${details}`);
    }
    await sleep(100);
  }
}

/** Each does what they do on the plan as it is now, all at the same instant; what comes too late is refused. */
async function race(proposalId: string, parcel: string, racers: readonly Racer[]): Promise<void> {
  const [row] = await shop
    .query<{ digest: string }>('SELECT plan_digest AS digest FROM exequatur.proposal WHERE id = $1', [proposalId])
    .catch(() => []);
  if (row === undefined) return;
  const { apis } = deployment;
  const path = `/v1/proposals/${proposalId}`;
  const review = (decision: string) =>
    apis.post(`${path}/reviews`, foreman, { decision, reason: 'chaos' }, { headers: { 'if-match': `"${row.digest}"` } });
  const acts: Record<Racer, (to: number) => Promise<{ status: number }>> = {
    approve: () => review('approve'),
    reject: () => review('reject'),
    withdraw: (to) => apis.post(`${path}/withdraw`, clerk, {}, { to }),
    revise: (to) =>
      apis.post(
        `${path}/revisions`,
        clerk,
        { parameters: { parcel, weight: 77 } },
        { headers: { 'idempotency-key': `${proposalId}-${row.digest}` }, to },
      ),
  };
  const answers = await Promise.all(racers.map((racer, to) => acts[racer](to)));
  expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
  if (racers.length > 1) fire('raced');
}

/** How many of the scheduled faults are past. No action begins long before the faults that come before it. */
let past = 0;
const isDue = (n: number) => schedule.faults.filter(({ at }) => at <= n - atOnce).length <= past;

/** Makes the faults happen, one after another, each when as many actions have begun as the schedule says. */
async function disturb(begun: () => number, isOver: () => boolean): Promise<void> {
  for (const [n, scheduled] of schedule.faults.entries()) {
    while (begun() < scheduled.at && !isOver()) await sleep(50);
    if (isOver()) return;
    await faults[scheduled.fault](deployment, scheduled, schedule.dice('fault', n), () => fire(scheduled.fault));
    past = n + 1;
  }
}

const scheduled = () => new Set(schedule.faults.map(({ fault }) => fault));

/** An answer that was to be lost waits for a COMMIT: as long as one does, there is more to do. */
async function loseTheRest(): Promise<void> {
  const isMissing = () =>
    schedule.faults.filter(({ fault }) => isLoss(fault)).length >
    [...scheduled()].filter(isLoss).reduce((sum, fault) => sum + (fired[fault] ?? 0), 0);
  for (let n = 0; isMissing() && n < 40; n++) {
    extra += 1;
    const id = await posted('/v1/proposals', proposal('weigh', { parcel: 'P0', weight: 60 + n }), `extra-${n}`);
    if (id !== null) await vi.waitFor(async () => expect(over).toContain(await shop.status(id)), { timeout: 180_000 });
  }
}
let extra = 0;
const isLoss = (fault: string) => fault.endsWith('COMMIT lost');

/** What others changed in between, told by what became of it. */
async function countEdited(): Promise<void> {
  const [row] = await shop.query<{ execution: number; undo: number }>(
    `SELECT (SELECT count(*)::int FROM exequatur.audit_entry WHERE type = 'proposal.simulating') AS execution,
            (SELECT count(*)::int FROM exequatur.saga WHERE jsonb_array_length(coalesce(conflicts, '[]')) > 0) AS undo`,
  );
  fired['edited before its execution'] = row?.execution ?? 0;
  fired['edited before its undo'] = row?.undo ?? 0;
}

it(`${count} mixed actions under faults: none lost, none doubled, none half-done`, { timeout: limitMs + 120_000 }, async () => {
  deployment.carrier.behaviour = misbehave;
  const until = Date.now() + limitMs;
  const startedAt = Date.now();
  const ids = new Map<number, string>();
  const outcomes: Record<string, number> = {};
  let begun = 0;
  let isOver = false;
  const disturbance = disturb(
    () => begun,
    () => isOver,
  );
  const lane = async () => {
    while (begun < count) {
      const n = begun++;
      if (n > 0 && n % 100 === 0) console.log(`${n} of ${count} actions after ${Math.round((Date.now() - startedAt) / 1_000)} s`);
      while (!isDue(n) && !isOver) await sleep(50);
      const action = schedule.actions[n] as ChaosAction;
      const id = await propose(action, n, ids);
      if (id === null) continue;
      ids.set(n, id);
      const status = await follow(id, action, until);
      outcomes[status] = (outcomes[status] ?? 0) + 1;
    }
  };
  try {
    await Promise.all([disturbance, ...Array.from({ length: atOnce }, lane)]);
  } finally {
    isOver = true;
  }
  await loseTheRest();
  await countEdited();
  const seconds = Math.round((Date.now() - startedAt) / 1_000);
  console.log(JSON.stringify({ chaos: 'mixed', seed, actions: count, seconds, outcomes, fired }));
  for (const fault of scheduled()) expect(fired[fault] ?? 0, fault).toBe(schedule.faults.filter((one) => one.fault === fault).length);
  expect([...mishaps], 'answers that nobody heard').toEqual([]);
  const expected: string[] = schedule.actions.flatMap(({ mishap }) => mishap ?? []);
  if (schedule.actions.some(({ kind, copies }) => kind !== 'revert' && copies > 1)) expected.push('one key at once');
  if (schedule.actions.some(({ kind }) => kind === 'askToWeigh')) expected.push('raced');
  if (count >= actionsForAll) expected.push('edited before its execution', 'edited before its undo', 'cancelled');
  for (const fault of expected) expect(fired[fault] ?? 0, fault).toBeGreaterThan(0);
  expect(await shop.query('SELECT count(*)::int FROM exequatur.proposal')).toEqual([{ count: ids.size + parcels + extra }]);
  await expectWhole(deployment);
});
