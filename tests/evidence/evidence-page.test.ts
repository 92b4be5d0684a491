// The evidence of one action as a page that auditors print. An API over a clone from tests/support/database.ts. EXEQUATUR_PAGE_TO keeps the page in a file, to be looked at.
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { evidencePage } from '../../api/evidence-page.ts';
import { openPool } from '../../store/connect.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { simulateProposal } from '../../store/simulate-proposal.ts';
import { building } from '../store/fixture.ts';
import { EvidenceScene } from './evidence-scene.ts';
import { perturbedOf } from './perturb-entry.ts';

const nasty = `</td><script>alert(1)</script><img src=x onerror="alert(2)"> \u202egnisrever`;
let scene: EvidenceScene;
let id: string;

beforeAll(async () => {
  const document = structuredClone(building);
  Object.assign(document.objectTypes.room.properties.note, { sensitive: true });
  scene = await EvidenceScene.open(document);
  const worker = openPool(scene.api.database.urls.worker);
  const { deps } = scene.api.context.resources;
  const run = async (actionType: string, parameters: object, justification: string) => {
    const agent = scene.api.as({ id: 'agent-1', kind: 'agent', roles: ['agent'] });
    const { body } = await agent.post('/v1/proposals', { actionType, parameters, justification });
    const settled = await simulateProposal(worker, scene.api.tenant, body.id, deps);
    if (settled?.status === 'awaiting_approval')
      for (const who of ['keeper-1', 'officer-1']) await scene.api.as({ id: who }).review({ id: body.id, planDigest: settled.digest });
    expect((await executeProposal(worker, scene.api.tenant, body.id, deps))?.status).toBe('executed');
    return body.id as string;
  };
  await run('addFloor', { name: 'F1', rooms: [{ code: 'R1', seats: 4 }] }, 'a floor');
  const { body } = await scene.api.as({ id: 'keeper-1' }).get('/v1/objects/room');
  id = await run('closeRoom', { room: body.objects[0].id, note: 'the secret leak' }, nasty);
  await worker.end();
  await scene.seal();
});
afterAll(() => scene?.close());

const page = (...roles: string[]) =>
  scene.api
    .as({ id: 'auditor-1', roles: ['auditor', ...roles] })
    .get(`/v1/proposals/${id}/evidence`, { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } });

it('is a page for browsers, and JSON for everybody else', async () => {
  const { status, mediaType, headers, body } = await page();
  expect({ status, mediaType, vary: headers.get('vary') }).toMatchObject({ status: 200, mediaType: 'text/html', vary: 'accept' });
  if (process.env.EXEQUATUR_PAGE_TO) writeFileSync(process.env.EXEQUATUR_PAGE_TO, body);
  expect((await scene.auditor.get(`/v1/proposals/${id}/evidence`)).body).toMatchObject({ exequatur: 'evidence' });
  expect((await scene.api.as({ id: 'keeper-1' }).get(`/v1/proposals/${id}/evidence`, { headers: { accept: 'text/html' } })).status).toBe(
    403,
  );
});

it('shows plan, reviews, decisions, entries with their hashes, proofs and the checkpoint, of which the verifier says the same', async () => {
  const { body } = await page();
  const { body: bundle } = await scene.auditor.get(`/v1/proposals/${id}/evidence`);
  for (const { seq, previousHash, proof } of bundle.entries.slice(1)) {
    expect(body).toContain(`<td>${seq}</td>`);
    for (const hash of proof) expect(body).toContain(hash);
    // What follows in the log names the hash of the one before it, where that is of this proposal as well.
    if (bundle.entries.some((other: { seq: number }) => other.seq === seq - 1)) expect(body).toContain(previousHash);
  }
  for (const text of ['closeRoom, version', 'keeper-1', 'officer-1', 'looked at it', 'may review', 'keepers', 'safety', 'open', 'closed'])
    expect(body).toContain(text);
  expect(body).toContain(bundle.checkpoint.split('\n')[2]);
});

it('makes text of all that agents wrote, loads nothing, and runs nothing', async () => {
  const { body, headers } = await page();
  expect(body).not.toMatch(/<script|<img|<link|<iframe|\u202e/);
  expect(body).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
  expect(body).toContain('⟨U+202E⟩gnisrever');
  expect(headers.get('content-security-policy')).toContain("default-src 'none'");
});

it('shows sensitive values to whoever may see them, which is then an entry', async () => {
  const reads = async () =>
    (
      await scene.superuser.query(
        "SELECT 1 FROM exequatur.audit_entry WHERE type = 'sensitive.read' AND convert_from(payload, 'UTF8') LIKE '%room/note%'",
      )
    ).rowCount;
  const before = await reads();
  expect((await page()).body).not.toContain('the secret leak');
  expect(await reads()).toBe(before);
  expect((await page('sensitive-reader')).body).toContain('the secret leak');
  expect(await reads()).toBe((before ?? 0) + 1);
});

it.each([
  ['another name', '"mallory-9"'],
  ['what is no JSON', 'mallory-9'],
])('says of people whom somebody replaced in the database by %s that they were altered, and shows none of that', async (_, value) => {
  const unspoilt = (await page()).body;
  expect(unspoilt).not.toContain('altered');
  const ofReviewer = `FROM exequatur.audit_entry e WHERE e.id = d.entry_id AND d.name = 'reviewer' AND e.proposal_id = '${id}'`;
  await scene.tamper(
    `CREATE TABLE public.kept AS SELECT d.* FROM exequatur.audit_disclosure d, exequatur.audit_entry e WHERE e.id = d.entry_id AND d.name = 'reviewer'`,
    `UPDATE exequatur.audit_disclosure d SET value = '${value}' ${ofReviewer} AND d.value = '"keeper-1"'`,
  );
  try {
    const { status, body } = await page();
    expect({ status, told: body.match(/<b>altered<\/b>/g)?.length }).toEqual({ status: 200, told: 1 });
    expect(body).not.toContain('mallory');
    expect(body).toContain('officer-1');
  } finally {
    await scene.tamper(
      'UPDATE exequatur.audit_disclosure d SET value = k.value FROM public.kept k WHERE (d.entry_id, d.name) = (k.entry_id, k.name)',
      'DROP TABLE public.kept',
    );
  }
});

const inChunk = (from: string, to: string) => `bytes = convert_to(replace(convert_from(bytes, 'UTF8'), '${from}', '${to}'), 'UTF8')`;
it.each([
  ['plan_chunk', inChunk('closed', 'opened')],
  ['plan_chunk', inChunk('"', '')],
  ['plan', `digest = 'sha256:${'0'.repeat(64)}'`],
])('says of a plan of which somebody altered %s that it was altered, and shows none of it', async (table, change) => {
  const ofPlan = `FROM exequatur.proposal p WHERE p.id = '${id}' AND p.plan_id = t.${table === 'plan' ? 'id' : 'plan_id'}`;
  const column = table === 'plan' ? 'digest' : 'bytes';
  await scene.tamper(
    `CREATE TABLE public.kept AS SELECT t.* FROM exequatur.${table} t`,
    `UPDATE exequatur.${table} t SET ${change} ${ofPlan}`,
  );
  try {
    const { status, body } = await page('sensitive-reader');
    expect(status).toBe(200);
    expect(body).toContain('<b>altered</b>: what is stored of it is not what the entries tell the digest of');
    for (const text of ['opened', 'the secret leak', 'closeRoom, version']) expect(body).not.toContain(text);
    expect(body).toContain('keeper-1');
  } finally {
    const key = table === 'plan' ? 't.id = k.id' : '(t.plan_id, t.ordinal) = (k.plan_id, k.ordinal)';
    await scene.tamper(`UPDATE exequatur.${table} t SET ${column} = k.${column} FROM public.kept k WHERE ${key}`, 'DROP TABLE public.kept');
  }
});

it('shows of a plan what its bytes say, whatever is in the rows beside them', async () => {
  await scene.tamper(
    `CREATE TABLE public.kept AS SELECT * FROM exequatur.plan`,
    `UPDATE exequatur.plan SET edits = 0, requirement = '{"policy": "mallory"}'`,
  );
  try {
    const { status, body } = await page();
    expect(status).toBe(200);
    for (const text of ['keepers', 'closed']) expect(body).toContain(text);
    expect(body).not.toContain('mallory');
  } finally {
    await scene.tamper(
      'UPDATE exequatur.plan p SET edits = k.edits, requirement = k.requirement FROM public.kept k WHERE p.id = k.id',
      'DROP TABLE public.kept',
    );
  }
});

const ofProposal = () => `tenant_id = '${scene.api.tenant}' AND proposal_id = '${id}'`;

it.each([
  ['stage', '{"toString": 1}', 'review.recorded'],
  ['decision', '7', 'review.recorded'],
  ['approvals', '[null, 7, {"review": {}}]', 'proposal.executed'],
  ['approvals', '{"length": 3}', 'proposal.executed'],
  ['type', '{"toString": 1}', 'proposal.approved'],
  ['status', '["executed"]', 'proposal.executed'],
  ['decisions', '7', 'review.recorded'],
  ['commitments', 'null', 'review.recorded'],
])('is printed where somebody made the member %s of an entry into %s', async (member, value, type) => {
  await scene.tamper(
    'CREATE TABLE public.kept AS TABLE exequatur.audit_entry',
    `UPDATE exequatur.audit_entry SET payload = convert_to(jsonb_set(convert_from(payload, 'UTF8')::jsonb, '{${member}}', '${value}')::text, 'UTF8')
      WHERE type = '${type}' AND ${ofProposal()}`,
  );
  try {
    const { status, body } = await page();
    expect(status).toBe(200);
    expect(body).toContain('agent-1');
    // Of approvals that are a list what fits no review counts none.
    if (!value.startsWith('[null')) expect(body).toContain('<b>altered');
  } finally {
    await scene.tamper(
      'UPDATE exequatur.audit_entry e SET payload = k.payload FROM public.kept k WHERE (e.tenant_id, e.seq) = (k.tenant_id, k.seq)',
      'DROP TABLE public.kept',
    );
  }
});

it('is printed of entries that were altered in any way', async () => {
  const { body: bundle } = await scene.auditor.get(`/v1/proposals/${id}/evidence`);
  const whole = {
    checkpoint: { size: 99, note: bundle.checkpoint },
    formatChanged: null,
    plan: null,
    printedAt: '2026-01-01T00:00:00.000Z',
  };
  const { decisions } = (await scene.auditor.get(`/v1/proposals/${id}/decisions`)).body;
  const print = (entries: object[]) =>
    evidencePage({ ...whole, tenant: scene.api.tenant, proposalId: id, decisions, committed: bundle.decisions, entries } as never);
  expect(print(bundle.entries)).not.toContain('<b>altered');
  for (const [at, entry] of bundle.entries.entries()) {
    const template = { ...entry, id, type: JSON.parse(entry.payload).type, proposalId: id };
    for (const { what, entry: made } of perturbedOf(template, { types: ['switch.changed'], statuses: ['x'], proposals: [id] })) {
      const others = [...bundle.entries];
      others[at] = { ...entry, payload: made.payload, disclosures: made.disclosures };
      expect(() => print(others), what).not.toThrow();
    }
  }
});

it.each([
  ['what is no plan', 'x'],
  ['a plan without a header', '{}'],
  [
    'one with effects that are none',
    '{"actionType": "closeRoom", "actionTypeVersion": 1, "effects": [null], "requirement": {"policy": "x", "automatic": true, "stages": []}}',
  ],
])('says of a plan that was made into %s, with its digest wherever that is told, that it was altered', async (_, bytes) => {
  const ofPlan = `FROM exequatur.proposal p WHERE p.id = '${id}' AND p.plan_id = t`;
  const digest = `'sha256:' || encode(sha256(convert_to('${bytes}', 'UTF8')), 'hex')`;
  await scene.tamper(
    'CREATE TABLE public.kept_entries AS TABLE exequatur.audit_entry',
    'CREATE TABLE public.kept_plans AS TABLE exequatur.plan',
    'CREATE TABLE public.kept_chunks AS TABLE exequatur.plan_chunk',
    `UPDATE exequatur.plan_chunk t SET bytes = convert_to('${bytes}', 'UTF8') ${ofPlan}.plan_id`,
    `UPDATE exequatur.plan t SET digest = ${digest} ${ofPlan}.id`,
    `UPDATE exequatur.audit_entry SET payload = convert_to((convert_from(payload, 'UTF8')::jsonb || jsonb_build_object('planDigest', ${digest}))::text, 'UTF8')
      WHERE ${ofProposal()} AND convert_from(payload, 'UTF8')::jsonb ? 'planDigest'`,
  );
  try {
    const { status, body } = await page('sensitive-reader');
    expect(status).toBe(200);
    expect(body).toContain(
      '<b>altered</b>: what is stored of it is not what the entries tell the digest of, or is no plan, and is not shown',
    );
  } finally {
    await scene.tamper(
      'UPDATE exequatur.audit_entry e SET payload = k.payload FROM public.kept_entries k WHERE (e.tenant_id, e.seq) = (k.tenant_id, k.seq)',
      'UPDATE exequatur.plan p SET digest = k.digest FROM public.kept_plans k WHERE p.id = k.id',
      'UPDATE exequatur.plan_chunk c SET bytes = k.bytes FROM public.kept_chunks k WHERE (c.plan_id, c.ordinal) = (k.plan_id, k.ordinal)',
      'DROP TABLE public.kept_entries, public.kept_plans, public.kept_chunks',
    );
  }
});

it.each(['null', '"x"', '{"rejected": 7, "stages": [null, {"name": {"toString": 1}}]}'])(
  'is printed where somebody made what a decision says beside into %s, and says that the decision was altered',
  async (details) => {
    await scene.tamper(
      'CREATE TABLE public.kept AS TABLE exequatur.decision',
      `UPDATE exequatur.decision SET details = '${details}' WHERE proposal_id = '${id}'`,
    );
    try {
      const { status, body } = await page();
      expect(status).toBe(200);
      expect(body).toContain('altered: no entry commits to it');
      expect((await scene.auditor.get(`/v1/proposals/${id}/decisions`)).status).toBe(200);
    } finally {
      await scene.tamper(
        'UPDATE exequatur.decision d SET details = k.details FROM public.kept k WHERE d.id = k.id',
        'DROP TABLE public.kept',
      );
    }
  },
);
