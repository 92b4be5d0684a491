import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { LostAnswer } from '../../ontology/effect-definition.ts';
import type { Answer } from '../../ontology/judge-answer.ts';
import type { PlannedEffect } from '../../ontology/planned-effect.ts';
import { judgeAttempt, type Outcome } from '../../store/saga/judge-attempt.ts';
import type { StepRow } from '../../store/saga/saga-rows.ts';
import type { Attempt } from '../../store/saga/start-attempt.ts';

// The tables of docs/effects.md are what is tested here, row by row and status by status.
const page = readFileSync('docs/effects.md', 'utf8');
const tables = page.split(/\n\n/).filter((part) => part.startsWith('| status '));
const cellsOf = (line: string) =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

interface Row {
  answers: Answer[];
  expected: [LostAnswer, string][];
}

function rowsOf(table = ''): Row[] {
  const [head = '', , ...lines] = table.split('\n').filter((line) => line.startsWith('|'));
  const names = cellsOf(head).map((name) => name.replaceAll('`', ''));
  return lines.map((line) => {
    const cells = cellsOf(line);
    const expected = cells.flatMap((cell, n): Row['expected'] => {
      const mode = names[n];
      return mode === 'key' || mode === 'probe' || mode === 'none' ? [[mode, cell]] : [];
    });
    return { answers: (cells[0] ?? '').split(', ').flatMap(answersOf), expected };
  });
}

function answersOf(words: string): Answer[] {
  if (words === 'not sent') return [{ kind: 'not_sent', code: 'ECONNREFUSED', reason: 'nobody listens' }];
  if (words === 'no answer') return [{ kind: 'lost', code: 'timeout', reason: 'nobody answered' }];
  const [first = 0, last = first] = words.split('–').map(Number);
  return Array.from({ length: last - first + 1 }, (_, n) => ({ kind: 'answered', status: first + n, body: undefined }));
}

const attempts = 5;
const probe = {
  request: { kind: 'webhook' as const, endpoint: 'carrier', method: 'GET', url: 'https://carrier.example/', timeoutMs: 1 },
  done: 'true',
};

function judged(answer: Answer, mode: LostAnswer, wasInDoubt: boolean, number: number): Outcome {
  const effect: PlannedEffect = {
    name: 'book',
    phase: 'writeBack',
    request: { ...probe.request, method: 'POST' },
    lostAnswer: mode,
    attempts,
    ...(mode === 'probe' ? { probe } : {}),
  };
  const problem = wasInDoubt ? { code: 'answer_lost', message: 'nobody answered', inDoubt: true } : null;
  return judgeAttempt({ kind: 'do', number } as Attempt, { problem, earlierAttempts: 0 } as StepRow, { effect }, { answer, probed: false });
}

/** In the words of the tables. A step whose attempt is outstanding is probed first where it has a probe (`startAttempt`). */
function wordsOf(outcome: Outcome, mode: LostAnswer): string {
  if (outcome.state !== 'again') return outcome.state;
  return outcome.outstanding && mode === 'probe' ? 'probed' : 'sent again';
}

const nameOf = (answer: Answer) => (answer.kind === 'answered' ? String(answer.status) : answer.kind);

describe.each([
  ['where no answer was lost before', rowsOf(tables[0]), false, ['key', 'probe', 'none']],
  ['once an answer was lost', rowsOf(tables[1]), true, ['key', 'probe']],
] as const)('what came back, %s,', (_words, rows, wasInDoubt, modes) => {
  const cases = rows.flatMap(({ answers, expected }) => answers.map((answer) => ({ answer, expected })));

  it('is in exactly one row of the table', () => {
    const statuses = Array.from({ length: 400 }, (_, n) => String(200 + n));
    expect(cases.map(({ answer }) => nameOf(answer)).sort()).toEqual([...statuses, 'lost', 'not_sent'].sort());
    for (const { expected } of cases) expect(expected.map(([mode]) => mode)).toEqual(modes);
  });

  it('means what the table says', () => {
    const found = cases.flatMap(({ answer, expected }) =>
      expected.map(([mode]) => [nameOf(answer), mode, wordsOf(judged(answer, mode, wasInDoubt, 2), mode)]),
    );
    const said = cases.flatMap(({ answer, expected }) => expected.map(([mode, words]) => [nameOf(answer), mode, words]));
    expect(said.filter((one, n) => one.join() !== found[n]?.join())).toEqual([]);
  });

  it('at the last attempt is asked about where there is a probe and it may have been done, else unknown then, and refused where it surely was not', () => {
    for (const { answer, expected } of cases)
      for (const [mode, words] of expected) {
        const surelyNot =
          !wasInDoubt && (words === 'refused' || words === 'sent again') && judged(answer, 'none', false, 2).state !== 'unknown';
        const last = wordsOf(judged(answer, mode, wasInDoubt, attempts), mode);
        const doubtful = mode === 'probe' ? 'probed' : 'unknown';
        expect(last, `${nameOf(answer)} ${mode}`).toBe(words === 'done' ? 'done' : surelyNot ? 'refused' : doubtful);
      }
  });
});
