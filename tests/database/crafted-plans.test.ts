import { describe, expect, it } from 'vitest';
import type { Edit } from '../../ontology/plan.ts';
import { refusalOf } from './door-scene.ts';
import { passes } from './door-world.ts';
import { twoAirports } from './two-airports.ts';

/** Plans that no evaluator makes, with a digest that is truly theirs and with every approval: what a worker in wrong hands could store and people could be led to approve. */
const world = twoAirports();

async function populate(edits: readonly unknown[]): Promise<string> {
  const planned = await world.scene.plan(await world.scene.propose('populate'), edits as Edit[]);
  await world.scene.approve(planned);
  return refusalOf(world.scene.execute(planned));
}

async function rename(edits: readonly unknown[]): Promise<string> {
  const planned = await world.scene.plan(await world.scene.propose('rename'), edits as Edit[]);
  await world.scene.review(planned, 'reviewer');
  await world.scene.approve(planned);
  return refusalOf(world.scene.execute(planned));
}

const indexRows = async (id: string) =>
  (
    await world.scene.as('api', (client) =>
      client.query('SELECT property, key FROM exequatur.object_index WHERE object_id = $1 ORDER BY 1', [id]),
    )
  ).rows;
const objectOf = async (id: string) =>
  (
    await world.scene.as('api', (client) =>
      client.query<{ properties: Record<string, unknown> }>('SELECT properties FROM exequatur.object WHERE id = $1 AND alive', [id]),
    )
  ).rows[0]?.properties;

describe('one object in two edits', () => {
  const created = (id: string): Edit => ({ op: 'create', type: 'flight', id, set: { origin: 'ATL', delay: 0 } });
  const deleted = (id: string): Edit => ({ op: 'delete', type: 'flight', id, before: { origin: 'ATL', delay: 0 } });

  it('created and deleted at once is refused: its index rows would outlive it', async () => {
    expect(await populate([created('d1'), deleted('d1')])).toBe('XQ003');
    expect(await indexRows('d1')).toEqual([]);
    expect(await populate([created('d1')])).toBe(passes);
  });

  it('changed and deleted, or deleted and created again, is refused', async () => {
    const delayed: Edit = { op: 'modify', type: 'flight', id: 'd1', set: { delay: 7 }, before: { delay: 0 } };
    const gone: Edit = { op: 'delete', type: 'flight', id: 'd1', before: { origin: 'ATL', delay: 7 } };
    expect(await populate([delayed, gone])).toBe('XQ003');
    expect(await populate([deleted('d1'), created('d1')])).toBe('XQ003');
    expect(await populate([deleted('d1')])).toBe(passes);
    expect(await indexRows('d1')).toEqual([]);
  });

  it('of different types under one id passes', async () => {
    expect(await populate([{ op: 'create', type: 'airport', id: 'd2', set: {} }, created('d2')])).toBe(passes);
    expect(await populate([{ op: 'delete', type: 'airport', id: 'd2', before: {} }, deleted('d2')])).toBe(passes);
  });
});

describe('an edit that says more than its kind', () => {
  const set = { origin: 'ORD', delay: 1 };

  it('leaves no index rows of what it deletes', async () => {
    expect(await populate([{ op: 'create', type: 'flight', id: 'x1', set }])).toBe(passes);
    const outcome = await populate([{ op: 'delete', type: 'flight', id: 'x1', set: { origin: 'ATL', twin: 'f1' }, before: set }]);
    if (outcome !== 'XQ003') expect([outcome, await indexRows('x1')]).toEqual([passes, []]);
    expect(await populate([{ op: 'delete', type: 'flight', id: 'x1', before: set }])).toBe(outcome === passes ? 'XQ007' : passes);
    expect(await indexRows('x1')).toEqual([]);
  });

  it('is a link of the link type that its readers see', async () => {
    expect(await populate([{ op: 'link', link: 'no-such-link', type: 'alternates', from: 'ORD', to: 'ATL' }])).toMatch(/^XQ00[34]$/);
    expect(await populate([{ op: 'create', link: 'flight', type: 'airport', id: 'x2', set: {} }])).toMatch(/^(XQ003|none)$/);
    expect(await populate([{ op: 'link', link: 'alternates', from: 'ORD', to: 'ATL' }])).toBe(passes);
  });

  it('neither sets and unsets one property, nor touches none', async () => {
    const name = (await objectOf('ORD'))?.name;
    const edit = { op: 'modify', type: 'airport', id: 'ORD', before: { name } };
    expect(await rename([{ ...edit, set: { name: 'a' }, unset: ['name'] }])).toBe('XQ003');
    expect(await rename([{ ...edit, unset: ['name', 'name'] }])).toBe('XQ003');
    expect(await rename([{ op: 'modify', type: 'airport', id: 'ORD', set: {}, before: {} }])).toBe('XQ003');
    expect(await rename([{ ...edit, unset: '{name}' }])).toBe('XQ003');
    expect(await rename([{ ...edit, set: { name: 'a' } }])).toBe(passes);
  });

  it.each([
    ['no id', { op: 'create', type: 'airport', set: {} }],
    ['an empty id', { op: 'create', type: 'airport', id: '', set: {} }],
    ['an id that is too long', { op: 'create', type: 'airport', id: 'i'.repeat(257), set: {} }],
    ['an id of two lines', { op: 'create', type: 'airport', id: 'a\nb', set: {} }],
    ['a list where properties belong', { op: 'create', type: 'airport', id: 'l', set: [] }],
    ['a text where properties belong', { op: 'delete', type: 'airport', id: 'ORD', before: 'all' }],
  ])('with %s is refused as a plan that was tampered with, not as a fault of the database', async (_what, edit) => {
    expect(await populate([edit])).toMatch(/^XQ00[37]$/);
  });
});

describe('references', () => {
  it('hold what they refer to, however long its id', async () => {
    const [long, other] = [`${'é'.repeat(255)}1`, `${'é'.repeat(255)}2`];
    expect(await populate([long, other].map((id) => ({ op: 'create', type: 'airport', id, set: {} })))).toBe(passes);
    expect(await populate([{ op: 'create', type: 'flight', id: 'far', set: { origin: long, delay: 0 } }])).toBe(passes);
    expect(await populate([{ op: 'delete', type: 'airport', id: long, before: {} }])).toBe('XQ008');
    expect(await populate([{ op: 'delete', type: 'airport', id: other, before: {} }])).toBe(passes);
  });

  it('are unique by the whole id, not by its beginning', async () => {
    const [one, two] = [`${'𝄞'.repeat(255)}1`, `${'𝄞'.repeat(255)}2`];
    const flight = (id: string, twin?: string): Edit => ({
      op: 'create',
      type: 'flight',
      id,
      set: { origin: 'ORD', delay: 0, ...(twin === undefined ? {} : { twin }) },
    });
    expect(await populate([flight(one), flight(two), flight('u1', one), flight('u2', two)])).toBe(passes);
    expect(await populate([flight('u3', two)])).toBe('XQ010');
  });
});
