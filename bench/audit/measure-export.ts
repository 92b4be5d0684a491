import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { forgetPeak, memoryOf, oldSpaceOf } from './peak-of-process.ts';

export interface Exported {
  entries: number;
  seconds: number;
  /** Of the file. */
  mebibytes: number;
  /** The API process's resident memory, in MiB: before, and at most meanwhile. */
  before: number;
  peak: number;
  /** Beyond which V8 ends that process, which would break the export off. */
  oldSpaceMiB: number;
}

/** Exports a log through the API to a file, as an auditor would. */
export async function measureExport(
  { apiUrl, token, pid }: { apiUrl: string; token: string; pid: number },
  entries: number,
  file: string,
): Promise<Exported> {
  forgetPeak(pid);
  const before = memoryOf(pid).now;
  const startedAt = performance.now();
  const answer = await fetch(`${apiUrl}/v1/audit/export?to=${entries}`, { headers: { authorization: `Bearer ${token}` } });
  if (!answer.ok || answer.body === null) throw new Error(`the export was answered ${answer.status}: ${await answer.text()}`);
  const out = createWriteStream(file);
  await pipeline(Readable.fromWeb(answer.body as ReadableStream), out);
  const seconds = (performance.now() - startedAt) / 1_000;
  return { entries, seconds, mebibytes: out.bytesWritten / 2 ** 20, before, peak: memoryOf(pid).peak, oldSpaceMiB: oldSpaceOf(pid) };
}
