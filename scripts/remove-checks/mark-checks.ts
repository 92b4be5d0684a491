import { type Checked, keyOf, type Removal } from './removal.ts';

interface Insertion {
  at: number;
  text: string;
  /** Of what is there at one place: ends before beginnings, the inner end first, the outer beginning first. */
  rank: number;
}

/** The text with something before and after each check. */
function marked({ text, removals }: Checked, around: (key: string, removal: Removal) => readonly [string, string]): string {
  const insertions = removals.flatMap((removal): Insertion[] => {
    const [before, after] = around(keyOf(removal, text), removal);
    const length = removal.to - removal.from;
    return [
      { at: removal.from, text: before, rank: text.length + text.length - length },
      { at: removal.to, text: after, rank: length },
    ];
  });
  let out = '';
  let at = 0;
  for (const one of insertions.sort((a, b) => a.at - b.at || a.rank - b.rank)) {
    out += text.slice(at, one.at) + one.text;
    at = one.at;
  }
  return out + text.slice(at);
}

/**
 * The text with each check in place but the one that `globalThis.removedCheck` names; `metCheck` is told of each, passes on what it is given, and can tell that the check was met: that
 * it refused something, so that it would have been missed were it gone. Also where nothing hears: a workflow's sandbox loads some of these files.
 */
export function markedSource(checked: Checked): string {
  return marked(checked, (key, { by }) => [
    `(globalThis.removedCheck === '${key}' ? ${by} : (globalThis.metCheck ?? ((_key, _refuses, held) => held))('${key}', ${by === 'false'}, `,
    '))',
  ]);
}

/**
 * Planned without knowing the parameters: else PostgreSQL computes what can be computed before anything is asked, and what the check before it would have ended, a length of what is
 * no list, fails as soon as a mark keeps it from seeing that this check has answered already.
 */
export function markedFunction(checked: Checked): string {
  const text = marked(checked, (key, { by }) => (by === 'NULL;' ? [`PERFORM met.k${key}(true); `, ''] : [` met.k${key}(`, ') ']));
  return text.replace(beforeBody, " SET plan_cache_mode TO 'force_generic_plan'\n$&");
}

/** As `pg_get_functiondef` writes it, below all settings of the function. */
const beforeBody = /^AS \$function\$/m;

/** Calls of functions are what PostgreSQL counts whatever becomes of a transaction, and also in one that only reads: `hit_` is called where the check is met. */
export function markingFunctions({ text, removals }: Checked): string {
  return removals
    .map((removal) => {
      const key = keyOf(removal, text);
      return `
        CREATE FUNCTION met.hit_${key}() RETURNS void LANGUAGE plpgsql AS 'BEGIN END';
        CREATE FUNCTION met.k${key}(held boolean) RETURNS boolean LANGUAGE plpgsql AS $met$
        BEGIN
          IF held IS ${removal.by === 'true' ? 'NOT TRUE' : 'TRUE'} THEN
            PERFORM met.hit_${key}();
          END IF;
          RETURN held;
        END $met$;`;
    })
    .join('');
}

/**
 * Loaded into every process of a test run: writes the key of each check once that it is met, to the file that the test file says. What a test file starts as a process of its own
 * is told by its environment.
 */
export const preloadSource = `
import { appendFileSync } from 'node:fs';
let told = { by: '', keys: new Set() };
globalThis.removedCheck = process.env.REMOVED_CHECK;
globalThis.tellsMet = process.env.TELLS_MET;
globalThis.tellMet = (line) => {
  if (globalThis.tellsMet) appendFileSync(globalThis.tellsMet, line + '\\n');
};
globalThis.metCheck = (key, refuses, held) => {
  if (!globalThis.tellsMet || Boolean(held) !== refuses) return held;
  if (told.by !== globalThis.tellsMet) told = { by: globalThis.tellsMet, keys: new Set() };
  if (!told.keys.has(key)) {
    told.keys.add(key);
    globalThis.tellMet('check ' + key);
  }
  return held;
};
`;
