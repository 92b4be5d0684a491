/**
 * `npm run chaos [-- --actions 1000] [--seconds 180] [--seed 1] [--only mixed-actions]`: every test under faults, those that take minutes included, one file after another, with that
 * many mixed actions, and PostgreSQL restarted every five seconds for so long. A seed gives the same actions and the same faults; how they interleave is the machine's. `--only` takes a part of a file's name.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    actions: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '180' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
  },
});
const env = {
  ...process.env,
  EXEQUATUR_CHAOS: '1',
  EXEQUATUR_CHAOS_ACTIONS: values.actions,
  EXEQUATUR_CHAOS_SECONDS: values.seconds,
  EXEQUATUR_CHAOS_EVENTS: '50000',
  EXEQUATUR_SEED: values.seed,
};
const folder = join('tests', 'chaos');
const files = readdirSync(folder, { encoding: 'utf8', recursive: true }).filter(
  (file) => file.endsWith('.test.ts') && file.includes(values.only),
);
const args = ['node_modules/vitest/vitest.mjs', 'run', '--no-file-parallelism', ...files.map((file) => join(folder, file))];
const [code] = (await once(spawn(process.execPath, args, { stdio: 'inherit', env }), 'exit')) as [number | null];
process.exitCode = code ?? 1;
