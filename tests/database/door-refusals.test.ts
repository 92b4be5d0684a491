// Refusals of the door that nothing else would make in its place, each beside the same call done rightly.
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type AuditEntry, auditEntry } from '../../audit/entry.ts';
import type { Edit } from '../../ontology/plan.ts';
import { apply, begin, move, type Planned, refusalOf, tell } from './door-scene.ts';
import { doorWorld, passes } from './door-world.ts';

const world = doorWorld();
const { renaming, approved, execute, outcomeOf } = world;

describe('the audit entry of an execution', () => {
  type Entries = (planned: Planned, executionId: string) => AuditEntry[];
  const entry = (
    proposalId: string,
    executionId: string,
    planDigest: string,
    type: 'proposal.executed' | 'proposal.executing' = 'proposal.executed',
  ) => auditEntry({ type, proposalId, facts: { status: 'executed', executionId, planDigest } });
  const applyWith = (planned: Planned, entries: Entries) => {
    const executionId = randomUUID();
    return refusalOf(
      world.scene.as('worker', async (client) => {
        const earlier = await begin(client, planned, executionId);
        await client.query('SELECT exequatur.apply_plan($1, $2, $3::jsonb)', [
          planned.planId,
          executionId,
          JSON.stringify([earlier, ...entries(planned, executionId)]),
        ]);
      }),
    );
  };

  it.each<[string, Entries]>([
    ['of another execution', ({ id, digest }) => [entry(id, randomUUID(), digest)]],
    ['of another plan', ({ id }, executionId) => [entry(id, executionId, `sha256:${'0'.repeat(64)}`)]],
    ['of another proposal', ({ digest }, executionId) => [entry(randomUUID(), executionId, digest)]],
    ['of another kind', ({ id, digest }, executionId) => [entry(id, executionId, digest, 'proposal.executing')]],
    ['told twice', ({ id, digest }, executionId) => [entry(id, executionId, digest), entry(id, executionId, digest)]],
  ])('%s is refused', async (_, entries) => {
    const planned = await approved([await renaming()]);
    expect(await applyWith(planned, entries)).toBe('XQ003');
    expect(await applyWith(planned, ({ id, digest }, executionId) => [entry(id, executionId, digest)])).toBe(passes);
  });
});

describe('a plan', () => {
  it('that is not there is not applied', async () => {
    const planned = await approved([await renaming()]);
    const missing = { ...planned, planId: randomUUID() };
    const attempt = world.scene.as('worker', async (client) => {
      const executionId = randomUUID();
      return apply(client, missing, executionId, [await begin(client, planned, executionId)]);
    });
    expect(await refusalOf(attempt)).toBe('XQ003');
    expect(await execute(planned)).toBe(passes);
  });

  it('that says another number of edits than it has is refused', async () => {
    const edits = [await renaming()];
    expect(await outcomeOf(edits, { edits: 2 })).toBe('XQ003');
    expect(await outcomeOf(edits, {})).toBe(passes);
  });

  it('that another one took the place of is refused', async () => {
    const proposal = await world.scene.propose('rename');
    const former = await world.scene.plan(proposal, [await renaming()]);
    await world.scene.as('worker', (client) => move(client, proposal.id, 'simulating'));
    const planned = await world.scene.plan(proposal, [await renaming()]);
    await world.scene.review(planned, 'reviewer');
    await world.scene.approve(planned);
    const outdated = world.scene.as('worker', async (client) => {
      const executionId = randomUUID();
      const first = await begin(client, planned, executionId);
      return apply(client, { ...planned, planId: former.planId }, executionId, [first]);
    });
    expect(await refusalOf(outdated)).toBe('XQ003');
    expect(await execute(planned)).toBe(passes);
  });

  it.each([
    ['in a format that is not known', '"format":1', '"format":2'],
    ['of another version of the action type', '"actionTypeVersion":1', '"actionTypeVersion":2'],
  ])('%s is refused', async (_, from, to) => {
    const edits = [await renaming()];
    const right = await approved(edits);
    const bytes = Buffer.from(
      Buffer.concat(await world.bytesOf(right))
        .toString('utf8')
        .replace(from, to),
    );
    expect(await outcomeOf(edits, { bytes })).toBe('XQ003');
    expect(await execute(right)).toBe(passes);
  });

  it.each<[string, Edit]>([
    ['creates what is there', { op: 'create', type: 'airport', id: 'ORD', set: { name: 'Another' } }],
    ['deletes what is not as it says', { op: 'delete', type: 'flight', id: 'f3', before: { origin: 'ATL', delay: 7 } }],
  ])('that %s is refused', async (_, edit) => {
    expect(await refusalOf(world.scene.carry('populate', [edit]))).toBe('XQ007');
  });
});

it('an execution is left only where one was begun', async () => {
  const planned = await approved([await renaming()]);
  const leave = () =>
    world.scene.as('worker', async (client) => {
      await client.query("SELECT exequatur.leave_executing($1, 'simulating', NULL)", [planned.id]);
      const facts = { from: 'executing', status: 'simulating' };
      await tell(client, auditEntry({ type: 'proposal.simulating', proposalId: planned.id, facts }));
    });
  expect(await refusalOf(leave())).toBe('XQ006');
  await world.scene.as('worker', async (client) => tell(client, await begin(client, planned, randomUUID())));
  expect(await refusalOf(leave())).toBe(passes);
});
