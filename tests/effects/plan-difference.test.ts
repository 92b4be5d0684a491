import { afterEach, expect, it } from 'vitest';
import { Mask } from '../../ontology/mask.ts';
import { SensitiveFields } from '../../ontology/sensitive-fields.ts';
import { readPlanDifference } from '../../store/read-plan-difference.ts';
import { expectDone, simulated } from '../store/fixture.ts';
import { type Depot, openDepot } from './parcel-depot.ts';
import { bookCarrier, parcelDomain } from './parcel-domain.ts';

let depot: Depot;
afterEach(() => depot?.close());

it('two plans tell how what they do outside differs, apart from their headers, where it is masked like elsewhere', async () => {
  const noting = {
    ...bookCarrier,
    webhook: { endpoint: 'carrier', path: ["'bookings'"], body: { note: 'parcel.note', weight: 'parcel.weight' } },
  };
  depot = await openDepot([noting]);
  const { fixture } = depot;
  const id = await depot.handOver();
  const { planDigest: first } = await fixture.read(id);
  await fixture.done('weigh', { parcel: 'P1', weight: 8 });
  await fixture.inWorker(async (tx) => {
    tx.audit({ type: 'proposal.simulating', proposalId: id, facts: { from: 'awaiting_approval', status: 'simulating' } });
    await tx.rows(`UPDATE exequatur.proposal p SET status = 'simulating' WHERE p.id = $1::uuid`, [id]);
  });
  await simulated(fixture, id);
  const difference = expectDone(await fixture.inApi((tx) => readPlanDifference(tx, id, { from: first ?? '' })));
  expect(difference.header).toEqual([]);
  const bodies = [difference.outside?.from, difference.outside?.to].map((side) => side?.effects[0]?.request);
  expect(bodies).toMatchObject([{ body: { weight: 7 } }, { body: { weight: 8 } }]);
  const mask = new Mask(new SensitiveFields(parcelDomain('https://carrier.example', [noting])), () => false);
  const [effect] = difference.outside?.to.effects ?? [];
  if (effect === undefined) throw new Error('the plan has no effect');
  expect(JSON.stringify(mask.effect('handOver', effect))).not.toContain('weight');
});
