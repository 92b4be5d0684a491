import type { CompiledRule } from './compiled-action.ts';
import type { CompiledLinkType, CompiledObjectType, SurfaceRow } from './compiled-ontology.ts';
import { compareText } from './json.ts';
import type { Operation } from './plan.ts';
import { type Types, typesNamed } from './rule-context.ts';

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
    addRule(rule, types, add);
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

function addRule(
  rule: CompiledRule,
  types: Types,
  add: (type: string, operation: Operation, properties?: readonly string[]) => void,
): void {
  switch (rule.kind) {
    case 'modify':
      for (const { name } of typesNamed(types, rule.type)) {
        add(name, 'modify', [...propertiesOf(rule.set), ...rule.unset]);
      }
      return;
    case 'create':
      for (const type of typesNamed(types, rule.type)) {
        add(type.name, 'create', [...propertiesOf(rule.set), ...defaulted(type)]);
      }
      return;
    case 'createOrModify':
      for (const type of typesNamed(types, rule.type)) {
        add(type.name, 'create', [...propertiesOf(rule.set), ...propertiesOf(rule.create), ...defaulted(type)]);
        const changed = propertiesOf(rule.set).filter((property) => property !== type.key);
        if (changed.length > 0) {
          add(type.name, 'modify', changed);
        }
      }
      return;
    case 'delete':
      for (const { name } of typesNamed(types, rule.type)) {
        add(name, 'delete');
      }
      return;
    case 'link':
    case 'unlink':
      add(rule.link, rule.kind);
      return;
    case 'function':
      for (const write of rule.writes) {
        for (const operation of write.operations) {
          const all = [...(types.objectTypes.get(write.type)?.properties.keys() ?? [])];
          const properties = operation === 'create' ? all : operation === 'modify' ? (write.properties ?? []) : undefined;
          add(write.type, operation, properties);
        }
      }
      return;
    case 'forEach':
    case 'if':
      return; // What they hold is looked at by itself.
  }
}

function propertiesOf(assignments: readonly { property: string }[]): string[] {
  return assignments.map(({ property }) => property);
}

/** What deletions entail by the link types' `onDelete`, to its end. */
function addCascades(
  types: Types,
  rows: ReadonlyMap<string, { type: string; operation: Operation }>,
  add: (type: string, operation: Operation, properties?: readonly string[]) => void,
): void {
  // Grows while it is walked.
  const deleted = new Set([...rows.values()].filter((row) => row.operation === 'delete').map((row) => row.type));
  const cascading = deleted.size === 0 ? new Map<string, CompiledLinkType[]>() : linksByEnd(types);
  for (const type of deleted) {
    for (const link of cascading.get(type) ?? []) {
      if (link.via === undefined) {
        add(link.name, 'unlink');
      } else if (link.onDelete === 'unlink') {
        add(link.to, 'modify', [link.via]);
      }
      if (link.onDelete === 'delete' && link.from === type && !deleted.has(link.to)) {
        add(link.to, 'delete');
        deleted.add(link.to);
      }
    }
  }
}

/** By each type of which a deleted object entails something at such a link. */
function linksByEnd(types: Types): Map<string, CompiledLinkType[]> {
  const links = new Map<string, CompiledLinkType[]>();
  for (const link of types.linkTypes.values()) {
    if (link.onDelete === 'refuse') continue;
    for (const end of new Set(link.via === undefined ? [link.from, link.to] : [link.from])) {
      links.set(end, [...(links.get(end) ?? []), link]);
    }
  }
  return links;
}

function defaulted(type: CompiledObjectType): string[] {
  return [...type.properties].flatMap(([name, definition]) => (definition.default === undefined ? [] : [name]));
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
