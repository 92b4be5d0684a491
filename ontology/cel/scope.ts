import type { Environment } from '@marcbachmann/cel-js';
import type { AnyDefinition, PropertyDefinition, StructDefinition } from '../definition.ts';
import { checkingEnvironment } from './cel-environment.ts';
import { celTypeOf, objectCelType, objectTypeOf } from './cel-types.ts';
import { structCelType, structsIn } from './struct-types.ts';

/** One name an expression may use. */
export interface Variable {
  /** Its name in frames and in expressions as they are compiled; see `Scope.celName`. */
  name: string;
  celType: string;
  /** Set on objects and on lists of objects. */
  objectType?: string;
  /** Set where the variable is one stored value, so that enum literals can be checked. */
  definition?: AnyDefinition;
  /** Properties of the object, or of each object of the list, that any expression mentions: what is loaded into views and recorded as read. Grows while compiling. */
  mentions: Set<string>;
  /** Whether any expression names it at all. Long list parameters that none names are never turned into expression values. */
  isUsed: boolean;
}

/** The types that all expressions of one ontology share. */
export class Vocabulary {
  readonly objects: ReadonlyMap<string, ReadonlyMap<string, PropertyDefinition>>;
  readonly root: Environment;

  constructor(objects: ReadonlyMap<string, ReadonlyMap<string, PropertyDefinition>>, parameterStructs: readonly StructDefinition[] = []) {
    this.objects = objects;
    const properties = [...objects.values()].flatMap((fields) => [...fields.values()]);
    const structs = [...properties.flatMap((definition) => structsIn(definition).map(({ struct }) => struct)), ...parameterStructs];
    this.root = checkingEnvironment(
      new Map([...objects].map(([name, properties]) => [objectCelType(name), { id: 'string', ...fieldsOf(properties) }])),
      new Map(structs.map((struct) => [structCelType(struct), fieldsOf(Object.entries(struct.properties))])),
    );
  }
}

function fieldsOf(properties: Iterable<[string, AnyDefinition]>): Record<string, string> {
  return Object.fromEntries([...properties].map(([name, definition]) => [name, celTypeOf(definition)]));
}

/**
 * The names in reach of an expression. Scopes nest; an inner name never hides an outer one. Authors call parameters and properties `type`, `list` or `map`, which
 * are words of the language: such a variable goes by another name inside, which no author can write, since authors' names start with a letter.
 */
export class Scope {
  readonly vocabulary: Vocabulary;
  /** By inner name. */
  readonly variables: ReadonlyMap<string, Variable>;
  #environment: Environment | undefined;

  constructor(vocabulary: Vocabulary, variables: ReadonlyMap<string, Variable> = new Map()) {
    this.vocabulary = vocabulary;
    this.variables = variables;
  }

  celName(name: string): string {
    return this.vocabulary.root.hasVariable(name) ? `_${name}` : name;
  }

  has(name: string): boolean {
    return this.variables.has(this.celName(name));
  }

  with(givenName: string, celType: string, definition?: AnyDefinition): Scope {
    const name = this.celName(givenName);
    const objectType = objectTypeOf(/^list<(.*)>$/.exec(celType)?.[1] ?? celType);
    const variable: Variable = {
      name,
      celType,
      mentions: new Set(),
      isUsed: false,
      ...(objectType === undefined ? {} : { objectType }),
      ...(definition ? { definition } : {}),
    };
    return new Scope(this.vocabulary, new Map([...this.variables, [name, variable]]));
  }

  /** Adds a name that stands for one property of the object a condition is about. */
  withProperty(name: string, definition: AnyDefinition): Scope {
    return this.with(name, celTypeOf(definition), definition);
  }

  variable(name: string): Variable {
    const variable = this.variables.get(this.celName(name));
    if (!variable) {
      throw new Error(`no variable ${name} in this scope`);
    }
    return variable;
  }

  /** The same names, whose mentions are counted apart. */
  traced(): Scope {
    const fresh = ([name, variable]: [string, Variable]) => [name, { ...variable, mentions: new Set<string>(), isUsed: false }] as const;
    return new Scope(this.vocabulary, new Map([...this.variables].map(fresh)));
  }

  /** Built when the first expression asks: most scopes of a document are asked a few times, some never. */
  get environment(): Environment {
    if (!this.#environment) {
      this.#environment = this.vocabulary.root.clone();
      for (const { name, celType } of this.variables.values()) {
        this.#environment.registerVariable(name, celType);
      }
    }
    return this.#environment;
  }
}
