/** How to stop what has been started, newest first. What is added after the stop is stopped at once, so that nothing slips through a stop during the start. */
export interface StopList {
  add(stop: () => Promise<void>): void;
  stopAll(): Promise<void>;
}

export function openStopList(): StopList {
  const stops: (() => Promise<void>)[] = [];
  let closed = false;
  return {
    add(stop) {
      if (closed) void stop();
      else stops.push(stop);
    },
    async stopAll() {
      closed = true;
      for (const stop of stops.splice(0).reverse()) await stop();
    },
  };
}
