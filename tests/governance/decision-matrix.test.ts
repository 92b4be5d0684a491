// Every combination of actor, action, state and tenant, asked of the gate over a database (a clone from tests/support/database.ts) and compared with the table.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../ontology/json.ts';
import { type ProposalStatus, proposalStatuses } from '../../ontology/lifecycle.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { isRefusal } from '../../store/refusal.ts';
import { type PrismaTx, type Sql, withTenantPrisma } from '../../store/sql.ts';
import { caller, expectDone, type Fixture, openFixture } from '../store/fixture.ts';
import { writeUntold } from '../support/write-untold.ts';
import { doings, tenantDoings, toldByRoute } from './decision-actions.ts';
import {
  type ActorName,
  type Answer,
  actors,
  executions,
  type OnProposal,
  type OnProposalName,
  type OnTenantName,
  onProposals,
  onTenants,
  questions,
  rowOf,
} from './decision-matrix.ts';
import { buildingAtNight, callers, type Made, meetEverybody, proposalIn, toBeExecuted } from './decision-scene.ts';

const proposalActions = Object.keys(onProposals) as OnProposalName[];
const tenantActions = Object.keys(onTenants) as OnTenantName[];
const cells = proposalActions.flatMap((action) => proposalStatuses.map((status) => [action, status] as const));
const rowsOf: Readonly<Record<OnProposalName, OnProposal>> = onProposals;

let fixture: Fixture;
let elsewhere: string;
/** One of each state, of which nobody may do what is asked. */
const standing = new Map<string, Made>();
/** Several actions that are recorded as one are asked of proposals of their own: there the record of one is not taken for another's. */
const standingFor = (action: OnProposalName): string => {
  const { recordedAs, actionType } = rowsOf[action];
  const alike = proposalActions.filter((other) => rowsOf[other].recordedAs === recordedAs && rowsOf[other].actionType === actionType);
  return `${actionType} ${alike.indexOf(action)}`;
};

beforeAll(async () => {
  fixture = await openFixture(buildingAtNight);
  await meetEverybody(fixture);
  elsewhere = await fixture.database.createTenant();
  const expiredFirst = [...proposalStatuses].sort((a, b) => Number(b === 'expired') - Number(a === 'expired'));
  const actionTypes = new Map(proposalActions.map((action) => [standingFor(action), rowsOf[action].actionType]));
  for (const status of expiredFirst) {
    for (const [key, actionType] of actionTypes) standing.set(`${key} ${status}`, await proposalIn(fixture, status, actionType));
  }
});
afterAll(() => fixture.close());

const answerOf = (outcome: object): Answer => (isRefusal(outcome) ? outcome.refused : 'allowed');
const standingIn = (status: ProposalStatus, action: OnProposalName) => standing.get(`${standingFor(action)} ${status}`) as Made;
const statusOf = async ({ id }: Made) => (await fixture.read(id)).status;

/** An entry by its type alone, or of a refusal with who was refused what, and why. */
type Told = string | { refused: string; action: string; reason: string };
const refusal = (actor: ActorName, action: string, reason: string): Told => ({ refused: callers[actor].id, action, reason });

/** What has come into a tenant's audit log, and the number of its newest entry. */
async function auditedSince(seq: string, tenant = fixture.tenant): Promise<{ entries: Told[]; newest: string }> {
  return withTenantPrisma(fixture.api, tenant, (tx) => entriesSince(tx, seq));
}
async function entriesSince(tx: Sql, seq: string): Promise<{ entries: Told[]; newest: string }> {
  const rows = await tx.rows<{ type: string; seq: string; facts: { action: string; reason: string }; actor: string }>(
    `SELECT e.type, e.seq::text AS seq, convert_from(e.payload, 'UTF8')::jsonb AS facts,
            (SELECT s.value::jsonb ->> 0 FROM exequatur.audit_disclosure s WHERE s.tenant_id = e.tenant_id AND s.entry_id = e.id AND s.name = 'actor') AS actor
       FROM exequatur.audit_entry e WHERE e.seq > $1::bigint ORDER BY e.seq`,
    [seq],
  );
  const entries = rows.map(({ type, actor, facts: { action, reason } }) =>
    type === 'decision.refused' ? { refused: actor, action, reason } : type,
  );
  return { entries, newest: rows.at(-1)?.seq ?? seq };
}
async function newestEntry(tenant = fixture.tenant): Promise<string> {
  const [row] = await withTenantPrisma(fixture.api, tenant, (tx) =>
    tx.rows<{ seq: string }>('SELECT COALESCE(max(e.seq), 0)::text AS seq FROM exequatur.audit_entry e'),
  );
  return row?.seq ?? '0';
}

function decisionsOf(tx: Sql, { id }: Made, actor: ActorName, action: string) {
  return tx.rows<{ outcome: string; reason: string | null; details: JsonObject }>(
    `SELECT d.outcome, d.reason, d.details FROM exequatur.decision d
      WHERE d.proposal_id = $1::uuid AND d.actor = $2 AND d.action = $3 ORDER BY d.at`,
    [id, callers[actor].id, action],
  );
}

/** What is on record of what was just done: in the audit log since, and of decisions about this by this actor. */
function recordOf(proposal: Made, actor: ActorName, { recordedAs, details = {} }: OnProposal, since: string) {
  return fixture.inApi(async (tx) => {
    const [audited, decisions] = await Promise.all([
      entriesSince(tx, since),
      recordedAs === null ? [] : decisionsOf(tx, proposal, actor, recordedAs),
    ]);
    const told = decisions.map((one) => ({
      ...one,
      details: Object.fromEntries(Object.keys(details).map((name) => [name, one.details[name]])),
    }));
    return { ...audited, decisions: told };
  });
}

describe('the matrix', () => {
  it('has one row for every actor and action, and a place for every state', () => {
    const missing = [
      ...proposalActions.map((name) => [name, onProposals[name].rows] as const),
      ...tenantActions.map((name) => [name, onTenants[name].rows] as const),
    ].flatMap(([name, rows]) => actors.filter((actor) => rowOf<unknown>(rows, actor) === undefined).map((actor) => `${name} by ${actor}`));
    expect(missing).toEqual([]);
    const executed = executions.flatMap(({ status, given }) => (given === undefined ? [status] : []));
    expect(executed.sort()).toEqual([...proposalStatuses].sort());
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
    for (const [key, proposal] of standing) expect(await statusOf(proposal), key).toBe(key.split(' ').at(-1));
  });
});

describe('on a proposal', () => {
  it.each(cells)('%s while %s: each actor is answered as written, and what was decided is on record', async (action, status) => {
    const row = rowsOf[action];
    const { recordedAs, audit, details = {} } = row;
    const expected: Record<string, Answer> = {};
    const found: Record<string, Answer> = {};
    let newest = await newestEntry();
    for (const actor of actors) {
      const answers = rowOf(row.rows, actor);
      const answer = answers?.[status] ?? answers?.otherwise ?? 'not_found';
      expected[actor] = answer;
      const isDone = answer === 'allowed' && audit !== null;
      const proposal = isDone ? await proposalIn(fixture, status, row.actionType) : standingIn(status, action);
      if (isDone) newest = await newestEntry();
      const done = await fixture.inApi((tx) => doings[action](tx, callers[actor], fixture.deps, proposal));
      found[actor] = answerOf(done);
      // Of a revert that is accepted it stands with the proposal that it is.
      const made = action === 'revert' && isDone ? { ...proposal, id: (done as { proposalId: string }).proposalId } : proposal;
      const record = await recordOf(made, actor, row, newest);
      newest = record.newest;
      const words = `${actor} ${action}`;
      if (answer === 'allowed') {
        if (audit === null) expect(record.entries, words).toEqual([]);
        else expect(record.entries, words).toContain(audit);
        expect(record.decisions, words).toEqual(recordedAs === null ? [] : [{ outcome: 'allowed', reason: null, details }]);
      } else {
        expect(record.entries, words).toEqual(recordedAs === null ? [] : [refusal(actor, recordedAs, answer)]);
        // Who withdrew it may have done so before.
        const refused = record.decisions.filter(({ outcome }) => outcome === 'refused');
        expect(refused, words).toEqual(recordedAs === null ? [] : [{ outcome: 'refused', reason: answer, details }]);
      }
    }
    expect(found).toEqual(expected);
    expect(await statusOf(standingIn(status, action))).toBe(status);
  });

  it.each(proposalStatuses)('a refusal while %s is on record once, however often it is asked, and in whichever words', async (status) => {
    const proposal = standingIn(status, 'approve');
    const ask = async (action: OnProposalName) =>
      answerOf(await fixture.inApi((tx) => doings[action](tx, callers.visitor, fixture.deps, proposal)));
    const answer = await ask('approve');
    const newest = await newestEntry();
    expect([await ask('approve'), await ask('reject'), await ask('requestChanges')]).toEqual([answer, answer, answer]);
    const { entries, decisions } = await recordOf(proposal, 'visitor', rowsOf.approve, newest);
    expect(entries).toEqual([]);
    expect(decisions).toEqual([{ outcome: 'refused', reason: answer, details: { decision: 'approve' } }]);
  });

  it.each(cells)(
    '%s while %s: whoever it is, in another tenant there is no such proposal, and nothing is recorded',
    async (action, status) => {
      const before = await newestEntry(elsewhere);
      const proposal = standingIn(status, action);
      const asked = actors.map(async (actor) => {
        return [actor, answerOf(await inTenant(elsewhere, (tx) => doings[action](tx, callers[actor], fixture.deps, proposal)))] as const;
      });
      expect(Object.fromEntries(await Promise.all(asked))).toEqual(Object.fromEntries(actors.map((actor) => [actor, 'not_found'])));
      expect((await auditedSince(before, elsewhere)).entries).toEqual([]);
      expect(await statusOf(proposal)).toBe(status);
    },
  );

  it.each(executions.map((one) => [one.status, one.given?.join(' and ') ?? 'nothing else', one] as const))(
    'execution while %s, given %s, does and records what the table says, and in another tenant nothing',
    async (_status, _given, { becomes, decided, entries, ...from }) => {
      const { proposal, deps } = await toBeExecuted(fixture, from);
      const decisions = () => fixture.inApi((tx) => decisionsOf(tx, proposal, 'proposer', 'execute'));
      expect(await executeProposal(fixture.worker, elsewhere, proposal.id, deps)).toBeNull();
      const [newest, before] = [await newestEntry(), await decisions()];
      expect((await executeProposal(fixture.worker, fixture.tenant, proposal.id, deps))?.status).toBe(becomes);
      expect(await statusOf(proposal)).toBe(becomes);
      expect((await auditedSince(newest)).entries).toEqual(entries);
      const since = (await decisions()).slice(before.length).map(({ outcome, reason }) => ({ outcome, reason }));
      expect(since).toEqual(decided === null ? [] : [decided]);
    },
  );
});

describe('on a tenant', () => {
  it.each(tenantActions)('%s: each actor is answered as written, and what was changed or refused is in the audit log', async (action) => {
    const { rows, audit, refusedAs } = onTenants[action];
    const expected = Object.fromEntries(actors.map((actor) => [actor, rowOf<Answer>(rows, actor)]));
    const found: Record<string, Answer> = {};
    for (const actor of actors) {
      const subject = `${action}${actor}`.toLowerCase();
      await prepare(action, subject);
      const before = await newestEntry();
      const outcome = await fixture.inApi((tx) => tenantDoings[action](tx, callers[actor], fixture.deps, subject));
      found[actor] = answerOf(outcome);
      if (isRefusal(outcome)) await toldByRoute(fixture, action, actor, outcome);
      const { entries } = await auditedSince(before);
      if (expected[actor] === 'allowed' && audit !== null) expect(entries, actor).toContain(audit);
      // Whoever is disabled is told of as who could not log in: tests/evidence/login-failures.test.ts.
      else if (expected[actor] === 'allowed' || refusedAs === null || actor === 'disabledKeeper') expect(entries, actor).toEqual([]);
      else expect(entries, actor).toEqual([refusal(actor, refusedAs, expected[actor] ?? 'not_found')]);
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
  await writeUntold(
    fixture.database,
    `INSERT INTO exequatur.delegation (tenant_id, id, delegator, delegate, starts_at, ends_at, reason, granted_by, granted_at)
     SELECT $1, $2, 'keeper-8', 'stand-in-1', c.now, c.now + interval '1 day', 'away', 'keeper-8', c.now FROM (SELECT exequatur.clock() AS now) c`,
    [fixture.tenant, id],
  );
}
