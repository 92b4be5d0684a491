/** Every workflow that the worker runs: the entry of the bundle. */
export { indexBuild } from './index-build.ts';
export { proposal } from './proposal.ts';
