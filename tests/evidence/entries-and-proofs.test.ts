// The log page by page, and proofs about it by themselves, checked as whoever verifies checks them. An API over a clone from tests/support/database.ts.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isConsistent, type Tree } from '../../audit/consistency.ts';
import { frameOf } from '../../audit/entry.ts';
import { EvidenceScene } from './evidence-scene.ts';

const { leafHash, rootByInclusion } = await import(String(new URL('../../verifier/tree.mjs', import.meta.url)));

type Entry = Parameters<typeof frameOf>[1] & { disclosures: unknown[] };

let scene: EvidenceScene;
let entries: Entry[];
let trees: Tree[];
beforeAll(async () => {
  scene = await EvidenceScene.open();
  for (let at = 0; at < 3; at++) {
    await scene.act();
    await scene.seal();
  }
  const lines = (await scene.export())
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  entries = lines.filter(({ seq }) => seq !== undefined);
  trees = lines.flatMap(({ checkpoint }) => (checkpoint === undefined ? [] : treeOf(checkpoint)));
});
afterAll(() => scene?.close());

function treeOf(note: string): Tree {
  const [, size, root = ''] = note.split('\n');
  return { size: Number(size), root: Buffer.from(root, 'base64') };
}

const get = (path: string) => scene.auditor.get(path);
const hashesOf = (proof: string[]) => proof.map((hash) => Buffer.from(hash, 'hex'));
const exportsTold = async (): Promise<string[]> => {
  const { rows } = await scene.superuser.query(
    `SELECT (convert_from(e.payload, 'UTF8')::jsonb ->> 'from') || '-' || (convert_from(e.payload, 'UTF8')::jsonb ->> 'to') || ' by ' || d.value AS told
       FROM exequatur.audit_entry e JOIN exequatur.audit_disclosure d ON d.entry_id = e.id WHERE e.type = 'audit.exported' ORDER BY e.seq`,
  );
  return rows.map(({ told }) => told);
};

it('pages hold each sealed entry once, as an export does, and each page that was read is an entry', async () => {
  const before = (await exportsTold()).length;
  const read: Entry[] = [];
  const pages: string[] = [];
  for (let query = 'from=3&pageSize=4', token: string | null = ''; token !== null; ) {
    const { status, body } = await get(`/v1/audit/entries?${query}${token && `&pageToken=${token}`}`);
    expect(status).toBe(200);
    read.push(...body.entries);
    pages.push(`${body.entries[0].seq}-${body.entries.at(-1).seq} by "auditor-1"`);
    token = body.nextPageToken;
    query = 'from=3&pageSize=10';
  }
  expect(read).toEqual(entries.slice(2));
  expect(pages[0]).toBe('3-6 by "auditor-1"');
  expect((await exportsTold()).slice(before)).toEqual(pages);
});

it('what no checkpoint covers is on no page, and a token goes with the query that gave it', async () => {
  const last = entries.length;
  expect((await get(`/v1/audit/entries?from=${last + 1}`)).body.code).toBe('not_sealed');
  expect((await get(`/v1/audit/entries?from=${last}`)).body).toEqual({ entries: entries.slice(-1), nextPageToken: null });
  const { body } = await get('/v1/audit/entries?pageSize=1');
  expect((await get(`/v1/audit/entries?from=2&pageToken=${body.nextPageToken}`)).body.code).toBe('invalid_page_token');
  expect((await get('/v1/audit/entries?from=0')).body.code).toBe('malformed_request');
});

it('every entry is proven to be in every tree that was signed over it', async () => {
  const before = await exportsTold();
  for (const { size, root } of trees)
    for (const entry of entries.slice(0, size).filter(({ seq }) => seq % 3 === size % 3 || seq > size - 2)) {
      const { body } = await get(`/v1/audit/proof?entry=${entry.seq}&size=${size}`);
      expect(treeOf(body.checkpoint)).toEqual({ size, root });
      const leaf = leafHash(frameOf(scene.api.tenant, entry));
      expect(rootByInclusion(leaf, entry.seq - 1, size, hashesOf(body.proof)), `${entry.seq} of ${size}`).toEqual(root);
    }
  expect(await exportsTold()).toEqual(before);
});

it('every tree that was signed is proven to begin with those before it, also of a size that has no checkpoint any more', async () => {
  for (const old of trees)
    for (const tree of trees.filter(({ size }) => size >= old.size)) {
      const { body } = await get(`/v1/audit/proof?oldSize=${old.size}&size=${tree.size}`);
      expect(isConsistent(old, tree, hashesOf(body.proof)), `${old.size} of ${tree.size}`).toBe(true);
    }
  const [first, , last] = trees as [Tree, Tree, Tree];
  const { body } = await get(`/v1/audit/proof?oldSize=${first.size}`);
  expect(body.size).toBe(last.size);
  expect(isConsistent({ ...first, root: createHash('sha256').digest() }, last, hashesOf(body.proof))).toBe(false);
  expect((await get(`/v1/audit/proof?oldSize=1&size=${first.size + 1}`)).body).toMatchObject({ size: first.size + 1, checkpoint: null });
});

it('a proof is of one thing, within what was signed', async () => {
  const last = entries.length;
  const code = async (query: string) => (await get(`/v1/audit/proof${query}`)).body.code;
  for (const query of ['', '?entry=1&oldSize=1', '?entry=2&size=1', '?oldSize=2&size=1', '?entry=0', '?oldSize=x', `?size=${last}`])
    expect(await code(query), query).toBe('malformed_request');
  for (const query of [`?entry=${last + 1}`, `?oldSize=${last + 1}`, `?entry=1&size=${last + 1}`])
    expect(await code(query), query).toBe('not_sealed');
});
