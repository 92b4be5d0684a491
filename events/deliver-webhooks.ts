import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { claimWebhookLanes, claimWebhookRequests } from '../store/webhook-lanes.ts';
import { answerWebhookRequest } from './answer-webhook-request.ts';
import { deliverLane, type LaneDeps, leaseMs } from './deliver-lane.ts';

export interface WebhookLimits {
  /** Requests under way at once in this process. */
  atOnce: number;
  /** Of one tenant, in all relays together. */
  perTenant: number;
}

const defaultLimits: WebhookLimits = {
  atOnce: 32, // Most of the time is spent on waiting for receivers; so many answers of 256 KiB and pages of events fit into memory.
  perTenant: 8, // A tenant whose endpoints are all slow leaves three quarters to the others.
};

/** Serves subscriptions, as many at once as there are places. One that is slow takes up its own place and no other's. */
export class WebhookDelivery {
  private readonly running = new Set<Promise<void>>();
  /** Of these, tests and redeliveries that somebody asked for: a quarter at most, in all and of each tenant, so that deliveries go on. */
  private asked = 0;
  private readonly deps: LaneDeps;
  private readonly limits: WebhookLimits;

  constructor(deps: LaneDeps, limits: WebhookLimits = defaultLimits) {
    this.deps = deps;
    this.limits = limits;
    setMaxListeners(limits.atOnce * 2, deps.signal); // Each request listens.
  }

  /** Gives the free places away, or waits until there is one. @returns whether there may be more to do at once. */
  async round(): Promise<boolean> {
    const { pool } = this.deps;
    const { atOnce, perTenant } = this.limits;
    const free = atOnce - this.running.size;
    if (free === 0) {
      await Promise.race(this.running);
      return true;
    }
    const asked = Math.min(free, Math.ceil(atOnce / 4) - this.asked);
    const each = Math.ceil(perTenant / 4);
    const requests = asked <= 0 ? [] : await claimWebhookRequests(pool, { limit: asked, perTenant: each, leaseMs });
    for (const request of requests) {
      this.asked++;
      this.start(answerWebhookRequest(request, this.deps).finally(() => this.asked--));
    }
    const limit = free - requests.length;
    const lanes = limit === 0 ? [] : await claimWebhookLanes(pool, { claimant: randomUUID(), limit, perTenant, leaseMs });
    for (const lane of lanes) this.start(deliverLane(lane, this.deps));
    return requests.length + lanes.length > 0;
  }

  /** Waits for what is under way. */
  async settle(): Promise<void> {
    await Promise.all(this.running);
  }

  /** What fails is somebody's again once its lease has run out. */
  private start(work: Promise<void>): void {
    const done = work
      .catch((error: unknown) => this.deps.logger.warn({ err: error }, 'a delivery broke off'))
      .finally(() => this.running.delete(done));
    this.running.add(done);
  }
}
