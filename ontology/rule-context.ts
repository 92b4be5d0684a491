import { objectCelType } from './cel/cel-types.ts';
import { compileExpression, type Expression } from './cel/expression.ts';
import type { Scope } from './cel/scope.ts';
import type { CompiledInterface, CompiledLinkType, CompiledObjectType } from './compiled-ontology.ts';
import type { ActionTypeDefinition, PropertyDefinition } from './definition.ts';
import type { FaultList } from './fault-list.ts';
import type { OntologyFunction } from './ontology-function.ts';

/** What names may stand for. */
export interface Types {
  objectTypes: ReadonlyMap<string, CompiledObjectType>;
  linkTypes: ReadonlyMap<string, CompiledLinkType>;
  interfaces: ReadonlyMap<string, CompiledInterface>;
}

/** What a rule may refer to. */
export interface RuleContext {
  action: ActionTypeDefinition;
  types: Types;
  functions: readonly OntologyFunction[];
  /** `name@version` of the registered effect functions. */
  effectFunctions: ReadonlySet<string>;
  faults: FaultList;
}

/** The type of an expression that a place asks for, and how to say so. */
export interface Expected {
  type: (celType: string) => boolean;
  words: string;
}

export const boolean: Expected = { type: (celType) => celType === 'bool' || celType === 'dyn', words: 'true or false' };
export const text: Expected = { type: (celType) => celType === 'string' || celType === 'dyn', words: 'text' };

export function expression(context: RuleContext, scope: Scope, source: string, pointer: string, expects: Expected): Expression | undefined {
  return context.faults.take(compileExpression(scope, source, pointer, expects))?.expression;
}

/** What `type` in a rule names: one object type, or all that implement an interface. */
export interface NamedType {
  name: string;
  isInterface: boolean;
  /** Those that every one of the types has. */
  properties: ReadonlyMap<string, PropertyDefinition>;
  types: readonly CompiledObjectType[];
}

/** Whose objects an edit of a type or a link row is about: of a row, those of both ends. */
export function typesTouched(types: Pick<Types, 'linkTypes'>, name: string): string[] {
  const link = types.linkTypes.get(name);
  return link === undefined ? [name] : [link.from, link.to];
}

/** The object types behind a name; none where there is no such type. */
export function typesNamed(types: Pick<Types, 'objectTypes' | 'interfaces'>, name: string): readonly CompiledObjectType[] {
  const type = types.objectTypes.get(name);
  const implementers = types.interfaces.get(name)?.implementers ?? [];
  return type ? [type] : implementers.flatMap((implementer) => types.objectTypes.get(implementer) ?? []);
}

export function namedType(context: RuleContext, name: string, base: string): NamedType | undefined {
  const type = context.types.objectTypes.get(name);
  const shape = context.types.interfaces.get(name);
  const types = typesNamed(context.types, name);
  if (types.length === 0) {
    context.faults.addAt(base, ['type'], shape ? `no object type implements ${name}` : `there is no object type ${name}`);
    return undefined;
  }
  return { name, isInterface: type === undefined, properties: (type ?? shape)?.properties ?? new Map(), types };
}

/** An id alone does not say which of several types is meant, so of an interface the object itself is asked for. */
export function anObject({ name, isInterface, types }: NamedType): Expected {
  const celTypes = new Set([name, ...types.map((type) => type.name)].map(objectCelType));
  return {
    type: (celType) => celTypes.has(celType) || celType === 'dyn' || (!isInterface && celType === 'string'),
    words: isInterface ? `a ${name}` : `a ${name} or the id of one`,
  };
}
