import { RE2JS, RE2JSException, RE2JSSyntaxException } from 're2js';
import { quotedWords } from './quoted-words.ts';

/**
 * Runs the regular expressions that tenants write, in definitions and in expressions, with RE2: its time is linear in the text, whatever the expression, where
 * JavaScript's own engine backtracks and can be made to hold the thread for years.
 */
export interface Pattern {
  /** Whether the whole text is a match. */
  matchesWhole(text: string): boolean;
  /** Whether any part of the text is a match. */
  matchesPart(text: string): boolean;
}

export type PatternOutcome = { pattern: Pattern } | { refused: string };

/** As in a definition. The expression `matches()` takes may be computed, and megabytes of it take seconds to read. */
const maximumLength = 1000;

/** A character costs at worst a step for every instruction, so these two bound the time of one match: to half a second on a slow machine. */
const maximumInstructions = 1000;
export const longestMatchedText = 100_000;

/** Each keeps the automaton that its texts have unfolded, of up to 8 MiB: few are in use at once, and more than this a hostile tenant must not hold. */
const maximumKept = 100;
const kept = new Map<string, PatternOutcome>();

/** Compiles an expression of RE2's syntax, or says in words why it is none. Never throws. */
export function compilePattern(text: string): PatternOutcome {
  if (text.length > maximumLength) {
    return { refused: `is a regular expression of more than ${maximumLength} characters` };
  }
  const outcome = kept.get(text) ?? compile(text);
  kept.delete(text); // Put back as the youngest: a map keeps the order in which keys came.
  kept.set(text, outcome);
  if (kept.size > maximumKept) {
    kept.delete(kept.keys().next().value as string);
  }
  return outcome;
}

function compile(text: string): PatternOutcome {
  try {
    const compiled = RE2JS.compile(text);
    if (compiled.programSize() > maximumInstructions) {
      return { refused: 'is too large a regular expression; repeat less, and say with maxLength how long a text may be' };
    }
    return { pattern: { matchesWhole: (given) => compiled.testExact(given), matchesPart: (given) => compiled.test(given) } };
  } catch (error) {
    if (!(error instanceof RE2JSException)) {
      throw error;
    }
    return {
      refused: `is no regular expression of RE2, which has no look-around and no back-references: ${quotedWords('RE2', reasonOf(error))}`,
    };
  }
}

function reasonOf(error: RE2JSException): string {
  return error instanceof RE2JSSyntaxException ? [error.getDescription(), error.getPattern()].filter(Boolean).join(' ') : error.message;
}
