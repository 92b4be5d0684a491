import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonValue } from '../../../ontology/json.ts';
import { lifecycle, type ProposalStatus } from '../../../ontology/lifecycle.ts';
import { createRevert } from '../../../store/create-revert.ts';
import { executeProposal } from '../../../store/execute-proposal.ts';
import { recordReview } from '../../../store/record-review.ts';
import { reviseProposal } from '../../../store/revise-proposal.ts';
import { cancelExecution } from '../../../store/saga/cancel-execution.ts';
import type { Settled } from '../../../store/settle.ts';
import { settleProposal } from '../../../store/settle-proposal.ts';
import { withdrawProposal } from '../../../store/withdraw-proposal.ts';
import { bookCarrier, parcelDomain } from '../../effects/parcel-domain.ts';
import { caller, type Fixture, openFixture } from '../../store/fixture.ts';
import { Dice } from '../../trust/random-numbers.ts';

// A database of its own, whose clock can be moved: tests/support/database.ts.
const rounds = process.env.EXEQUATUR_CHAOS ? 10 : 1;
const dice = new Dice(Number(process.env.EXEQUATUR_SEED ?? 1));
const proposer = caller('asker', ['clerk']);
const reviewers = [caller('clerk-1'), caller('clerk-2')];

let fixture: Fixture;
let superuser: pg.Client;
let holder: pg.Client;
let weight = 1;

beforeAll(async () => {
  const document = parcelDomain('https://carrier.example', [bookCarrier]);
  const { actionTypes = {}, approvalPolicies = {} } = document;
  const { automatic: _, ...asked } = approvalPolicies.alone as NonNullable<typeof approvalPolicies.alone>;
  const byPeople = (name: string) => ({ [name]: { ...actionTypes[name], approvalPolicy: 'asked' } });
  fixture = await openFixture({
    ...document,
    actionTypes: { ...actionTypes, ...byPeople('weigh'), ...byPeople('handOver') },
    approvalPolicies: { ...approvalPolicies, asked },
  } as unknown as JsonValue);
  await fixture.done('receive', { code: 'P1', weight: 1 });
  superuser = new pg.Client({ connectionString: fixture.database.urls.superuser });
  holder = new pg.Client({ connectionString: fixture.database.urls.superuser });
  await Promise.all([superuser.connect(), holder.connect()]);
});
afterAll(async () => {
  await Promise.all([superuser?.end(), holder?.end()]);
  await fixture?.close();
});

/** What one side does; `which` of two that do the same. */
type Move = (at: Settled, which: number) => Promise<object | null>;

const review =
  (decision: 'approve' | 'reject'): Move =>
  ({ proposalId, digest }, which) => {
    const reviewer = reviewers[which] as (typeof reviewers)[number];
    return fixture.inApi((tx) => recordReview(tx, { proposalId, decision, digest: digest ?? '', reviewer }, fixture.deps));
  };

const moves = {
  approve: review('approve'),
  reject: review('reject'),
  withdraw: ({ proposalId }) => fixture.inApi((tx) => withdrawProposal(tx, { proposalId, by: proposer }, fixture.deps)),
  revise: ({ proposalId }) =>
    fixture.inApi((tx) => reviseProposal(tx, { proposalId, parameters: { parcel: 'P1', weight: 0 }, by: proposer }, fixture.deps)),
  cancel: ({ proposalId }) => fixture.inApi((tx) => cancelExecution(tx, { proposalId, reason: 'a race', by: proposer }, fixture.deps)),
  expire: async ({ proposalId }) => {
    await fixture.inWorker((tx) =>
      tx.rows(
        'SELECT pg_sleep(least(3, greatest(0, extract(epoch FROM p.expires_at - exequatur.clock())))::double precision) FROM exequatur.proposal p WHERE p.id = $1::uuid',
        [proposalId],
      ),
    );
    return settleProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);
  },
  revert: ({ proposalId }, which) =>
    fixture.inApi((tx) =>
      createRevert(tx, { proposalId, justification: 'a race', proposer: reviewers[which] as (typeof reviewers)[number] }, fixture.deps),
    ),
} satisfies Record<string, Move>;

type MoveName = keyof typeof moves;
const names = Object.keys(moves) as MoveName[];

/** The states in which something races, and what is possible there. */
const states: Record<string, { possible: MoveName[]; make: () => Promise<Settled> }> = {
  awaiting_approval: { possible: ['approve', 'reject', 'withdraw', 'expire'], make: () => waiting('weigh') },
  changes_requested: {
    possible: ['revise', 'withdraw', 'expire'],
    async make() {
      const plan = await waiting('weigh');
      const request = { proposalId: plan.proposalId, decision: 'request_changes' as const, reason: 'why?', digest: plan.digest ?? '' };
      await fixture.inApi((tx) => recordReview(tx, { ...request, reviewer: reviewers[0] as (typeof reviewers)[number] }, fixture.deps));
      return plan;
    },
  },
  approved: { possible: ['withdraw', 'expire'], make: async () => approved(await waiting('weigh')) },
  executing: { possible: ['cancel'], make: async () => executed(await approved(await waiting('handOver'))) },
  executed: { possible: ['revert'], make: async () => executed(await approved(await waiting('weigh'))) },
};

async function waiting(actionType: 'weigh' | 'handOver'): Promise<Settled> {
  weight += 1;
  return fixture.planned(actionType, { parcel: 'P1', ...(actionType === 'weigh' ? { weight } : { depot: 'north' }) }, proposer);
}

async function approved(plan: Settled): Promise<Settled> {
  await moves.approve(plan, 0);
  return plan;
}

async function executed(plan: Settled): Promise<Settled> {
  await executeProposal(fixture.worker, fixture.tenant, plan.proposalId, fixture.deps);
  return plan;
}

/** Moves the clock to where the proposal has this much time left. */
async function setTimeLeft({ proposalId }: Settled, leftMs: number): Promise<void> {
  await superuser.query(
    'UPDATE test_clock.moved SET by = (SELECT expires_at FROM exequatur.proposal WHERE id = $1) - make_interval(secs => $2::float8 / 1000) - clock_timestamp()',
    [proposalId, leftMs],
  );
}

interface Outcome {
  /** What each side was told. */
  told: string[];
  status: string;
  /** What is on record of it, and of what was made of it. */
  entries: string[];
}

const word = (answer: object | null) =>
  answer === null ? 'nothing' : 'refused' in answer ? String(answer.refused) : 'status' in answer ? `found ${answer.status}` : 'done';

async function outcomeOf({ proposalId }: Settled, answers: (object | null)[]): Promise<Outcome> {
  const { rows } = await superuser.query<{ type: string }>('SELECT type FROM exequatur.audit_entry WHERE proposal_id = $1 ORDER BY seq', [
    proposalId,
  ]);
  const { rows: found } = await superuser.query<{ status: string; reverts: number }>(
    'SELECT status, (SELECT count(*)::int FROM exequatur.proposal r WHERE r.revert_of = p.id) AS reverts FROM exequatur.proposal p WHERE id = $1',
    [proposalId],
  );
  const status = found[0]?.status ?? '';
  expectSameStory(
    rows.map(({ type }) => type),
    status,
  );
  expect(found[0]?.reverts).toBeLessThanOrEqual(1);
  return { told: answers.map(word), status, entries: rows.map(({ type }) => type).sort() };
}

/** The audit log tells of steps that the state machine has, one after another, up to where the proposal stands. */
function expectSameStory(entries: string[], status: string): void {
  let at: ProposalStatus = 'simulating';
  for (const type of entries) {
    const to = statusIn(type);
    if (to === null || to === at) continue;
    expect(Object.keys(lifecycle[at]), `${at} to ${to} in ${entries}`).toContain(to);
    at = to;
  }
  expect(at).toBe(status);
}

function statusIn(type: string): ProposalStatus | null {
  if (type === 'proposal.simulated') return 'awaiting_approval';
  if (type === 'proposal.revised') return 'simulating';
  const name = type.replace(/^proposal\./, '');
  return Object.hasOwn(lifecycle, name) ? (name as ProposalStatus) : null;
}

/** Both at once: behind one lock that is let go of when both wait for it, or, where time runs out, around the instant at which it does. */
async function race(at: Settled, one: MoveName, other: MoveName): Promise<Outcome> {
  if (one === 'expire' || other === 'expire') {
    await setTimeLeft(at, dice.roll(60));
    return outcomeOf(at, await Promise.all([moves[one](at, 0), moves[other](at, 1)]));
  }
  await holder.query('BEGIN');
  await holder.query('SELECT FROM exequatur.proposal WHERE id = $1 FOR UPDATE', [at.proposalId]);
  const both = Promise.all([moves[one](at, 0), moves[other](at, 1)]);
  try {
    await expect.poll(waitingForLocks, { interval: 5 }).toBe(2);
  } finally {
    await holder.query('COMMIT');
  }
  return outcomeOf(at, await both);
}

async function waitingForLocks(): Promise<number> {
  const { rows } = await superuser.query<{ count: number }>(
    `SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  );
  return rows[0]?.count ?? 0;
}

/** One after the other. */
async function inTurn(at: Settled, first: MoveName, second: MoveName, isSwapped: boolean): Promise<Outcome> {
  const which = isSwapped ? 1 : 0;
  const one = await moves[first](at, which);
  const other = await moves[second](at, 1 - which);
  return outcomeOf(at, isSwapped ? [other, one] : [one, other]);
}

describe.each(Object.entries(states).map(([name, state]) => ({ name, ...state })))('a proposal in $name:', ({ possible, make }) => {
  const pairs = names.flatMap((one, at) =>
    names.slice(at).flatMap((other) => (possible.includes(one) || possible.includes(other) ? [[one, other] as const] : [])),
  );

  it.each(pairs)('%s and %s at the same instant have the outcome of one after the other', async (one, other) => {
    const orders: Outcome[] = [];
    for (const isSwapped of [false, true]) {
      const [first, second] = isSwapped ? [other, one] : [one, other];
      const at = await make();
      if (first !== 'expire' && second === 'expire') await setTimeLeft(at, 2_000);
      if (first === 'expire') await setTimeLeft(at, 0);
      orders.push(await inTurn(at, first, second, isSwapped));
    }
    for (let round = 0; round < rounds; round++) expect(orders).toContainEqual(await race(await make(), one, other));
  });
});
