import type { CompiledRule } from './compiled-action.ts';
import type { CompiledObjectType, SurfaceRow } from './compiled-ontology.ts';
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
