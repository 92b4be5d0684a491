const sampleEveryMs = 20;

/** Samples this process's resident memory until stopped; `stop` returns the highest sample in MiB. */
export function peakMemory(): { stop(): number } {
  let peak = 0;
  const sample = (): void => {
    peak = Math.max(peak, process.memoryUsage.rss());
  };
  const timer = setInterval(sample, sampleEveryMs);
  return {
    stop() {
      clearInterval(timer);
      sample();
      return Math.round(peak / 2 ** 20);
    },
  };
}
