import { afterEach, describe, expect, it } from 'vitest';
import type { OntologyDocument } from '../../ontology/definition.ts';
import type { JsonValue } from '../../ontology/json.ts';
import { caller, expectDone, shareDatabase } from '../store/fixture.ts';
import { uploaded } from '../store/govern.ts';
import { resolveAsAsked } from '../support/resolve-as-asked.ts';
import { type Depot, openDepot } from './parcel-depot.ts';
import { bookCarrier, parcelDomain, tellDepot } from './parcel-domain.ts';

const operator = caller('operator-1', ['operator']);
shareDatabase();
let depot: Depot;
afterEach(() => depot?.close());

type Parts = Required<Pick<OntologyDocument, 'objectTypes' | 'actionTypes'>>;
type Change = (parts: Parts) => void;
const by = { approvalPolicy: 'alone' };

/** Handing over takes the tag off and throws crates away. */
function tagged(url: string): OntologyDocument & Parts {
  const { actionTypes = {}, ...domain } = parcelDomain(url, [bookCarrier, { ...tellDepot, attempts: 1 }]);
  const document = { ...domain, actionTypes };
  propertyOf(document, 'tag', { type: 'string' });
  document.objectTypes.crate = { key: 'code', properties: { code: { type: 'string', required: true } } };
  const { handOver } = actionTypes;
  if (handOver === undefined) throw new Error('the domain has other parts');
  handOver.rules = [
    { rule: 'modify', type: 'parcel', object: 'parcel', set: { status: "'away'", depot: 'depot', tag: 'null' } },
    { rule: 'forEach', as: 'one', in: { query: { type: 'crate', where: 'true' } }, do: [{ rule: 'delete', type: 'crate', object: 'one' }] },
  ];
  Object.assign(actionTypes, {
    tagIt: {
      parameters: { parcel: { type: 'reference', to: 'parcel', required: true }, tag: { type: 'string', required: true } },
      rules: [{ rule: 'modify', type: 'parcel', object: 'parcel', set: { tag: 'tag' } }],
      ...by,
    },
    crateUp: {
      parameters: { code: { type: 'string', required: true } },
      rules: [{ rule: 'create', type: 'crate', set: { code: 'code' } }],
      ...by,
    },
  } satisfies OntologyDocument['actionTypes']);
  return document;
}

function propertyOf({ objectTypes }: Parts, name: string, definition: Parts['objectTypes'][string]['properties'][string]): void {
  const { parcel } = objectTypes;
  if (parcel === undefined) throw new Error('the domain has other parts');
  parcel.properties[name] = definition;
}

/** Is refused after its edits, while others define something otherwise. */
async function undone(change: Change): Promise<{ proposal: string; status: string }> {
  depot = await openDepot([], undefined, [], tagged);
  await depot.fixture.done('tagIt', { parcel: 'P1', tag: 'fragile' });
  await depot.fixture.done('crateUp', { code: 'K1' });
  depot.carrier.behaviour = ({ path }) => (path.endsWith('arrivals') ? { status: 409 } : undefined);
  const proposal = await depot.handOver();
  let isChanged = false;
  const { status } = await depot.drive(proposal, async ({ next }) => {
    if (isChanged || next?.name !== 'tell') return;
    isChanged = true;
    const document = tagged(depot.carrier.url);
    change(document);
    expectDone(await uploaded(depot.fixture, document as unknown as JsonValue));
  });
  expect(isChanged).toBe(true);
  return { proposal, status };
}

const asked = async (proposal: string) => (await depot.fixture.read(proposal, operator)).effects?.attention?.conflicts;
const decide = (proposalId: string, choice: 'skip' | 'retry') =>
  depot.fixture.inApi((tx) => resolveAsAsked(tx, { proposalId, choice, reason: 'seen to', by: operator }, depot.fixture.deps));
const crates = async () =>
  (await depot.fixture.inWorker((tx) => tx.rows(`SELECT o.id FROM exequatur.object o WHERE o.type = 'crate' AND o.alive`))).length;

const narrowed: Change = (parts) => {
  propertyOf(parts, 'status', { type: 'enum', values: ['away'], required: true });
  const { receive } = parts.actionTypes;
  if (receive !== undefined)
    receive.rules = [{ rule: 'create', type: 'parcel', set: { code: 'code', weight: 'weight', status: "'away'" } }];
};
const untagged: Change = (parts) => {
  delete parts.objectTypes.parcel?.properties.tag;
  delete parts.actionTypes.tagIt;
  const { handOver } = parts.actionTypes;
  if (handOver !== undefined) handOver.rules = [{ rule: 'modify', type: 'parcel', object: 'parcel', set: { status: "'away'" } }];
};
const uncrated: Change = (parts) => {
  delete parts.objectTypes.crate;
  delete parts.actionTypes.crateUp;
  const { handOver } = parts.actionTypes;
  if (handOver !== undefined) handOver.rules = [{ rule: 'modify', type: 'parcel', object: 'parcel', set: { status: "'away'" } }];
};
/** No object is in the way of it: the tags are taken off, and the crates are gone. */
const patterned =
  (pattern: string): Change =>
  (parts) =>
    propertyOf(parts, 'tag', { type: 'string', pattern });
const cratesBy =
  (pattern: string): Change =>
  ({ objectTypes: { crate } }) =>
    Object.assign(crate?.properties.code ?? {}, { pattern });
/** Of a depot there was none before. */
const depotRequired: Change = (parts) => {
  propertyOf(parts, 'depot', { type: 'string', required: true });
  const { receive } = parts.actionTypes;
  if (receive !== undefined)
    receive.rules = [{ rule: 'create', type: 'parcel', set: { code: 'code', weight: 'weight', status: "'here'", depot: "'none'" } }];
};

describe('what an undo would put back, and the definitions in force do not admit', () => {
  const before = { code: 'P1', weight: 7, status: 'here', tag: 'fragile' };
  const withoutTag = { code: 'P1', weight: 7, status: 'here' };
  it.each<[string, Change, object, object, number]>([
    ['a value that is not among its values', narrowed, { type: 'parcel', id: 'P1', property: 'status' }, { ...before, status: 'away' }, 1],
    ['a value of a property that is gone', untagged, { type: 'parcel', id: 'P1', property: 'tag' }, withoutTag, 1],
    ['a value that its pattern does not match', patterned('[A-Z]+'), { type: 'parcel', id: 'P1', property: 'tag' }, withoutTag, 1],
    ['an object whose key its pattern does not match', cratesBy('[0-9]+'), { type: 'crate', id: 'K1', property: '$' }, before, 0],
    ['an object of a type that is gone', uncrated, { type: 'crate', id: 'K1', property: '$' }, before, 0],
    ['the absence of what is required', depotRequired, { type: 'parcel', id: 'P1', property: 'depot' }, { ...before, depot: 'north' }, 1],
  ])('is %s: it is not written, an operator is shown it, and leaves it', async (_, change, conflict, parcel, left) => {
    const { proposal, status } = await undone(change);
    expect(status).toBe('needs_attention');
    expect(await asked(proposal)).toEqual([{ ...conflict, because: 'defined_otherwise' }]);
    expectDone(await decide(proposal, 'skip'));
    expect((await depot.drive(proposal)).status).toBe('failed');
    expect(await depot.parcel()).toEqual(parcel);
    expect(await crates()).toBe(left);
  });

  it('is put back once it is admitted again', async () => {
    const { proposal } = await undone(narrowed);
    expectDone(await uploaded(depot.fixture, tagged(depot.carrier.url) as unknown as JsonValue));
    expectDone(await decide(proposal, 'retry'));
    expect((await depot.drive(proposal)).status).toBe('failed');
    expect(await depot.parcel()).toEqual(before);
  });

  it('is not what is defined otherwise and admitted all the same', async () => {
    const { status } = await undone((parts) => {
      propertyOf(parts, 'status', { type: 'enum', values: ['here', 'away', 'lost'], required: true });
      propertyOf(parts, 'tag', { type: 'string', maxLength: 7, pattern: '(?i)[A-Z]+', indexed: true });
    });
    expect(status).toBe('failed');
    expect(await depot.parcel()).toEqual(before);
    expect(await crates()).toBe(1);
  });
});
