import type { ResolvedRequirement, ResolvedStage } from './plan.ts';
import type { CountedReview } from './quorum.ts';

/** How far the approvals at hand fill one stage. */
export interface AssignedStage {
  /** By threshold: which approvals stand in it, by their places among those given. */
  standing: number[][];
  /** Different teams, one for each person: place of the approval, and the team it speaks for. */
  teams: [number, string][];
  isMet: boolean;
}

type Admits = (reviewers: string, review: CountedReview) => boolean;

/**
 * Fills stages with approvals, earlier stages first, so that as many as possible are met. With distinct reviewers each person stands in one threshold at most. Where
 * any threshold of a stage suffices, each choice is tried; a definition with more than a hundred choices was refused.
 */
export function assignApprovals(requirement: ResolvedRequirement, approvals: readonly CountedReview[], admits: Admits): AssignedStage[] {
  const { stages, distinctReviewers } = requirement;
  let best: AssignedStage[] | undefined;
  for (const choice of choicesOf(stages)) {
    const filled = distinctReviewers ? fillDistinct(stages, choice, approvals, admits) : fillShared(stages, approvals, admits);
    if (!best || isBetter(filled, best)) {
      best = filled;
    }
    // Who stands where decides for which teams they speak, which the matching does not look at.
    if (distinctReviewers && stages.some(({ teams }) => teams !== undefined) && !best.every(({ isMet }) => isMet)) {
      best = searchDistinct(stages, choice, approvals, admits, best);
    }
  }
  return best ?? [];
}

/** For each stage the thresholds that take part: all of them, or one of those of which any suffices. */
function choicesOf(stages: readonly ResolvedStage[]): number[][][] {
  return stages.reduce<number[][][]>(
    (choices, stage) => {
      const all = [...stage.thresholds.keys()];
      const mine = stage.require === 'any' ? all.map((one) => [one]) : [all];
      return choices.flatMap((before) => mine.map((taken) => [...before, taken]));
    },
    [[]],
  );
}

/**
 * The first stage that is met in one alone decides, and only where there is none the first that has more approvals: more of them than an early stage needs must not be
 * preferred to what a later one lacks.
 */
function isBetter(one: readonly AssignedStage[], other: readonly AssignedStage[]): boolean {
  const differences = (of: (stage: AssignedStage) => number) => one.map((stage, at) => of(stage) - of(other[at] as AssignedStage));
  const [first = 0] = [...differences(({ isMet }) => Number(isMet)), ...differences(({ standing }) => total(standing))].filter(Boolean);
  return first > 0;
}

function fillShared(stages: readonly ResolvedStage[], approvals: readonly CountedReview[], admits: Admits): AssignedStage[] {
  return stages.map((stage) => {
    const standing = stage.thresholds.map((threshold) => placesOf(approvals, (review) => admits(threshold.reviewers, review)));
    const people = placesOf(approvals, (review) => stage.thresholds.some((threshold) => admits(threshold.reviewers, review)));
    return describeStage(stage, standing, people, approvals);
  });
}

function fillDistinct(
  stages: readonly ResolvedStage[],
  choice: readonly (readonly number[])[],
  approvals: readonly CountedReview[],
  admits: Admits,
): AssignedStage[] {
  const slots = stages.flatMap((stage, at) =>
    (choice[at] ?? []).flatMap((index) => {
      const threshold = stage.thresholds[index] as ResolvedStage['thresholds'][number];
      return Array.from({ length: threshold.needed }, () => ({ stage: at, index, reviewers: threshold.reviewers }));
    }),
  );
  const taken = match(slots.map((slot) => approvals.flatMap((review, index) => (admits(slot.reviewers, review) ? [index] : []))));
  const slotOf = new Map([...taken].map(([slot, approval]) => [approval, slots[slot]]));
  return stages.map((stage, at) => {
    const standing = stage.thresholds.map((_, index) =>
      [...slotOf].flatMap(([approval, slot]) => (slot?.stage === at && slot.index === index ? [approval] : [])),
    );
    // Whoever stands nowhere else may still speak for a team here.
    const people = placesOf(
      approvals,
      (review, index) =>
        (slotOf.get(index)?.stage ?? at) === at && stage.thresholds.some((threshold) => admits(threshold.reviewers, review)),
    );
    return describeStage(stage, standing, people, approvals);
  });
}

/** Far more than people approve one plan; beyond it a stage may be met later than it could be, never earlier. */
const mostTries = 20_000;

/** Tries every way in which people can stand in thresholds, or nowhere, and returns the best. */
function searchDistinct(
  stages: readonly ResolvedStage[],
  choice: readonly (readonly number[])[],
  approvals: readonly CountedReview[],
  admits: Admits,
  known: AssignedStage[],
): AssignedStage[] {
  const open = approvals.map((review) =>
    stages.flatMap((stage, at) =>
      (choice[at] ?? []).flatMap((index) => (admits(stage.thresholds[index]?.reviewers ?? '', review) ? [{ stage: at, index }] : [])),
    ),
  );
  const isAsked = stages.map((stage) => approvals.map((review) => stage.thresholds.some(({ reviewers }) => admits(reviewers, review))));
  const filled = stages.map((stage) => stage.thresholds.map((): number[] => []));
  const stageOf = approvals.map((): number | null => null);
  let best = known;
  let tries = 0;
  const place = (who: number): void => {
    if (tries > mostTries || best.every(({ isMet }) => isMet)) return;
    tries++;
    if (who === approvals.length) {
      const found = stages.map((stage, at) => {
        const people = placesOf(approvals, (_, one) => (stageOf[one] ?? at) === at && isAsked[at]?.[one] === true);
        return describeStage(stage, structuredClone(filled[at] ?? []), people, approvals);
      });
      if (isBetter(found, best)) best = found;
      return;
    }
    for (const { stage, index } of open[who] ?? []) {
      const places = filled[stage]?.[index] ?? [];
      if (places.length >= (stages[stage]?.thresholds[index]?.needed ?? 0)) continue;
      places.push(who);
      stageOf[who] = stage;
      place(who + 1);
      places.pop();
      stageOf[who] = null;
    }
    place(who + 1);
  };
  place(0);
  return best;
}

function describeStage(
  stage: ResolvedStage,
  standing: number[][],
  people: readonly number[],
  approvals: readonly CountedReview[],
): AssignedStage {
  const full = stage.thresholds.map((threshold, index) => (standing[index]?.length ?? 0) >= threshold.needed);
  const teamsOf = people.map((place) => approvals[place]?.teams ?? []);
  const names = [...new Set(teamsOf.flat())];
  const spoken =
    stage.teams === undefined ? new Map<number, number>() : match(teamsOf.map((mine) => mine.map((team) => names.indexOf(team))));
  const teams = [...spoken].map(([person, team]): [number, string] => [people[person] as number, names[team] as string]);
  const isFull = stage.require === 'any' ? full.some(Boolean) : full.every(Boolean);
  return { standing, teams, isMet: isFull && teams.length >= (stage.teams ?? 0) };
}

function placesOf(approvals: readonly CountedReview[], isMeant: (review: CountedReview, place: number) => boolean): number[] {
  return approvals.flatMap((review, place) => (isMeant(review, place) ? [place] : []));
}

/**
 * The largest matching of seekers to what each would take, earlier seekers first: one that finds nothing free asks others to swap (augmenting paths), so none loses
 * what it has and the result does not depend on the order of what is sought. Seeker to what it got.
 */
function match(wanted: readonly (readonly number[])[]): Map<number, number> {
  const holder = new Map<number, number>();
  const place = (seeker: number, tried: Set<number>): boolean => {
    for (const item of wanted[seeker] ?? []) {
      if (tried.has(item)) {
        continue;
      }
      tried.add(item);
      const other = holder.get(item);
      if (other === undefined || place(other, tried)) {
        holder.set(item, seeker);
        return true;
      }
    }
    return false;
  };
  for (const seeker of wanted.keys()) {
    place(seeker, new Set());
  }
  return new Map([...holder].map(([item, seeker]) => [seeker, item]));
}

function total(standing: readonly (readonly number[])[]): number {
  return standing.reduce((sum, places) => sum + places.length, 0);
}
