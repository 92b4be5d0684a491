// What the database takes into the log, compared with the catalogue, on a clone from tests/support/database.ts.
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Teller, typesToldBy } from '../../audit/entry-types.ts';
import { eventOfStatus } from '../../ontology/events.ts';
import { proposalStatuses } from '../../ontology/lifecycle.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.urls.superuser });
  await client.connect();
});
afterAll(async () => {
  await client?.end();
  await database?.drop();
});

const answer = async (call: string, value: string): Promise<unknown> =>
  (await client.query(`SELECT exequatur.${call} AS answer`, [value])).rows[0]?.answer;

describe('the types of entries', () => {
  it.each<Teller>(['api', 'worker', 'relay', 'door', 'system', 'migration'])(
    'that %s brings are those of the catalogue',
    async (teller) => {
      expect(((await answer('types_told_by($1)', teller)) as string[]).sort()).toEqual(typesToldBy(teller));
    },
  );

  it('move a proposal as its states are announced', async () => {
    for (const status of proposalStatuses) expect(await answer('reached_by($1)', eventOfStatus(status)), status).toBe(status);
    const moves = new Set<string>(proposalStatuses.map(eventOfStatus));
    const others = (['api', 'worker', 'relay', 'door', 'system', 'migration'] as const)
      .flatMap(typesToldBy)
      .filter((type) => !moves.has(type) && type !== 'proposal.created' && type !== 'proposal.revised');
    for (const type of others) expect(await answer('reached_by($1)', type), type).toBeNull();
    for (const type of ['proposal.created', 'proposal.revised']) expect(await answer('reached_by($1)', type)).toBe('simulating');
  });
});
