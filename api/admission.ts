import { availableParallelism } from 'node:os';

export interface AdmissionLimits {
  /** How many calls are worked on at once. */
  atOnce: number;
  /** How many of those, in all, while several tenants call: each has an equal part. What keeps everything busy, and no more. */
  shared?: number;
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

/**
 * Of calls that give the engine work, which wait here while it has enough of it: in front of it tenants take turns, inside it they would stand in one line. A tenant that is
 * alone may have as much under way as makes the most of everything. Where there are others, what one has under way is what the others wait for, whoever's turn is next: then
 * it is in all as much as there are processors, so that a call of one that is hardly there finds one free, or soon.
 */
export const engineLimits: AdmissionLimits = { ...ordinaryLimits, shared: Math.max(2, availableParallelism()) };

const presentMs = 10_000; // For so long after its last call a tenant has its part: somebody at work calls again sooner.

export type Turned = 'too_many_requests' | 'overloaded';

/** Whether a call begins something, or goes on with what was begun: that comes first, since what is finished makes room, and somebody was told that it is accepted. */
export type Kind = 'begins' | 'goesOn';

interface Turn {
  readonly kind: Kind;
  begin(): void;
}

/** What a call that is worked on holds: handed to it, since an AsyncLocalStorage that remembered it would have Node keep books of every promise of the process. */
export interface Place {
  /** Waits for something outside, for which others need not wait: meanwhile another call is worked on. */
  rest<T>(wait: () => Promise<T>): Promise<T>;
  /** Keeps the place until this has ended as well, though the call be answered before; how it ends is nobody's concern. */
  keep(work: () => Promise<unknown>): void;
}

/**
 * Lets calls be worked on, as many at once as do good, tenants taking turns: of one that floods, the others wait for one call at most each time. Whoever would have to wait too
 * long, or behind too many, is turned away before anything was done.
 */
export class Admission {
  private readonly limits: AdmissionLimits;
  private readonly queues = new Map<string, Turn[]>();
  private readonly working = new Map<string, number>();
  /** When each tenant called last, oldest first. */
  private readonly present = new Map<string, number>();
  private atWork = 0;
  private waiting = 0;

  constructor(limits: AdmissionLimits = ordinaryLimits) {
    this.limits = limits;
  }

  get load(): { atWork: number; waiting: number } {
    return { atWork: this.atWork, waiting: this.waiting };
  }

  /** How much one tenant may have under way: all there is, or its part where others have called lately. */
  get part(): number {
    const { atOnce, shared } = this.limits;
    return shared === undefined || this.present.size <= 1 ? atOnce : Math.max(1, Math.floor(shared / this.present.size));
  }

  /** Whether a call of this tenant would be turned away now; null where not. Asked before its body is read. */
  refusal(tenant: string): Turned | null {
    if ((this.queues.get(tenant)?.length ?? 0) >= this.limits.waitingOfTenant) return 'too_many_requests';
    return this.waiting >= this.limits.waiting ? 'overloaded' : null;
  }

  async run<T>(tenant: string, work: (place: Place) => Promise<T> | T, kind: Kind = 'begins'): Promise<{ answer: T } | { turned: Turned }> {
    const turned = await this.enter(tenant, kind);
    if (turned !== null) return { turned };
    const kept: Promise<unknown>[] = [];
    // Caught at once: a failure that nobody has looked at by the time the call is answered would end the process.
    const keep = (going: () => Promise<unknown>) => void kept.push(going().catch(() => undefined));
    const place: Place = { rest: (wait) => this.rest(tenant, wait), keep };
    try {
      return { answer: await work(place) };
    } finally {
      if (kept.length === 0) this.leave(tenant);
      else void Promise.all(kept).then(() => this.leave(tenant));
    }
  }

  private async rest<T>(tenant: string, wait: () => Promise<T>): Promise<T> {
    this.leave(tenant);
    try {
      return await wait();
    } finally {
      this.begin(tenant); // At once: what is left of it is little, and somebody waits for the answer.
    }
  }

  private enter(tenant: string, kind: Kind): Promise<Turned | null> | null {
    this.notePresence(tenant);
    if (!this.queues.has(tenant) && this.mayBegin(tenant)) {
      this.begin(tenant);
      return null;
    }
    const turned = this.refusal(tenant);
    if (turned !== null) return Promise.resolve(turned);
    return new Promise((resolve) => {
      const turn: Turn = {
        kind,
        begin: () => {
          clearTimeout(timer);
          resolve(null);
        },
      };
      const timer = setTimeout(() => {
        this.forget(tenant, turn);
        resolve('overloaded');
      }, this.limits.longestWaitMs);
      const queue = this.queues.get(tenant) ?? [];
      const behind = kind === 'begins' ? queue.length : queue.filter((one) => one.kind === 'goesOn').length;
      this.queues.set(tenant, queue.toSpliced(behind, 0, turn));
      this.waiting++;
    });
  }

  private notePresence(tenant: string): void {
    const now = performance.now();
    this.present.delete(tenant);
    this.present.set(tenant, now);
    for (const [other, at] of this.present) {
      if (now - at <= presentMs) break;
      this.present.delete(other);
    }
  }

  private mayBegin(tenant: string): boolean {
    const { atOnce, shared } = this.limits;
    // Where places are shared, whoever has none finds one, though somebody who was alone has taken all there are.
    if (this.atWork >= atOnce) return shared !== undefined && !this.working.has(tenant) && this.atWork < 2 * atOnce;
    return this.part === atOnce || (this.working.get(tenant) ?? 0) < this.part;
  }

  private begin(tenant: string): void {
    this.atWork++;
    this.working.set(tenant, (this.working.get(tenant) ?? 0) + 1);
  }

  private leave(tenant: string): void {
    this.atWork--;
    const left = (this.working.get(tenant) ?? 0) - 1;
    if (left > 0) this.working.set(tenant, left);
    else this.working.delete(tenant);
    while (this.beginNext());
  }

  /** The first that may, of the tenants in their turn. */
  private beginNext(): boolean {
    for (const [tenant, [turn, ...others]] of this.queues) {
      if (turn === undefined || !this.mayBegin(tenant)) continue;
      this.queues.delete(tenant);
      if (others.length > 0) this.queues.set(tenant, others); // Behind all other tenants.
      this.waiting--;
      this.begin(tenant);
      turn.begin();
      return true;
    }
    return false;
  }

  private forget(tenant: string, turn: Turn): void {
    const others = (this.queues.get(tenant) ?? []).filter((one) => one !== turn);
    if (others.length > 0) this.queues.set(tenant, others);
    else this.queues.delete(tenant);
    this.waiting--;
  }
}
