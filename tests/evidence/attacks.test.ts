// What whoever administers the database can do to the log, and who notices, when: the verifier on an export, the sealer, a witness, or whoever kept a checkpoint elsewhere.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { withTenant } from '../../store/sql.ts';
import { tell } from '../events/event-scene.ts';
import { startWitness, type WitnessProcess } from '../witness/witness-process.ts';
import { EvidenceScene } from './evidence-scene.ts';

let scene: EvidenceScene;
let witness: WitnessProcess;
/** Held elsewhere since before the attack. */
let kept: string;
const found: string[] = [];
const tables = ['audit_entry', 'audit_disclosure', 'audit_head', 'audit_tile', 'audit_checkpoint', 'audit_cosignature'];
/** Has a log of its own in the same database, under the same key. */
let neighbour: string;

beforeAll(async () => {
  scene = await EvidenceScene.open();
  witness = await startWitness(scene.signer.verifierKey);
  scene.serve(witness);
  neighbour = await scene.api.database.createTenant();
  for (let turn = 0; turn < 4; turn++) await withTenant(scene.api.pool, neighbour, async (tx) => tell(tx, 'a', { turn }));
  for (let at = 0; at < 2; at++) {
    await scene.act();
    await scene.seal();
    await scene.submit(witness);
  }
  kept = await scene.checkpoint();
  await scene.superuser.query(tables.map((table) => `CREATE TABLE public.kept_${table} AS TABLE exequatur.${table}`).join('; '));
});
afterEach(() =>
  scene.tamper(
    ...[...tables].reverse().map((table) => `DELETE FROM exequatur.${table}`),
    ...tables.map((table) => `INSERT INTO exequatur.${table} SELECT * FROM public.kept_${table}`),
  ),
);
afterAll(async () => {
  console.log(['attack | noticed by, when | what is said', ...found].join('\n'));
  await Promise.all([scene?.close(), witness?.remove()]);
});

const here = () => `tenant_id = '${scene.api.tenant}'`;
const payload = (from: string, to: string) => `convert_to(replace(convert_from(payload, 'UTF8'), '${from}', '${to}'), 'UTF8')`;
const altered = `convert_to('{"altered":1,' || substr(convert_from(payload, 'UTF8'), 2), 'UTF8')`;
/** Makes the chain right again from an entry on. */
const rechained = (from: number, tenant = scene.api.tenant) => `DO $$ DECLARE e record; last bytea;
  BEGIN
    SELECT hash INTO last FROM exequatur.audit_entry WHERE tenant_id = '${tenant}' AND seq = ${from - 1};
    FOR e IN SELECT * FROM exequatur.audit_entry WHERE tenant_id = '${tenant}' AND seq >= ${from} ORDER BY seq LOOP
      UPDATE exequatur.audit_entry SET previous_hash = last, hash = sha256(exequatur.audit_frame(e.tenant_id, e.seq, e.at, last, e.payload)) WHERE tenant_id = '${tenant}' AND seq = e.seq
        RETURNING hash INTO last;
    END LOOP;
    UPDATE exequatur.audit_head SET hash = last WHERE tenant_id = '${tenant}';
  END $$`;

/** As it was at the checkpoint before the last: what a backup of then brings back. */
const rolledBack = () => [
  `DELETE FROM exequatur.audit_cosignature WHERE ${here()} AND size = (SELECT max(size) FROM exequatur.audit_checkpoint WHERE ${here()})`,
  `DELETE FROM exequatur.audit_checkpoint WHERE ${here()} AND size = (SELECT max(size) FROM exequatur.audit_checkpoint WHERE ${here()})`,
  `DELETE FROM exequatur.audit_entry WHERE ${here()} AND seq > (SELECT max(size) FROM exequatur.audit_checkpoint WHERE ${here()})`,
  `UPDATE exequatur.audit_head h SET seq = e.seq, hash = e.hash FROM exequatur.audit_entry e WHERE h.${here()} AND e.${here()} AND e.seq = (SELECT max(seq) FROM exequatur.audit_entry WHERE ${here()})`,
];

/** What each of them has at hand, beside the key and an export made after the attack. */
const at = {
  'the verifier': async () => ({}),
  'the verifier that asks for the witness': async () => ({ args: ['--witness', witness.verifierKey] }),
  'whoever kept a checkpoint': async () => ({ kept }),
  'whoever asks the witness for its last checkpoint': async () => ({
    kept: await (await fetch(`${witness.url}/checkpoint/${scene.signer.name}/${scene.api.tenant}`)).text(),
  }),
};

/** An entry of each of two logs in the place of the other's, with what it discloses. */
const exchanged = (seq: number, a: string, b: string) => [
  `CREATE TEMPORARY TABLE exchanged AS SELECT there.tenant_id, there.seq, e.id, there.at, e.type, e.proposal_id, there.previous_hash, e.payload, e.hash
     FROM exequatur.audit_entry e JOIN exequatur.audit_entry there ON there.seq = e.seq AND there.tenant_id <> e.tenant_id
    WHERE e.seq = ${seq} AND e.tenant_id IN ('${a}', '${b}') AND there.tenant_id IN ('${a}', '${b}')`,
  `UPDATE exequatur.audit_disclosure d SET tenant_id = x.tenant_id FROM exchanged x WHERE d.entry_id = x.id`,
  `DELETE FROM exequatur.audit_entry WHERE seq = ${seq} AND tenant_id IN ('${a}', '${b}')`,
  `INSERT INTO exequatur.audit_entry SELECT * FROM exchanged`,
  `DROP TABLE exchanged`,
];

async function noticed(attack: string, by: keyof typeof at): Promise<string> {
  const { code, said } = await scene.verify(await scene.export(), await at[by]());
  expect(code, said).toBe(1);
  found.push(`${attack} | ${by}, on the next export | ${said}`);
  return said;
}

/** The relay is told by the witness, within a second of sealing: it counts the log as forked, and says so. */
async function noticedByTheRelay(attack: string, when: string): Promise<void> {
  const forks = new Map<string, number>();
  expect(await scene.submit(witness, forks)).toBe(0);
  expect([...forks.keys()]).toEqual([scene.api.tenant]);
  found.push(`${attack} | the relay, from the witness, ${when} | a witness has cosigned another log than this one`);
}

describe('nobody is shown that', () => {
  it('an entry was altered before it was sealed, its chain mended', async () => {
    await scene.act();
    const { rows } = await scene.superuser.query<{ seq: number }>(
      `SELECT min(seq)::int AS seq FROM exequatur.audit_entry WHERE ${here()} AND type = 'review.recorded' AND seq > (SELECT max(size) FROM exequatur.audit_checkpoint WHERE ${here()})`,
    );
    const seq = rows[0]?.seq ?? 0;
    await scene.tamper(
      `UPDATE exequatur.audit_entry SET payload = ${payload('"stage":"keepers"', '"stage":"nobody"')} WHERE ${here()} AND seq = ${seq}`,
      rechained(seq),
    );
    expect(await scene.seal()).toEqual({ sealed: 1, more: false, rewritten: [] });
    expect(await scene.submit(witness)).toBe(1);
    const { code, said } = await scene.verify(await scene.export(), { args: ['--witness', witness.verifierKey], kept });
    expect(code, said).toBe(0);
    found.push('an entry is altered before it is sealed, the chain mended | nobody: it has a second for that | whole');
  });
});

describe('the log is shown to have been tampered with when', () => {
  it('an entry is altered, and the links of the next', async () => {
    await scene.tamper(
      `UPDATE exequatur.audit_entry SET payload = ${altered} WHERE ${here()} AND seq = 10`,
      `UPDATE exequatur.audit_entry n SET previous_hash = sha256(exequatur.audit_frame(e.tenant_id, e.seq, e.at, e.previous_hash, e.payload))
         FROM exequatur.audit_entry e WHERE e.${here()} AND e.seq = 10 AND n.${here()} AND n.seq = 11`,
    );
    expect(await noticed('an entry is altered, and the link of the next mended', 'the verifier')).toContain(
      'entry 11: does not fit what follows: entry 12 continues another; others from 9 on may have been altered too',
    );
  });

  it('what entries disclose is deleted, as if somebody had been erased', async () => {
    await scene.tamper(`DELETE FROM exequatur.audit_disclosure WHERE ${here()}`);
    const { code, said } = await scene.verify(await scene.export());
    expect(code, said).toBe(0);
    const { erased, undisclosed } = JSON.parse(said.slice('whole '.length));
    expect(undisclosed).toBeGreaterThan(0);
    expect(undisclosed).toBe(erased);
    found.push(`what entries disclose is deleted | the verifier, on the next export, by its count | whole, "undisclosed":${undisclosed}`);
  });

  it('an entry is altered', async () => {
    await scene.tamper(`UPDATE exequatur.audit_entry SET payload = ${altered} WHERE ${here()} AND seq = 4`);
    expect(await noticed('an entry is altered', 'the verifier')).toContain('entry 4: does not fit what follows: entry 5 continues another');
  });

  it('an entry and its hash are replaced together', async () => {
    await scene.tamper(
      `UPDATE exequatur.audit_entry SET payload = ${payload('"approve"', '"reject"')}, hash = sha256(payload) WHERE ${here()} AND type = 'review.recorded'`,
    );
    expect(await noticed('payload and hash are replaced together', 'the verifier')).toContain(
      'entry 4: or the next does not fit what follows',
    );
  });

  it('an entry is deleted', async () => {
    await scene.tamper(`DELETE FROM exequatur.audit_entry WHERE ${here()} AND seq = 4`);
    expect(await noticed('an entry is deleted', 'the verifier')).toContain('entry 4: is missing');
  });

  it('an entry is inserted', async () => {
    await scene.tamper(
      `UPDATE exequatur.audit_entry SET seq = seq + 1000 WHERE ${here()} AND seq > 4`,
      `UPDATE exequatur.audit_entry SET seq = seq - 999 WHERE ${here()} AND seq > 1000`,
      `INSERT INTO exequatur.audit_entry SELECT tenant_id, 5, gen_random_uuid(), at, type, proposal_id, hash, payload, hash FROM exequatur.audit_entry WHERE ${here()} AND seq = 4`,
      `UPDATE exequatur.audit_head SET seq = seq + 1 WHERE ${here()}`,
      rechained(5),
    );
    expect(await noticed('an entry is inserted, the chain mended', 'the verifier')).toContain(
      'entry 5: tells of a review that was told before',
    );
  });

  it('two entries change places', async () => {
    await scene.tamper(
      `UPDATE exequatur.audit_entry a SET payload = b.payload FROM exequatur.audit_entry b WHERE a.${here()} AND b.${here()} AND a.seq + b.seq = 9 AND a.seq IN (4, 5)`,
    );
    expect(await noticed('two entries change places', 'the verifier')).toContain('entry 4: what is disclosed as');
  });

  it('two reviews change places with all that is theirs, the chain mended', async () => {
    await scene.tamper(
      `UPDATE exequatur.audit_entry SET seq = 1000 + 9 - seq WHERE ${here()} AND seq IN (4, 5)`,
      `UPDATE exequatur.audit_entry SET seq = seq - 1000 WHERE ${here()} AND seq > 1000`,
      rechained(4),
    );
    expect(await noticed('two reviews change places with all that is theirs, the chain mended', 'the verifier')).toMatch(
      /entry \d+: up to here the log is not what was signed$/,
    );
  });

  it('an entry that contradicts none is inserted, the chain mended', async () => {
    await scene.tamper(
      `UPDATE exequatur.audit_entry SET seq = seq + 1000 WHERE ${here()} AND seq > 4`,
      `UPDATE exequatur.audit_entry SET seq = seq - 999 WHERE ${here()} AND seq > 1000`,
      `INSERT INTO exequatur.audit_entry SELECT tenant_id, 5, gen_random_uuid(), at, 'switch.changed', NULL, hash, convert_to('{"type":"switch.changed"}', 'UTF8'), hash FROM exequatur.audit_entry WHERE ${here()} AND seq = 4`,
      `UPDATE exequatur.audit_head SET seq = seq + 1 WHERE ${here()}`,
      rechained(5),
    );
    expect(await noticed('an entry that contradicts none is inserted, the chain mended', 'the verifier')).toMatch(
      /entry \d+: up to here the log is not what was signed$/,
    );
  });

  it('two tenants exchange entries, both chains mended, in both logs', async () => {
    const exported = () => scene.api.as({ id: 'auditor-1', roles: ['auditor'], tenant: neighbour }).get('/v1/audit/export');
    expect((await scene.verify((await exported()).body)).code).toBe(0);
    const texts = () =>
      scene.superuser.query(
        'SELECT e.tenant_id = $1 AS here, e.payload FROM exequatur.audit_entry e WHERE e.seq = 3 AND e.tenant_id IN ($1, $2) ORDER BY 1',
        [scene.api.tenant, neighbour],
      );
    const { rows: before } = await texts();
    await scene.tamper(...exchanged(3, scene.api.tenant, neighbour), rechained(3), rechained(3, neighbour));
    expect((await texts()).rows.map(({ payload }) => payload)).toEqual(before.map(({ payload }) => payload).reverse());
    expect(await noticed('two tenants’ entries are exchanged, both chains mended', 'the verifier')).toContain('BROKEN');
    const theirs = await scene.verify((await exported()).body);
    expect(theirs.code, theirs.said).toBe(1);
    expect(theirs.said).toContain('entry 3: is of a proposal that no entry creates');
    found.push(`the same | the verifier, on the next export of the other tenant | ${theirs.said}`);
  });

  it('an altered entry of another tenant takes the place of one', async () => {
    const other = await scene.api.database.createTenant();
    await scene.tamper(
      `INSERT INTO exequatur.audit_entry SELECT '${other}', seq, id, at, type, proposal_id, previous_hash, payload, hash FROM exequatur.audit_entry WHERE ${here()}`,
      `DELETE FROM exequatur.audit_entry WHERE ${here()} AND seq = 4`,
      `UPDATE exequatur.audit_entry SET tenant_id = '${scene.api.tenant}', payload = ${altered} WHERE tenant_id = '${other}' AND seq = 4`,
    );
    expect(await noticed('another tenant’s entry takes its place', 'the verifier')).toContain(
      'entry 4: does not fit what follows: entry 5 continues another',
    );
  });

  it('the whole chain is built anew', async () => {
    await scene.tamper(
      `UPDATE exequatur.audit_entry SET payload = ${payload('"stage":"keepers"', '"stage":"nobody"')} WHERE ${here()} AND type = 'review.recorded'`,
      rechained(2),
    );
    expect(await noticed('the whole chain is built anew', 'the verifier')).toContain('the log is not what was signed');
    await scene.act();
    expect(await scene.seal()).toEqual({ sealed: 0, more: false, rewritten: [scene.api.tenant] });
    found.push(
      'the whole chain is built anew | the sealer, at the next entry; it signs no further | the log says otherwise than what was signed of it',
    );
  });

  it('the whole chain is built anew and signed again with the true key', async () => {
    await scene.tamper(
      `UPDATE exequatur.audit_entry SET payload = ${payload('"stage":"keepers"', '"stage":"nobody"')} WHERE ${here()} AND type = 'review.recorded'`,
      rechained(2),
      `DELETE FROM exequatur.audit_tile WHERE ${here()}`,
      `DELETE FROM exequatur.audit_cosignature WHERE ${here()}`,
      `DELETE FROM exequatur.audit_checkpoint WHERE ${here()}`,
    );
    await scene.seal();
    expect((await scene.verify(await scene.export())).code).toBe(0);
    const attack = 'built anew and signed again with the true key';
    expect(await noticed(attack, 'whoever kept a checkpoint')).toContain('the log is not what was signed');
    expect(await noticed(attack, 'the verifier that asks for the witness')).toContain(`missing ${witness.key.name}`);
    await noticedByTheRelay(attack, 'within a second');
    await scene.act();
    await scene.seal();
    await noticedByTheRelay(attack, 'and at each later checkpoint');
  });

  it('the tail is cut off, with its checkpoints', async () => {
    await scene.tamper(...rolledBack());
    const attack = 'the tail is cut off with its checkpoints';
    // The last of what remains was cosigned once too, at a time that the verifier prints.
    expect((await scene.verify(await scene.export(), await at['the verifier that asks for the witness']())).code).toBe(0);
    for (const by of ['whoever kept a checkpoint', 'whoever asks the witness for its last checkpoint'] as const)
      expect(await noticed(attack, by)).toContain('is the last, and a checkpoint was signed over');
    await scene.act();
    await scene.seal();
    await noticedByTheRelay(attack, 'within a second of the next entry');
  });

  it.each([
    ['the tail is cut off, and its checkpoints are left', 4],
    ['all of it is deleted but its checkpoints', 0],
  ])('%s', async (attack, left) => {
    await scene.tamper(
      `DELETE FROM exequatur.audit_entry WHERE ${here()} AND seq > ${left}`,
      `UPDATE exequatur.audit_head h SET seq = e.seq, hash = e.hash FROM exequatur.audit_entry e WHERE h.${here()} AND e.${here()} AND e.seq = ${left}`,
      `DELETE FROM exequatur.audit_head WHERE ${here()} AND seq > ${left}`,
    );
    const refused = { sealed: 0, more: false, rewritten: [scene.api.tenant] };
    expect(await scene.seal()).toEqual(refused);
    found.push(`${attack} | the sealer, within a second; it signs no further | the log says otherwise than what was signed of it`);
    expect(await noticed(attack, 'the verifier')).toContain(`entry ${left + 1}: `); // The export itself, behind which nothing comes.
    expect(await scene.seal()).toEqual(refused);
  });

  it('it is rolled back to a backup, and goes on otherwise', async () => {
    await scene.tamper(...rolledBack());
    await scene.act();
    await scene.act();
    await scene.seal();
    expect((await scene.verify(await scene.export())).code).toBe(0);
    const attack = 'rolled back to a backup, and gone on';
    for (const by of ['whoever kept a checkpoint', 'whoever asks the witness for its last checkpoint'] as const)
      expect(await noticed(attack, by)).toContain('the log is not what was signed');
    expect(await noticed(attack, 'the verifier that asks for the witness')).toContain(`missing ${witness.key.name}`);
    await noticedByTheRelay(attack, 'within a second of the next entry');
    const unseen = await scene.verify(await scene.export(), await at['the verifier that asks for the witness']());
    found.push(`two heads for two auditors | the one who is shown the head that the witness has not seen, at once | ${unseen.said}`);
    // Two heads for two auditors: this one is shown the first, that one the second.
    const second = await scene.checkpoint();
    await scene.tamper(
      ...[...tables].reverse().map((table) => `DELETE FROM exequatur.${table}`),
      ...tables.map((table) => `INSERT INTO exequatur.${table} SELECT * FROM public.kept_${table}`),
    );
    const other = await scene.verify(await scene.export(), { kept: second });
    expect(other.code, other.said).toBe(1);
    found.push(`two heads for two auditors | the two of them, once they compare | ${other.said}`);
    expect((await scene.verify(await scene.export(), await at['the verifier that asks for the witness']())).code).toBe(0);
  });
});
