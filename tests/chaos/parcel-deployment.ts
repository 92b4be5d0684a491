import { join } from 'node:path';
import { vi } from 'vitest';
import type { OntologyDocument } from '../../ontology/definition.ts';
import type { EffectDefinition } from '../../ontology/effect-definition.ts';
import type { JsonValue } from '../../ontology/json.ts';
import { loadFunctions } from '../../store/load-functions.ts';
import { parcelDomain } from '../effects/parcel-domain.ts';
import { Receiver } from '../effects/receiver.ts';
import { ApiProcesses } from '../support/api-processes.ts';
import { BreakablePostgres, BreakableTemporal } from '../support/breakable-servers.ts';
import { type KillableProcess, startKillable } from '../support/killable-process.ts';
import { type SeverableProxy, startSeverableProxy } from '../support/severable-proxy.ts';
import type { SmallVolume } from '../support/small-volume.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.ts';
import { LampShop } from '../workflows/lamp-shop.ts';
import { carryMixed } from './mixed-parcels.ts';

const deploymentName = 'exequatur';

const jumping = { NODE_OPTIONS: '--import ./tests/support/jumping-clock.mjs' };

interface Wishes {
  /** Where PostgreSQL keeps its data. */
  disk?: SmallVolume;
  /** Makes another ontology of it. */
  change?: (document: OntologyDocument) => OntologyDocument;
  /** A module of effect functions, which find the carrier in CARRIER_URL. */
  functions?: string;
}

/** Everything as it is deployed, on servers of its own: two API processes, two workers with a build id, the relay, and the carrier's API. */
export class ParcelDeployment {
  readonly postgres: BreakablePostgres;
  readonly temporal: BreakableTemporal;
  readonly shop: LampShop;
  readonly carrier: Receiver;
  readonly apis: ApiProcesses;
  readonly relay: KillableProcess;
  readonly workersProxy: SeverableProxy;
  readonly apisProxy: SeverableProxy;
  /** Where PostgreSQL's data lie, if it can be filled. */
  readonly disk?: SmallVolume;
  workers: WorkerProcess[] = [];
  private readonly clocks: { jumps: number };
  private readonly more: Record<string, string>;
  private build = 0;

  private constructor(
    parts: Pick<
      ParcelDeployment,
      'postgres' | 'temporal' | 'shop' | 'carrier' | 'apis' | 'relay' | 'workersProxy' | 'apisProxy' | 'disk'
    > & {
      clocks: { jumps: number };
      more: Record<string, string>;
    },
  ) {
    this.postgres = parts.postgres;
    this.temporal = parts.temporal;
    this.shop = parts.shop;
    this.carrier = parts.carrier;
    this.apis = parts.apis;
    this.relay = parts.relay;
    this.workersProxy = parts.workersProxy;
    this.apisProxy = parts.apisProxy;
    this.clocks = parts.clocks;
    this.more = parts.more;
    if (parts.disk !== undefined) this.disk = parts.disk;
  }

  static async open(effects: EffectDefinition[], { disk, change = (same) => same, functions }: Wishes = {}): Promise<ParcelDeployment> {
    const [postgres, temporal, carrier] = await Promise.all([
      BreakablePostgres.open(disk && join(disk.directory, 'postgres')),
      BreakableTemporal.open(),
      Receiver.open(),
    ]);
    carryMixed(carrier);
    const document = change(parcelDomain(carrier.url, effects, undefined, 'PT2S')) as unknown as JsonValue;
    const registered = await loadFunctions(functions);
    const shop = await LampShop.open({ document, functions: registered, postgres: postgres.url, temporal: temporal.address });
    const { database, taskQueue, tenant } = shop;
    const [workersProxy, apisProxy] = await Promise.all([
      startSeverableProxy(database.urls.worker),
      startSeverableProxy(database.urls.api),
    ]);
    const relay = startKillable('relay', 'events/relay.ts', {
      EXEQUATUR_RELAY_DATABASE_URL: database.urls.relay,
      EXEQUATUR_RELAY_METRICS_PORT: '0',
      TEMPORAL_ADDRESS: temporal.address,
      EXEQUATUR_TASK_QUEUE: taskQueue,
    });
    const clocks = { jumps: 0 };
    const onLine = (line: string) => {
      if (line.startsWith('clock off by')) clocks.jumps++;
    };
    const more = { ...jumping, CARRIER_URL: carrier.url, ...(functions === undefined ? {} : { EXEQUATUR_FUNCTIONS: functions }) };
    const settings = { databaseUrl: apisProxy.url, temporal: temporal.address, taskQueue, tenant, more, onLine };
    const apis = await ApiProcesses.open({ ...settings, count: 2 });
    const parts = { postgres, temporal, shop, carrier, apis, relay, workersProxy, apisProxy, clocks, more };
    const deployment = new ParcelDeployment({ ...parts, ...(disk === undefined ? {} : { disk }) });
    await deployment.replaceWorkers();
    return deployment;
  }

  async close(): Promise<void> {
    await Promise.all([this.apis.stop(), this.relay.stop(), ...this.workers.map((worker) => worker.stop())]);
    await this.shop.close();
    await Promise.all([this.workersProxy.close(), this.apisProxy.close(), this.carrier.close()]);
    await this.temporal.close();
    await this.postgres.close();
    this.disk?.close();
  }

  /** As a release does: workers of the next build beside those of the last, which end once the new one is current. */
  async replaceWorkers(): Promise<void> {
    const former = this.workers;
    this.build += 1;
    const settings = {
      databaseUrl: this.workersProxy.url,
      temporal: this.temporal.address,
      taskQueue: this.shop.taskQueue,
      more: { EXEQUATUR_EFFECTS_ALLOWED_ADDRESSES: '127.0.0.1', EXEQUATUR_WORKER_BUILD_ID: this.buildId, ...this.more },
      onLine: (line: string) => {
        if (line.startsWith('clock off by')) this.clocks.jumps++;
      },
    };
    this.workers = await Promise.all([startWorkerProcess(settings), startWorkerProcess(settings)]);
    await this.release();
    await Promise.all(former.map((worker) => worker.stop()));
  }

  /** The release step: Temporal takes a build for current only once it has seen a worker of it. */
  async release(): Promise<void> {
    const current = {
      namespace: 'default',
      deploymentName,
      version: `${deploymentName}.${this.buildId}`,
      buildId: this.buildId,
      identity: 'release',
    };
    await vi.waitFor(() => this.shop.client.workflowService.setWorkerDeploymentCurrentVersion(current), {
      timeout: 600_000, // A busy machine takes its time to start a process.
      interval: 500,
    });
  }

  /** How often a process has told that its clock was set. */
  get clockJumps(): number {
    return this.clocks.jumps;
  }

  get buildId(): string {
    return `build-${this.build}`;
  }
}
