import type { CompiledActionType, CompiledOntology } from './compiled-ontology.ts';
import { durationMs } from './duration.ts';
import { compareText, type JsonObject } from './json.ts';

/** One action of a change set, as it is stored. */
export interface ChangeSetAction {
  actionType: string;
  parameters: JsonObject;
}

/** What is stored as the parameters of a change set. */
export interface ChangeSetParameters {
  /** In the order in which each sees what those before it do. */
  actions: ChangeSetAction[];
}

export const mostActions = 1_000;
export const mostMembers = 20;
const separator = '+'; // No action type's name has one.

export function isChangeSet(actionType: string): boolean {
  return actionType.includes(separator);
}

/** What a change set of such actions is called: their types, each once, sorted. The database computes the same. */
export function changeSetName(actionTypes: Iterable<string>): string {
  const names = [...new Set(actionTypes)].sort(compareText);
  return names.length === 1 ? `${names[0]}${separator}` : names.join(separator);
}

/** Whether the name is one that a change set can have. */
export function isChangeSetName(name: string): boolean {
  const members = membersOf(name);
  return members.length > 0 && members.length <= mostMembers && changeSetName(members) === name;
}

/** The action types that take part: of an ordinary proposal its own. */
export function membersOf(actionType: string): string[] {
  return isChangeSet(actionType) ? actionType.split(separator).filter((name) => name !== '') : [actionType];
}

/** An action type by its name, or what a change set of this name is as a whole. */
export function actionTypeIn(ontology: CompiledOntology, name: string): CompiledActionType | undefined {
  return isChangeSet(name) ? combine(ontology, name) : ontology.actionTypes.get(name);
}

const tiers = ['low', 'medium', 'high'] as const;

/** Undefined where a member is not there. Rules and parameters are the members'; what it says of itself is how all of them are bound together. */
function combine(ontology: CompiledOntology, name: string): CompiledActionType | undefined {
  const members = membersOf(name).map((member) => ontology.actionTypes.get(member));
  const [first] = members;
  if (first === undefined || !members.every((member) => member !== undefined)) return undefined;
  const proposers = members.flatMap(({ definition }) => (definition.proposers === undefined ? [] : [`(${definition.proposers})`]));
  const policies = [...new Map(members.map((member) => [member.policyName, member.policy])).values()];
  const shortest = policies.map(({ expiresAfter }) => expiresAfter).sort((left, right) => durationMs(left) - durationMs(right))[0];
  return {
    ...first,
    name,
    definition: {
      parameters: {},
      rules: [],
      approvalPolicy: first.definition.approvalPolicy,
      ...(proposers.length > 0 ? { proposers: proposers.join(' && ') } : {}),
    },
    policyName: [...new Set(members.map(({ policyName }) => policyName))].join(separator),
    policy: { expiresAfter: shortest ?? first.policy.expiresAfter, stages: policies.flatMap(({ stages }) => stages) },
    riskTier: tiers[Math.max(...members.map(({ riskTier }) => tiers.indexOf(riskTier)))] ?? 'high',
    reversible: members.every(({ reversible }) => reversible),
    compiled: {
      ...first.compiled,
      parameters: new Map(),
      criteria: [],
      criteriaAskTime: members.some(({ compiled }) => compiled.criteriaAskTime),
      rules: [],
      effects: members.flatMap(({ compiled }) => compiled.effects),
      checks: members.flatMap(({ compiled }) => compiled.checks),
    },
  };
}
