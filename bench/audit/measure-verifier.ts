import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { memoryOf, processorSecondsOf } from './peak-of-process.ts';

export interface Verified {
  entries: number;
  /** Executions whose approvals were judged. */
  judged: number;
  seconds: number;
  /** Of processor time, which other work on the machine does not lengthen. */
  processorSeconds: number;
  /** MiB. */
  peak: number;
}

const sampleEveryMs = 50;

/** The verifier as auditors run it, another process, its start included. @throws when it finds anything wrong. */
export async function measureVerifier(file: string, verifierKey: string): Promise<Verified> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [resolve('verifier', 'exequatur-verify.mjs'), '--key', verifierKey, file]);
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    said += piece;
  });
  let peak = 0;
  let processorSeconds = 0;
  const timer = setInterval(() => {
    const seen = memoryOf(child.pid ?? 0).peak; // It rises only; the last sample before the end is as good as all.
    if (!Number.isNaN(seen)) peak = seen;
    const spent = processorSecondsOf(child.pid ?? 0);
    if (!Number.isNaN(spent)) processorSeconds = spent;
  }, sampleEveryMs);
  const [code] = await once(child, 'close');
  clearInterval(timer);
  if (code !== 0) throw new Error(said);
  const { to, executions, unjudged } = JSON.parse(said.slice('whole '.length)) as { to: number; executions: number; unjudged: number };
  return { entries: to, judged: executions - unjudged, seconds: (performance.now() - startedAt) / 1_000, processorSeconds, peak };
}
