// The order of locks holds under stress, on a clone from tests/support/database.ts.
import pg from 'pg';
import { expect, it } from 'vitest';
import { openPool } from '../../store/connect.ts';
import { createRevert } from '../../store/create-revert.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { putOntology } from '../../store/put-ontology.ts';
import { isRefusal } from '../../store/refusal.ts';
import { settleProposal } from '../../store/settle-proposal.ts';
import { simulateProposal } from '../../store/simulate-proposal.ts';
import { withdrawProposal } from '../../store/withdraw-proposal.ts';
import { admin, agent, building, caller, keeper1, keeper2, officer, openFixture } from '../store/fixture.ts';
import { Dice } from './random-numbers.ts';

const seed = Number(process.env.EXEQUATUR_SEED ?? 1);
const atOnce = 50;

it(`${atOnce} proposals at once, with reviews, withdrawals, reverts and uploads in each other's way, never deadlock (EXEQUATUR_SEED=${seed})`, async () => {
  const dice = new Dice(seed);
  const fixture = await openFixture();
  const { tenant, deps, inApi } = fixture;
  const worker = openPool(fixture.database.urls.worker, { max: 10 });
  const superuser = new pg.Client({ connectionString: fixture.database.urls.superuser });
  await superuser.connect();
  const rooms = ['A', 'B', 'C', 'D'];
  await fixture.done('addFloor', { name: 'F1', rooms: rooms.map((code) => ({ code, seats: 1 })) });
  const ends = new Map<string, number>();

  const lookAt = (id: string) => (dice.chance(50) ? executeProposal(worker, tenant, id, deps) : simulateProposal(worker, tenant, id, deps));
  /** What anybody may do to a proposal at any time; refusals are answers. Reviewers are new to the directory now and then, so that their rows are written too. */
  const meddle = async (id: string): Promise<unknown> => {
    const { digest = null } = (await settleProposal(worker, tenant, id, deps)) ?? {};
    const reviewer = dice.pick([keeper1, keeper2, officer, caller(`keeper-${dice.roll(1_000)}`)]);
    switch (dice.roll(20)) {
      case 0:
        return inApi((tx) => withdrawProposal(tx, { proposalId: id, by: agent }, deps));
      case 1:
      case 2:
      case 3:
        return inApi((tx) => createRevert(tx, { proposalId: id, justification: 'x', proposer: reviewer }, deps));
      case 4:
        return fixture.read(id);
      default:
        return fixture.review({ proposalId: id, digest }, reviewer, dice.chance(90) ? 'approve' : 'reject');
    }
  };
  const life = async (): Promise<void> => {
    const room = dice.pick(rooms);
    const [action, parameters] = dice.pick([
      ['setSeats', { room, seats: dice.roll(9) + 1 }],
      ['noteUse', { room }],
      ['closeFloor', { floor: 'F1' }],
      ['join', { a: room, b: dice.pick(rooms) }],
      ['askFloor', { name: `F${dice.roll(1_000)}` }],
    ] as const);
    const proposed = await fixture.propose(action, parameters);
    if (isRefusal(proposed)) throw new Error(JSON.stringify(proposed));
    const id = proposed.proposalId;
    for (let turn = 0; turn < 3; turn++) await Promise.all([lookAt(id), meddle(id), lookAt(id), meddle(id)]);
    const status = (await executeProposal(worker, tenant, id, deps))?.status ?? 'lost';
    ends.set(status, (ends.get(status) ?? 0) + 1);
  };
  const upload = () =>
    inApi((tx) => putOntology(tx, { ...building, sensitiveReaders: `'reader-${dice.roll(1_000)}' in reader.roles` } as never, admin, deps));

  await Promise.all([...Array.from({ length: atOnce }, life), upload(), upload(), upload()]);
  expect(ends.get('executed')).toBeGreaterThan(0);
  // Backends report what they counted when they end.
  await Promise.all([worker.end(), fixture.api.end(), fixture.worker.end()]);
  const told = async (sql: string) => (await superuser.query<{ n: number }>(sql)).rows[0]?.n;
  await expect.poll(() => told('SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database()')).toBe(1);
  expect(await told('SELECT deadlocks::int AS n FROM pg_stat_database WHERE datname = current_database()')).toBe(0);
  await superuser.end();
  await fixture.database.drop();
});
