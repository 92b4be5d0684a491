import { goesBy, mayFailWithout, mayHoldWithout } from './cel/what-conditions-go-by.ts';
import type { OntologyDocument } from './definition.ts';

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
 * Whether a document may ask less of somebody without this role than with it: admit them to review, to propose or to read what is sensitive, hold a criterion or policy alone for enough, or
 * leave a stage out.
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
    ...actions.flatMap(({ proposers, sensitiveReaders, criteria = [] }) => [
      proposers,
      sensitiveReaders,
      ...criteria.map(({ condition }) => condition),
    ]),
    ...Object.values(objectTypes).map(({ sensitiveReaders }) => sensitiveReaders),
    document.sensitiveReaders,
  ];
  const asking = policies.flatMap(({ stages }) => stages.map(({ when }) => when));
  return (
    allowing.some((condition) => condition !== undefined && mayHoldWithout(condition, role)) ||
    asking.some((condition) => condition !== undefined && mayFailWithout(condition, role))
  );
}
