import type { ApprovalPolicyDefinition, OntologyDocument } from './definition.ts';
import type { Fault, ResolvedRequirement, ResolvedStage } from './plan.ts';
import { resolveStage } from './resolve-requirement.ts';

/**
 * What governs a tenant changes by proposals of built-in action types. Names in documents are identifiers, so none of them begins with `$`. Equal to
 * exequatur.know_settings().
 */
export const settingActions = {
  ontology: '$changeOntology',
  policies: '$changePolicies',
  switches: '$switchOn',
  delegations: '$delegate',
  subscriptions: '$subscribe',
  principals: '$changePrincipal',
} as const;

export type Setting = keyof typeof settingActions;

/** The type of the one edit that a plan of such a proposal has; the door puts in force what it sets. */
export const settingTypes: Record<Setting, string> = {
  ontology: '$ontology',
  policies: '$policies',
  switches: '$switch',
  delegations: '$delegation',
  subscriptions: '$subscription',
  principals: '$principal',
};

/** Null for action types of the tenant's own. */
export function settingOf(actionType: string): Setting | null {
  if (!actionType.startsWith('$')) return null;
  return (Object.keys(settingActions) as Setting[]).find((setting) => settingActions[setting] === actionType) ?? null;
}

/** What lets more happen, or asks less of whom, than before; nothing where a change only tightens. A pointer goes into what is changed. */
export type Loosening = Pick<Fault, 'pointer' | 'message'>;

/** Who changes each, and who approves that somebody does: no approval policy and no policies ask for less. Equal to exequatur.role_that_governs(). */
export const settingRoles: Record<Setting, string> = {
  ontology: 'ontology-admin',
  policies: 'ontology-admin',
  switches: 'operator',
  delegations: 'access-admin',
  subscriptions: 'ontology-admin',
  principals: 'access-admin',
};

const expiresAfter = 'P14D';

/**
 * Who must approve a change: nobody beside its proposer where it only tightens, and one more person where it loosens. The document in force may name an approval policy
 * that asks more of either; it is asked as a whole, since a stage's condition would speak of parameters that a change does not have, and of whomever it asks it asks that they
 * have the setting's role. `asksPeople` where the tenant's policies refused to execute what only tightens.
 */
export function settingRequirement(
  setting: Setting,
  loosens: readonly Loosening[],
  document: OntologyDocument | null,
  asksPeople = false,
): ResolvedRequirement {
  const kind = loosens.length > 0 ? 'loosening' : 'tightening';
  const hasRole = `'${settingRoles[setting]}' in reviewer.roles`;
  const named = document?.governance?.[kind];
  const policy: ApprovalPolicyDefinition | undefined = named === undefined ? undefined : document?.approvalPolicies?.[named];
  if (named !== undefined && policy !== undefined) {
    return {
      policy: named,
      automatic: false,
      stages: policy.stages.map((stage) => withRole(resolveStage(stage, undefined), hasRole)),
      distinctReviewers: policy.distinctReviewers ?? true,
      expiresAfter: policy.expiresAfter,
      ...(policy.approvalsLast === undefined ? {} : { approvalsLast: policy.approvalsLast }),
    };
  }
  if (kind === 'tightening' && !asksPeople)
    return { policy: '$tightening', automatic: true, stages: [], distinctReviewers: true, expiresAfter };
  const second = { name: 'second-person', needed: 1, toleratedDenials: 0, reviewers: hasRole };
  return {
    policy: `$${kind}`,
    automatic: false,
    stages: [{ name: 'second-person', thresholds: [second] }],
    distinctReviewers: true,
    expiresAfter,
  };
}

/** Each was accepted by itself; the line break ends a comment that the policy's own may close with. */
function withRole(stage: ResolvedStage, hasRole: string): ResolvedStage {
  return { ...stage, thresholds: stage.thresholds.map((one) => ({ ...one, reviewers: `${hasRole} && (${one.reviewers}\n)` })) };
}
