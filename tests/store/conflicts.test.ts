// When one action makes another's plan stale, and when it does not: at the review and at the door alike, on a clone from tests/support/database.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../ontology/json.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { conflictsDocument } from './conflicts-document.ts';
import { type Fixture, keeper1, keeper2, openFixture, simulated } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture(conflictsDocument as never);
});
afterAll(() => fixture?.close());

type Act = [action: string, parameters: JsonObject];
/** `n` is a number of its own for each case, so that none meets another's objects. */
interface Case {
  before?: (n: number) => Act[];
  plan: (n: number) => Act;
  meanwhile: (n: number) => Act[];
}

let cases = 0;

/** Two equal proposals, one with one approval and one approved; then what happens meanwhile; then the second review of one and the execution of the other. */
async function meet({ before = () => [], plan, meanwhile }: Case) {
  const n = ++cases;
  const carryOut = async (acts: Act[]) => {
    for (const [action, parameters] of acts) await fixture.done(`${action}Now`, parameters);
  };
  await carryOut([
    ['addShelf', { name: `s${n}` }],
    ['addShelf', { name: `t${n}` }],
    ...['a', 'b', 'c'].map((name): Act => ['make', { code: `${name}${n}`, shelf: `s${n}` }]),
    ...before(n),
  ]);
  const [reviewed, approved] = [await fixture.planned(...plan(n)), await fixture.planned(...plan(n))];
  await fixture.review(reviewed, keeper1);
  for (const keeper of [keeper1, keeper2]) expect(await fixture.review(approved, keeper)).not.toHaveProperty('refused');
  await carryOut(meanwhile(n));
  const answer = await fixture.review(reviewed, keeper2);
  const executed = await executeProposal(fixture.worker, fixture.tenant, approved.proposalId, fixture.deps);
  const found = { review: 'refused' in answer ? answer.refused : answer.settled.status, execution: executed?.status };
  const again = found.review === 'stale_plan' ? await simulated(fixture, reviewed.proposalId) : null;
  return {
    ...found,
    again: again && (again.status === 'invalid' ? again.failure?.code : again.digest === reviewed.digest ? 'equal' : 'another'),
  };
}

const fresh = { review: 'approved', execution: 'executed', again: null };
const stale = (again: string) => ({ review: 'stale_plan', execution: 'simulating', again });

describe('a plan is not made stale by an action', () => {
  it.each<[string, Case]>([
    [
      'on another property of its object',
      { plan: (n) => ['paint', { item: `a${n}`, colour: 'red' }], meanwhile: (n) => [['set', { item: `a${n}`, count: 3, state: 'shut' }]] },
    ],
    [
      'on another property than its criterion reads',
      { plan: (n) => ['paintOpen', { item: `a${n}`, colour: 'red' }], meanwhile: (n) => [['set', { item: `a${n}`, count: 3 }]] },
    ],
    [
      'on another object of the types that it queries',
      {
        before: (n) => [['set', { item: `a${n}`, state: `x${n}` }]],
        plan: (n) => ['paintAll', { state: `x${n}` }],
        meanwhile: (n) => [
          ['set', { item: `b${n}`, state: 'shut' }],
          ['make', { code: `z${n}` }],
        ],
      },
    ],
    [
      'on other properties of what it selected',
      {
        before: (n) => [['set', { item: `a${n}`, state: `x${n}` }]],
        plan: (n) => ['paintAll', { state: `x${n}` }],
        meanwhile: (n) => [['set', { item: `a${n}`, colour: 'red' }]],
      },
    ],
    [
      'on the links of other objects',
      {
        plan: (n) => ['tellFriends', { shelf: `s${n}` }],
        before: (n) => [
          ['befriend', { a: `a${n}`, b: `b${n}` }],
          ['move', { item: `c${n}`, shelf: `t${n}` }],
        ],
        meanwhile: (n) => [['befriend', { a: `c${n}`, b: `a${n}` }]],
      },
    ],
    [
      'on another row of its object’s links',
      { plan: (n) => ['befriend', { a: `a${n}`, b: `b${n}` }], meanwhile: (n) => [['befriend', { a: `a${n}`, b: `c${n}` }]] },
    ],
    [
      'on what it does not read of the objects that it walks to',
      { plan: (n) => ['fill', { shelves: [`s${n}`, `t${n}`] }], meanwhile: (n) => [['set', { item: `a${n}`, count: 4 }]] },
    ],
  ])('%s', async (_, each) => {
    expect(await meet(each)).toEqual(fresh);
  });
});

describe('a plan is stale, and comes out the same, where another', () => {
  it.each<[string, Case]>([
    [
      'wrote what its criterion reads',
      { plan: (n) => ['paintOpen', { item: `a${n}`, colour: 'red' }], meanwhile: (n) => [['set', { item: `a${n}`, state: 'shut' }]] },
    ],
    [
      'wrote what a constraint reads',
      { plan: (n) => ['paintBelow', { item: `a${n}` }], meanwhile: (n) => [['set', { item: `a${n}`, count: 3 }]] },
    ],
    [
      'created and deleted what it found absent',
      {
        plan: (n) => ['make', { code: `new${n}` }],
        meanwhile: (n) => [
          ['make', { code: `new${n}` }],
          ['remove', { item: `new${n}` }],
        ],
      },
    ],
  ])('%s', async (_, each) => {
    expect(await meet(each)).toEqual(stale('equal'));
  });
});

describe('a plan is stale, and another comes of it, where another action', () => {
  it.each<[string, Case]>([
    [
      'wrote the same property',
      { plan: (n) => ['paint', { item: `a${n}`, colour: 'red' }], meanwhile: (n) => [['set', { item: `a${n}`, colour: 'blue' }]] },
    ],
    [
      'wrote what a parameter is prefilled from',
      {
        before: (n) => [['set', { item: `b${n}`, colour: 'red' }]],
        plan: (n) => ['paintLike', { item: `a${n}`, model: `b${n}` }],
        meanwhile: (n) => [['set', { item: `b${n}`, colour: 'blue' }]],
      },
    ],
    [
      'made something join its object set',
      {
        before: (n) => [['set', { item: `a${n}`, state: `x${n}` }]],
        plan: (n) => ['paintSet', { items: { filter: `state == 'x${n}'` } }],
        meanwhile: (n) => [['set', { item: `b${n}`, state: `x${n}` }]],
      },
    ],
    [
      'made something join what its query selects',
      {
        before: (n) => [['set', { item: `a${n}`, state: `x${n}` }]],
        plan: (n) => ['paintAll', { state: `x${n}` }],
        meanwhile: (n) => [['set', { item: `b${n}`, state: `x${n}` }]],
      },
    ],
    [
      'made something leave it',
      {
        before: (n) => [['set', { item: `a${n}`, state: `x${n}` }]],
        plan: (n) => ['paintAll', { state: `x${n}` }],
        meanwhile: (n) => [['set', { item: `a${n}`, state: 'shut' }]],
      },
    ],
    [
      'moved something from one start of its walk to another',
      { plan: (n) => ['fill', { shelves: [`s${n}`, `t${n}`] }], meanwhile: (n) => [['move', { item: `a${n}`, shelf: `t${n}` }]] },
    ],
    [
      'linked what it walks over',
      { plan: (n) => ['tellFriends', { shelf: `s${n}` }], meanwhile: (n) => [['befriend', { a: `a${n}`, b: `b${n}` }]] },
    ],
    [
      'unlinked what it walks over',
      {
        before: (n) => [['befriend', { a: `a${n}`, b: `b${n}` }]],
        plan: (n) => ['tellFriends', { shelf: `s${n}` }],
        meanwhile: (n) => [['estrange', { a: `a${n}`, b: `b${n}` }]],
      },
    ],
    [
      'unlinked what it found linked already',
      {
        before: (n) => [['befriend', { a: `a${n}`, b: `b${n}` }]],
        plan: (n) => ['befriend', { a: `a${n}`, b: `b${n}` }],
        meanwhile: (n) => [['estrange', { a: `a${n}`, b: `b${n}` }]],
      },
    ],
    [
      'linked what it deletes',
      { plan: (n) => ['remove', { item: `a${n}` }], meanwhile: (n) => [['befriend', { a: `b${n}`, b: `a${n}` }]] },
    ],
  ])('%s', async (_, each) => {
    expect(await meet(each)).toEqual(stale('another'));
  });
});

describe('a plan is stale, and can no longer be made, where another action', () => {
  it.each<[string, string, Case]>([
    [
      'created what it would create',
      'object_exists',
      { plan: (n) => ['make', { code: `new${n}` }], meanwhile: (n) => [['make', { code: `new${n}` }]] },
    ],
    [
      'deleted what it would refer to',
      'unknown_reference',
      { plan: (n) => ['move', { item: `a${n}`, shelf: `t${n}` }], meanwhile: (n) => [['removeShelf', { shelf: `t${n}` }]] },
    ],
    [
      'referred to what it would delete',
      'still_referenced',
      { plan: (n) => ['removeShelf', { shelf: `t${n}` }], meanwhile: (n) => [['move', { item: `a${n}`, shelf: `t${n}` }]] },
    ],
    [
      'took the value that is to be unique',
      'not_unique',
      { plan: (n) => ['tag', { item: `a${n}`, tag: `x${n}` }], meanwhile: (n) => [['tag', { item: `b${n}`, tag: `x${n}` }]] },
    ],
    [
      'closed what must be open',
      'criteria_failed',
      { plan: (n) => ['paintOpen', { item: `a${n}`, colour: 'red' }], meanwhile: (n) => [['set', { item: `a${n}`, state: 'closed' }]] },
    ],
    [
      'moved what stayed with one to another that would also be left',
      'required_link_missing',
      {
        before: (n) => [
          ...['p', 'q', 'r'].map((club): Act => ['found', { name: `${club}${n}`, first: `${club}1-${n}` }]),
          ...['p', 'q'].map((club): Act => ['enlist', { member: `${club}2-${n}`, club: `${club}${n}` }]),
        ],
        plan: (n) => ['leaveBoth', { a: `p1-${n}`, b: `q1-${n}`, club: `r${n}` }],
        meanwhile: (n) => [['join', { member: `p2-${n}`, club: `q${n}` }]],
      },
    ],
  ])('%s', async (_, code, each) => {
    expect(await meet(each)).toEqual(stale(code));
  });
});
