import type { PolicySet } from '../ontology/policy-engine.ts';

/**
 * The modules by which OPA is given a set. It takes one with each request and compiles everything with each, so what can be one module is: policies that have no rules but their
 * verdicts stand together, each under its id, since nothing of theirs can meet anything of another's. One with rules of its own is a package of its own.
 */
export interface RegoModule {
  id: string;
  text: string;
  /** Ids of the policies in it. */
  of: readonly string[];
  /** Whether it is a package of one policy alone. */
  isApart: boolean;
}

/** A rule of every policy that says that it is there. */
export const present = 'exequatur_present';
/** What stands together: policies by id. No policy may have the word. */
export const together = 'exequatur_set';

export function modulesOf(name: string, policies: PolicySet['policies']): RegoModule[] {
  const apart: RegoModule[] = [];
  const rules: string[] = [];
  const of: string[] = [];
  for (const [id, text] of Object.entries(policies)) {
    const under = ruledUnder(`${together}[${JSON.stringify(id)}]`, text);
    if (under === null) apart.push(moduleApart(name, id, text));
    else {
      rules.push(under);
      of.push(id);
    }
  }
  const [first] = of;
  if (first === undefined) return apart;
  const text = `package exequatur.${name}\n\nimport rego.v1\n\n${rules.join('\n')}`;
  return [{ id: `${name}/${together}/${of.length}/${first}`, text, of, isApart: false }, ...apart];
}

/** What to give instead of a module that OPA did not take: its policies in two halves, and one alone, which says what is wrong with it, in a package of its own; null where it is that. */
export function insteadOf(name: string, { of, isApart }: RegoModule, policies: PolicySet['policies']): RegoModule[] | null {
  const [first = ''] = of;
  if (isApart) return null;
  if (of.length === 1) return [moduleApart(name, first, policies[first] ?? '')];
  const middle = Math.ceil(of.length / 2);
  return [of.slice(0, middle), of.slice(middle)].flatMap((ids) =>
    modulesOf(name, Object.fromEntries(ids.map((id) => [id, policies[id] ?? '']))),
  );
}

/** One policy in a package of its own. */
function moduleApart(name: string, id: string, policy: string): RegoModule {
  const text = `package exequatur.${name}.apart[${JSON.stringify(id)}]\n\nimport rego.v1\n\n${present} := true\n\n${policy}\n`;
  return { id: `${name}/apart/${id}`, text, of: [id], isApart: true };
}

/** Whose text stands in this line, counted from 1; none before the first. */
export function policyAt({ text, of, isApart }: Pick<RegoModule, 'text' | 'of' | 'isApart'>, row: number): string | null {
  if (isApart) return of[0] ?? null;
  const lines = text.split('\n').slice(0, row).reverse();
  const id = lines.map((line) => beginning.exec(line)?.[1]).find((one) => one !== undefined);
  return id ?? null;
}

/** The line that says of a policy that it is there; no policy may have the words. */
const beginning = new RegExp(`^${together}\\["(.*)"\\]\\.${present} := true$`);

/** Texts, comments, names, numbers, and whatever else stands by itself. */
const tokens = /`[^`]*`|"(?:\\.|[^"\\\n])*"|#[^\n]*|[A-Za-z_]\w*|\d[\w.]*|:=|\S/g;
const isName = (token: string) => /^[A-Za-z_]/.test(token);
/** Behind these a rule does not begin, but what they began goes on. */
const goesOn = new Set(['if', 'not', 'in', 'some', 'every', 'with', 'as', 'default', 'else', 'contains']);
const verdicts = new Set(['permit', 'forbid', 'soft']);
/** What may stand in other places than those that are looked at here, makes more of a rule than a verdict, or begins a text without an end. */
const strange = new Set(['$', '`', '"', 'default', 'else', present, together]);

/** The policy with its verdicts as rules under another name; null where it has any other rule, or it cannot be told for certain that it has none. */
function ruledUnder(name: string, text: string): string | null {
  const found = [...text.matchAll(tokens)].filter(([token]) => !token.startsWith('#') || token.includes('METADATA'));
  let depth = 0;
  let end = 0;
  let written = `${name}.${present} := true\n`;
  for (const [at, { 0: token, index }] of found.entries()) {
    const before = found[at - 1]?.[0];
    const startsLine = before === undefined || text.slice((found[at - 1]?.index ?? 0) + before.length, index).includes('\n');
    if (strange.has(token) || token.startsWith('#')) return null;
    if (depth === 0 && startsLine && isName(token)) {
      const begins = before === undefined || /^[\]})"`\d]/.test(before) || (isName(before) && !goesOn.has(before));
      if (!begins || !verdicts.has(token) || !['if', ':=', '='].includes(found[at + 1]?.[0] ?? '')) return null;
      written += `${text.slice(end, index)}${name}.`;
      end = index;
    } else if (verdicts.has(token) && before !== '.') return null;
    if ('([{'.includes(token)) depth++;
    else if (')]}'.includes(token)) depth--;
  }
  return depth === 0 ? `${written}${text.slice(end)}\n` : null; // Or it would go on in what stands behind it.
}
