import { type Checked, keyOf, type Removal } from './removal.ts';

interface Insertion {
  at: number;
  text: string;
  /** Of what is there at one place: ends before beginnings, the inner end first, the outer beginning first. */
  rank: number;
}

/**
 * The text with a call around each check, `met(<key>, <check>)`, which passes on what it is given and can tell that the check was met: that it refused something, so that it would
 * have been missed were it gone.
 */
export function marked({ text, removals }: Checked, around: (key: string, removal: Removal) => readonly [string, string]): string {
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

/** Also where nothing hears: a workflow's sandbox loads some of these files. */
export function markedSource(checked: Checked): string {
  return marked(checked, (key, { by }) => [`(globalThis.metCheck ?? ((_key, _missed, held) => held))('${key}', ${by === 'false'}, `, ')']);
}

export function markedFunction(checked: Checked): string {
  return marked(checked, (key, { by }) => (by === 'NULL;' ? [`PERFORM met.k${key}(true); `, ''] : [` met.k${key}(`, ') ']));
}

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

/** Loaded into every process of a test run: writes the key of each check once that it is met. */
export const metSource = `
import { appendFileSync } from 'node:fs';
const told = new Set();
globalThis.metCheck = (key, refuses, held) => {
  if (Boolean(held) === refuses && !told.has(key)) {
    told.add(key);
    appendFileSync(process.env.MET_CHECKS, key + '\\n');
  }
  return held;
};
`;
