import { afterEach, describe, expect, it } from 'vitest';
import type { EffectDefinition } from '../../ontology/effect-definition.ts';
import type { OperatorDecision } from '../../ontology/saga.ts';
import { resolveAttention } from '../../store/saga/resolve-attention.ts';
import { caller, expectDone, shareDatabase } from '../store/fixture.ts';
import { type Depot, openDepot } from './parcel-depot.ts';
import { bookCarrier, tellDepot } from './parcel-domain.ts';

const operator = caller('operator-1', ['operator']);
shareDatabase();
let depot: Depot;
afterEach(() => depot?.close());

const { compensation: _none, ...lasting } = tellDepot;
const closing: EffectDefinition = { ...lasting, name: 'close', webhook: { endpoint: 'carrier', path: ["'close'"] } };
const done = () => depot.carrier.done.map(({ method, path }) => `${method} ${path}`);
const decide = (proposalId: string, asking: string, choice: OperatorDecision = 'skip') =>
  depot.fixture.inApi((tx) => resolveAttention(tx, { proposalId, asking, choice, reason: 'seen to', by: operator }, depot.fixture.deps));

/** What an operator is shown, after everything was done that goes by itself. */
async function asked(proposalId: string): Promise<{ id: string; step: string }> {
  expect((await depot.drive(proposalId)).status).toBe('needs_attention');
  const attention = (await depot.fixture.read(proposalId, operator)).effects?.attention;
  if (!attention) throw new Error('nobody is asked');
  return attention;
}

/** Its last step is refused, and nothing before it can be taken back. */
async function stuck(): Promise<string> {
  depot = await openDepot([bookCarrier, tellDepot, closing]);
  depot.carrier.behaviour = ({ path, method }) =>
    path === '/close' ? { status: 409 } : path.endsWith('cancellations') || method === 'DELETE' ? { status: 423 } : undefined;
  return depot.handOver();
}

describe('a decision about what is not asked any more', () => {
  it('decides nothing about the next step', async () => {
    const proposal = await stuck();
    const first = await asked(proposal);
    expectDone(await decide(proposal, first.id));
    const second = await asked(proposal);
    expect([first.step, second.step]).toEqual(['tell', 'book']);
    for (const choice of ['skip', 'retry', 'abort'] as const)
      expect(await decide(proposal, first.id, choice)).toMatchObject({ refused: 'stale_asking' });
    expect(await asked(proposal)).toEqual(second);
    expectDone(await decide(proposal, second.id));
    expect((await depot.drive(proposal)).status).toBe('failed');
    expect(done()).toEqual(['POST /bookings', 'POST /depots/north/arrivals']);
  });

  it('decides nothing about the same step, which was tried again meanwhile', async () => {
    const proposal = await stuck();
    const first = await asked(proposal);
    expectDone(await decide(proposal, first.id, 'retry'));
    expect(await decide(proposal, first.id, 'retry')).toMatchObject({ refused: 'not_resolvable' });
    const again = await asked(proposal);
    expect(again.step).toBe(first.step);
    expect(await decide(proposal, first.id)).toMatchObject({ refused: 'stale_asking' });
    expectDone(await decide(proposal, again.id));
  });

  it('is on record as refused', async () => {
    const proposal = await stuck();
    await asked(proposal);
    expect(await decide(proposal, 'something else')).toMatchObject({ refused: 'stale_asking' });
    const refusals = await depot.fixture.inApi((tx) =>
      tx.rows(`SELECT d.actor, d.action, d.reason FROM exequatur.decision d WHERE d.proposal_id = $1 AND d.outcome = 'refused'`, [
        proposal,
      ]),
    );
    expect(refusals).toEqual([{ actor: operator.id, action: 'resolve', reason: 'stale_asking' }]);
  });
});
