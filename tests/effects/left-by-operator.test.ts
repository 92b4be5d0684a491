import { afterEach, describe, expect, it } from 'vitest';
import type { OntologyDocument } from '../../ontology/definition.ts';
import { type Resolution, resolveAttention } from '../../store/saga/resolve-attention.ts';
import { caller, expectDone } from '../store/fixture.ts';
import { type Depot, openDepot } from './parcel-depot.ts';
import { bookCarrier, parcelDomain, tellDepot } from './parcel-domain.ts';

const operator = caller('operator-1', ['operator']);
let depot: Depot;
afterEach(() => depot?.close());

const resolve = async (proposalId: string, choice: Resolution['choice']) =>
  expectDone(
    await depot.fixture.inApi((tx) => resolveAttention(tx, { proposalId, choice, reason: 'seen to', by: operator }, depot.fixture.deps)),
  );

/** Parcels have labels, of which there is one each: who takes the label that a parcel had stands in the way of its getting it back. */
function labelled(url: string): OntologyDocument {
  const domain = parcelDomain(url, [bookCarrier, { ...tellDepot, attempts: 1 }]);
  const { parcel } = domain.objectTypes;
  const { receive, handOver } = domain.actionTypes ?? {};
  if (parcel === undefined || receive?.rules === undefined || handOver === undefined) throw new Error('the domain has other parts');
  parcel.properties.label = { type: 'string', unique: true, maxLength: 20 };
  receive.parameters = { ...receive.parameters, label: { type: 'string', default: 'first', maxLength: 20 } };
  receive.rules = [{ rule: 'create', type: 'parcel', set: { code: 'code', weight: 'weight', status: "'here'", label: 'label' } }];
  handOver.rules = [{ rule: 'modify', type: 'parcel', object: 'parcel', set: { status: "'away'", label: "'gone'" } }];
  return domain;
}

describe('edits that cannot be put back, though nobody changed them since', () => {
  it('stay where an operator leaves them, and what came before them is undone', async () => {
    depot = await openDepot([], undefined, [], labelled);
    depot.carrier.behaviour = ({ path }) => (path.endsWith('arrivals') ? { status: 409 } : undefined);
    const proposal = await depot.handOver();
    const stuck = await depot.drive(proposal, async ({ next }) => {
      if (next?.name === 'tell') await depot.fixture.done('receive', { code: 'P2', weight: 1 });
    });
    expect(stuck.status).toBe('needs_attention');
    expect((await depot.fixture.read(proposal, operator)).effects?.attention).toMatchObject({
      step: 'edits',
      conflicts: [{ code: 'not_unique' }],
    });
    await resolve(proposal, 'skip');
    expect((await depot.drive(proposal)).status).toBe('failed');
    expect((await depot.fixture.read(proposal)).effects).toMatchObject({ edits: 'skipped' });
    expect(depot.carrier.done.map(({ method }) => method)).toEqual(['POST', 'DELETE']);
    expect(await depot.parcel()).toMatchObject({ status: 'away', label: 'gone' });
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
