import { goesBy, mayChangeWithout, mayFailWithout, mayHoldWithout } from './cel/what-conditions-go-by.ts';
import type { ActionTypeDefinition, OntologyDocument } from './definition.ts';

/** What a definition decides of what is told of a plan, and conditions and policies may go by either way: `amounts` are parameters, and `approvals` of whomever any stage asks. */
export const plannedFacts = ['riskTier', 'sensitive', 'amounts', 'approvals'] as const;
export type PlannedFact = (typeof plannedFacts)[number];

/** Whether any approval policy of a document goes by this fact: of a change set the conditions of all its policies look at one plan. */
export function documentGoesBy({ approvalPolicies = {} }: OntologyDocument, fact: PlannedFact): boolean {
  const conditions = Object.values(approvalPolicies).flatMap(({ stages, automatic }) => [
    ...stages.flatMap(({ when }) => when ?? []),
    ...(automatic === undefined ? [] : [automatic.condition]),
  ]);
  return conditions.some((condition) => goesBy(condition, fact));
}

/**
 * Whether a document may ask less of somebody without this role than with it: admit them to review, to propose or to read what is sensitive, hold a criterion, a constraint or policy alone
 * for enough, or leave a stage out; or have an action of theirs do something else.
 */
export function documentAsksLessWithout(document: OntologyDocument, role: string): boolean {
  const { approvalPolicies = {}, actionTypes = {}, objectTypes } = document;
  const policies = Object.values(approvalPolicies);
  const actions = Object.values(actionTypes);
  const allowing = [
    ...policies.flatMap(({ stages, escalate, breakGlass, automatic }) => [
      ...stages.flatMap(({ thresholds }) => thresholds.map(({ reviewers }) => reviewers)),
      ...Object.values(escalate?.reviewers ?? {}),
      breakGlass?.reviewers,
      automatic?.condition,
    ]),
    ...actions.flatMap(({ proposers, sensitiveReaders, criteria = [], parameters }) => [
      proposers,
      sensitiveReaders,
      ...[criteria, ...Object.values(parameters).map(({ constraints = [] }) => constraints)].flat().map(({ condition }) => condition),
    ]),
    ...Object.values(objectTypes).map(({ sensitiveReaders }) => sensitiveReaders),
    document.sensitiveReaders,
  ];
  const asking = policies.flatMap(({ stages }) => stages.map(({ when }) => when));
  return (
    allowing.some((condition) => condition !== undefined && mayHoldWithout(condition, role)) ||
    asking.some((condition) => condition !== undefined && mayFailWithout(condition, role)) ||
    actions.some((action) => doingOf(action).some((text) => mayChangeWithout(text, role)))
  );
}

/** All texts of what an action does and asks for beside what admits somebody to it; what is called a role in them is the proposer's. */
function doingOf({ parameters, rules, effects = [], checks = [] }: ActionTypeDefinition): string[] {
  const asked = Object.values(parameters).map(({ prefill, visibleWhen, requiredWhen }) => [prefill, visibleWhen, requiredWhen]);
  return textsIn([asked, rules, effects, checks]).filter((text) => text.includes('proposer'));
}

/** Whatever stands where a text may, expressions among names and words for people, so that none is left out. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
