import { afterEach, describe, expect, it } from 'vitest';
import type { EffectDefinition } from '../../ontology/effect-definition.ts';
import type { JsonObject } from '../../ontology/json.ts';
import { shareDatabase } from '../store/fixture.ts';
import { type Depot, openDepot } from './parcel-depot.ts';
import { bookCarrier, tellDepot } from './parcel-domain.ts';
import type { Reply } from './receiver.ts';

shareDatabase();
let depot: Depot;
afterEach(() => depot?.close());

const { compensation: _none, ...lasting } = tellDepot;

/** The depot is told after the booking, and answers this. */
async function told(effect: Partial<EffectDefinition>, reply: Reply) {
  depot = await openDepot([bookCarrier, { ...lasting, ...effect, optional: true } as EffectDefinition]);
  depot.carrier.behaviour = ({ path }) => (path.endsWith('arrivals') ? reply : undefined);
  const proposal = await depot.handOver();
  expect(await depot.drive(proposal)).toMatchObject({ status: 'executed' });
  return proposal;
}

const events = (proposal: string, type: string) =>
  depot.fixture.inApi((tx) =>
    tx.rows<{ data: JsonObject }>('SELECT o.data FROM exequatur.outbox o WHERE o.proposal_id = $1::uuid AND o.type = $2', [proposal, type]),
  );

describe('an optional effect', () => {
  it('whose answer was lost is told as unknown: with the execution, in the events, in the log and in what is counted', async () => {
    const proposal = await told({ lostAnswer: 'none' }, { reset: 'after' });
    expect(depot.carrier.requests('POST', /arrivals$/)).toHaveLength(1);
    const { execution, effects } = await depot.fixture.read(proposal);
    expect(execution).toMatchObject({ failedEffects: [], unknownEffects: ['tell'] });
    expect(effects?.steps[1]).toMatchObject({ name: 'tell', state: 'unknown' });
    expect((await events(proposal, 'proposal.executed')).map(({ data }) => data)).toEqual([
      expect.objectContaining({ unknownEffects: ['tell'] }),
    ]);
    expect((await events(proposal, 'proposal.executed'))[0]?.data).not.toHaveProperty('failedEffects');
    expect((await events(proposal, 'effect.ended')).map(({ data }) => [data.effect, data.state, data.optional])).toEqual([
      ['book', 'done', false],
      ['tell', 'unknown', true],
    ]);
    const [entry] = await depot.fixture.inApi((tx) =>
      tx.rows<{ payload: string }>(
        `SELECT convert_from(a.payload, 'UTF8') AS payload FROM exequatur.audit_entry a WHERE a.proposal_id = $1::uuid AND a.type = 'proposal.executed'`,
        [proposal],
      ),
    );
    expect(JSON.parse(entry?.payload ?? '{}')).toMatchObject({ unknownEffects: ['tell'] });
    expect(depot.ends).toEqual([
      { way: 'do', state: 'done', optional: false },
      { way: 'do', state: 'unknown', optional: true },
    ]);
  });

  it.each(['key', 'none'] as const)('that was refused under %s is told as failed, and not as unknown', async (lostAnswer) => {
    const proposal = await told({ lostAnswer }, { status: 422 });
    expect((await depot.fixture.read(proposal)).execution).toMatchObject({ failedEffects: ['tell'], unknownEffects: [] });
    expect((await events(proposal, 'proposal.executed'))[0]?.data).toMatchObject({ failedEffects: ['tell'] });
    expect(depot.ends.at(-1)).toEqual({ way: 'do', state: 'refused', optional: true });
  });

  it('that was done is neither', async () => {
    const proposal = await told({}, {});
    expect((await depot.fixture.read(proposal)).execution).toMatchObject({ failedEffects: [], unknownEffects: [] });
  });
});
