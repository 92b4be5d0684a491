import type { Actor, Caller, PrincipalKind } from '../ontology/authority.ts';
import { isoTime } from './proposal-row.ts';
import type { Sql } from './sql.ts';

/**
 * Standing: what the tenant's directory says of a principal now. Administrators' entries and removals override; a verified token feeds the roles it claims for a
 * set time, and never again a role that was removed after the token was issued.
 */
interface StandingRow {
  kind: PrincipalKind;
  /** The administrator's word on what kind it is stands against the token's. */
  kindIsSet: boolean;
  name: string | null;
  actsFor: string | null;
  /** The administrator's word on whom it acts for stands against the token's. */
  actsForIsSet: boolean;
  /** Whom a token named last. It does not act for them where an administrator says otherwise, but they stand behind what it does: `stands_behind` asks for both. */
  tokenActsFor: string | null;
  person: string;
  teams: string[];
  /** Under any identity of the person. */
  disabled: boolean;
  /** In force now. */
  roles: string[];
  /** Fed by a token and fresh enough not to be fed again. */
  fresh: string[];
  /** Removed at these times, ISO text. */
  removed: Record<string, string>;
  /** When an administrator last said which roles there are, ISO text. */
  rolesSetAt: string | null;
}

const tokenRoleLifetime = '30 days';
/** A role is written again at most this often, so that requests read standing and rarely write it. */
const feedInterval = '1 day';

/** SQL for a principal's roles in force; `p` is a row with tenant_id and id. */
export const rolesInForce = (p: string): string => `ARRAY(
  SELECT DISTINCT s.role FROM exequatur.standing_role s
   WHERE s.tenant_id = ${p}.tenant_id AND s.principal_id = ${p}.id AND s.removed_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > exequatur.clock())
   ORDER BY s.role)`;

/** SQL for those that were in force at an instant, given as an expression, or at any time since. */
export const rolesSince = (p: string, at: string): string => `ARRAY(
  SELECT s.role FROM exequatur.standing_role s
   WHERE s.tenant_id = ${p}.tenant_id AND s.principal_id = ${p}.id AND (s.removed_at IS NULL OR s.removed_at > ${at}) AND (s.expires_at IS NULL OR s.expires_at > ${at})
   ORDER BY s.role)`;

/** SQL: whether the person behind a principal row `p` is disabled, under whatever identity. Without a link nothing else is looked at. */
export const isDisabled = (p: string): string =>
  `(${p}.disabled OR EXISTS (SELECT FROM exequatur.principal z WHERE z.tenant_id = ${p}.tenant_id AND z.person = ${p}.person AND z.disabled))`;

/**
 * The caller with effective roles: those that token and standing both give. Since a token feeds standing, these are the claimed ones that no administrator has
 * removed since; a role that the token no longer carries is not in force, even while standing still remembers it. Feeds standing where the token says something
 * new, so the transaction may write; a repeat writes nothing.
 */
export async function resolveActor(tx: Sql, caller: Caller): Promise<Actor> {
  const standing = await readStanding(tx, caller.id);
  return actorOf(caller, standing, isNews(caller, standing) ? await feed(tx, caller, claimedRoles(caller, standing)) : true);
}

/** The same where nothing can be written. Null where the token says something new: then it is to be resolved by a transaction that can. */
export async function knownActor(sql: Sql, caller: Caller): Promise<Actor | null> {
  const standing = await readStanding(sql, caller.id);
  return isNews(caller, standing) ? null : actorOf(caller, standing, true);
}

/** The same as it would be once standing has learnt what the token says: to turn somebody away by, before anything is locked. */
export async function foreseenActor(sql: Sql, caller: Caller): Promise<Actor> {
  return actorOf(caller, await readStanding(sql, caller.id), true);
}

function actorOf(caller: Caller, standing: StandingRow | null, isKnown: boolean): Actor {
  const actsFor = actsForOf(caller, standing);
  return {
    id: caller.id,
    kind: kindOf(caller, standing),
    roles: [...new Set(claimedRoles(caller, standing))].sort(),
    actsFor,
    ...(caller.actsFor == null || caller.actsFor === actsFor ? {} : { tokenActsFor: caller.actsFor }),
    disabled: !isKnown || (standing?.disabled ?? false),
    person: standing?.person ?? caller.id,
    teams: standing?.teams ?? [],
  };
}

/** Whom a token named last stays, also where a later one names nobody: only administrators say that it acts for nobody. */
function actsForOf(caller: Caller, standing: StandingRow | null): string | null {
  return (standing?.actsForIsSet ? null : caller.actsFor) ?? standing?.actsFor ?? null;
}

/** From what reviews to what only proposes. */
const kindsFromPeople: readonly PrincipalKind[] = ['user', 'service', 'agent'];

/** Tokens say what kind it is, and only ever less than was known: what was an agent once is made a person by administrators alone. */
function kindOf(caller: Caller, standing: StandingRow | null): PrincipalKind {
  if (standing === null) return caller.kind;
  const isLess = kindsFromPeople.indexOf(caller.kind) > kindsFromPeople.indexOf(standing.kind);
  return isLess && !standing.kindIsSet ? caller.kind : standing.kind;
}

function claimedRoles(caller: Caller, standing: StandingRow | null): string[] {
  const { tokenIssuedAt } = caller;
  // What the token says was overruled as a whole where an administrator has spoken since; it then only confirms what is in force.
  const isOverruled = standing !== null && standing.rolesSetAt !== null && standing.rolesSetAt >= tokenIssuedAt;
  return caller.roles.filter((role) => !removedSince(standing, role, tokenIssuedAt) && (!isOverruled || standing.roles.includes(role)));
}

const selectStanding = `SELECT jsonb_build_object(
              'kind', p.kind, 'kindIsSet', COALESCE(p.sources -> 'kind' ->> 'source' = 'administrator', false), 'name', p.name, 'actsFor', p.acts_for, 'actsForIsSet', COALESCE(p.sources -> 'actsFor' ->> 'source' = 'administrator', false), 'tokenActsFor', p.token_acts_for,
              'rolesSetAt', p.sources -> 'roles' ->> 'at', 'person', COALESCE(p.person, p.id), 'teams', to_jsonb(p.teams), 'disabled', ${isDisabled('p')}, 'roles', to_jsonb(${rolesInForce('p')}),
              'fresh', to_jsonb(ARRAY(SELECT s.role FROM exequatur.standing_role s
                                       WHERE s.tenant_id = p.tenant_id AND s.principal_id = p.id AND s.removed_at IS NULL
                                         AND (s.source = 'administrator' OR s.fed_at > exequatur.clock() - interval '${feedInterval}'))),
              'removed', COALESCE((SELECT jsonb_object_agg(s.role, to_char(s.removed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
                                     FROM (SELECT role, max(removed_at) AS removed_at FROM exequatur.standing_role
                                            WHERE tenant_id = p.tenant_id AND principal_id = p.id AND removed_at IS NOT NULL GROUP BY role) s), '{}')) AS standing
       FROM exequatur.principal p WHERE p.id = $1`;

async function readStanding(tx: Sql, id: string): Promise<StandingRow | null> {
  const [row] = await tx.rows<{ standing: StandingRow }>(selectStanding, [id]);
  return row?.standing ?? null;
}

function removedSince(standing: StandingRow | null, role: string, issuedAt: string): boolean {
  const removedAt = standing?.removed[role];
  return removedAt !== undefined && removedAt >= issuedAt;
}

function isNews(caller: Caller, standing: StandingRow | null): boolean {
  return (
    standing === null ||
    standing.kind !== kindOf(caller, standing) ||
    standing.actsFor !== actsForOf(caller, standing) ||
    (caller.actsFor !== undefined && standing.tokenActsFor !== caller.actsFor) ||
    (caller.name !== undefined && standing.name !== caller.name) ||
    claimedRoles(caller, standing).some((role) => !standing.fresh.includes(role))
  );
}

/**
 * Two requests of one principal may feed at once: the rows are taken in order of the role, and the later one repeats the earlier. False when the tenant does not exist:
 * a token may be genuine and still name none of ours.
 */
async function feed(tx: Sql, caller: Caller, roles: readonly string[]): Promise<boolean> {
  const [row] = await tx.rows<{ known: number }>(
    `WITH known AS (
       INSERT INTO exequatur.principal AS p (tenant_id, id, kind, name, acts_for, token_acts_for, disabled, sources, first_seen_at, updated_at)
       SELECT t.tenant_id, $1, $2, $3, $4, $4, false, jsonb_build_object('actsFor', jsonb_build_object('source', 'token', 'at', ${isoTime('c.now')})), c.now, c.now FROM exequatur.tenant t, (SELECT exequatur.clock() AS now) c
       ON CONFLICT (tenant_id, id) DO UPDATE
          SET kind = CASE WHEN p.sources -> 'kind' ->> 'source' = 'administrator' OR array_position($7::text[], excluded.kind) < array_position($7::text[], p.kind)
                          THEN p.kind ELSE excluded.kind END, name = COALESCE(excluded.name, p.name), updated_at = excluded.updated_at,
              acts_for = CASE WHEN p.sources -> 'actsFor' ->> 'source' = 'administrator' THEN p.acts_for ELSE COALESCE(excluded.acts_for, p.acts_for) END,
              token_acts_for = COALESCE(excluded.token_acts_for, p.token_acts_for),
              sources = CASE WHEN p.acts_for IS DISTINCT FROM COALESCE(excluded.acts_for, p.acts_for) AND p.sources -> 'actsFor' ->> 'source' IS DISTINCT FROM 'administrator'
                             THEN p.sources || excluded.sources ELSE p.sources END
       RETURNING p.tenant_id, p.id
     ), fed AS (
       INSERT INTO exequatur.standing_role AS s (tenant_id, principal_id, role, source, fed_at, expires_at, token_issued_at)
       SELECT k.tenant_id, k.id, r.role, 'token', c.now, c.now + interval '${tokenRoleLifetime}', $6::timestamptz
         FROM known k, unnest($5::text[]) WITH ORDINALITY AS r(role, at), (SELECT exequatur.clock() AS now) c ORDER BY r.at
       ON CONFLICT (tenant_id, principal_id, role) DO UPDATE
          SET fed_at = excluded.fed_at, expires_at = excluded.expires_at, token_issued_at = excluded.token_issued_at, removed_at = NULL
        WHERE s.source = 'token' AND (s.removed_at IS NULL OR s.removed_at < excluded.token_issued_at)
     )
     SELECT count(*)::int AS known FROM known`,
    [
      caller.id,
      caller.kind,
      caller.name ?? null,
      caller.actsFor ?? null,
      [...new Set(roles)].sort(),
      caller.tokenIssuedAt,
      kindsFromPeople,
    ],
  );
  return row?.known === 1;
}

/** Standing alone, for execution and settling, where no token is at hand. Unknown principals are missing from the map. */
export async function readActors(tx: Sql, ids: readonly string[]): Promise<Map<string, Actor>> {
  const rows = await tx.rows<{ actor: Actor }>(
    `SELECT ${actorJson('p')} AS actor FROM exequatur.principal p WHERE p.id = ANY($1::text[])`,
    [ids],
  );
  return new Map(rows.map(({ actor }) => [actor.id, actor]));
}

/** The same of who proposed this; null where there is no such proposal. */
export async function readProposer(tx: Sql, proposalId: string): Promise<Actor | null> {
  const [row] = await tx.rows<{ actor: Actor }>(
    `SELECT ${actorJson('p')} AS actor
       FROM exequatur.proposal o JOIN exequatur.principal p ON p.tenant_id = o.tenant_id AND p.id = o.proposer_id WHERE o.id = $1::uuid`,
    [proposalId],
  );
  return row?.actor ?? null;
}

/** SQL for a principal row `p` as an actor, by standing alone. */
export const actorJson = (
  p: string,
): string => `jsonb_build_object('id', ${p}.id, 'kind', ${p}.kind, 'roles', to_jsonb(${rolesInForce(p)}), 'actsFor', ${p}.acts_for,
  'disabled', ${isDisabled(p)}, 'person', COALESCE(${p}.person, ${p}.id), 'teams', to_jsonb(${p}.teams))`;
