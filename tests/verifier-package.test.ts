import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = dirname(import.meta.dirname);
const verifier = join(root, 'verifier');

describe('the verifier’s package', () => {
  it.each([
    ['its own folder', verifier],
    ['the root', root],
  ])(
    'is run by npx from %s, and says when it was given nothing to check',
    async (_, cwd) => {
      const { code, stdout } = await new Promise<{ code: unknown; stdout: string }>((done) => {
        execFile('npx', ['--no-install', 'exequatur-verify'], { cwd }, (error, said) => done({ code: error?.code ?? 0, stdout: said }));
      });
      expect(stdout).toContain('usage: exequatur-verify --key');
      expect(code).toBe(2);
    },
    60_000,
  ); // npx looks around for seconds on a busy machine.

  it('needs Node and nothing else', () => {
    const text = readFileSync(join(verifier, 'exequatur-verify.mjs'), 'utf8');
    const imported = [...text.matchAll(/^import .* from '([^']+)';$/gm)].map(([, name]) => name ?? '');
    expect(imported.length).toBeGreaterThan(0);
    for (const name of imported) expect(builtinModules).toContain(name.replace('node:', ''));
    expect(JSON.parse(readFileSync(join(verifier, 'package.json'), 'utf8')).dependencies).toBeUndefined();
  });
});
