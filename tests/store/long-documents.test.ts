// Documents of more action types with names as long as may be than an entry has room for; on a clone from tests/support/database.ts.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { beginning } from '../../ontology/cloud-event.ts';
import type { JsonValue } from '../../ontology/json.ts';
import { advanceMigration } from '../../store/advance-migration.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import type { OntologyOutcome } from '../../store/put-ontology.ts';
import { readEvents } from '../../store/read-events.ts';
import { building, expectDone, type Fixture, openFixture, simulated } from './fixture.ts';
import { uploaded } from './govern.ts';

const count = 1_000; // Of 2,000 that there may be; an entry has room for 960 such names.
const names = Array.from({ length: count }, (_, at) => `a${String(at).padStart(62, '0')}`);

/** The building with so many more actions. */
function long(change: (document: typeof building) => void = () => undefined, more: object = {}): JsonValue {
  const document = structuredClone(building);
  const { setSeats } = document.actionTypes;
  Object.assign(document.actionTypes, Object.fromEntries(names.map((name) => [name, setSeats])));
  change(document);
  return { ...document, ...more } as unknown as JsonValue;
}

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture(long());
}, 240_000);
afterAll(() => fixture?.close());

type Facts = Record<string, JsonValue> & { actionTypesFirst?: Record<string, number> };

/** Of the newest entry that says which definitions are in force, and the event beside it. */
async function told(): Promise<{ facts: Facts; data: { version: number; actionTypes: Record<string, number> } }> {
  const [entry] = await fixture.inApi((tx) =>
    tx.rows<{ seq: number; payload: string }>(
      `SELECT e.seq::float8 AS seq, convert_from(e.payload, 'UTF8') AS payload FROM exequatur.audit_entry e WHERE e.type = 'ontology.changed' ORDER BY e.seq DESC LIMIT 1`,
    ),
  );
  const after = { ...beginning, seq: (entry?.seq ?? 0) - 1 };
  const { events } = await fixture.inApi((tx) => readEvents(tx, { tenant: fixture.tenant, after, limit: 20 }));
  const event = events.find(({ type }) => type === 'ontology.changed');
  return { facts: JSON.parse(entry?.payload ?? '{}'), data: event?.data as { version: number; actionTypes: Record<string, number> } };
}

async function expectTold(version: number): Promise<void> {
  const { facts, data } = await told();
  expect([facts.version, data.version]).toEqual([version, version]);
  const versions = Object.entries(data.actionTypes).sort(([one], [other]) => (one < other ? -1 : 1));
  expect(versions.map(([name]) => name)).toEqual(expect.arrayContaining(names));
  const text = JSON.stringify(Object.fromEntries(versions));
  expect(facts).toMatchObject({
    actionTypesCount: versions.length,
    actionTypesFirst: Object.fromEntries(versions.slice(0, 20)),
    actionTypesDigest: `sha256:${createHash('sha256').update(text).digest('hex')}`,
  });
  expect(facts.actionTypes).toBeUndefined();
}

it('the first is in force, and its entry tells how many there are, the first, and a digest of all', () => expectTold(1));

it('so is one that comes after it, by a proposal', async () => {
  const outcome = await uploaded(
    fixture,
    long((document) => Object.assign(document.actionTypes.closeRoom, { description: 'Other words.' })),
  );
  expect(expectDone(outcome)).toMatchObject({ changed: true, version: 2 });
  await expectTold(2);
}, 240_000);

it('and one that rewrites objects, once they are rewritten', async () => {
  await fixture.done('addFloor', { name: 'F1', rooms: [{ code: 'A' }] });
  const rule = { objectType: 'room', set: { seats: '4' }, approvalPolicy: 'by-itself' };
  const document = long(
    ({ objectTypes, actionTypes }) => {
      Object.assign(objectTypes.room.properties.seats, { required: true });
      Object.assign(actionTypes.addFloor.parameters.rooms.items.properties.seats, { required: true });
    },
    { migrations: [rule] },
  );
  const { proposalId } = expectDone(await uploaded(fixture, document)) as OntologyOutcome;
  for (;;) {
    const step = await advanceMigration(fixture.worker, fixture.tenant, proposalId ?? '', fixture.deps);
    if (step.kind === 'ended') break;
    await simulated(fixture, step.proposalId);
    expect(await executeProposal(fixture.worker, fixture.tenant, step.proposalId, fixture.deps)).toMatchObject({ status: 'executed' });
  }
  await expectTold(4);
}, 240_000);
