import { configDefaults, defineConfig } from 'vitest/config';

const exclude = [
  ...configDefaults.exclude,
  '.exequatur/**',
  'dist/**',
  ...(process.env.EXEQUATUR_CHAOS ? [] : ['tests/chaos/heavy/**']), // Minutes each: `npm run chaos` runs them.
];
// A fork keeps the product and hundreds of files in its heap: a nursery as the product's own processes have it, and no full collection before there is something to collect.
const heap = ['--min-semi-space-size=16', '--max-semi-space-size=32', '--initial-old-space-size=512'];
const common = {
  pool: 'forks', // The Temporal worker is a native library with threads of its own; threads of ours would share it.
  isolate: false, // Loading the product anew for every file took a fifth of the whole run.
  execArgv: heap,
  // These end what hangs. What succeeds ends at once, however long a busy machine takes for it.
  testTimeout: 180_000,
  hookTimeout: 240_000,
  expect: { poll: { timeout: 60_000 } },
  env: { LOG_LEVEL: 'silent' },
} as const;

export default defineConfig({
  test: {
    maxWorkers: 3, // On two cores: a third of the time a file waits for timers, kills and retries.
    reporters: ['default'],
    projects: [
      { test: { ...common, name: 'units', include: ['**/*.test.ts'], exclude: [...exclude, 'tests/**'] } },
      { test: { ...common, name: 'servers', include: ['tests/**/*.test.ts'], exclude, globalSetup: ['tests/support/servers.ts'] } },
    ],
  },
});
