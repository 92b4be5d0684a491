import type { Frame } from './cel/expression.ts';
import { combinePrompts, shortest } from './combine-prompts.ts';
import type { CompiledActionType } from './compiled-ontology.ts';
import type { EscalationDefinition, StageDefinition } from './definition.ts';
import type { JsonObject } from './json.ts';
import type { PlanSummary, ResolvedRequirement, ResolvedStage, Simulation, StageReason } from './plan.ts';

/**
 * Who must approve this plan. Policy alone approves where its condition holds and every ceiling that the database will ask about is kept; a condition that cannot
 * be computed does not hold. A stage is asked where its condition holds, and where that cannot be computed. `asksPeople` where the tenant's policies refused what policy
 * alone had approved: then people are asked, by whichever stages there are.
 */
export function resolveRequirement(
  action: CompiledActionType,
  parameters: JsonObject,
  frame: Frame,
  summary: PlanSummary,
  asksPeople = false,
): ResolvedRequirement {
  const { policy, policyName } = action;
  const facts = withPlan(frame, summary);
  const automatic = !asksPeople && isAutomatic(action, parameters, facts, summary);
  const asked = askedStages(action, facts);
  const stages = asksPeople && asked.length === 0 ? policy.stages : asked;
  return {
    policy: policyName,
    automatic,
    stages: automatic ? [] : stages.map((stage) => resolveStage(stage, policy.escalate)),
    distinctReviewers: policy.distinctReviewers ?? true,
    expiresAfter: policy.expiresAfter,
    ...(policy.approvalsLast === undefined ? {} : { approvalsLast: policy.approvalsLast }),
    ...(automatic || policy.remind === undefined ? {} : { remind: policy.remind }),
    ...(automatic || policy.escalate === undefined ? {} : { escalate: withoutReviewers(policy.escalate) }),
    ...(automatic || policy.breakGlass === undefined ? {} : { breakGlass: policy.breakGlass }),
  };
}

/** The stages whose conditions hold, or cannot be computed. */
function askedStages(action: CompiledActionType, facts: Frame): StageDefinition[] {
  return action.policy.stages.filter((_, at) => outcomeOf(action, at, facts) !== 'fails');
}

function outcomeOf({ compiled }: CompiledActionType, at: number, facts: Frame): StageReason['outcome'] {
  const condition = compiled.policy.stages[at];
  try {
    return condition === undefined || condition.compute(facts) === true ? 'holds' : 'fails';
  } catch {
    return 'not_computed';
  }
}

const strongest = ['holds', 'not_computed', 'fails'] as const;

/** Why those stages of a requirement are asked that have a condition, for whoever wants to know. Of a change set any action's is enough. */
export function whyAsked(
  { stages }: ResolvedRequirement,
  parts: readonly RequirementPart[],
  summary: PlanSummary,
): Pick<Simulation, 'asked'> {
  const isOne = new Set(parts.map(({ action }) => action.policyName)).size === 1;
  const asked: Record<string, StageReason> = {};
  for (const { action, frame } of parts) {
    for (const [at, { name, when }] of action.policy.stages.entries()) {
      const full = isOne ? name : `${action.policyName}: ${name}`;
      if (when === undefined || !stages.some((stage) => stage.name === full)) continue;
      const outcome = outcomeOf(action, at, withPlan(frame, summary));
      asked[full] = { when, outcome: strongest.find((one) => one === outcome || one === asked[full]?.outcome) ?? outcome };
    }
  }
  return Object.keys(asked).length === 0 ? {} : { asked };
}

/** One action of a change set, with what the conditions of its policy see. */
export interface RequirementPart {
  action: CompiledActionType;
  frame: Frame;
}

/**
 * Who must approve a change set: the stages of every policy among its actions, each once, where any of its actions asks for it on the plan as a whole. Policy alone never
 * approves one, and nobody breaks the glass for one: what policies say of either they say of single actions.
 */
export function combineRequirements(parts: readonly RequirementPart[], summary: PlanSummary, policyName: string): ResolvedRequirement {
  const policies = new Map(parts.map(({ action }) => [action.policyName, action.policy]));
  const all = [...policies.values()];
  const expiresAfter = shortest(all.map((policy) => policy.expiresAfter)) ?? 'PT1H';
  const { counts, ...prompts } = combinePrompts(all, expiresAfter);
  const stages = [...policies].flatMap(([name, policy]) => {
    const asked = new Set(
      parts
        .filter(({ action }) => action.policyName === name)
        .flatMap(({ action, frame }) => askedStages(action, withPlan(frame, summary))),
    );
    const escalation = counts(policy.escalate) ? policy.escalate : undefined;
    const mine = policy.stages.filter((stage) => asked.has(stage)).map((stage) => resolveStage(stage, escalation));
    return policies.size === 1 ? mine : mine.map((stage) => ({ ...stage, name: `${name}: ${stage.name}` }));
  });
  const lasting = shortest(all.flatMap(({ approvalsLast }) => approvalsLast ?? []));
  return {
    policy: policyName,
    automatic: false,
    stages,
    distinctReviewers: all.some(({ distinctReviewers }) => distinctReviewers !== false),
    expiresAfter,
    ...(lasting === undefined ? {} : { approvalsLast: lasting }),
    ...prompts,
  };
}

/** Whom an escalation adds stands with each stage. */
function withoutReviewers({ after, to }: EscalationDefinition): NonNullable<ResolvedRequirement['escalate']> {
  return { after, ...(to === undefined ? {} : { to }) };
}

export function resolveStage(stage: StageDefinition, escalation: EscalationDefinition | undefined): ResolvedStage {
  const added = escalation?.reviewers;
  const afterEscalation = added !== undefined && Object.hasOwn(added, stage.name) ? added[stage.name] : undefined;
  return {
    name: stage.name,
    thresholds: stage.thresholds.map((threshold) => ({
      name: threshold.name ?? stage.name,
      needed: threshold.needed,
      toleratedDenials: threshold.toleratedDenials ?? 0,
      reviewers: threshold.reviewers,
    })),
    ...(stage.require === 'any' ? { require: 'any' as const } : {}),
    ...(stage.teams === undefined ? {} : { teams: stage.teams }),
    ...(afterEscalation === undefined ? {} : { afterEscalation }),
  };
}

function isAutomatic(action: CompiledActionType, parameters: JsonObject, frame: Frame, summary: PlanSummary): boolean {
  const condition = action.compiled.policy.automatic;
  try {
    return isWithinAutomatic(action, parameters, summary) && condition?.compute(frame) === true;
  } catch {
    return false;
  }
}

/** Whether policy alone may approve as much as this where its condition holds. */
export function isWithinAutomatic({ policy: { automatic } }: CompiledActionType, parameters: JsonObject, summary: PlanSummary): boolean {
  if (!automatic) return false;
  const { ceilings, sensitive = [] } = automatic;
  return (
    editsOf(summary) <= (ceilings.edits ?? Number.POSITIVE_INFINITY) &&
    Object.entries(ceilings.parameters ?? {}).every(([name, ceiling]) => {
      const value = parameters[name];
      return typeof value === 'number' && Math.abs(value) <= ceiling;
    }) &&
    (summary.sensitive ?? []).every((touched) => sensitive.includes(touched))
  );
}

function editsOf(summary: PlanSummary): number {
  return Object.values(summary.edits).reduce((sum, count) => sum + count, 0);
}

/** `plan`, as conditions see it: numbers are 64-bit integers there. */
function withPlan(frame: Frame, summary: PlanSummary): Frame {
  const counted = (counts: Record<string, number>) =>
    Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, BigInt(count)]));
  const inner = Object.create(frame) as Frame;
  inner.plan = {
    edits: BigInt(editsOf(summary)),
    objects: counted(summary.objectTypes),
    operations: counted(summary.edits),
    riskTier: summary.riskTier,
    sensitive: summary.sensitive ?? [],
  };
  return inner;
}
