import { describe, expect, it } from 'vitest';
import type { Edit } from '../../ontology/plan.ts';
import { move, refusalOf } from './door-scene.ts';
import { doorWorld, passes } from './door-world.ts';

const world = doorWorld();
const { read, name, stateHash, renaming, execute } = world;

describe('references', () => {
  const populate = async (edits: Edit[]) => {
    const planned = await world.scene.plan(await world.scene.propose('populate'), edits);
    await world.scene.approve(planned);
    return execute(planned);
  };

  it('lead to objects that exist after the plan', async () => {
    const flight = (id: string, origin: string): Edit => ({ op: 'create', type: 'flight', id, set: { origin, delay: 0 } });
    expect(await populate([flight('r1', 'NOWHERE')])).toBe('XQ008');
    expect(await populate([{ op: 'create', type: 'airport', id: 'NEW', set: {} }, flight('r1', 'NEW')])).toBe(passes);
    expect(await populate([{ op: 'delete', type: 'airport', id: 'NEW', before: {} }])).toBe('XQ008');
    const both: Edit[] = [
      { op: 'delete', type: 'airport', id: 'NEW', before: {} },
      { op: 'delete', type: 'flight', id: 'r1', before: { origin: 'NEW', delay: 0 } },
    ];
    expect(await populate(both)).toBe(passes);
  });

  it('and links hold what they join', async () => {
    expect(await populate([{ op: 'link', link: 'alternates', from: 'ORD', to: 'NOWHERE' }])).toMatch(/^(XQ008|23503)$/);
    expect(
      await populate([
        { op: 'create', type: 'airport', id: 'SPI', set: {} },
        { op: 'link', link: 'alternates', from: 'SPI', to: 'ORD' },
      ]),
    ).toBe(passes);
    expect(await populate([{ op: 'delete', type: 'airport', id: 'SPI', before: {} }])).toBe('XQ008');
    expect(await populate([{ op: 'link', link: 'alternates', from: 'SPI', to: 'ORD' }])).toBe('XQ007');
    expect(await populate([{ op: 'unlink', link: 'alternates', from: 'ORD', to: 'SPI' }])).toBe('XQ007');
    expect(
      await populate([
        { op: 'delete', type: 'airport', id: 'SPI', before: {} },
        { op: 'unlink', link: 'alternates', from: 'SPI', to: 'ORD' },
      ]),
    ).toBe(passes);
  });

  it('of a one-to-one link are held by one object, and may change hands within a plan', async () => {
    const create = (id: string, twin?: string): Edit => ({
      op: 'create',
      type: 'flight',
      id,
      set: { origin: 'ORD', delay: 0, ...(twin === undefined ? {} : { twin }) },
    });
    expect(await populate([create('t1'), create('t2', 't1'), create('t3')])).toBe(passes);
    expect(await populate([{ op: 'modify', type: 'flight', id: 't3', set: { twin: 't1' }, before: {} }])).toBe('XQ010');
    const swap: Edit[] = [
      { op: 'modify', type: 'flight', id: 't2', unset: ['twin'], before: { twin: 't1' } },
      { op: 'modify', type: 'flight', id: 't3', set: { twin: 't1' }, before: {} },
    ];
    expect(await populate(swap)).toBe(passes);
    const gone = ['t1', 't2', 't3'].map(
      (id): Edit => ({ op: 'delete', type: 'flight', id, before: { origin: 'ORD', delay: 0, ...(id === 't3' ? { twin: 't1' } : {}) } }),
    );
    expect(await populate(gone)).toBe(passes);
  });
});

describe('versions, history and index', () => {
  it('never restart, not even after delete and re-create, and property versions with them', async () => {
    const populate = (edits: Edit[]) => world.scene.carry('populate', edits);
    await populate([{ op: 'create', type: 'airport', id: 'V', set: { name: 'a', status: 'open' } }]);
    await populate([{ op: 'delete', type: 'airport', id: 'V', before: { name: 'a', status: 'open' } }]);
    expect(await read('airport', 'V')).toMatchObject({ version: 2, alive: false });
    await populate([{ op: 'create', type: 'airport', id: 'V', set: { name: 'b' } }]);
    expect(await read('airport', 'V')).toEqual({ version: 3, alive: true, properties: { name: 'b' } });
    const { rows } = await world.scene.as('api', (client) =>
      client.query(
        `SELECT h.version::int, h.op, h.before, h.set FROM exequatur.object_history h WHERE h.type = 'airport' AND h.object_id = 'V' ORDER BY h.version`,
      ),
    );
    expect(rows.map(({ version, op }) => [version, op])).toEqual([
      [1, 'create'],
      [2, 'delete'],
      [3, 'create'],
    ]);
    expect(rows[1].before).toEqual({ name: 'a', status: 'open' });
    expect(rows[2].set).toEqual({ name: 'b' });
    await populate([{ op: 'delete', type: 'airport', id: 'V', before: { name: 'b' } }]);
  });

  it('the index holds exactly what a rebuild of it would hold', async () => {
    const index = async () =>
      (
        await world.scene.as('api', (client) =>
          client.query('SELECT type, property, key, object_id FROM exequatur.object_index ORDER BY type, property, key, object_id'),
        )
      ).rows;
    const kept = await index();
    expect(kept.length).toBeGreaterThan(5);
    await world.scene.as('api', (client) => client.query("SELECT exequatur.reindex('airport'), exequatur.reindex('flight')"));
    expect(await index()).toEqual(kept);
  });
});

describe('a revert', () => {
  const revertOf = async (executionId: string, edits: Edit[]) => {
    const planned = await world.scene.plan(await world.scene.propose('rename', { revertOf: executionId }), edits);
    await world.scene.review(planned, 'reviewer');
    await world.scene.approve(planned);
    const outcome = await execute(planned);
    if (outcome !== passes) await world.scene.as('api', (client) => move(client, planned.id, 'withdrawn'));
    return outcome;
  };

  it('restores before-images of its execution and can do nothing else, and the state is what it was to the byte', async () => {
    const before = await stateHash();
    const [from, other] = [await name(), await name('ATL')];
    const { executionId } = await world.scene.carry(
      'rename',
      [{ op: 'modify', type: 'airport', id: 'ORD', set: { name: 'renamed' }, before: { name: from } }],
      ['reviewer'],
    );
    expect(
      await revertOf(executionId, [{ op: 'modify', type: 'airport', id: 'ORD', set: { name: 'a third' }, before: { name: 'renamed' } }]),
    ).toBe('XQ004');
    expect(await revertOf(executionId, [{ op: 'modify', type: 'airport', id: 'ORD', unset: ['name'], before: { name: 'renamed' } }])).toBe(
      'XQ004',
    );
    expect(
      await revertOf(executionId, [{ op: 'modify', type: 'airport', id: 'ATL', set: { name: 'renamed' }, before: { name: other } }]),
    ).toBe('XQ004');
    expect(await revertOf(executionId, [{ op: 'delete', type: 'flight', id: 'f3', before: { origin: 'ATL', delay: 1 } }])).toBe('XQ004');
    expect(await stateHash()).not.toBe(before);
    expect(
      await revertOf(executionId, [{ op: 'modify', type: 'airport', id: 'ORD', set: { name: from }, before: { name: 'renamed' } }]),
    ).toBe(passes);
    expect(await stateHash()).toBe(before);
  });

  it('is open at most once for one execution', async () => {
    const { executionId } = await world.scene.carry('rename', [await renaming()], ['reviewer']);
    await world.scene.propose('rename', { revertOf: executionId });
    expect(await refusalOf(world.scene.propose('rename', { revertOf: executionId }))).toBe('23505');
  });
});
