import { canonicalText } from './canonical-json.ts';
import type { CompiledAction } from './compiled-action.ts';
import type { ActionCeilings, ApprovalFloor, GlassFloor, SurfaceRow } from './compiled-ontology.ts';
import { type ActionTypeDefinition, type ApprovalPolicyDefinition, defaultEditLimit, type OntologyDocument } from './definition.ts';
import { flattenRules } from './derive-surface.ts';
import type { WebhookTemplate } from './effect-definition.ts';
import { compareText } from './json.ts';
import { referredType } from './parameter-shape.ts';
import { type Types, typesNamed } from './rule-context.ts';

/** What the door counts is edits by object type, so a bound on an interface bounds there each type that implements it; the evaluator holds the sum. */
export function deriveCeilings(action: ActionTypeDefinition, types: Types): ActionCeilings {
  const objects: Record<string, number> = {};
  for (const [name, limit] of Object.entries(action.limits?.objects ?? {})) {
    for (const type of typesNamed(types, name)) {
      objects[type.name] = Math.min(limit, objects[type.name] ?? limit);
    }
  }
  return { edits: action.limits?.edits ?? defaultEditLimit, objects };
}

export function deriveInterfaceLimits(action: ActionTypeDefinition, types: Types): CompiledAction['interfaceLimits'] {
  return Object.entries(action.limits?.objects ?? {}).flatMap(([name, limit]) => {
    const shape = types.interfaces.get(name);
    return shape ? [{ name, types: shape.implementers, limit }] : [];
  });
}

/**
 * How many distinct people every plan under the policy needs at least. Stages that a condition may skip ask nobody for certain, and of thresholds of which any
 * suffices the smallest counts. Without distinct reviewers one person may stand in every threshold, so only the largest is certain.
 */
export function approvalsOf(policy: Pick<ApprovalPolicyDefinition, 'stages' | 'distinctReviewers'>): number {
  const isShared = policy.distinctReviewers === false;
  const needed = policy.stages.flatMap((stage) => {
    const each = stage.thresholds.map((threshold) => threshold.needed);
    return stage.when !== undefined ? [] : [stage.require === 'any' ? Math.min(...each) : isShared ? Math.max(...each) : sum(each)];
  });
  return isShared ? Math.max(...needed) : sum(needed);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

export function deriveFloors(policy: ApprovalPolicyDefinition): (ApprovalFloor | GlassFloor)[] {
  const whole: ApprovalFloor = { approvals: approvalsOf(policy), ceilings: {} };
  const floors = [whole, ...deriveGlassFloor(policy)];
  if (!policy.automatic) {
    return floors;
  }
  const { ceilings, sensitive } = policy.automatic;
  return [{ approvals: 0, ceilings: { ...ceilings, ...(sensitive ? { sensitive } : {}) } }, ...floors];
}

function deriveGlassFloor({ breakGlass }: ApprovalPolicyDefinition): GlassFloor[] {
  if (breakGlass === undefined) return [];
  const { reviewWithin: _within, reviewers: _reviewers, ...glass } = breakGlass;
  return [{ glass }];
}

/**
 * The meaning of an action type as one canonical text: its definition, its policy, and of each type it touches or mentions those parts that it depends on.
 * Words for people, and who sees which values, are left out, so that neither is a new version: the plan stays what it was. Which properties are sensitive counts where
 * the policy asks.
 */
export function deriveDefinitionText(
  name: string,
  action: ActionTypeDefinition,
  policy: ApprovalPolicyDefinition,
  surface: readonly SurfaceRow[],
  { parameters, rules }: Pick<CompiledAction, 'parameters' | 'rules'>,
  types: Types,
  endpoints: OntologyDocument['endpoints'] = {},
): string {
  const touched = new Map<string, Set<string>>();
  const links = new Set<string>();
  const shapes = new Set<string>();
  const touch = (named: string, properties: Iterable<string>) => {
    const all = [...properties];
    if (types.interfaces.has(named)) {
      shapes.add(named); // Which types implement it is part of what is meant.
    }
    for (const { name: type } of typesNamed(types, named)) {
      touched.set(type, new Set([...(touched.get(type) ?? []), ...all]));
    }
  };
  for (const row of surface) {
    if (types.linkTypes.has(row.type)) {
      links.add(row.type);
    } else {
      const all = types.objectTypes.get(row.type)?.properties.keys() ?? [];
      touch(row.type, row.operation === 'modify' ? (row.properties ?? []) : all);
    }
  }
  for (const { variable, definition } of parameters.values()) {
    touch(referredType(definition) ?? '', variable.mentions);
    if (definition.type === 'objectSet') {
      touch(definition.of, types.objectTypes.get(definition.of)?.properties.keys() ?? []); // Its filter may mention any.
    }
  }
  for (const rule of flattenRules(rules)) {
    if ('type' in rule) {
      touch(rule.type, []);
    }
    if (rule.kind === 'forEach') {
      touch(rule.variable.objectType ?? '', rule.variable.mentions);
      for (const { link } of rule.source.kind === 'path' ? rule.source.hops : []) {
        links.add(link);
      }
    }
    if (rule.kind === 'forEach' && rule.source.kind === 'query') {
      // A query's condition may mention any property, and is part of the action's own text; its answer depends on what those properties are.
      const queried = types.objectTypes.get(rule.source.type) ?? types.interfaces.get(rule.source.type);
      touch(rule.source.type, queried?.properties.keys() ?? []);
    }
  }
  for (const name of Object.keys(action.limits?.objects ?? {}).filter((name) => types.interfaces.has(name))) {
    touch(name, []);
  }
  for (const { name, from, to, onDelete, requiredEnds } of types.linkTypes.values()) {
    if ((onDelete !== 'refuse' || requiredEnds.length > 0) && (touched.has(from) || touched.has(to))) {
      links.add(name); // What it entails or requires is part of what the action does.
    }
  }
  for (const link of links) {
    const type = types.linkTypes.get(link);
    touch(type?.from ?? '', []);
    touch(type?.to ?? '', type?.via === undefined ? [] : [type.via]);
  }
  const objectTypes = Object.fromEntries(
    [...touched].flatMap(([type, properties]) => {
      const compiled = types.objectTypes.get(type);
      if (!compiled) {
        return [];
      }
      const kept = Object.fromEntries([...compiled.properties].filter(([property]) => properties.has(property)));
      return [[type, { key: compiled.key ?? null, minimumApprovals: compiled.minimumApprovals, properties: kept }]];
    }),
  );
  const linkTypes = Object.fromEntries([...links].map((link) => [link, types.linkTypes.get(link)?.definition]));
  const interfaces = Object.fromEntries([...shapes].map((shape) => [shape, types.interfaces.get(shape)?.implementers]));
  const sensitive = isAskedBySensitivity(policy) ? sensitiveOf([...touched.keys()], types) : {};
  const meaning = {
    format: 1,
    name,
    actionType: action,
    approvalPolicy: policy,
    objectTypes,
    linkTypes,
    ...(shapes.size > 0 ? { interfaces } : {}),
    ...(action.effects || action.checks ? { endpoints: endpointsOf(action, endpoints) } : {}),
    ...(Object.keys(sensitive).length > 0 ? { sensitive } : {}),
  };
  return canonicalText(withoutWords(meaning));
}

/** Those that its effects and checks name. */
function endpointsOf({ effects = [], checks = [] }: ActionTypeDefinition, endpoints: NonNullable<OntologyDocument['endpoints']>) {
  const named = new Set<string>();
  const note = (request: object | undefined) => {
    if (request && 'webhook' in request) named.add((request as { webhook: WebhookTemplate }).webhook.endpoint);
  };
  for (const { probe, compensation, ...effect } of effects) for (const one of [effect, probe, compensation, compensation?.probe]) note(one);
  for (const { probe } of checks) note(probe);
  return Object.fromEntries(Object.entries(endpoints).filter(([name]) => named.has(name)));
}

/** Policy alone approves nothing sensitive that it does not name, and conditions of stages may speak of what is. Others ask the same people either way. */
function isAskedBySensitivity(policy: ApprovalPolicyDefinition): boolean {
  return policy.automatic !== undefined || policy.stages.some(({ when }) => when !== undefined);
}

function sensitiveOf(names: readonly string[], types: Types): Record<string, string[]> {
  const marked = names.map((name) => {
    const properties = [...(types.objectTypes.get(name)?.properties ?? [])];
    return [name, properties.flatMap(([property, { sensitive }]) => (sensitive ? [property] : [])).sort(compareText)] as const;
  });
  return Object.fromEntries(marked.filter(([, properties]) => properties.length > 0));
}

const containers = new Set(['properties', 'parameters', 'objectTypes', 'linkTypes', 'set', 'create', 'default']);

/** Drops `title` and `description`, and who may see a value, where they say so, and keeps them where they are names that an author chose. */
function withoutWords(value: unknown, isNamed = false): unknown {
  if (Array.isArray(value)) {
    return value.map((item) => withoutWords(item));
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) => {
      const isWords = !isNamed && (name === 'title' || name === 'description') && typeof inner === 'string';
      const isSight =
        !isNamed && ((name === 'sensitive' && typeof inner === 'boolean') || (name === 'sensitiveReaders' && typeof inner === 'string'));
      return isWords || isSight || inner === undefined ? [] : [[name, withoutWords(inner, !isNamed && containers.has(name))]];
    }),
  );
}
