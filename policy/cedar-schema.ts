import type { PrincipalKind } from '../ontology/authority.ts';
import type { JsonObject } from '../ontology/json.ts';
import type { OutsideEffects } from '../ontology/outside-effects.ts';
import { type PlanForPolicy, type PolicyAction, type PolicyVocabulary, settings } from '../ontology/policy-engine.ts';
import type { AttributeKind } from '../ontology/touched-objects.ts';

const string = { type: 'String' };
const long = { type: 'Long' };
const boolean = { type: 'Boolean' };
const setOf = (element: JsonObject) => ({ type: 'Set', element });
const entity = (name: string) => ({ type: 'Entity', name });
const record = (attributes: JsonObject) => ({ type: 'Record', attributes });
const optional = (type: JsonObject) => ({ ...type, required: false });
const now = { type: 'Extension', name: 'datetime' };

/** The type of a text that is always one of these. */
type TextOf = (values: readonly string[]) => JsonObject;

/** For Cedar, which knows no closed sets of texts. */
const anyText: TextOf = () => string;
/** For whoever looks at what policies compare with them (`policy/places.ts`). */
export const textWithValues: TextOf = (values) => ({ ...string, values: [...values] });

/** By name, so that the compiler misses one that is not here. */
const riskTiers = Object.keys({ low: true, medium: true, high: true } satisfies Record<PlanForPolicy['riskTier'], true>);
const principalKinds = Object.keys({ user: true, agent: true, service: true } satisfies Record<PrincipalKind, true>);
const effectKinds = Object.keys({ webhook: true, message: true, function: true } satisfies Record<OutsideEffects['kinds'][number], true>);

/** What the context of each action holds. Whatever is not here cannot be named by a policy. */
const contextsWith = (textOf: TextOf): Record<PolicyAction, JsonObject> => ({
  see: { now, plan: optional({ type: 'SeenPlan' }), proposer: optional({ type: 'SeenProposer' }) },
  propose: { now, revert: boolean },
  review: {
    now,
    plan: { type: 'Plan' },
    proposer: { type: 'Proposer' },
    decision: textOf(['approve']),
    onBehalfOf: optional({ type: 'Delegator' }),
  },
  execute: { now, plan: { type: 'Plan' }, proposer: { type: 'Proposer' }, approvals: long },
  override: { now, plan: { type: 'Plan' }, proposer: { type: 'Proposer' }, approvals: long },
  administer: { now },
});

/** What it may be done to. The empty name is the tenant's. */
const resources: Record<PolicyAction, string[]> = {
  see: ['ActionType', 'Tenant'],
  propose: ['ActionType'],
  review: ['ActionType'],
  execute: ['ActionType'],
  override: ['ActionType'],
  administer: ['Settings'],
};

const valuesOf: Record<Exclude<AttributeKind, 'text'>, JsonObject> = {
  boolean: setOf(boolean),
  number: record({ least: long, most: long }),
};

/** The objects of one type that a plan touches: `ontology/touched-objects.ts`. */
function touched(type: string, vocabulary: PolicyVocabulary, textOf: TextOf): JsonObject {
  const closed = new Map(Object.entries(vocabulary.values[type] ?? {}));
  const attributes = (vocabulary.attributes[type] ?? []).map(([property, kind]) => {
    const values = closed.get(property);
    const text = values === undefined ? string : textOf(values);
    return [property, optional(kind === 'text' ? setOf(text) : valuesOf[kind])];
  });
  const values = record(Object.fromEntries(attributes));
  return record({ objects: long, ids: setOf(string), cut: boolean, before: values, after: values });
}

/** The Cedar schema of one tenant: the names of its ontology are the only ones there are, so a policy that misspells one is refused and not silently without effect. */
export function cedarSchema(vocabulary: PolicyVocabulary, textOf = anyText): JsonObject {
  const edits = Object.fromEntries(['create', 'modify', 'delete', 'link', 'unlink', 'total'].map((name) => [name, long]));
  const summary = {
    riskTier: textOf(riskTiers),
    edits: record(edits),
    objectTypes: setOf(entity('ObjectType')),
    sensitive: setOf(entity('SensitiveProperty')),
  };
  const kind = textOf(principalKinds);
  const named = (names: readonly string[]) => enumeration(names, vocabulary.actionTypes.length > 0);
  const amounts = Object.fromEntries(vocabulary.amounts.map((name) => [name, optional(long)]));
  const touches = Object.fromEntries(vocabulary.objectTypes.map((type) => [type, optional(touched(type, vocabulary, textOf))]));
  return {
    '': {
      commonTypes: {
        Plan: record({
          ...summary,
          amounts: record(amounts),
          touches: record(touches),
          effects: record({
            count: long,
            irreversible: boolean,
            kinds: setOf(textOf(effectKinds)),
            endpoints: setOf(entity('Endpoint')),
            hosts: setOf(string),
          }),
        }),
        Proposer: record({ id: string, kind }),
        SeenPlan: record(summary),
        SeenProposer: record({ id: string, kind, actsFor: optional(string) }),
        Delegator: record({ id: string, roles: setOf(string), teams: setOf(string) }),
      },
      entityTypes: {
        Role: {},
        Team: {},
        Principal: {
          memberOfTypes: ['Role', 'Team'],
          shape: record({ id: string, kind, roles: setOf(string), teams: setOf(string), actsFor: optional(string) }),
        },
        Tenant: { enum: [''] },
        Settings: { enum: [...settings] },
        ActionType: named(vocabulary.actionTypes),
        ObjectType: named(vocabulary.objectTypes),
        SensitiveProperty: named(vocabulary.sensitive),
        Endpoint: named(vocabulary.endpoints),
      },
      actions: Object.fromEntries(
        Object.entries(contextsWith(textOf)).map(([action, context]) => [
          action,
          { appliesTo: { principalTypes: ['Principal'], resourceTypes: resources[action as PolicyAction], context: record(context) } },
        ]),
      ),
    },
  };
}

/** Cedar knows no empty enumeration; nothing is called by the empty name. Before the first document any name may come. */
function enumeration(names: readonly string[], isDefined: boolean): JsonObject {
  if (names.length > 0) return { enum: [...names] };
  return isDefined ? { enum: [''] } : {};
}

/** The entity type of what an action is done to. */
export function resourceTypeOf(action: PolicyAction, resource: string): string {
  if (resource === '') return 'Tenant';
  return action === 'administer' ? 'Settings' : 'ActionType';
}
