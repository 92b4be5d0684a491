import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where programs built or downloaded once for every checkout of this machine are kept. */
export function cacheDirectory(...names: string[]): string {
  const base = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(base, 'exequatur', ...names);
}
