import { readFileSync, writeFileSync } from 'node:fs';

/** Resident memory of another process in MiB, now and at most since it began or the peak was forgotten; NaN where the kernel does not say. */
export function memoryOf(pid: number): { now: number; peak: number } {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const read = (name: string) => Math.round(Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1_024);
    return { now: read('VmRSS'), peak: read('VmHWM') };
  } catch {
    return { now: Number.NaN, peak: Number.NaN };
  }
}

/** The old space in MiB beyond which V8 ends another process, by what it was started with; NaN where nothing bounds it. */
export function oldSpaceOf(pid: number): number {
  try {
    const given = ['environ', 'cmdline'].map((name) => readFileSync(`/proc/${pid}/${name}`, 'utf8')).join('\0');
    return Number(/--max[-_]old[-_]space[-_]size=(\d+)/.exec(given)?.[1]);
  } catch {
    return Number.NaN;
  }
}

/** Processor time of another process since it began, seconds; NaN where the kernel does not say. Other work on the machine does not count in it. */
export function processorSecondsOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  } catch {
    return Number.NaN;
  }
}

const ticksPerSecond = 100; // Of Linux, as it tells user space, whatever the kernel itself counts by.

export function forgetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch {
    // Then the peak is that since it began, which is no less.
  }
}
