// The witness as another process, spoken to as C2SP's tlog-witness has it.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cosignedAt } from '../../audit/cosignature.ts';
import { openNote } from '../../audit/signed-note.ts';
import { CheckpointStore } from '../../witness/checkpoint-store.ts';
import { GrowingLog } from './growing-log.ts';
import { startWitness, type WitnessProcess } from './witness-process.ts';

const family = new GrowingLog();
let witness: WitnessProcess;
let logs = 0;
beforeAll(async () => {
  witness = await startWitness(`${family.signer.verifierKey} other.test=${new GrowingLog().signer.verifierKey}`);
});
afterAll(() => witness?.remove());

/** A log of the family that the witness has not seen. */
const newLog = () => Object.assign(new GrowingLog(`log.test/family/${++logs}`), { signer: family.signer });

async function submit(body: string, url = witness.url) {
  const answer = await fetch(`${url}/add-checkpoint`, { method: 'POST', body });
  return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
}

/** When the witness says that it cosigned what was submitted; null where it does not. */
function cosigned(body: string, line: string): number | null {
  const { text } = openNote(body.slice(body.indexOf('\n\n') + 2)) ?? { text: '' };
  const [signature] = openNote(`${text}\n${line}`)?.signatures ?? [];
  return signature === undefined ? null : cosignedAt(text, signature, witness.key);
}

describe('a witness', () => {
  it('cosigns a log from its beginning on, with the time, and what goes on from there', async () => {
    const log = newLog();
    let old = 0;
    for (const count of [1, 2, 255, 3, 600]) {
      const body = await log.grow(count).submission(old);
      old += count;
      const { status, text } = await submit(body);
      expect(status, text).toBe(200);
      expect(Math.abs((cosigned(body, text) ?? 0) - Date.now() / 1_000)).toBeLessThan(60);
    }
  });

  it('says how much it has seen to whoever thinks otherwise, and cosigns the same again', async () => {
    const log = newLog().grow(5);
    expect((await submit(await log.submission(0))).status).toBe(200);
    log.grow(4);
    for (const old of [0, 3])
      expect(await submit(await log.submission(old))).toEqual({ status: 409, type: 'text/x.tlog.size', text: '5\n' });
    const again = await log.submission(5, { size: 5 });
    const { status, text } = await submit(again);
    expect(status).toBe(200);
    expect(cosigned(again, text)).not.toBeNull();
  });

  it('refuses a fork, of another size and of the same', async () => {
    const log = newLog().grow(10);
    expect((await submit(await log.submission(0))).status).toBe(200);
    const other = log.fork(6).grow(4, 'other');
    expect(await submit(await other.submission(10))).toMatchObject({ status: 409, text: '10\n' });
    expect((await submit(await other.grow(7, 'other').submission(10))).status).toBe(422);
    expect((await submit(await log.grow(1).submission(10))).status).toBe(200);
  });

  it('goes back for nobody', async () => {
    const log = newLog().grow(10);
    await submit(await log.submission(0));
    expect(await submit(await log.submission(4, { size: 6 }))).toMatchObject({ status: 409, text: '10\n' });
    const tooOld = (await log.submission(6, { size: 6 })).replace('old 6', 'old 10');
    expect((await submit(tooOld)).status).toBe(400);
  });

  it('knows its logs by name and key', async () => {
    expect((await submit(await new GrowingLog('elsewhere.test/one').grow(1).submission(0))).status).toBe(404);
    expect((await submit(await new GrowingLog('log.test/familyfriend').grow(1).submission(0))).status).toBe(404);
    const log = newLog().grow(1);
    for (const stranger of [new GrowingLog().signer, { ...family.signer, sign: (text: string) => family.signer.sign(`${text}x`) }])
      expect((await submit(await log.submission(0, { signer: stranger }))).status).toBe(403);
  });

  it('refuses what is no submission', async () => {
    const body = await newLog().grow(3).submission(0);
    const broken = [
      '',
      'old 0\n',
      body.replace('old 0', 'old 00'),
      body.replace('old 0', 'old -1'),
      body.slice(0, -1),
      body.replace('\n3\n', '\n03\n'),
    ];
    for (const text of [...broken, body.replace('old 0\n', `old 0\n${'A'.repeat(43)}\n`), body.replace('\n3\n', '\n1e1\n')])
      expect((await submit(text)).status, text).toBe(400);
    expect((await submit(body.replace('old 0\n', `old 0\n${Buffer.alloc(32).toString('base64')}\n`))).status).toBe(422);
    expect((await submit(`${body}${'x'.repeat(70_000)}`)).status).toBe(413);
    expect((await fetch(`${witness.url}/add-checkpoint`)).status).toBe(405);
  });

  it('cosigns one of two that come at once, and tells the other what it has seen', async () => {
    for (let round = 0; round < 20; round++) {
      const log = newLog().grow(3);
      await submit(await log.submission(0));
      const other = log.fork(3).grow(3, 'other');
      const answers = await Promise.all([submit(await log.grow(2).submission(3)), submit(await other.submission(3))]);
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
      expect(answers.find(({ status }) => status === 409)?.text).toMatch(/^[56]\n$/);
    }
  });

  it('tells whoever asks what it cosigned last of a log', async () => {
    const log = newLog().grow(4);
    await submit(await log.submission(0));
    const note = await (await fetch(`${witness.url}/checkpoint/${log.origin}`)).text();
    expect(note).toMatch(new RegExp(`^${log.origin}\n4\n`));
    expect(openNote(note)?.signatures.map(({ name }) => name)).toEqual([log.signer.name, witness.key.name]);
    expect((await fetch(`${witness.url}/checkpoint/${log.origin}x`)).status).toBe(404);
  });
});

describe('a witness that is killed', () => {
  it('after it has cosigned and before it has answered, knows what it cosigned', async () => {
    const log = newLog().grow(3);
    await submit(await log.submission(0));
    // Whoever submits hears nothing: the answer ends here, and with its first byte the witness is killed.
    const between = createServer(async (request, response) => {
      const pieces = await request.toArray();
      await fetch(`${witness.url}${request.url}`, { method: 'POST', body: Buffer.concat(pieces) });
      witness.kill();
      response.destroy();
    }).listen(0, '127.0.0.1');
    await expect.poll(() => between.listening).toBe(true);
    await expect(submit(await log.grow(2).submission(3), `http://127.0.0.1:${(between.address() as AddressInfo).port}`)).rejects.toThrow();
    between.close();
    await witness.answers();
    expect(await submit(await log.fork(3).grow(4, 'other').submission(3))).toMatchObject({ status: 409, text: '5\n' });
    expect((await submit(await log.submission(5))).status).toBe(200);
  });

  it('at any instant, has cosigned whole or not at all, and nothing besides', async () => {
    for (const delayMs of [1, 3, 7]) {
      const log = newLog().grow(3);
      await submit(await log.submission(0));
      const body = await log.grow(2).submission(3);
      const answered = submit(body).catch(() => null);
      await new Promise((resolve) => setTimeout(resolve, delayMs)); // Somewhere between arriving and answering.
      witness.kill();
      const answer = await answered;
      await witness.answers();
      const fork = await submit(await log.fork(3).grow(3, 'other').submission(3));
      if (answer?.status === 200) expect(fork).toMatchObject({ status: 409, text: '5\n' });
      else expect([200, 409]).toContain(fork.status); // It may not have come so far, and then the other one was first.
      expect((await submit(await log.submission(3))).status).toBe(409);
    }
  });
});

describe('what a witness has stored', () => {
  it('is rid of what a killed one left unfinished once the next one has started', async () => {
    const log = newLog().grow(3);
    await submit(await log.submission(0));
    const folders = readdirSync(witness.store).map((name) => join(witness.store, name));
    for (const folder of folders) writeFileSync(join(folder, 'unfinished.0123456789abcdef'), 'half of a no');
    const files = () => folders.flatMap((folder) => readdirSync(folder));
    const whole = files().filter((name) => /^\d+$/.test(name));
    witness.kill();
    await expect.poll(() => files().sort()).toEqual(whole.sort());
    await witness.answers();
    expect((await submit(await log.grow(2).submission(3))).status).toBe(200);
  });

  it('is replaced although others start meanwhile and take away what is not finished', async () => {
    const directory = join(witness.store, 'started');
    const store = await CheckpointStore.open(directory);
    for (let generation = 0; generation < 30; generation++) {
      let isDone = false;
      const replaced = store.replace('log', generation, `${generation}`).finally(() => {
        isDone = true;
      });
      const starting = (async () => {
        for (let starts = 0; starts < 3 && !isDone; starts++) await CheckpointStore.open(directory); // Fewer than it writes again.
      })();
      expect(await replaced).toBe(true);
      await starting;
    }
    expect(await store.latest('log')).toEqual({ generation: 30, note: '29' });
  });

  it('is replaced once, whoever else replaces it at the same time', async () => {
    const stores = await Promise.all([1, 2, 3].map(() => CheckpointStore.open(join(witness.store, 'several'))));
    for (let generation = 0; generation < 20; generation++) {
      const outcomes = await Promise.all(stores.map((store, at) => store.replace('log', generation, `${generation} by ${at}`)));
      expect(outcomes.filter(Boolean)).toHaveLength(1);
      expect(await stores[0]?.latest('log')).toEqual({ generation: generation + 1, note: `${generation} by ${outcomes.indexOf(true)}` });
    }
    expect(await stores[1]?.replace('log', 5, 'late')).toBe(false);
  });

  it('is not trusted once it cannot be read: nothing is cosigned then', async () => {
    const log = newLog().grow(3);
    await submit(await log.submission(0));
    for (const folder of readdirSync(witness.store)) {
      for (const file of readdirSync(join(witness.store, folder)).filter((name) => /^\d+$/.test(name))) {
        const path = join(witness.store, folder, file);
        if (readFileSync(path, 'utf8').startsWith(log.origin)) writeFileSync(path, 'nothing');
      }
    }
    expect((await submit(await log.grow(1).submission(3))).status).toBe(500);
  });
});
