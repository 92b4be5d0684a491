// A person’s data is erased, and the log verifies as before. An API over a clone from tests/support/database.ts.
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { auditEntry } from '../../audit/entry.ts';
import { enacted } from '../api/enact.ts';
import { EvidenceScene } from './evidence-scene.ts';

let scene: EvidenceScene;
let id: string;
beforeAll(async () => {
  scene = await EvidenceScene.open();
  id = await scene.act(); // Approved by keeper-1, who says "looked at it".
  await scene.seal();
});
afterAll(() => scene?.close());

const admin = () => scene.api.as({ id: 'access-admin-1' });
const erase = (who: string, by = admin()) => by.post(`/v1/principals/${who}/erasure`, { reason: 'request 17' });
const found = (said: string) => JSON.parse(said.slice('whole '.length));

it('is refused of whoever is still there, of oneself, and to whoever may not', async () => {
  expect((await erase('keeper-1')).body).toMatchObject({ code: 'principal_active' });
  expect((await erase('access-admin-1')).body).toMatchObject({ code: 'self_administration' });
  expect((await erase('nobody-known')).body).toMatchObject({ code: 'not_found' });
  expect((await erase('keeper-1', scene.api.as({ id: 'keeper-2' }))).status).toBe(403);
  expect(await scene.export()).toContain('keeper-1');
});

it('takes names and words, and leaves the log whole and the execution judged', async () => {
  const before = await scene.verify(await scene.export());
  expect(before.code, before.said).toBe(0);
  await admin().put('/v1/principals/keeper-1', { name: 'Jane Keeper', disabled: true });
  const answer = await erase('keeper-1');
  expect(answer).toMatchObject({ status: 200, body: { reviews: 1, proposals: 0 } });
  expect(answer.body.disclosures).toBeGreaterThanOrEqual(4); // Reviewer, reason, and twice what the directory was told.
  await scene.seal();

  const text = await scene.export();
  expect(text).not.toMatch(/keeper-1|Jane/);
  expect(text).toContain('officer-1'); // Others stay, and what they said.
  expect(text).toContain('looked at it');
  expect(text).toContain('request 17');
  const after = await scene.verify(text);
  expect(after.code, after.said).toBe(0);
  expect(found(after.said)).toMatchObject({ executions: 1, unjudged: 0, conditionsUnjudged: 0 });
  expect(found(after.said)).toMatchObject({ erased: answer.body.disclosures, undisclosed: 0 });

  // Of the part that was exported before, the tree is the same.
  const { to, root } = found(before.said);
  const part = found((await scene.verify(await scene.export(`?to=${to}`))).said);
  expect({ to: part.to, root: part.root }).toEqual({ to, root });
  expect(part.undisclosed).toBe(part.erased); // The entry that says so is behind it.

  const { body } = await scene.auditor.get(`/v1/proposals/${id}/evidence`);
  expect(JSON.stringify(body)).not.toContain('keeper-1');
  const alone = await scene.verify(JSON.stringify(body));
  expect(found(alone.said)).toMatchObject({ status: 'executed', isJudged: true });
  expect(found(alone.said).approvedBy).toEqual([expect.stringMatching(/^erased /), 'officer-1']);
  expect((await scene.api.as({ id: 'keeper-2' }).get('/v1/principals/keeper-1')).body.name).toBeNull();
});

it('done again erases nothing more, and each time is an entry', async () => {
  expect((await erase('keeper-1')).body).toEqual({ disclosures: 0, reviews: 0, proposals: 0 });
  const { rows } = await scene.superuser.query("SELECT 1 FROM exequatur.audit_entry WHERE type = 'principal.erased'");
  expect(rows).toHaveLength(2);
});

it('takes what the directory was told of others with the id in it, and nothing else of them', async () => {
  for (const [who, change] of [
    ['leaver-1', { name: 'A. Leaver' }],
    ['agent-of-leaver-1', { actsFor: 'leaver-1' }],
    ['stayer-1', { linkedIdentities: ['leaver-1'] }],
    ['stayer-2', { name: 'about leaver-1, but not the id' }],
    ['leaver-1', { disabled: true }],
  ] as const)
    expect((await enacted(scene.api, admin().put(`/v1/principals/${who}`, change), 'access-admin-2')).status, who).toBeLessThan(300);
  const disclosed = async () =>
    (await scene.superuser.query<{ value: string }>("SELECT value FROM exequatur.audit_disclosure WHERE name = 'change'")).rows.map(
      ({ value }) => value,
    );
  expect((await disclosed()).filter((value) => value.includes('"leaver-1"'))).toHaveLength(2);
  expect(await erase('leaver-1')).toMatchObject({ status: 200 });
  await scene.seal();

  expect((await disclosed()).filter((value) => value.includes('"leaver-1"'))).toEqual([]);
  expect((await disclosed()).filter((value) => value.includes('not the id'))).toHaveLength(1);
  const text = await scene.export();
  expect(text).not.toMatch(/"leaver-1/);
  expect(text).toContain('stayer-1');
  const { code, said } = await scene.verify(text);
  expect(code, said).toBe(0);
});

it('takes an id of any length from what others were refused about it, which is told by whole parts', async () => {
  const long = `pilot-${'p'.repeat(240)}`;
  const nobody = scene.api.as({ id: 'nobody-1', roles: [] });
  expect((await nobody.put(`/v1/principals/${long}`, { disabled: true })).status).toBe(403);
  expect((await nobody.put(`/v1/switches/agent/${long}`, { state: 'off', reason: 'x' })).status).toBe(403);
  const told = async () => {
    const { rows } = await scene.superuser.query<{ named: object }>(
      `SELECT jsonb_object_agg(d.name, d.value::jsonb) AS named FROM exequatur.audit_entry e JOIN exequatur.audit_disclosure d ON d.entry_id = e.id
        WHERE e.type = 'decision.refused' GROUP BY e.seq HAVING bool_or(d.value = '"nobody-1"') ORDER BY e.seq`,
    );
    return rows.map(({ named }) => named);
  };
  expect(await told()).toEqual([
    { actor: 'nobody-1', subject: long },
    { actor: 'nobody-1', scope: 'agent', subject: long },
  ]);
  for (const change of [{ name: 'P' }, { disabled: true }])
    expect((await enacted(scene.api, admin().put(`/v1/principals/${long}`, change), 'access-admin-2')).status).toBeLessThan(300);
  expect((await erase(long)).status).toBe(200);
  expect(await told()).toEqual([{ actor: 'nobody-1' }, { actor: 'nobody-1', scope: 'agent' }]);
  await scene.seal();
  expect(await scene.export()).not.toContain('pilot-');
});

/** How many erasures wait for the log. */
const waiting = async () => {
  const { rowCount } = await scene.superuser.query(
    "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%erase_personal_data%'",
  );
  return rowCount;
};

it('takes what commits while it runs', async () => {
  for (const change of [{ name: 'P' }, { disabled: true }]) await admin().put('/v1/principals/leaver-2', change);
  const other = await scene.api.pool.connect();
  const told = auditEntry({
    type: 'decision.refused',
    facts: { action: 'principal:put', reason: 'forbidden' },
    personal: { actor: 'nobody-1', subject: 'leaver-2' },
  });
  await other.query(`BEGIN; SET LOCAL app.tenant = '${scene.api.tenant}'`);
  await other.query('SELECT exequatur.append_audit($1::jsonb)', [JSON.stringify([told])]);
  const erasing = erase('leaver-2');
  await expect.poll(waiting).toBe(1);
  await other.query('COMMIT');
  other.release();
  expect((await erasing).status).toBe(200);
  await scene.seal();
  const text = await scene.export();
  expect(text).not.toContain('leaver-2');
  const { code, said } = await scene.verify(text);
  expect(code, said).toBe(0);
  expect(found(said)).toMatchObject({ undisclosed: 0 });
});

it.each([
  ['no JSON', 'no json'],
  ['a character that jsonb does not hold', '"\\u0000"'],
  ['a number that it does not hold', '1e999999'],
  ['more brackets than anybody reads', '['.repeat(100_000)],
])('is kept from nobody by what somebody else’s entry was spoilt with: %s', async (name, value) => {
  const who = `leaver, ${name}`;
  await admin().put(`/v1/principals/${encodeURIComponent(who)}`, { disabled: true });
  const spoil = (to: string) =>
    scene.superuser.query(
      "UPDATE exequatur.audit_disclosure d SET value = $1 FROM exequatur.audit_entry e WHERE e.id = d.entry_id AND e.type = 'review.recorded' AND d.name = 'reviewer'",
      [to],
    );
  await spoil(value);
  expect((await erase(encodeURIComponent(who))).status).toBe(200);
  const page = await scene.auditor.get(`/v1/proposals/${id}/evidence`, { headers: { accept: 'text/html' } });
  expect(page.status).toBe(200);
  const { status, body } = await scene.auditor.get(`/v1/proposals/${id}/timeline`);
  expect(status).toBe(200);
  if (value === 'no json') {
    expect(page.body).toContain('altered');
    expect(JSON.stringify(body)).toContain('{"$altered":true}');
  }
  await spoil('"officer-1"');
});

it('takes reasons and comments in rows of what has ended', async () => {
  await admin().put('/v1/principals/chief-9', { disabled: true });
  const written = () =>
    scene.superuser.query<{ words: string }>(
      `SELECT concat(s.cancel_reason, t.decision_reason, g.comment, m.reason) AS words
         FROM exequatur.saga s, exequatur.saga_step t, exequatur.glass g, exequatur.ontology_migration m`,
    );
  const { tenant } = scene.api;
  await scene.tamper(
    `INSERT INTO exequatur.saga (tenant_id, proposal_id, run, plan_id, digest, begun_at, ended_at, cancelled_at, cancelled_by, cancel_reason)
     VALUES ('${tenant}', '${id}', 1, '${id}', 'sha256:', now(), now(), now(), 'chief-9', 'C. Chief')`,
    `INSERT INTO exequatur.saga_step (tenant_id, proposal_id, run, ordinal, name, phase, optional, compensated, asks_person, decision, decided_by, decision_reason, changed_at)
     VALUES ('${tenant}', '${id}', 1, 0, 'tell', 'sideEffect', false, false, false, 'skip', 'chief-9', 'C. Chief', now())`,
    `INSERT INTO exequatur.glass (tenant_id, id, proposal_id, revision, digest, broken_by, reason, broken_at, reviewed_by, verdict, comment, reviewed_at)
     VALUES ('${tenant}', '${id}', '${id}', 1, 'sha256:', 'keeper-2', 'it burns', now(), 'chief-9', 'justified', 'C. Chief', now())`,
    `INSERT INTO exequatur.ontology_migration (tenant_id, id, state, document, digest, target, restore, rules, base_version, started_by, proposer_kind, proposer_roles, started_at, ended_by, ended_at, reason)
     VALUES ('${tenant}', '${id}', 'cancelled', '{}', '', '{}', '{}', '[]', 1, 'keeper-2', 'human', '{}', now(), 'chief-9', now(), 'C. Chief')`,
  );
  expect((await written()).rows).toEqual([{ words: 'C. Chief'.repeat(4) }]);
  expect((await erase('chief-9')).status).toBe(200);
  expect((await written()).rows).toEqual([{ words: '' }]);
  await expect(scene.api.pool.query('UPDATE exequatur.saga_step SET decision_reason = DEFAULT')).rejects.toMatchObject({ code: '42501' });
});

it('takes what is said of a proposal that is told of while it runs, and looks at nothing else while everybody waits for the log', async () => {
  await admin().put('/v1/principals/leaver-3', { disabled: true });
  const { tenant } = scene.api;
  const about = randomUUID();
  const elsewhere = randomUUID();
  const told = [
    auditEntry({ type: 'proposal.withdrawn', proposalId: about, facts: {}, personal: { actor: 'leaver-3' } }),
    auditEntry({ type: 'decision.refused', facts: {}, personal: { actor: 'nobody-1', subject: 'leaver-3' } }),
  ];
  // Rows that nobody but a superuser can write: all others write them together with an entry that tells of them.
  const other = new pg.Client({ connectionString: scene.api.database.urls.superuser });
  await other.connect();
  let erasing: ReturnType<typeof erase>;
  try {
    await other.query(`BEGIN; SET LOCAL app.tenant = '${tenant}'; SET LOCAL session_replication_role = replica`);
    await other.query('SELECT exequatur.append_audit($1::jsonb)', [JSON.stringify(told)]);
    erasing = erase('leaver-3');
    await expect.poll(waiting).toBe(1);
    await scene.tamper(
      ...[about, elsewhere].flatMap((proposal) => [
        `INSERT INTO exequatur.review (tenant_id, id, proposal_id, revision, digest, decision, reviewer_id, reviewer_kind, reviewer_roles, stage, reason, created_at)
         VALUES ('${tenant}', '${randomUUID()}', '${proposal}', 1, 'sha256:', 'approve', 'leaver-3', 'human', '{}', 's', 'as I said', now())`,
        `INSERT INTO exequatur.decision (tenant_id, id, proposal_id, at, actor, action, outcome, revision, policy_version, policies, errors, details, salt)
         VALUES ('${tenant}', '${randomUUID()}', '${proposal}', now(), 'leaver-3', 'review', 'allowed', 1, 0, '{}', '{}', '{}', 'sixteen bytes...')`,
      ]),
      `INSERT INTO exequatur.audit_disclosure (tenant_id, entry_id, name, salt, value)
       SELECT tenant_id, id, 'reviewers', 'salt', '["leaver-3"]' FROM exequatur.audit_entry WHERE tenant_id = '${tenant}' ORDER BY seq LIMIT 1`,
    );
    await other.query('COMMIT');
  } finally {
    await other.end();
  }
  expect(await erasing).toMatchObject({ status: 200, body: { reviews: 1 } });
  const left = async (of: string) =>
    (
      await scene.superuser.query<{ words: string | null; salt: string }>(
        `SELECT r.reason AS words, convert_from(d.salt, 'UTF8') AS salt FROM exequatur.review r JOIN exequatur.decision d USING (tenant_id, proposal_id) WHERE r.proposal_id = $1`,
        [of],
      )
    ).rows;
  expect(await left(about)).toEqual([{ words: null, salt: '' }]);
  expect(await left(elsewhere)).toEqual([{ words: 'as I said', salt: 'sixteen bytes...' }]);
  const { rows } = await scene.superuser.query(`SELECT name FROM exequatur.audit_disclosure WHERE value LIKE '%"leaver-3"%'`);
  expect(rows).toEqual([{ name: 'reviewers' }]);
});

it('is the only change that a review takes, and no login can make it by itself', async () => {
  await scene.superuser.query('SET session_replication_role = origin');
  for (const change of ["decision = 'reject'", "reason = 'another'", "reviewer_id = 'officer-1'"])
    await expect(scene.superuser.query(`UPDATE exequatur.review SET ${change}`)).rejects.toMatchObject({ code: 'XQ011' });
  await expect(scene.api.pool.query('UPDATE exequatur.review SET reason = NULL')).rejects.toMatchObject({ code: '42501' });
  await expect(scene.api.pool.query('DELETE FROM exequatur.audit_disclosure')).rejects.toMatchObject({ code: '42501' });
});
