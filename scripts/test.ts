/**
 * Everything that is checked before a change counts as good. The very last line is `N passed, M failed`, tests and checks together, and the exit code says
 * the same. Arguments are file filters for the tests.
 */
import { withProgress } from './bootstrap/progress.mjs';
import { runTests } from './checks/run-tests.ts';
import { staticChecks } from './checks/static-checks.ts';
import { findKafka } from './kafka/find-kafka.ts';
import { findOpa } from './opa/find-opa.ts';
import { findTemporalCli } from './temporal/find-temporal-cli.ts';
import { findTimeSkippingServer } from './time-skipping-server.ts';

const startedAt = Date.now();

// Fetched before the clock of any test runs; each says so itself when there is something to build.
if (!process.env.TEMPORAL_ADDRESS) await findTemporalCli();
await findOpa();
await findTimeSkippingServer();
if (!process.env.KAFKA_BROKERS) await findKafka();

let passed = 0;
let failed = 0;
const running = staticChecks.map((check) => ({ check, output: check.run() }));
for (const { check, output: ending } of running) {
  const output = await ending;
  if (output === undefined) passed += 1;
  else failed += 1;
  console.log(output === undefined ? `ok      ${check.name}` : `FAILED  ${check.name}\n${output}`);
}

const tests = await withProgress('running the tests', () => runTests(process.argv.slice(2)));
passed += tests.passed;
failed += tests.failed;

console.log(
  `\nwhole run: ${((Date.now() - startedAt) / 1000).toFixed(0)} s; ${staticChecks.length} checks and ${tests.passed + tests.failed} tests`,
);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
