import { afterEach, describe, expect, it } from 'vitest';
import type { OntologyDocument } from '../../ontology/definition.ts';
import { createRevert } from '../../store/create-revert.ts';
import type { Resolution } from '../../store/saga/resolve-attention.ts';
import { differencesOf, objectsOf, replayed } from '../chaos/sequential-replay.ts';
import { caller, expectDone, shareDatabase, simulated } from '../store/fixture.ts';
import { resolveAsAsked } from '../support/resolve-as-asked.ts';
import { clerk, type Depot, openDepot } from './parcel-depot.ts';
import { bookCarrier, parcelDomain, tellDepot } from './parcel-domain.ts';

const operator = caller('operator-1', ['operator']);
shareDatabase();
let depot: Depot;
afterEach(() => depot?.close());

const resolve = async (proposalId: string, choice: Resolution['choice']) =>
  expectDone(
    await depot.fixture.inApi((tx) => resolveAsAsked(tx, { proposalId, choice, reason: 'seen to', by: operator }, depot.fixture.deps)),
  );

/**
 * Parcels have labels, of which there is one each: who takes the label that a parcel had stands in the way of its getting it back. Handing over pastes a slip and a copy of it for the parcel, and throws its
 * old crate and what lies in that away.
 */
function labelled(url: string): OntologyDocument {
  const domain = parcelDomain(url, [bookCarrier, { ...tellDepot, attempts: 1 }]);
  const { parcel } = domain.objectTypes;
  const { receive, handOver } = domain.actionTypes ?? {};
  if (parcel === undefined || receive?.rules === undefined || handOver === undefined) throw new Error('the domain has other parts');
  parcel.properties.label = { type: 'string', unique: true, maxLength: 20 };
  const key = { code: { type: 'string', required: true } } as const;
  Object.assign(domain.objectTypes, {
    slip: { key: 'code', properties: key },
    copy: { key: 'code', properties: { ...key, of: { type: 'reference', to: 'slip' } } },
    crate: {
      key: 'code',
      properties: { ...key, stamp: { type: 'string', unique: true, maxLength: 20 }, within: { type: 'reference', to: 'crate' } },
    },
  } satisfies OntologyDocument['objectTypes']);
  domain.linkTypes = { pins: { from: 'slip', to: 'slip', cardinality: 'many-to-many' } };
  receive.parameters = { ...receive.parameters, label: { type: 'string', default: 'first', maxLength: 20 } };
  receive.rules = [{ rule: 'create', type: 'parcel', set: { code: 'code', weight: 'weight', status: "'here'", label: 'label' } }];
  handOver.rules = [
    { rule: 'modify', type: 'parcel', object: 'parcel', set: { status: "'away'", label: "'gone'" } },
    { rule: 'create', type: 'slip', set: { code: "'S1'" } },
    { rule: 'create', type: 'slip', set: { code: "'S2'" } },
    { rule: 'create', type: 'slip', set: { code: "'S3'" } },
    { rule: 'create', type: 'copy', set: { code: "'C1'", of: "'S1'" } },
    { rule: 'forEach', as: 'one', in: { query: { type: 'crate', where: 'true' } }, do: [{ rule: 'delete', type: 'crate', object: 'one' }] },
  ];
  const by = { approvalPolicy: 'alone' };
  Object.assign(domain.actionTypes ?? {}, {
    copySlip: {
      parameters: { code: { type: 'string', required: true }, of: { type: 'reference', to: 'slip', required: true } },
      rules: [{ rule: 'create', type: 'copy', set: { code: 'code', of: 'of' } }],
      ...by,
    },
    pin: {
      parameters: { slip: { type: 'reference', to: 'slip', required: true } },
      rules: [
        { rule: 'create', type: 'slip', set: { code: "'S9'" } },
        { rule: 'link', link: 'pins', from: 'slip', to: "'S9'" },
      ],
      ...by,
    },
    crateUp: {
      parameters: { code: { type: 'string', required: true }, stamp: { type: 'string' }, within: { type: 'reference', to: 'crate' } },
      rules: [{ rule: 'create', type: 'crate', set: { code: 'code', stamp: 'stamp', within: 'within' } }],
      ...by,
    },
  } satisfies OntologyDocument['actionTypes']);
  return domain;
}

const there = async () => {
  const rows = await depot.fixture.inWorker((tx) =>
    tx.rows<{ id: string }>(`SELECT o.id FROM exequatur.object o WHERE o.type <> 'parcel' AND o.alive ORDER BY o.id`),
  );
  return rows.map(({ id }) => id);
};

/** What a model of one plan after another finds in the way, by itself, is what the engine found; and so are the objects. */
async function expectSequential(): Promise<void> {
  const asked = { query: <R>(text: string) => depot.fixture.inWorker((tx) => tx.rows<R>(text)) };
  const { objects, faults } = await replayed(asked, labelled(depot.carrier.url));
  expect(faults).toEqual([]);
  expect(differencesOf(await objectsOf(asked), objects)).toEqual([]);
}

describe('edits that cannot be put back, though nobody changed them since', () => {
  /** Is refused after its edits, while others do `meanwhile`. */
  async function stuck(meanwhile: () => Promise<unknown>): Promise<string> {
    depot.carrier.behaviour = ({ path }) => (path.endsWith('arrivals') ? { status: 409 } : undefined);
    const proposal = await depot.handOver();
    const ended = await depot.drive(proposal, async ({ next }) => {
      if (next?.name === 'tell') await meanwhile();
    });
    expect(ended.status).toBe('needs_attention');
    return proposal;
  }
  async function reverted(proposalId: string): Promise<void> {
    const back = { proposalId, justification: 'a mistake', proposer: clerk };
    const revert = expectDone(await depot.fixture.inApi((tx) => createRevert(tx, back, depot.fixture.deps)));
    await simulated(depot.fixture, revert.proposalId);
    expect((await depot.drive(revert.proposalId)).status).toBe('executed');
  }
  const asked = async (proposal: string) => (await depot.fixture.read(proposal, operator)).effects?.attention;

  it('are named one by one, and stay where an operator leaves them, and all others are put back', async () => {
    depot = await openDepot([], undefined, [], labelled);
    const proposal = await stuck(() => depot.fixture.done('receive', { code: 'P2', weight: 1 }));
    const by = { type: 'parcel', id: 'P2', property: 'label' };
    expect(await asked(proposal)).toMatchObject({
      ...{ step: 'edits', conflictCount: 1 },
      conflicts: [{ type: 'parcel', id: 'P1', property: 'label', because: 'not_unique', by }],
    });
    await resolve(proposal, 'skip');
    expect((await depot.drive(proposal)).status).toBe('failed');
    expect((await depot.fixture.read(proposal)).effects).toMatchObject({ edits: 'undone' });
    expect(depot.carrier.done.map(({ method }) => method)).toEqual(['POST', 'DELETE']);
    expect(await depot.parcel()).toMatchObject({ status: 'here', label: 'gone' });
    expect(await there()).toEqual([]);
    await expectSequential();
  });

  it('are those that are referred to by now, and no others', async () => {
    depot = await openDepot([], undefined, [], labelled);
    const proposal = await stuck(async () => {
      await depot.fixture.done('copySlip', { code: 'C2', of: 'S1' });
      await depot.fixture.done('pin', { slip: 'S2' });
    });
    expect((await asked(proposal))?.conflicts).toEqual([
      { type: 'slip', id: 'S1', property: '$', because: 'still_referenced', by: { type: 'copy', id: 'C2', property: 'of' } },
      { type: 'slip', id: 'S2', property: '$', because: 'still_referenced', by: { type: 'pins', id: 'S2 S9' } },
    ]);
    await resolve(proposal, 'skip');
    await depot.drive(proposal);
    expect(await depot.parcel()).toMatchObject({ status: 'here', label: 'first' });
    expect(await there()).toEqual(['C2', 'S1', 'S2', 'S9']);
    await expectSequential();
  });

  it('are those whose unique value is taken, and what would refer to them', async () => {
    depot = await openDepot([], undefined, [], labelled);
    await depot.fixture.done('crateUp', { code: 'K1', stamp: 'one' });
    await depot.fixture.done('crateUp', { code: 'K2', within: 'K1' });
    await depot.fixture.done('crateUp', { code: 'K3', within: 'K2' });
    await depot.fixture.done('crateUp', { code: 'K4', stamp: 'four' });
    const proposal = await stuck(() => depot.fixture.done('crateUp', { code: 'K5', stamp: 'one' }));
    const missing = (id: string, of: string) => {
      return { type: 'crate', id, property: '$', because: 'unknown_reference', by: { type: 'crate', id: of, through: 'within' } };
    };
    expect((await asked(proposal))?.conflicts).toEqual([
      { type: 'crate', id: 'K1', property: '$', because: 'not_unique', by: { type: 'crate', id: 'K5', property: 'stamp' } },
      missing('K2', 'K1'),
      missing('K3', 'K2'),
    ]);
    await resolve(proposal, 'skip');
    await depot.drive(proposal);
    expect(await there()).toEqual(['K4', 'K5']);
    expect(await depot.parcel()).toMatchObject({ status: 'here', label: 'first' });
    await expectSequential();
  });

  const undoneEntry = async (proposal: string) => {
    const [row] = await depot.fixture.inApi((tx) =>
      tx.rows<{ payload: string }>(
        `SELECT convert_from(a.payload, 'UTF8') AS payload FROM exequatur.audit_entry a WHERE a.proposal_id = $1 AND a.type = 'execution.undone'`,
        [proposal],
      ),
    );
    return JSON.parse(row?.payload ?? 'null') as unknown;
  };

  it('and came to be so after an operator left others are asked about as well', async () => {
    depot = await openDepot([], undefined, [], labelled);
    const proposal = await stuck(() => depot.fixture.done('receive', { code: 'P2', weight: 1 }));
    await resolve(proposal, 'skip');
    await depot.fixture.done('copySlip', { code: 'C2', of: 'S1' });
    expect((await depot.drive(proposal)).status).toBe('needs_attention');
    const shown = await asked(proposal);
    expect(shown?.conflicts).toMatchObject([
      { type: 'parcel', id: 'P1', property: 'label', because: 'not_unique' },
      { type: 'slip', id: 'S1', property: '$', because: 'still_referenced' },
    ]);
    expect((await depot.fixture.read(proposal, operator)).effects?.left).toBeNull();
    await resolve(proposal, 'skip');
    expect((await depot.drive(proposal)).status).toBe('failed');
    expect((await depot.fixture.read(proposal, operator)).effects).toMatchObject({
      edits: 'undone',
      left: { conflicts: shown?.conflicts, conflictCount: 2 },
    });
    expect(await undoneEntry(proposal)).toMatchObject({ left: 2 });
  });

  it('are put back after all where nothing stands in their way any more, also after an operator left them, and others stay left', async () => {
    depot = await openDepot([], undefined, [], labelled);
    let copied = '';
    const proposal = await stuck(async () => {
      await depot.fixture.done('receive', { code: 'P2', weight: 1 });
      copied = (await depot.fixture.done('copySlip', { code: 'C2', of: 'S1' })).proposalId;
    });
    await resolve(proposal, 'skip');
    await reverted(copied);
    expect((await depot.drive(proposal)).status).toBe('failed');
    expect(await there()).toEqual([]);
    expect((await depot.fixture.read(proposal, operator)).effects?.left).toMatchObject({ conflictCount: 1 });
    expect(await undoneEntry(proposal)).toMatchObject({ left: 1 });
  });

  it('are put back once what stood in the way is gone, where an operator has it tried again', async () => {
    depot = await openDepot([], undefined, [], labelled);
    let taken = '';
    const proposal = await stuck(async () => {
      taken = (await depot.fixture.done('receive', { code: 'P2', weight: 1 })).proposalId;
    });
    await reverted(taken);
    await resolve(proposal, 'retry');
    expect((await depot.drive(proposal)).status).toBe('failed');
    expect(await depot.parcel()).toMatchObject({ status: 'here', label: 'first' });
    expect((await depot.fixture.read(proposal, operator)).effects?.left).toBeNull();
    expect(await undoneEntry(proposal)).not.toHaveProperty('left');
    await expectSequential();
  });
});

describe('an effect that an operator leaves in the world', () => {
  /** Went stale after its write-back, which the carrier does not take back. */
  async function staleAndStuck(): Promise<string> {
    depot = await openDepot([bookCarrier]);
    depot.carrier.behaviour = ({ method }) => (method === 'DELETE' ? { status: 409 } : undefined);
    const proposal = await depot.handOver();
    let changed = false;
    const ended = await depot.drive(proposal, async ({ status, next }) => {
      if (status !== 'executing' || next !== undefined || changed) return;
      changed = true;
      await depot.fixture.done('relabel', { parcel: 'P1', depot: 'south' });
    });
    expect(ended.status).toBe('needs_attention');
    return proposal;
  }

  it.each(['skip', 'abort'] as const)('by %s is not done a second time: the proposal ends', async (choice) => {
    const proposal = await staleAndStuck();
    await resolve(proposal, choice);
    if (choice === 'skip') expect((await depot.drive(proposal)).status).toBe('failed');
    expect(await depot.fixture.read(proposal)).toMatchObject({
      status: 'failed',
      failure: { code: 'execution_failed', faults: [{ code: 'left_by_operator' }] },
    });
    expect(depot.carrier.done.map(({ method }) => method)).toEqual(['POST']);
  });
});
