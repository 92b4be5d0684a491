// The gate and the door count the same approvals, whoever gave them on whose behalf. On a clone from tests/support/database.ts.
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { approvalsCounted, countedReviews } from '../../ontology/quorum.ts';
import { readApprovalFacts } from '../../store/approval-facts.ts';
import { openPool } from '../../store/connect.ts';
import { withTenant } from '../../store/sql.ts';
import { addPrincipal, oneStage, type Planned } from './door-scene.ts';
import { twoAirports } from './two-airports.ts';

const world = twoAirports();
const people = ['proposer', 'ann', 'ann-too', 'ben', 'cleo', 'dora', 'emil', 'robot', 'gone', 'gone-too'] as const;
/** Who gives it, on whose behalf, by a delegation that holds or by one that does not. */
type Given = { by: string; of: string | null; holds: boolean; decision: 'approve' | 'reject' | 'request_changes' };
let pool: pg.Pool;

beforeAll(async () => {
  pool = openPool(world.scene.db.urls.api, { max: 3 });
  pool.on('error', () => {});
  await world.scene.as('superuser', async (client) => {
    await client.query('SET LOCAL session_replication_role = replica'); // The log tells of none of it.
    for (const who of people) await addPrincipal(client, world.scene.tenant, who, who === 'robot' ? 'agent' : 'user');
    await client.query("UPDATE exequatur.principal SET person = 'ann in person' WHERE id IN ('ann', 'ann-too')");
    await client.query("UPDATE exequatur.principal SET person = 'gone in person' WHERE id IN ('gone', 'gone-too')");
    await client.query("UPDATE exequatur.principal SET disabled = true WHERE id = 'gone'");
    for (const by of people)
      for (const of of people.filter((other) => other !== by))
        for (const holds of [true, false]) {
          const endsAt = new Date(Date.now() + 86_400_000).toISOString();
          const wish = { id: nameOf({ by, of, holds }), delegator: of, delegate: by, endsAt, reason: 'away' };
          await client.query('SELECT exequatur.keep_delegation($1::jsonb, $2)', [
            JSON.stringify(holds ? wish : { ...wish, actionTypes: ['rename'] }),
            of,
          ]);
        }
  });
});
afterAll(() => pool?.end());

const nameOf = ({ by, of, holds }: Pick<Given, 'by' | 'of' | 'holds'>) => `${by} for ${of}, ${holds}`;

async function give(planned: Planned, given: readonly Given[]): Promise<void> {
  await world.scene.as('superuser', async (client) => {
    await client.query('SET LOCAL session_replication_role = replica');
    for (const [at, one] of given.entries())
      await client.query(
        `INSERT INTO exequatur.review (tenant_id, id, proposal_id, revision, digest, decision, reviewer_id, reviewer_kind, reviewer_roles, on_behalf_of, delegation_id, stage, created_at)
         VALUES ($1, $2, $3, 1, $4, $5, $6, 'user', '{}', $7, $8, 'review', exequatur.clock() + make_interval(secs => $9::int))`,
        [
          world.scene.tenant,
          randomUUID(),
          planned.id,
          planned.digest,
          one.decision,
          one.by,
          one.of,
          one.of === null ? null : nameOf({ ...one, of: one.of }),
          at,
        ],
      );
  });
}

const reviews: fc.Arbitrary<Given[]> = fc.array(
  fc
    .record({
      by: fc.constantFrom(...people),
      of: fc.constantFrom(null, null, ...people),
      holds: fc.constantFrom(true, true, false),
      decision: fc.constantFrom('approve' as const, 'approve' as const, 'approve' as const, 'reject' as const, 'request_changes' as const),
    })
    .map((one) => (one.of === one.by ? { ...one, of: null } : one)),
  { minLength: 1, maxLength: 7 },
);

describe('approvals', () => {
  it('are counted alike by the gate and by the door, never two of which one person is a party, and never without a delegation that holds', async () => {
    let counted = 0;
    let denying = 0;
    await fc.assert(
      fc.asyncProperty(reviews, async (given) => {
        const planned = await world.scene.plan(await world.scene.propose('close'), [
          { op: 'modify', type: 'airport', id: 'ORD', set: { status: 'closed' }, before: { status: 'open' } },
        ]);
        await give(planned, given);
        const facts = await withTenant(pool, world.scene.tenant, (tx) => readApprovalFacts(tx, planned.id));
        const door = await world.scene.as('superuser', (client) =>
          client.query<{ by: string; of: string | null; id: string | null; review: string; denies: boolean }>(
            `SELECT r.reviewer_id AS by, r.on_behalf_of AS of, r.delegation_id AS id, r.id AS review, r.decision = 'reject' AS denies
               FROM exequatur.proposal p CROSS JOIN LATERAL (SELECT exequatur.counting_reviews(p) UNION ALL SELECT exequatur.denying_reviews(p)) c(id)
               JOIN exequatur.review r ON r.id = c.id WHERE p.id = $1`,
            [planned.id],
          ),
        );
        const approving = door.rows.filter(({ denies }) => !denies);
        const denied = door.rows.filter(({ denies }) => denies).map(({ review }) => review);
        expect(approvalsCounted(oneStage, facts.reviews, ['proposer'])).toBe(approving.length);
        const denials = countedReviews(facts.reviews, ['proposer']).filter(({ decision }) => decision === 'reject');
        expect(denials.map(({ id }) => id).sort()).toEqual(denied.sort());
        denying += denied.length;
        const parties = approving.flatMap(({ by, of }) => [by, of]).map((who) => (who === 'ann-too' ? 'ann' : who));
        const named = parties.filter((who) => who !== null);
        const own = approving.filter(({ by, of }) => [by, of].every((who) => who === 'ann' || who === 'ann-too')).length;
        expect(new Set(named).size).toBe(named.length - own);
        for (const { id } of approving) expect(id ?? 'true').toMatch(/true$/);
        for (const who of ['proposer', 'robot', 'gone', 'gone-too']) expect(named).not.toContain(who);
        counted += approving.length;
      }),
      {
        numRuns: 200,
        // What a newer review makes void has itself made void an older one, under another identity of its party.
        examples: [
          [
            [
              { by: 'ann-too', of: null, holds: true, decision: 'approve' },
              { by: 'ann', of: 'emil', holds: true, decision: 'approve' },
              { by: 'emil', of: null, holds: true, decision: 'approve' },
            ],
          ],
        ],
      },
    );
    expect(counted).toBeGreaterThan(20);
    expect(denying).toBeGreaterThan(20);
  });

  it('that lapse do not bring back the refusal that a delegate took back by them', async () => {
    const planned = await world.scene.plan(
      await world.scene.propose('close'),
      [{ op: 'modify', type: 'airport', id: 'ORD', set: { status: 'closed' }, before: { status: 'open' } }],
      { requirement: { ...oneStage, approvalsLast: 'PT1H' } },
    );
    await give(planned, [
      { by: 'cleo', of: null, holds: true, decision: 'reject' },
      { by: 'ben', of: 'cleo', holds: true, decision: 'approve' },
    ]);
    const decisions = async () =>
      (await withTenant(pool, world.scene.tenant, (tx) => readApprovalFacts(tx, planned.id))).reviews.map(({ decision }) => decision);
    expect(await decisions()).toEqual(['approve']);
    await world.scene.db.advanceClock(3_700_000);
    expect(await decisions()).toEqual([]);
  });
});
