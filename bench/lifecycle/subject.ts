/** What a lifecycle costs whoever drives it, in milliseconds. */
export interface LifecycleTimings {
  /** From the proposal's request until its simulated answer. */
  propose: number;
  /** From the approval's request until the execution has been seen committed. */
  approveToExecuted: number;
  whole: number;
}

/** One of the two things that are compared. `run` acts one whole lifecycle out; calls may overlap. */
export interface Subject {
  readonly name: string;
  run(): Promise<LifecycleTimings>;
  close(): Promise<void>;
}

/** Runs `total` lifecycles, `concurrency` at once. @returns their timings and the rate per second. */
export async function drive(
  subject: Subject,
  total: number,
  concurrency: number,
): Promise<{ timings: LifecycleTimings[]; perSecond: number }> {
  const timings: LifecycleTimings[] = [];
  let started = 0;
  const from = performance.now();
  const lane = async (): Promise<void> => {
    while (started < total) {
      started += 1;
      timings.push(await subject.run());
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  return { timings, perSecond: (total * 1_000) / (performance.now() - from) };
}
