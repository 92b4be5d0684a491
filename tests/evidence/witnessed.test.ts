// The relay and witnesses elsewhere: what is cosigned, what is served of it, and what the verifier asks for.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WitnessAway } from '../../events/ask-witness.ts';
import { startWitness, type WitnessProcess } from '../witness/witness-process.ts';
import { EvidenceScene, newSigner } from './evidence-scene.ts';

let scene: EvidenceScene;
let near: WitnessProcess;
let far: WitnessProcess;
beforeAll(async () => {
  scene = await EvidenceScene.open();
  [near, far] = await Promise.all([
    startWitness(scene.signer.verifierKey, 'witness.test/near'),
    startWitness(scene.signer.verifierKey, 'witness.test/far'),
  ]);
  scene.serve(near, far);
});
afterAll(async () => {
  await Promise.all([scene?.close(), near?.remove(), far?.remove()]);
});

const linesUnder = (note: string) =>
  note
    .slice(note.indexOf('\n\n') + 2)
    .trimEnd()
    .split('\n');
const namesUnder = (note: string) => linesUnder(note).map((line) => line.split(' ')[1]);
const checkpoint = async () => (await scene.auditor.get('/v1/audit/checkpoint')).body;
const asking = (...args: string[]) => ({ args });

describe('a checkpoint', () => {
  it('is served as soon as it is signed, and with the cosignatures that have come', async () => {
    await scene.act();
    await scene.seal();
    expect(await checkpoint()).toMatchObject({ witnessed: null });
    expect(await scene.submit(near)).toBe(1);
    const { note, witnessed, size } = await checkpoint();
    expect(namesUnder(note)).toEqual([scene.signer.name, near.key.name]);
    expect(witnessed).toEqual({ size, note });
    expect(await scene.submit(near)).toBe(0);
    expect(await scene.submit(far)).toBe(1);
    expect(namesUnder((await checkpoint()).note)).toEqual([scene.signer.name, far.key.name, near.key.name]);
  });
});

describe('the verifier', () => {
  it('asks for cosignatures of exports and evidence, and names what is missing', async () => {
    const id = await scene.act();
    await scene.seal();
    await scene.submit(near);
    const text = await scene.export();
    expect(await scene.verify(text, asking('--witness', near.verifierKey))).toMatchObject({ code: 0 });
    expect(await scene.verify(text, asking('--witness', near.verifierKey, '--witness', far.verifierKey, '--quorum', '1'))).toMatchObject({
      code: 0,
    });
    const lacking = await scene.verify(text, asking('--witness', near.verifierKey, '--witness', far.verifierKey));
    expect(lacking).toMatchObject({ code: 1, said: expect.stringContaining(`cosigned by 2 of 2 witnesses: missing ${far.key.name}`) });
    const evidence = JSON.stringify((await scene.auditor.get(`/v1/proposals/${id}/evidence`)).body);
    const found = await scene.verify(evidence, asking('--witness', near.verifierKey));
    expect(found.code, found.said).toBe(0);
    expect(JSON.parse(found.said.slice('whole '.length)).witnessed).toEqual({ [near.key.name]: expect.stringMatching(/^20\d\d-.*Z$/) });
    expect(await scene.verify(evidence, asking('--witness', far.verifierKey))).toMatchObject({
      code: 1,
      said: expect.stringContaining(`missing ${far.key.name}`),
    });
  });

  it('takes an export up to where it is cosigned, and says from where on it is not', async () => {
    await scene.submit(near);
    await scene.submit(far);
    const { witnessed } = await checkpoint();
    await scene.act();
    await scene.seal();
    const both = asking('--witness', near.verifierKey, '--witness', far.verifierKey);
    expect(await scene.verify(await scene.export(), both)).toMatchObject({
      code: 1,
      said: expect.stringContaining(
        `BROKEN entry ${witnessed.size + 1}: and what follows is under no checkpoint cosigned by 2 of 2 witnesses`,
      ),
    });
    expect(await scene.verify(await scene.export(`?to=${witnessed.size}`), both)).toMatchObject({ code: 0 });
  });

  it('believes no cosignature that was altered, of another witness, or of another checkpoint', async () => {
    await scene.submit(near);
    const text = await scene.export(`?from=${(await checkpoint()).size}`);
    const line = linesUnder((await checkpoint()).note).find((one) => one.includes(near.key.name)) ?? '';
    const [, , signature = ''] = line.split(' ');
    const turned = Buffer.from(signature, 'base64');
    turned.writeUInt8(turned.readUInt8(11) ^ 1, 11); // A second earlier or later.
    const altered = text.replace(signature, turned.toString('base64'));
    expect(await scene.verify(altered, asking('--witness', near.verifierKey))).toMatchObject({
      code: 1,
      said: expect.stringContaining('does not hold'),
    });
    const renamed = text.replaceAll(`${near.key.name} `, `${far.key.name} `);
    expect(await scene.verify(renamed, asking('--witness', near.verifierKey))).toMatchObject({
      code: 1,
      said: expect.stringContaining('missing'),
    });
    for (const wrong of [
      ['--quorum', '2'],
      ['--quorum', '0'],
      ['--witness', scene.signer.verifierKey],
    ])
      expect((await scene.verify(text, asking('--witness', near.verifierKey, ...wrong))).code).toBe(2);
  });
});

describe('a witness', () => {
  it('that was away is told of the newest checkpoint alone, and of the rest by it', async () => {
    const gone = { url: 'http://127.0.0.1:1', key: far.key };
    for (let at = 0; at < 3; at++) {
      await scene.act();
      await scene.seal();
      await expect(scene.submit(gone)).rejects.toThrow(WitnessAway);
    }
    expect(await scene.submit(far)).toBe(1);
    expect(namesUnder((await checkpoint()).note)).toContain(far.key.name);
  });

  it('that knows more than is remembered of it goes on from there', async () => {
    await scene.act();
    await scene.seal();
    await scene.submit(near);
    await scene.tamper(`DELETE FROM exequatur.audit_cosignature WHERE witness LIKE '${near.key.name}+%'`);
    await scene.act();
    await scene.seal();
    expect(await scene.submit(near)).toBe(1);
  });

  it('that answers with what its key did not sign counts as away', async () => {
    await scene.act();
    await scene.seal();
    await expect(scene.submit({ url: near.url, key: far.key })).rejects.toThrow(WitnessAway);
    expect(await scene.submit(near)).toBe(1);
  });

  it('cosigns for two relays that submit the same at once', async () => {
    await scene.act();
    await scene.seal();
    const cosigned = await Promise.all([scene.submit(near), scene.submit(near), scene.submit(near)]);
    expect(cosigned.some((count) => count === 1)).toBe(true);
    expect(linesUnder((await checkpoint()).note).filter((line) => line.includes(near.key.name))).toHaveLength(1);
  });
});

describe('whoever has the relay’s login', () => {
  const file = (size: number, line: string, witness = `${near.key.name}+${near.key.id}`) =>
    scene.relay.query('SELECT exequatur.store_cosignature($1::uuid, $2::bigint, $3, $4, now())', [scene.api.tenant, size, witness, line]);
  /** A line in the name and with the id of a witness, which that did not sign. */
  const forged = (fill: number) =>
    `\u2014 ${near.key.name} ${Buffer.concat([Buffer.from(near.key.id, 'hex'), Buffer.alloc(72, fill)]).toString('base64')}\n`;
  const both = () => asking('--witness', near.verifierKey, '--witness', far.verifierKey);

  it('files cosignatures that none gave, and they are nowhere to be seen', async () => {
    const id = await scene.act();
    await scene.seal();
    const { size } = await checkpoint();
    for (let fill = 0; fill < 3; fill++) await file(size, forged(fill));
    await scene.submit(far);
    const served = await checkpoint();
    expect(namesUnder(served.note)).toEqual([scene.signer.name, far.key.name]);
    expect(served.witnessed).toEqual({ size, note: served.note });
    const evidence = (await scene.auditor.get(`/v1/proposals/${id}/evidence`)).body;
    expect(namesUnder(evidence.checkpoint)).toEqual([scene.signer.name, far.key.name]);
    expect((await scene.auditor.get('/v1/audit/log/checkpoint')).body).toBe(served.note);
    const text = await scene.export();
    expect(text).not.toContain(forged(1).trim());
    expect(await scene.verify(text, asking('--witness', far.verifierKey))).toMatchObject({ code: 0 });
    expect((await scene.verify(text, both())).said).toContain(`missing ${near.key.name}`);
  });

  it('hides no true one by them: the witness is asked again, and what it gives is served', async () => {
    const { size } = await checkpoint();
    expect(await scene.submit(near)).toBe(0); // Something is filed already.
    const held = new Map<string, number>();
    expect(await scene.mend(near, held)).toBe(1);
    expect(await scene.mend(near, held)).toBe(0);
    expect(await scene.mend(far)).toBe(0);
    const { note, witnessed } = await checkpoint();
    expect(namesUnder(note)).toEqual([scene.signer.name, far.key.name, near.key.name]);
    expect(witnessed.size).toBe(size);
    expect(await scene.verify(await scene.export(), both())).toMatchObject({ code: 0 });
    for (let fill = 100; fill < 140; fill++) await file(size, forged(fill));
    expect((await checkpoint()).note).toBe(note);
  });

  it('finds the last that holds behind however many that do not', async () => {
    const last = await checkpoint();
    for (let at = 0; at < 40; at++) {
      await scene.api.as({ id: 'operator-1' }).put(`/v1/switches/actionType/nothing-${at}`, { state: 'off', reason: 'x' });
      await scene.seal();
      await file((await checkpoint()).size, forged(at));
    }
    expect((await checkpoint()).witnessed).toEqual({ size: last.size, note: last.note });
  });

  it('files nothing but one signature line', async () => {
    const { size } = await checkpoint();
    for (const line of ['', 'x', forged(1).trim(), `${forged(1)}${forged(2)}`, forged(1).replace('==', 'AA'), `${forged(1)}\n{"end":1}\n`])
      await expect(file(size, line), JSON.stringify(line)).rejects.toMatchObject({ code: '23514' });
  });
});

describe('what is kept', () => {
  it('of a day ago is a checkpoint an hour, and the last of each witness in it', async () => {
    const other = await EvidenceScene.open();
    const { tenant } = other.api;
    const kept = async () =>
      (
        await other.superuser.query('SELECT size::int FROM exequatur.audit_checkpoint WHERE tenant_id = $1 ORDER BY size', [tenant])
      ).rows.map(({ size }) => size);
    const watching = await startWitness(other.signer.verifierKey, 'witness.test/watching');
    for (let at = 0; at < 5; at++) {
      await other.act();
      await other.seal();
      if (at === 0 || at === 2) await other.submit(watching);
    }
    other.serve(watching);
    const all = await kept();
    expect(await other.thin()).toBe(0); // They are of today.
    const untilMs = (Math.ceil(Date.now() / 3_600_000) + 1) * 3_600_000 - Date.now();
    await other.tamper(
      `UPDATE exequatur.audit_checkpoint SET created_at = date_trunc('hour', (SELECT max(c.created_at) FROM exequatur.audit_checkpoint c)) + make_interval(secs => size::int)`,
    );
    await other.api.database.advanceClock(24 * 3_600_000 + untilMs);
    await expect(other.superuser.query('DELETE FROM exequatur.audit_checkpoint WHERE size = $1', [all[4]])).rejects.toThrow(
      'until a later one takes its place',
    );
    await expect(other.superuser.query('DELETE FROM exequatur.audit_cosignature')).rejects.toThrow('as long as its checkpoint');
    expect(await other.thin()).toBe(3);
    expect(await kept()).toEqual([all[2], all[4]]);
    expect((await other.verify(await other.export(`?to=${all[2]}`), asking('--witness', watching.verifierKey))).code).toBe(0);
    expect((await other.verify(await other.export())).code).toBe(0);
    await Promise.all([other.close(), watching.remove()]);
  });
});

describe('while a key takes over from another', () => {
  it('both sign, so that whoever knows one of them verifies, and so does a witness', async () => {
    const other = await EvidenceScene.open();
    const next = newSigner(other.signer.name);
    const [knowsOld, knowsNew] = await Promise.all([
      startWitness(other.signer.verifierKey, 'witness.test/old'),
      startWitness(next.verifierKey, 'witness.test/new'),
    ]);
    other.serve(knowsOld, knowsNew);
    const witnesses = asking('--witness', knowsOld.verifierKey, '--witness', knowsNew.verifierKey);
    await other.act();
    await other.seal(next, other.signer);
    for (const witness of [knowsOld, knowsNew]) expect(await other.submit(witness)).toBe(1);
    const text = await other.export();
    for (const key of [other.signer.verifierKey, next.verifierKey])
      expect(await other.verify(text, { key, ...witnesses })).toMatchObject({ code: 0 });

    await other.act();
    await other.seal(next);
    expect(await other.submit(knowsOld)).toBe(0); // It does not take a log that none of the keys it knows has signed.
    expect(await other.submit(knowsNew)).toBe(1);
    const whole = await other.export();
    expect((await other.verify(whole)).said).toContain('signed by nobody whose key was given');
    expect((await other.verify(whole, asking('--key', next.verifierKey, '--witness', knowsNew.verifierKey))).code).toBe(0);
    await Promise.all([other.close(), knowsOld.remove(), knowsNew.remove()]);
  });
});
