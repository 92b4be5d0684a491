import type { Context, EntityJson, StatefulAuthorizationCall } from '@cedar-policy/cedar-wasm/nodejs';
import type { PlanForPolicy, PolicyContext, PolicyRequest } from '../ontology/policy-engine.ts';
import { resourceTypeOf } from './cedar-schema.ts';

/** A question in Cedar's words, without the policies. */
export type CedarQuestion = Omit<StatefulAuthorizationCall, 'preparsedPolicySetId'>;

export function cedarQuestion({ principal, action, resource, context }: PolicyRequest): CedarQuestion {
  const uid = { type: 'Principal', id: principal.id };
  const entity: EntityJson = {
    uid,
    attrs: {
      id: principal.id,
      kind: principal.kind,
      roles: [...principal.roles],
      teams: [...principal.teams],
      ...(principal.actsFor === null ? {} : { actsFor: principal.actsFor }),
    },
    parents: [...principal.roles.map((id) => ({ type: 'Role', id })), ...principal.teams.map((id) => ({ type: 'Team', id }))],
  };
  return {
    principal: uid,
    action: { type: 'Action', id: action },
    resource: { type: resourceTypeOf(action, resource), id: resource },
    context: cedarContext(context),
    entities: [entity],
  };
}

function cedarContext({ now, plan, onBehalfOf, ...others }: PolicyContext): Context {
  const given = Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined));
  return {
    now: { __extn: { fn: 'datetime', arg: now } },
    ...given,
    ...(plan === undefined ? {} : { plan: cedarPlan(plan) }),
    ...(onBehalfOf === undefined ? {} : { onBehalfOf: { id: onBehalfOf.id, roles: [...onBehalfOf.roles], teams: [...onBehalfOf.teams] } }),
  };
}

function cedarPlan({ riskTier, edits, objectTypes, sensitive, amounts, touches, effects }: PlanForPolicy): Context {
  return {
    riskTier,
    edits: { ...edits, total: Object.values(edits).reduce((sum, count) => sum + count, 0) },
    objectTypes: objectTypes.map((id) => ({ __entity: { type: 'ObjectType', id } })),
    sensitive: sensitive.map((id) => ({ __entity: { type: 'SensitiveProperty', id } })),
    ...(amounts === undefined ? {} : { amounts: { ...amounts } }),
    ...(touches === undefined ? {} : { touches: { ...touches } as unknown as Context }),
    ...(effects === undefined
      ? {}
      : { effects: { ...effects, endpoints: effects.endpoints.map((id) => ({ __entity: { type: 'Endpoint', id } })) } }),
  };
}
