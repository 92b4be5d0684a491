import { expect } from 'vitest';
import type { OntologyDocument } from '../../ontology/definition.ts';
import type { EffectDefinition } from '../../ontology/effect-definition.ts';
import type { JsonValue } from '../../ontology/json.ts';
import { loadFunctions } from '../../store/load-functions.ts';
import { bookCarrier, parcelDomain, tellDepot } from '../effects/parcel-domain.ts';
import { type Received, Receiver } from '../effects/receiver.ts';
import { type KillableProcess, startKillable } from '../support/killable-process.ts';
import { type SeverableProxy, startSeverableProxy } from '../support/severable-proxy.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.ts';
import { LampShop, type ShopWishes } from '../workflows/lamp-shop.ts';

export const isBooking = ({ method, path }: Received) => method === 'POST' && path === '/bookings';
export const isArrival = ({ path }: Received) => path.endsWith('arrivals');
export const isCancellation = ({ path }: Received) => path.endsWith('cancellations');
export const isUnbooking = ({ method }: Received) => method === 'DELETE';

/** Refused for good by the carrier when all that can be undone has been done. */
export const lastRefused: EffectDefinition = {
  name: 'close',
  phase: 'sideEffect',
  webhook: { endpoint: 'carrier', path: ["'close'"] },
  lostAnswer: 'key',
  compensation: { message: { type: 'reopened', data: {} } },
};

interface Wishes extends Pick<ShopWishes, 'postgres' | 'temporal'> {
  effects?: EffectDefinition[];
  /** Makes another ontology of it. */
  change?: (document: OntologyDocument) => OntologyDocument;
  /** A module of effect functions, which find the carrier in CARRIER_URL. */
  functions?: string;
  parcels?: number;
  /** More of the environment of the worker. */
  more?: Record<string, string>;
  /** Hears everything that the worker prints. */
  onLine?: (line: string) => void;
}

/** Parcels that are handed over to a carrier, with worker and relay in processes of their own; the worker reaches the database through a proxy. */
export class ParcelService {
  readonly shop: LampShop;
  readonly carrier: Receiver;
  readonly proxy: SeverableProxy;
  readonly worker: WorkerProcess;
  readonly relay: KillableProcess;

  private constructor(parts: Pick<ParcelService, 'shop' | 'carrier' | 'proxy' | 'worker' | 'relay'>) {
    this.shop = parts.shop;
    this.carrier = parts.carrier;
    this.proxy = parts.proxy;
    this.worker = parts.worker;
    this.relay = parts.relay;
  }

  static async open({
    effects = [bookCarrier, tellDepot],
    change = (same) => same,
    functions,
    parcels = 1,
    more = {},
    onLine = () => {},
    ...servers
  }: Wishes = {}): Promise<ParcelService> {
    const carrier = await Receiver.open();
    const document = change(parcelDomain(carrier.url, effects, undefined, 'PT2S')) as unknown as JsonValue;
    const shop = await LampShop.open({ ...servers, document, functions: await loadFunctions(functions) });
    const proxy = await startSeverableProxy(shop.database.urls.worker);
    const { temporal, taskQueue } = shop;
    const performing = functions === undefined ? {} : { EXEQUATUR_FUNCTIONS: functions, CARRIER_URL: carrier.url };
    const settings = { EXEQUATUR_EFFECTS_ALLOWED_ADDRESSES: '127.0.0.1', ...performing, ...more };
    const worker = await startWorkerProcess({ databaseUrl: proxy.url, temporal, taskQueue, more: settings, onLine });
    const relay = startKillable('relay', 'events/relay.ts', {
      EXEQUATUR_RELAY_DATABASE_URL: shop.database.urls.relay,
      EXEQUATUR_RELAY_METRICS_PORT: '0',
      TEMPORAL_ADDRESS: temporal,
      EXEQUATUR_TASK_QUEUE: taskQueue,
    });
    const service = new ParcelService({ shop, carrier, proxy, worker, relay });
    await worker.ready(); // On a busy machine that takes longer than a simulation may.
    for (let n = 1; n <= parcels; n++)
      expect(await shop.outcome(await shop.proposed('receive', { code: `P${n}`, weight: 7 }))).toBe('executed');
    return service;
  }

  async close(): Promise<void> {
    await Promise.all([this.worker.stop(), this.relay.stop()]);
    await this.shop.close();
    await this.proxy.close();
    await this.carrier.close();
  }

  /** Commits a proposal to hand this parcel over and starts its workflow. */
  async handOver(parcel = 'P1'): Promise<string> {
    const proposal = await this.shop.propose('handOver', { parcel, depot: 'north' });
    await this.shop.signal(proposal, 'handOver').catch(() => undefined); // The relay starts what this could not.
    return proposal;
  }

  /** Whatever is away meanwhile. @returns the state that the proposal ends in */
  async ended(proposal: string, limitMs = 150_000): Promise<string> {
    let status = '';
    const over = ['executed', 'failed', 'invalid', 'rejected', 'expired', 'withdrawn', 'needs_attention'];
    const read = async () => {
      status = (await this.shop.status(proposal).catch(() => undefined)) ?? 'unknown';
      return status;
    };
    await expect.poll(read, { timeout: limitMs, interval: 100 }).toBeOneOf(over);
    return status;
  }

  async parcel(code = 'P1'): Promise<object | undefined> {
    const rows = await this.shop.query<{ properties: object }>(
      `SELECT properties FROM exequatur.object WHERE type = 'parcel' AND id = $1`,
      [code],
    );
    return rows[0]?.properties;
  }

  /** What the carrier did, once per key, in its order. */
  done(): string[] {
    return this.carrier.done.map(({ method, path }) => `${method} ${path}`);
  }
}
