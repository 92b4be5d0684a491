import type pg from 'pg';
import { expect } from 'vitest';
import { type DeliveryOutcome, leaseMs } from '../../events/deliver-lane.ts';
import { WebhookDelivery, type WebhookLimits } from '../../events/deliver-webhooks.ts';
import { poll } from '../../events/poll.ts';
import type { Caller } from '../../ontology/authority.ts';
import type { JsonValue } from '../../ontology/json.ts';
import { openSender, type SenderOptions } from '../../outbound/send-request.ts';
import { openPool } from '../../store/connect.ts';
import { putSubscription, type SubscriptionWish } from '../../store/put-subscription.ts';
import { readEvents } from '../../store/read-events.ts';
import { SecretBox } from '../../store/secret-box.ts';
import { withTenantPrisma } from '../../store/sql.ts';
import { type DeadLetterView, listDeadLetters, readSubscription, type SubscriptionView } from '../../store/subscriptions.ts';
import { openLogger } from '../../telemetry/logger.ts';
import { admin, expectDone, type Fixture, openFixture } from '../store/fixture.ts';
import { carriedOut } from '../store/govern.ts';
import { WebhookReceiver } from './webhook-receiver.ts';

export interface RunningDelivery {
  outcomes: DeliveryOutcome[];
  /** In good order. */
  stop(): Promise<void>;
}

/** A tenant whose events go to a receiver, on a clone from tests/support/database.ts, delivered under the relay's login. */
export class WebhookScene {
  readonly fixture: Fixture;
  readonly relay: pg.Pool;
  readonly receiver: WebhookReceiver;
  readonly box = new SecretBox([Buffer.alloc(32, 9).toString('base64')]);
  readonly lines: string[] = [];
  private readonly stops: (() => Promise<void>)[] = [];

  private constructor(fixture: Fixture, receiver: WebhookReceiver) {
    this.fixture = fixture;
    this.receiver = receiver;
    this.relay = openPool(fixture.database.urls.relay, { max: 4 });
  }

  static async open(document?: JsonValue): Promise<WebhookScene> {
    const [fixture, receiver] = await Promise.all([openFixture(document), WebhookReceiver.open()]);
    return new WebhookScene(fixture, receiver);
  }

  /** Of a tenant that is there. Its fixture stays open. */
  static async over(fixture: Fixture): Promise<WebhookScene> {
    return new WebhookScene({ ...fixture, close: async () => {} }, await WebhookReceiver.open());
  }

  async close(): Promise<void> {
    await Promise.all(this.stops.map((stop) => stop()));
    await this.relay.end();
    await this.receiver.close();
    await this.fixture.close();
  }

  wish(name: string, more: Partial<SubscriptionWish> = {}): SubscriptionWish {
    return { name, url: `${this.receiver.url}/${name}`, filter: {}, enabled: true, from: 'now', ...more };
  }

  put(wish: SubscriptionWish, by: Caller = admin, box: SecretBox = this.box) {
    return this.fixture.inApi((tx) => putSubscription(tx, { ...wish, by }, box, this.fixture.deps));
  }

  /** With the second person that it takes. @returns what signs, where it was made now */
  async subscribe(name: string, more: Partial<SubscriptionWish> = {}): Promise<string> {
    const { proposed, secret } = expectDone(await this.put(this.wish(name, more)));
    if (proposed !== null) expect(await carriedOut(this.fixture, proposed.proposalId)).toMatchObject({ status: 'executed' });
    return secret ?? '';
  }

  async view(name: string): Promise<SubscriptionView> {
    const view = await this.fixture.inApi((tx) => readSubscription(tx, name));
    if (view === null) throw new Error(`there is no subscription ${name}`);
    return view;
  }

  async deadLetters(name: string): Promise<DeadLetterView[]> {
    return (await this.fixture.inApi((tx) => listDeadLetters(tx, name)))?.deadLetters ?? [];
  }

  /** All events of the tenant so far, whose ids and order a receiver is to have seen. */
  async events(tenant = this.fixture.tenant) {
    const read = (tx: Parameters<typeof readEvents>[0]) => readEvents(tx, { tenant, after: { seq: 0, ordinal: 0 }, limit: 10_000 });
    return (await withTenantPrisma(this.fixture.api, tenant, read)).events;
  }

  /** A relay, as far as it delivers to subscriptions. */
  deliver({
    limits,
    sender = {},
    box = this.box,
  }: {
    limits?: WebhookLimits;
    sender?: Partial<SenderOptions>;
    box?: SecretBox;
  } = {}): RunningDelivery {
    const outcomes: DeliveryOutcome[] = [];
    const stopping = new AbortController();
    const logger = openLogger('test-relay', { write: (line) => this.lines.push(line) });
    logger.level = 'info';
    const delivery = new WebhookDelivery(
      {
        pool: this.relay,
        send: openSender({ allowedAddresses: ['127.0.0.1'], ...sender }),
        secrets: box,
        signal: stopping.signal,
        logger,
        onOutcome: (outcome) => outcomes.push(outcome),
      },
      limits,
    );
    const polling = poll({ name: 'webhooks', everyMs: 20, signal: stopping.signal, logger, work: () => delivery.round() });
    const stop = async () => {
      stopping.abort();
      await polling;
      await delivery.settle();
    };
    this.stops.push(stop);
    return { outcomes, stop };
  }

  async later(milliseconds: number): Promise<void> {
    await this.fixture.database.advanceClock(milliseconds);
  }

  /** As long as the lease of whoever was killed lasts. */
  leaseOver(): Promise<void> {
    return this.later(leaseMs);
  }

  async untilReceived(path: string, count: number): Promise<void> {
    await expect.poll(() => this.receiver.at(path).length, { interval: 20 }).toBeGreaterThanOrEqual(count);
  }

  /** Until a subscription has come to the end of the log. */
  async untilCaughtUp(name: string): Promise<void> {
    await expect.poll(async () => (await this.view(name)).position.entriesBehind, { interval: 30 }).toBe(0);
  }
}
