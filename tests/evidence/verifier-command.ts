import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { verifierKey } from './signed-log.ts';

/** What the command says of a log that was signed here, as auditors run it: a file, a key and the code that it exits with. `kept` is a checkpoint that somebody kept; no key is given where `keys` are none. */
export function commandOn(text: string, kept?: string, keys: readonly string[] = [verifierKey]): { code: number | null; said: string } {
  const directory = mkdtempSync(join(tmpdir(), 'verified-'));
  const write = (name: string, content: string) => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  };
  try {
    const more = kept === undefined ? [] : ['--checkpoint', write('kept', kept)];
    const args = [resolve('verifier', 'exequatur-verify.mjs'), ...keys.flatMap((key) => ['--key', key]), ...more, write('given', text)];
    const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    return { code: status, said: stdout.trim() };
  } finally {
    rmSync(directory, { recursive: true });
  }
}
