// What a plan shows of a message is what is told, to the byte.
import { afterEach, expect, it } from 'vitest';
import type { EffectDefinition, Template } from '../../ontology/effect-definition.ts';
import { fillSlots } from '../../ontology/fill-slots.ts';
import type { JsonObject } from '../../ontology/json.ts';
import { createRevert } from '../../store/create-revert.ts';
import { readPlan } from '../../store/read-plan.ts';
import type { Settled } from '../../store/settle.ts';
import { caller, expectDone, simulated } from '../store/fixture.ts';
import { clerk, type Depot, openDepot } from './parcel-depot.ts';
import { bookCarrier } from './parcel-domain.ts';

let depot: Depot;
afterEach(() => depot?.close());

const says = (name: string, data: Record<string, Template>): EffectDefinition => ({
  ...{ name, phase: 'sideEffect', message: { type: name, data } },
  compensation: { message: { type: `un${name}`, data } },
});

/** Of each message of the plan what it shows, with the answers filled in, and what was stored for everybody to hear. */
async function messagesOf(proposalId: string): Promise<{ shown: unknown[]; told: unknown[] }> {
  return depot.fixture.inWorker(async (tx) => {
    const { effects } = expectDone(await readPlan(tx, proposalId));
    const [answers] = await tx.rows<{ slots: JsonObject }>(
      `SELECT coalesce(jsonb_object_agg(x.key, x.value), '{}') AS slots FROM exequatur.saga_step t CROSS JOIN LATERAL jsonb_each(t.slots) x WHERE t.proposal_id = $1::uuid`,
      [proposalId],
    );
    const shown = effects.flatMap(({ request }) => (request.kind === 'message' ? [fillSlots(request, answers?.slots ?? {})] : []));
    const rows = await tx.rows<{ type: string; data: { data: unknown } }>(
      `SELECT o.type, o.data FROM exequatur.outbox o JOIN exequatur.audit_entry a ON a.tenant_id = o.tenant_id AND a.id = o.audit_entry_id
        WHERE o.proposal_id = $1::uuid AND o.type LIKE 'message.%' ORDER BY a.seq`,
      [proposalId],
    );
    return { shown, told: rows.map(({ type, data }) => ({ kind: 'message', type: type.replace('message.', ''), data: data.data })) };
  });
}

async function executed(plan: Settled): Promise<string> {
  expect(plan.status).toBe('awaiting_approval'); // What may be sensitive is not for policy alone.
  await depot.fixture.review(plan, caller('clerk-2'));
  expect((await depot.drive(plan.proposalId)).status).toBe('executed');
  return plan.proposalId;
}
async function reverted(proposalId: string): Promise<string> {
  const request = { proposalId, justification: 'a mistake', proposer: clerk };
  const revert = expectDone(await depot.fixture.inApi((tx) => createRevert(tx, request, depot.fixture.deps)));
  return executed(await simulated(depot.fixture, revert.proposalId));
}

it('on the way there and back, and when it is done again', async () => {
  const gossip = says('gossip', { note: "parcel.note == null ? 'none' : parcel.note" });
  depot = await openDepot([bookCarrier, says('announce', { parcel: 'parcel.id', booking: { slot: 'booking' } }), gossip]);
  const there = await executed(await depot.fixture.planned('handOver', { parcel: 'P1', depot: 'north' }, clerk));
  const back = await reverted(there);
  const again = await reverted(back);
  const told = (type: string, data: JsonObject) => ({ kind: 'message', type, data });
  for (const [proposalId, messages] of [
    [there, [told('announce', { parcel: 'P1', booking: 'B1' }), told('gossip', { $masked: true })]],
    [back, [told('ungossip', { $masked: true }), told('unannounce', { parcel: 'P1', booking: 'B1' })]],
    [again, [told('announce', { parcel: 'P1', booking: 'B3' }), told('gossip', { $masked: true })]],
  ] as const) {
    const found = await messagesOf(proposalId);
    expect(found.told).toEqual(messages);
    expect(found.shown).toEqual(found.told);
  }
});
