import { describe, expect, it } from 'vitest';
import type { StepState } from '../../ontology/saga.ts';
import type { Received } from '../effects/receiver.ts';
import { type BelievedStep, faultsOfCarrier, type Request } from './judge-carrier.ts';
import { deedOf } from './mixed-parcels.ts';

const body = { parcel: 'P1', to: 'depot-1' };
const reserve = { method: 'PUT', path: '/reservations/depot-1', body };
const release = { method: 'DELETE', path: '/reservations/depot-1', body };
const collect = { method: 'POST', path: '/collections/depot-1', body };

const step = (ordinal: number, state: StepState, request: Request, undo: BelievedStep['undo'], lostAnswer = 'probe'): BelievedStep => ({
  saga: 'p.1',
  ordinal,
  name: request.path,
  state,
  leftFrom: null,
  bakesUntilMs: null,
  lostAnswer,
  do: request,
  undo,
  probes: { do: null, undo: null },
});
/** What is asked whether it is kept, now and at the end of a bake time. */
const isKept = { method: 'GET', path: '/reservations/depot-1/kept' };
const check = (state: StepState): BelievedStep => ({
  ...step(1, state, isKept, null),
  do: null,
  bakesUntilMs: 2_000,
  probes: { do: isKept, undo: null },
});
const asking = (n: number, answered: number | null) => asked(isKept, `p.1.1.do.${n}.probe`, { acted: false, answered, atMs: n * 1_000 });
/** The same where an operator left all from the n-th on. */
const leftFrom = (n: number, ...steps: BelievedStep[]) => steps.map((one) => ({ ...one, leftFrom: n }));
const reserved = step(0, 'done', reserve, release);
const stuck = step(1, 'stuck', collect, null, 'none');

const asked = (request: Request, key: string, more: Partial<Received> = {}): Received => ({
  ...request,
  body: request.body,
  key,
  acted: true,
  answered: 200,
  atMs: 0,
  ...more,
});

/** One that was reserved and collected, where `collect` has no answer to give twice. */
const believed = [step(0, 'done', reserve, release), step(1, 'done', collect, null, 'none')];
const log = [asked(reserve, 'p.1.0.do'), asked(collect, 'p.1.1.do')];
const faults = (steps: BelievedStep[], received: Received[], acted = received.filter((one) => one.acted)) =>
  faultsOfCarrier(steps, received, acted, (one) => deedOf(one, acted));

describe('what a carrier was asked and did', () => {
  it('is found whole where it is what the engine believes', () => {
    expect(faults(believed, log)).toEqual([]);
    const undone = [step(0, 'undone', reserve, release), step(1, 'refused', collect, null, 'none')];
    const requests = [
      asked(reserve, 'p.1.0.do', { answered: null }),
      asked(collect, 'p.1.1.do', { acted: false, answered: 429 }),
      asked(collect, 'p.1.1.do', { acted: false, answered: 409 }),
      asked(release, 'p.1.0.undo', { acted: false, answered: 500 }),
      asked(release, 'p.1.0.undo'),
    ];
    expect(faults(undone, requests)).toEqual([]);
    expect(faults(leftFrom(1, reserved, stuck), log)).toEqual([]);
    expect(
      faults([reserved, check('done')], [log[0] as Received, asking(1, 503), asking(1, null), asking(2, 200), asking(3, 200)]),
    ).toEqual([]);
    expect(faults([step(0, 'refused', reserve, release), check('refused')], [asking(1, 200), asking(2, 404)])).toEqual([]);
  });

  it.each<[string, BelievedStep[], Received[], RegExp]>([
    ['was done under two keys', believed, [...log, asked(reserve, 'p.1.0.do.2')], /reservations depot-1: done a second time/],
    ['was done twice under one key', believed, [...log, asked(reserve, 'p.1.0.do')], /do was done 2 times/],
    ['was asked under a key of nobody', believed, [...log, asked(reserve, 'p.1.0.do.2', { acted: false })], /which is of no step/],
    [
      'was asked with another body',
      believed,
      [asked({ ...reserve, body: { ...body, to: 'depot-2' } }, 'p.1.0.do'), log[1] as Received],
      /the plan says/,
    ],
    ['was believed and not done', believed, [asked(reserve, 'p.1.0.do', { acted: false }), log[1] as Received], /do was done 0 times/],
    ['was done and not believed', [step(0, 'refused', reserve, release), believed[1] as BelievedStep], log, /refused: do was done 1 times/],
    ['was done and never taken back', [step(0, 'undone', reserve, release)], [log[0] as Received], /done 1 times and taken back 0 times/],
    ['was taken back, and had been done', believed, [...log, asked(release, 'p.1.0.undo')], /undo was done 1 times/],
    ['came in another order', believed, [log[1] as Received, log[0] as Received], /do 0 came after do 1/],
    [
      'was sent again blindly',
      believed,
      [log[0] as Received, asked(collect, 'p.1.1.do', { acted: false, answered: null }), log[1] as Received],
      /sent 2 times/,
    ],
    ['is stuck, and nobody left it', [reserved, stuck], log, /no state to end in/],
    ['was left, and did twice', leftFrom(1, reserved, stuck), [...log, asked(collect, 'p.1.1.do')], /stuck: do was done 2 times/],
    [
      'was left, and taken back',
      leftFrom(1, step(0, 'undone', reserve, release), stuck),
      [...log, asked(release, 'p.1.0.undo')],
      /it was left, and taken back/,
    ],
    [
      'was to be kept, and not asked at the end',
      [reserved, check('done')],
      [log[0] as Received, asking(1, 200)],
      /not asked at its end, but 1000 ms before/,
    ],
    ['was not kept, and said to be', [reserved, check('done')], [log[0] as Received, asking(1, 200), asking(2, 404)], /it did not hold/],
    ['was kept, and said not to be', [reserved, check('refused')], [log[0] as Received, asking(1, 200)], /refused: it held/],
    ['is of a step that came to no end', [step(0, 'sending', reserve, release)], [], /no state to end in/],
  ])('is found broken where something %s', (_words, steps, received, fault) => {
    expect(faults(steps, received).join('\n')).toMatch(fault);
  });
});
