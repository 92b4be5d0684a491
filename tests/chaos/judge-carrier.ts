import { canonicalText } from '../../ontology/canonical-json.ts';
import type { JsonValue } from '../../ontology/json.ts';
import type { StepState } from '../../ontology/saga.ts';
import type { Received } from '../effects/receiver.ts';
import type { Deed } from './mixed-parcels.ts';

export interface Request {
  method: string;
  path: string;
  body?: JsonValue | undefined;
}

/** What the engine believes of a step outside of it, and what its plan says that it sends. */
export interface BelievedStep {
  /** `<proposal>.<plan>.<run>`: what its keys begin with. */
  saga: string;
  ordinal: number;
  name: string;
  state: StepState;
  /** Where an operator left what was not taken back: the step about which they were asked, or, of the edits, between two steps; null where nobody did. */
  leftFrom: number | null;
  /** Of a check with a bake time: until when it is asked again and again, and must be asked once more. */
  bakesUntilMs: number | null;
  /** How a lost answer of the effect is treated. */
  lostAnswer: string;
  /** Null for a check, which only asks. */
  do: Request | null;
  undo: Request | null;
  probes: { do: Request | null; undo: Request | null };
}

type Way = Deed['way'];
type Asked = Pick<Received, 'method' | 'path' | 'key' | 'body' | 'acted' | 'answered' | 'atMs'>;

/** How often the carrier did it, and took it back, for each state in which a step may end: at least, at most. */
const believed: Partial<Record<StepState, Record<Way, [number, number]>>> = {
  waiting: { do: [0, 0], undo: [0, 0] },
  refused: { do: [0, 0], undo: [0, 0] },
  done: { do: [1, 1], undo: [0, 0] },
  unknown: { do: [0, 1], undo: [0, 0] },
  undone: { do: [0, 1], undo: [0, 1] },
  skipped: { do: [0, 1], undo: [0, 1] }, // Somebody has seen to it.
};

/** The same for the step that an operator was asked about, and left. */
const left: typeof believed = {
  ...believed,
  sending: { do: [0, 1], undo: [0, 0] },
  stuck: { do: [0, 1], undo: [0, 1] },
};

/**
 * Holds what a carrier was asked and did against what the engine believes that it asked and had done, both ways. It trusts neither: the carrier need not know a key again, and a
 * step need not say the truth.
 * @param asked everything it was asked, as it came
 * @param acted what it did, in the order in which it did it
 */
export function faultsOfCarrier(
  steps: readonly BelievedStep[],
  asked: readonly Asked[],
  acted: readonly Asked[],
  deedOf: (one: Asked) => Deed | null,
): string[] {
  const byKey = new Map<string, { step: BelievedStep; way: Way }>();
  for (const step of steps) for (const way of ['do', 'undo'] as const) byKey.set(`${step.saga}.${step.ordinal}.${way}`, { step, way });
  return [
    ...asked.flatMap((one) => faultOfRequest(one, byKey)),
    ...steps.flatMap((step) => faultsOfStep(step, asked, acted)),
    ...faultsOfOrder(acted, byKey),
    ...faultsOfDeeds(acted, deedOf),
  ];
}

/** Each request is one of a plan, word for word, whichever attempt it belongs to. */
function faultOfRequest(one: Asked, byKey: ReadonlyMap<string, { step: BelievedStep; way: Way }>): string[] {
  const isProbe = one.key.endsWith('.probe');
  const found = byKey.get(one.key.replace(/\.\d+\.probe$/, '')); // Each asking has a number.
  if (found === undefined) return [`${wordsOf(one)} was asked under ${one.key}, which is of no step`];
  const { step, way } = found;
  const planned = isProbe ? step.probes[way] : step[way];
  if (planned === null) return [`${wordsOf(one)} was asked for ${way} of ${step.name}, which has none`];
  return wordsOf(one) === wordsOf(planned) ? [] : [`${wordsOf(one)} was asked, and the plan says ${wordsOf(planned)}`];
}

function faultsOfStep(step: BelievedStep, asked: readonly Asked[], acted: readonly Asked[]): string[] {
  const of = (list: readonly Asked[], way: Way) => list.filter(({ key }) => key === `${step.saga}.${step.ordinal}.${way}`);
  const label = `${step.name} of ${step.saga}, ${step.state}`;
  const allowed = (step.ordinal === step.leftFrom ? left : believed)[step.state];
  if (allowed === undefined) return [`${label}: no state to end in`];
  if (step.do === null) return faultsOfCheck(step, label, asked);
  if (step.leftFrom !== null && step.ordinal < step.leftFrom && step.state === 'undone') return [`${label}: it was left, and taken back`];
  const faults = (['do', 'undo'] as const).flatMap((way) => {
    const [least, most] = allowed[way];
    const times = of(acted, way).length;
    return times < least || times > most ? [`${label}: ${way} was done ${times} times`] : [];
  });
  const [did, took] = [of(acted, 'do').length, of(acted, 'undo').length];
  if (step.state === 'undone' && did !== took) faults.push(`${label}: done ${did} times and taken back ${took} times`);
  const sent = of(asked, 'do');
  // Asked again it may be only where it was surely turned away before.
  const isDone = sent.slice(0, -1).some(({ answered }) => answered !== 425 && answered !== 429);
  if (step.lostAnswer === 'none' && isDone) faults.push(`${label}: sent ${sent.length} times`);
  return faults;
}

/** One that held was asked to its end, and the last answer said so; of one that did not, an answer did not say so, or none came. */
function faultsOfCheck({ saga, ordinal, state, bakesUntilMs, probes }: BelievedStep, label: string, asked: readonly Asked[]): string[] {
  if (probes.do === null) return [];
  const askings = asked.filter(({ key }) => key.startsWith(`${saga}.${ordinal}.do.`));
  const held = ({ answered }: Asked) => answered === 200;
  const last = askings.findLast(({ answered }) => answered !== null);
  if (state === 'refused') return askings.every(held) ? [`${label}: it held`] : [];
  if (state !== 'done') return [];
  if (last === undefined || !held(last)) return [`${label}: it did not hold`];
  return last.atMs < (bakesUntilMs ?? 0) ? [`${label}: not asked at its end, but ${(bakesUntilMs ?? 0) - last.atMs} ms before`] : [];
}

/** Within a run, forward from the first step to the last, and then back from the last to the first. */
function faultsOfOrder(acted: readonly Asked[], byKey: ReadonlyMap<string, { step: BelievedStep; way: Way }>): string[] {
  const last = new Map<string, { way: Way; ordinal: number }>();
  return acted.flatMap(({ key }) => {
    const found = byKey.get(key);
    if (found === undefined) return [];
    const { step, way } = found;
    const before = last.get(step.saga);
    last.set(step.saga, { way, ordinal: step.ordinal });
    if (before === undefined) return [];
    const inOrder = before.way === way ? (way === 'do' ? before.ordinal < step.ordinal : before.ordinal > step.ordinal) : way === 'undo';
    return inOrder ? [] : [`${step.saga}: ${way} ${step.ordinal} came after ${before.way} ${before.ordinal}`];
  });
}

/** Whatever the keys say: nothing is done that is done already, nor taken back that is not. */
function faultsOfDeeds(acted: readonly Asked[], deedOf: (one: Asked) => Deed | null): string[] {
  const inForce = new Set<string>();
  return acted.flatMap((one) => {
    const deed = deedOf(one);
    if (deed === null) return [`${wordsOf(one)} is a question, and was acted upon`];
    const { thing, way } = deed;
    const isOdd = inForce.has(thing) === (way === 'do');
    if (way === 'do') inForce.add(thing);
    else inForce.delete(thing);
    return isOdd ? [`${thing}: ${way === 'do' ? 'done a second time' : 'taken back, and was not there'}, under ${one.key}`] : [];
  });
}

function wordsOf({ method, path, body }: Request): string {
  return `${method} ${path}${body === undefined ? '' : ` ${canonicalText(body)}`}`;
}
