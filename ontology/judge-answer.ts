import { fromCel } from './cel/cel-values.ts';
import { compileOverAnswer } from './compile-effects.ts';
import type { SlotDefinition } from './effect-definition.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { normaliseValue } from './value.ts';

/** What became of a request that was sent. */
export type Answer =
  | { kind: 'answered'; status: number; body: JsonValue | undefined; retryAfterMs?: number }
  /** Surely nothing reached the receiver. */
  | { kind: 'not_sent'; code: string; reason: string }
  /** Nothing may be sent there; another attempt is pointless. */
  | { kind: 'forbidden'; code: string; reason: string }
  /** It may have reached the receiver. */
  | { kind: 'lost'; code: string; reason: string };

export interface AnswerProblem {
  code: string;
  message: string;
}

export type Judgement =
  | { outcome: 'done'; slots?: JsonObject }
  /** Worth another attempt. `inDoubt`: this one may have reached the receiver. */
  | { outcome: 'again'; inDoubt: boolean; problem: AnswerProblem; retryAfterMs?: number }
  /** Surely not done, for good. */
  | { outcome: 'refused'; problem: AnswerProblem }
  /** It happened, and what came back cannot be used. */
  | { outcome: 'unusable'; problem: AnswerProblem };

/** The receiver says itself that it did not do it, and that it may later. */
const laterStatuses: ReadonlySet<number> = new Set([408, 425, 429, 503]);

/** What the answer to a request means, whatever is done about it. */
export function judgeAnswer(answer: Answer, slots: Readonly<Record<string, SlotDefinition>> = {}): Judgement {
  if (answer.kind === 'not_sent') return { outcome: 'again', inDoubt: false, problem: problemOf(answer) };
  if (answer.kind === 'lost') return { outcome: 'again', inDoubt: true, problem: problemOf(answer) };
  if (answer.kind === 'forbidden') return { outcome: 'refused', problem: problemOf(answer) };
  const { status } = answer;
  const problem = { code: 'status', message: `answered ${status}` };
  if (status >= 200 && status < 300) return takeSlots(answer, slots);
  if (laterStatuses.has(status)) return { outcome: 'again', inDoubt: false, problem, ...retryAfter(answer) };
  return status >= 500 ? { outcome: 'again', inDoubt: true, problem, ...retryAfter(answer) } : { outcome: 'refused', problem };
}

function retryAfter({ retryAfterMs }: { retryAfterMs?: number }): { retryAfterMs?: number } {
  return retryAfterMs === undefined ? {} : { retryAfterMs };
}

/** What a probe found: `undefined` where it could not tell. */
export function judgeProbe(answer: Answer, done: string): boolean | undefined {
  if (answer.kind !== 'answered' || laterStatuses.has(answer.status) || answer.status >= 500) return undefined;
  const verdict = computeOverAnswer(answer, done);
  return typeof verdict === 'boolean' ? verdict : undefined;
}

export function takeSlots(
  answer: Extract<Answer, { kind: 'answered' }>,
  slots: Readonly<Record<string, SlotDefinition>>,
): Exclude<Judgement, { outcome: 'again' }> {
  const filled: JsonObject = {};
  for (const [name, definition] of Object.entries(slots)) {
    const json = fromCel(definition, computeOverAnswer(answer, definition.value));
    const outcome = json === undefined ? { refused: 'is missing' } : normaliseValue(definition, json);
    if (!('value' in outcome))
      return { outcome: 'unusable', problem: { code: 'answer_unusable', message: `${name} of the answer ${outcome.refused}` } };
    filled[name] = outcome.value;
  }
  return { outcome: 'done', ...(Object.keys(filled).length > 0 ? { slots: filled } : {}) };
}

/** Null where it cannot be computed of this answer. */
function computeOverAnswer({ status, body }: Extract<Answer, { kind: 'answered' }>, text: string): unknown {
  const compiled = compileOverAnswer(text, '');
  if ('fault' in compiled) return null;
  try {
    return compiled.expression.compute({ answer: { status: BigInt(status), body: body ?? null } });
  } catch {
    return null;
  }
}

function problemOf({ code, reason }: { code: string; reason: string }): AnswerProblem {
  return { code, message: reason };
}
