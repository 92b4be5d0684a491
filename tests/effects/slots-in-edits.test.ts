// Edits that write what a write-back was answered: tests/effects/parcel-depot.ts.
import { afterEach, describe, expect, it } from 'vitest';
import { compileOntology } from '../../ontology/compile-ontology.ts';
import type { OntologyDocument, Rule } from '../../ontology/definition.ts';
import type { EffectDefinition, SlotDefinition } from '../../ontology/effect-definition.ts';
import type { JsonObject } from '../../ontology/json.ts';
import { createRevert } from '../../store/create-revert.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { startAttempt } from '../../store/saga/start-attempt.ts';
import type { Settled } from '../../store/settle.ts';
import { expectDone, shareDatabase, simulated } from '../store/fixture.ts';
import { clerk, type Depot, openDepot } from './parcel-depot.ts';
import { bookCarrier, parcelDomain, tellDepot } from './parcel-domain.ts';

shareDatabase();
let depot: Depot;

const noted: Rule[] = [
  { rule: 'modify', type: 'parcel', object: 'parcel', set: { status: "'away'", depot: 'depot', booking: { slot: 'booking' } } },
];
const slot: SlotDefinition = { type: 'string', maxLength: 40, pattern: 'B[0-9]{1,9}', value: 'answer.body.booking' };
const book: EffectDefinition = { ...bookCarrier, slots: { booking: slot } };
const domain = (url: string, effects: EffectDefinition[] = [book], rules = noted): OntologyDocument => {
  const document = parcelDomain(url, effects);
  const parcel = document.objectTypes.parcel;
  const handOver = document.actionTypes?.handOver;
  if (parcel === undefined || handOver === undefined) throw new Error('the domain has changed');
  return {
    ...document,
    objectTypes: {
      parcel: {
        ...parcel,
        properties: { ...parcel.properties, booking: { type: 'string', maxLength: 40, pattern: 'B[0-9]{1,9}', indexed: true } },
      },
    },
    actionTypes: { ...document.actionTypes, handOver: { ...handOver, rules } },
  };
};
const opened = async (effects?: EffectDefinition[]): Promise<Depot> => {
  depot = await openDepot([], undefined, [], (url) => domain(url, effects));
  return depot;
};
const rows = <R extends object>(text: string) => depot.fixture.inWorker((tx) => tx.rows<R>(text));

describe('an edit with a slot', () => {
  afterEach(() => depot.close());

  it('is approved as such, filled with what the write-back was answered, kept in history, and taken back', async () => {
    await opened([book, tellDepot]);
    const proposal = await depot.handOver();
    const planned = await depot.fixture.read(proposal);
    const ended = await depot.drive(proposal);
    expect(ended.status).toBe('executed');
    expect(await depot.parcel()).toMatchObject({ status: 'away', booking: 'B1' });
    expect((await depot.fixture.read(proposal)).planDigest).toBe(planned.planDigest);
    expect(await rows(`SELECT h.set FROM exequatur.object_history h WHERE h.object_id = 'P1' AND h.op = 'modify'`)).toEqual([
      { set: { status: 'away', depot: 'north', booking: 'B1' } },
    ]);
    expect(await rows(`SELECT 1 FROM exequatur.object_index i WHERE i.property = 'booking' AND i.object_id = 'P1'`)).toHaveLength(1);
    const request = { proposalId: proposal, justification: 'a mistake', proposer: clerk };
    const revert = expectDone(await depot.fixture.inApi((tx) => createRevert(tx, request, depot.fixture.deps)));
    await simulated(depot.fixture, revert.proposalId);
    expect((await depot.drive(revert.proposalId)).status).toBe('executed');
    expect(await depot.parcel()).toEqual({ code: 'P1', status: 'here', weight: 7 });
    // Done anew, the carrier would answer with another number than the one that would be restored.
    const again = { ...request, proposalId: revert.proposalId };
    expect(await depot.fixture.inApi((tx) => createRevert(tx, again, depot.fixture.deps))).toEqual({ refused: 'not_revertible' });
  });

  it('is in the approved bytes as a slot, which says who fills it', async () => {
    await opened();
    const { digest } = await depot.fixture.planned('handOver', { parcel: 'P1', depot: 'north' }, clerk);
    const [line] = await rows<{ edit: JsonObject; header: JsonObject }>(
      `SELECT split_part(t.content, E'\\n', 1)::jsonb AS header, split_part(t.content, E'\\n', 3)::jsonb AS edit
         FROM (SELECT convert_from(string_agg(c.bytes, '' ORDER BY c.ordinal), 'UTF8') AS content
                 FROM exequatur.plan p JOIN exequatur.plan_chunk c ON c.tenant_id = p.tenant_id AND c.plan_id = p.id WHERE p.digest = '${digest}' GROUP BY p.id) t`,
    );
    expect(line).toMatchObject({
      edit: { set: { booking: { $slot: 'booking' } } },
      header: { effects: [{ name: 'book', fills: ['booking'] }] },
    });
  });

  it('changes nothing where the answer is not as the plan says, and takes the write-back for one of unknown outcome', async () => {
    await opened();
    depot.carrier.behaviour = ({ path }) => (path === '/bookings' ? { body: { booking: 'elsewhere' } } : undefined);
    const ended = await depot.drive(await depot.handOver());
    expect(ended.status).not.toBe('executed');
    expect(await depot.parcel()).toEqual({ code: 'P1', status: 'here', weight: 7 });
  });

  it.each<[string, string, string]>([
    ['is none that the plan allows', '{"booking": "elsewhere"}', 'failed'],
    ['is of another kind', '{"booking": 7}', 'failed'],
    ['is longer than the plan allows', '{"booking": "B1\\n"}', 'failed'],
    ['is missing', '{}', 'needs_attention'], // Nobody can say which booking is to be cancelled.
  ])('is refused by the door where what a worker puts on record %s', async (_title, slots, status) => {
    await opened();
    const { worker, tenant, deps } = depot.fixture;
    const proposal = await depot.handOver();
    await executeProposal(worker, tenant, proposal, deps);
    await startAttempt(worker, tenant, proposal, { kind: 'do', ordinal: 0 }, deps);
    await lie(proposal, `state = 'done', slots = '${slots}'`);
    expect((await depot.drive(proposal)).status).toBe(status);
    expect(await depot.parcel()).toEqual({ code: 'P1', status: 'here', weight: 7 });
  });

  it('takes what was recorded with the answer: it is not changed afterwards', async () => {
    await opened();
    const proposal = await depot.handOver();
    await depot.step(
      proposal,
      (await executeProposal(depot.fixture.worker, depot.fixture.tenant, proposal, depot.fixture.deps)) as Settled,
    );
    await expect(lie(proposal, `slots = '{"booking": "B2"}'`)).rejects.toMatchObject({ code: 'XQ006' });
    await depot.drive(proposal);
    expect(await depot.parcel()).toMatchObject({ booking: 'B1' });
  });
});

const lie = (proposal: string, change: string) =>
  depot.fixture.inWorker((tx) => {
    tx.audit({ type: 'effect.ended', proposalId: proposal, facts: {} });
    return tx.rows(`UPDATE exequatur.saga_step SET ${change} WHERE proposal_id = $1::uuid RETURNING 1`, [proposal]);
  });

describe('a document', () => {
  const faults = (effects: EffectDefinition[], rules: Rule[] = noted): string[] => {
    const outcome = compileOntology(domain('https://carrier.example', effects, rules));
    return outcome.ok ? [] : outcome.faults.map(({ message }) => message);
  };
  const withSlot = (definition: SlotDefinition): EffectDefinition[] => [{ ...bookCarrier, slots: { booking: definition } }];

  it('may have slots in edits that are bounded as the property is', () => {
    expect(faults([book])).toEqual([]);
  });

  it.each<[string, EffectDefinition[], RegExp]>([
    ['no write-back fills', [], /no write-back fills booking/],
    ['a side effect fills', [{ ...book, phase: 'sideEffect' }], /no write-back fills booking/],
    ['are without a bound', withSlot({ type: 'string', pattern: 'B[0-9]{1,9}', value: 'answer.body.booking' }), /maxLength/],
    ['allow more than the property', withSlot({ type: 'string', maxLength: 40, value: 'answer.body.booking' }), /must say of pattern/],
    ['are of another type', withSlot({ type: 'integer', value: 'answer.body.booking' }), /is a integer/],
    ['are of a type that the door cannot judge', withSlot({ type: 'double', value: 'answer.body.booking' }), /one of the types/],
  ])('is refused whose edits take slots that %s', (_title, effects, words) => {
    expect(faults(effects).join()).toMatch(words);
  });
});
