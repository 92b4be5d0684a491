// Our notes read by the library that the tools of transparency-dev are made of: tests/transparency-dev, a Go program of a page.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { GrowingLog } from '../witness/growing-log.ts';
import { startWitness, type WitnessProcess } from '../witness/witness-process.ts';

const log = new GrowingLog().grow(700);
let witness: WitnessProcess;
let note: string;
beforeAll(async () => {
  witness = await startWitness(log.signer.verifierKey);
  const body = await log.submission(0);
  expect((await fetch(`${witness.url}/add-checkpoint`, { method: 'POST', body })).status).toBe(200);
  note = await (await fetch(`${witness.url}/checkpoint/${log.origin}`)).text();
});
afterAll(() => witness?.remove());

function opened(text: string): Promise<string[]> {
  const args = ['run', '.', log.origin, log.signer.verifierKey, witness.verifierKey];
  return new Promise((resolve, reject) => {
    const go = execFile('go', args, { cwd: join(import.meta.dirname, '..', 'transparency-dev') }, (error, said) =>
      error === null ? resolve(said.trim().split('\n')) : reject(error),
    );
    go.stdin?.end(text);
  });
}

it('a cosigned checkpoint is opened by transparency-dev’s own code, and an altered one is not', async () => {
  expect(await opened(note)).toEqual(['700', log.signer.name, witness.key.name]);
  await expect(opened(note.replace('\n700\n', '\n701\n'))).rejects.toThrow();
}, 120_000); // Once: two small modules are fetched and compiled.
