// Entries that whoever administers the database made into what no entry is: bytes that are no text, times without end. The log they are in is named, and no other waits for it.
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { withTenant } from '../../store/sql.ts';
import { startWitness, type WitnessProcess } from '../witness/witness-process.ts';
import { EvidenceScene } from './evidence-scene.ts';

let scene: EvidenceScene;
let witness: WitnessProcess;
let acted: string;
beforeAll(async () => {
  scene = await EvidenceScene.open();
  witness = await startWitness(scene.signer.verifierKey);
  acted = await scene.act();
  await scene.seal();
  await scene.superuser.query('CREATE TABLE public.kept AS TABLE exequatur.audit_entry');
});
afterEach(() =>
  scene.tamper(
    `UPDATE exequatur.audit_entry e SET at = k.at, payload = k.payload FROM public.kept k WHERE (e.tenant_id, e.seq) = (k.tenant_id, k.seq)`,
  ),
);
afterAll(() => Promise.all([scene?.close(), witness?.remove()]));

const spoil = (change: string, seq = 4) =>
  scene.tamper(`UPDATE exequatur.audit_entry SET ${change} WHERE tenant_id = '${scene.api.tenant}' AND seq = ${seq}`);
const happen = (tenant: string) =>
  withTenant(scene.worker, tenant, async (tx) => void tx.audit({ type: 'switch.changed', facts: { because: 'it happened' } }));
const spoilt: [string, string][] = [
  ['a payload that is no text', `payload = '\\xff00'`],
  ['one with a byte 0', `payload = '\\x7b7d00'`],
  ['a time without end', `at = 'infinity'`],
  ['one without beginning', `at = '-infinity'`],
  ['one that eight bytes do not hold', `at = '294276-12-31'`],
];

it.each(spoilt)('an export goes on over %s, and the verifier names the entry', async (_, change) => {
  await spoil(change);
  const { code, said } = await scene.verify(await scene.export());
  expect({ code, said }).toMatchObject({ code: 1, said: expect.stringMatching(/^BROKEN entry 4: is not made as entries are/) });
});

it.each(spoilt)('evidence of its proposal shows %s too, to programs and to people', async (_, change) => {
  await spoil(change);
  const evidence = await scene.auditor.get(`/v1/proposals/${acted}/evidence`);
  expect(evidence.status).toBe(200);
  expect(await scene.verify(JSON.stringify(evidence.body))).toMatchObject({
    code: 1,
    said: expect.stringMatching(/^BROKEN entry 4: is not made as entries are/),
  });
  const page = await scene.auditor.get(`/v1/proposals/${acted}/evidence`, { headers: { accept: 'text/html' } });
  expect(page.status).toBe(200);
  expect(page.body).toContain('not made as entries are');
});

it.each(spoilt.slice(2))('a log with %s is sealed no further and named, and others are', async (_, change) => {
  await spoil(change);
  await happen(scene.api.tenant);
  const others = [await scene.api.database.createTenant(), await scene.api.database.createTenant()];
  for (const tenant of others) await happen(tenant);
  expect(await scene.seal()).toEqual({ sealed: others.length, more: false, rewritten: [scene.api.tenant] });
  await scene.submit(witness);
  const { rows } = await scene.superuser.query(
    'SELECT s.tenant_id FROM exequatur.audit_cosignature s WHERE s.tenant_id = ANY ($1::uuid[])',
    [others],
  );
  expect(rows).toHaveLength(others.length);
});

it('an export from behind it goes on as well, and is not what was signed', async () => {
  await spoil(`at = 'infinity'`);
  const { code, said } = await scene.verify(await scene.export('?from=6'));
  expect({ code, said }).toMatchObject({ code: 1, said: expect.stringContaining('the log is not what was signed') });
});
