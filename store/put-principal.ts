import { randomUUID } from 'node:crypto';
import type { Actor, Caller, PrincipalKind } from '../ontology/authority.ts';
import type { JsonValue } from '../ontology/json.ts';
import type { Fault } from '../ontology/plan.ts';
import type { PrincipalChange } from '../ontology/standing-loosens.ts';
import { announceChange } from './announce-change.ts';
import { nudgeHeld } from './nudges.ts';
import { type PrincipalView, readPrincipal } from './read-principal.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';
import type { Tx } from './sql.ts';
import { foreseenActor, resolveActor } from './standing.ts';
import { stopExecutions } from './stop-executions.ts';
import type { StoreDeps } from './store-deps.ts';

export interface PrincipalRequest {
  id: string;
  change: PrincipalChange;
  by: Caller;
}

/**
 * Changes what the directory says of a principal, and makes it known to the directory where it is not. Takes effect with the commit: the next request, review, and
 * execution read it, and those that have begun are waited for, so that from the answer on none commits by what was said before. Rows are locked in the order of their ids, so that two administrators who link the same identities wait for one another.
 * What lets more happen is not for one person, and policies have a word in it: whoever serves calls asks `changePrincipal`.
 */
export async function putPrincipal(tx: Tx, request: PrincipalRequest, deps: Pick<StoreDeps, 'decide'>): Promise<PrincipalView | Refusal> {
  const outcome = await put(tx, request, deps);
  if (isRefusal(outcome)) tx.undo();
  return outcome;
}

async function put(tx: Tx, request: PrincipalRequest, deps: Pick<StoreDeps, 'decide'>): Promise<PrincipalView | Refusal> {
  const examined = await examineChange(tx, request, deps);
  if (isRefusal(examined)) return examined;
  const { id, change } = request;
  await writePrincipal(tx, id, change, examined.kind);
  if (change.roles !== undefined) await writeRoles(tx, id, change.roles);
  if (change.linkedIdentities !== undefined) await link(tx, [id, ...change.linkedIdentities]);
  if (change.disabled === false || change.linkedIdentities !== undefined) await nudgeHeld(tx);
  announcePrincipal(tx, id, examined.actor.id, change);
  return readPrincipal(tx, id);
}

/**
 * Who asks, and what kind of principal it is about, where the directory knows it, with executions kept out and all that are concerned locked, in this order, as an execution
 * locks them that changes somebody's standing. Refuses whoever may not, before anybody has to wait for them, and names that are not known.
 */
export async function examineChange(
  tx: Tx,
  { id, change, by }: PrincipalRequest,
  deps: Pick<StoreDeps, 'decide'>,
): Promise<{ actor: Actor; kind: PrincipalKind | null } | Refusal> {
  if (Object.keys(change).some((field) => field !== 'name')) {
    const authority = deps.decide({ action: 'principal:put', actor: await foreseenActor(tx, by), subject: { id, person: id } });
    if (!authority.allowed) return refuse(authority.reason);
    await stopExecutions(tx);
  }
  const known = await lockInvolved(tx, { id, change, by });
  // Behind the lock on the administrator's own row: of two who take each other's standing away the second no longer has any.
  const actor = await resolveActor(tx, by);
  for (const subject of subjectsOf(id, change, known)) {
    const authority = deps.decide({ action: 'principal:put', actor, subject });
    if (!authority.allowed) return refuse(authority.reason);
  }
  const faults = faultsOf(id, change, (other) => known.has(other));
  const isMalformed = faults.some(({ code }) => code === 'malformed_request');
  if (faults.length > 0) return refuse(isMalformed ? 'malformed_request' : 'unknown_principal', faults);
  return { actor, kind: known.get(id)?.kind ?? null };
}

interface Known {
  person: string;
  kind: PrincipalKind;
  actsFor: string | null;
  actsForPerson: string | null;
}

async function lockInvolved(tx: Tx, { id, change, by }: PrincipalRequest): Promise<Map<string, Known>> {
  const involved = [...new Set([id, by.id, ...(change.linkedIdentities ?? []), ...(change.actsFor ? [change.actsFor] : [])])];
  await tx.rows('SELECT 1 FROM exequatur.principal p WHERE p.id = ANY($1::text[]) ORDER BY p.id FOR UPDATE', [involved]);
  const rows = await tx.rows<Known & { id: string }>(
    `SELECT p.id, COALESCE(p.person, p.id) AS person, p.kind, p.acts_for AS "actsFor", COALESCE(b.person, p.acts_for) AS "actsForPerson"
       FROM exequatur.principal p LEFT JOIN exequatur.principal b ON b.tenant_id = p.tenant_id AND b.id = p.acts_for WHERE p.id = ANY($1::text[])`,
    [involved],
  );
  return new Map(rows.map((row) => [row.id, row]));
}

/** Whose standing changes: a link also changes who the linked ones are, and whom an agent acts for, for whom it no longer does. */
function subjectsOf(id: string, change: PrincipalChange, known: ReadonlyMap<string, Known>): { id: string; person: string }[] {
  const subjects = [id, ...(change.linkedIdentities ?? [])].map((one) => ({ id: one, person: known.get(one)?.person ?? one }));
  const left = change.actsFor === undefined ? undefined : known.get(id);
  return left?.actsFor ? [...subjects, { id: left.actsFor, person: left.actsForPerson ?? left.actsFor }] : subjects;
}

function faultsOf(id: string, change: PrincipalChange, isKnown: (id: string) => boolean): Fault[] {
  const faults: Fault[] = [];
  const check = (pointer: string, other: string) => {
    if (other === id) faults.push({ code: 'malformed_request', pointer, message: 'is the principal itself' });
    else if (!isKnown(other)) faults.push({ code: 'unknown_principal', pointer, message: `the directory does not know ${other}` });
  };
  for (const [at, other] of (change.linkedIdentities ?? []).entries()) check(`/linkedIdentities/${at}`, other);
  if (change.actsFor) check('/actsFor', change.actsFor);
  return faults;
}

async function writePrincipal(tx: Tx, id: string, change: PrincipalChange, known: PrincipalKind | null): Promise<void> {
  const told = (['roles', 'teams', 'disabled', 'actsFor', 'linkedIdentities'] as const).filter((name) => change[name] !== undefined);
  const said = saysKind(change, known) ? ['kind', ...told] : told;
  await tx.rows(
    `INSERT INTO exequatur.principal AS p (tenant_id, id, kind, name, acts_for, disabled, teams, sources, first_seen_at, updated_at)
     SELECT t.tenant_id, $1, $2, $3, $4, COALESCE($5::boolean, false), COALESCE($6::text[], '{}'), said.by, c.now, c.now
       FROM exequatur.tenant t, (SELECT exequatur.clock() AS now) c,
            LATERAL (SELECT COALESCE(jsonb_object_agg(n, jsonb_build_object('source', 'administrator', 'at', to_char(c.now AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))), '{}') AS by
                       FROM unnest($7::text[]) n) said
     ON CONFLICT (tenant_id, id) DO UPDATE
        SET kind = excluded.kind, name = CASE WHEN $8::boolean THEN excluded.name ELSE p.name END,
            acts_for = CASE WHEN 'actsFor' = ANY ($7::text[]) THEN excluded.acts_for ELSE p.acts_for END,
            disabled = COALESCE($5::boolean, p.disabled), teams = COALESCE($6::text[], p.teams), sources = p.sources || excluded.sources, updated_at = excluded.updated_at`,
    [
      id,
      change.kind ?? known ?? 'user',
      change.name ?? null,
      change.actsFor ?? null,
      change.disabled ?? null,
      change.teams === undefined ? null : [...new Set(change.teams)].sort(),
      said,
      change.name !== undefined,
    ],
  );
}

/**
 * Whether this is a word on the kind that stands against tokens: that it is an agent, or something else than was known, which took two. That of somebody unknown, or what tokens had
 * said, is no reason to believe a token less that says agent.
 */
function saysKind({ kind }: PrincipalChange, known: PrincipalKind | null): boolean {
  return kind === 'agent' || (kind !== undefined && known !== null && kind !== known);
}

/** A removed role keeps its row, which bars tokens issued before; one issued later may claim it again. */
async function writeRoles(tx: Tx, id: string, roles: readonly string[]): Promise<void> {
  await tx.rows(
    `UPDATE exequatur.standing_role s SET removed_at = exequatur.clock(), source = 'token'
      WHERE s.principal_id = $1 AND s.removed_at IS NULL AND s.role <> ALL ($2::text[])`,
    [id, roles],
  );
  await tx.rows(
    `INSERT INTO exequatur.standing_role AS s (tenant_id, principal_id, role, source, fed_at)
     SELECT t.tenant_id, $1, r.role, 'administrator', exequatur.clock() FROM exequatur.tenant t, unnest($2::text[]) AS r(role) ORDER BY r.role
     ON CONFLICT (tenant_id, principal_id, role) DO UPDATE
        SET source = 'administrator', fed_at = excluded.fed_at, expires_at = NULL, removed_at = NULL, token_issued_at = NULL
      WHERE s.source <> 'administrator' OR s.removed_at IS NOT NULL`,
    [id, [...new Set(roles)].sort()],
  );
}

/** They become a person with a name of its own; whoever was linked to one of them and is not named stays behind under the old one. */
async function link(tx: Tx, ids: readonly string[]): Promise<void> {
  await tx.rows('UPDATE exequatur.principal p SET person = $2, updated_at = exequatur.clock() WHERE p.id = ANY ($1::text[])', [
    ids,
    ids.length > 1 ? randomUUID() : null,
  ]);
}

/** That an administrator, or two, said something else of somebody. */
export function announcePrincipal(tx: Tx, id: string, actor: string, change: PrincipalChange): void {
  const changed = Object.keys(change).sort();
  announceChange(tx, {
    type: 'principal.changed',
    subject: `principal/${id}`,
    facts: { changed },
    personal: { actor, principal: id, change: change as JsonValue },
    data: { principalId: id, changed },
  });
}
