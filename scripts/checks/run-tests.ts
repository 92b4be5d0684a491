/**
 * Runs vitest, shows its output as it comes, and counts from its machine-readable report, so that a file that could not even be loaded counts as failed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';

export interface TestCounts {
  passed: number;
  failed: number;
}

interface Report {
  numPassedTests: number;
  numFailedTests: number;
  testResults: { status: string; assertionResults: unknown[] }[];
}

const reportFile = '.exequatur/test-report.json';

export async function runTests(filters: readonly string[]): Promise<TestCounts> {
  mkdirSync('.exequatur', { recursive: true });
  rmSync(reportFile, { force: true });
  const args = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${reportFile}`,
    ...filters,
  ];
  const child = spawn(process.execPath, args, { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  return count(readReport(), code);
}

function count(report: Report | undefined, code: number | null): TestCounts {
  if (!report) return { passed: 0, failed: 1 };
  const unloadable = report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length;
  const failed = report.numFailedTests + unloadable;
  // An error outside any test (an unhandled rejection, a failing teardown) shows in the exit code alone.
  return { passed: report.numPassedTests, failed: failed === 0 && code !== 0 ? 1 : failed };
}

function readReport(): Report | undefined {
  try {
    return JSON.parse(readFileSync(reportFile, 'utf8')) as Report;
  } catch {
    return undefined;
  }
}
