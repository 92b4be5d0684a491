// A server that lies in what it writes: the log is chained and signed with the true key, and still says of an execution what cannot be. On a clone from tests/support/database.ts.
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { caller, type Fixture, keeper1, officer, openFixture } from '../store/fixture.ts';
import { verifyLog } from './verify-log.ts';

let fixture: Fixture;
let superuser: pg.Client;
const tables = ['audit_entry', 'audit_head', 'audit_tile', 'audit_checkpoint'];

beforeAll(async () => {
  fixture = await openFixture();
  superuser = new pg.Client({ connectionString: fixture.database.urls.superuser });
  await superuser.connect();
  await superuser.query('SET session_replication_role = replica'); // Neither triggers nor keys hold for whoever administers the database.
  await fixture.done('askFloorTwice', { name: 'F1' });
  await superuser.query(tables.map((table) => `CREATE TABLE public.kept_${table} AS TABLE exequatur.${table}`).join('; '));
});
afterEach(async () => {
  for (const table of [...tables].reverse()) await superuser.query(`DELETE FROM exequatur.${table}`);
  for (const table of tables) await superuser.query(`INSERT INTO exequatur.${table} SELECT * FROM public.kept_${table}`);
});
afterAll(async () => {
  await superuser?.end();
  await fixture?.close();
});

type Payload = Record<string, unknown>;
interface Told {
  review: string;
  person: number;
  roles: string[];
}

/** Rewrites the one entry of a type and everything after it, as if it had been written so. @returns its number. */
async function lie(type: string, change: (payload: Payload & { approvals: [Told, Told] }) => void, nth = 0): Promise<number> {
  const { rows } = await superuser.query<{ seq: number; payload: string }>(
    `SELECT seq::int AS seq, convert_from(payload, 'UTF8') AS payload FROM exequatur.audit_entry WHERE tenant_id = $1 AND type = $2 ORDER BY seq`,
    [fixture.tenant, type],
  );
  const entry = rows[nth];
  if (entry === undefined) throw new Error(`there is no ${type}`);
  const payload = JSON.parse(entry.payload);
  change(payload);
  await superuser.query("UPDATE exequatur.audit_entry SET payload = convert_to($3, 'UTF8') WHERE tenant_id = $1 AND seq = $2", [
    fixture.tenant,
    entry.seq,
    JSON.stringify(payload),
  ]);
  await superuser.query(`DO $$ DECLARE e record; last bytea := decode(repeat('00', 32), 'hex');
    BEGIN
      FOR e IN SELECT * FROM exequatur.audit_entry WHERE tenant_id = '${fixture.tenant}' ORDER BY seq LOOP
        UPDATE exequatur.audit_entry SET previous_hash = last, hash = sha256(exequatur.audit_frame(e.tenant_id, e.seq, e.at, last, e.payload)) WHERE tenant_id = e.tenant_id AND seq = e.seq
          RETURNING hash INTO last;
      END LOOP;
    END $$`);
  return entry.seq;
}

const executionSeq = () => lie('proposal.executed', () => {});
const verified = () => verifyLog(fixture.database, fixture.tenant);

describe('the verifier names the first execution whose requirement was not met:', () => {
  it('none where everybody who had to approve did', async () => {
    expect(await verified()).toMatch(/^whole .*"executions":1,"unjudged":0,"conditionsUnjudged":0/);
  });

  it.each<[string, (payload: Payload & { approvals: [Told, Told] }) => void, RegExp]>([
    ['an approval is missing', (payload) => payload.approvals.pop(), /0 of the 1 approvals were given that safety asks for/],
    ['all are missing', (payload) => payload.approvals.splice(0), /0 of the 1 approvals were given that keepers asks for/],
    ['it says nothing of approvals', (payload) => delete (payload as Payload).approvals, /does not say by whose approval/],
    [
      'one person stands for two',
      ({ approvals }) => Object.assign(approvals[1], { review: approvals[0].review }),
      /a review is counted twice/,
    ],
    ['one approval stands for two', ({ approvals }) => Object.assign(approvals[1], { ...approvals[0] }), /counted twice/],
    [
      'somebody stands where others are asked',
      ({ approvals }) => Object.assign(approvals[1], { roles: ['keeper'] }),
      /0 of the 1 approvals were given that safety asks for/,
    ],
    [
      'one stands in two stages',
      ({ approvals }) => Object.assign(approvals.splice(1) && approvals[0], { roles: ['keeper', 'officer'] }),
      /its stages cannot all be filled/,
    ],
    [
      'its plan was asked for less',
      (payload) => Object.assign(payload.requirement as object, { automatic: true }),
      /under another requirement than its plan had/,
    ],
    [
      'it counts somebody behind the proposal',
      ({ approvals }) => Object.assign(approvals[0], { person: 0 }),
      /somebody behind the proposal/,
    ],
    [
      'it was an emergency that nobody declared',
      (payload) => Object.assign(payload, { emergency: { person: 3, roles: [] } }),
      /nobody broke the glass/,
    ],
    ['it had escalated, and had not', (payload) => Object.assign(payload, { escalated: true }), /nothing had escalated/],
    ['another plan ran', (payload) => Object.assign(payload, { planDigest: 'sha256:0' }), /the plan that ran is not the one/],
  ])('%s', async (_, change, said) => {
    const seq = await lie('proposal.executed', change);
    expect(await verified()).toMatch(new RegExp(`^BROKEN entry ${seq}: .*${said.source}`));
  });

  it.each<[string, (payload: Payload) => void, RegExp]>([
    ['a review was of another plan', (payload) => Object.assign(payload, { planDigest: 'sha256:0' }), /is void, or was never given/],
    ['a review said no', (payload) => Object.assign(payload, { decision: 'reject' }), /approves nothing/],
  ])('%s', async (_, change, said) => {
    await lie('review.recorded', change);
    expect(await verified()).toMatch(new RegExp(`^BROKEN entry ${await executionSeq()}: .*${said.source}`));
  });

  it('its plan asked for more', async () => {
    const more = (payload: Payload) => {
      const { stages } = payload.requirement as { stages: { thresholds: { needed: number }[] }[] };
      Object.assign(stages[0]?.thresholds[0] ?? {}, { needed: 2 });
    };
    await lie('proposal.simulated', more);
    expect(await verified()).toMatch(new RegExp(`^BROKEN entry ${await executionSeq()}: .*under another requirement than its plan had`));
    await lie('proposal.executed', more);
    expect(await verified()).toMatch(new RegExp(`^BROKEN entry ${await executionSeq()}: .*1 of the 2 approvals were given that keepers`));
  });
});

describe('the door', () => {
  it('lets no execution name an approval that it did not count', async () => {
    const plan = await fixture.planned('askFloorTwice', { name: 'F2' });
    for (const reviewer of [keeper1, officer]) await fixture.review(plan, reviewer);
    const told = { type: 'proposal.executed', executionId: plan.proposalId, approvals: [{ review: plan.proposalId }] };
    const append = `INSERT INTO exequatur.audit_entry (tenant_id, seq, id, at, type, previous_hash, payload, hash)
      SELECT h.tenant_id, h.seq + 1, gen_random_uuid(), now(), 'proposal.executed', h.hash, convert_to($1, 'UTF8'), h.hash FROM exequatur.audit_head h WHERE h.tenant_id = $2`;
    await superuser.query('BEGIN; SET LOCAL session_replication_role = origin');
    await expect(superuser.query(append, [JSON.stringify(told), fixture.tenant])).rejects.toMatchObject({ code: 'XQ015' });
    await superuser.query('ROLLBACK; BEGIN; SET LOCAL session_replication_role = origin');
    expect((await superuser.query(append, [JSON.stringify({ ...told, approvals: [] }), fixture.tenant])).rowCount).toBe(1);
    await superuser.query('ROLLBACK');
  });
});

describe('what really happened passes:', () => {
  it('refusals and requests for changes beside executions', async () => {
    const plan = await fixture.planned('askFloorTwice', { name: 'F3' });
    await fixture.review(plan, keeper1);
    await fixture.review(plan, officer, 'request_changes');
    const other = await fixture.planned('askFloorTwice', { name: 'F4' });
    await fixture.review(other, caller('keeper-2'));
    await fixture.review(other, officer, 'reject');
    await fixture.done('askFloorTwice', { name: 'F5' });
    expect(await verified()).toMatch(/^whole .*"executions":2,"unjudged":0,"conditionsUnjudged":0/);
  });
});
