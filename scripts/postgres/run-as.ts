/**
 * PostgreSQL refuses to run as root, which is who one is in most containers. There it runs as an unprivileged user instead; when that user may not enter the
 * checkout's parent directories (/root is 0700), it is given the one capability that lets it.
 */
import { spawnSync } from 'node:child_process';
import { chownSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface RunAs {
  identity?: { uid: number; gid: number };
  /** Put in front of the command. */
  prefix: string[];
}

export function chooseRunAs(mustReach: readonly string[]): RunAs {
  if (process.getuid?.() !== 0) return { prefix: [] };
  const identity = unprivilegedUser();
  if (mustReach.every((path) => canReach(identity, path))) return { identity, prefix: [] };
  const { uid, gid } = identity;
  // access(2), with which initdb looks for the server, sets capabilities aside for whoever is not root, unless the securebit says that user ids are not looked at.
  const capability = ['--securebits=+no_setuid_fixup', '--inh-caps=+dac_override', '--ambient-caps=+dac_override'];
  return { prefix: ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', ...capability] };
}

/** Gives a directory to whoever the server runs as; a data directory made by another user is refused by PostgreSQL. */
export function giveTo(directory: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = unprivilegedUser();
  if (lstatSync(directory).uid !== uid) chownAll(directory, uid, gid);
}

function chownAll(path: string, uid: number, gid: number): void {
  const stats = lstatSync(path);
  if (stats.isSymbolicLink()) return;
  chownSync(path, uid, gid);
  if (stats.isDirectory()) for (const name of readdirSync(path)) chownAll(join(path, name), uid, gid);
}

/** `postgres` where the machine has such a user, else `nobody`; initdb wants a user that the password file names. */
function unprivilegedUser(): { uid: number; gid: number } {
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody');
  if (!user)
    throw new Error(
      'PostgreSQL does not run as root, and this machine has neither a user postgres nor nobody. Run as another user or set DATABASE_URL.',
    );
  return { uid: Number(user[2]), gid: Number(user[3]) };
}

function canReach(identity: { uid: number; gid: number }, path: string): boolean {
  return spawnSync('test', ['-r', path], { ...identity, cwd: '/' }).status === 0;
}
