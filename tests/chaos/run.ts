/**
 * `npm run chaos [-- --actions 1000] [--seed 1]`: that many mixed actions, with and without effects, while workers and the relay are killed, the database goes away and the
 * carrier misbehaves. The test that CI runs, for longer. A seed gives the same actions and the same faults; how they interleave is the machine's.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: { actions: { type: 'string', default: '1000' }, seed: { type: 'string', default: '1' } },
});
const env = { ...process.env, EXEQUATUR_CHAOS_ACTIONS: values.actions, EXEQUATUR_SEED: values.seed };
const args = ['node_modules/vitest/vitest.mjs', 'run', 'tests/chaos/mixed-actions.test.ts'];
const [code] = (await once(spawn(process.execPath, args, { stdio: 'inherit', env }), 'exit')) as [number | null];
process.exitCode = code ?? 1;
