/**
 * One process at a time, across processes. The lock names its holder (pid and start time), so a lock left by a killed process is taken over at once
 * and a recycled pid is not mistaken for the holder.
 */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { identify, isRunning } from './process-identity.mjs';
import { elapsed, say } from './progress.mjs';

const pollMs = 250; // Short beside anything worth locking; a waiting process costs nothing noticeable.
const patienceMs = 1_000; // Most locks are free by then, and one whose holder was killed is taken over.
const heartbeatMs = 10_000;
let attempts = 0;

/**
 * @template T
 * @param {string} path
 * @param {string} purpose Words for whoever waits.
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(path, purpose, work) {
  mkdirSync(dirname(path), { recursive: true });
  const mine = `${path}.${process.pid}.${++attempts}`;
  writeFileSync(mine, identify(process.pid) ?? String(process.pid));
  const startedAt = Date.now();
  let nextHeartbeatAt = startedAt + patienceMs;
  try {
    while (!tryLock(path, mine)) {
      if (Date.now() >= nextHeartbeatAt) {
        say(`waiting for another process that is ${purpose} (${elapsed(startedAt)})`);
        nextHeartbeatAt = Date.now() + heartbeatMs;
      }
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  } finally {
    rmSync(mine, { force: true });
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

/**
 * Takes the lock for as long as this process lives, or until the returned function is called.
 * @param {string} path
 * @returns {{ release: () => void } | { heldBy: number }}
 */
export function holdLock(path) {
  mkdirSync(dirname(path), { recursive: true });
  const mine = `${path}.${process.pid}.${++attempts}`;
  writeFileSync(mine, identify(process.pid) ?? String(process.pid));
  try {
    // Twice, because the first attempt may have found a dead process's lock and taken that away.
    if (tryLock(path, mine) || tryLock(path, mine)) return { release: () => rmSync(path, { force: true }) };
    return { heldBy: Number.parseInt(readFileSync(path, 'utf8'), 10) };
  } finally {
    rmSync(mine, { force: true });
  }
}

/**
 * A hard link is created whole or not at all, so the lock never exists without its holder's name.
 * @param {string} path
 * @param {string} mine
 */
function tryLock(path, mine) {
  try {
    linkSync(mine, path);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
  }
  removeIfAbandoned(path, mine);
  return false;
}

/**
 * The rename makes one of several finders the remover. If what it took away turns out to be a living holder's, it is put back.
 * @param {string} path
 * @param {string} mine
 */
function removeIfAbandoned(path, mine) {
  if (isHeld(path)) return;
  const taken = `${mine}.abandoned`;
  try {
    renameSync(path, taken);
    if (isHeld(taken)) linkSync(taken, path);
  } catch {
    // Another process was quicker; the next attempt sees what it left.
  }
  rmSync(taken, { force: true });
}

/** @param {string} path */
function isHeld(path) {
  try {
    return isRunning(readFileSync(path, 'utf8'));
  } catch {
    return false;
  }
}
