import { compileExpression } from './cel/expression.ts';
import { compilePrincipalExpression } from './cel/principal-expression.ts';
import type { Scope } from './cel/scope.ts';
import type { ActionTypeDefinition, ApprovalPolicyDefinition, OntologyDocument } from './definition.ts';
import { approvalsOf } from './derive.ts';
import type { FaultList } from './fault-list.ts';
import { pointerTo } from './json.ts';
import { boolean, type Types } from './rule-context.ts';

/** Checks approval policies on their own. */
export function checkPolicies(document: OntologyDocument, faults: FaultList): void {
  for (const [name, policy] of Object.entries(document.approvalPolicies ?? {})) {
    const base = pointerTo('/approvalPolicies', name);
    if (new Set(policy.stages.map((stage) => stage.name)).size !== policy.stages.length) {
      faults.addAt(base, ['stages'], 'two stages have one name');
    }
    for (const [at, stage] of policy.stages.entries()) {
      for (const [index, threshold] of stage.thresholds.entries()) {
        faults.take(
          compilePrincipalExpression('reviewer', threshold.reviewers, pointerTo(base, 'stages', at, 'thresholds', index, 'reviewers')),
        );
      }
    }
    const ceilings = policy.automatic?.ceilings;
    if (ceilings && ceilings.edits === undefined && Object.keys(ceilings.parameters ?? {}).length === 0) {
      faults.addAt(
        base,
        ['automatic', 'ceilings'],
        'at least one ceiling is required, since the database holds nothing else of an automatic approval',
      );
    }
  }
}

/** A policy's automatic condition speaks of parameters, so it is checked against every action type that uses the policy. */
export function compileAutomatic(
  name: string,
  action: ActionTypeDefinition,
  automatic: NonNullable<ApprovalPolicyDefinition['automatic']>,
  scope: Scope,
  faults: FaultList,
) {
  const base = pointerTo('/approvalPolicies', action.approvalPolicy, 'automatic');
  for (const parameter of Object.keys(automatic.ceilings.parameters ?? {})) {
    const type = action.parameters[parameter]?.type;
    if (type !== 'integer' && type !== 'double') {
      faults.addAt(base, ['ceilings', 'parameters', parameter], `${name} has no numeric parameter ${parameter}`);
    }
  }
  return faults.take(compileExpression(scope.with('plan', 'planSize'), automatic.condition, pointerTo(base, 'condition'), boolean));
}

/** The door takes the highest floor of anything touched, so a policy that asks for less would make plans that can never be executed. */
export function checkFloors(
  base: string,
  touched: readonly string[],
  policy: ApprovalPolicyDefinition,
  types: Types,
  faults: FaultList,
): void {
  const asked = policy.automatic ? 0 : approvalsOf(policy);
  for (const type of new Set(touched)) {
    const minimum = types.objectTypes.get(type)?.minimumApprovals ?? 0;
    if (minimum > asked) {
      faults.addAt(base, ['approvalPolicy'], `${type} asks for ${minimum} approvals, and this policy may do with ${asked}`);
    }
  }
}
