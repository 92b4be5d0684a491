// What stands in the way of a revert is named object by object, and left as it is where the proposer says so, with what depends on it and nothing else; on a clone from tests/support/database.ts.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../ontology/json.ts';
import { createRevert } from '../../store/create-revert.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { getObject } from '../../store/read-object.ts';
import type { Settled } from '../../store/settle.ts';
import { agent, expectDone, type Fixture, openFixture, simulated } from './fixture.ts';

const box = { type: 'reference', to: 'box', required: true };
const boxes = { type: 'array', required: true, items: { type: 'reference', to: 'box' } };
const each = (rule: JsonObject): JsonValue => [{ rule: 'forEach', as: 'one', in: { list: 'boxes' }, do: [rule] }];
const action = (parameters: JsonObject, rules: JsonValue): JsonObject => ({ parameters, rules, approvalPolicy: 'alone' });
const row = {
  code: { type: 'string', required: true },
  label: { type: 'string' },
  within: { type: 'string' },
  crew: { type: 'string' },
};
const store = {
  objectTypes: {
    box: {
      key: 'code',
      properties: {
        code: { type: 'string', required: true },
        label: { type: 'string', unique: true, maxLength: 40 },
        note: { type: 'string' },
        within: { type: 'reference', to: 'box' },
      },
    },
    crew: { key: 'name', properties: { name: { type: 'string', required: true } } },
  },
  linkTypes: {
    ties: { from: 'box', to: 'box', cardinality: 'many-to-many' },
    carries: { from: 'crew', to: 'box', cardinality: 'many-to-many', requiredEnds: ['from'] },
  },
  actionTypes: {
    make: action({ rows: { type: 'array', required: true, items: { type: 'struct', properties: row } } }, [
      {
        rule: 'forEach',
        as: 'row',
        in: { list: 'rows' },
        do: [{ rule: 'create', type: 'box', set: { code: 'row.code', label: 'row.label', within: 'row.within' } }],
      },
    ]),
    remove: action({ boxes }, each({ rule: 'delete', type: 'box', object: 'one' })),
    mark: action(
      { boxes, note: { type: 'string', required: true } },
      each({ rule: 'modify', type: 'box', object: 'one', set: { note: 'note' } }),
    ),
    name: action({ box, label: { type: 'string' }, note: { type: 'string' } }, [
      { rule: 'modify', type: 'box', object: 'box', set: { label: 'label', note: 'note' } },
    ]),
    put: action({ box, within: { type: 'reference', to: 'box' } }, [
      { rule: 'modify', type: 'box', object: 'box', set: { within: 'within' } },
    ]),
    tie: action({ boxes, to: box }, each({ rule: 'link', link: 'ties', from: 'one', to: 'to' })),
    untie: action({ boxes, to: box }, each({ rule: 'unlink', link: 'ties', from: 'one', to: 'to' })),
    enlist: action({ name: { type: 'string', required: true }, boxes }, [
      { rule: 'create', type: 'crew', set: { name: 'name' } },
      { rule: 'forEach', as: 'one', in: { list: 'boxes' }, do: [{ rule: 'link', link: 'carries', from: 'name', to: 'one' }] },
    ]),
    load: action(
      { crew: { type: 'reference', to: 'crew', required: true }, boxes },
      each({ rule: 'link', link: 'carries', from: 'crew', to: 'one' }),
    ),
    unload: action(
      { crew: { type: 'reference', to: 'crew', required: true }, boxes },
      each({ rule: 'unlink', link: 'carries', from: 'crew', to: 'one' }),
    ),
  },
  approvalPolicies: {
    alone: {
      expiresAfter: 'PT1H',
      stages: [{ name: 'keepers', thresholds: [{ needed: 1, reviewers: "'keeper' in reviewer.roles" }] }],
      automatic: { condition: 'true', ceilings: { edits: 1000 } },
    },
  },
} satisfies JsonValue;

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture(store);
});
afterAll(() => fixture.close());

const done = async (name: keyof typeof store.actionTypes, parameters: JsonValue) => (await fixture.done(name, parameters)).proposalId;
const make = (...rows: JsonObject[]) => done('make', { rows });
const propose = async (proposalId: string, conflicts: 'refuse' | 'skip'): Promise<Settled> => {
  const request = { proposalId, justification: 'back', conflicts, proposer: agent };
  const proposed = expectDone(await fixture.inApi((tx) => createRevert(tx, request, fixture.deps)));
  return simulated(fixture, proposed.proposalId);
};
/** What stands in the way of the whole; then what is left out of a revert in part, which is executed. */
async function conflictsOf(proposalId: string): Promise<{ named: string[]; skipped: string[] }> {
  const refused = await propose(proposalId, 'refuse');
  expect(refused).toMatchObject({ status: 'invalid', failure: { code: 'revert_conflict' } });
  const revert = await propose(proposalId, 'skip');
  expect(revert.status).toBe('approved');
  expect(await executeProposal(fixture.worker, fixture.tenant, revert.proposalId, fixture.deps)).toMatchObject({ status: 'executed' });
  const { planSummary } = await fixture.read(revert.proposalId);
  const words = ({ type, id, property }: { type: string; id: string; property?: string }) => [type, id, property].filter(Boolean).join(' ');
  return {
    named: (refused.failure?.faults ?? []).map(({ objects = [] }) => objects.map(words).join(', ')),
    skipped: (planSummary?.skipped?.objects ?? []).map(words),
  };
}
const there = async (...codes: string[]) => {
  const found = await Promise.all(codes.map((code) => fixture.inApi((tx) => getObject(tx, 'box', code))));
  return codes.filter((_, at) => !('refused' in (found[at] ?? { refused: true })));
};

it('a unique value that another has by now: the object that had it stays deleted, with what refers to it', async () => {
  await make({ code: 'A1', label: 'a1' }, { code: 'A2', label: 'a2' }, { code: 'A3', within: 'A1' }, { code: 'A4', within: 'A2' });
  const removed = await done('remove', { boxes: ['A1', 'A2', 'A3', 'A4'] });
  await make({ code: 'A5', label: 'a1' });
  expect(await conflictsOf(removed)).toEqual({ named: ['box A1 label, box A5 label'], skipped: ['box A1', 'box A3'] });
  expect(await there('A1', 'A2', 'A3', 'A4')).toEqual(['A2', 'A4']);
});

it('a unique value of a property: that property stays, and the others do not', async () => {
  await make({ code: 'B1', label: 'b1' });
  const named = await done('name', { box: 'B1', label: 'b2', note: 'new' });
  await make({ code: 'B2', label: 'b1' });
  expect(await conflictsOf(named)).toEqual({ named: ['box B1 label, box B2 label'], skipped: ['box B1 label'] });
  expect(await fixture.inApi((tx) => getObject(tx, 'box', 'B1'))).toMatchObject({ properties: { code: 'B1', label: 'b2' } });
});

it('an object that is referred to by now: it stays, and the others go', async () => {
  const made = await make({ code: 'C1' }, { code: 'C2' }, { code: 'C3' });
  await make({ code: 'C4', within: 'C2' });
  await done('tie', { boxes: ['C3'], to: 'C4' });
  expect(await conflictsOf(made)).toEqual({ named: ['box C2, box C4 within', 'box C3'], skipped: ['box C2', 'box C3'] });
  expect(await there('C1', 'C2', 'C3')).toEqual(['C2', 'C3']);
});

it('an object that one refers to which others changed since stays as well', async () => {
  const made = await make({ code: 'D1' }, { code: 'D2', within: 'D1' }, { code: 'D3' });
  await done('mark', { boxes: ['D2'], note: 'mine' });
  expect(await conflictsOf(made)).toEqual({ named: ['box D2', 'box D1, box D2 within'], skipped: ['box D2', 'box D1'] });
  expect(await there('D1', 'D2', 'D3')).toEqual(['D1', 'D2']);
});

it('objects that would refer to one that is gone: each of them is named, and stays as it is', async () => {
  await make({ code: 'E1' }, { code: 'E2' }, { code: 'E3', within: 'E1' }, { code: 'E4', within: 'E1' }, { code: 'E5', within: 'E2' });
  const removed = await done('remove', { boxes: ['E3', 'E4', 'E5'] });
  await done('remove', { boxes: ['E1'] });
  expect(await conflictsOf(removed)).toEqual({
    named: ['box E3 within, box E1', 'box E4 within, box E1'],
    skipped: ['box E3', 'box E4'],
  });
  expect(await there('E3', 'E4', 'E5')).toEqual(['E5']);
});

it('a link to an object that is gone', async () => {
  await make({ code: 'F1' }, { code: 'F2' }, { code: 'F3' });
  await done('tie', { boxes: ['F1', 'F2'], to: 'F3' });
  const untied = await done('untie', { boxes: ['F1', 'F2'], to: 'F3' });
  await done('remove', { boxes: ['F2'] });
  expect(await conflictsOf(untied)).toEqual({ named: ['ties F2 F3, box F2'], skipped: ['ties F2 F3'] });
});

it('a link without which an object would have none, of which it must have one', async () => {
  await make({ code: 'G1' }, { code: 'G2' });
  await done('enlist', { name: 'G', boxes: ['G1'] });
  const loaded = await done('load', { crew: 'G', boxes: ['G2'] });
  await done('unload', { crew: 'G', boxes: ['G1'] });
  const refused = await propose(loaded, 'refuse');
  expect(refused.failure?.faults).toMatchObject([
    {
      objects: [
        { type: 'crew', id: 'G' },
        { type: 'carries', id: 'G G2' },
      ],
    },
  ]);
});

it('of more conflicts than are shown the number is told, and all of them are left', async () => {
  const codes = Array.from({ length: 160 }, (_, at) => `H${at}`);
  const made = await make(...codes.map((code) => ({ code })));
  await done('mark', { boxes: codes.slice(0, 150), note: 'mine' });
  const refused = await propose(made, 'refuse');
  expect(refused.failure?.faults).toHaveLength(100);
  expect(refused.failure?.count).toBe(150);
  const revert = await propose(made, 'skip');
  const { planSummary } = await fixture.read(revert.proposalId);
  expect(planSummary).toMatchObject({ edits: { delete: 10 }, skipped: { count: 150 } });
  expect(planSummary?.skipped?.objects).toHaveLength(100);
});
