import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    exclude: [
      ...configDefaults.exclude,
      '.exequatur/**',
      'dist/**',
      ...(process.env.EXEQUATUR_CHAOS ? [] : ['tests/chaos/heavy/**']), // Minutes each: `npm run chaos` runs them.
    ],
    globalSetup: ['tests/support/servers.ts'],
    pool: 'forks', // The Temporal worker is a native library with threads of its own; a process per file keeps one file's from another's.
    maxWorkers: 2, // PostgreSQL and Temporal need a core as well; more workers make time-outs, not speed.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: ['default'],
    env: { LOG_LEVEL: 'silent' },
  },
});
