import { compileExpression, type Expression } from './cel/expression.ts';
import { compilePrincipalExpression } from './cel/principal-expression.ts';
import type { Scope } from './cel/scope.ts';
import type { CompiledObjectType } from './compiled-ontology.ts';
import type { ActionTypeDefinition, ApprovalPolicyDefinition, OntologyDocument } from './definition.ts';
import { approvalsOf } from './derive.ts';
import { durationMs } from './duration.ts';
import type { FaultList } from './fault-list.ts';
import { pointerTo } from './json.ts';
import { boolean, type Types } from './rule-context.ts';

/** A policy's conditions, compiled for one action type, whose parameters they may mention. */
export interface CompiledPolicy {
  automatic?: Expression;
  /** One for each stage; undefined where the stage is always asked. */
  stages: (Expression | undefined)[];
}

/** Whoever settles a quorum tries every choice among the stages of which any threshold suffices, so there must not be too many. */
const maximumChoices = 100;

/** Checks policies as far as they stand by themselves. */
export function checkPolicies(document: OntologyDocument, objectTypes: ReadonlyMap<string, CompiledObjectType>, faults: FaultList): void {
  for (const [name, policy] of Object.entries(document.approvalPolicies ?? {})) {
    const base = pointerTo('/approvalPolicies', name);
    checkStages(policy, base, faults);
    const ceilings = policy.automatic?.ceilings;
    if (ceilings && ceilings.edits === undefined && Object.keys(ceilings.parameters ?? {}).length === 0) {
      faults.addAt(
        base,
        ['automatic', 'ceilings'],
        'at least one ceiling is required, since the database holds nothing else of an automatic approval',
      );
    }
    checkPrompts(policy, base, faults);
    checkBreakGlass(policy, base, faults);
    for (const [at, path] of (policy.automatic?.sensitive ?? []).entries()) {
      const [type = '', property = ''] = path.split('.');
      if (!objectTypes.get(type)?.properties.get(property)?.sensitive) {
        faults.addAt(base, ['automatic', 'sensitive', at], `there is no sensitive property ${path}`);
      }
    }
  }
}

/** Whoever changes what governs is asked by policies that there are. */
export function checkGovernance({ governance = {}, approvalPolicies = {} }: OntologyDocument, faults: FaultList): void {
  for (const [kind, name] of Object.entries(governance)) {
    if (!Object.hasOwn(approvalPolicies, name)) faults.addAt('/governance', [kind], `there is no approval policy ${name}`);
  }
}

function checkStages(policy: ApprovalPolicyDefinition, base: string, faults: FaultList): void {
  if (new Set(policy.stages.map((stage) => stage.name)).size !== policy.stages.length) {
    faults.addAt(base, ['stages'], 'two stages have one name');
  }
  if (policy.stages.every((stage) => stage.when !== undefined)) {
    faults.addAt(base, ['stages'], 'one stage must have no `when`: policy alone approves only under `automatic`');
  }
  const choices = policy.stages.reduce((product, stage) => product * (stage.require === 'any' ? stage.thresholds.length : 1), 1);
  if (choices > maximumChoices) {
    faults.addAt(base, ['stages'], `there are more than ${maximumChoices} ways to choose among thresholds of which any suffices`);
  }
  for (const [at, stage] of policy.stages.entries()) {
    for (const [index, threshold] of stage.thresholds.entries()) {
      const pointer = pointerTo(base, 'stages', at, 'thresholds', index, 'reviewers');
      faults.take(compilePrincipalExpression('reviewer', threshold.reviewers, pointer));
    }
  }
}

/** A reminder more often than that is noise, and each is an event. */
const mostReminders = 100;

/** An escalation adds people; so that no one then stands for two who were asked for, it adds nobody where one person may stand in several thresholds. */
function checkPrompts(policy: ApprovalPolicyDefinition, base: string, faults: FaultList): void {
  const { remind, escalate, expiresAfter } = policy;
  for (const [name, prompt] of Object.entries({ remind, escalate })) {
    if (prompt !== undefined && durationMs(prompt.after) >= durationMs(expiresAfter)) {
      faults.addAt(base, [name, 'after'], `a proposal expires after ${expiresAfter}, before that`);
    }
  }
  if (remind?.every !== undefined && durationMs(remind.every) * mostReminders < durationMs(expiresAfter)) {
    faults.addAt(base, ['remind', 'every'], `there would be more than ${mostReminders} reminders before a proposal expires`);
  }
  if (escalate === undefined) return;
  if (escalate.to === undefined && Object.keys(escalate.reviewers ?? {}).length === 0) {
    faults.addAt(base, ['escalate'], 'an escalation tells roles (`to`) or adds reviewers');
  }
  if (escalate.reviewers !== undefined && policy.distinctReviewers === false) {
    faults.addAt(base, ['escalate', 'reviewers'], 'reviewers can be added only where one person stands in one threshold');
  }
  for (const [name, text] of Object.entries(escalate.reviewers ?? {})) {
    if (!policy.stages.some((stage) => stage.name === name)) faults.addAt(base, ['escalate', 'reviewers', name], 'there is no such stage');
    faults.take(compilePrincipalExpression('reviewer', text, pointerTo(base, 'escalate', 'reviewers', name)));
  }
}

function checkBreakGlass(policy: ApprovalPolicyDefinition, base: string, faults: FaultList): void {
  const { breakGlass } = policy;
  if (breakGlass === undefined) return;
  if (breakGlass.approvals >= approvalsOf(policy)) {
    faults.addAt(base, ['breakGlass', 'approvals'], `the stages ask for no more than ${approvalsOf(policy)} anyway`);
  }
  faults.take(compilePrincipalExpression('reviewer', breakGlass.reviewers, pointerTo(base, 'breakGlass', 'reviewers')));
}

/** A policy's conditions speak of parameters, so they are checked against every action type that uses the policy. */
export function compilePolicy(
  name: string,
  action: ActionTypeDefinition,
  policy: ApprovalPolicyDefinition,
  scope: Scope,
  faults: FaultList,
): CompiledPolicy {
  const base = pointerTo('/approvalPolicies', action.approvalPolicy);
  for (const parameter of Object.keys(policy.automatic?.ceilings.parameters ?? {})) {
    const type = action.parameters[parameter]?.type;
    if (type !== 'integer' && type !== 'double') {
      faults.addAt(base, ['automatic', 'ceilings', 'parameters', parameter], `${name} has no numeric parameter ${parameter}`);
    }
  }
  const inner = scope.with('plan', 'planFacts');
  const compile = (text: string | undefined, ...steps: (string | number)[]) =>
    text === undefined ? undefined : faults.take(compileExpression(inner, text, pointerTo(base, ...steps), boolean))?.expression;
  const automatic = compile(policy.automatic?.condition, 'automatic', 'condition');
  const stages = policy.stages.map((stage, at) => compile(stage.when, 'stages', at, 'when'));
  return { stages, ...(automatic ? { automatic } : {}) };
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
    } else if (policy.breakGlass !== undefined && minimum > policy.breakGlass.approvals) {
      faults.addAt(
        base,
        ['approvalPolicy'],
        `${type} asks for ${minimum} approvals also in an emergency, and this policy's breakGlass for ${policy.breakGlass.approvals}`,
      );
    }
  }
}
