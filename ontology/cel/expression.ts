import type { ASTNode } from '@marcbachmann/cel-js';
import type { Fault } from '../plan.ts';
import { quotedWords } from '../quoted-words.ts';
import { type AbsentMention, absenceWords, absentMentions } from './absent-mentions.ts';
import { childrenOf } from './ast-children.ts';
import { Budget, withinBudget } from './budget.ts';
import { running } from './cel-environment.ts';
import { expressionText, nodesOf } from './expression-text.ts';
import { failureWords, speaker } from './failure-words.ts';
import { findMentions } from './find-mentions.ts';
import type { Scope } from './scope.ts';

/** The values of the variables in reach. Frames of inner scopes inherit from outer ones by prototype. */
export type Frame = Record<string, unknown> & { [budgetOf]?: Budget };

/** Where a frame holds the budget of its evaluation. Without one an expression has a budget of its own. */
export const budgetOf = Symbol('budget');

/** An expression that was type-checked once and may be computed any number of times. */
export interface Expression {
  text: string;
  /** Where it stands in the ontology document, or in the request. */
  pointer: string;
  /** CEL name of its type. */
  type: string;
  /** @throws {ExpressionError} when it cannot be computed, for example arithmetic on an absent property. */
  compute(frame: Frame): unknown;
}

export class ExpressionError extends Error {
  readonly pointer: string;
  readonly absent: readonly AbsentMention[];

  constructor(pointer: string, message: string, cause: unknown, absent: readonly AbsentMention[] = []) {
    super(message, { cause });
    this.pointer = pointer;
    this.absent = absent;
  }
}

export type CompileOutcome = { expression: Expression } | { fault: Fault };

/** Checks an expression against its scope, and notes there which properties it mentions. `expects` says which type the place asks for. */
export function compileExpression(
  scope: Scope,
  text: string,
  pointer: string,
  expects: { type: (celType: string) => boolean; words: string },
): CompileOutcome {
  const refuse = (message: string): CompileOutcome => ({ fault: { code: 'invalid_ontology', pointer, message } });
  const checked = checkText(scope, text);
  if ('refused' in checked) {
    return refuse(checked.refused);
  }
  if (!expects.type(checked.type)) {
    return refuse(`must be ${expects.words}, but is ${checked.type}`);
  }
  const faults = findMentions(scope, checked.ast);
  if (faults[0]) {
    return refuse(faults[0]);
  }
  try {
    return { expression: { text, pointer, type: checked.type, compute: makeComputable(checked.ast, pointer) } };
  } catch (error) {
    return refuse(error instanceof ExpressionError ? error.message : describe(error));
  }
}

export type CheckedText = { ast: ASTNode; type: string };

/** Parses and type-checks; says what is wrong in words, with the character where it is. */
export function checkText(scope: Scope, text: string): CheckedText | { refused: string } {
  try {
    const inner = rename(scope, text);
    const parsed = scope.environment.parse(inner);
    const checked = parsed.check();
    return checked.valid ? { ast: parsed.ast, type: checked.type ?? 'dyn' } : { refused: describe(checked.error) };
  } catch (error) {
    return { refused: describe(error) };
  }
}

/** Gives variables that are called like words of the language their inner names. */
function rename(scope: Scope, text: string): string {
  if (![...scope.variables.keys()].some((name) => name.startsWith('_'))) {
    return text;
  }
  const renamed: { start: number; end: number; name: string }[] = [];
  const visit = (node: ASTNode): void => {
    if (node.op === 'id' && scope.variables.has(`_${node.args}`)) {
      renamed.push({ start: node.start, end: node.end, name: `_${node.args}` });
    }
    childrenOf(node).forEach(visit);
  };
  visit(scope.environment.parse(text).ast);
  return renamed
    .sort((left, right) => right.start - left.start)
    .reduce((rest, { start, end, name }) => rest.slice(0, start) + name + rest.slice(end), text);
}

function describe(error: unknown): string {
  const { summary, message, range } = error as { summary?: string; message?: string; range?: { start: number } };
  const words = quotedWords(speaker, summary ?? message ?? 'cannot be read');
  return range ? `${words} (at character ${range.start + 1})` : words;
}

function parseForRunning(text: string, pointer: string) {
  try {
    return running.parse(text);
  } catch (error) {
    throw new ExpressionError(pointer, 'nests too deeply', error);
  }
}

/** Compiles an expression whose meaning was checked, for running. @throws {ExpressionError} when it nests too deeply; so does what it returns when it fails. */
export function makeComputable(tree: ASTNode, pointer: string): (frame: Frame) => unknown {
  const run = parseForRunning(expressionText(tree), pointer);
  const units = nodesOf(tree);
  return (frame) => {
    try {
      return withinBudget(frame[budgetOf] ?? new Budget(), units, () => run(frame));
    } catch (error) {
      const absent = absentMentions(tree, frame);
      throw new ExpressionError(pointer, `${failureWords(error)}${absenceWords(absent)}`, error, absent);
    }
  };
}
