import type { Actor } from '../ontology/authority.ts';
import { equalJson } from '../ontology/equal-json.ts';
import type { JsonObject, JsonValue } from '../ontology/json.ts';
import type { Loosening } from '../ontology/setting-actions.ts';
import { type KnownStanding, type PrincipalChange, standingLoosens } from '../ontology/standing-loosens.ts';
import type { Proposed } from './create-proposal.ts';
import { currentVersion } from './load-ontology.ts';
import { superseded } from './plan-ontology-change.ts';
import { proposeSetting } from './propose-setting.ts';
import { examineChange, type PrincipalRequest, putPrincipal } from './put-principal.ts';
import { type PrincipalView, readPrincipal } from './read-principal.ts';
import { isRefusal, type Refusal } from './refusal.ts';
import type { PlannedSetting } from './setting-plan.ts';
import type { PrismaTx, Sql } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

/** What the proposal says: the change, and what its author had before them of what it names. */
export type NewStanding = PrincipalChange & { id: string; base?: JsonObject };

export interface PrincipalOutcome {
  /** As the directory has it now; null where it does not know the principal. */
  view: PrincipalView | null;
  proposed: Proposed | null;
  loosens: Loosening[];
}

/**
 * Says something else of a principal. What tightens is in force with the commit; what lets somebody do more than before is a proposal, which another administrator, who is
 * none of those it is about, approves. Before the tenant has a document everything is in force at once, since nothing can be proposed.
 */
export async function changePrincipal(tx: PrismaTx, request: PrincipalRequest, deps: StoreDeps): Promise<PrincipalOutcome | Refusal> {
  const outcome = await change(tx, request, deps);
  if (isRefusal(outcome)) tx.undo();
  return outcome;
}

async function change(tx: PrismaTx, request: PrincipalRequest, deps: StoreDeps): Promise<PrincipalOutcome | Refusal> {
  const examined = await examineChange(tx, request, deps);
  if (isRefusal(examined)) return examined;
  const { id, change: wish } = request;
  const loosens = await loosensOf(tx, id, wish);
  if (loosens.length === 0 || (await currentVersion(tx)) === null) {
    const view = await putPrincipal(tx, request, deps);
    return isRefusal(view) ? view : { view, proposed: null, loosens };
  }
  const parameters: NewStanding = { ...wish, id, base: await standingInForce(tx, id, wish) };
  const planned = await planStanding(tx, parameters);
  if (planned.kind === 'invalid') throw new Error('what is in force was read a moment ago, and its rows are locked');
  const wanted = { actor: examined.actor, parameters: parameters as unknown as JsonObject, justification: `standing of ${id}` };
  const proposed = await proposeSetting(tx, { ...wanted, change: planned.change }, deps);
  if (isRefusal(proposed)) return proposed;
  const view = await readPrincipal(tx, id);
  return { view: isRefusal(view) ? null : view, proposed, loosens };
}

/** Works the change out against what the directory says now. None of those whom it is about, under whatever identity, approves it. */
export async function planStanding(tx: Sql, { id, base, ...wish }: NewStanding): Promise<PlannedSetting> {
  const before = await standingInForce(tx, id, wish);
  if (base !== undefined && !equalJson(base as JsonValue, before)) return { kind: 'invalid', faults: [superseded('principals')] };
  return {
    kind: 'planned',
    change: {
      setting: 'principals',
      id,
      before: { standing: before },
      set: { change: wish as unknown as JsonObject },
      loosens: await loosensOf(tx, id, wish),
      about: await identitiesOf(tx, id, wish),
      revertible: false, // To say what was said before is one more change, which may loosen.
      counters: {},
    },
  };
}

/** Whether this person is one of those whom a change is about. */
export async function isAbout(tx: Sql, { id, change: wish }: { id: string; change: PrincipalChange }, actor: Actor): Promise<boolean> {
  return (await identitiesOf(tx, id, wish)).includes(actor.id);
}

/** Of what a change names, as the door compares it. */
async function standingInForce(tx: Sql, id: string, wish: PrincipalChange): Promise<JsonObject> {
  const [row] = await tx.rows<{ standing: JsonObject }>('SELECT exequatur.standing_in_force($1, $2::text[]) AS standing', [
    id,
    Object.keys(wish),
  ]);
  return row?.standing ?? {};
}

const allThatLoosens = ['kind', 'roles', 'teams', 'disabled', 'actsFor', 'linkedIdentities'];

async function loosensOf(tx: Sql, id: string, wish: PrincipalChange): Promise<Loosening[]> {
  const [rows, linked] = await Promise.all([
    tx.rows<{ standing: KnownStanding }>(
      `SELECT exequatur.standing_in_force(p.id, $2::text[]) || jsonb_build_object('actsForByToken', COALESCE(p.sources -> 'actsFor' ->> 'source' = 'token', false)) AS standing
         FROM exequatur.principal p WHERE p.id = $1`,
      [id, allThatLoosens],
    ),
    tx.rows<{ id: string; others: string[] }>(
      `SELECT p.id, ARRAY(SELECT o.id FROM exequatur.principal o WHERE o.tenant_id = p.tenant_id AND o.person = p.person AND o.id <> p.id ORDER BY o.id) AS others
         FROM exequatur.principal p WHERE p.id = ANY($1::text[])`,
      [wish.linkedIdentities ?? []],
    ),
  ]);
  return standingLoosens(rows[0]?.standing ?? null, wish, id, new Map(linked.map((one) => [one.id, one.others])));
}

/** Every identity of whom the change is about: the principal, those it is linked to, and whom it would no longer act for. */
async function identitiesOf(tx: Sql, id: string, { linkedIdentities = [], actsFor }: PrincipalChange): Promise<string[]> {
  const rows = await tx.rows<{ id: string }>(
    `WITH about AS (SELECT b AS id FROM unnest($1::text[]) b UNION SELECT p.acts_for FROM exequatur.principal p WHERE p.id = $2 AND $3::boolean AND p.acts_for IS NOT NULL)
     SELECT a.id FROM about a UNION
     SELECT o.id FROM about a JOIN exequatur.principal p ON p.id = a.id JOIN exequatur.principal o ON o.tenant_id = p.tenant_id AND o.person = p.person ORDER BY id`,
    [[id, ...linkedIdentities], id, actsFor !== undefined],
  );
  return rows.map((row) => row.id);
}
