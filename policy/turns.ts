/** Lets so many at once have a turn, and the others in the order in which they came. */
export class Turns {
  private free: number;
  private readonly waiting: (() => void)[] = [];

  constructor(most: number) {
    this.free = most;
  }

  /** Ends with the work, whatever becomes of it. @throws the reason of `late` where it comes before the turn */
  async take<T>(late: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free--;
    else await this.wait(late);
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.free++;
      else next();
    }
  }

  private wait(late: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.waiting.splice(this.waiting.indexOf(begin), 1);
        reject(late.reason);
      };
      const begin = () => {
        late.removeEventListener('abort', leave);
        resolve();
      };
      if (late.aborted) return reject(late.reason);
      late.addEventListener('abort', leave, { once: true });
      this.waiting.push(begin);
    });
  }
}
