import { AsyncLocalStorage } from 'node:async_hooks';

export interface AdmissionLimits {
  /** How many calls are worked on at once. */
  atOnce: number;
  /** How many may wait for that, of one tenant and in all. */
  waitingOfTenant: number;
  waiting: number;
  longestWaitMs: number;
}

export const ordinaryLimits: AdmissionLimits = {
  atOnce: 32, // Three for each connection to the database: while some wait for answers, others are parsed and written.
  waitingOfTenant: 200,
  waiting: 1_000,
  longestWaitMs: 10_000, // Most clients wait for thirty seconds; within ten a burst is over, and what is not over then is more than a burst.
};

export type Turned = 'too_many_requests' | 'overloaded';

interface Turn {
  begin(): void;
}

/**
 * Lets calls be worked on, as many at once as do good, tenants taking turns: of one that floods, the others wait for one call at most each time. Whoever would have to wait too
 * long, or behind too many, is turned away before anything was done.
 */
export class Admission {
  private readonly limits: AdmissionLimits;
  private readonly queues = new Map<string, Turn[]>();
  private readonly held = new AsyncLocalStorage<true>();
  private atWork = 0;
  private waiting = 0;

  constructor(limits: AdmissionLimits = ordinaryLimits) {
    this.limits = limits;
  }

  get load(): { atWork: number; waiting: number } {
    return { atWork: this.atWork, waiting: this.waiting };
  }

  /** Whether a call of this tenant would be turned away now; null where not. Asked before its body is read. */
  refusal(tenant: string): Turned | null {
    if ((this.queues.get(tenant)?.length ?? 0) >= this.limits.waitingOfTenant) return 'too_many_requests';
    return this.waiting >= this.limits.waiting ? 'overloaded' : null;
  }

  async run<T>(tenant: string, work: () => Promise<T> | T): Promise<{ answer: T } | { turned: Turned }> {
    const turned = await this.enter(tenant);
    if (turned !== null) return { turned };
    try {
      return { answer: await this.held.run(true, async () => work()) };
    } finally {
      this.leave();
    }
  }

  /** Waits for something outside, for which others need not wait: meanwhile another call is worked on. */
  async rest<T>(wait: () => Promise<T>): Promise<T> {
    if (this.held.getStore() === undefined) return wait();
    this.leave();
    try {
      return await wait();
    } finally {
      this.atWork++; // At once: what is left of it is little, and somebody waits for the answer.
    }
  }

  private enter(tenant: string): Promise<Turned | null> | null {
    if (this.atWork < this.limits.atOnce && this.waiting === 0) {
      this.atWork++;
      return null;
    }
    const turned = this.refusal(tenant);
    if (turned !== null) return Promise.resolve(turned);
    return new Promise((resolve) => {
      const turn: Turn = {
        begin: () => {
          clearTimeout(timer);
          resolve(null);
        },
      };
      const timer = setTimeout(() => {
        this.forget(tenant, turn);
        resolve('overloaded');
      }, this.limits.longestWaitMs);
      this.queues.set(tenant, [...(this.queues.get(tenant) ?? []), turn]);
      this.waiting++;
    });
  }

  private leave(): void {
    this.atWork--;
    const [next] = this.queues;
    if (next === undefined || this.atWork >= this.limits.atOnce) return;
    const [tenant, [turn, ...others]] = next;
    this.queues.delete(tenant);
    if (others.length > 0) this.queues.set(tenant, others); // Behind all other tenants.
    if (turn === undefined) return;
    this.waiting--;
    this.atWork++;
    turn.begin();
  }

  private forget(tenant: string, turn: Turn): void {
    const others = (this.queues.get(tenant) ?? []).filter((one) => one !== turn);
    if (others.length > 0) this.queues.set(tenant, others);
    else this.queues.delete(tenant);
    this.waiting--;
  }
}
