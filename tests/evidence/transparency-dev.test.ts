// Our logs read by the libraries that the tools of transparency-dev are made of: tests/transparency-dev, a Go program. A log of two full tiles and more over HTTP.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkpointText, signNote } from '../../audit/signed-note.ts';
import { withTenant } from '../../store/sql.ts';
import { appendSystem, systemTenant } from '../../store/system-chain.ts';
import { startWitness, type WitnessProcess } from '../witness/witness-process.ts';
import { EvidenceScene } from './evidence-scene.ts';
import { askTransparencyTool, type Found } from './transparency-tool.ts';

const minutes = 5 * 60_000; // Once: a few small modules are fetched and compiled.

let scene: EvidenceScene;
let witness: WitnessProcess;
let older: string;
beforeAll(async () => {
  scene = await EvidenceScene.open();
  witness = await startWitness(scene.signer.verifierKey);
  scene.serve(witness);
  await scene.act();
  await sealed();
  older = await checkpoint();
  for (let at = 0; at < 3; at++) await grow(200);
  await scene.act();
  await sealed();
  await open(older); // So that it is built.
}, minutes);
afterAll(async () => {
  await Promise.all([scene?.close(), witness?.remove()]);
});

async function sealed(): Promise<void> {
  await scene.seal();
  await scene.submit(witness);
}

function grow(entries: number): Promise<void> {
  return withTenant(scene.worker, scene.api.tenant, async (tx) => {
    for (let at = 0; at < entries; at++) tx.audit({ type: 'switch.changed', facts: { at, pad: 'x'.repeat(at % 50) } });
  });
}

async function lastEntry(): Promise<number> {
  const { rows } = await scene.superuser.query('SELECT seq::int FROM exequatur.audit_head WHERE tenant_id = $1', [scene.api.tenant]);
  return rows[0].seq;
}

const get = (path: string) => scene.auditor.get(`/v1/audit/log/${path}`);
const checkpoint = async (): Promise<string> => (await get('checkpoint')).body;
const sizeOf = (note: string) => Number(note.split('\n')[1]);

function open(note: string): Promise<Found> {
  return askTransparencyTool(['open', scene.origin, scene.signer.verifierKey, witness.verifierKey], note);
}

async function follow(kept: string): Promise<Found> {
  const token = await scene.api.token({ id: 'auditor-1', roles: ['auditor'] });
  const args = ['follow', `${scene.api.url}/v1/audit/log/`, token, scene.origin, scene.signer.verifierKey, witness.verifierKey];
  return askTransparencyTool(args, kept);
}

/** Runs work while one bit in a row is otherwise than it was. */
async function withFlipped(flip: string, work: () => Promise<void>): Promise<void> {
  await scene.tamper(flip);
  try {
    await work();
  } finally {
    await scene.tamper(flip);
  }
}

describe('the libraries of transparency-dev', () => {
  it('open a cosigned checkpoint, and no altered one', async () => {
    const note = await checkpoint();
    expect(await open(note)).toEqual({ size: sizeOf(note), signers: [scene.signer.name, witness.key.name] });
    await expect(open(note.replace(`\n${sizeOf(note)}\n`, `\n${sizeOf(note) + 1}\n`))).rejects.toThrow('invalid signature');
    await expect(open(note.split('\n').slice(0, -2).join('\n').concat('\n'))).rejects.toThrow('has not cosigned');
  });

  it('follow the log from a checkpoint that was kept, prove each entry, and find every tile to be what the entries make of it', async () => {
    const size = sizeOf(await checkpoint());
    expect(size).toBeGreaterThan(2 * 256);
    expect(await follow(older)).toEqual({
      size,
      from: sizeOf(older),
      included: size,
      signers: [scene.signer.name, witness.key.name],
    });
  });

  it('refuse an altered tile', async () => {
    const flip = `UPDATE exequatur.audit_tile SET hashes = set_byte(hashes, 4000, get_byte(hashes, 4000) # 1)
      WHERE tenant_id = '${scene.api.tenant}' AND level = 0 AND tile = 0`;
    await withFlipped(flip, () => expect(follow(older)).rejects.toThrow(/consistency|root/));
  });

  it('refuse an altered entry under a tile that is not', async () => {
    const flip = `UPDATE exequatur.audit_entry SET payload = set_byte(payload, 8, get_byte(payload, 8) # 1)
      WHERE tenant_id = '${scene.api.tenant}' AND seq = 100`;
    await withFlipped(flip, () => expect(follow(older)).rejects.toThrow('entry 100'));
  });

  it('refuse a log that does not go on from what was kept', async () => {
    const fork = await signNote(checkpointText(scene.origin, sizeOf(older), randomBytes(32)), [scene.signer]);
    await expect(follow(fork)).rejects.toThrow('consistency check failed');
  });
});

describe('tiles', () => {
  it('are there as far as a checkpoint reaches, and may be kept for ever', async () => {
    const size = sizeOf(await checkpoint());
    const rest = size % 256;
    for (const [path, bytes] of [
      ['tile/0/000', 256 * 32],
      ['tile/0/000.p/7', 7 * 32],
      [`tile/0/002.p/${rest}`, rest * 32],
      ['tile/1/000.p/2', 2 * 32],
    ] as const) {
      const { status, headers, mediaType } = await get(path);
      expect({ path, status, mediaType, bytes: headers.get('content-length') }).toEqual({
        path,
        status: 200,
        mediaType: 'application/octet-stream',
        bytes: String(bytes),
      });
      expect(headers.get('cache-control')).toBe('private, max-age=31536000, immutable');
    }
    for (const path of [
      'tile/0/002',
      `tile/0/002.p/${rest + 1}`,
      'tile/1/000.p/3',
      'tile/2/000.p/1',
      `tile/entries/002.p/${rest + 1}`,
      'tile/63/000',
    ])
      expect((await get(path)).status, path).toBe(404);
    for (const path of ['tile/64/000', 'tile/0/0', 'tile/0/000.p/0', 'tile/entry/000']) expect((await get(path)).status, path).toBe(400);
    const { headers, mediaType } = await get('checkpoint');
    expect([mediaType, headers.get('content-type'), headers.get('cache-control')]).toEqual([
      'text/plain',
      'text/plain; charset=utf-8',
      'private, no-store',
    ]);
  });

  it('are for whoever may export the log, and reading them leaves no entry', async () => {
    const before = await lastEntry();
    for (const path of ['checkpoint', 'tile/0/000', 'tile/entries/000']) {
      expect((await scene.api.as({ id: 'keeper-2' }).get(`/v1/audit/log/${path}`)).status).toBe(403);
      expect((await get(path)).status).toBe(200);
    }
    expect(await lastEntry()).toBe(before);
  });

  it('of the log of the installation are for its operators', async () => {
    await appendSystem(scene.api.pool, [{ type: 'login.failed', facts: { reason: 'test' } }]);
    await sealed();
    const token = await scene.api.operatorToken();
    const read = (path: string) => scene.api.call('GET', `/v1/system/audit/log/${path}`, { token });
    const { body, status } = await read('checkpoint');
    expect([status, body]).toEqual([200, expect.stringContaining(`/${systemTenant}\n`)]);
    expect((await read(`tile/entries/000.p/${sizeOf(body)}`)).status).toBe(200);
    expect((await read('tile/0/000')).status).toBe(404);
  });
});
