import type pg from 'pg';
import { type Checked, type Removal, shorten } from './removal.ts';
import { sqlConditions } from './sql-conditions.ts';

interface DoorFunction {
  name: string;
  text: string;
}

const raise = /RAISE EXCEPTION\s[^;]*?ERRCODE\s*=\s*'(XQ\d+)'[^;]*;/g;

/**
 * Every refusal that a function of the database raises, as the functions are after all migrations; of several conditions before one, each; and in those functions, and in all
 * that they ask about who may do what, each condition that rows or answers must meet, and each that ends a function early.
 */
export async function doorChecks(client: pg.Client): Promise<Checked[]> {
  const { rows } = await client.query<DoorFunction>(
    `SELECT p.proname AS name, pg_get_functiondef(p.oid) AS text FROM pg_proc p
      WHERE p.pronamespace = 'exequatur'::regnamespace AND p.prokind = 'f' ORDER BY p.proname, p.oid`,
  );
  const refusing = rows.filter(({ text }) => text.includes('ERRCODE'));
  const asked = askedBy(refusing, rows);
  return rows.flatMap(({ name, text }) => {
    const refusals = [...text.matchAll(raise)].flatMap((found) => refusalsAt(name, text, found));
    const conditions = asked.has(name) ? conditionsIn(name, text) : [];
    const removals = [...refusals, ...conditions];
    return removals.length === 0 ? [] : [{ lane: 'door' as const, where: `${name}()`, text, removals }];
  });
}

function refusalsAt(name: string, text: string, found: RegExpMatchArray): Removal[] {
  const at = found.index ?? 0;
  const said = `${found[1]} ${shorten(/'([^']*)'/.exec(found[0])?.[1] ?? '')}`;
  const here = { lane: 'door' as const, where: `${name}()` };
  const condition = conditionBefore(text, at);
  const operands = condition === null ? [] : alternatives(text.slice(condition.from, condition.to), condition.from);
  if (operands.length < 2) return [{ ...here, check: said, from: at, to: at + found[0].length, by: 'NULL;' }];
  return operands.map(({ from, to }) => ({ ...here, check: `${said}: ${shorten(text.slice(from, to))}`, from, to, by: 'false' as const }));
}

/** Of an `IF ... THEN` that comes immediately before; null where it is something else. */
function conditionBefore(text: string, at: number): { from: number; to: number } | null {
  const then = /\bTHEN\s*$/.exec(text.slice(0, at));
  if (then === null) return null;
  const start = Math.max(...[...text.slice(0, then.index).matchAll(/\b(?:ELS)?IF\s/g)].map((one) => (one.index ?? 0) + one[0].length), -1);
  return start === -1 ? null : { from: start, to: then.index };
}

/** What stands between the ORs that are in no bracket, no text and no CASE. */
function alternatives(text: string, offset: number): { from: number; to: number }[] {
  const parts: { from: number; to: number }[] = [];
  let depth = 0;
  let from = 0;
  for (const { 0: token, index } of text.matchAll(/'(?:[^']|'')*'|--[^\n]*|[()[\]]|\b(?:CASE|END|OR)\b/g)) {
    if ('([CASE'.includes(token)) depth += 1;
    else if (')]END'.includes(token)) depth -= 1;
    else if (token === 'OR' && depth === 0) {
      parts.push({ from: offset + from, to: offset + index });
      from = index + token.length;
    }
  }
  return [...parts, { from: offset + from, to: offset + text.length }];
}

/**
 * What reads objects, and what applies edits to them, is compared with simple implementations by tests of its own: whether a plan is fresh, or leaves a reference dangling,
 * is one check here and not fifty.
 */
const comparedElsewhere =
  /^(stale_reads|lock_types|apply_\w+|keep_\w+|check_references|check_unique|undo_conflicts|inverse_edits|without_conflicts|\w*index\w*|query_\w+|list_\w+|foresee_\w+|touches_selected|restore_only|stored_whole)$/;

function askedBy(refusing: readonly DoorFunction[], all: readonly DoorFunction[]): Set<string> {
  const found = new Map(refusing.filter(({ name }) => !comparedElsewhere.test(name)).map((one) => [one.name, one]));
  for (const { text } of found.values()) {
    for (const called of all) {
      if (!comparedElsewhere.test(called.name) && new RegExp(`\\b${called.name}\\(`).test(text)) found.set(called.name, called);
    }
  }
  return new Set(found.keys());
}

/** Says which row is meant, and not whether it may: of tenants, row-level security says the same. */
const names =
  /^(\w+\.tenant_id = .*|\w+\.(id|\w+_id|name|type|link|property|run|ordinal|scope|key|number|op) = \S+( COLLATE "C")?|(CONFLICT|CONSTRAINT)\b.*|true|FOUND)$/s;

function conditionsIn(name: string, text: string): Removal[] {
  return sqlConditions(text)
    .map(({ kind, ...range }) => ({
      ...range,
      kind,
      words: text
        .slice(range.from, range.to)
        .replace(/--[^\n]*/g, '')
        .trim(),
    }))
    .filter(({ words }) => !names.test(words))
    .map(({ kind, words, from, to }) => ({
      lane: 'door' as const,
      where: `${name}()`,
      check: `${kind} ${shorten(words)}`,
      from,
      to,
      by: kind === 'ends' ? ('false' as const) : ('true' as const),
    }));
}
