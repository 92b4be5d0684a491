import { afterAll, beforeAll } from 'vitest';
import type { Edit } from '../../ontology/plan.ts';
import { openScene, type Planned, refusalOf, type Scene } from './door-scene.ts';

/** What a promise that is not refused is said to be refused with. Each attack stands beside the same call done rightly, so that nothing else is in the way. */
export const passes = 'none';

interface Row {
  version: number;
  alive: boolean;
  properties: Record<string, unknown>;
}

/** A scene with two airports, three flights and a link, for the tests of one file. */
export function doorWorld() {
  let opened: Scene | undefined;
  const world = {
    get scene(): Scene {
      if (opened === undefined) throw new Error('the scene opens before the first test');
      return opened;
    },
  };
  beforeAll(async () => {
    opened = await openScene();
    await opened.carry('populate', [
      { op: 'create', type: 'airport', id: 'ATL', set: { name: 'Atlanta', status: 'open' } },
      { op: 'create', type: 'airport', id: 'ORD', set: { name: "O'Hare", status: 'open', closedBy: ['fog', 'ice'] } },
      { op: 'create', type: 'flight', id: 'f1', set: { origin: 'ORD', delay: 0 } },
      { op: 'create', type: 'flight', id: 'f2', set: { origin: 'ORD', delay: 0 } },
      { op: 'create', type: 'flight', id: 'f3', set: { origin: 'ATL', delay: 0 } },
      { op: 'link', link: 'alternates', from: 'ORD', to: 'ATL' },
    ]);
  });
  afterAll(() => opened?.close());

  async function read(type: string, id: string): Promise<Row | undefined> {
    const { rows } = await world.scene.as('api', (client) =>
      client.query<Row>('SELECT version::int, alive, properties FROM exequatur.object WHERE type = $1 AND id = $2', [type, id]),
    );
    return rows[0];
  }
  const name = async (id = 'ORD') => (await read('airport', id))?.properties.name as string;
  const stateHash = async () =>
    (await world.scene.as('api', (client) => client.query<{ hash: string }>('SELECT exequatur.state_hash() AS hash'))).rows[0]?.hash;

  let counter = 0;
  /** An edit of ORD's name from what it is to something new. */
  async function renaming(id = 'ORD'): Promise<Edit> {
    counter++;
    return { op: 'modify', type: 'airport', id, set: { name: `name ${counter}` }, before: { name: await name(id) } };
  }

  async function approved(edits: readonly Edit[], options: Parameters<Scene['plan']>[2] = {}): Promise<Planned> {
    const planned = await world.scene.plan(await world.scene.propose('rename'), edits, options);
    await world.scene.review(planned, 'reviewer');
    await world.scene.approve(planned);
    return planned;
  }

  const execute = (planned: Planned, executionId?: string) => refusalOf(world.scene.execute(planned, executionId));
  /** What refuses it, wherever on the way: some plans are refused before anybody is asked to approve them. */
  const outcomeOf = (edits: readonly Edit[], options: Parameters<Scene['plan']>[2]) =>
    refusalOf(approved(edits, options).then((planned) => world.scene.execute(planned)));
  const bytesOf = async (planned: Planned) =>
    (
      await world.scene.as('worker', (client) =>
        client.query<{ bytes: Buffer }>('SELECT bytes FROM exequatur.plan_chunk WHERE plan_id = $1 ORDER BY ordinal', [planned.planId]),
      )
    ).rows.map((row) => row.bytes);

  return Object.assign(world, { read, name, stateHash, renaming, approved, execute, outcomeOf, bytesOf });
}
