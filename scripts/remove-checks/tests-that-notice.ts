import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

export interface Notice {
  file: string;
  test: string;
  /** What it found, in the first line of its failure. */
  found: string;
  /** That a machine is slow, or a server gone, says nothing: such a failure is none. */
  timedOut: boolean;
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
const patienceMs = 3_600_000;
const timeouts = ['--testTimeout=120000', '--hookTimeout=240000'];

/**
 * Runs these files one after another in one process.
 * @returns of each file that came to its end its first failure, or null where all its tests pass. One that took the process with it is not among them.
 */
export async function failuresOf(
  root: string,
  files: readonly string[],
  databaseUrl: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Map<string, Notice | null>> {
  const report = join(root, 'report.json');
  rmSync(report, { force: true });
  // What fails when no test waits for it cannot be told apart by file, and counts for none.
  const args = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--maxWorkers=1',
    '--reporter=json',
    '--dangerouslyIgnoreUnhandledErrors',
    ...timeouts,
  ];
  const child = spawn(process.execPath, [...args, `--outputFile=${report}`, ...files], {
    ...{ cwd: root, stdio: 'ignore', timeout: patienceMs, killSignal: 'SIGKILL' },
    env: { ...process.env, DATABASE_URL: databaseUrl, ...env },
  });
  await once(child, 'exit');
  return new Map(resultsIn(report).map((result) => [result.name.slice(root.length + 1), failureIn(root, result)]));
}

function resultsIn(path: string): Report['testResults'] {
  try {
    return (JSON.parse(readFileSync(path, 'utf8')) as Report).testResults;
  } catch {
    return [];
  }
}

function failureIn(root: string, { name, status, message, assertionResults }: Report['testResults'][number]): Notice | null {
  const file = name.slice(root.length + 1);
  const failed = assertionResults.find((one) => one.status === 'failed');
  const words = failed?.failureMessages.join('\n') ?? message;
  if (failed === undefined && status !== 'failed') return null;
  return {
    file,
    test: failed?.fullName ?? '(before its tests)',
    found: words.split('\n')[0]?.slice(0, 300) ?? '',
    timedOut: /timed out in \d+ ?ms|Matcher did not succeed in time|ECONNREFUSED|Connection terminated/.test(words),
  };
}
