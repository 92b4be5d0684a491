// Reverts in part, again, and of reverts, among writes of others, at random: what stands, and what each proposal says of itself, is what a model says that knows nothing but who last did something to a part.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../ontology/json.ts';
import { createRevert } from '../../store/create-revert.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { getObject } from '../../store/read-object.ts';
import { agent, expectDone, type Fixture, openFixture, simulated } from '../store/fixture.ts';
import { Dice } from './random-numbers.ts';

const seed = Number(process.env.EXEQUATUR_SEED ?? 1);
const parts = ['a', 'b', 'c'] as const;
type Part = (typeof parts)[number];
const rounds = 60;

const integer = { type: 'integer' };
const each = Object.fromEntries(parts.map((part) => [part, integer]));
const set = Object.fromEntries(parts.map((part) => [part, part]));
const thing = { type: 'reference', to: 'thing', required: true };
const world = {
  objectTypes: { thing: { key: 'code', properties: { code: { type: 'string', required: true }, ...each } } },
  actionTypes: {
    make: {
      parameters: { code: { type: 'string', required: true }, ...each },
      rules: [{ rule: 'create', type: 'thing', set: { code: 'code', ...set } }],
      approvalPolicy: 'alone',
    },
    change: { parameters: { thing, ...each }, rules: [{ rule: 'modify', type: 'thing', object: 'thing', set }], approvalPolicy: 'alone' },
  },
  approvalPolicies: {
    alone: {
      expiresAfter: 'PT1H',
      stages: [{ name: 'keepers', thresholds: [{ needed: 1, reviewers: "'keeper' in reviewer.roles" }] }],
      automatic: { condition: 'true', ceilings: { edits: 10 } },
    },
  },
} satisfies JsonValue;

interface Member {
  proposalId: string;
  depth: number;
  of: Member | null;
  isPartial: boolean;
  did: Map<Part, { before: number; after: number }>;
}

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture(world);
});
afterAll(() => fixture.close());

/** By which side each part was last done something to, by the family alone. */
function sidesOf(family: readonly Member[]): Map<Part, number> {
  return new Map(family.flatMap(({ did, depth }) => [...did.keys()].map((part) => [part, depth % 2] as const)));
}

function standingOf(member: Member, family: readonly Member[]): Part[] {
  const sides = sidesOf(family);
  return [...member.did.keys()].filter((part) => sides.get(part) === member.depth % 2);
}

function revertedOf(member: Member, family: readonly Member[]): string {
  const left = standingOf(member, family).length;
  return left === member.did.size ? 'none' : left === 0 ? 'full' : 'partial';
}

async function change(values: JsonObject): Promise<string> {
  return (await fixture.done('change', { thing: 'T', ...values })).proposalId;
}

/** Null where it is refused, or where all of it stands in the way. */
async function revert(proposalId: string): Promise<{ proposalId: string; refused: null } | { refused: string }> {
  const request = { proposalId, justification: 'back', conflicts: 'skip' as const, proposer: agent };
  const proposed = await fixture.inApi((tx) => createRevert(tx, request, fixture.deps));
  if ('refused' in proposed) return { refused: proposed.refused };
  const plan = await simulated(fixture, proposed.proposalId);
  if (plan.status === 'invalid') return { refused: 'invalid' };
  const ended = await executeProposal(fixture.worker, fixture.tenant, proposed.proposalId, fixture.deps);
  expect(ended?.status).toBe('executed');
  return { proposalId: proposed.proposalId, refused: null };
}

it(`what stands is what was last done, whoever did it (EXEQUATUR_SEED=${seed})`, async () => {
  const dice = new Dice(seed);
  await fixture.done('make', { code: 'T', a: 0, b: 0, c: 0 });
  const now = new Map<Part, number>(parts.map((part) => [part, 0]));
  const first: Member = { proposalId: await change({ a: 1, b: 1, c: 1 }), depth: 0, of: null, isPartial: false, did: new Map() };
  for (const part of parts) {
    first.did.set(part, { before: 0, after: 1 });
    now.set(part, 1);
  }
  const family = [first];
  const seen = { executed: 0, partial: 0, already_reverted: 0, invalid: 0 };
  for (let round = 0; round < rounds; round++) {
    if (dice.chance(40)) {
      const part = dice.pick(parts);
      const value = dice.roll(3);
      if (value !== now.get(part)) await change({ ...Object.fromEntries(now), [part]: value }); // What is not given would be unset.
      now.set(part, value);
      continue;
    }
    const target = dice.pick(family);
    const standing = standingOf(target, family);
    const free = standing.filter((part) => now.get(part) === target.did.get(part)?.after);
    const wanted = standing.length === 0 ? 'already_reverted' : free.length === 0 ? 'invalid' : null;
    const outcome = await revert(target.proposalId);
    expect([round, outcome.refused]).toEqual([round, wanted]);
    if (outcome.refused !== null) {
      seen[outcome.refused as 'invalid' | 'already_reverted'] += 1;
      continue;
    }
    const did = new Map(free.map((part) => [part, { before: target.did.get(part)?.after ?? 0, after: target.did.get(part)?.before ?? 0 }]));
    for (const [part, { after }] of did) now.set(part, after);
    const isPartial = free.length < standing.length;
    family.push({ proposalId: outcome.proposalId, depth: target.depth + 1, of: target, isPartial, did });
    seen.executed += 1;
    seen.partial += isPartial ? 1 : 0;
    const object = expectDone(await fixture.inApi((tx) => getObject(tx, 'thing', 'T')));
    expect([round, object.properties]).toEqual([round, { code: 'T', ...Object.fromEntries(now) }]);
    for (const member of family) {
      const view = await fixture.read(member.proposalId);
      expect([round, member.proposalId, view.reverted, view.actions.revert.allowed]).toEqual([
        ...[round, member.proposalId, revertedOf(member, family), standingOf(member, family).length > 0],
      ]);
      expect(view.reverts.map(({ executedAt: _at, ...one }) => one)).toEqual(
        family
          .filter(({ of }) => of === member)
          .map((one) => ({ proposalId: one.proposalId, partial: one.isPartial, reverted: revertedOf(one, family) })),
      );
      if (view.reverted === 'none') expect(view.revertedBy).toBeNull();
      else expect(standingOf(family.find(({ proposalId }) => proposalId === view.revertedBy) as Member, family)).not.toEqual([]);
    }
  }
  for (const [what, times] of Object.entries(seen)) expect([what, times > 0]).toEqual([what, true]);
});
