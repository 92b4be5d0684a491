import { readFileSync } from 'node:fs';

/** The most memory that each process has held since it started, in MiB: the kernel's own high-water mark. Linux only: elsewhere there is none to read. */
export function peakResident(processes: Record<string, number | undefined>): Record<string, number> {
  const peaks: Record<string, number> = {};
  for (const [part, pid] of Object.entries(processes)) {
    try {
      const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
      if (peak !== undefined) peaks[part] = Math.round(Number(peak) / 1024);
    } catch {
      // Not this system, or it ended.
    }
  }
  return peaks;
}
