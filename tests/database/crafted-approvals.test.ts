import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Edit } from '../../ontology/plan.ts';
import { addPrincipal, move, type Planned, refusalOf, storeReads, tellPlan, untold } from './door-scene.ts';
import { passes } from './door-world.ts';
import { twoAirports } from './two-airports.ts';

/** Ways to an execution that nobody rightly approved: floors that do not hold, plans shown otherwise than stored, reviews and reverts bent. */
const world = twoAirports();

async function populate(edits: readonly unknown[]): Promise<string> {
  const planned = await world.scene.plan(await world.scene.propose('populate'), edits as Edit[]);
  await world.scene.approve(planned);
  return refusalOf(world.scene.execute(planned));
}

const objectOf = async (id: string) =>
  (
    await world.scene.as('api', (client) =>
      client.query<{ properties: Record<string, unknown> }>('SELECT properties FROM exequatur.object WHERE id = $1 AND alive', [id]),
    )
  ).rows[0]?.properties;

describe('floors', () => {
  const withFloors = async (floors: unknown, work: (planned: Planned) => Promise<void>) => {
    const before = await world.scene.as('superuser', (client) =>
      client.query("SELECT floors FROM exequatur.action_type_version WHERE name = 'rename' AND tenant_id = $1", [world.scene.tenant]),
    );
    const store = (value: unknown) =>
      world.scene.as('superuser', async (client) => {
        await client.query('SET LOCAL session_replication_role = replica');
        await client.query("UPDATE exequatur.action_type_version SET floors = $1 WHERE name = 'rename' AND tenant_id = $2", [
          JSON.stringify(value),
          world.scene.tenant,
        ]);
      });
    await store(floors);
    try {
      const name = (await objectOf('ORD'))?.name as string;
      await work(
        await world.scene.plan(await world.scene.propose('rename'), [
          { op: 'modify', type: 'airport', id: 'ORD', set: { name: `${name}!` }, before: { name } },
        ]),
      );
    } finally {
      await store(before.rows[0].floors);
    }
  };

  it('of which none holds let nobody through, although the touched type asks for no approval of its own', async () => {
    for (const floors of [[], [{ approvals: 0, ceilings: { parameters: { minutes: 30 } } }]]) {
      await withFloors(floors, async (planned) => {
        await world.scene.approve(planned);
        expect(await refusalOf(world.scene.execute(planned))).toBe('XQ002');
      });
    }
    await withFloors([{ approvals: 0, ceilings: {} }], async (planned) => {
      await world.scene.approve(planned);
      expect(await refusalOf(world.scene.execute(planned))).toBe(passes);
    });
  });
});

describe('a plan stored for readers', () => {
  it('is what its digest says, or it never awaits approval: reviewers are shown nothing else', async () => {
    const name = (await objectOf('ORD'))?.name as string;
    const edits: Edit[] = [{ op: 'modify', type: 'airport', id: 'ORD', set: { name: 'shown' }, before: { name } }];
    const honest = await world.scene.plan(await world.scene.propose('rename'), edits);
    expect(
      await refusalOf(
        world.scene.plan(await world.scene.propose('rename'), edits, { bytes: Buffer.from('{}\n{}\n{}'), digest: honest.digest }),
      ),
    ).toBe('XQ003');
    expect(await refusalOf(world.scene.plan(await world.scene.propose('rename'), edits))).toBe(passes);
  });

  it('counts in its summary what it holds', async () => {
    const edits = async (): Promise<Edit[]> => [
      {
        op: 'modify',
        type: 'airport',
        id: 'ORD',
        set: { name: `${randomUUID()}` },
        before: { name: (await objectOf('ORD'))?.name as string },
      },
    ];
    const carry = async (summary?: unknown) => {
      const planned = await world.scene.plan(await world.scene.propose('rename'), await edits(), summary === undefined ? {} : { summary });
      await world.scene.review(planned, 'reviewer');
      await world.scene.approve(planned);
      return refusalOf(world.scene.execute(planned));
    };
    const counts = { create: 0, modify: 1, delete: 0, link: 0, unlink: 0 };
    expect(await carry({ edits: { ...counts, modify: 0 } })).toBe('XQ003');
    expect(await carry({ edits: { ...counts, delete: 1 } })).toBe('XQ003');
    expect(await carry({})).toBe('XQ003');
    expect(await carry({ edits: counts })).toBe(passes);
  });

  it('has chunks that say truly which edits they hold: pages are made by that', async () => {
    const proposal = await world.scene.propose('rename');
    const name = (await objectOf('ORD'))?.name as string;
    const edits: Edit[] = [{ op: 'modify', type: 'airport', id: 'ORD', set: { name: 'hidden' }, before: { name } }];
    const honest = await world.scene.plan(proposal, edits);
    const shift = async (columns: string) => {
      const other = await world.scene.propose('rename');
      return refusalOf(
        world.scene.as('worker', async (client) => {
          const planId = randomUUID();
          await client.query(
            `INSERT INTO exequatur.plan SELECT tenant_id, $2, $3, revision, digest, bytes, edits, summary, requirement, created_at FROM exequatur.plan WHERE id = $1`,
            [honest.planId, planId, other.id],
          );
          await client.query(
            `INSERT INTO exequatur.plan_chunk SELECT tenant_id, $2, ordinal, bytes, ${columns} FROM exequatur.plan_chunk WHERE plan_id = $1`,
            [honest.planId, planId],
          );
          await client.query("UPDATE exequatur.proposal SET status = 'awaiting_approval', plan_id = $2, plan_digest = $3 WHERE id = $1", [
            other.id,
            planId,
            honest.digest,
          ]);
          await tellPlan(client, other.id, honest.digest);
        }),
      );
    };
    expect(await shift('first_edit, 0')).toBe('XQ003');
    expect(await shift('first_edit + 1, edits')).toBe('XQ003');
    expect(await shift('first_edit, edits')).toBe(passes);
  });

  it('stays the one that awaits approval', async () => {
    const name = (await objectOf('ORD'))?.name as string;
    const planned = await world.scene.plan(await world.scene.propose('rename'), [
      { op: 'modify', type: 'airport', id: 'ORD', set: { name: 'shown' }, before: { name } },
    ]);
    const swap = 'UPDATE exequatur.proposal SET plan_id = $2 WHERE id = $1';
    expect(await refusalOf(world.scene.as('worker', (client) => client.query(swap, [planned.id, randomUUID()])))).toBe('XQ006');
    expect(await refusalOf(world.scene.as('worker', (client) => client.query(swap, [planned.id, planned.planId])))).toBe(passes);
  });
});

describe('who may approve', () => {
  it('is nobody whom the proposing agent acts for', async () => {
    const name = (await objectOf('ORD'))?.name as string;
    const planned = await world.scene.plan(await world.scene.propose('rename', { actsFor: 'principal-of-the-agent' }), [
      { op: 'modify', type: 'airport', id: 'ORD', set: { name: 'by an agent' }, before: { name } },
    ]);
    await world.scene.review(planned, 'principal-of-the-agent');
    await world.scene.approve(planned);
    expect(await refusalOf(world.scene.execute(planned))).toBe('XQ002');
    await world.scene.review(planned, 'somebody-else');
    expect(await refusalOf(world.scene.execute(planned))).toBe(passes);
  });

  it('is nobody who acts for the proposer, under whatever identity of either', async () => {
    const name = (await objectOf('ORD'))?.name as string;
    const planned = await world.scene.plan(await world.scene.propose('rename', { proposer: 'pam' }), [
      { op: 'modify', type: 'airport', id: 'ORD', set: { name: 'by a helper' }, before: { name } },
    ]);
    for (const reviewer of ['helper', 'helper-at-home']) await world.scene.review(planned, reviewer);
    await world.scene.as('api', (client) => addPrincipal(client, world.scene.tenant, 'pam-at-home', 'user'));
    await untold(world.scene, `UPDATE exequatur.principal SET person = 'one' WHERE id IN ('pam', 'pam-at-home')`);
    await untold(world.scene, `UPDATE exequatur.principal SET person = 'two' WHERE id IN ('helper', 'helper-at-home')`);
    await untold(world.scene, `UPDATE exequatur.principal SET acts_for = 'pam-at-home' WHERE id = 'helper'`);
    await world.scene.approve(planned);
    expect(await refusalOf(world.scene.execute(planned))).toBe('XQ002');
    await world.scene.review(planned, 'an-outsider');
    expect(await refusalOf(world.scene.execute(planned))).toBe(passes);
  });

  it('is nobody whose approval was void since, when another plan had the place of this one for a while', async () => {
    const name = (await objectOf('ORD'))?.name as string;
    const proposal = await world.scene.propose('rename');
    const renamed = (to: string): Edit => ({ op: 'modify', type: 'airport', id: 'ORD', set: { name: to }, before: { name } });
    const first = await world.scene.plan(proposal, [renamed('first')]);
    await world.scene.review(first, 'early');
    await world.scene.as('worker', (client) => move(client, proposal.id, 'simulating'));
    await world.scene.plan(proposal, [renamed('second')]);
    await world.scene.as('worker', async (client) => {
      await move(client, proposal.id, 'simulating');
      await storeReads(client, world.scene.tenant, first.planId, { counters: {}, reads: [], queries: [] }, 1);
      const back = `UPDATE exequatur.proposal SET status = 'awaiting_approval', plan_id = $2, plan_digest = $3 WHERE id = $1`;
      await client.query(back, [proposal.id, first.planId, first.digest]);
      await tellPlan(client, proposal.id, first.digest);
    });
    await world.scene.approve(first);
    expect(await refusalOf(world.scene.execute(first))).toBe('XQ002');
    await world.scene.review(first, 'late');
    expect(await refusalOf(world.scene.execute(first))).toBe(passes);
  });

  it('is no agent, whether it says so in the review or only in the directory', async () => {
    const name = (await objectOf('ORD'))?.name as string;
    const planned = await world.scene.plan(await world.scene.propose('rename'), [
      { op: 'modify', type: 'airport', id: 'ORD', set: { name: 'seen' }, before: { name } },
    ]);
    expect(await refusalOf(world.scene.review(planned, 'agent', { kind: 'agent' }))).toBe('23514');
    await world.scene.as('api', (client) => addPrincipal(client, world.scene.tenant, 'agent-in-disguise', 'agent'));
    await world.scene.review(planned, 'agent-in-disguise');
    await world.scene.approve(planned);
    expect(await refusalOf(world.scene.execute(planned))).toBe('XQ002');
    await world.scene.review(planned, 'person');
    expect(await refusalOf(world.scene.execute(planned))).toBe(passes);
  });
});

describe('a revert', () => {
  it('goes by the action that it takes back: another action’s floor does not do', async () => {
    const create: Edit = { op: 'create', type: 'flight', id: 'r1', set: { origin: 'ORD', delay: 0 } };
    expect(await populate([create])).toBe(passes);
    const delay: Edit = { op: 'modify', type: 'flight', id: 'r1', set: { delay: 90 }, before: { delay: 0 } };
    const planned = await world.scene.plan(await world.scene.propose('delay', { parameters: { minutes: 90 } }), [delay]);
    await world.scene.review(planned, 'reviewer');
    await world.scene.approve(planned);
    const { executionId } = await world.scene.execute(planned);
    const back: Edit = { op: 'modify', type: 'flight', id: 'r1', set: { delay: 0 }, before: { delay: 90 } };
    const sly = await world.scene.plan(await world.scene.propose('populate', { revertOf: executionId }), [back]);
    await world.scene.approve(sly);
    expect(await refusalOf(world.scene.execute(sly))).toMatch(/^XQ00[34]$/);
    await world.scene.as('api', (client) => move(client, sly.id, 'withdrawn'));
    const right = await world.scene.plan(await world.scene.propose('delay', { revertOf: executionId, parameters: { minutes: 90 } }), [
      back,
    ]);
    await world.scene.review(right, 'reviewer');
    await world.scene.approve(right);
    expect(await refusalOf(world.scene.execute(right))).toBe(passes);
  });
});

describe('a revert of a revert', () => {
  const fill: Edit = { op: 'create', type: 'vault', id: 'vv', set: { content: 'gold' } };
  const empty: Edit = { op: 'delete', type: 'vault', id: 'vv', before: { content: 'gold' } };
  const revert = async (executionId: string, edit: Edit) => {
    const planned = await world.scene.plan(await world.scene.propose('fillVault', { revertOf: executionId }), [edit]);
    await world.scene.review(planned, 'reviewer');
    await world.scene.approve(planned);
    return (await world.scene.execute(planned)).executionId;
  };

  it('makes again what the action had made, though the action itself may only create', async () => {
    const { executionId } = await world.scene.carry('fillVault', [fill], ['reviewer']);
    const reverted = await revert(executionId, empty);
    expect(await objectOf('vv')).toBeUndefined();
    await revert(reverted, fill);
    expect(await objectOf('vv')).toEqual({ content: 'gold' });
  });
});

describe('a revert of what others have changed since', () => {
  const revert = async (executionId: string, edits: Edit[]) => {
    const planned = await world.scene.plan(await world.scene.propose('populate', { revertOf: executionId }), edits);
    await world.scene.approve(planned);
    const outcome = await refusalOf(world.scene.execute(planned));
    if (outcome !== passes) await world.scene.as('api', (client) => move(client, planned.id, 'withdrawn'));
    return outcome;
  };
  const delaying = (from: number, to: number): Edit => ({
    op: 'modify',
    type: 'flight',
    id: 'v1',
    set: { delay: to },
    before: { delay: from },
  });

  it('does not overwrite it, and goes through once the value is back', async () => {
    expect(await populate([{ op: 'create', type: 'flight', id: 'v1', set: { origin: 'ORD', delay: 0 } }])).toBe(passes);
    const { executionId } = await world.scene.carry('populate', [delaying(0, 10)]);
    expect(await populate([delaying(10, 20)])).toBe(passes);
    expect(await revert(executionId, [delaying(20, 0)])).toBe('XQ004');
    expect(await populate([delaying(20, 10)])).toBe(passes);
    expect(await revert(executionId, [delaying(10, 0)])).toBe(passes);
  });

  it('does not delete it', async () => {
    const { executionId } = await world.scene.carry('populate', [
      { op: 'create', type: 'flight', id: 'v2', set: { origin: 'ORD', delay: 0 } },
    ]);
    expect(await populate([{ op: 'modify', type: 'flight', id: 'v2', set: { delay: 5 }, before: { delay: 0 } }])).toBe(passes);
    expect(await revert(executionId, [{ op: 'delete', type: 'flight', id: 'v2', before: { origin: 'ORD', delay: 5 } }])).toBe('XQ004');
    expect(await populate([{ op: 'modify', type: 'flight', id: 'v2', set: { delay: 0 }, before: { delay: 5 } }])).toBe(passes);
    expect(await revert(executionId, [{ op: 'delete', type: 'flight', id: 'v2', before: { origin: 'ORD', delay: 0 } }])).toBe(passes);
  });
});

describe('reviews of one instant', () => {
  it('by one person count as the one that does not approve', async () => {
    const outcomes: string[] = [];
    for (let round = 0; round < 6; round++) {
      const name = (await objectOf('ORD'))?.name as string;
      const planned = await world.scene.plan(await world.scene.propose('rename'), [
        { op: 'modify', type: 'airport', id: 'ORD', set: { name: `${name}.` }, before: { name } },
      ]);
      const at = new Date();
      for (const decision of ['approve', 'reject'] as const) {
        const id = await world.scene.review(planned, 'hasty', { decision });
        await world.scene.as('superuser', async (client) => {
          await client.query('SET LOCAL session_replication_role = replica');
          await client.query('UPDATE exequatur.review SET created_at = $2 WHERE id = $1', [id, at]);
        });
      }
      await world.scene.approve(planned);
      outcomes.push(await refusalOf(world.scene.execute(planned)));
    }
    expect(outcomes).toEqual(outcomes.map(() => 'XQ002'));
  });
});
