import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

export interface Notice {
  file: string;
  test: string;
  /** That a machine is slow says nothing: such a failure is none until it comes again. */
  timedOut?: boolean;
}

interface Report {
  testResults: {
    name: string;
    status: string;
    message: string;
    assertionResults: { status: string; fullName: string; failureMessages: string[] }[];
  }[];
}

// The longest of these files takes a minute on a quiet machine. On a busy one, where several of these run beside other work, everything takes much longer, which says nothing.
const patienceMs = 900_000;
const timeouts = ['--testTimeout=180000', '--hookTimeout=300000'];

/** Runs these files and, unless all of their tests are to run, stops at the first failure, which it returns; null where all pass. */
export async function firstFailure(
  root: string,
  files: readonly string[],
  databaseUrl: string,
  { toTheEnd = false, env = {} }: { toTheEnd?: boolean; env?: Record<string, string> } = {},
): Promise<Notice | null> {
  const report = join(root, 'report.json');
  rmSync(report, { force: true });
  const args = [
    'node_modules/vitest/vitest.mjs',
    'run',
    ...(toTheEnd ? [] : ['--bail=1']),
    '--maxWorkers=1',
    '--reporter=json',
    ...timeouts,
  ];
  const child = spawn(process.execPath, [...args, `--outputFile=${report}`, ...files], {
    ...{ cwd: root, stdio: 'ignore', timeout: patienceMs, killSignal: 'SIGKILL' },
    env: { ...process.env, DATABASE_URL: databaseUrl, ...env },
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code === 0) return null;
  return failureIn(root, report) ?? { file: files[0] ?? '', test: `(the run ended with ${code})`, timedOut: code === null };
}

function failureIn(root: string, path: string): Notice | null {
  let report: Report;
  try {
    report = JSON.parse(readFileSync(path, 'utf8')) as Report;
  } catch {
    return null;
  }
  for (const { name, status, message, assertionResults } of report.testResults) {
    const file = name.slice(root.length + 1);
    const failed = assertionResults.find((one) => one.status === 'failed');
    if (failed !== undefined) return { file, test: failed.fullName, timedOut: /timed out in \d+ ?ms/.test(failed.failureMessages.join()) };
    if (status === 'failed' && message !== '')
      return { file, test: `(does not load: ${message.split('\n')[0]})`, timedOut: /timed out/.test(message) };
  }
  return null;
}
