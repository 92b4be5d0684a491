import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
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

  it('needs Node and nothing else: no file of it imports what is not of it', () => {
    const files = readdirSync(verifier).filter((name) => name.endsWith('.mjs'));
    for (const file of files) {
      const text = readFileSync(join(verifier, file), 'utf8');
      expect(text).not.toMatch(/\bimport\(|\brequire\(/);
      for (const [, name = ''] of text.matchAll(/^(?:import|export) .*from '([^']+)';$/gm))
        expect(name.startsWith('./') ? files : builtinModules, `${name} in ${file}`).toContain(name.replace(/^node:|^\.\//, ''));
    }
    const { dependencies, bin } = JSON.parse(readFileSync(join(verifier, 'package.json'), 'utf8'));
    expect(dependencies).toBeUndefined();
    expect(files).toContain(bin['exequatur-verify']);
  });

  it('is whole as it is packed', () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'packed-'));
    const [{ filename }] = JSON.parse(
      execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', elsewhere], { cwd: verifier, encoding: 'utf8' }),
    );
    execFileSync('tar', ['xzf', filename], { cwd: elsewhere });
    const { status, stdout } = spawnSync(process.execPath, [join(elsewhere, 'package', 'exequatur-verify.mjs')], { encoding: 'utf8' });
    expect({ status, stdout }).toMatchObject({ status: 2, stdout: expect.stringContaining('usage: exequatur-verify --key') });
    rmSync(elsewhere, { recursive: true });
  });
});
