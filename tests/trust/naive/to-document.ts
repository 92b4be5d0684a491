import type { FieldDefinition, OntologyDocument, Rule as ProductRule, PropertyDefinition } from '../../../ontology/definition.ts';
import type { JsonValue } from '../../../ontology/json.ts';
import { print, type Tree } from './expression.ts';
import type { Field, Parameter, Rule, Source, World } from './world.ts';

/** The document that says what the generated world is. */
export function toDocument(world: World): OntologyDocument {
  const shape = {
    n: property({ kind: 'integer', required: false, unique: false, most: 50 }),
    s: property({ kind: 'string', required: false, unique: false, longest: 8 }),
  };
  const implemented = Object.values(world.types).some(({ shapes }) => shapes.length > 0);
  return {
    ...(implemented ? { interfaces: { Shape: { properties: shape } } } : {}),
    objectTypes: Object.fromEntries(
      Object.entries(world.types).map(([name, { key, fields, shapes }]) => [
        name,
        {
          ...(key ? { key } : {}),
          ...(shapes.length > 0 ? { implements: shapes } : {}),
          properties: Object.fromEntries(Object.entries(fields).map(([field, of]) => [field, property(of)])),
        },
      ]),
    ),
    linkTypes: Object.fromEntries(
      Object.entries(world.links).map(([name, { from, to, via, single, onDelete, mustHave }]) => [
        name,
        {
          from,
          to,
          onDelete,
          requiredEnds: mustHave,
          ...(via === null
            ? { cardinality: 'many-to-many' as const }
            : { cardinality: single ? ('one-to-one' as const) : ('one-to-many' as const), via }),
        },
      ]),
    ),
    actionTypes: Object.fromEntries(
      Object.entries(world.actions).map(([name, action]) => [
        name,
        {
          parameters: Object.fromEntries(Object.entries(action.parameters).map(([parameter, of]) => [parameter, parameterOf(of)])),
          criteria: action.criteria.map((tree) => ({ condition: print(tree), message: 'no' })),
          rules: rules(action.rules),
          limits: { edits: action.most },
          approvalPolicy: 'one',
        },
      ]),
    ) as never,
    approvalPolicies: { one: { stages: [{ name: 'one', thresholds: [{ needed: 1, reviewers: 'true' }] }], expiresAfter: 'PT1H' } },
  };
}

function property({ kind, to, required, fallback, unique, most, longest }: Field): PropertyDefinition {
  const more = {
    ...(required ? { required } : {}),
    ...(fallback === undefined ? {} : { default: unusual(kind, fallback) }),
    ...(unique ? { unique } : {}),
  };
  switch (kind) {
    case 'integer':
      return { type: kind, ...(most === undefined ? {} : { maximum: most }), ...more };
    case 'string':
      return { type: kind, ...(longest === undefined ? {} : { maxLength: longest }), ...more };
    case 'enum':
      return { type: kind, values: ['x', 'y', 'z'], ...more };
    case 'struct':
      return { type: kind, properties: { a: { type: 'integer' }, b: { type: 'string' } }, ...more };
    case 'array':
      return { type: kind, items: { type: 'string' }, ...more };
    case 'reference':
      return { type: kind, to: to as string, ...more };
    default:
      return { type: kind, ...more };
  }
}

function parameterOf({ kind, of, required, fallback, prefill, visible, needed, constraints }: Parameter) {
  const rows: Record<string, FieldDefinition> = { a: { type: 'integer' }, b: { type: 'string' } };
  const shape = {
    object: { type: 'reference', to: of },
    anyOf: { type: 'reference', to: of },
    objects: { type: 'array', items: { type: 'reference', to: of } },
    set: { type: 'objectSet', of },
    integer: { type: 'integer' },
    string: { type: 'string' },
    integers: { type: 'array', items: { type: 'integer' } },
    rows: { type: 'array', items: { type: 'struct', properties: rows } },
  }[kind];
  return {
    ...shape,
    required,
    ...(fallback === undefined ? {} : { default: fallback }),
    ...(prefill ? { prefill: print(prefill) } : {}),
    ...(visible ? { visibleWhen: print(visible) } : {}),
    ...(needed ? { requiredWhen: print(needed) } : {}),
    ...(constraints.length > 0 ? { constraints: constraints.map((tree) => ({ condition: print(tree), message: 'no' })) } : {}),
  };
}

function rules(all: readonly Rule[]): ProductRule[] {
  return all.map((rule) => ({ ...bare(rule), ...(rule.when ? { when: print(rule.when) } : {}) }));
}

function bare(rule: Rule): ProductRule {
  switch (rule.do) {
    case 'modify':
      return { rule: 'modify', type: rule.type, object: print(rule.object), set: printed(rule.set), unset: rule.unset };
    case 'create':
      return { rule: 'create', type: rule.type, set: printed(rule.set), ...(rule.id ? { id: print(rule.id) } : {}) };
    case 'createOrModify':
      return {
        rule: 'createOrModify',
        type: rule.type,
        set: printed(rule.set),
        create: printed(rule.create),
        ...(rule.id ? { id: print(rule.id) } : {}),
      };
    case 'delete':
      return { rule: 'delete', type: rule.type, object: print(rule.object) };
    case 'link':
    case 'unlink':
      return { rule: rule.do, link: rule.link, from: print(rule.from), to: print(rule.to) };
    case 'forEach':
      return { rule: 'forEach', as: rule.as, in: source(rule.over), do: rules(rule.rules) };
    case 'if':
      return {
        rule: 'if',
        condition: print(rule.condition),
        // biome-ignore lint/suspicious/noThenProperty: the document's own word.
        then: rules(rule.yes),
        ...(rule.no.length > 0 ? { else: rules(rule.no) } : {}),
      };
  }
}

function source(over: Source) {
  switch (over.over) {
    case 'list':
      return { list: over.parameter };
    case 'query':
      return { query: { type: over.type, where: print(over.where) } };
    case 'link':
      return { link: over.link, of: print(over.of), ...(over.forward ? {} : { reverse: true }) };
    case 'path':
      return { path: over.hops.map(({ link, forward }) => ({ link, ...(forward ? {} : { reverse: true }) })), of: print(over.of) };
  }
}

function printed(set: Record<string, Tree>): Record<string, string> {
  return Object.fromEntries(Object.entries(set).map(([name, tree]) => [name, print(tree)]));
}

/** The same value, not in the form in which it is stored. */
function unusual(kind: string, fallback: JsonValue): JsonValue {
  if (kind === 'decimal' && String(fallback).includes('.')) return `${fallback}00`;
  return kind === 'timestamp' ? String(fallback).replace('Z', '00+00:00') : fallback;
}
