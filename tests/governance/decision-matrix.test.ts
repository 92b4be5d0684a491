// Every combination of actor, action, state and tenant, asked of the gate over a database (a clone from tests/support/database.ts) and compared with the table.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ProposalStatus, proposalStatuses } from '../../ontology/lifecycle.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { isRefusal } from '../../store/refusal.ts';
import { type PrismaTx, withTenantPrisma } from '../../store/sql.ts';
import { caller, expectDone, type Fixture, openFixture } from '../store/fixture.ts';
import { doings, tenantDoings } from './decision-actions.ts';
import {
  type ActorName,
  type Answer,
  actors,
  afterExecution,
  type OnProposalName,
  type OnTenantName,
  onProposals,
  onTenants,
  questions,
  rowOf,
  unreachedStates,
} from './decision-matrix.ts';
import { buildingAtNight, callers, type Made, meetEverybody, proposalIn } from './decision-scene.ts';

const states = proposalStatuses.filter((status) => !unreachedStates.includes(status));
const proposalActions = Object.keys(onProposals) as OnProposalName[];
const tenantActions = Object.keys(onTenants) as OnTenantName[];
const cells = proposalActions.flatMap((action) => states.map((status) => [action, status] as const));

let fixture: Fixture;
let elsewhere: string;
/** One of each action type and state, of which nobody may do what is asked. */
const standing = new Map<string, Made>();
const actionTypeOf = (action: OnProposalName): string | undefined => {
  const row = onProposals[action];
  return 'actionType' in row ? row.actionType : undefined;
};

beforeAll(async () => {
  fixture = await openFixture(buildingAtNight);
  await meetEverybody(fixture);
  elsewhere = await fixture.database.createTenant();
  const expiredFirst = [...states].sort((a, b) => Number(b === 'expired') - Number(a === 'expired'));
  for (const status of expiredFirst) {
    for (const actionType of new Set(proposalActions.map(actionTypeOf))) {
      standing.set(`${actionType} ${status}`, await proposalIn(fixture, status, actionType));
    }
  }
});
afterAll(() => fixture.close());

const answerOf = (outcome: object): Answer => (isRefusal(outcome) ? outcome.refused : 'allowed');
const standingIn = (status: ProposalStatus, action: OnProposalName = 'approve') =>
  standing.get(`${actionTypeOf(action)} ${status}`) as Made;
const statusOf = async ({ id }: Made) => (await fixture.read(id)).status;

/** What is on record: of decisions by this actor, and of audit entries since. */
async function auditedSince(seq: string, tenant = fixture.tenant): Promise<string[]> {
  const rows = await withTenantPrisma(fixture.api, tenant, (tx) =>
    tx.rows<{ type: string }>('SELECT e.type FROM exequatur.audit_entry e WHERE e.seq > $1::bigint ORDER BY e.seq', [seq]),
  );
  return rows.map(({ type }) => type);
}
async function newestEntry(tenant = fixture.tenant): Promise<string> {
  const [row] = await withTenantPrisma(fixture.api, tenant, (tx) =>
    tx.rows<{ seq: string }>('SELECT COALESCE(max(e.seq), 0)::text AS seq FROM exequatur.audit_entry e'),
  );
  return row?.seq ?? '0';
}
async function decisionsOf(proposal: Made, actor: ActorName, action: string) {
  return fixture.inApi((tx) =>
    tx.rows<{ outcome: string; reason: string | null; entries: number }>(
      `SELECT d.outcome, d.reason,
              (SELECT count(*)::int FROM exequatur.audit_entry e WHERE e.proposal_id = d.proposal_id AND e.type = 'decision.refused'
                  AND EXISTS (SELECT FROM exequatur.audit_disclosure s WHERE s.tenant_id = e.tenant_id AND s.entry_id = e.id AND s.name = 'actor' AND s.value::text LIKE '%' || $2 || '%')
                  AND convert_from(e.payload, 'UTF8')::jsonb ->> 'action' = $3) AS entries
         FROM exequatur.decision d WHERE d.proposal_id = $1::uuid AND d.actor = $2 AND d.action = $3`,
      [proposal.id, callers[actor].id, action],
    ),
  );
}

describe('the matrix', () => {
  it('has one row for every actor and action, and a place for every state', () => {
    const missing = [
      ...proposalActions.map((name) => [name, onProposals[name].rows] as const),
      ...tenantActions.map((name) => [name, onTenants[name].rows] as const),
    ].flatMap(([name, rows]) => actors.filter((actor) => rowOf<unknown>(rows, actor) === undefined).map((actor) => `${name} by ${actor}`));
    expect(missing).toEqual([]);
    expect([...states, ...unreachedStates].sort()).toEqual([...proposalStatuses].sort());
    // Every question that the gate can be asked is asked by one of these rows, or elsewhere.
    const gate = readFileSync(join(import.meta.dirname, '../../policy/decide.ts'), 'utf8');
    expect(Object.keys(questions).sort()).toEqual([...gate.matchAll(/case '([^']+)'/g)].map(([, name = '']) => name).sort());
    for (const row of Object.values(questions)) {
      expect(row.includes('/') ? existsSync(join(import.meta.dirname, '../..', row)) : row in onProposals || row in onTenants, row).toBe(
        true,
      );
    }
    expect(Object.keys(doings)).toEqual(proposalActions);
    expect(Object.keys(tenantDoings)).toEqual(tenantActions);
  });

  it('meets proposals in each state', async () => {
    for (const status of states) expect(await statusOf(standingIn(status)), status).toBe(status);
  });
});

describe('on a proposal', () => {
  it.each(cells)('%s while %s: each actor is answered as written, and what was decided is on record', async (action, status) => {
    const { rows, recordedAs, audit } = onProposals[action];
    const expected: Record<string, Answer> = {};
    const found: Record<string, Answer> = {};
    for (const actor of actors) {
      const row = rowOf(rows, actor);
      const answer: Answer = row?.[status as keyof typeof row] ?? row?.otherwise ?? 'not_found';
      expected[actor] = answer;
      const proposal =
        answer === 'allowed' && audit !== null ? await proposalIn(fixture, status, actionTypeOf(action)) : standingIn(status, action);
      const before = await newestEntry();
      found[actor] = answerOf(await fixture.inApi((tx) => doings[action](tx, callers[actor], fixture.deps, proposal)));
      const entries = await auditedSince(before);
      const decisions = recordedAs === null ? [] : await decisionsOf(proposal, actor, recordedAs);
      if (answer === 'allowed') {
        if (audit === null) expect(entries, `${actor} ${action}`).toEqual([]);
        else expect(entries, `${actor} ${action}`).toContain(audit);
        expect(decisions, `${actor} ${action}`).toEqual(recordedAs === null ? [] : [{ outcome: 'allowed', reason: null, entries: 0 }]);
      } else {
        // Once, however often it is asked: approve and reject are one question.
        expect(
          entries.filter((type) => type !== 'decision.refused'),
          `${actor} ${action}`,
        ).toEqual([]);
        const refused = decisions.filter(({ outcome }) => outcome === 'refused');
        expect(refused, `${actor} ${action}`).toEqual(recordedAs === null ? [] : [{ outcome: 'refused', reason: answer, entries: 1 }]);
      }
    }
    expect(found).toEqual(expected);
    expect(await statusOf(standingIn(status, action))).toBe(status);
  });

  it.each(cells)(
    '%s while %s: whoever it is, in another tenant there is no such proposal, and nothing is recorded',
    async (action, status) => {
      const before = await newestEntry(elsewhere);
      for (const actor of actors) {
        const outcome = await inTenant(elsewhere, (tx) => doings[action](tx, callers[actor], fixture.deps, standingIn(status, action)));
        expect(answerOf(outcome), actor).toBe('not_found');
      }
      expect(await auditedSince(before, elsewhere)).toEqual([]);
      expect(await statusOf(standingIn(status))).toBe(status);
    },
  );

  it.each(states)('execution while %s does what the table says, and in another tenant nothing', async (status) => {
    const proposal = await proposalIn(fixture, status);
    const expected = afterExecution[status] ?? status;
    expect(await executeProposal(fixture.worker, elsewhere, proposal.id, fixture.deps)).toBeNull();
    const before = await newestEntry();
    await executeProposal(fixture.worker, fixture.tenant, proposal.id, fixture.deps);
    expect(await statusOf(proposal)).toBe(expected);
    expect((await auditedSince(before)).includes('proposal.executed')).toBe(expected === 'executed' && status !== 'executed');
  });
});

describe('on a tenant', () => {
  it.each(tenantActions)('%s: each actor is answered as written, and what was changed is in the audit log', async (action) => {
    const { rows, audit } = onTenants[action];
    const expected = Object.fromEntries(actors.map((actor) => [actor, rowOf<Answer>(rows, actor)]));
    const found: Record<string, Answer> = {};
    for (const actor of actors) {
      const subject = `${action}${actor}`.toLowerCase();
      await prepare(action, subject);
      const before = await newestEntry();
      found[actor] = answerOf(await fixture.inApi((tx) => tenantDoings[action](tx, callers[actor], fixture.deps, subject)));
      const entries = await auditedSince(before);
      if (expected[actor] === 'allowed' && audit !== null) expect(entries, actor).toContain(audit);
      else expect(entries, actor).toEqual([]);
    }
    expect(found).toEqual(expected);
  });

  it.each(tenantActions)('%s: nobody is anybody in a tenant that there is not', async (action) => {
    for (const actor of actors) {
      const outcome = await inTenant('ffffffff-ffff-ffff-ffff-ffffffffffff', (tx) =>
        tenantDoings[action](tx, callers[actor], fixture.deps, 'x'),
      );
      expect(answerOf(outcome), actor).toBe('forbidden');
    }
  });
});

function inTenant(tenant: string, work: (tx: PrismaTx) => Promise<object>): Promise<object> {
  return withTenantPrisma(fixture.api, tenant, work);
}

/** What has to be there before it can be let go on. */
async function prepare(action: OnTenantName, subject: string): Promise<void> {
  if (action === 'revokeDelegation') return delegateToNobodyHere(subject);
  const before = action === 'switchOn' ? 'switchOff' : action === 'removeWindow' ? 'setWindow' : null;
  if (before === null) return;
  expectDone(await fixture.inApi((tx) => tenantDoings[before](tx, caller('operator-2'), fixture.deps, subject)));
}

/** Between two of whom the matrix does not speak. */
async function delegateToNobodyHere(id: string): Promise<void> {
  const client = new pg.Client({ connectionString: fixture.database.urls.superuser });
  await client.connect();
  await client.query(
    `INSERT INTO exequatur.delegation (tenant_id, id, delegator, delegate, starts_at, ends_at, reason, granted_by, granted_at)
     SELECT $1, $2, 'keeper-8', 'stand-in-1', c.now, c.now + interval '1 day', 'away', 'keeper-8', c.now FROM (SELECT exequatur.clock() AS now) c`,
    [fixture.tenant, id],
  );
  await client.end();
}
