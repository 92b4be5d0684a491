import { describe, expect, it } from 'vitest';
import type { Edit } from '../../ontology/plan.ts';
import { type Planned, untold } from './door-scene.ts';
import { doorWorld, passes } from './door-world.ts';

const world = doorWorld();
const { read, name, renaming, approved, execute } = world;

describe('the write surface', () => {
  it('refuses a small action’s plan that carries another action’s edits', async () => {
    const closing: Edit = { op: 'modify', type: 'airport', id: 'ATL', set: { status: 'closed' }, before: { status: 'open' } };
    const edits: Edit[] = [closing, await renaming()];
    expect(await execute(await approved(edits))).toBe('XQ004');
    const both: Edit = {
      op: 'modify',
      type: 'airport',
      id: 'ATL',
      set: { name: 'x', status: 'closed' },
      before: { name: await name('ATL'), status: 'open' },
    };
    expect(await execute(await approved([both]))).toBe('XQ004');
    const unsetting: Edit = { op: 'modify', type: 'airport', id: 'ATL', unset: ['status'], before: { status: 'open' } };
    expect(await execute(await approved([unsetting]))).toBe('XQ004');
    expect(await execute(await approved([{ op: 'delete', type: 'flight', id: 'f3', before: { origin: 'ATL', delay: 0 } }]))).toBe('XQ004');
    expect(await execute(await approved([{ op: 'create', type: 'airport', id: 'MDW', set: { name: 'Midway' } }]))).toBe('XQ004');
    expect(await execute(await approved([{ op: 'unlink', link: 'alternates', from: 'ORD', to: 'ATL' }]))).toBe('XQ004');
    expect(await execute(await approved([await renaming()]))).toBe(passes);
  });

  it('refuses more edits than the ceilings allow, in all and of one type', async () => {
    const delaying = (id: string): Edit => ({ op: 'modify', type: 'flight', id, set: { delay: 5 }, before: { delay: 0 } });
    const carry = async (ids: string[]) => {
      const planned = await world.scene.plan(await world.scene.propose('delay', { parameters: { minutes: 5 } }), ids.map(delaying));
      await world.scene.review(planned, 'reviewer');
      await world.scene.approve(planned);
      return execute(planned);
    };
    expect(await carry(['f1', 'f2', 'f3'])).toBe('XQ005');
    expect(await carry(['f1', 'f2'])).toBe(passes);
    await world.scene.carry(
      'populate',
      ['f1', 'f2'].map((id): Edit => ({ op: 'modify', type: 'flight', id, set: { delay: 0 }, before: { delay: 5 } })),
    );
  });
});

describe('the floor of approvals', () => {
  const closing = async (): Promise<Planned> => {
    const before = (await read('airport', 'ATL'))?.properties.status as string;
    const edit: Edit = {
      op: 'modify',
      type: 'airport',
      id: 'ATL',
      set: { status: before === 'open' ? 'closed' : 'open' },
      before: { status: before },
    };
    return world.scene.plan(await world.scene.propose('close'), [edit]);
  };
  const decide = async (planned: Planned) => {
    await world.scene.approve(planned);
    return execute(planned);
  };

  it('refuses one approval where two are needed, and takes two', async () => {
    const planned = await closing();
    await world.scene.review(planned, 'anna');
    expect(await decide(planned)).toBe('XQ002');
    await world.scene.review(planned, 'ben');
    expect(await execute(planned)).toBe(passes);
  });

  it.each([
    ['the same person twice', (planned: Planned) => world.scene.review(planned, 'anna')],
    ['the proposer', (planned: Planned) => world.scene.review(planned, 'proposer')],
    ['an approval of another digest', (planned: Planned) => world.scene.review(planned, 'ben', { digest: `sha256:${'2'.repeat(64)}` })],
    ['a service', (planned: Planned) => world.scene.review(planned, 'robot', { kind: 'service' })],
    [
      'an approval that was taken back',
      async (planned: Planned) => {
        await world.scene.review(planned, 'carla');
        await world.scene.review(planned, 'carla', { decision: 'reject' });
      },
    ],
    [
      'somebody disabled since',
      async (planned: Planned) => {
        await world.scene.review(planned, 'gone');
        await untold(world.scene, "UPDATE exequatur.principal SET disabled = true WHERE id = 'gone'");
      },
    ],
  ])('does not count %s', async (_what, more) => {
    const planned = await closing();
    await world.scene.review(planned, 'anna');
    await more(planned);
    expect(await decide(planned)).toBe('XQ002');
    await world.scene.review(planned, 'dora');
    expect(await execute(planned)).toBe(passes);
  });

  it('is none where policy alone approves, and only within its ceilings', async () => {
    const delaying = async (minutes: unknown, ids: string[]) => {
      const edits = ids.map((id): Edit => ({ op: 'modify', type: 'flight', id, set: { delay: 1 }, before: { delay: 0 } }));
      return decide(await world.scene.plan(await world.scene.propose('delay', { parameters: { minutes } }), edits));
    };
    expect(await delaying(31, ['f3'])).toBe('XQ002');
    expect(await delaying('thirty', ['f3'])).toBe('XQ002');
    expect(await delaying(null, ['f3'])).toBe('XQ002');
    expect(await delaying(30, ['f1', 'f3'])).toBe('XQ002');
    expect(await delaying(30, ['f3'])).toBe(passes);
  });

  it('is the highest of anything touched: a type may ask for a person where its action asks for none', async () => {
    const filling = await world.scene.plan(await world.scene.propose('fillVault'), [
      { op: 'create', type: 'vault', id: 'v', set: { content: 'gold' } },
    ]);
    expect(await decide(filling)).toBe('XQ002');
    await world.scene.review(filling, 'anna');
    expect(await execute(filling)).toBe(passes);
  });
});

describe('before values', () => {
  it('that are not what the rows hold are refused', async () => {
    const right = await renaming();
    const withBefore = (before: Record<string, never> | Record<string, string>): Edit => ({ ...right, before }) as Edit;
    expect(await execute(await approved([withBefore({ name: 'something else' })]))).toBe('XQ007');
    expect(await execute(await approved([withBefore({})]))).toBe('XQ007');
    expect(await execute(await approved([withBefore({ name: await name(), status: 'open' })]))).toMatch(/^XQ00[37]$/);
    expect(await execute(await approved([{ ...right, id: 'XXX' } as Edit]))).toBe('XQ007');
    expect(await execute(await approved([right]))).toBe(passes);
  });

  it('of lists are compared whole, in order', async () => {
    const close = async (before: string[]) => {
      const planned = await world.scene.plan(await world.scene.propose('close'), [
        { op: 'modify', type: 'airport', id: 'ORD', set: { closedBy: ['fog'] }, before: { closedBy: before } },
      ]);
      for (const reviewer of ['anna', 'ben']) await world.scene.review(planned, reviewer);
      await world.scene.approve(planned);
      return execute(planned);
    };
    expect(await close(['fog'])).toBe('XQ007');
    expect(await close(['ice', 'fog'])).toBe('XQ007');
    expect(await close(['fog', 'ice'])).toBe(passes);
  });
});

describe('a version of an action type', () => {
  it('that is no longer in force executes nothing, unless it and every later one keep what waits', async () => {
    const retire = (sql: string) => world.scene.as('superuser', (client) => client.query(sql));
    const planned = await approved([await renaming()]);
    await retire(`UPDATE exequatur.action_type SET retired = true WHERE name = 'rename'`);
    expect(await execute(planned)).toBe('XQ017');
    await retire(`UPDATE exequatur.action_type SET retired = false WHERE name = 'rename'`);
    const stricter = await approved([await renaming()]);
    await retire(`INSERT INTO exequatur.action_type_version SELECT v.tenant_id, v.name, 2, v.ontology_version, v.definition, 'sha256:other', v.surface, v.floors, v.ceilings, v.created_at
                    FROM exequatur.action_type_version v WHERE v.name = 'rename'`);
    await retire(`UPDATE exequatur.action_type SET current_version = 2 WHERE name = 'rename'`);
    expect(await execute(stricter)).toBe('XQ017');
    await retire(`UPDATE exequatur.action_type SET current_version = 1 WHERE name = 'rename'`);
    expect(await execute(stricter)).toBe(passes);
  });
});
