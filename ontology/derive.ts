import { canonicalText } from './canonical-json.ts';
import type { Variable } from './cel/scope.ts';
import type { CompiledRule } from './compiled-action.ts';
import type { ActionCeilings, ApprovalFloor, CompiledLinkType, CompiledObjectType, SurfaceRow } from './compiled-ontology.ts';
import { type ActionTypeDefinition, type ApprovalPolicyDefinition, defaultEditLimit } from './definition.ts';
import { compareText } from './json.ts';
import type { Operation } from './plan.ts';

export interface Types {
  objectTypes: ReadonlyMap<string, CompiledObjectType>;
  linkTypes: ReadonlyMap<string, CompiledLinkType>;
}

/** Every (type, operation, property) that the rules can possibly touch, whatever the state: what the door lets through. */
export function deriveSurface(rules: readonly CompiledRule[], types: Types): SurfaceRow[] {
  const rows = new Map<string, { type: string; operation: Operation; properties?: Set<string> }>();
  const add = (type: string, operation: Operation, properties?: readonly string[]) => {
    const key = `${type} ${operation}`;
    const row = rows.get(key) ?? { type, operation };
    rows.set(key, row);
    if (properties) {
      row.properties = new Set([...(row.properties ?? []), ...properties]);
    }
  };
  for (const rule of flattenRules(rules)) {
    switch (rule.kind) {
      case 'modify':
        add(rule.type, 'modify', [...rule.set.map(({ property }) => property), ...rule.unset]);
        break;
      case 'create':
        add(rule.type, 'create', [...rule.set.map(({ property }) => property), ...defaulted(types, rule.type)]);
        break;
      case 'delete':
        add(rule.type, 'delete');
        break;
      case 'link':
      case 'unlink':
        add(rule.link, rule.kind);
        break;
      case 'function':
        for (const write of rule.writes) {
          for (const operation of write.operations) {
            const all = [...(types.objectTypes.get(write.type)?.properties.keys() ?? [])];
            const properties = operation === 'create' ? all : operation === 'modify' ? (write.properties ?? []) : undefined;
            add(write.type, operation, properties);
          }
        }
        break;
    }
  }
  addCascades(types, rows, add);
  return [...rows.values()]
    .sort((a, b) => compareText(a.type, b.type) || compareText(a.operation, b.operation))
    .map(({ type, operation, properties }) => ({
      type,
      operation,
      ...(properties ? { properties: [...properties].sort(compareText) } : {}),
    }));
}

/** What deletions entail by the link types' `onDelete`, to its end. */
function addCascades(
  types: Types,
  rows: ReadonlyMap<string, { type: string; operation: Operation }>,
  add: (type: string, operation: Operation, properties?: readonly string[]) => void,
): void {
  const deleted = [...rows.values()].filter((row) => row.operation === 'delete').map((row) => row.type);
  for (const type of deleted) {
    // Grows while it is walked.
    for (const link of types.linkTypes.values()) {
      const isEnd = link.from === type || (link.via === undefined && link.to === type);
      if (!isEnd || link.onDelete === 'refuse') {
        continue;
      }
      if (link.via === undefined) {
        add(link.name, 'unlink');
      } else if (link.onDelete === 'unlink') {
        add(link.to, 'modify', [link.via]);
      }
      if (link.onDelete === 'delete' && link.from === type && !deleted.includes(link.to)) {
        add(link.to, 'delete');
        deleted.push(link.to);
      }
    }
  }
}

function defaulted(types: Types, type: string): string[] {
  return [...(types.objectTypes.get(type)?.properties ?? [])].flatMap(([name, definition]) =>
    definition.default === undefined ? [] : [name],
  );
}

export function flattenRules(rules: readonly CompiledRule[]): CompiledRule[] {
  return rules.flatMap((rule) => {
    switch (rule.kind) {
      case 'forEach':
        return [rule, ...flattenRules(rule.rules)];
      case 'if':
        return [rule, ...flattenRules(rule.whenTrue), ...flattenRules(rule.whenFalse)];
      default:
        return [rule];
    }
  });
}

export function deriveCeilings(action: ActionTypeDefinition): ActionCeilings {
  return { edits: action.limits?.edits ?? defaultEditLimit, objects: { ...action.limits?.objects } };
}

/** How many distinct people the whole policy asks for. Without distinct reviewers one person may stand in every threshold, so only the largest is certain. */
export function approvalsOf(policy: ApprovalPolicyDefinition): number {
  const needed = policy.stages.flatMap((stage) => stage.thresholds.map((threshold) => threshold.needed));
  return policy.distinctReviewers === false ? Math.max(...needed) : needed.reduce((sum, one) => sum + one, 0);
}

export function deriveFloors(policy: ApprovalPolicyDefinition): ApprovalFloor[] {
  const whole: ApprovalFloor = { approvals: approvalsOf(policy), ceilings: {} };
  return policy.automatic ? [{ approvals: 0, ceilings: { ...policy.automatic.ceilings } }, whole] : [whole];
}

/**
 * The meaning of an action type as one canonical text: its definition, its policy, and of each type it touches or mentions those parts that it depends on.
 * Words for people, and which values are masked from whom, are left out, so that neither is a new version: the plan stays what it was.
 */
export function deriveDefinitionText(
  name: string,
  action: ActionTypeDefinition,
  policy: ApprovalPolicyDefinition,
  surface: readonly SurfaceRow[],
  variables: readonly Variable[],
  rules: readonly CompiledRule[],
  types: Types,
): string {
  const touched = new Map<string, Set<string>>();
  const links = new Set<string>();
  const touch = (type: string, properties: Iterable<string>) => {
    touched.set(type, new Set([...(touched.get(type) ?? []), ...properties]));
  };
  for (const row of surface) {
    if (types.linkTypes.has(row.type)) {
      links.add(row.type);
    } else {
      const all = types.objectTypes.get(row.type)?.properties.keys() ?? [];
      touch(row.type, row.operation === 'modify' ? (row.properties ?? []) : all);
    }
  }
  for (const variable of variables) {
    if (variable.objectType !== undefined) {
      touch(variable.objectType, variable.mentions);
    }
  }
  for (const rule of flattenRules(rules)) {
    if (rule.kind === 'forEach' && rule.source.kind === 'link') {
      links.add(rule.source.link);
    } else if (rule.kind === 'forEach' && rule.source.kind === 'query') {
      // A query's condition may mention any property, and is part of the action's own text; its answer depends on what those properties are.
      touch(rule.source.type, types.objectTypes.get(rule.source.type)?.properties.keys() ?? []);
    }
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
  return canonicalText(withoutWords({ format: 1, name, actionType: action, approvalPolicy: policy, objectTypes, linkTypes }));
}

const containers = new Set(['properties', 'parameters', 'objectTypes', 'linkTypes', 'set', 'default']);

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
