/** Every workflow that the worker runs: the entry of the bundle. */
export { indexBuild } from './index-build.ts';
export { missedRuns } from './missed-runs.ts';
export { ontologyMigration } from './ontology-migration.ts';
export { proposal } from './proposal.ts';
export { scheduledRun } from './scheduled-run.ts';
