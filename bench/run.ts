import { benchAudit } from './audit.ts';
import { benchEvents } from './events.ts';
import { benchFairness } from './fairness.ts';
import { benchLifecycle } from './lifecycle.ts';
import { benchLoad } from './load.ts';
import { benchOntology } from './ontology.ts';
import { benchPlan } from './plan.ts';
import { benchPolicy } from './policy.ts';
import { benchRecovery } from './recovery.ts';

/** `npm run bench -- <name> [options]`: each benchmark prints a table for people and one JSON line for machines. */
const benchmarks: Record<string, (options: readonly string[]) => Promise<void>> = {
  events: benchEvents,
  audit: benchAudit,
  fairness: benchFairness,
  lifecycle: benchLifecycle,
  load: benchLoad,
  ontology: benchOntology,
  plan: benchPlan,
  policy: benchPolicy,
  recovery: benchRecovery,
};

const [name = '', ...options] = process.argv.slice(2);
const run = benchmarks[name];
if (run === undefined) {
  console.error(`usage: npm run bench -- <${Object.keys(benchmarks).join(' | ')}> [options]`);
  process.exit(2);
}
await run(options);
process.exit(); // With the code that the benchmark has set: 1 where a promise was broken.
