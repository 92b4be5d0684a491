import { pointerTo } from './json.ts';
import { noEffects, type OutsideEffects } from './outside-effects.ts';
import type { Fault } from './plan.ts';
import {
  answered,
  type PlanForPolicy,
  type PolicyAction,
  type PolicyContext,
  type PolicyEngine,
  type PolicyPrincipal,
  type PolicyRequest,
  type PolicySet,
  type PolicyVocabulary,
  settings,
} from './policy-engine.ts';
import type { TouchedType } from './touched-objects.ts';

/** One question with the answer that its author expects. What is left out is nothing in particular: a person without roles, a plan that does nothing. */
export interface PolicyCase {
  name: string;
  principal: Partial<PolicyPrincipal>;
  action: PolicyAction;
  resource?: string;
  context?: Partial<Omit<PolicyContext, 'plan'>> & {
    plan?: Partial<Omit<PlanForPolicy, 'edits' | 'touches' | 'effects'>> & {
      edits?: Partial<PlanForPolicy['edits']>;
      touches?: Readonly<Record<string, Partial<TouchedType>>>;
      effects?: Partial<OutsideEffects>;
    };
  };
  expect: 'allow' | 'deny';
}

/** Which cases do not come out as expected, with a pointer to each into `{cases: []}`. @throws PolicyEngineAway */
export async function runPolicyCases(
  set: PolicySet,
  cases: readonly PolicyCase[],
  engine: PolicyEngine,
  vocabulary: PolicyVocabulary,
): Promise<Fault[]> {
  const faults: Fault[] = [];
  for (const [at, one] of cases.entries()) {
    const fault = await faultOf(set, one, engine, vocabulary);
    if (fault !== null) faults.push({ code: 'invalid_policies', pointer: pointerTo('/cases', at, ...fault.steps), message: fault.message });
  }
  return faults;
}

async function faultOf(
  set: PolicySet,
  one: PolicyCase,
  engine: PolicyEngine,
  vocabulary: PolicyVocabulary,
): Promise<{ message: string; steps: string[] } | null> {
  const unknown = unknownResource(one, vocabulary);
  if (unknown !== null) return { message: unknown, steps: ['resource'] };
  const { decision, policies, errors } = answered(await engine.decide(set, requestOf(one, vocabulary)));
  if (decision === one.expect) return null;
  const by = errors.length > 0 ? errors.join('; ') : policies.length > 0 ? `by ${policies.join(', ')}` : 'no policy permits it';
  return { message: `${one.name}: expected ${one.expect}, and it is ${decision} (${by})`, steps: [] };
}

function unknownResource({ action, resource }: PolicyCase, { actionTypes }: PolicyVocabulary): string | null {
  if (action === 'see' && resource === undefined) return null;
  const known: readonly string[] = action === 'administer' ? settings : actionTypes;
  return resource !== undefined && known.includes(resource)
    ? null
    : `must name ${action === 'administer' ? `one of ${settings.join(', ')}` : 'an action type'}`;
}

function requestOf({ principal, action, resource = '', context = {} }: PolicyCase, vocabulary: PolicyVocabulary): PolicyRequest {
  const { plan: given, ...others } = context;
  const plan = given === undefined ? undefined : known(given, vocabulary);
  const filled: PolicyContext = {
    now: '2026-01-01T00:00:00.000Z',
    ...(action === 'propose' ? { revert: false } : {}),
    ...(action === 'review' ? { decision: 'approve' as const } : {}),
    ...(action === 'execute' || action === 'override' ? { approvals: 0 } : {}),
    ...(action === 'review' || action === 'execute' || action === 'override'
      ? { proposer: { id: 'somebody', kind: 'user' as const }, plan: planOf(plan) }
      : {}),
    ...(action === 'see' && resource !== '' ? { proposer: { id: 'somebody', kind: 'user' as const }, plan: seenPlanOf(plan) } : {}),
    ...others,
  };
  return {
    principal: { id: 'somebody', kind: 'user', roles: [], teams: [], actsFor: null, ...principal },
    action,
    resource,
    context: filled,
  };
}

type CasePlan = NonNullable<NonNullable<PolicyCase['context']>['plan']>;

/** Without what no plan under this ontology says: a case that goes by a name that is gone, or has become sensitive, shall come out as it would. */
function known(plan: CasePlan, { amounts, sensitive, objectTypes, endpoints, attributes, values }: PolicyVocabulary): CasePlan {
  const within = <T>(values: Readonly<Record<string, T>> | undefined, names: readonly string[]): Record<string, T> =>
    Object.fromEntries(Object.entries(values ?? {}).filter(([name]) => names.includes(name)));
  const touches = Object.entries(within(plan.touches, objectTypes)).map(([type, touched]) => {
    const names = (attributes[type] ?? []).map(([name]) => name);
    const told = (side: TouchedType['before'] | undefined) => withKnownValues(within(side, names), values[type] ?? {});
    return [type, { ...touched, before: told(touched.before), after: told(touched.after) }];
  });
  return {
    ...plan,
    ...(plan.amounts === undefined ? {} : { amounts: within(plan.amounts, amounts) }),
    ...(plan.objectTypes === undefined ? {} : { objectTypes: plan.objectTypes.filter((name) => objectTypes.includes(name)) }),
    ...(plan.sensitive === undefined ? {} : { sensitive: plan.sensitive.filter((name) => sensitive.includes(name)) }),
    ...(plan.effects?.endpoints === undefined
      ? {}
      : { effects: { ...plan.effects, endpoints: plan.effects.endpoints.filter((name) => endpoints.includes(name)) } }),
    ...(plan.touches === undefined ? {} : { touches: Object.fromEntries(touches) }),
  };
}

function withKnownValues(side: TouchedType['before'], closed: Readonly<Record<string, readonly string[]>>): TouchedType['before'] {
  const told = Object.entries(side).map(([property, given]) => {
    const values = Object.hasOwn(closed, property) ? closed[property] : undefined;
    return [property, values && Array.isArray(given) ? given.filter((value) => values.includes(String(value))) : given];
  });
  return Object.fromEntries(told);
}

/** What is told of a plan where it is only to be seen. */
function seenPlanOf(plan: CasePlan | undefined): PlanForPolicy {
  const { riskTier, edits, objectTypes, sensitive } = planOf(plan);
  return { riskTier, edits, objectTypes, sensitive };
}

function planOf(plan: CasePlan = {}): PlanForPolicy {
  const none = { create: 0, modify: 0, delete: 0, link: 0, unlink: 0 };
  const nothing: TouchedType = { objects: 0, ids: [], cut: false, before: {}, after: {} };
  const touches = Object.fromEntries(Object.entries(plan.touches ?? {}).map(([type, given]) => [type, { ...nothing, ...given }]));
  return {
    ...{ riskTier: 'low', objectTypes: [], sensitive: [], amounts: {}, ...plan },
    ...{ edits: { ...none, ...plan.edits }, touches, effects: { ...noEffects, ...plan.effects } },
  };
}
