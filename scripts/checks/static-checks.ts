import { existsSync, readdirSync } from 'node:fs';
import { run } from '../bootstrap/progress.mjs';

export interface Check {
  name: string;
  /** @returns what is wrong, in the tool's words, or undefined. */
  run(): Promise<string | undefined>;
}

const folders = [
  'ontology',
  'policy',
  'workflows',
  'activities',
  'store',
  'audit',
  'events',
  'witness',
  'outbound',
  'telemetry',
  'api',
  'scripts',
  'tests',
  'bench',
  'examples',
];
const sources = [...folders.filter((folder) => existsSync(folder)), ...readdirSync('.').filter((name) => name.endsWith('.ts'))];

export const staticChecks: readonly Check[] = [
  tool('format and lint (biome)', 'biome', ['check', '.']),
  tool('types (tsc)', 'tsc', ['-p', '.', '--incremental', '--tsBuildInfoFile', '.exequatur/types.tsbuildinfo']),
  tool('import directions (dependency-cruiser)', 'depcruise', ['--config', '.dependency-cruiser.cjs', ...sources]),
  tool('unused files, exports and packages (knip)', 'knip', ['--no-progress']),
  tool('Prisma schema', 'prisma', ['validate']),
];

function tool(name: string, program: string, args: readonly string[]): Check {
  // Prisma asks for a schema engine it does not need here; any existing program satisfies it.
  const env = {
    ...process.env,
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    DATABASE_URL: process.env.DATABASE_URL ?? 'postgres://unused',
    NO_COLOR: '1',
  };
  return {
    name,
    async run() {
      try {
        await run(`node_modules/.bin/${program}`, args, { env });
        return undefined;
      } catch (error) {
        return (error as Error).message;
      }
    },
  };
}
