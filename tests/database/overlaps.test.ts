import { createHash, randomUUID } from 'node:crypto';
import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import type { Edit, ReadSet } from '../../ontology/plan.ts';
import { lockWaits } from '../support/lock-waits.ts';
import { apply, begin, move, type Planned, refusalOf, tell } from './door-scene.ts';
import { passes } from './door-world.ts';
import { twoAirports } from './two-airports.ts';

/** Two transactions at once. Who waits for whom is read from pg_locks, never guessed from time. */
const world = twoAirports();

async function property(type: string, id: string, name: string): Promise<unknown> {
  const { rows } = await world.scene.as('api', (client) =>
    client.query('SELECT properties -> $3 AS value FROM exequatur.object WHERE type = $1 AND id = $2', [type, id, name]),
  );
  return rows[0]?.value;
}

async function approved(action: 'rename' | 'populate', edits: readonly Edit[], readSet?: ReadSet): Promise<Planned> {
  const planned = await world.scene.plan(await world.scene.propose(action), edits, readSet === undefined ? {} : { readSet });
  if (action === 'rename') await world.scene.review(planned, 'reviewer');
  await world.scene.approve(planned);
  return planned;
}

let counter = 0;
async function renaming(id = 'ORD'): Promise<Edit> {
  counter++;
  return {
    op: 'modify',
    type: 'airport',
    id,
    set: { name: `name ${counter}` },
    before: { name: (await property('airport', id, 'name')) as string },
  };
}

/** Resolves once a transaction of this database waits for another's lock. */
async function somebodyWaits(): Promise<void> {
  await expect.poll(() => world.scene.as('superuser', (client) => lockWaits(client)), { interval: 10 }).not.toEqual([]);
}

/** Runs `first` up to its end, starts `second`, and commits `first` only when `second` waits for it. */
async function overlapping(
  first: (client: pg.PoolClient) => Promise<unknown>,
  second: (client: pg.PoolClient) => Promise<unknown>,
): Promise<[string, string]> {
  let arrived = () => {};
  const ready = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  let late: Promise<string> = Promise.resolve('never');
  const early = refusalOf(
    world.scene.as('worker', async (client) => {
      await first(client);
      arrived();
      await somebodyWaits();
    }),
  );
  await ready;
  late = refusalOf(world.scene.as('worker', second));
  return [await early, await late];
}

const carryOut =
  (planned: Planned, executionId = randomUUID()) =>
  async (client: pg.PoolClient) =>
    apply(client, planned, executionId, [await begin(client, planned, executionId)]);

describe('two workers with one plan', () => {
  it('at one instant come to one effect: the second gets the first’s outcome', async () => {
    const planned = await approved('rename', [await renaming()]);
    const executionId = randomUUID();
    await world.scene.as('worker', async (client) => tell(client, await begin(client, planned, executionId)));
    const outcomes = await Promise.all(
      Array.from({ length: 6 }, () => world.scene.as('worker', (client) => apply(client, planned, executionId))),
    );
    expect(outcomes.filter(({ repeated }) => !repeated)).toHaveLength(1);
    expect(new Set(outcomes.map((outcome) => JSON.stringify({ ...outcome, repeated: true }))).size).toBe(1);
    const { rows } = await world.scene.as('api', (client) =>
      client.query(
        `SELECT (SELECT count(*)::int FROM exequatur.object_history WHERE execution_id = $1) AS history, (SELECT count(*)::int FROM exequatur.execution WHERE proposal_id = $2) AS executions,
                (SELECT count(*)::int FROM exequatur.audit_entry WHERE proposal_id = $2 AND type = 'proposal.executed') AS audit`,
        [executionId, planned.id],
      ),
    );
    expect(rows).toEqual([{ history: 1, executions: 1, audit: 1 }]);
  });

  it('and two executions come to one: the other is refused', async () => {
    const planned = await approved('rename', [await renaming()]);
    await world.scene.as('worker', async (client) => tell(client, await begin(client, planned, randomUUID())));
    const run = (client: pg.PoolClient) => apply(client, planned, randomUUID());
    expect(await overlapping(run, run)).toEqual([passes, 'XQ009']);
  });

  it('an execution’s id serves one proposal', async () => {
    const [one, two] = [await approved('rename', [await renaming()]), await approved('rename', [await renaming('ATL')])];
    const executionId = randomUUID();
    expect(await refusalOf(world.scene.execute(one, executionId))).toBe(passes);
    expect(await refusalOf(world.scene.execute(two, executionId))).toBe('23505');
    expect(await refusalOf(world.scene.execute(two))).toBe(passes);
  });
});

describe('a transaction opened before', () => {
  it('the time ran out does not execute after it', async () => {
    const planned = await world.scene.plan(await world.scene.propose('rename', { expiresInMs: 60_000 }), [await renaming()]);
    await world.scene.review(planned, 'reviewer');
    await world.scene.approve(planned);
    const held = world.scene.as('worker', async (client) => {
      await client.query('SELECT now()');
      await world.scene.db.advanceClock(180_000); // And with it what an approved proposal is given beyond its time.
      await carryOut(planned)(client);
    });
    expect(await refusalOf(held)).toBe('XQ006');
  });

  it('a withdrawal that waits for an execution finds it done', async () => {
    const planned = await approved('rename', [await renaming()]);
    expect(await overlapping(carryOut(planned), (client) => move(client, planned.id, 'withdrawn'))).toEqual([passes, 'XQ006']);
  });
});

describe('phantoms', () => {
  const idsHash = (ids: string[]) => createHash('sha256').update(ids.join('\n')).digest('hex');
  const counters = async (types: string[]) => {
    const { rows } = await world.scene.as('api', (client) =>
      client.query<{ type: string; counter: number }>('SELECT type, counter::int FROM exequatur.type_state WHERE type = ANY ($1)', [types]),
    );
    return Object.fromEntries(rows.map((row) => [row.type, row.counter]));
  };
  const selecting = async (
    type: string,
    where: ReadSet['queries'][number] extends infer Q ? (Q extends { where: infer W } ? W : never) : never,
    found: string[],
  ): Promise<ReadSet> => ({
    counters: await counters([type]),
    reads: [],
    queries: [{ kind: 'objects', type, where, found: idsHash(found) }],
  });

  it('do not slip in between two executions of which each selects what the other makes: the later is refused', async () => {
    const late = await approved(
      'populate',
      [{ op: 'create', type: 'flight', id: 'p1', set: { origin: 'ATL', delay: 0 } }],
      await selecting('airport', { property: 'status', op: 'eq', value: 'new' }, []),
    );
    const maker = await approved(
      'populate',
      [{ op: 'create', type: 'airport', id: 'NEW', set: { status: 'new' } }],
      await selecting('flight', { property: 'origin', op: 'eq', value: 'ATL' }, []),
    );
    expect(await overlapping(carryOut(maker), carryOut(late))).toEqual([passes, 'XQ001']);
    expect(await property('flight', 'p1', 'origin')).toBeUndefined();
  });

  it('nor the other way round, without a deadlock', async () => {
    const first = await approved(
      'populate',
      [{ op: 'create', type: 'flight', id: 'p2', set: { origin: 'ATL', delay: 0 } }],
      await selecting('airport', { property: 'status', op: 'eq', value: 'newer' }, []),
    );
    const second = await approved(
      'populate',
      [{ op: 'create', type: 'airport', id: 'NEWER', set: { status: 'newer' } }],
      await selecting('flight', { property: 'origin', op: 'eq', value: 'ATL' }, []),
    );
    expect(await overlapping(carryOut(first), carryOut(second))).toEqual([passes, 'XQ001']);
  });

  it('that change what a query selects no longer count as much as those that join it', async () => {
    const reader = await approved(
      'rename',
      [await renaming()],
      await selecting('flight', { property: 'delay', op: 'eq', value: 0 }, ['f1', 'p2']),
    );
    const changer = await approved('populate', [{ op: 'modify', type: 'flight', id: 'f1', set: { delay: 3 }, before: { delay: 0 } }]);
    expect(await overlapping(carryOut(changer), carryOut(reader))).toEqual([passes, 'XQ001']);
  });

  it('that a query does not select let both through', async () => {
    const reader = await approved('rename', [await renaming()], await selecting('flight', { property: 'delay', op: 'eq', value: 99 }, []));
    const changer = await approved('populate', [{ op: 'modify', type: 'flight', id: 'f1', set: { delay: 0 }, before: { delay: 3 } }]);
    expect(await overlapping(carryOut(changer), carryOut(reader))).toEqual([passes, passes]);
  });

  it('are seen although the read set left the type’s counter out', async () => {
    const { queries } = await selecting('flight', { property: 'delay', op: 'eq', value: 4 }, []);
    const reader = await approved('rename', [await renaming()], { counters: {}, reads: [], queries });
    const changer = await approved('populate', [{ op: 'modify', type: 'flight', id: 'f1', set: { delay: 4 }, before: { delay: 0 } }]);
    expect(await overlapping(carryOut(changer), carryOut(reader))).toEqual([passes, 'XQ001']);
  });
});

describe('two executions at once', () => {
  it('that write one object leave one: the other’s before-values no longer hold', async () => {
    const edit = await renaming();
    const [one, two] = [await approved('rename', [edit]), await approved('rename', [{ ...edit, set: { name: 'mine' } } as Edit])];
    expect(await overlapping(carryOut(one), carryOut(two))).toEqual([passes, 'XQ007']);
  });

  it('never leave a reference to what the other deletes', async () => {
    await world.scene.carry('populate', [
      { op: 'create', type: 'airport', id: 'GONE', set: {} },
      { op: 'create', type: 'airport', id: 'STAYS', set: {} },
    ]);
    const remove = (id: string): Promise<Planned> => approved('populate', [{ op: 'delete', type: 'airport', id, before: {} }]);
    const refer = (id: string, to: string): Promise<Planned> =>
      approved('populate', [{ op: 'create', type: 'flight', id, set: { origin: to, delay: 0 } }]);
    const [removal, referral] = [await remove('GONE'), await refer('to-gone', 'GONE')];
    expect(await overlapping(carryOut(removal), carryOut(referral))).toEqual([passes, 'XQ008']);
    const [other, before] = [await remove('STAYS'), await refer('to-stays', 'STAYS')];
    expect(await overlapping(carryOut(before), carryOut(other))).toEqual([passes, 'XQ008']);
  });

  it('never leave a link to what the other deletes, nor one value twice where it is to be unique', async () => {
    await world.scene.carry('populate', [{ op: 'create', type: 'airport', id: 'L', set: {} }]);
    const link = await approved('populate', [{ op: 'link', link: 'alternates', from: 'ORD', to: 'L' }]);
    const removal = await approved('populate', [{ op: 'delete', type: 'airport', id: 'L', before: {} }]);
    expect(await overlapping(carryOut(removal), carryOut(link))).toEqual([passes, 'XQ008']);
    const twin = (id: string) => approved('populate', [{ op: 'create', type: 'flight', id, set: { origin: 'ORD', delay: 0, twin: 'f1' } }]);
    const [one, two] = [await twin('twin1'), await twin('twin2')];
    expect(await overlapping(carryOut(one), carryOut(two))).toEqual([passes, 'XQ010']);
  });
});
