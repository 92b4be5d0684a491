import type { JsonObject } from '../ontology/json.ts';
import { type PolicyAction, type PolicyVocabulary, settings } from '../ontology/policy-engine.ts';
import type { AttributeKind } from '../ontology/touched-objects.ts';

const string = { type: 'String' };
const long = { type: 'Long' };
const boolean = { type: 'Boolean' };
const setOf = (element: JsonObject) => ({ type: 'Set', element });
const entity = (name: string) => ({ type: 'Entity', name });
const record = (attributes: JsonObject) => ({ type: 'Record', attributes });
const optional = (type: JsonObject) => ({ ...type, required: false });
const now = { type: 'Extension', name: 'datetime' };

/** What the context of each action holds. Whatever is not here cannot be named by a policy. */
const contexts: Record<PolicyAction, JsonObject> = {
  see: { now, plan: optional({ type: 'SeenPlan' }), proposer: optional({ type: 'SeenProposer' }) },
  propose: { now, revert: boolean },
  review: { now, plan: { type: 'Plan' }, proposer: { type: 'Proposer' }, decision: string, onBehalfOf: optional({ type: 'Delegator' }) },
  execute: { now, plan: { type: 'Plan' }, proposer: { type: 'Proposer' }, approvals: long },
  override: { now, plan: { type: 'Plan' }, proposer: { type: 'Proposer' }, approvals: long },
  administer: { now },
};

/** What it may be done to. The empty name is the tenant's. */
const resources: Record<PolicyAction, string[]> = {
  see: ['ActionType', 'Tenant'],
  propose: ['ActionType'],
  review: ['ActionType'],
  execute: ['ActionType'],
  override: ['ActionType'],
  administer: ['Settings'],
};

const valuesOf: Record<AttributeKind, JsonObject> = {
  text: setOf(string),
  boolean: setOf(boolean),
  number: record({ least: long, most: long }),
};

/** The objects of one type that a plan touches: `ontology/touched-objects.ts`. */
function touched(attributes: readonly [property: string, AttributeKind][]): JsonObject {
  const values = record(Object.fromEntries(attributes.map(([property, kind]) => [property, optional(valuesOf[kind])])));
  return record({ objects: long, ids: setOf(string), cut: boolean, before: values, after: values });
}

/** The Cedar schema of one tenant: the names of its ontology are the only ones there are, so a policy that misspells one is refused and not silently without effect. */
export function cedarSchema(vocabulary: PolicyVocabulary): JsonObject {
  const edits = Object.fromEntries(['create', 'modify', 'delete', 'link', 'unlink', 'total'].map((name) => [name, long]));
  const summary = {
    riskTier: string,
    edits: record(edits),
    objectTypes: setOf(entity('ObjectType')),
    sensitive: setOf(entity('SensitiveProperty')),
  };
  const amounts = Object.fromEntries(vocabulary.amounts.map((name) => [name, optional(long)]));
  const touches = Object.fromEntries(vocabulary.objectTypes.map((type) => [type, optional(touched(vocabulary.attributes[type] ?? []))]));
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
            kinds: setOf(string),
            endpoints: setOf(entity('Endpoint')),
            hosts: setOf(string),
          }),
        }),
        Proposer: record({ id: string, kind: string }),
        SeenPlan: record(summary),
        SeenProposer: record({ id: string, kind: string, actsFor: optional(string) }),
        Delegator: record({ id: string, roles: setOf(string), teams: setOf(string) }),
      },
      entityTypes: {
        Role: {},
        Team: {},
        Principal: {
          memberOfTypes: ['Role', 'Team'],
          shape: record({ id: string, kind: string, roles: setOf(string), teams: setOf(string), actsFor: optional(string) }),
        },
        Tenant: {},
        Settings: { enum: [...settings] },
        ActionType: named(vocabulary.actionTypes),
        ObjectType: named(vocabulary.objectTypes),
        SensitiveProperty: named(vocabulary.sensitive),
        Endpoint: named(vocabulary.endpoints),
      },
      actions: Object.fromEntries(
        Object.entries(contexts).map(([action, context]) => [
          action,
          { appliesTo: { principalTypes: ['Principal'], resourceTypes: resources[action as PolicyAction], context: record(context) } },
        ]),
      ),
    },
  };
}

/** Cedar knows no empty enumeration. */
function named(names: readonly string[]): JsonObject {
  return names.length === 0 ? {} : { enum: [...names] };
}

/** The entity type of what an action is done to. */
export function resourceTypeOf(action: PolicyAction, resource: string): string {
  if (resource === '') return 'Tenant';
  return action === 'administer' ? 'Settings' : 'ActionType';
}
