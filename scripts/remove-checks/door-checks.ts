import type pg from 'pg';
import { doorRefusals } from '../../store/door-refusals.ts';
import { type Removal, shorten } from './removal.ts';
import { type DoorFunction, whereChecks } from './where-checks.ts';

const raise = /RAISE EXCEPTION\s[^;]*?ERRCODE\s*=\s*'(XQ\d+)'[^;]*;/g;

/**
 * Every refusal that a function of the database raises, as the functions are after all migrations; of several conditions before one, each; and in those functions, and in
 * what they ask, each condition of a WHERE.
 */
export async function doorChecks(client: pg.Client): Promise<Removal[]> {
  const { rows } = await client.query<DoorFunction>(
    `SELECT p.proname AS name, pg_get_functiondef(p.oid) AS text FROM pg_proc p
      WHERE p.pronamespace = 'exequatur'::regnamespace AND p.prokind = 'f' ORDER BY p.proname, p.oid`,
  );
  const refusing = rows.filter(({ text }) => text.includes('ERRCODE'));
  return [
    ...refusing.flatMap(({ name, text }) => [...text.matchAll(raise)].flatMap((found) => checksAt(name, text, found))),
    ...whereChecks(refusing, rows),
  ];
}

function checksAt(name: string, text: string, found: RegExpMatchArray): Removal[] {
  const code = found[1] as keyof typeof doorRefusals;
  const hints = [name, code, doorRefusals[code]];
  const said = shorten(/'([^']*)'/.exec(found[0])?.[1] ?? '');
  const condition = conditionBefore(text, found.index ?? 0);
  const operands = condition === null ? [] : alternatives(text.slice(condition.from, condition.to), condition.from);
  if (operands.length < 2) {
    const without = replaced(text, found.index ?? 0, (found.index ?? 0) + found[0].length, 'NULL;');
    return [{ lane: 'door', where: `${name}()`, check: `${code} ${said}`, without, hints }];
  }
  return operands.map(({ from, to }) => ({
    lane: 'door' as const,
    where: `${name}()`,
    check: `${code} ${said}: ${shorten(text.slice(from, to))}`,
    without: replaced(text, from, to, ' false '),
    hints,
  }));
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

function replaced(text: string, from: number, to: number, by: string): string {
  return text.slice(0, from) + by + text.slice(to);
}
