// Canonical text that the database makes is that of RFC 8785, as whoever verifies makes it, in whatever characters members are named. A database of its own: tests/support/database.ts.
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { canonicalText } from '../../ontology/canonical-json.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let superuser: pg.Client;
beforeAll(async () => {
  database = await createTestDatabase();
  superuser = new pg.Client({ connectionString: database.urls.superuser });
  await superuser.connect();
});
afterAll(async () => {
  await superuser?.end();
  await database?.drop();
});

/** On both sides of each border of the two orders. */
const characters = ['\u0001', 'a', '\u007f', '\u0080', '\u07ff', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10fffe}', '\u{10ffff}'];
const names = ['', ...characters, ...characters.flatMap((one) => characters.map((other) => one + other))];
const written = async (value: object) => {
  const { rows } = await superuser.query<{ text: string }>('SELECT exequatur.canonical_facts($1::jsonb) AS text', [JSON.stringify(value)]);
  return rows[0]?.text;
};

it('has members in the order of UTF-16', async () => {
  const value = { in: Object.fromEntries(names.map((name, at) => [name, at])) };
  expect(await written(value)).toBe(canonicalText(value));
});

it('of any two it has that one first', async () => {
  const { rows } = await superuser.query<{ one: string; other: string }>(
    `SELECT a AS one, b AS other FROM unnest($1::text[]) a, unnest($1::text[]) b WHERE exequatur.utf16_order(a) COLLATE "C" < exequatur.utf16_order(b) COLLATE "C"`,
    [[...names, ...characters.map((one) => `${one}\u{10ffff}\uffff`), ...characters.map((one) => `\u{10ffff}${one}\ue000`)]],
  );
  expect(rows.length).toBeGreaterThan(names.length);
  expect(rows.filter(({ one, other }) => !(one < other))).toEqual([]);
});
