import { expect } from 'vitest';
import type { Caller } from '../../ontology/authority.ts';
import type { CheckDefinition, EffectDefinition } from '../../ontology/effect-definition.ts';
import type { JsonValue } from '../../ontology/json.ts';
import type { OperatorDecision } from '../../ontology/saga.ts';
import { createRevert } from '../../store/create-revert.ts';
import { loadFunctions } from '../../store/load-functions.ts';
import { recordReview } from '../../store/record-review.ts';
import { parcelDomain } from '../effects/parcel-domain.ts';
import { type Received, Receiver } from '../effects/receiver.ts';
import { resolveAsAsked } from '../support/resolve-as-asked.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.ts';
import { LampShop } from '../workflows/lamp-shop.ts';
import { expectWhole } from './expect-whole.ts';
import { carryMixed } from './mixed-parcels.ts';

const functions = 'tests/chaos/label-functions.ts';
const endMs = 500_000; // A worker that was killed is missed after seconds, and on a busy machine takes more of them to start, at each of half a dozen requests.
const clerk: Caller = { id: 'clerk', kind: 'user', roles: ['clerk'], tokenIssuedAt: '2026-01-01T00:00:00.000Z' };
const operator: Caller = { ...clerk, id: 'operator', roles: ['operator'] };

/** When a worker is killed in the middle of a request: before the carrier does what it asks, or after it has done it and before it answers. */
export type Kill = 'before' | 'after';

/** Of the n-th request (from 0) under one key. */
export type Kills = (received: Received, n: number) => Kill | undefined;

/** Before it was done, the next time after it, and then no more; a question is interrupted once. */
export const inEach: Kills = ({ method }, n) => (n === 0 ? 'before' : n === 1 && method !== 'GET' ? 'after' : undefined);
export const afterEach: Kills = (_, n) => (n === 0 ? 'after' : undefined);

/** Executions with effects, and a worker in a process of its own that is killed with kill -9 in the middle of whatever a test says. */
export class KilledSaga {
  readonly shop: LampShop;
  readonly carrier: Receiver;
  readonly worker: WorkerProcess;
  /** From each kill until the step that it hit was tried again, by the worker that was started in its place. */
  readonly recoveryMs: number[] = [];
  kills = 0;

  private constructor(parts: Pick<KilledSaga, 'shop' | 'carrier' | 'worker'>) {
    this.shop = parts.shop;
    this.carrier = parts.carrier;
    this.worker = parts.worker;
  }

  /** With parcels `P1` and `P2`, of weight 7. */
  static async open(effects: EffectDefinition[], checks?: CheckDefinition[]): Promise<KilledSaga> {
    const carrier = await Receiver.open();
    carryMixed(carrier);
    const document = parcelDomain(carrier.url, effects, checks, 'PT2S') as unknown as JsonValue;
    const shop = await LampShop.open({ document, functions: await loadFunctions(functions) });
    const more = { EXEQUATUR_EFFECTS_ALLOWED_ADDRESSES: '127.0.0.1', EXEQUATUR_FUNCTIONS: functions, CARRIER_URL: carrier.url };
    const worker = await startWorkerProcess({
      databaseUrl: shop.database.urls.worker,
      temporal: shop.temporal,
      taskQueue: shop.taskQueue,
      more,
    });
    const saga = new KilledSaga({ shop, carrier, worker });
    for (const code of ['P1', 'P2']) expect(await shop.outcome(await shop.proposed('receive', { code, weight: 7 }))).toBe('executed');
    return saga;
  }

  async close(): Promise<void> {
    await this.worker.stop();
    await this.shop.close();
    await this.carrier.close();
  }

  /** From now on: kills the worker there, and has the carrier answer everything else like this. */
  killAt(kills: Kills, otherwise: Receiver['behaviour'] = () => undefined): void {
    const asked = new Map<string, number>();
    const killedAt = new Map<string, number>();
    this.carrier.behaviour = (received, n) => {
      const { key } = received;
      const at = killedAt.get(key);
      if (at !== undefined && killedAt.delete(key)) this.recoveryMs.push(Math.round(performance.now() - at));
      const nth = asked.get(key) ?? 0;
      asked.set(key, nth + 1);
      const kill = kills(received, nth);
      if (kill === undefined) return otherwise(received, n);
      this.kills += 1;
      this.worker.kill();
      killedAt.set(key, performance.now());
      return { reset: kill };
    };
  }

  /** @returns the proposal to hand `P1` over to the north */
  async handOver(): Promise<string> {
    const proposal = await this.shop.propose('handOver', { parcel: 'P1', depot: 'depot-1' });
    await this.shop.signal(proposal, 'handOver');
    return proposal;
  }

  /** @returns the proposal to hand both over, in one change set that somebody else approves */
  async handBothOver(): Promise<string> {
    const actions = ['P1', 'P2'].map((parcel, n) => ({ actionType: 'handOver', parameters: { parcel, depot: `depot-${n + 1}` } }));
    const proposal = await this.shop.propose('handOver+', { actions });
    await this.shop.simulated(proposal, 'handOver+');
    const [row] = await this.shop.query<{ digest: string }>('SELECT plan_digest AS digest FROM exequatur.proposal WHERE id = $1', [
      proposal,
    ]);
    const review = { proposalId: proposal, decision: 'approve' as const, digest: row?.digest ?? '', reviewer: clerk, reason: 'both' };
    await this.shop.write((tx) => recordReview(tx, review, this.shop.deps));
    await this.shop.signal(proposal, 'handOver+');
    return proposal;
  }

  async revert(proposalId: string): Promise<string> {
    const request = { proposalId, justification: 'a mistake', proposer: clerk, idempotencyKey: proposalId };
    const proposed = await this.shop.write((tx) => createRevert(tx, request, this.shop.deps));
    await this.shop.signal(proposed.proposalId, 'handOver');
    return proposed.proposalId;
  }

  /** @returns the state in which it ends, or waits for a person */
  async ended(proposal: string): Promise<string> {
    const over = ['executed', 'failed', 'invalid', 'needs_attention', 'awaiting_approval'];
    await expect.poll(() => this.shop.status(proposal), { timeout: endMs, interval: 100 }).toBeOneOf(over);
    return (await this.shop.status(proposal)) ?? '';
  }

  async resolve(proposal: string, choice: OperatorDecision): Promise<void> {
    const resolution = { proposalId: proposal, choice, reason: 'the carrier says so', by: operator };
    await this.shop.write((tx) => resolveAsAsked(tx, resolution, this.shop.deps));
    await this.shop.signal(proposal, 'handOver');
  }

  /** Everything holds that must hold whatever was killed, and so many workers were. */
  async expectWhole(kills: number): Promise<void> {
    expect(this.kills).toBe(kills);
    await expectWhole(this);
  }

  /** What the carrier did, in its order. */
  done(): string[] {
    return this.carrier.done.map(({ method, path }) => `${method} ${path.replace('/depot-1', '')}`);
  }

  async parcel(): Promise<object | undefined> {
    const rows = await this.shop.query<{ properties: object }>(
      `SELECT properties FROM exequatur.object WHERE type = 'parcel' AND id = 'P1'`,
    );
    return rows[0]?.properties;
  }
}
