import { documentAsksLessWithout } from '../ontology/document-conditions.ts';
import { equalJson } from '../ontology/equal-json.ts';
import type { JsonObject, JsonValue } from '../ontology/json.ts';
import type { Lost } from '../ontology/policy-engine.ts';
import type { Loosening } from '../ontology/setting-actions.ts';
import { type KnownStanding, type PrincipalChange, standingLoosens } from '../ontology/standing-loosens.ts';
import { forbiddenByPolicy } from './ask-policies.ts';
import type { Proposed } from './create-proposal.ts';
import { currentVersion } from './load-ontology.ts';
import { superseded } from './plan-ontology-change.ts';
import { policyVersionInForce } from './policy-sets.ts';
import { proposeSetting } from './propose-setting.ts';
import { examineChange, type PrincipalRequest, putPrincipal } from './put-principal.ts';
import { type PrincipalView, readPrincipal } from './read-principal.ts';
import { isRefusal, type Refusal } from './refusal.ts';
import type { PlannedSetting } from './setting-plan.ts';
import type { PrismaTx, Sql, Tx } from './sql.ts';
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
 * Says something else of a principal. What tightens is in force with the commit, whatever policies say, since to stop somebody is not theirs to forbid; what lets somebody do more than before is a proposal, which another administrator, who is
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
  const loosens = await loosensOf(tx, id, wish, deps);
  const refusal =
    loosens.length === 0
      ? null
      : await forbiddenByPolicy(tx, deps, { actor: examined.actor, action: 'administer', resource: 'principals' });
  if (refusal !== null) return refusal;
  if (loosens.length === 0 || (await currentVersion(tx)) === null) {
    const view = await putPrincipal(tx, request, deps);
    return isRefusal(view) ? view : { view, proposed: null, loosens };
  }
  const parameters: NewStanding = { ...wish, id, base: await standingInForce(tx, id, wish) };
  const planned = await planStanding(tx, parameters, deps);
  if (planned.kind === 'invalid') throw new Error('what is in force was read a moment ago, and its rows are locked');
  const wanted = { actor: examined.actor, parameters: parameters as unknown as JsonObject, justification: 'a change of standing' };
  const proposed = await proposeSetting(tx, { ...wanted, change: planned.change }, deps);
  if (isRefusal(proposed)) return proposed;
  const view = await readPrincipal(tx, id);
  return { view: isRefusal(view) ? null : view, proposed, loosens };
}

/** Works the change out against what the directory says now. */
export async function planStanding(
  tx: Tx,
  { id, base, ...wish }: NewStanding,
  deps: Pick<StoreDeps, 'ontologies' | 'policies'>,
): Promise<PlannedSetting> {
  const before = await standingInForce(tx, id, wish);
  if (base !== undefined && !equalJson(base as JsonValue, before)) return { kind: 'invalid', faults: [superseded('principals')] };
  return {
    kind: 'planned',
    change: {
      setting: 'principals',
      id,
      before: { standing: before },
      set: { change: wish as unknown as JsonObject },
      loosens: await loosensOf(tx, id, wish, deps),
      revertible: false, // To say what was said before is one more change, which may loosen.
      counters: {},
    },
  };
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

async function loosensOf(
  tx: Tx,
  id: string,
  wish: PrincipalChange,
  deps: Pick<StoreDeps, 'ontologies' | 'policies'>,
): Promise<Loosening[]> {
  const [gains, rows, linked] = await Promise.all([
    readGains(tx, deps),
    tx.rows<{ standing: KnownStanding }>(
      `SELECT exequatur.standing_in_force(p.id, $2::text[]) || jsonb_build_object('actsForIsSet', COALESCE(p.sources -> 'actsFor' ->> 'source' = 'administrator', false)) AS standing
         FROM exequatur.principal p WHERE p.id = $1`,
      [id, allThatLoosens],
    ),
    tx.rows<{ id: string; others: string[] }>(
      `SELECT p.id, ARRAY(SELECT o.id FROM exequatur.principal o WHERE o.tenant_id = p.tenant_id AND o.person = p.person AND o.id <> p.id ORDER BY o.id) AS others
         FROM exequatur.principal p WHERE p.id = ANY($1::text[])`,
      [wish.linkedIdentities ?? []],
    ),
  ]);
  return standingLoosens(rows[0]?.standing ?? null, wish, id, new Map(linked.map((one) => [one.id, one.others])), gains);
}

/** What the document and the policies in force say of those without a role or a team. The built-in ones allow nobody more for having less. */
async function readGains(tx: Tx, deps: Pick<StoreDeps, 'ontologies' | 'policies'>): Promise<(lost: Lost) => boolean> {
  const [loaded, version] = await Promise.all([deps.ontologies.load(tx), policyVersionInForce(tx)]);
  const policies = version === 0 ? null : await deps.policies.load(tx, tx.tenant, version);
  return (lost) =>
    (lost.kind === 'role' && loaded !== null && documentAsksLessWithout(loaded.ontology.document, lost.name)) ||
    (policies !== null && deps.policies.of.gainsByLosing(policies.set.policies, lost));
}
