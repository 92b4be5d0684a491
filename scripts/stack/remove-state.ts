import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { endPreviousServer } from '../postgres/postmaster-pid.ts';
import { endPrevious } from '../processes/leashed-program.ts';

const stateNames = [
  'postgres',
  'postgres.unfinished',
  'temporal.db',
  'temporal.db-shm',
  'temporal.db-wal',
  'temporal.db.pid',
  'kafka',
  'keys',
  'witness',
];

/** Removes a stack's state. The caller holds the stack's lock; servers that a killed owner left behind are ended first. */
export async function removeState(directory: string): Promise<void> {
  await endPreviousServer(join(directory, 'postgres'));
  await endPrevious(join(directory, 'temporal.db.pid'));
  await endPrevious(join(directory, 'kafka', 'broker.pid'));
  for (const name of stateNames) rmSync(join(directory, name), { recursive: true, force: true });
}
