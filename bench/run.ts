import { benchAudit } from './audit.ts';
import { benchLifecycle } from './lifecycle.ts';
import { benchOntology } from './ontology.ts';
import { benchPlan } from './plan.ts';
import { benchPolicy } from './policy.ts';

/** `npm run bench -- <name> [options]`: each benchmark prints a table for people and one JSON line for machines. */
const benchmarks: Record<string, (options: readonly string[]) => Promise<void>> = {
  audit: benchAudit,
  lifecycle: benchLifecycle,
  ontology: benchOntology,
  plan: benchPlan,
  policy: benchPolicy,
};

const [name = '', ...options] = process.argv.slice(2);
const run = benchmarks[name];
if (run === undefined) {
  console.error(`usage: npm run bench -- <${Object.keys(benchmarks).join(' | ')}> [options]`);
  process.exit(2);
}
await run(options);
process.exit(0);
