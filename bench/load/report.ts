import { printTable, quantile } from '../statistics.ts';
import type { Outcomes } from './count-outcomes.ts';
import { judgeMemory, type MemoryOverTime } from './judge-memory.ts';
import type { Fairness } from './measure-fairness.ts';
import type { Tally } from './tally.ts';
import type { Sample, Watch } from './watch-stack.ts';

/** A constant rate for a while, and what was left when the last had arrived. */
export interface Phase {
  name: string;
  perSecond: number;
  tally: Tally;
  from: number;
  until: number;
  atEnd: Pick<Sample, 'enginesTurn' | 'nudges'>;
  drainMs: number;
}

export interface Load {
  most: number;
  phases: readonly [steady: Phase, doubled: Phase];
  fairness: Fairness;
  watch: Watch;
  outcomes: Outcomes;
}

const fairRatio = 2;
const sum = (counts: Record<number, number>): number => Object.values(counts).reduce((all, one) => all + one, 0);

/** Prints everything, and what was promised with whether it held. @returns whether all of it did. */
export function reportLoad(load: Load): boolean {
  const { most, phases, fairness, watch, outcomes } = load;
  const tallies = [...phases.map(({ tally }) => tally), fairness.quiet, fairness.flooded, fairness.flood];
  console.log('\nmilliseconds from the instant that each was meant to arrive; turned away: proposals, later calls');
  printTable([
    ['', 'a second', 'arrived', 'accepted', 'propose p50', 'p95', 'p99', 'approve to executed p50', 'p95', 'p99', '429', '503'],
    ...phases.map(({ name, perSecond, tally }) => row(name, perSecond.toFixed(1), tally)),
    row('few alone', '', fairness.quiet),
    row('few, flooded', '', fairness.flooded),
    row('the flood', '', fairness.flood),
  ]);
  const memory = phases.map(({ from, until }) => judgeMemory(watch.samples.filter(({ at }) => at >= from && at <= until)));
  console.log('\nmemory in MiB, medians of the first and the last third of each phase');
  printTable([
    ['', ...phases.flatMap(({ name }) => [`${name}: first`, 'last'])],
    ...(memory[0] ?? []).map(({ process, what }, at) => [
      `${process}, ${what}`,
      ...memory.flatMap((phase) => [phase[at]?.first.toFixed(0) ?? '', phase[at]?.last.toFixed(0) ?? '']),
    ]),
  ]);
  console.log('');
  for (const { name, atEnd, drainMs } of phases)
    console.log(
      `${name}: when the last had arrived it was the engine's turn at ${atEnd.enginesTurn}, and ${atEnd.nudges} nudges were under way; drained after ${seconds(drainMs)} s`,
    );
  console.log(
    `health was asked ${watch.probes.length} times, p99 ${quantile(watch.probes, 0.99).toFixed(0)} ms, longest ${Math.max(...watch.probes).toFixed(0)} ms`,
  );

  const promises = judge(load, memory.flat(), tallies);
  console.log('');
  for (const { promise, held, found } of promises) console.log(`${held ? 'held  ' : 'BROKEN'} ${promise}: ${found}`);
  for (const words of [...new Set([...tallies.flatMap(({ broken }) => broken), ...watch.untruthful])].slice(0, 10))
    console.log(`  ${words}`);
  console.log(
    JSON.stringify({
      bench: 'load',
      mostPerSecond: most,
      phases: phases.map(({ name, perSecond, tally, atEnd, drainMs }, at) => ({
        name,
        perSecond,
        ...figures(tally),
        atEnd,
        drainMs,
        memory: memory[at],
      })),
      fairness: {
        quietP95Ms: fairness.quietP95Ms,
        floodedP95Ms: fairness.floodedP95Ms,
        ratio: fairness.ratio,
        flood: figures(fairness.flood),
      },
      outcomes,
      promises,
    }),
  );
  return promises.every(({ held }) => held);
}

function judge({ fairness, watch, outcomes }: Load, memory: readonly MemoryOverTime[], tallies: readonly Tally[]) {
  const broken = tallies.reduce((all, { brokenCount }) => all + brokenCount, 0);
  const turned = tallies.reduce((all, { turned: { proposals, later } }) => all + sum(proposals) + sum(later), 0);
  const silent = tallies.reduce((all, { withoutRetryAfter }) => all + withoutRetryAfter, 0);
  const growing = memory
    .filter(({ grows }) => grows)
    .map(({ process, what, first, last }) => `${process} ${what} ${first.toFixed(0)} to ${last.toFixed(0)} MiB`);
  const { accepted, executed, lost, unasked, doubled } = outcomes;
  return [
    {
      promise: 'no accepted proposal is lost or doubled',
      held: lost === 0 && unasked === 0 && doubled === 0,
      found: `${accepted} accepted, ${executed} executed, ${unasked} on record unasked, ${doubled} doubled`,
    },
    { promise: 'every call is answered, or turned away', held: broken === 0, found: `${broken} otherwise` },
    {
      promise: 'who is turned away is told when to come back',
      held: silent === 0,
      found: `${turned} turned away, ${silent} without Retry-After`,
    },
    {
      promise: 'health is truthful',
      held: watch.untruthful.length === 0,
      found: `${watch.untruthful.length} of ${watch.probes.length} probes otherwise`,
    },
    { promise: 'no memory grows', held: growing.length === 0, found: growing.length === 0 ? 'none does' : growing.join(', ') },
    {
      promise: `a flood is not felt beyond ${fairRatio} times`,
      held: fairness.ratio <= fairRatio,
      found: `p95 of a whole lifecycle ${fairness.quietP95Ms.toFixed(0)} ms alone, ${fairness.floodedP95Ms.toFixed(0)} ms flooded, ratio ${fairness.ratio.toFixed(2)}`,
    },
  ];
}

function row(name: string, perSecond: string, tally: Tally): string[] {
  const at = (samples: readonly number[]) => [0.5, 0.95, 0.99].map((q) => quantile(samples, q).toFixed(0));
  const turned = (status: number) => `${tally.turned.proposals[status] ?? 0}, ${tally.turned.later[status] ?? 0}`;
  return [
    name,
    perSecond,
    `${tally.arrived}`,
    `${tally.accepted.length}`,
    ...at(tally.propose),
    ...at(tally.approveToExecuted),
    turned(429),
    turned(503),
  ];
}

function figures({ arrived, accepted, propose, approveToExecuted, whole, turned }: Tally) {
  const of = (samples: readonly number[]) => ({
    p50Ms: quantile(samples, 0.5),
    p95Ms: quantile(samples, 0.95),
    p99Ms: quantile(samples, 0.99),
  });
  return { arrived, accepted: accepted.length, propose: of(propose), approveToExecuted: of(approveToExecuted), whole: of(whole), turned };
}

const seconds = (ms: number): string => (ms / 1_000).toFixed(1);
