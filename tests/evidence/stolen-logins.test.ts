// Whoever has stolen a login brings entries of their own making to the log, at every turn of a proposal's life: each is refused, or whoever verifies the log takes it.
// On a clone from tests/support/database.ts.
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AuditEntry, auditEntry } from '../../audit/entry.ts';
import type { EntryType } from '../../audit/entry-types.ts';
import { events, logEntries } from '../../ontology/events.ts';
import type { JsonObject } from '../../ontology/json.ts';
import { proposalStatuses } from '../../ontology/lifecycle.ts';
import { executeProposal, executionIdOf } from '../../store/execute-proposal.ts';
import { recordReview } from '../../store/record-review.ts';
import { reviseProposal } from '../../store/revise-proposal.ts';
import { systemTenant } from '../../store/system-chain.ts';
import { refusalOf } from '../database/door-scene.ts';
import { agent, type Fixture, keeper1, officer, openFixture, simulated } from '../store/fixture.ts';
import { type Perturbed, perturbedOf } from './perturb-entry.ts';
import { verifyLog } from './verify-log.ts';

const types = [
  ...Object.keys(events),
  ...Object.keys(logEntries),
  'decision.refused',
  'log.format_changed',
  'proposal.invented',
  'proposal.',
  'x',
  '',
];

let fixture: Fixture;
let floors = 0;
const logins: Record<string, pg.Client> = {};
const taken: string[] = [];
let tried = 0;
beforeAll(async () => {
  fixture = await openFixture();
  for (const login of ['api', 'worker'] as const) {
    logins[login] = new pg.Client({ connectionString: fixture.database.urls[login] });
    await logins[login].connect();
  }
});
afterAll(async () => {
  for (const client of Object.values(logins)) await client.end();
  await fixture?.close();
});

/** All entries of the log, as whoever appended them gave them. */
function entries(): Promise<AuditEntry[]> {
  return fixture.inApi((tx) =>
    tx.rows<AuditEntry>(
      `SELECT gen_random_uuid()::text AS id, e.type, e.proposal_id::text AS "proposalId", convert_from(e.payload, 'UTF8') AS payload,
              coalesce((SELECT jsonb_agg(jsonb_build_object('name', d.name, 'salt', d.salt, 'value', d.value)) FROM exequatur.audit_disclosure d
                         WHERE d.tenant_id = e.tenant_id AND d.entry_id = e.id), '[]') AS disclosures
         FROM exequatur.audit_entry e ORDER BY e.seq`,
    ),
  );
}

/** Throws all of it at the log, each by itself, committed where it is taken. */
async function throwAt(perturbed: readonly Perturbed[]): Promise<void> {
  for (const [login, client] of Object.entries(logins))
    for (const { what, entry } of perturbed) {
      tried++;
      try {
        const made = pg.escapeLiteral(JSON.stringify([{ ...entry, id: randomUUID() }]));
        const results = await client.query(
          `BEGIN; SET LOCAL app.tenant = '${fixture.tenant}'; SELECT exequatur.append_audit(${made}) AS seq; COMMIT`,
        );
        const [, , appended] = results as unknown as pg.QueryResult<{ seq: string }>[];
        taken.push(`${appended?.rows[0]?.seq}: ${login}, ${what}`);
      } catch (error) {
        await client.query('ROLLBACK');
        if (!(error instanceof pg.DatabaseError)) throw error;
      }
    }
}

/** The newest entry of the log in every other way, and all others once more as they were. */
async function throwAll(): Promise<void> {
  const all = await entries();
  const proposals = [...new Set(all.flatMap(({ proposalId }) => (proposalId === null ? [] : [proposalId])))].reverse();
  const newest = all.slice(-1).flatMap((one) => perturbedOf(one, { types, statuses: proposalStatuses, proposals: proposals.slice(0, 2) }));
  await throwAt([...newest, ...all.slice(-20).map((entry) => ({ what: `${entry.type}: once more`, entry }))]);
}

async function expectWhole(): Promise<void> {
  const said = await verifyLog(fixture.database, fixture.tenant);
  const at = /entry (\d+)/.exec(said)?.[1];
  const nearby = taken.filter((one) => Math.abs(Number.parseInt(one, 10) - Number(at)) < 3);
  expect(said, nearby.join('\n')).toMatch(/^whole .*"unjudged":0/);
}

const asked = () => fixture.planned('askFloorTwice', { name: `S${++floors}` });

describe('what a stolen login brings to the log is refused, or verified', { timeout: 300_000 }, () => {
  it('at each turn of a proposal that is approved and executed', async () => {
    const { proposalId } = (await fixture.propose('askFloorTwice', { name: `S${++floors}` })) as { proposalId: string };
    await throwAll();
    const plan = await simulated(fixture, proposalId);
    await throwAll();
    await fixture.review(plan, keeper1);
    await throwAll();
    await fixture.review(plan, officer);
    await throwAll();
    expect((await executeProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps))?.status).toBe('executed');
    await throwAll();
    await expectWhole();
  });

  it('at each turn of a proposal that is revised, and rejected', async () => {
    const plan = await asked();
    const review = {
      proposalId: plan.proposalId,
      decision: 'request_changes' as const,
      reason: 'a better name',
      digest: plan.digest ?? '',
      reviewer: keeper1,
    };
    await fixture.inApi((tx) => recordReview(tx, review, fixture.deps));
    await throwAll();
    await fixture.inApi((tx) =>
      reviseProposal(tx, { proposalId: plan.proposalId, parameters: { name: `S${++floors}` }, by: agent }, fixture.deps),
    );
    await throwAll();
    const again = await simulated(fixture, plan.proposalId);
    await throwAll();
    await fixture.review(again, keeper1, 'reject');
    await throwAll();
    await expectWhole();
  });

  it('beside what the door tells, in its own call', async () => {
    const plan = await asked();
    for (const reviewer of [keeper1, officer]) await fixture.review(plan, reviewer);
    const { proposalId, digest } = plan;
    const executionId = executionIdOf(proposalId);
    const carry = (before: readonly (readonly [EntryType, JsonObject])[], own: JsonObject = {}) =>
      refusalOf(
        fixture.inWorker(async (tx) => {
          tx.audit({ type: 'proposal.executing', proposalId, facts: { from: 'approved', status: 'executing' } });
          for (const [type, facts] of before) tx.audit({ type, proposalId, facts: { executionId, planDigest: digest, ...facts } });
          tx.audit({ type: 'proposal.executed', proposalId, facts: { executionId, planDigest: digest, status: 'executed', ...own } });
          await tx.rows('SELECT exequatur.begin_execution($1::uuid, $2::uuid)', [proposalId, executionId]);
          await tx.rows('SELECT exequatur.apply_plan(p.plan_id, $2::uuid, $3::jsonb) FROM exequatur.proposal p WHERE p.id = $1::uuid', [
            proposalId,
            executionId,
            JSON.stringify(tx.takeEntries()),
          ]);
        }),
      );
    expect(await carry([['execution.undone', {}]])).toBe('XQ015');
    expect(await carry([['proposal.simulating', { from: 'executing', status: 'simulating' }]])).toBe('XQ015');
    expect(await carry([['proposal.raised', { revision: 1 }]])).toBe('XQ015');
    expect(await carry([['decision.refused', {}]])).toBe('XQ015'); // The worker refuses nobody.
    expect(await carry([], { from: 'approved' })).toBe('XQ015');
    expect(await carry([], { status: 'failed' })).toBe('XQ015');
    expect(await carry([], { commitments: 7 })).toBe('XQ015');
    expect(await carry([])).toBe('none');
    await expectWhole();
  });

  it('in the log of the installation', async () => {
    const failed = auditEntry({ type: 'login.failed', facts: { reason: 'signature' }, personal: { subject: 'somebody' } });
    const perturbed = perturbedOf(failed, { types, statuses: proposalStatuses.slice(0, 2), proposals: [randomUUID()] });
    let written = 0;
    for (const { entry } of perturbed) {
      const made = pg.escapeLiteral(JSON.stringify([{ ...entry, id: randomUUID() }]));
      const refusal = await refusalOf(fixture.api.query(`SELECT exequatur.append_system(${made}, 0)`));
      if (refusal === 'none' && ++written % 40 === 0) await fixture.database.advanceClock(61_000); // No more are taken of one minute.
    }
    expect(written).toBeGreaterThan(10);
    expect(await verifyLog(fixture.database, systemTenant)).toMatch(/^whole/);
  });

  it('and something of it was taken, and most refused', () => {
    expect(taken.length).toBeGreaterThan(50);
    expect(taken.length).toBeLessThan(tried / 2);
  });
});
