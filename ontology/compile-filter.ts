import type { ASTNode } from '@marcbachmann/cel-js';
import { childrenOf } from './cel/ast-children.ts';
import { ExpressionError } from './cel/expression.ts';
import { Scope, Vocabulary } from './cel/scope.ts';
import { compileCondition } from './compile-condition.ts';
import type { CompiledOntology } from './compiled-ontology.ts';
import type { Condition } from './condition.ts';
import type { Fault } from './plan.ts';

export type FilterOutcome = { ok: true; condition: Condition } | { ok: false; faults: Fault[] };

/** Functions that take text or a number and give a value. Nothing that loops or matches patterns: a filter comes from anyone with a token. */
const conversions = new Set(['timestamp', 'decimal', 'int', 'double', 'string', 'duration', 'date', 'dyn']);
const maximumLength = 2000;

const vocabularies = new WeakMap<CompiledOntology, Vocabulary>();

/** Compiles the CEL of a list request's `filter`. Properties go by their names, or as `object.<name>`. */
export function compileFilter(ontology: CompiledOntology, type: string, text: string): FilterOutcome {
  const refuse = (message: string): FilterOutcome => ({ ok: false, faults: [{ code: 'invalid_filter', pointer: '/filter', message }] });
  const objectType = ontology.objectTypes.get(type);
  if (!objectType) {
    return { ok: false, faults: [{ code: 'unknown_object_type', message: `there is no object type ${type}` }] };
  }
  if (text.length > maximumLength) {
    return refuse(`must be at most ${maximumLength} characters long`);
  }
  const queried = { type, properties: objectType.properties, alias: 'object' };
  const outcome = compileCondition(new Scope(vocabularyOf(ontology)), queried, text, '/filter', isPlain);
  if ('fault' in outcome) {
    return refuse(outcome.fault.message);
  }
  try {
    return { ok: true, condition: outcome.template({}) };
  } catch (error) {
    if (error instanceof ExpressionError) {
      return refuse(error.message);
    }
    throw error;
  }
}

function vocabularyOf(ontology: CompiledOntology): Vocabulary {
  let vocabulary = vocabularies.get(ontology);
  if (!vocabulary) {
    vocabulary = new Vocabulary(new Map([...ontology.interfaces, ...ontology.objectTypes].map(([name, type]) => [name, type.properties])));
    vocabularies.set(ontology, vocabulary);
  }
  return vocabulary;
}

function isPlain(node: ASTNode): boolean {
  switch (node.op) {
    case 'value':
      return true;
    case 'list':
    case '-_':
    case '+':
    case '-':
      return childrenOf(node).every(isPlain);
    case 'call':
      return conversions.has(node.args[0]) && childrenOf(node).every(isPlain);
    default:
      return false;
  }
}
