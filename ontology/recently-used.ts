/** What was used last, by key. The newest is kept whatever its size, and of the others those that were used last, as long as all of them together are no more than `most`. */
export class RecentlyUsed<V> {
  private readonly most: number;
  private readonly kept = new Map<string, { value: V; size: number }>();
  private size = 0;

  constructor(most: number) {
    this.most = most;
  }

  /** Undefined where it is not there. */
  get(key: string): V | undefined {
    const found = this.kept.get(key);
    if (found === undefined) return undefined;
    this.kept.delete(key);
    this.kept.set(key, found); // The Map's order is the order of use.
    return found.value;
  }

  set(key: string, value: V, size = 1): void {
    this.size += size - (this.kept.get(key)?.size ?? 0);
    this.kept.delete(key);
    this.kept.set(key, { value, size });
    for (const [oldest, { size: freed }] of this.kept) {
      if (this.size <= this.most || oldest === key) return;
      this.kept.delete(oldest);
      this.size -= freed;
    }
  }

  clear(): void {
    this.kept.clear();
    this.size = 0;
  }
}
