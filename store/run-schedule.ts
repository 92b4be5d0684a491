import { randomBytes, randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { Actor } from '../ontology/authority.ts';
import { sha256Hex } from '../ontology/canonical-json.ts';
import { isChangeSet } from '../ontology/change-set.ts';
import { durationMs } from '../ontology/duration.ts';
import type { JsonValue } from '../ontology/json.ts';
import { checkReferences } from '../ontology/parameters.ts';
import { parseFor } from '../ontology/parse-change-set.ts';
import type { Fault } from '../ontology/plan.ts';
import { answered } from '../ontology/policy-engine.ts';
import { isProblemCode, problems } from '../ontology/problems.ts';
import { announceChange } from './announce-change.ts';
import { askPolicies, type Determination, refuseByPolicy } from './ask-policies.ts';
import { type FoundAction, findAction } from './create-proposal.ts';
import { doorRefusalOf } from './door-refusals.ts';
import { announceCreated } from './insert-proposal.ts';
import { isOpen } from './proposal-row.ts';
import { recordDecision } from './record-decision.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';
import { type Tx, withTenant } from './sql.ts';
import { SqlSnapshot } from './sql-snapshot.ts';
import { readActors } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';
import { stopFault, stopOf } from './switches.ts';

export interface ScheduledRun {
  scheduleId: string;
  /** When it was to run, ISO text. */
  nominalAt: string;
}

export type RunOutcome =
  | { kind: 'proposed'; proposalId: string; actionType: string }
  | { kind: 'refused'; code: string }
  | { kind: 'over' };

interface Scheduled {
  actionType: string;
  parameters: string;
  justification: string;
  ownerId: string;
  skipWhileOpen: boolean;
  /** Whether the proposal of any run is open. */
  isOpen: boolean;
}

/**
 * One run of a schedule: a proposal by its owner, whose standing, the policies, the switches and the definitions are those of this instant; or on record why there is none.
 * A repeat, and a second copy at once, come to the same.
 */
export async function runSchedule(pool: pg.Pool, tenant: string, run: ScheduledRun, deps: StoreDeps): Promise<RunOutcome> {
  const attempt = () => withTenant(pool, tenant, (tx) => runOnce(tx, run, deps));
  try {
    // What overtook it is committed, so the second look finds it.
    const outcome = (await attempt()) ?? (await attempt());
    if (outcome === null) throw new Error('a run of a schedule was overtaken twice');
    return outcome;
  } catch (error) {
    // The definition has come to fill in, deeper than at the top, what the schedule does not say: the door takes no such proposal for the schedule's.
    if (doorRefusalOf(error) !== 'wrong_state') throw error;
    const message = 'are not what the schedule says any more, once what the definition fills in is added';
    return refuseForGood(
      pool,
      tenant,
      run,
      refuse('invalid_parameters', [{ code: 'invalid_parameters', pointer: '/parameters', message }]),
    );
  }
}

/** Puts on record, and tells, that a run came to nothing because no attempt at it succeeded. */
export function abandonRun(pool: pg.Pool, tenant: string, run: ScheduledRun): Promise<RunOutcome> {
  return refuseForGood(pool, tenant, run, refuse('internal'));
}

/** Puts on record, and tells, that a run could not begin for so long that it is not made up for. One that did begin after all stays what it came to. */
export function missRun(pool: pg.Pool, tenant: string, run: ScheduledRun): Promise<RunOutcome> {
  return refuseForGood(pool, tenant, run, refuse('schedule_missed'));
}

function refuseForGood(pool: pg.Pool, tenant: string, run: ScheduledRun, refusal: Refusal): Promise<RunOutcome> {
  return withTenant(pool, tenant, async (tx) => {
    const known = await findOutcome(tx, run);
    if (known !== null) return known;
    const schedule = await findSchedule(tx, run);
    if (schedule === null) return { kind: 'over' };
    const outcome = await refuseRun(tx, run, schedule, refusal);
    if (outcome === null) throw new Error('a run of a schedule was overtaken');
    return outcome;
  });
}

/** Null where another run, or a copy of this one, came in between. */
async function runOnce(tx: Tx, run: ScheduledRun, deps: StoreDeps): Promise<RunOutcome | null> {
  const known = await findOutcome(tx, run);
  if (known !== null) return known;
  const schedule = await findSchedule(tx, run);
  if (schedule === null) return { kind: 'over' };
  const wish = await examine(tx, schedule, deps);
  return isRefusal(wish) ? refuseRun(tx, run, schedule, wish) : propose(tx, run, schedule, wish);
}

/** What a run that is on record came to. */
async function findOutcome(tx: Tx, run: ScheduledRun): Promise<RunOutcome | null> {
  const [known] = await tx.rows<{ proposalId: string | null; refused: string | null; actionType: string }>(
    `SELECT r.proposal_id::text AS "proposalId", r.refused, s.action_type AS "actionType" FROM exequatur.schedule_run r
       JOIN exequatur.schedule s ON s.tenant_id = r.tenant_id AND s.id = r.schedule_id WHERE r.schedule_id = $1::uuid AND r.nominal_at = $2::timestamptz`,
    [run.scheduleId, run.nominalAt],
  );
  if (known === undefined) return null;
  return known.proposalId === null
    ? { kind: 'refused', code: known.refused ?? '' }
    : { kind: 'proposed', proposalId: known.proposalId, actionType: known.actionType };
}

/** Null where it runs no more. */
async function findSchedule(tx: Tx, run: ScheduledRun): Promise<Scheduled | null> {
  const [schedule] = await tx.rows<Scheduled>(
    `SELECT s.action_type AS "actionType", s.parameters, s.justification, s.owner_id AS "ownerId", s.skip_while_open AS "skipWhileOpen",
            EXISTS (SELECT FROM exequatur.schedule_run r JOIN exequatur.proposal p ON p.tenant_id = r.tenant_id AND p.id = r.proposal_id
                     WHERE r.tenant_id = s.tenant_id AND r.schedule_id = s.id AND ${isOpen('p')}) AS "isOpen"
       FROM exequatur.schedule s WHERE s.id = $1::uuid AND s.state = 'active'`,
    [run.scheduleId],
  );
  return schedule ?? null;
}

interface Wish {
  owner: Actor;
  action: FoundAction;
  parameters: string;
  by: Determination;
}

/** The questions that a proposal is asked when it is made, for an owner who is not there. */
async function examine(tx: Tx, schedule: Scheduled, deps: StoreDeps): Promise<Wish | Refusal> {
  if (schedule.skipWhileOpen && schedule.isOpen) return refuse('schedule_skipped');
  const [action, owners] = await Promise.all([findAction(tx, schedule.actionType, deps), readActors(tx, [schedule.ownerId])]);
  const owner = owners.get(schedule.ownerId);
  if (action === null) return refuse('unknown_action_type');
  if (owner === undefined) return refuse('forbidden');
  const { name, definition } = action.type;
  const authority = deps.decide({ action: 'proposal:create', actor: owner, proposers: definition.proposers ?? null });
  if (!authority.allowed) return refuse(authority.reason);
  const stop = await stopOf(tx, name, owner);
  if (stop !== null) return refuse('switched_off', [stopFault(stop)]);
  const context = { now: action.now, revert: false };
  // With no answer the run is tried again, and is not refused for good.
  const by = answered(await askPolicies(tx, deps, { actor: owner, action: 'propose', resource: name, context }));
  if (!by.allowed) return refuseByPolicy(by);
  const parsed = parseFor(action.ontology, name, JSON.parse(schedule.parameters) as JsonValue);
  if (!parsed.ok) return refuse('invalid_parameters', parsed.faults);
  const unknown = isChangeSet(name) ? [] : await checkReferences(action.ontology, name, parsed.parameters, new SqlSnapshot(tx));
  if (unknown.length > 0) return refuse('unknown_reference', unknown);
  return { owner, action, parameters: parsed.text, by };
}

async function propose(
  tx: Tx,
  run: ScheduledRun,
  schedule: Scheduled,
  { owner, action, parameters, by }: Wish,
): Promise<RunOutcome | null> {
  const proposalId = randomUUID();
  const seed = randomBytes(16).toString('hex');
  const { name, policy } = action.type;
  const done = await call(tx, run, [proposalId, parameters, [...owner.roles], seed, durationMs(policy.expiresAfter), null]);
  if (!done) return null;
  announceCreated(tx, {
    ...{ id: proposalId, actionType: name, actionTypeVersion: action.version, ontologyVersion: action.ontologyVersion },
    ...{ parametersHash: sha256Hex(parameters), justification: schedule.justification, proposer: owner, revertOf: null },
  });
  recordDecision(tx, {
    proposalId,
    actor: owner.id,
    action: 'propose',
    outcome: 'allowed',
    revision: 1,
    digest: null,
    by,
    details: { scheduleId: run.scheduleId },
  });
  return { kind: 'proposed', proposalId, actionType: name };
}

async function refuseRun(
  tx: Tx,
  run: ScheduledRun,
  { ownerId, actionType }: Scheduled,
  { refused, faults = [] }: Refusal,
): Promise<RunOutcome | null> {
  const problem = { code: refused, faults: faults.slice(0, mostFaults).map(withoutObjects) };
  const done = await call(tx, run, [null, null, null, null, null, JSON.stringify(problem)]);
  if (!done) return null;
  const facts = { scheduleId: run.scheduleId, actionType, nominalAt: run.nominalAt, reason: refused };
  announceChange(tx, { type: 'schedule.run_refused', subject: `schedule/${run.scheduleId}`, facts, personal: { owner: ownerId } });
  return { kind: 'refused', code: refused };
}

const mostFaults = 10;

/** Where it is and what it is called: the words of a fault may tell a value that not everybody sees. */
function withoutObjects({ code, pointer }: Fault): Fault {
  return { code, message: isProblemCode(code) ? problems[code].title : code, ...(pointer === undefined ? {} : { pointer }) };
}

async function call(tx: Tx, { scheduleId, nominalAt }: ScheduledRun, values: readonly unknown[]): Promise<boolean> {
  const [row] = await tx.rows<{ done: boolean }>(
    `SELECT exequatur.run_schedule($1::uuid, $2::timestamptz, $3::uuid, $4, $5::text[], $6, make_interval(secs => $7::float8 / 1000), $8::jsonb) AS done`,
    [scheduleId, nominalAt, ...values],
  );
  return row?.done === true;
}
