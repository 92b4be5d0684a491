// On the run's servers: tests/support/database.ts, tests/support/temporal.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Caller } from '../../../ontology/authority.ts';
import type { OperatorDecision } from '../../../ontology/saga.ts';
import { createRevert } from '../../../store/create-revert.ts';
import { recordReview } from '../../../store/record-review.ts';
import { cancelExecution } from '../../../store/saga/cancel-execution.ts';
import type { Behaviour } from '../../effects/receiver.ts';
import { resolveAsAsked } from '../../support/resolve-as-asked.ts';
import { expectWhole } from '../expect-whole.ts';
import { losingEach } from '../losing-each.ts';
import { carryMixed, keyed, mixedParcels } from '../mixed-parcels.ts';
import { isArrival, ParcelService } from '../parcel-service.ts';
import { YearlySchedule } from '../yearly-schedule.ts';

const issued = '2026-01-01T00:00:00.000Z';
const clerk: Caller = { id: 'clerk', kind: 'user', roles: ['clerk'], tokenIssuedAt: issued };
const foreman: Caller = { id: 'foreman', kind: 'user', roles: ['clerk', 'foreman'], tokenIssuedAt: issued };
const operator: Caller = { id: 'operator', kind: 'user', roles: ['operator'], tokenIssuedAt: issued };

const hangsMs = 3_600_000; // Each of some thirty rounds has limits of its own; what a round takes is the machine's.

let service: ParcelService;
beforeAll(async () => {
  service = await ParcelService.open({ effects: keyed, change: mixedParcels, functions: 'tests/chaos/label-functions.ts', parcels: 0 });
  carryMixed(service.carrier);
}, 300_000);
afterAll(() => service?.close());

interface Case {
  carrier?: Behaviour;
  /** Whose commits are not counted. */
  before?: (parcel: string, depot: string) => Promise<unknown>;
  /** Makes the proposal whose commits they are, of a parcel of its own. */
  propose: (parcel: string, depot: string) => Promise<string>;
  choice?: OperatorDecision;
  /** What it may come to. */
  ended: string[];
}

async function started(actionType: string, parameters: object): Promise<string> {
  const proposal = await service.shop.propose(actionType, parameters as never);
  await service.shop.signal(proposal, actionType);
  return proposal;
}
const asked = (actionType: string) => (parcel: string, depot: string) => started(actionType, { parcel, depot });

let parcels = 0;
let original = '';
async function reserved(parcel: string, depot: string): Promise<void> {
  original = await started('reserve', { parcel, depot });
  expect(await service.shop.outcome(original)).toBe('executed');
}

async function revert(): Promise<string> {
  const { shop } = service;
  const request = { proposalId: original, justification: 'a mistake', proposer: clerk, idempotencyKey: original };
  const { proposalId } = await shop.write((tx) => createRevert(tx, request, shop.deps));
  await shop.signal(proposalId, 'reserve');
  return proposalId;
}

async function changeSet(parcel: string, depot: string): Promise<string> {
  const { shop } = service;
  const crate = `C-${depot}`;
  const actions = [
    { actionType: 'pack', parameters: { crate, seal: crate, parcel, depot } },
    { actionType: 'handOver', parameters: { parcel, depot } },
  ];
  const proposalId = await started('handOver+pack', { actions });
  await expect.poll(() => shop.status(proposalId), { timeout: 60_000 }).toBe('awaiting_approval');
  const [row] = await shop.query<{ digest: string }>('SELECT plan_digest AS digest FROM exequatur.proposal WHERE id = $1', [proposalId]);
  const review = { proposalId, decision: 'approve' as const, digest: row?.digest ?? '', reviewer: foreman, reason: 'all of it' };
  await shop.write((tx) => recordReview(tx, review, shop.deps));
  await shop.signal(proposalId, 'handOver+pack');
  return proposalId;
}

let schedule: YearlySchedule;
async function willWeigh(parcel: string): Promise<void> {
  schedule = await YearlySchedule.open(service.shop, 'weigh', { parcel, weight: 8 });
}

const full: Behaviour = (received) => (isArrival(received) ? { status: 409 } : undefined);
/** The label is not voided when that is first asked. */
const voidedLater = (): Behaviour => {
  const refused = new Set<string>();
  return (received, n) => {
    const isFirst = received.path.startsWith('/labels/') && received.method === 'DELETE' && !refused.has(received.key);
    if (!isFirst) return full(received, n);
    refused.add(received.key);
    return { status: 423, turnedAway: true };
  };
};
const cancelled: Behaviour = ({ path, key }) => {
  const cancellation = { proposalId: key.split('.')[0] ?? '', reason: 'not now', by: operator };
  const cancel = () => service.shop.write((tx) => cancelExecution(tx, cancellation, service.shop.deps)).catch(() => undefined);
  return path.startsWith('/labels/') ? { meanwhile: cancel } : undefined;
};

describe('the answer to a COMMIT that is lost, at each commit of the worker in turn, leaves nothing lost, doubled or half-done', () => {
  it.each<[string, Case]>([
    ['of effects that are never sent again', { propose: asked('collect'), choice: 'skip', ended: ['executed', 'failed'] }],
    ['of checks that bake', { propose: asked('watch'), ended: ['executed'] }],
    [
      'of the undos for which a check is the reason',
      {
        propose: asked('watch'),
        carrier: ({ path }) => (path.endsWith('/kept') ? { status: 404, turnedAway: true } : undefined),
        ended: ['failed'],
      },
    ],
    [
      'of a probed effect, a function and a message, and of their undos, of which an operator has one tried again',
      { propose: asked('reserve'), carrier: voidedLater(), choice: 'retry', ended: ['failed'] },
    ],
    ['of what an operator gives up', { propose: asked('reserve'), carrier: voidedLater(), choice: 'abort', ended: ['failed'] }],
    ['of an execution that is cancelled', { propose: asked('reserve'), carrier: cancelled, ended: ['failed'] }],
    ['of a revert', { before: reserved, propose: revert, ended: ['executed'] }],
    ['of a change set', { propose: changeSet, ended: ['executed'] }],
    ['of the expiry', { propose: (parcel) => started('askInTime', { parcel, weight: 9 }), ended: ['expired'] }],
    [
      'of a run of a schedule',
      { before: willWeigh, propose: async () => schedule.proposalOf(await schedule.trigger()), ended: ['executed'] },
    ],
  ])('%s', { timeout: hangsMs }, async (words, { carrier = () => undefined, before, propose, choice, ended }) => {
    const { shop, proxy, worker } = service;
    const outcomes: Record<string, number> = {};
    service.carrier.behaviour = carrier;
    const commitsLost = await losingEach({
      proxy,
      worker,
      async ready() {
        parcels += 1;
        expect(await shop.outcome(await shop.proposed('receive', { code: `P${parcels}`, weight: 7 }))).toBe('executed');
        await before?.(`P${parcels}`, `depot-${parcels}`);
      },
      async act(nth) {
        const proposal = await propose(`P${parcels}`, `depot-${parcels}`);
        let status = await service.ended(proposal);
        while (status === 'needs_attention' && choice !== undefined) {
          await resolve(proposal, choice);
          status = await service.ended(proposal);
        }
        expect(ended, `commit ${nth}`).toContain(status);
        expect(await shop.outcome(proposal)).toBe(status);
        outcomes[status] = (outcomes[status] ?? 0) + 1;
      },
    });
    console.log(JSON.stringify({ commitsLost, saga: words, outcomes }));
    expect(commitsLost).toBeGreaterThan(1);
    await expectWhole(service);
  });
});

async function resolve(proposalId: string, choice: OperatorDecision): Promise<void> {
  const { shop } = service;
  const resolution = { proposalId, choice, reason: 'the carrier says so', by: operator };
  await shop.write((tx) => resolveAsAsked(tx, resolution, shop.deps));
  await shop.signal(proposalId, 'reserve');
  await expect.poll(() => shop.status(proposalId), { timeout: 60_000 }).not.toBe('needs_attention');
}
