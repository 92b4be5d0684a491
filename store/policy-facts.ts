import { membersOf } from '../ontology/change-set.ts';
import type { CompiledActionType, CompiledOntology } from '../ontology/compiled-ontology.ts';
import type { PlanSummary } from '../ontology/plan.ts';
import type { PlanForPolicy, PolicyAction, PolicyContext, PolicyVocabulary } from '../ontology/policy-engine.ts';
import { settingOf } from '../ontology/setting-actions.ts';
import { attributeKinds, attributeValues } from '../ontology/touched-objects.ts';
import { lookUpPlan } from './look-up-plan.ts';
import type { LoadedPolicies } from './policy-sets.ts';
import type { ProposalRow } from './proposal-row.ts';
import type { Tx } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

/** What policies are asked about an action type: of a built-in one, whether somebody may administer what it changes, whichever part they take in that. */
export function policyQuestion(action: PolicyAction, actionType: string): { action: PolicyAction; resource: string } {
  const setting = settingOf(actionType);
  return setting === null ? { action, resource: actionType } : { action: 'administer', resource: setting };
}

/** What policies of this tenant may name. */
export function vocabularyOf(ontology: CompiledOntology | null): PolicyVocabulary {
  if (ontology === null) return { actionTypes: [], objectTypes: [], sensitive: [], amounts: [], attributes: {}, values: {}, endpoints: [] };
  const sensitive = [...ontology.objectTypes].flatMap(([type, { properties }]) =>
    [...properties].flatMap(([property, definition]) => (definition.sensitive ? [`${type}.${property}`] : [])),
  );
  return {
    actionTypes: [...ontology.actionTypes.keys()],
    objectTypes: [...ontology.objectTypes.keys()],
    sensitive,
    amounts: [...new Set([...ontology.actionTypes.values()].flatMap(amountsOf))].sort(),
    attributes: Object.fromEntries([...ontology.objectTypes].map(([name, type]) => [name, attributeKinds(type)])),
    values: Object.fromEntries([...ontology.objectTypes].map(([name, type]) => [name, attributeValues(type)])),
    endpoints: Object.keys(ontology.document.endpoints ?? {}),
  };
}

const numbers = new Set(['integer', 'double', 'long', 'decimal']);

/** Numeric parameters. Not sensitive ones: by a policy and a dry run of it somebody could find their values out. */
export function amountsOf({ definition }: CompiledActionType): string[] {
  return Object.entries(definition.parameters ?? {}).flatMap(([name, parameter]) =>
    numbers.has(parameter.type) && !('sensitive' in parameter && parameter.sensitive) ? [name] : [],
  );
}

export function planForPolicy(
  summary: PlanSummary,
  given: Readonly<Record<string, string>> | null,
  names: readonly string[],
): PlanForPolicy {
  // Of a change set, what was filled in for each of its actions.
  const filledIn = [summary, ...(summary.actions ?? [])].flatMap(({ prefilled = {} }) =>
    Object.entries(prefilled).filter(([name, value]) => names.includes(name) && value !== null),
  );
  const amounts: Record<string, number> = {};
  for (const [name, value] of [...filledIn, ...Object.entries(given ?? {})]) {
    amounts[name] = Math.max(amounts[name] ?? 0, sizeOf(String(value)));
  }
  return {
    riskTier: summary.riskTier,
    edits: summary.edits,
    objectTypes: Object.keys(summary.objectTypes),
    sensitive: summary.sensitive ?? [],
    amounts,
  };
}

/** Rounded up, and what is larger than any whole number that JSON carries safely is that one: a bound is never missed for the way a number is written. */
function sizeOf(text: string): number {
  return Math.min(Number.MAX_SAFE_INTEGER, Math.ceil(Math.abs(Number(text))));
}

/** SQL for the amounts of a proposal row `p`, as text by name; of a change set the largest of each. `names` is an expression for the array of names. */
export const amountsJson = (p: string, names: string): string =>
  `CASE WHEN exequatur.is_change_set(${p}.action_type) THEN (
     SELECT jsonb_object_agg(n.key, n.value) FROM (
       SELECT DISTINCT ON (e.key) e.key, e.value
         FROM json_array_elements(${p}.parameters::json -> 'actions') a CROSS JOIN LATERAL json_each_text(a -> 'parameters') e
        WHERE e.key = ANY(${names}) AND e.value ~ '^-?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]+)?$' ORDER BY e.key, abs(e.value::numeric) DESC) n)
   ELSE (SELECT jsonb_object_agg(e.key, e.value) FROM json_each_text(${p}.parameters::json) e WHERE e.key = ANY(${names}) AND e.value IS NOT NULL) END`;

/** What policies go by where a plan is decided on, in whichever process. */
export async function policyContextOf(
  tx: Tx,
  proposal: ProposalRow,
  { now, goesBy }: { now: string } & Pick<LoadedPolicies, 'goesBy'>,
  deps: Pick<StoreDeps, 'ontologies'>,
): Promise<PolicyContext> {
  if (settingOf(proposal.actionType) !== null) return { now };
  const loaded = await deps.ontologies.load(tx, proposal.ontologyVersion);
  const members = membersOf(proposal.actionType).flatMap((name) => loaded?.ontology.actionTypes.get(name) ?? []);
  const names = [...new Set(members.flatMap(amountsOf))];
  const [row] = await tx.rows<{ planId: string; summary: PlanSummary; amounts: Record<string, string> | null }>(
    `SELECT l.id::text AS "planId", l.summary, ${amountsJson('p', '$2::text[]')} AS amounts
       FROM exequatur.proposal p JOIN exequatur.plan l ON l.tenant_id = p.tenant_id AND l.id = p.plan_id WHERE p.id = $1::uuid`,
    [proposal.id, names],
  );
  if (row === undefined) return { now };
  const inForce = goesBy.length > 0 ? await deps.ontologies.load(tx) : null;
  const plan = {
    ...planForPolicy(row.summary, row.amounts, names),
    ...(await lookUpPlan(tx, row, goesBy, inForce?.ontology ?? null)),
  };
  return { now, plan, proposer: { id: proposal.proposerId, kind: proposal.proposerKind } };
}

/** The same for an execution: what policies look at stays so until this commits, since nobody changes it beside. */
export async function heldContextOf(
  tx: Tx,
  proposal: ProposalRow,
  asked: { now: string } & Pick<LoadedPolicies, 'goesBy'>,
  deps: Pick<StoreDeps, 'ontologies'>,
): Promise<PolicyContext> {
  if (asked.goesBy.includes('touches') && settingOf(proposal.actionType) === null)
    await tx.rows('SELECT exequatur.hold_types($1::uuid)', [proposal.planId]);
  return policyContextOf(tx, proposal, asked, deps);
}

/** Adds what is known of the part that somebody takes. Of what governs policies learn the time alone, as wherever somebody administers. */
export function withFacts(
  { actionType }: Pick<ProposalRow, 'actionType'>,
  context: PolicyContext,
  facts: Partial<PolicyContext>,
): PolicyContext {
  return settingOf(actionType) === null ? { ...context, ...facts } : { now: context.now };
}
