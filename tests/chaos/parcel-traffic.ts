import { setTimeout as sleep } from 'node:timers/promises';
import type { Caller } from '../../ontology/authority.ts';
import type { JsonObject } from '../../ontology/json.ts';
import { Dice } from '../trust/random-numbers.ts';
import type { ParcelDeployment } from './parcel-deployment.ts';

const issued = '2026-01-01T00:00:00.000Z';
export const clerk: Caller = { id: 'clerk', kind: 'user', roles: ['clerk'], tokenIssuedAt: issued };
const over = ['executed', 'failed', 'invalid', 'rejected', 'expired', 'withdrawn'];
const lookMs = 200;

/** People who hand parcels over, weigh and relabel them, one thing after another in each of some lanes, over HTTP, whatever is away, until they are told to stop. */
export class ParcelTraffic {
  /** Proposals that were accepted. */
  readonly accepted: string[] = [];
  readonly outcomes: Record<string, number> = {};
  private readonly deployment: ParcelDeployment;
  private readonly parcels: number;
  private readonly dice: Dice;
  private readonly ended: Promise<unknown>;
  private stopped = false;

  /** The parcels must be there: `P0`, `P1` and so on. */
  constructor(deployment: ParcelDeployment, { seed, lanes, parcels }: { seed: number; lanes: number; parcels: number }) {
    this.deployment = deployment;
    this.parcels = parcels;
    this.dice = new Dice(seed);
    this.ended = Promise.all(Array.from({ length: lanes }, (_, lane) => this.drive(lane)));
    this.ended.catch(() => undefined); // Whoever stops it is told.
  }

  /** Waits until whatever has begun has come to its end. @throws where something does not within the time */
  async stop(limitMs: number): Promise<void> {
    this.stopped = true;
    const tooLate = sleep(limitMs, undefined, { ref: false }).then(() => Promise.reject(new Error('what was accepted came to no end')));
    await Promise.race([this.ended, tooLate]);
  }

  private async drive(lane: number): Promise<void> {
    for (let n = 0; !this.stopped; n++) {
      const parcel = `P${this.dice.roll(this.parcels)}`;
      const [actionType, more] = this.dice.pick<[string, JsonObject]>([
        ['handOver', { depot: `depot-${lane}-${n}` }],
        ['relabel', { depot: `depot-${lane}-${n}` }],
        ['weigh', { weight: this.dice.roll(100) }],
      ]);
      const proposal = { actionType, parameters: { parcel, ...more }, justification: 'traffic' };
      const headers = { 'idempotency-key': `traffic-${lane}-${n}` };
      const { status, body } = await this.deployment.apis.post('/v1/proposals', clerk, proposal, { headers, to: lane });
      if (status > 299) throw new Error(`${status} ${JSON.stringify(body)}`);
      this.accepted.push(body.id);
      const end = await this.endOf(body.id);
      this.outcomes[end] = (this.outcomes[end] ?? 0) + 1;
    }
  }

  private async endOf(id: string): Promise<string> {
    for (;;) {
      const status = await this.deployment.shop.status(id).catch(() => undefined);
      if (status !== undefined && over.includes(status)) return status;
      await sleep(lookMs);
    }
  }
}

/** Parcels for the traffic, whose codes begin with this letter. */
export async function receiveParcels({ apis, shop }: ParcelDeployment, parcels: number, letter = 'P'): Promise<void> {
  for (let code = 0; code < parcels; code++) {
    const proposal = { actionType: 'receive', parameters: { code: `${letter}${code}`, weight: 1 }, justification: 'traffic' };
    const { body } = await apis.post('/v1/proposals', clerk, proposal, { headers: { 'idempotency-key': `parcel-${letter}${code}` } });
    while ((await shop.status(body.id)) !== 'executed') await sleep(lookMs);
  }
}
