// Page tokens that were altered by whoever holds them, on a clone from tests/support/database.ts: refused, never an error of ours.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonValue } from '../../ontology/json.ts';
import { listObjects } from '../../store/list-objects.ts';
import { listProposals } from '../../store/list-proposals.ts';
import { readHistory } from '../../store/read-object.ts';
import { resolveActor } from '../../store/standing.ts';
import { expectDone, type Fixture, keeper1, openFixture } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
  await fixture.done('addFloor', {
    name: 'F1',
    rooms: [
      { code: 'A', seats: 4 },
      { code: 'B', seats: 5 },
    ],
  });
  await fixture.done('setSeats', { room: 'A', seats: 6 });
});
afterAll(() => fixture.close());

/** The same token with another key in it. */
function altered(token: string | null, after: JsonValue): string {
  const parsed = JSON.parse(Buffer.from(token ?? '', 'base64url').toString('utf8')) as JsonValue[];
  return Buffer.from(JSON.stringify([parsed[0], parsed[1], after])).toString('base64url');
}

const keys: JsonValue[] = [
  ['abc', 'p1'],
  [{}, 'p1'],
  [true, 'p1'],
  ['1', '\u0000'],
  ['1e400000', 'p'],
  null,
  [],
  'x',
  ['1', {}],
  -1,
  1.5,
  1e30,
  '\u0000',
];

describe('an altered page token', () => {
  it.each(keys.map((key) => [JSON.stringify(key), key]))('is refused for objects, proposals and history: %s', async (_, key) => {
    const objects = (pageToken?: string) =>
      fixture.inApi((tx) =>
        listObjects(tx, 'room', { orderBy: 'seats', pageSize: 1, ...(pageToken === undefined ? {} : { pageToken }) }, fixture.deps),
      );
    const proposals = (pageToken?: string) =>
      fixture.inApi(async (tx) =>
        listProposals(
          tx,
          { pageSize: 1, ...(pageToken === undefined ? {} : { pageToken }) },
          await resolveActor(tx, keeper1),
          fixture.deps,
        ),
      );
    const history = (pageToken?: string) =>
      fixture.inApi((tx) => readHistory(tx, 'room', 'A', { pageSize: 1, ...(pageToken === undefined ? {} : { pageToken }) }));
    for (const list of [objects, proposals, history]) {
      const { nextPageToken } = expectDone(await list());
      expect(expectDone(await list(nextPageToken ?? ''))).toBeTruthy();
      expect(await list(altered(nextPageToken, key))).toMatchObject({ refused: 'invalid_page_token' });
    }
  });
});
