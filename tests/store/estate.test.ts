// Every type of value, uniqueness, and what deletions entail, through the door and back, on a clone from tests/support/database.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonValue } from '../../ontology/json.ts';
import { createRevert } from '../../store/create-revert.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { getObject } from '../../store/read-object.ts';
import { stateHash } from '../../store/state-hash.ts';
import estate from '../fixtures/estate.json' with { type: 'json' };
import { agent, expectDone, type Fixture, keeper1, officer, openFixture, simulated } from './fixture.ts';

let fixture: Fixture;
const object = async (type: string, id: string) => expectDone(await fixture.inApi((tx) => getObject(tx, type, id))).properties;
const hash = () => fixture.inApi((tx) => stateHash(tx));
const faultOf = async (actionType: string, parameters: JsonValue) => {
  const settled = await fixture.planned(actionType, parameters);
  const { failure } = await fixture.read(settled.proposalId);
  return { status: settled.status, faults: failure?.faults };
};
/** Executes, reverts and finds everything as it was; then executes again. */
const thereAndBack = async (actionType: string, parameters: JsonValue) => {
  const before = await hash();
  const first = await fixture.done(actionType, parameters);
  expect(await hash()).not.toBe(before);
  const revert = expectDone(
    await fixture.inApi((tx) => createRevert(tx, { proposalId: first.proposalId, justification: 'undo', proposer: agent }, fixture.deps)),
  );
  const plan = await simulated(fixture, revert.proposalId);
  for (const reviewer of plan.status === 'awaiting_approval' ? [keeper1, officer] : []) await fixture.review(plan, reviewer);
  expect(await executeProposal(fixture.worker, fixture.tenant, revert.proposalId, fixture.deps)).toMatchObject({ status: 'executed' });
  expect(await hash()).toBe(before);
  return fixture.done(actionType, parameters);
};
const editsOf = async (proposalId: string) => (await fixture.read(proposalId)).planSummary?.edits;

beforeAll(async () => {
  fixture = await openFixture(estate as JsonValue);
});
afterAll(() => fixture.close());

describe('a value of any type', () => {
  const whole = {
    code: 'P1',
    price: '123456789012345678901234567890.00000000000000000001',
    area: 0.1,
    grid: '9007199254740993',
    floors: 2,
    soldOn: '2000-02-29',
    seenAt: '2001-01-31T09:30:00.000Z',
    kind: 'house',
    place: { latitude: 47.37, longitude: 8.54 },
    address: {
      street: 'Rue 🌳',
      number: '-9223372036854775808',
      since: '1999-12-31T23:59:59.999Z',
      tags: ['a', 'b'],
      gate: { place: { latitude: -90, longitude: 180 }, code: '0.1' },
    },
    visits: [{ on: '2020-01-01' }, { on: '2020-01-02', cost: '9999999999999999999.99' }],
    corners: [
      { latitude: 0, longitude: 0 },
      { latitude: 0, longitude: 1 },
    ],
  };

  it('comes back from the database as it went in', async () => {
    await thereAndBack('addParcel', whole);
    expect(await object('parcel', 'P1')).toEqual({ ...whole, isBuilt: false });
  });

  it('is brought to canonical form', async () => {
    await fixture.done('addParcel', {
      code: 'P2',
      price: '1.50',
      seenAt: '2001-01-31T10:30:00.5+01:00',
      place: { longitude: -0, latitude: -0 },
      address: { street: 's', since: '2000-01-01T01:00:00+01:00', gate: {} },
    });
    expect(await object('parcel', 'P2')).toEqual({
      code: 'P2',
      price: '1.5',
      seenAt: '2001-01-31T09:30:00.500Z',
      place: { latitude: 0, longitude: 0 },
      address: { street: 's', since: '2000-01-01T00:00:00.000Z', gate: {} },
      isBuilt: false,
    });
  });

  it('is computed in expressions, structs and places included', async () => {
    await thereAndBack('readdress', { parcel: 'P1', street: 'New street' });
    const parcel = await object('parcel', 'P1');
    expect(parcel.address).toEqual({ street: 'New street', number: '9007199254740993', gate: { place: whole.place, code: whole.price } });
    const radians = (degrees: number) => (degrees * Math.PI) / 180;
    const byLawOfCosines = 6_371_008.8 * Math.acos(Math.cos(radians(47.37)) * Math.cos(radians(8.54)));
    expect(parcel.area).toBeCloseTo(byLawOfCosines, 3);
    expect(await faultOf('readdress', { parcel: 'P1', street: 'New street' })).toMatchObject({
      status: 'invalid',
      faults: [{ code: 'criteria_failed' }],
    });
  });

  it.each<[string, JsonValue, string]>([
    ['a struct without a field it must have', { address: { number: '1' } }, 'address of parcel X field street is required'],
    [
      'a field that is too long',
      { address: { street: 'x'.repeat(41) } },
      'address of parcel X field street must be at most 40 characters long',
    ],
    [
      'a list that is too long',
      { visits: ['1', '2', '3', '4'].map((day) => ({ on: `2020-01-0${day}` })) },
      'visits of parcel X must have at most 3 items',
    ],
    ['an item without a field it must have', { visits: [{ cost: '1' }] }, 'visits of parcel X item 0 field on is required'],
    ['a list with one value twice', { corners: [whole.place, whole.place] }, 'corners of parcel X item 1 stands in the list twice'],
    ['a number that is not allowed', { floors: 4 }, 'floors of parcel X must be one of 1, 2, 3'],
    ['a decimal below its minimum', { price: '-0.01' }, 'price of parcel X must be at least 0'],
    ['a day before the first', { soldOn: '1899-12-31' }, 'soldOn of parcel X must not be before 1900-01-01'],
    ['a time after the last', { seenAt: '2100-01-01T00:00:00.001Z' }, 'seenAt of parcel X must not be after 2100-01-01T00:00:00.000Z'],
  ])('is refused as %s', async (_, parameters, message) => {
    const { status, faults } = await faultOf('addParcel', { ...(parameters as object), code: 'X' });
    expect(status).toBe('invalid');
    expect(faults).toMatchObject([{ code: 'invalid_value', message }]);
  });

  it('is refused with a pointer when a parameter does not fit', async () => {
    const refused = await fixture.propose('addParcel', {
      code: 'X',
      place: { latitude: 91, longitude: 0 },
      address: { gate: { code: 'x', colour: 'red' }, tags: [1] },
      visits: [{ on: '2001-02-29' }],
    });
    expect(refused).toMatchObject({ refused: 'invalid_parameters' });
    const pointers = 'faults' in refused ? refused.faults?.map((fault) => fault.pointer) : [];
    expect(pointers?.sort()).toEqual([
      '/parameters/address/gate/code',
      '/parameters/address/gate/colour',
      '/parameters/address/tags/0',
      '/parameters/place',
      '/parameters/visits/0/on',
    ]);
  });
});

describe('a unique property', () => {
  const long = 'x'.repeat(300);

  it('is held by one live object at a time, told apart beyond what an index row holds', async () => {
    await fixture.done('addOwner', { code: 'O1', taxNumber: `${long}1`, rank: '9007199254740993' });
    await fixture.done('addOwner', { code: 'O2', taxNumber: `${long}2`, rank: '9007199254740992' });
    expect(await faultOf('addOwner', { code: 'O3', taxNumber: `${long}1` })).toMatchObject({ faults: [{ code: 'not_unique' }] });
    expect(await faultOf('addOwner', { code: 'O3', rank: '9007199254740993' })).toMatchObject({
      faults: [{ code: 'not_unique', message: '2 objects of type owner would have the same rank' }],
    });
    await fixture.done('addOwner', { code: 'O3' });
    await fixture.done('addOwner', { code: 'O4' });
  });

  it('may change hands within one plan', async () => {
    await thereAndBack('swapTaxNumbers', { a: 'O1', b: 'O2' });
    expect((await object('owner', 'O1')).taxNumber).toBe(`${long}2`);
  });

  it('goes to one of two executions that want it at once, and the other learns why', async () => {
    const plans = await Promise.all(['O3', 'O4'].map((owner) => fixture.planned('setTaxNumber', { owner, taxNumber: 'same' })));
    const outcomes = await Promise.all(
      plans.map(({ proposalId }) => executeProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps)),
    );
    expect(outcomes.map((outcome) => outcome?.status).sort()).toEqual(['executed', 'simulating']);
    const loser = outcomes.find((outcome) => outcome?.status === 'simulating');
    const again = await simulated(fixture, loser?.proposalId ?? '');
    expect(again.status).toBe('invalid');
    expect((await fixture.read(again.proposalId)).failure).toMatchObject({ faults: [{ code: 'not_unique' }] });
  });
});

describe('a deletion', () => {
  it('takes along, unsets and unlinks what its link types say, all of it in the plan, and comes back whole', async () => {
    await fixture.done('addParcel', { code: 'P3', owner: 'O1' });
    await fixture.done('plant', { parcel: 'P3', tree: 'T1', nest: 'N1', planter: 'O1' });
    await fixture.done('plant', { parcel: 'P3', tree: 'T2', nest: 'N2' });
    await fixture.done('meet', { a: 'P3', b: 'P1' });
    await fixture.done('meet', { a: 'P2', b: 'P3' });
    await fixture.done('meet', { a: 'P3', b: 'P3' });
    const { proposalId } = await thereAndBack('removeParcel', { parcel: 'P3' });
    expect(await editsOf(proposalId)).toEqual({ create: 0, modify: 0, delete: 5, link: 0, unlink: 3 });
  });

  it('unsets no property of what another link type takes along', async () => {
    await fixture.done('addParcel', { code: 'P4', owner: 'O2' });
    await fixture.done('plant', { parcel: 'P4', tree: 'T3', nest: 'N3', planter: 'O2' });
    await fixture.done('plant', { parcel: 'P1', tree: 'T4', nest: 'N4', planter: 'O2' });
    const { proposalId } = await thereAndBack('removeOwner', { owner: 'O2', parcel: 'P4' });
    expect(await editsOf(proposalId)).toEqual({ create: 0, modify: 1, delete: 4, link: 0, unlink: 0 });
    expect(await object('tree', 'T4')).not.toHaveProperty('planter');
  });

  it('is refused while a link stands that says so', async () => {
    await fixture.done('found', { club: 'C1', member: 'O1' });
    expect(await faultOf('removeOwner', { owner: 'O1' })).toMatchObject({ faults: [{ code: 'still_referenced' }] });
  });
});

describe('an end that is required', () => {
  it('must be linked when its object is created, and stay so', async () => {
    expect(await faultOf('found', { club: 'C2' })).toMatchObject({
      faults: [{ code: 'required_link_missing', pointer: '/linkTypes/members/requiredEnds', objects: [{ type: 'club', id: 'C2' }] }],
    });
    expect(await faultOf('leave', { club: 'C1', member: 'O1' })).toMatchObject({ faults: [{ code: 'required_link_missing' }] });
  });
});
