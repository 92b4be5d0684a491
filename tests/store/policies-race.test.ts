// An object is changed beside an execution whose policies go by it; on a clone from tests/support/database.ts.
import pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { PolicyEngine } from '../../ontology/policy-engine.ts';
import { cedar } from '../../policy/cedar.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { PolicySets } from '../../store/policy-sets.ts';
import { putPolicies } from '../../store/put-policies.ts';
import type { Settled } from '../../store/settle.ts';
import type { StoreDeps } from '../../store/store-deps.ts';
import { lockWaits } from '../support/lock-waits.ts';
import { admin, building, expectDone, type Fixture, keeper1, officer, openFixture } from './fixture.ts';
import { carriedOut } from './govern.ts';

let fixture: Fixture;
let onlooker: pg.Client;
beforeAll(async () => {
  fixture = await openFixture(building);
  onlooker = new pg.Client({ connectionString: fixture.database.urls.superuser });
  await onlooker.connect();
});
afterAll(async () => {
  await onlooker?.end();
  await fixture?.close();
});

const small = `forbid (principal, action == Action::"execute", resource == ActionType::"closeRoom")
  when { context.plan.touches has room && context.plan.touches.room.before has seats && context.plan.touches.room.before.seats.most > 10 };`;
const execute = (proposalId: string, deps: StoreDeps = fixture.deps) => executeProposal(fixture.worker, fixture.tenant, proposalId, deps);

async function someoneWaits(): Promise<boolean> {
  return (await lockWaits(onlooker)).length > 0;
}

it('what policies looked at does not change before the execution commits', async () => {
  await fixture.done('addFloor', { name: 'R', rooms: [{ code: 'R1', seats: 10 }] });
  const { proposalId } = expectDone(
    await fixture.inApi((tx) =>
      putPolicies(tx, { policies: { all: 'permit (principal, action, resource);', small }, cases: [] }, admin, fixture.deps),
    ),
  );
  await carriedOut(fixture, proposalId ?? '');
  const closing = await fixture.planned('closeRoom', { room: 'R1' });
  await fixture.review(closing, keeper1);
  await fixture.review(closing, officer);
  const enlarging = await fixture.planned('setSeats', { room: 'R1', seats: 12 });

  let beside: Promise<Settled | null> | undefined;
  /** Has looked at ten seats, and meanwhile somebody brings more. */
  const slow: PolicyEngine = {
    decide: async (set, request) => {
      const answer = await cedar.engine.decide(set, request);
      if (request.action === 'execute' && request.resource === 'closeRoom' && beside === undefined) {
        let over = false;
        beside = execute(enlarging.proposalId).finally(() => {
          over = true;
        });
        await vi.waitUntil(async () => over || (await someoneWaits()), { timeout: 60_000, interval: 10 });
      }
      return answer;
    },
  };
  const deps = { ...fixture.deps, policies: new PolicySets({ ...cedar, engine: slow }) };
  expect(await execute(closing.proposalId, deps)).toMatchObject({ status: 'executed' });
  expect(await beside).toMatchObject({ status: 'executed' });
  const executed = await fixture.inApi((tx) =>
    tx.rows<{ id: string }>(
      `SELECT e.proposal_id::text AS id FROM exequatur.audit_entry e WHERE e.type = 'proposal.executed' AND e.proposal_id = ANY ($1::uuid[]) ORDER BY e.seq`,
      [[closing.proposalId, enlarging.proposalId]],
    ),
  );
  expect(executed.map(({ id }) => id)).toEqual([closing.proposalId, enlarging.proposalId]);
});
