// How much of what somebody is refused comes into the log, on a clone from tests/support/database.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../ontology/json.ts';
import { noteRefusals } from '../../store/note-refusals.ts';
import { resolveActor } from '../../store/standing.ts';
import { caller, type Fixture, openFixture } from '../store/fixture.ts';
import { writeUntold } from '../support/write-untold.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture?.close());

const refusal = { action: 'principal:put', reason: 'forbidden' as const, named: { subject: 'keeper-1' } };
const refuse = (id: string, count: number) =>
  noteRefusals(
    fixture.api,
    { tenant: fixture.tenant, id },
    Array.from({ length: count }, () => refusal),
  );

/** What the log tells of whom it names so, oldest first. */
const told = (id: string) =>
  fixture.inApi(async (tx) => {
    const rows = await tx.rows<{ facts: JsonObject }>(
      `SELECT convert_from(e.payload, 'UTF8')::jsonb - '{type,commitments}'::text[] AS facts FROM exequatur.audit_entry e
        WHERE e.type = 'decision.refused' AND EXISTS (SELECT FROM exequatur.audit_disclosure d WHERE d.entry_id = e.id AND d.name = 'actor' AND d.value = $1) ORDER BY e.seq`,
      [JSON.stringify(id)],
    );
    return rows.map(({ facts }) => facts);
  });

describe('of what somebody is refused', () => {
  it('so much is told in an hour, and how much is not is told after it', async () => {
    for (let call = 0; call < 7; call++) await refuse('eager-1', 5);
    expect(await told('eager-1')).toHaveLength(30);
    await refuse('patient-1', 1);
    expect(await told('patient-1')).toEqual([{ action: 'principal:put', reason: 'forbidden' }]);
    await fixture.database.advanceClock(3_600_000);
    await refuse('eager-1', 2);
    expect((await told('eager-1')).slice(30)).toEqual([
      { action: 'principal:put', reason: 'forbidden', suppressed: 5 },
      { action: 'principal:put', reason: 'forbidden' },
    ]);
  });

  it('all that comes at once is counted', async () => {
    await Promise.all(Array.from({ length: 8 }, () => refuse('hasty-1', 5)));
    expect(await told('hasty-1')).toHaveLength(30);
    await fixture.database.advanceClock(3_600_000);
    await refuse('hasty-1', 1);
    expect((await told('hasty-1')).at(-1)).toMatchObject({ suppressed: 10 });
  });

  it('nothing is told of somebody who is disabled, who is told of as who could not log in', async () => {
    await fixture.inApi((tx) => resolveActor(tx, caller('gone-1')));
    await writeUntold(fixture.database, "UPDATE exequatur.principal SET disabled = true WHERE id = 'gone-1'");
    await refuse('gone-1', 1);
    expect(await told('gone-1')).toEqual([]);
  });
});
