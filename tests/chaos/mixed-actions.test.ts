import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Caller } from '../../ontology/authority.ts';
import type { Received, Reply } from '../effects/receiver.ts';
import { SmallVolume } from '../support/small-volume.ts';
import type { LampShop } from '../workflows/lamp-shop.ts';
import { faults } from './chaos-faults.ts';
import { fits, type ReplyKind, replyOf, rolledReply } from './chaos-replies.ts';
import { type ChaosAction, ChaosSchedule, type Racer } from './chaos-schedule.ts';
import { expectWhole } from './expect-whole.ts';
import { Meddler } from './mixed-meddler.ts';
import { deedOf, keyed, mixedParcels } from './mixed-parcels.ts';
import { depotOf, parametersOf, requestOf } from './mixed-requests.ts';
import { ParcelDeployment } from './parcel-deployment.ts';

const count = Number(process.env.EXEQUATUR_CHAOS_ACTIONS ?? 40);
const seed = Number(process.env.EXEQUATUR_SEED ?? 1);
const parcels = Math.max(8, Math.round(count / 8));
const disk = SmallVolume.open(1_536); // The log of a thousand actions is a third of it.
if (disk === null) console.log('A full disk is not among the faults: mounting a small file system takes root and the right to mount.');
const schedule = new ChaosSchedule(seed, count, parcels, disk !== null);
const atOnce = 8;
const actionsForAll = 500; // From so many on, whatever is left to chance has come to pass.
const byChance = [
  ...['edited before its execution', 'undo met changed', 'cancelled', 'raced at the last instant', 'revised'],
  ...['change set executed', 'crates undone', 'check failed'],
  ...['resolved by retry', 'resolved by skip', 'resolved by abort'],
];
const limitMs = 300_000 + count * 5_000; // On a busy machine.

const issued = '2026-01-01T00:00:00.000Z';
const clerk: Caller = { id: 'clerk', kind: 'user', roles: ['clerk'], tokenIssuedAt: issued };
const operator: Caller = { id: 'operator', kind: 'user', roles: ['operator'], tokenIssuedAt: issued };
const reviewer: Caller = { id: 'reviewer', kind: 'user', roles: ['clerk', 'foreman'], tokenIssuedAt: issued }; // A change set is always approved by somebody.
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
      const received = { actionType: 'receive', parameters: { code: `P${code}`, weight: 1 }, justification: 'chaos' };
      const id = await posted('/v1/proposals', received, `parcel-${code}`);
      if (id !== null) await vi.waitFor(async () => expect(await shop.status(id)).toBe('executed'), { timeout: 180_000 });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, receive));
}, 900_000);

afterAll(() => deployment?.close(), 120_000);

const mishaps = new Map<string, ReplyKind>();
for (const [n, { mishap }] of schedule.actions.entries()) if (mishap !== null) mishaps.set(depotOf(n), mishap);

/**
 * How the carrier behaves at a request: mostly well, and as the schedule says once for each action that names what happens to it. Which action it comes from stands in the depot
 * that it names, and the seed says the rest.
 */
const asked = new Map<string, number>();
function misbehave(received: Received): Reply | undefined {
  const reply = chosen(received);
  const isAfterEdits = received.path.endsWith('arrivals') || received.path.startsWith('/clearances/');
  const depot = depotIn(received);
  // Whoever gives up the edits gives up what would be undone after them: where that is to be refused, nobody is in their way.
  const isMeddledWith = reply?.status === 409 && isAfterEdits && !mishaps.has(depot) && schedule.dice('meddler', depot).chance(50);
  return isMeddledWith ? meddler.before(reply, received) : reply;
}

const depotIn = ({ path, body }: Received) => /depot-\d+/.exec(path + JSON.stringify(body ?? ''))?.[0] ?? '';
const untilOver = (id: string) => vi.waitFor(async () => expect(over).toContain(await statusOf(id)), { timeout: 180_000 });
const meddler = new Meddler({ propose: (body, key) => posted('/v1/proposals', body, key), untilOver });

function chosen(received: Received): Reply | undefined {
  const { done } = deployment.carrier;
  const { path, key } = received;
  const attempt = asked.get(key) ?? 0;
  asked.set(key, attempt + 1);
  const deed = deedOf(received, done);
  const depot = /depot-\d+/.exec(deed?.thing ?? path)?.[0] ?? '';
  const isUndo = deed?.way === 'undo';
  const mishap = mishaps.get(depot);
  if (mishap === undefined) {
    const roll = schedule.dice(depot, key.split('.').slice(2).join('.'), attempt).roll(100);
    // Others are to have time to be in the way of what it refuses.
    const isOfSet = schedule.actions[Number(depot.slice('depot-'.length))]?.kind === 'changeSet';
    if (path.startsWith('/clearances/') && !isOfSet && !isUndo && roll >= 70) return { ...told('refused'), delayMs: 600 };
    const kind = rolledReply(roll);
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

/** Sent until it is answered, maybe by several at once under one key. @returns the proposal's id; null where it was refused, since what it names is not there (any more) */
async function posted(path: string, body: object, key: string, copies = 1): Promise<string | null> {
  const headers = { 'idempotency-key': key };
  const sent = Array.from({ length: copies }, (_, to) => deployment.apis.post(path, clerk, body, { headers, to }));
  const ids = (await Promise.all(sent)).map((answer) => {
    const isRefused = answer.status === 409 || answer.body.code === 'unknown_reference';
    if (answer.status > 299 && !isRefused) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.status > 299 ? null : (answer.body.id as string);
  });
  if (copies > 1) {
    expect(new Set(ids).size, key).toBe(1);
    fire('one key at once');
  }
  return ids[0] ?? null;
}

/** Null where there was nothing to revert, or to do it to. */
async function propose(action: ChaosAction, n: number, ids: ReadonlyMap<number, string>): Promise<string | null> {
  const { kind, copies } = action;
  if (kind !== 'revert') {
    const { path, body } = requestOf(action, n);
    return posted(path, body, `action-${n}`, copies);
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
async function follow(proposalId: string, action: ChaosAction, n: number, until: number): Promise<string> {
  const { kind, isCancelled, choices, racers } = action;
  const path = `/v1/proposals/${proposalId}`;
  let cancels = isCancelled;
  let racing = racers;
  for (let turn = 0; ; ) {
    const status = (await statusOf(proposalId)) ?? 'none';
    if (over.includes(status)) return status;
    if (status === 'executing' && cancels) {
      cancels = false;
      const answer = await deployment.apis.post(`${path}/cancel`, clerk, { reason: 'chaos' });
      if (answer.status < 300) fire('cancelled');
    }
    // Whoever is left of the race approves.
    if (status === 'awaiting_approval' && (await race(proposalId, racing, kind === 'askInTime'))) racing = ['approve'];
    if (status === 'changes_requested') {
      const headers = { 'idempotency-key': `${proposalId}-${turn++}` };
      const answer = await deployment.apis.post(
        `${path}/revisions`,
        clerk,
        { parameters: parametersOf({ ...action, weight: 33 }, n) },
        { headers },
      );
      if (answer.status < 300) fire('revised');
    }
    if (status === 'needs_attention') {
      const choice = choices[turn++ % choices.length];
      const seen = await deployment.apis.once('GET', path, operator);
      const headers = { 'if-match': `"${seen?.body.effects?.attention?.id ?? 'none'}"` };
      const answer = await deployment.apis.post(`${path}/resolve`, operator, { choice, reason: 'chaos' }, { headers });
      if (answer.status < 300) fire(`resolved by ${choice}`);
    }
    if (Date.now() > until) {
      const details = await shop.currentDetails(proposalId).catch((error: Error) => error.message);
      throw new Error(`seed ${seed}: proposal ${proposalId} is still ${status}: ${details}`);
    }
    await sleep(100);
  }
}

const lastInstantMs = 250;

/** Each does what they do on the plan as it is now, all at the same instant, which may be the last before it expires; what comes too late is refused. @returns whether that instant is there */
async function race(proposalId: string, racers: readonly Racer[], isLate: boolean): Promise<boolean> {
  const [row] = await shop
    .query<{ digest: string; leftMs: number }>(
      'SELECT plan_digest AS digest, (extract(epoch FROM expires_at - exequatur.clock()) * 1000)::float8 AS "leftMs" FROM exequatur.proposal WHERE id = $1',
      [proposalId],
    )
    .catch(() => []);
  if (row === undefined || (isLate && row.leftMs > lastInstantMs)) return false;
  const { apis } = deployment;
  const path = `/v1/proposals/${proposalId}`;
  const review = (decision: string) =>
    apis.post(`${path}/reviews`, reviewer, { decision, reason: 'chaos' }, { headers: { 'if-match': `"${row.digest}"` } });
  const acts: Record<Racer, (to: number) => Promise<{ status: number }>> = {
    approve: () => review('approve'),
    reject: () => review('reject'),
    requestChanges: () => review('request_changes'),
    withdraw: (to) => apis.post(`${path}/withdraw`, clerk, {}, { to }),
  };
  const answers = await Promise.all(racers.map((racer, to) => acts[racer](to)));
  expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
  if (racers.length > 1) fire(isLate ? 'raced at the last instant' : 'raced');
  return racers.length > 0;
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
    const weighed = { actionType: 'weigh', parameters: { parcel: 'P0', weight: 60 + n }, justification: 'chaos' };
    const id = await posted('/v1/proposals', weighed, `extra-${n}`);
    if (id !== null) await untilOver(id);
  }
}
let extra = 0;
const isLoss = (fault: string) => fault.endsWith('COMMIT lost');

/** What is told by what became of it alone: what others changed in between, and what was seldom undone. */
async function countOutcomes(): Promise<void> {
  const [row] = await shop.query<Record<string, number>>(
    `SELECT (SELECT count(*)::int FROM exequatur.audit_entry WHERE type = 'proposal.simulating') AS "edited before its execution",
            (SELECT count(*)::int FROM exequatur.proposal WHERE action_type LIKE '%+%' AND status = 'executed') AS "change set executed",
            (SELECT count(*)::int FROM exequatur.proposal p JOIN exequatur.audit_entry e ON e.tenant_id = p.tenant_id AND e.proposal_id = p.id AND e.type = 'execution.undone'
              WHERE p.action_type LIKE '%pack%') AS "crates undone",
            (SELECT count(*)::int FROM exequatur.proposal WHERE failure::text LIKE '%check_failed%') AS "check failed"`,
  );
  const met = await shop.query<{ because: string; count: number }>(
    `SELECT c ->> 'because' AS because, count(*)::int FROM exequatur.saga s, jsonb_array_elements(s.conflicts) c GROUP BY 1`,
  );
  Object.assign(fired, row, Object.fromEntries(met.map(({ because, count }) => [`undo met ${because}`, count])));
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
      const status = await follow(id, action, n, until);
      if (action.racers.length === 0) expect(status, 'what nobody answers').toBe('expired');
      outcomes[status] = (outcomes[status] ?? 0) + 1;
    }
  };
  try {
    await Promise.all([disturbance, ...Array.from({ length: atOnce }, lane)]);
  } finally {
    isOver = true;
  }
  await meddler.untilThrough();
  await loseTheRest();
  await countOutcomes();
  const seconds = Math.round((Date.now() - startedAt) / 1_000);
  console.log(JSON.stringify({ chaos: 'mixed', seed, actions: count, seconds, outcomes, fired }));
  for (const fault of scheduled()) expect(fired[fault] ?? 0, fault).toBe(schedule.faults.filter((one) => one.fault === fault).length);
  // What is never sent again may not be sent at all, where its worker dies just before.
  const isSent = ({ kind, way }: ChaosAction) => kind !== 'collect' && (kind !== 'changeSet' || way !== 'collect');
  const unheard = schedule.actions.filter((action, n) => mishaps.has(depotOf(n)) && isSent(action));
  expect(unheard, 'answers that nobody heard').toEqual([]);
  const expected: string[] = schedule.actions.flatMap(({ mishap }) => mishap ?? []);
  if (schedule.actions.some(({ kind, copies }) => kind !== 'revert' && copies > 1)) expected.push('one key at once');
  if (schedule.actions.some(({ kind }) => kind === 'askToWeigh')) expected.push('raced');
  if (count >= actionsForAll) expected.push(...byChance);
  for (const fault of expected) expect(fired[fault] ?? 0, fault).toBeGreaterThan(0);
  expect(await shop.query('SELECT count(*)::int FROM exequatur.proposal')).toEqual([
    { count: ids.size + parcels + extra + meddler.accepted.size },
  ]);
  await expectWhole(deployment);
});
