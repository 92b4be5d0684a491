// Why an approved plan is not executed, as a decision of it; on a clone from tests/support/database.ts.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { setFreezeWindow } from '../../store/change-freeze-window.ts';
import { changePrincipal } from '../../store/change-principal.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { putSwitch } from '../../store/put-switch.ts';
import { readDecisions } from '../../store/read-decisions.ts';
import { isRefusal } from '../../store/refusal.ts';
import { resolveActor } from '../../store/standing.ts';
import { caller, type Fixture, keeper1, keeper2, openFixture, shareDatabase } from './fixture.ts';

shareDatabase();
let fixture: Fixture;
const operator = caller('operator-1');
const accessAdmin = caller('access-admin-1');
beforeEach(async () => {
  fixture = await openFixture();
  await fixture.inApi((tx) => resolveActor(tx, accessAdmin));
});
afterEach(() => fixture?.close());

async function approved(name: string, by = keeper2): Promise<string> {
  const plan = await fixture.planned('askFloor', { name });
  await fixture.review(plan, by);
  return plan.proposalId;
}
const execute = async (id: string) => (await executeProposal(fixture.worker, fixture.tenant, id, fixture.deps))?.status;
async function executions(id: string): Promise<string[]> {
  const read = await fixture.inApi((tx) => readDecisions(tx, id, fixture.deps));
  if (isRefusal(read)) throw new Error(read.refused);
  return read.decisions
    .filter(({ action }) => action === 'execute')
    .map(({ outcome, reason, explanation }) => `${outcome} ${reason}: ${explanation}`);
}

it('it is switched off, which is told once however often it is asked for', async () => {
  const id = await approved('switched');
  const thrown = { scope: 'actionType', name: 'askFloor', reason: 'smoke', by: operator } as const;
  await fixture.inApi((tx) => putSwitch(tx, { ...thrown, state: 'off' }, fixture.deps));
  expect([await execute(id), await execute(id)]).toEqual(['scheduled', 'scheduled']);
  expect(await executions(id)).toEqual([
    'held switched_off: It is approved, and not executed: it is switched off, by actionType/askFloor.',
  ]);
});

it('it is not time for it yet', async () => {
  const id = await approved('frozen');
  const once = { from: '2026-01-01T00:00:00Z', until: '2999-01-01T00:00:00.000Z' };
  await fixture.inApi((tx) => setFreezeWindow(tx, { name: 'fair', reason: 'fair', once, by: operator }, fixture.deps));
  expect(await execute(id)).toBe('scheduled');
  expect(await executions(id)).toEqual([
    'held not_yet: It is approved, and not executed: it is not time for it yet, by window/fair, until 2999-01-01T00:00:00.000Z.',
  ]);
});

it('who approved it may not any more', async () => {
  const id = await approved('lost', keeper1);
  await fixture.inApi((tx) => changePrincipal(tx, { id: keeper1.id, change: { roles: [] }, by: accessAdmin }, fixture.deps));
  expect(await execute(id)).toBe('awaiting_approval');
  expect(await executions(id)).toEqual([
    'held standing_lost: It is approved, and not executed: of those who approved it not enough may approve it any more.',
  ]);
  const { planDigest } = await fixture.read(id);
  await fixture.review({ proposalId: id, digest: planDigest }, keeper2);
  expect(await execute(id)).toBe('executed');
  expect((await executions(id)).at(-1)).toMatch(/^allowed null: /);
});
