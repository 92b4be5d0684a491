import { configDefaults, defineConfig } from 'vitest/config';

/** Tests beside what they test: of pure code, in no need of a server or of a process each. */
const besideTheCode = ['**/*.test.ts'];
const exclude = [
  ...configDefaults.exclude,
  '.exequatur/**',
  'dist/**',
  ...(process.env.EXEQUATUR_CHAOS ? [] : ['tests/chaos/heavy/**']), // Minutes each: `npm run chaos` runs them.
];
const common = {
  pool: 'forks', // The Temporal worker is a native library with threads of its own; a process per file keeps one file's from another's.
  testTimeout: 30_000,
  hookTimeout: 60_000,
  env: { LOG_LEVEL: 'silent' },
} as const;

export default defineConfig({
  test: {
    maxWorkers: 2, // PostgreSQL and Temporal need a core as well; more workers make time-outs, not speed.
    reporters: ['default'],
    projects: [
      { test: { ...common, name: 'units', include: besideTheCode, exclude: [...exclude, 'tests/**'], isolate: false } },
      { test: { ...common, name: 'servers', include: ['tests/**/*.test.ts'], exclude, globalSetup: ['tests/support/servers.ts'] } },
    ],
  },
});
