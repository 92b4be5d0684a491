import type { JsonValue } from '../../../ontology/json.ts';
import type { Tree } from './expression.ts';

/** What kinds of values the generated ontologies have. */
export const kinds = [
  'boolean',
  'integer',
  'long',
  'decimal',
  'double',
  'string',
  'enum',
  'date',
  'timestamp',
  'geopoint',
  'struct',
  'array',
  'reference',
] as const;
export type Kind = (typeof kinds)[number];

export interface Field {
  kind: Kind;
  /** Of a reference. */
  to?: string;
  required: boolean;
  fallback?: JsonValue;
  unique: boolean;
  /** Of an integer. */
  most?: number;
  /** Of a text, in characters. */
  longest?: number;
}

export interface Type {
  key: string | null;
  fields: Record<string, Field>;
  shapes: string[];
}

export interface Link {
  from: string;
  to: string;
  /** The property of `to`; null where the link has rows. */
  via: string | null;
  single: boolean;
  onDelete: 'refuse' | 'unlink' | 'delete';
  mustHave: ('from' | 'to')[];
}

export interface Parameter {
  kind: 'object' | 'anyOf' | 'objects' | 'set' | 'integer' | 'string' | 'integers' | 'rows';
  /** A type, or a shape for `anyOf`. */
  of: string;
  required: boolean;
  fallback?: JsonValue;
  prefill?: Tree;
  visible?: Tree;
  needed?: Tree;
  constraints: Tree[];
}

export type Rule = { when?: Tree } & (
  | { do: 'modify'; type: string; object: Tree; set: Record<string, Tree>; unset: string[] }
  | { do: 'create'; type: string; id: Tree | null; set: Record<string, Tree> }
  | { do: 'createOrModify'; type: string; id: Tree | null; set: Record<string, Tree>; create: Record<string, Tree> }
  | { do: 'delete'; type: string; object: Tree }
  | { do: 'link' | 'unlink'; link: string; from: Tree; to: Tree }
  | { do: 'forEach'; as: string; over: Source; rules: Rule[] }
  | { do: 'if'; condition: Tree; yes: Rule[]; no: Rule[] }
);

export type Source =
  | { over: 'link'; link: string; of: Tree; forward: boolean }
  | { over: 'path'; hops: { link: string; forward: boolean }[]; of: Tree }
  | { over: 'query'; type: string; where: Tree }
  | { over: 'list'; parameter: string };

export interface Action {
  parameters: Record<string, Parameter>;
  criteria: Tree[];
  rules: Rule[];
  most: number;
}

export interface World {
  shapes: Record<string, string[]>;
  types: Record<string, Type>;
  links: Record<string, Link>;
  actions: Record<string, Action>;
}

export interface State {
  /** Type to id to properties in stored form. */
  objects: Map<string, Map<string, Record<string, JsonValue>>>;
  /** Link type to `from to`. */
  rows: Map<string, Set<string>>;
}
