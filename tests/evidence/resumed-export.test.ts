// An export that broke off anywhere goes on where it broke off: the rest, appended, makes one export. An API over a clone from tests/support/database.ts.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JsonObject } from '../../ontology/json.ts';
import { Dice } from '../trust/random-numbers.ts';
import { EvidenceScene } from './evidence-scene.ts';

const part = (name: string) => import(String(new URL(`../../verifier/${name}.mjs`, import.meta.url)));
const [{ readVerifier }, { verifyExport }] = await Promise.all([part('notes'), part('verify-export')]);
/** In this process: there are many to verify. @throws where it is not whole */
const verified = (text: string): Promise<JsonObject> => verifyExport(text.trimEnd().split('\n'), [readVerifier(scene.signer.verifierKey)]);

let scene: EvidenceScene;
let whole: string;
let directory: string;
beforeAll(async () => {
  scene = await EvidenceScene.open();
  directory = await mkdtemp(join(tmpdir(), 'resumed-'));
  for (let at = 0; at < 3; at++) {
    await scene.act();
    await scene.seal();
  }
  whole = await scene.export();
});
afterAll(async () => {
  await scene?.close();
  await rm(directory, { recursive: true, force: true });
});

const headOf = (text: string) => JSON.parse(text.slice(0, text.indexOf('\n'))) as { from: number; to: number };
/** The last entry in the whole lines of a part. */
const lastOf = (part: string) =>
  part
    .trimEnd()
    .split('\n')
    .slice(1)
    .flatMap((line) => (JSON.parse(line) as { seq?: number }).seq ?? [])
    .at(-1) ?? headOf(part).from - 1;

/** As whoever reads to the end of what came: whatever stands behind the last newline is no line. */
async function resumed(text: string, cut: number): Promise<string> {
  const part = text.slice(0, text.lastIndexOf('\n', cut - 1) + 1);
  const { to } = headOf(part);
  return part + (await scene.export(`?after=${lastOf(part)}&to=${to}`));
}

it('cut at any byte and resumed is one export, with each entry once', async () => {
  const first = whole.indexOf('\n') + 1;
  const dice = new Dice(20_261_130);
  const newlines = [...whole.matchAll(/\n/g)].map(({ index }) => index + 1).slice(0, -1);
  const cuts = new Set([
    first,
    whole.length - 1,
    ...newlines.slice(-6),
    ...Array.from({ length: 12 }, () => first + dice.roll(whole.length - first)),
  ]);
  const before = await verified(whole);
  for (const cut of cuts) expect(await verified(await resumed(whole, cut)), `cut at ${cut} of ${whole.length}`).toEqual(before);
});

it('may be cut again and again, and begin later than the log', async () => {
  const dice = new Dice(7);
  let text = await scene.export('?from=5');
  const head = text.indexOf('\n') + 1;
  for (let times = 0; times < 4; times++) text = await resumed(text, head + dice.roll(text.length - head));
  expect(await verified(text)).toMatchObject({ from: 5, to: headOf(text).to });
});

it('goes on by the commands that are documented', async () => {
  const documented = readFileSync(join(import.meta.dirname, '../../docs/evidence.md'), 'utf8');
  const [, commands = ''] = /```sh\n# resumes log\.ndjson\n([\s\S]*?)```/.exec(documented) ?? [];
  expect(commands).toContain('after=');
  const file = join(directory, 'log.ndjson');
  for (const cut of [whole.indexOf('\n') + 1, Math.floor(whole.length / 2), whole.length - 4]) {
    writeFileSync(file, whole.slice(0, cut));
    // What it would ask the API for is what it appends, since the scene has no port.
    execFileSync('bash', ['-euc', `curl() { for one in "$@"; do case "$one" in http*) echo "$one";; esac; done; }\n${commands}`], {
      cwd: directory,
      env: { ...process.env, API: 'http://api.test', AUDITOR: 'token' },
    });
    const [, part = '', query = ''] = /^([\s\S]*\n|)(http.*)\n$/.exec(readFileSync(file, 'utf8')) ?? [];
    expect(await verified(part + (await scene.export(new URL(query).search))), query).toMatchObject({ to: headOf(whole).to });
  }
});

it('is refused where it could not end where the first part says, or asks for two things', async () => {
  const { to } = headOf(whole);
  const asked = async (query: string) => (await scene.auditor.get(`/v1/audit/export${query}`)).body.code;
  expect(await asked(`?after=1&to=${to - 1}`)).toBe('not_sealed'); // No checkpoint ends there.
  expect(await asked(`?after=1&to=${to + 100}`)).toBe('not_sealed');
  for (const query of ['?after=1', `?after=1&from=2&to=${to}`, `?after=${to + 1}&to=${to}`, `?after=-1&to=${to}`])
    expect(await asked(query), query).toBe('malformed_request');
});

it('that lacks an entry, or has one twice, is broken', async () => {
  const cut = Math.floor(whole.length / 2);
  const begun = whole.slice(0, whole.lastIndexOf('\n', cut) + 1);
  for (const after of [lastOf(begun) + 1, lastOf(begun) - 1])
    await expect(verified(begun + (await scene.export(`?after=${after}&to=${headOf(whole).to}`)))).rejects.toThrow(
      /^entry \d+: is missing/,
    );
});
