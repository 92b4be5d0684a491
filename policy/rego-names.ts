import type { JsonObject, JsonValue } from '../ontology/json.ts';
import { policyActions } from '../ontology/policy-engine.ts';
import { neverThere } from './never-there.ts';
import { anything, type Place, Places } from './places.ts';
import { neverEqual } from './texts-compared.ts';

/**
 * What a Rego policy reads of its question and is never there, and texts that it compares with what is never one of them, by the schema that Cedar policies are checked
 * against: Rego takes a misspelt name for one that has no value, so a prohibition with it would never hold. Only of names and texts that are written there, and only where nothing
 * replaces the question. In words, one for each.
 */
export function unknownInRego(schema: JsonObject, module: JsonValue): string[] {
  const question = new Question(schema);
  const found = new Set<string>();
  let replaces = false;
  visit(module, (node) => {
    if (node.with !== undefined) replaces = true;
    if (node.type === 'ref') for (const words of question.strange(node)) found.add(words);
    const [operator, left, right] = operationOf(node);
    if (left === undefined || right === undefined) return;
    const op = operator === 'internal.member_2' ? 'contains' : equalities.has(operator) ? '==' : null;
    if (op === null) return;
    const [mine, theirs] = op === 'contains' ? [right, left] : [left, right];
    for (const words of neverEqual(op, question.of(mine), question.of(theirs))) found.add(words);
  });
  return replaces ? [] : [...found];
}

interface Node {
  type?: unknown;
  value?: unknown;
  terms?: unknown;
  with?: unknown;
}

const equalities = new Set(['eq', 'equal', 'neq']);

/** The depth is bounded by the length of a policy. */
function visit(value: unknown, on: (node: Node) => void): void {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) on(value);
  for (const inner of Object.values(value)) visit(inner, on);
}

/** Of a call, or of an expression that is one: the function and what it is given. */
function operationOf({ type, value, terms }: Node): [operator: string, left: Node | undefined, right: Node | undefined] {
  const [operator, left, right] = (type === 'call' ? value : Array.isArray(terms) ? terms : []) as Node[];
  const parts = Array.isArray(operator?.value) ? (operator.value as Node[]) : [];
  return [parts.map((part) => String(part.value)).join('.'), left, right];
}

/** The tenant beside them is the empty name. */
const resources = ['ActionType', 'Settings'];

class Question {
  private readonly root: Place;

  constructor(schema: JsonObject) {
    const places = new Places(schema, { op: 'All' });
    const parts = new Map<string, Place[]>([
      ['principal', places.of({ Var: 'principal' })],
      ['action', [{ ...anything, texts: policyActions }]],
      ['resource', [{ ...anything, texts: [''] }, ...resources.flatMap((type) => places.ofEntity({ type }))]],
      ['context', places.of({ Var: 'context' })],
    ]);
    this.root = { names: [...parts.keys()], at: (name) => parts.get(name) ?? [] };
  }

  of(term: Node): Place[] {
    if (term.type === 'string') return [{ ...anything, texts: [String(term.value)], isLiteral: true }];
    if (term.type === 'array' || term.type === 'set')
      return [{ ...anything, elements: (term.value as Node[]).map((element) => this.of(element)) }];
    return this.follow(term).at;
  }

  /** The first name on the way that is never there. */
  strange(term: Node): string[] {
    return this.follow(term).strange;
  }

  private follow({ type, value }: Node): { at: Place[]; strange: string[] } {
    const [head, ...path] = type === 'ref' ? (value as Node[]) : [];
    if (head?.type !== 'var' || head.value !== 'input') return { at: [anything], strange: [] };
    let at = [this.root];
    for (const part of path) {
      const names = at.flatMap((place) => [...place.names]);
      if (names.length === 0) {
        at = at.flatMap(({ elements }) => elements?.flat() ?? [anything]);
      } else if (part.type !== 'string') {
        return { at: [anything], strange: [] };
      } else {
        const name = String(part.value);
        if (!names.includes(name)) return { at: [anything], strange: [neverThere('reads', name, names)] };
        at = at.flatMap((place) => place.at(name));
      }
    }
    return { at, strange: [] };
  }
}
