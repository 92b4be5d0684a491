import { Gauge, type Registry } from 'prom-client';

export interface StreamLimits {
  /** How many may be open at once in this process, of one tenant and in all: each is a connection and its buffers. */
  ofTenant: number;
  inAll: number;
  /** How often a reader of whom nothing is to be told hears that the connection is alive, ms. */
  heartbeatMs: number;
  /** How often it is asked whether the reader may still read, ms. */
  recheckMs: number;
  /** How long a reader may take nothing, ms. */
  patienceMs: number;
}

export const ordinaryStreamLimits: StreamLimits = {
  ofTenant: 100,
  inAll: 1_000,
  heartbeatMs: 15_000, // Proxies commonly end what is silent for half a minute or a minute.
  recheckMs: 10_000, // As long as a verified token is remembered.
  patienceMs: 60_000,
};

/** The streams that are open in this process. Each has a signal, which is given when its reader is gone, or when the process is to end. */
export class OpenStreams {
  readonly limits: StreamLimits;
  private readonly open = new Set<AbortController>();
  private readonly ofTenant = new Map<string, number>();
  private ending = false;

  constructor(registry: Registry, limits: Partial<StreamLimits> = {}) {
    this.limits = { ...ordinaryStreamLimits, ...limits };
    const { open } = this;
    new Gauge({
      name: 'exequatur_event_streams',
      help: 'Streams of events that are open.',
      registers: [registry],
      collect() {
        this.set(open.size);
      },
    });
  }

  /** Null where there are too many. It is counted until `gone`. */
  enter(tenant: string, gone: AbortSignal): AbortSignal | null {
    const others = this.ofTenant.get(tenant) ?? 0;
    if (this.ending || others >= this.limits.ofTenant || this.open.size >= this.limits.inAll) return null;
    const end = new AbortController();
    this.open.add(end);
    this.ofTenant.set(tenant, others + 1);
    const leave = () => {
      end.abort();
      this.open.delete(end);
      const left = (this.ofTenant.get(tenant) ?? 1) - 1;
      if (left > 0) this.ofTenant.set(tenant, left);
      else this.ofTenant.delete(tenant);
    };
    if (gone.aborted) leave();
    else gone.addEventListener('abort', leave, { once: true });
    return end.signal;
  }

  /** Ends all, in good order: whoever reads comes back to another process, and goes on where this one ended. */
  endAll(): void {
    this.ending = true;
    for (const end of this.open) end.abort();
  }
}
