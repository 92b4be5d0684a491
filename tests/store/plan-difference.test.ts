// What a reviewer is told when another plan took the place of the one that was approved, on a clone from tests/support/database.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareEdits, type EditDifference } from '../../ontology/compare-edits.ts';
import type { Edit } from '../../ontology/plan.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { readPlan } from '../../store/read-plan.ts';
import { type PlanDifference, readPlanDifference } from '../../store/read-plan-difference.ts';
import { readTimeline } from '../../store/read-timeline.ts';
import type { Settled } from '../../store/settle.ts';
import { expectDone, type Fixture, keeper1, keeper2, openFixture, simulated } from './fixture.ts';
import { uploaded } from './govern.ts';

const text = { type: 'string', required: true };
const reference = (to: string) => ({ type: 'reference', to, required: true });
const rooms = (set: object) => [
  { rule: 'forEach', as: 'room', in: { link: 'rooms', of: 'floor' }, do: [{ rule: 'modify', type: 'room', object: 'room', set }] },
];
const document = {
  objectTypes: {
    floor: { key: 'name', properties: { name: text } },
    room: {
      key: 'code',
      properties: {
        code: text,
        status: { type: 'string', default: 'open' },
        note: { type: 'string' },
        floor: { type: 'reference', to: 'floor' },
      },
    },
  },
  linkTypes: {
    rooms: { from: 'floor', to: 'room', cardinality: 'one-to-many', via: 'floor' },
    neighbours: { from: 'room', to: 'room', cardinality: 'many-to-many', onDelete: 'unlink' },
  },
  actionTypes: {
    addFloor: {
      parameters: { name: text, codes: { type: 'array', items: { type: 'string' }, required: true }, note: { type: 'string' } },
      rules: [
        { rule: 'create', type: 'floor', set: { name: 'name' } },
        {
          rule: 'forEach',
          as: 'code',
          in: { list: 'codes' },
          do: [{ rule: 'create', type: 'room', set: { code: 'code', floor: 'name', note: 'note' } }],
        },
      ],
      approvalPolicy: 'by-itself',
    },
    closeFloor: {
      parameters: { floor: reference('floor') },
      rules: rooms({ status: "'closed'", note: "'by ' + (room.note == null ? 'nobody' : room.note)" }),
      approvalPolicy: 'two-keepers',
    },
    clearFloor: {
      parameters: { floor: reference('floor') },
      rules: rooms({ note: 'null' }),
      approvalPolicy: 'by-itself-if-small',
    },
    dropRooms: {
      parameters: { floor: reference('floor') },
      rules: [{ rule: 'forEach', as: 'room', in: { link: 'rooms', of: 'floor' }, do: [{ rule: 'delete', type: 'room', object: 'room' }] }],
      approvalPolicy: 'two-keepers',
    },
    setNote: {
      parameters: { room: reference('room'), note: { type: 'string' } },
      rules: [{ rule: 'modify', type: 'room', object: 'room', set: { note: 'note' } }],
      approvalPolicy: 'by-itself',
    },
    move: {
      parameters: { room: reference('room'), floor: { type: 'reference', to: 'floor' } },
      rules: [{ rule: 'modify', type: 'room', object: 'room', set: { floor: 'floor' } }],
      approvalPolicy: 'by-itself',
    },
    join: {
      parameters: { a: reference('room'), b: reference('room') },
      rules: [{ rule: 'link', link: 'neighbours', from: 'a', to: 'b' }],
      approvalPolicy: 'by-itself',
    },
  },
  approvalPolicies: Object.fromEntries(
    Object.entries({ 'by-itself': 10_000, 'by-itself-if-small': 2, 'two-keepers': null }).map(([name, edits]) => [
      name,
      {
        stages: [{ name: 'keepers', thresholds: [{ needed: 2, reviewers: "'keeper' in reviewer.roles" }] }],
        expiresAfter: 'PT1H',
        ...(edits === null ? {} : { automatic: { condition: 'true', ceilings: { edits } } }),
      },
    ]),
  ),
};

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture(document as never);
});
afterAll(() => fixture?.close());

const difference = (proposalId: string, digests = {}, page = {}) =>
  fixture.inApi((tx) => readPlanDifference(tx, proposalId, digests, page));

async function allPages(proposalId: string, pageSize: number): Promise<PlanDifference[]> {
  const pages: PlanDifference[] = [];
  for (let pageToken: string | undefined | null; pageToken !== null; ) {
    const page: PlanDifference = expectDone(await difference(proposalId, {}, { pageSize, ...(pageToken ? { pageToken } : {}) }));
    pages.push(page);
    pageToken = page.nextPageToken;
  }
  return pages;
}

async function editsOf(proposalId: string): Promise<Edit[]> {
  const edits: Edit[] = [];
  for (let pageToken: string | undefined | null; pageToken !== null; ) {
    const page = expectDone(
      await fixture.inApi((tx) => readPlan(tx, proposalId, { pageSize: 1_000, ...(pageToken ? { pageToken } : {}) })),
    );
    edits.push(...page.edits);
    pageToken = page.nextPageToken;
  }
  return edits;
}

/** Approves until the plan is found stale, and simulates it again. */
async function plannedAnew(plan: Settled): Promise<Settled> {
  expect(await fixture.review(plan, keeper2)).toMatchObject({ refused: 'stale_plan' });
  return simulated(fixture, plan.proposalId);
}

describe('a plan that another took the place of', () => {
  it('is compared with it edit by edit, property by property', async () => {
    await fixture.done('addFloor', { name: 'F1', codes: ['A', 'B', 'C', 'D'], note: 'us' });
    await fixture.done('addFloor', { name: 'F2', codes: ['E'] });
    const plan = await fixture.planned('closeFloor', { floor: 'F1' });
    await fixture.review(plan, keeper1);
    expect(await difference(plan.proposalId)).toEqual({ refused: 'not_found' }); // There is only one.
    await fixture.done('setNote', { room: 'B', note: 'them' });
    await fixture.done('move', { room: 'C', floor: 'F2' });
    await fixture.done('move', { room: 'E', floor: 'F1' });
    const again = await plannedAnew(plan);
    const told = expectDone(await difference(plan.proposalId));
    expect(told).toEqual({
      proposalId: plan.proposalId,
      actionType: 'closeFloor',
      from: expect.objectContaining({ digest: plan.digest, revision: 1, totalEdits: 4 }),
      to: expect.objectContaining({ digest: again.digest, revision: 1, totalEdits: 4 }),
      requirement: null,
      outside: null,
      header: [],
      counts: { added: 1, removed: 1, changed: 1, same: 2 },
      edits: [
        {
          kind: 'changed',
          from: expect.objectContaining({ op: 'modify', id: 'B' }),
          to: expect.objectContaining({ op: 'modify', id: 'B' }),
          properties: [{ property: 'note', from: { before: 'us', after: 'by us' }, to: { before: 'them', after: 'by them' } }],
        },
        { kind: 'removed', edit: expect.objectContaining({ id: 'C' }) },
        { kind: 'added', edit: expect.objectContaining({ id: 'E', set: { status: 'closed', note: 'by nobody' } }) },
      ],
      nextPageToken: null,
    });
    const turned = expectDone(await difference(plan.proposalId, { from: again.digest, to: plan.digest }));
    expect(turned.counts).toEqual({ added: 1, removed: 1, changed: 1, same: 2 });
    expect(turned.edits.map(({ kind }) => kind)).toEqual(['changed', 'added', 'removed']);
    expect(expectDone(await difference(plan.proposalId, { from: again.digest })).edits).toEqual([]);
    expect(await difference(plan.proposalId, { from: `sha256:${'0'.repeat(64)}` })).toEqual({ refused: 'not_found' });
  });

  it('is told of in the proposal and its timeline, with how many approvals went with it', async () => {
    await fixture.done('addFloor', { name: 'T1', codes: ['TA'], note: 'a' });
    const plan = await fixture.planned('closeFloor', { floor: 'T1' });
    await fixture.review(plan, keeper1);
    await fixture.done('setNote', { room: 'TA', note: 'b' });
    const again = await plannedAnew(plan);
    expect(again.missing).toBe('2 more approvals for keepers');
    await fixture.done('setNote', { room: 'TA', note: 'a' });
    expect(await plannedAnew(again)).toMatchObject({ digest: plan.digest, missing: '2 more approvals for keepers' }); // The first plan again; its approval was void.
    const { planHistory, reviews } = await fixture.read(plan.proposalId);
    expect(planHistory.map(({ digest }) => digest)).toEqual([plan.digest, again.digest, plan.digest]);
    expect(planHistory.map(({ simulatedAt }) => simulatedAt)).toEqual(planHistory.map(({ simulatedAt }) => simulatedAt).sort());
    expect(reviews.map(({ counts }) => counts)).toEqual([false]);
    expect(await fixture.review(plan, keeper1)).toMatchObject({ settled: { missing: '1 more approval for keepers' } });
    const timeline = expectDone(await fixture.inApi((tx) => readTimeline(tx, plan.proposalId)));
    const replaced = timeline.filter(({ type }) => type === 'proposal.simulated').map(({ facts }) => facts);
    expect(replaced).toMatchObject([
      { planDigest: plan.digest },
      { planDigest: again.digest, previousDigest: plan.digest, voidedApprovals: 1 },
      { planDigest: plan.digest, previousDigest: again.digest, voidedApprovals: 0 },
    ]);
    expect(replaced[0]).not.toHaveProperty('previousDigest');
  });

  it('is not told of where the plan comes out the same', async () => {
    await fixture.done('addFloor', { name: 'S1', codes: ['SA'], note: 'a' });
    const plan = await fixture.planned('closeFloor', { floor: 'S1' });
    await fixture.done('setNote', { room: 'SA', note: 'b' });
    await fixture.done('setNote', { room: 'SA', note: 'a' });
    expect(await plannedAnew(plan)).toMatchObject({ digest: plan.digest });
    expect((await fixture.read(plan.proposalId)).planHistory).toHaveLength(1);
  });

  it('shows that others must approve the new one', async () => {
    await fixture.done('addFloor', { name: 'R1', codes: ['RA', 'RB'], note: 'a' });
    await fixture.done('addFloor', { name: 'R2', codes: ['RC'], note: 'a' });
    const plan = await fixture.planned('clearFloor', { floor: 'R1' });
    expect(plan.status).toBe('approved');
    await fixture.done('move', { room: 'RC', floor: 'R1' });
    expect(await executeProposal(fixture.worker, fixture.tenant, plan.proposalId, fixture.deps)).toMatchObject({ status: 'simulating' });
    expect(await simulated(fixture, plan.proposalId)).toMatchObject({ status: 'awaiting_approval' });
    expect(await difference(plan.proposalId)).toMatchObject({
      requirement: { from: { automatic: true, stages: [] }, to: { automatic: false, stages: [{ name: 'keepers' }] } },
      counts: { added: 1, removed: 0, changed: 0, same: 2 },
    });
  });

  it('names the version of the action type where that is another, and counts the approvals of the revision before', async () => {
    await fixture.done('addFloor', { name: 'V1', codes: ['VA'] });
    const plan = await fixture.planned('closeFloor', { floor: 'V1' });
    await fixture.review(plan, keeper1);
    const changed = structuredClone(document);
    changed.actionTypes.closeFloor.rules = rooms({ status: "'shut'" });
    expectDone(await uploaded(fixture, changed as never));
    await plannedAnew(plan);
    expect(await difference(plan.proposalId)).toMatchObject({
      from: { revision: 1 },
      to: { revision: 2 },
      header: [{ field: 'actionTypeVersion', from: 1, to: 2 }],
      edits: [
        {
          kind: 'changed',
          properties: [
            { property: 'note', from: { after: 'by nobody' }, to: null },
            { property: 'status', from: { before: 'open', after: 'closed' }, to: { before: 'open', after: 'shut' } },
          ],
        },
      ],
    });
    const timeline = expectDone(await fixture.inApi((tx) => readTimeline(tx, plan.proposalId)));
    expect(timeline.at(-1)).toMatchObject({ type: 'proposal.simulated', facts: { previousDigest: plan.digest, voidedApprovals: 1 } });
    expectDone(await uploaded(fixture, document as never));
  });

  it('is compared also where deletions and links differ', async () => {
    await fixture.done('addFloor', { name: 'L1', codes: ['LA', 'LB', 'LC'], note: 'a' });
    await fixture.done('join', { a: 'LA', b: 'LB' });
    const plan = await fixture.planned('dropRooms', { floor: 'L1' });
    await fixture.review(plan, keeper1);
    await fixture.done('join', { a: 'LB', b: 'LC' });
    await fixture.done('setNote', { room: 'LA', note: null });
    await plannedAnew(plan);
    const told = expectDone(await difference(plan.proposalId));
    expect(told.edits).toEqual([
      expect.objectContaining({ kind: 'changed', properties: [{ property: 'note', from: { before: 'a' }, to: null }] }),
      { kind: 'added', edit: { op: 'unlink', link: 'neighbours', from: 'LB', to: 'LC' } },
    ]);
    expect(told.counts).toEqual({ added: 1, removed: 0, changed: 1, same: 3 });
  });
});

describe('a difference in pages', () => {
  it('of plans of many chunks is what comparing all edits at once gives, whatever the size of the pages', async () => {
    const codes = Array.from({ length: 3_000 }, (_, at) => `M${String(at).padStart(4, '0')}`);
    await fixture.done('addFloor', { name: 'M1', codes, note: 'x'.repeat(60) });
    const plan = await fixture.planned('closeFloor', { floor: 'M1' });
    const before = await editsOf(plan.proposalId);
    await fixture.review(plan, keeper1);
    for (const room of ['M0000', 'M0001', 'M1500', 'M2999']) await fixture.done('setNote', { room, note: 'y' });
    for (const room of ['M0002', 'M1400', 'M2998']) await fixture.done('move', { room, floor: null });
    await fixture.done('addFloor', { name: 'M2', codes: ['K', 'M1400a', 'Z'] });
    for (const room of ['K', 'M1400a', 'Z']) await fixture.done('move', { room, floor: 'M1' });
    await plannedAnew(plan);
    const expected = naively(before, await editsOf(plan.proposalId));
    expect(expected.map(({ kind }) => kind).sort()).toEqual([
      ...Array(3).fill('added'),
      ...Array(4).fill('changed'),
      ...Array(3).fill('removed'),
    ]);
    for (const pageSize of [1, 3, 10, 1_000]) {
      const pages = await allPages(plan.proposalId, pageSize);
      expect(pages.flatMap(({ edits }) => edits)).toEqual(expected);
      expect(pages).toHaveLength(Math.ceil(expected.length / pageSize));
      for (const { counts } of pages) expect(counts).toEqual({ added: 3, removed: 3, changed: 4, same: 2_993 });
    }
    const [first] = await allPages(plan.proposalId, 3);
    const token = first?.nextPageToken ?? '';
    for (const pageToken of [token.slice(1), 'nonsense', Buffer.from('[1,"",[-1,0,{}]]').toString('base64url')]) {
      expect(await difference(plan.proposalId, {}, { pageToken })).toEqual({ refused: 'invalid_page_token' });
    }
    expect(await difference(plan.proposalId, { from: first?.to.digest }, { pageToken: token })).toEqual({ refused: 'invalid_page_token' });
  });
});

function naively(from: readonly Edit[], to: readonly Edit[]): EditDifference[] {
  const byId = (edits: readonly Edit[]) => new Map(edits.map((edit) => ['id' in edit ? edit.id : '', edit]));
  const [was, is] = [byId(from), byId(to)];
  return [...new Set([...was.keys(), ...is.keys()])].sort().flatMap((id): EditDifference[] => {
    const [old, fresh] = [was.get(id), is.get(id)];
    if (old === undefined) return fresh === undefined ? [] : [{ kind: 'added', edit: fresh }];
    if (fresh === undefined) return [{ kind: 'removed', edit: old }];
    return JSON.stringify(old) === JSON.stringify(fresh) ? [] : [compareEdits(old, fresh)];
  });
}
