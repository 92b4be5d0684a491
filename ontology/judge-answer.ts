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
  /** Worth another attempt. `inDoubt`: this one may have been done. */
  | { outcome: 'again'; inDoubt: boolean; problem: AnswerProblem; retryAfterMs?: number }
  /** Whoever asks again is answered the same. `inDoubt`: it may have been done all the same. */
  | { outcome: 'refused'; inDoubt: boolean; problem: AnswerProblem }
  /** It happened, and what came back cannot be used. */
  | { outcome: 'unusable'; problem: AnswerProblem };

/** What a status proves of the request that it answers, whoever sent it: the receiver, or something on the way that may have passed the request on before. */
export type StatusMeaning =
  | 'done'
  /** Surely not done, and perhaps later. */
  | 'later'
  /** Surely not done, for good. */
  | 'refused'
  /** No more than no answer at all. */
  | 'nothing'
  /** Nothing either, and another attempt is answered the same. */
  | 'elsewhere';

export function meaningOf(status: number): StatusMeaning {
  if (status >= 200 && status < 300) return 'done';
  if (status === 425 || status === 429) return 'later'; // Turned away before anybody looked at it, by what these say.
  if (status === 307 || status === 308) return 'refused'; // To be sent elsewhere just as it is: so nobody acted here.
  if (status >= 300 && status < 400) return 'elsewhere'; // Many act, and then lead to a page that tells so.
  // A gateway answers 408 and 503, as it does 502 and 504, also once it has passed the request on and lost whom it passed it to.
  return status >= 400 && status < 500 && status !== 408 ? 'refused' : 'nothing';
}

/** What the answer to a request means, whatever is done about it. */
export function judgeAnswer(answer: Answer, slots: Readonly<Record<string, SlotDefinition>> = {}): Judgement {
  if (answer.kind === 'not_sent') return { outcome: 'again', inDoubt: false, problem: problemOf(answer) };
  if (answer.kind === 'lost') return { outcome: 'again', inDoubt: true, problem: problemOf(answer) };
  if (answer.kind === 'forbidden') return { outcome: 'refused', inDoubt: false, problem: problemOf(answer) };
  const { status } = answer;
  const problem = { code: 'status', message: `answered ${status}` };
  const meaning = meaningOf(status);
  switch (meaning) {
    case 'done':
      return takeSlots(answer, slots);
    case 'later':
    case 'nothing':
      return { outcome: 'again', inDoubt: meaning === 'nothing', problem, ...retryAfter(answer) };
    case 'refused':
    case 'elsewhere':
      return { outcome: 'refused', inDoubt: meaning === 'elsewhere', problem };
  }
}

function retryAfter({ retryAfterMs }: { retryAfterMs?: number }): { retryAfterMs?: number } {
  return retryAfterMs === undefined ? {} : { retryAfterMs };
}

/**
 * What a probe found: `undefined` where it could not tell. That it was not done is believed of an answer about the thing itself alone, and not of one that turns whoever asks
 * away: that would have the effect sent again because a token ran out.
 */
export function judgeProbe(answer: Answer, done: string): boolean | undefined {
  if (answer.kind !== 'answered') return undefined;
  const { status } = answer;
  const meaning = meaningOf(status);
  if (meaning === 'later' || meaning === 'nothing') return undefined;
  const verdict = computeOverAnswer(answer, done);
  if (verdict === false) return meaning === 'done' || status === 404 || status === 410 ? false : undefined;
  return verdict === true ? true : undefined;
}

export function takeSlots(
  answer: Extract<Answer, { kind: 'answered' }>,
  slots: Readonly<Record<string, SlotDefinition>>,
): Extract<Judgement, { outcome: 'done' | 'unusable' }> {
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
