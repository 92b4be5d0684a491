// What was decided on a proposal is committed to by its entries: rows that somebody changed afterwards are noticed. An API over a clone from tests/support/database.ts.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { commitmentTo } from '../../audit/entry.ts';
import type { JsonObject } from '../../ontology/json.ts';
import { decisionText } from '../../store/decision-text.ts';
import { EvidenceScene } from './evidence-scene.ts';

interface Bundle {
  entries: { payload: string }[];
  decisions: { salt: string | null; value: string }[];
}

let scene: EvidenceScene;
let id: string;
let refusedOn: string;
let revert: string;
beforeAll(async () => {
  scene = await EvidenceScene.open();
  id = await scene.act();
  const back = await scene.api.as({ id: 'keeper-1' }).post(`/v1/proposals/${id}/revert`, { justification: 'back' });
  expect(back.status, JSON.stringify(back.body)).toBeLessThan(300);
  revert = back.body.id;
  const { body } = await scene.api
    .as({ id: 'agent-1', kind: 'agent', roles: ['agent'] })
    .post('/v1/proposals', { actionType: 'askFloorTwice', parameters: { name: 'other' }, justification: 'x' });
  refusedOn = body.id;
  expect((await scene.api.as({ id: 'keeper-2' }).post(`/v1/proposals/${refusedOn}/withdraw`, {})).status).toBe(403);
  await scene.seal();
});
afterAll(() => scene?.close());

const evidenceOf = async (proposalId = id) => (await scene.auditor.get(`/v1/proposals/${proposalId}/evidence`)).body as Bundle;
const verify = async (bundle: object) => (await scene.verify(JSON.stringify(bundle))).said;
const counted = (said: string) => {
  expect(said).toMatch(/^whole /);
  return JSON.parse(said.slice('whole '.length)) as JsonObject;
};
/** As whoever administers the database, and back again. */
async function whileAltered(change: string, where: string, look: () => Promise<void>): Promise<void> {
  await scene.superuser.query('CREATE TEMP TABLE kept AS SELECT * FROM exequatur.decision');
  await scene.tamper(`UPDATE exequatur.decision SET ${change} WHERE ${where}`);
  try {
    await look();
  } finally {
    await scene.tamper('DELETE FROM exequatur.decision', 'INSERT INTO exequatur.decision SELECT * FROM kept', 'DROP TABLE kept');
  }
}
const asProposed = () => `proposal_id = '${id}' AND action = 'propose'`;

it('every decision is committed to by an entry of its proposal, whatever was decided', async () => {
  const { rows } = await scene.superuser.query<{ proposal_id: string }>('SELECT DISTINCT proposal_id FROM exequatur.decision');
  expect(rows.length).toBeGreaterThanOrEqual(3);
  for (const { proposal_id } of rows) {
    const bundle = await evidenceOf(proposal_id);
    const { decisions, decisionsShown, decisionsUnsaid } = counted(await verify(bundle));
    expect({ decisions, decisionsShown, decisionsUnsaid }).toEqual({
      decisions: bundle.decisions.length,
      decisionsShown: bundle.decisions.length,
      decisionsUnsaid: 0,
    });
  }
  const told = ({ entries }: Bundle) =>
    entries.flatMap(({ payload }) => {
      const { type, decisions } = JSON.parse(payload) as JsonObject;
      return decisions === undefined ? [] : [type];
    });
  expect(told(await evidenceOf())).toEqual([
    'proposal.created',
    'proposal.simulated',
    'review.recorded',
    'review.recorded',
    'proposal.executing',
  ]);
  expect(told(await evidenceOf(refusedOn))).toEqual(['proposal.created', 'decision.refused']);
  expect((await evidenceOf(revert)).decisions.map(({ value }) => JSON.parse(value).action)).toContain('revert');
  const whole = counted((await scene.verify(await scene.export())).said);
  const { rows: all } = await scene.superuser.query('SELECT 1 FROM exequatur.decision');
  expect(whole.decisions).toBe(all.length);
});

it('says who decided what by which policies, and costs the log no name', async () => {
  const { decisions, entries } = await evidenceOf();
  const [proposed] = decisions.map(({ value }) => JSON.parse(value) as JsonObject);
  expect(proposed).toMatchObject({
    ...{ proposalId: id, actor: 'agent-1', action: 'propose', outcome: 'allowed', reason: null, revision: 1, digest: null },
    ...{ policyVersion: 0, policies: ['actors-propose'], errors: [], details: {} },
  });
  expect(entries.some(({ payload }) => payload.includes('agent-1'))).toBe(false);
});

it.each([
  ["policies = '{other}'"],
  ["actor = 'mallory'"],
  ["outcome = 'asked'"],
  ['policy_version = 7'],
  ['details = \'{"x": 1}\''],
  ["errors = '{x}'"],
  ['revision = 2'],
  ["action = 'revise'"],
  ["salt = decode(repeat('00', 16), 'hex')"],
])('a row of which somebody made %s is noticed, and at which entry', async (change) => {
  await whileAltered(change, asProposed(), async () => {
    const [first] = (await evidenceOf()).entries as unknown as { seq: number }[];
    expect(await verify(await evidenceOf())).toMatch(
      new RegExp(`^BROKEN entry ${first?.seq}: the decision on \\S+ by \\S+, \\w+, is not one that was committed to$`),
    );
  });
});

it('a row whose salt was taken, as if it were from before, is noticed', async () => {
  await whileAltered("salt = NULL, policies = '{other}'", asProposed(), async () => {
    expect(await verify(await evidenceOf())).toBe(
      'BROKEN a decision is shown without its salt, though entries commit to all of this proposal',
    );
  });
});

it('one that is left out is counted, one shown twice or of another proposal is not taken', async () => {
  const bundle = await evidenceOf();
  const fewer = counted(await verify({ ...bundle, decisions: bundle.decisions.slice(1) }));
  expect(fewer).toMatchObject({ decisions: bundle.decisions.length, decisionsShown: bundle.decisions.length - 1 });
  const [first] = bundle.decisions;
  expect(await verify({ ...bundle, decisions: [...bundle.decisions, first] })).toBe('BROKEN a decision is shown twice');
  const other = await evidenceOf(refusedOn);
  expect(await verify({ ...bundle, decisions: [...bundle.decisions, ...other.decisions] })).toBe(
    'BROKEN a decision is shown that is not of the proposal',
  );
});

it('the page has them with the entry that commits to each, and says which row was altered', async () => {
  const page = async () => (await scene.auditor.get(`/v1/proposals/${id}/evidence`, { headers: { accept: 'text/html' } })).body as string;
  const [first] = (await evidenceOf()).entries as unknown as { seq: number }[];
  const text = await page();
  expect(text).toMatch(new RegExp(`agent-1 may propose[^<]*</td><td>0</td><td>${first?.seq}</td>`));
  expect(text).not.toContain('altered');
  await whileAltered("policies = '{other}'", asProposed(), async () => {
    expect((await page()).match(/altered: no entry commits to it/g)).toHaveLength(1);
  });
});

it('of an earlier version, whose entries said nothing, they are shown as not said', async () => {
  const { entries, ...bundle } = await evidenceOf();
  const { Story } = await import(String(new URL('../../verifier/story.mjs', import.meta.url)));
  const { judgeDecisions } = await import(String(new URL('../../verifier/decisions.mjs', import.meta.url)));
  const story = new Story();
  for (const { payload, ...entry } of entries) {
    const { decisions: _, ...facts } = JSON.parse(payload);
    story.tell({ ...entry, facts });
  }
  const shown = bundle.decisions.map(({ value }) => ({ salt: null, value }));
  expect(judgeDecisions(shown, story.proposals.get(id), id)).toEqual({ decisionsShown: 0, decisionsUnsaid: shown.length });
});

it('of somebody who is erased none is shown any more, and the evidence verifies', async () => {
  const before = (await evidenceOf()).decisions.length;
  const admin = scene.api.as({ id: 'access-admin-1' });
  await admin.put('/v1/principals/keeper-1', { disabled: true });
  expect((await admin.post('/v1/principals/keeper-1/erasure', { reason: 'request 18' })).status).toBe(200);
  await scene.seal();
  const bundle = await evidenceOf();
  expect(JSON.stringify(bundle)).not.toContain('keeper-1');
  expect(counted(await verify(bundle))).toMatchObject({ decisions: before, decisionsShown: before - 1, decisionsUnsaid: 0 });
});

it('is made as docs/evidence.md has it, down to the last byte', () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/evidence.md'), 'utf8');
  const [, salt = '', value = '', hash] =
    /the salt `([0-9a-f]{32})` and the 268 bytes `(\{[^`]+\})` come to `([0-9a-f]{64})`/.exec(text) ?? [];
  expect(decisionText(JSON.parse(value))).toBe(value);
  expect(commitmentTo(salt, value)).toBe(hash);
});

it('is the only change that a row takes, and no login can make it', async () => {
  await scene.superuser.query('SET session_replication_role = origin');
  for (const change of ['salt = NULL', "salt = '', actor = 'x'", "outcome = 'asked'"])
    await expect(scene.superuser.query(`UPDATE exequatur.decision SET ${change}`)).rejects.toMatchObject({ code: 'XQ011' });
  for (const pool of [scene.api.pool, scene.worker])
    await expect(pool.query("UPDATE exequatur.decision SET salt = ''")).rejects.toMatchObject({ code: '42501' });
});
