// Uploads that rewrite data, driven step by step as the workflow does; on a clone from tests/support/database.ts.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonValue } from '../../ontology/json.ts';
import { advanceMigration, type MigrationStep } from '../../store/advance-migration.ts';
import { createRevert } from '../../store/create-revert.ts';
import { cancelMigration } from '../../store/end-migration.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { listMigrations } from '../../store/migrations.ts';
import type { OntologyOutcome, UploadWishes } from '../../store/put-ontology.ts';
import { getObject } from '../../store/read-object.ts';
import { admin, agent, building, caller, expectDone, type Fixture, keeper1, openFixture, shareDatabase, simulated } from './fixture.ts';
import { uploaded } from './govern.ts';

type Document = typeof building;
const rooms = 1_300; // Two batches: policy alone approves a thousand edits.
const rule = { objectType: 'room', set: { seats: '4' }, approvalPolicy: 'by-itself' };

function seated(migrations?: JsonValue[], change: (document: Document) => void = () => undefined): JsonValue {
  const document = structuredClone(building);
  Object.assign(document.objectTypes.room.properties.seats, { required: true });
  Object.assign(document.actionTypes.addFloor.parameters.rooms.items.properties.seats, { required: true });
  change(document);
  return { ...document, ...(migrations === undefined ? {} : { migrations }) } as unknown as JsonValue;
}

shareDatabase();
let fixture: Fixture;
const code = (at: number) => `R${String(at).padStart(4, '0')}`;
const addRooms = (name: string, from: number, to: number) =>
  fixture.done('addFloor', { name, rooms: Array.from({ length: to - from }, (_, at) => ({ code: code(from + at) })) });
const put = (document: JsonValue, wishes: UploadWishes = {}) => uploaded(fixture, document, wishes);
const begin = async (document: JsonValue) => {
  const outcome = expectDone(await put(document)) as OntologyOutcome;
  return outcome.migration === null ? '' : (outcome.proposalId ?? '');
};
const advance = (id: string) => advanceMigration(fixture.worker, fixture.tenant, id, fixture.deps);
const seats = async (id: string) => expectDone(await fixture.inApi((tx) => getObject(tx, 'room', id))).properties.seats;
const inForce = () => fixture.inApi(async (tx) => (await fixture.deps.ontologies.load(tx))?.ontology);
const newest = async () => (await fixture.inApi(listMigrations))[0];
const perform = async (proposalId: string) => {
  await simulated(fixture, proposalId);
  return executeProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);
};

async function carryThrough(
  id: string,
  between: (step: MigrationStep) => Promise<unknown> = async () => undefined,
): Promise<MigrationStep> {
  for (;;) {
    const step = await advance(id);
    if (step.kind === 'ended') return step;
    expect(await perform(step.proposalId)).toMatchObject({ status: 'executed' });
    await between(step);
  }
}

beforeEach(async () => {
  fixture = await openFixture();
  await addRooms('F1', 0, 700);
  await addRooms('F2', 700, rooms);
  await fixture.done('setSeats', { room: code(3), seats: 9 });
});
afterEach(() => fixture.close());

describe('a document whose rules make the data fit', () => {
  it('is in force when the last batch is executed, and not before', async () => {
    const outcome = expectDone(await put(seated([rule]))) as OntologyOutcome;
    expect(outcome).toMatchObject({
      changed: true,
      accepted: true,
      version: 3,
      migration: { rules: [{ objects: rooms - 1, batches: 2 }] },
    });
    expect(await fixture.propose('migrate-room', { objects: [code(5)] }, { proposer: agent })).toMatchObject({
      refused: 'proposer_not_allowed',
    });
    const before = await inForce();
    expect([before?.actionTypes.has('migrate-room'), before?.digest === outcome.digest]).toEqual([true, false]);
    expect(await carryThrough(outcome.proposalId ?? '')).toEqual({ kind: 'ended', state: 'done' });
    expect((await inForce())?.digest).toBe(outcome.digest);
    expect([await seats(code(0)), await seats(code(3)), await seats(code(rooms - 1))]).toEqual([4, 9, 4]);
    expect(await newest()).toMatchObject({
      state: 'done',
      batches: 2,
      rules: [{ objectType: 'room', objects: rooms - 1, migrated: rooms - 1 }],
    });
    expect(expectDone(await put(seated()))).toMatchObject({ changed: false });
    expect(await fixture.propose('migrate-room', { objects: [code(5)] }, { proposer: admin })).toMatchObject({
      refused: 'unknown_action_type',
    });
  });

  it('waits for objects that somebody writes in the old form meanwhile', async () => {
    const id = await begin(seated([rule]));
    let late = 0;
    const ended = await carryThrough(id, async () => (late++ < 2 ? addRooms(`late-${late}`, 5_000 + late, 5_001 + late) : undefined));
    expect(ended).toEqual({ kind: 'ended', state: 'done' });
    expect([await seats(code(5_001)), await seats(code(5_002))]).toEqual([4, 4]);
  });

  it('may fill a property that it adds, required and unique', async () => {
    const document = seated(
      [{ ...rule, set: { seats: 'has(object.seats) ? object.seats : 4', badge: "'badge of ' + object.code" } }],
      (changed) => {
        Object.assign(changed.objectTypes.room.properties, { badge: { type: 'string', required: true, unique: true } });
        const floor = changed.actionTypes.addFloor.rules[1] as unknown as { do: { set: object }[] };
        Object.assign(floor.do[0]?.set ?? {}, { badge: "'badge of ' + row.code" });
      },
    );
    expect(await carryThrough(await begin(document))).toEqual({ kind: 'ended', state: 'done' });
    const room = expectDone(await fixture.inApi((tx) => getObject(tx, 'room', code(3))));
    expect(room.properties).toMatchObject({ seats: 9, badge: 'badge of R0003' });
    expect(await newest()).toMatchObject({ rules: [{ objects: rooms }] });
  });

  it('is not begun by a dry run, which says how much there is to do', async () => {
    const outcome = expectDone(await put(seated([rule]), { dryRun: true })) as OntologyOutcome;
    expect(outcome).toMatchObject({
      accepted: true,
      dryRun: true,
      proposalId: null,
      migration: { rules: [{ objects: rooms - 1, batches: 2 }] },
    });
    expect(await newest()).toBeUndefined();
    expect((await inForce())?.actionTypes.has('migrate-room')).toBe(false);
  });

  it('is in force at once where the data fits, whatever rules come with it', async () => {
    const { document } = { document: structuredClone(building) as unknown as { objectTypes: object } };
    expect(
      expectDone(
        await put({
          ...document,
          objectTypes: { ...document.objectTypes, door: { properties: {} } },
          migrations: [rule],
        } as unknown as JsonValue),
      ),
    ).toMatchObject({
      version: 2,
      migration: null,
    });
  });
});

describe('while a migration runs', () => {
  it('no other document is accepted, and proposals go on', async () => {
    const id = await begin(seated([rule]));
    expect(await put(building as unknown as JsonValue)).toMatchObject({
      refused: 'migration_open',
      faults: [{ message: expect.stringContaining(id) }],
    });
    await fixture.done('setSeats', { room: code(1), seats: 2 });
    await carryThrough(id);
    expect(await seats(code(1))).toBe(2);
  });

  it('a step that is repeated, or taken twice at once, proposes one batch', async () => {
    const id = await begin(seated([rule]));
    const steps = await Promise.all([advance(id), advance(id), advance(id), advance(id)]);
    expect(new Set(steps.map((step) => step.kind === 'batch' && step.proposalId)).size).toBe(1);
    expect(await advance(id)).toEqual(steps[0]);
    await perform(steps[0]?.kind === 'batch' ? steps[0].proposalId : '');
    const next = await Promise.all([advance(id), advance(id)]);
    expect(next[0]).toEqual(next[1]);
    expect(next[0]).toMatchObject({ kind: 'batch', number: 2 });
    await perform(next[0]?.kind === 'batch' ? next[0].proposalId : '');
    expect(await Promise.all([advance(id), advance(id)])).toEqual(Array(2).fill({ kind: 'ended', state: 'done' }));
  });

  it('an administrator takes it back: the former document is in force, the waiting batch is withdrawn, and what was rewritten stays', async () => {
    const former = (await inForce())?.digest;
    const id = await begin(seated([rule]));
    const first = await advance(id);
    await perform(first.kind === 'batch' ? first.proposalId : '');
    const second = await advance(id);
    const cancel = (by = admin) => fixture.inApi((tx) => cancelMigration(tx, { migrationId: id, reason: 'too early', by }, fixture.deps));
    expect(await cancel(keeper1)).toMatchObject({ refused: 'forbidden' });
    expect(await cancel()).toMatchObject({ state: 'cancelled', reason: 'too early', endedBy: admin.id });
    expect((await inForce())?.digest).toBe(former);
    const ended =
      "SELECT e.type FROM exequatur.audit_entry e WHERE e.type = 'ontology.migration_ended' AND convert_from(e.payload, 'UTF8') LIKE $1";
    expect(await fixture.inApi((tx) => tx.rows(ended, [`%${id}%`]))).toHaveLength(1);
    expect(await fixture.read(second.kind === 'batch' ? second.proposalId : '')).toMatchObject({ status: 'withdrawn' });
    expect(await advance(id)).toEqual({ kind: 'ended', state: 'cancelled' });
    expect(await cancel()).toMatchObject({ refused: 'migration_ended' });
    expect([await seats(code(0)), await seats(code(rooms - 1))]).toEqual([4, undefined]);
    const again = await begin(seated([rule]));
    expect(await newest()).toMatchObject({ id: again, rules: [{ objects: rooms - 1 - 1_000 }] });
    expect(await carryThrough(again)).toMatchObject({ state: 'done' });
  });

  it('a batch that an approver rejects ends it, and the former document is in force', async () => {
    const former = (await inForce())?.digest;
    const id = await begin(seated([{ ...rule, approvalPolicy: 'one-keeper' }]));
    const step = await advance(id);
    const plan = await simulated(fixture, step.kind === 'batch' ? step.proposalId : '');
    expect(plan.status).toBe('awaiting_approval');
    expect(await advance(id)).toEqual(step);
    expectDone(await fixture.review(plan, keeper1, 'reject'));
    expect(await advance(id)).toEqual({ kind: 'ended', state: 'failed' });
    expect(await newest()).toMatchObject({ state: 'failed', reason: expect.stringContaining('rejected') });
    expect((await inForce())?.digest).toBe(former);
  });

  it('the worker proposes for no one else, and no second batch before the first is through', async () => {
    const id = await begin(seated([rule]));
    await advance(id);
    const propose = (migration: string, number: number, which: number) =>
      fixture.inWorker((tx) =>
        tx.rows(
          `SELECT exequatur.propose_batch($1::uuid, $2::int, $3::int, 1, NULL, 1, gen_random_uuid(), '{"objects":["R0000"]}', '1 hour') AS proposed`,
          [migration, number, which],
        ),
      );
    await expect(propose(id, 2, 0)).rejects.toMatchObject({ code: 'XQ006' });
    await expect(propose(id, 1, 0)).resolves.toEqual([{ proposed: false }]);
    await expect(propose('00000000-0000-4000-8000-000000000000', 1, 0)).resolves.toEqual([{ proposed: false }]);
    await expect(
      fixture.inApi((tx) => tx.rows(`SELECT exequatur.propose_batch($1::uuid, 2, 0, 1, NULL, 1, gen_random_uuid(), '{}', '1 hour')`, [id])),
    ).rejects.toMatchObject({ code: '42501' });
  });
});

describe('a document is refused', () => {
  it('whose rules are wrong, with pointers into them', async () => {
    const refused = await put(seated([{ ...rule, set: { seats: 'nonsense' } }]));
    expect(refused).toMatchObject({ refused: 'invalid_ontology', faults: [{ pointer: '/migrations/0/set/seats' }] });
  });

  it('whose rules leave a property out that breaks, or objects', async () => {
    const alsoNote = (document: Document) => {
      Object.assign(document.objectTypes.room.properties.note, { required: true, default: '' });
    };
    expect(await put(seated([rule], alsoNote))).toMatchObject({
      refused: 'ontology_breaks_data',
      faults: [{ pointer: '/objectTypes/room/properties/note', count: rooms }],
    });
    expect(await put(seated([{ ...rule, where: "object.floor == 'F1'" }]))).toMatchObject({
      refused: 'ontology_breaks_data',
      faults: [{ pointer: '/migrations/0/where', count: 600 }],
    });
  });

  it('when what a rule writes does not fit: after its first batch, and the former one is in force', async () => {
    const tight = (document: Document) => Object.assign(document.objectTypes.room.properties.seats, { maximum: 20 });
    const id = await begin(seated([{ ...rule, set: { seats: '40' } }], tight));
    expect(await carryThrough(id)).toEqual({ kind: 'ended', state: 'failed' });
    expect(await newest()).toMatchObject({ batches: 1, faults: [{ pointer: '/migrations/0', count: 1000 }] });
  });
});

it('a batch can be reverted until its document is in force; then it would bring back what does not fit', async () => {
  const id = await begin(seated([rule]));
  const step = await advance(id);
  const proposalId = step.kind === 'batch' ? step.proposalId : '';
  await perform(proposalId);
  await carryThrough(id);
  const wish = { proposalId, justification: 'back', proposer: admin };
  const reverted = expectDone(await fixture.inApi((tx) => createRevert(tx, wish, fixture.deps)));
  await simulated(fixture, reverted.proposalId);
  expect(await seats(code(0))).toBe(4);
  expect((await fixture.read(reverted.proposalId)).status).toBe('invalid');
});

it('only administrators of definitions begin one', async () => {
  const outcome = await uploaded(fixture, seated([rule]), { by: caller('keeper-9') });
  expect(outcome).toMatchObject({ refused: 'forbidden' });
});
