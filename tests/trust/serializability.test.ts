// What commits at the same time equals some serial order, on clones from tests/support/database.ts.
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../ontology/json.ts';
import { getObject } from '../../store/read-object.ts';
import { shareDatabase } from '../store/fixture.ts';
import { allOf, leavers, mirrors, pairsOntology, prepared, referrers } from './pairs.ts';
import { Dice } from './random-numbers.ts';
import { firstActions, randomAction, randomOntology } from './random-world.ts';
import { times } from './times.ts';
import { World } from './world.ts';

const seed = Number(process.env.EXEQUATUR_SEED ?? 1);

async function inWorld(document: JsonValue, work: (world: World) => Promise<void>): Promise<void> {
  const world = await World.open(document);
  try {
    await work(world);
  } finally {
    await world.close();
  }
}

describe(`random actions at once (EXEQUATUR_SEED=${seed})`, () => {
  shareDatabase();
  it.each(Array.from({ length: 2 * times }, (_, at) => at))(
    'come to what they would come to one after another, in world %i',
    async (offset) => {
      const dice = new Dice(seed + offset);
      await inWorld(randomOntology(dice), async (world) => {
        await world.allAtOnce(firstActions());
        for (let round = 0; round < 4; round++) {
          await world.allAtOnce(Array.from({ length: 30 }, () => randomAction(dice)));
          expect(await world.differences(), `EXEQUATUR_SEED=${seed + offset}, round ${round}`).toEqual([]);
        }
        // Whatever the others did is found out before the database has to refuse it.
        expect(Object.keys(world.ends).sort()).toEqual(['executed', 'invalid']);
        expect(world.stale).toBeGreaterThan(0);
      });
    },
  );
});

describe('two at once of which each reads what the other writes', () => {
  shareDatabase();
  it.each([
    ['select what the other creates', mirrors, { executed: 2 }],
    ['ask of the object that the other changes', leavers, { executed: 1, invalid: 1 }],
    ['refer to what the other deletes', referrers, { executed: 1, invalid: 1 }],
  ])('come one after the other where they %s, and only the second is planned anew', async (_, pair, ends) => {
    await inWorld(pairsOntology, async (world) => {
      const [rounds, pairs] = [2, 8];
      for (let round = 0; round < rounds; round++) {
        await world.allAtOnce(prepared(round, pairs));
        await world.allAtOnce(allOf(pair, round, pairs));
      }
      expect(await world.differences()).toEqual([]);
      expect(world.stale).toBe(rounds * pairs);
      const created = 2 * rounds * pairs;
      expect(world.ends).toEqual(
        Object.fromEntries(Object.entries(ends).map(([end, n]) => [end, n * rounds * pairs + (end === 'executed' ? created : 0)])),
      );
    });
  });

  // The last on their database, whose locks it takes away.
  it('are found out by this very test where executions do not lock the types that they read', async () => {
    await inWorld(pairsOntology, async (world) => {
      await withoutTypeLocks(world);
      let found: string[] = [];
      for (let round = 0; round < 20 && found.length === 0; round++) {
        await world.allAtOnce(prepared(round, 8));
        await world.allAtOnce(allOf(mirrors, round, 8));
        found = await world.differences();
      }
      expect(found.length).toBeGreaterThan(0);
    });
  });
});

/** Takes away what keeps phantoms out, in this world's database. */
async function withoutTypeLocks(world: World): Promise<void> {
  const client = new pg.Client({ connectionString: world.fixture.database.urls.superuser });
  await client.connect();
  await client.query(`DO $$ BEGIN EXECUTE (
    SELECT format('CREATE OR REPLACE FUNCTION exequatur.lock_types(%s) RETURNS void LANGUAGE plpgsql AS ''BEGIN END''', pg_get_function_identity_arguments(f.oid))
      FROM pg_proc f WHERE f.pronamespace = 'exequatur'::regnamespace AND f.proname = 'lock_types'); END $$`);
  await client.end();
}

describe('actions on different properties of one object', () => {
  const properties = Array.from({ length: 20 }, (_, at) => `p${at}`);
  const document: JsonValue = {
    objectTypes: {
      thing: {
        key: 'code',
        properties: {
          code: { type: 'string', required: true },
          ...Object.fromEntries(
            properties.map((property) => [property, { type: 'integer', required: true, default: 0, indexed: property < 'p15' }]),
          ),
        },
      },
    },
    linkTypes: { beside: { from: 'thing', to: 'thing', cardinality: 'many-to-many' } },
    actionTypes: {
      add: {
        parameters: { code: { type: 'string', required: true } },
        rules: [{ rule: 'create', type: 'thing', set: { code: 'code' } }],
        approvalPolicy: 'one-keeper',
      },
      place: {
        parameters: { a: { type: 'reference', to: 'thing', required: true }, b: { type: 'reference', to: 'thing', required: true } },
        rules: [{ rule: 'link', link: 'beside', from: 'a', to: 'b' }],
        approvalPolicy: 'one-keeper',
      },
      ...Object.fromEntries(
        properties.map((property) => [
          `raise_${property}`,
          {
            parameters: { thing: { type: 'reference', to: 'thing', required: true } },
            criteria: [{ condition: `thing.${property} < 100`, message: 'That is enough.' }],
            rules: [
              { rule: 'modify', type: 'thing', object: 'thing', set: { [property]: `thing.${property} + 1` } },
              {
                rule: 'forEach',
                as: 'x',
                in: { query: { type: 'thing', where: `x.${property} > 50` } },
                do: [{ rule: 'modify', type: 'thing', object: 'x', set: { [property]: '0' } }],
              },
            ],
            approvalPolicy: 'one-keeper',
          },
        ]),
      ),
    },
    approvalPolicies: {
      'one-keeper': {
        stages: [{ name: 'keepers', thresholds: [{ needed: 1, reviewers: "'keeper' in reviewer.roles" }] }],
        expiresAfter: 'PT1H',
      },
    },
  };

  it('never make each other stale, nor do rows of its links', async () => {
    await inWorld(document, async (world) => {
      await world.allAtOnce(['one', 'two', 'three', 'four'].map((code) => ({ actionType: 'add', parameters: { code } })));
      for (let round = 0; round < 3; round++) {
        const placed = round === 0 ? ['two', 'three', 'four'].map((b) => ({ actionType: 'place', parameters: { a: 'one', b } })) : [];
        await world.allAtOnce([
          ...properties.map((property) => ({ actionType: `raise_${property}`, parameters: { thing: 'one' } })),
          ...placed,
        ]);
      }
      expect(world.stale).toBe(0);
      expect(world.ends).toEqual({ executed: 4 + 3 + 3 * properties.length });
      expect(await world.differences()).toEqual([]);
      const { tenant: _, inApi } = world.fixture;
      expect(await inApi((tx) => getObject(tx, 'thing', 'one'))).toMatchObject({
        properties: Object.fromEntries(properties.map((property) => [property, 3])),
      });
    });
  });
});
