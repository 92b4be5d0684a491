/** How far votes fill stages, by trying every way in which people can stand in thresholds. Slow, and short enough to be read as the rule itself. */
import type { Stage } from './rules.ts';

export interface Vote {
  person: string;
  approves: boolean;
  roles: readonly string[];
  teams: readonly string[];
}

export interface Standing {
  rejected: boolean;
  /** How many stages from the first on are met. */
  met: number;
}

export function standingOf(stages: readonly Stage[], votes: readonly Vote[], shared: boolean): Standing {
  const denials = votes.filter(({ approves }) => !approves);
  const approvals = votes.filter(({ approves }) => approves);
  const rejected = stages.some(({ thresholds, any }) => {
    const barred = thresholds.map(
      ({ role, toleratedDenials }) => denials.filter(({ roles }) => roles.includes(role)).length > toleratedDenials,
    );
    return any ? barred.every(Boolean) : barred.some(Boolean);
  });
  return { rejected, met: shared ? leading(stages, approvals, null) : mostMet(stages, approvals, []) };
}

/** Where each of the approvals stands: in a threshold of a stage, or nowhere. */
type Place = { stage: number; threshold: number } | null;

function mostMet(stages: readonly Stage[], approvals: readonly Vote[], places: Place[]): number {
  const next = approvals[places.length];
  if (next === undefined) return leading(stages, approvals, places);
  const open = stages.flatMap(({ thresholds }, stage) =>
    thresholds.flatMap(({ role }, threshold) => (next.roles.includes(role) ? [{ stage, threshold }] : [])),
  );
  return Math.max(...[null, ...open].map((place) => mostMet(stages, approvals, [...places, place])));
}

function leading(stages: readonly Stage[], approvals: readonly Vote[], places: readonly Place[] | null): number {
  const unmet = stages.findIndex(({ thresholds, any, teams = 0 }, at) => {
    const full = thresholds.map(({ role, needed }, index) => {
      const standing = approvals.filter(({ roles }, who) =>
        places === null ? roles.includes(role) : places[who]?.stage === at && places[who]?.threshold === index,
      );
      return standing.length >= needed;
    });
    // Whoever is asked here and stands in no other stage speaks for a team.
    const speaking = approvals.filter(
      ({ roles }, who) => (places?.[who]?.stage ?? at) === at && thresholds.some(({ role }) => roles.includes(role)),
    );
    return !(any ? full.some(Boolean) : full.every(Boolean)) || teamsOf(speaking, []) < teams;
  });
  return unmet === -1 ? stages.length : unmet;
}

/** The most teams for which these can speak, each for one. */
function teamsOf([first, ...others]: readonly Vote[], taken: readonly string[]): number {
  if (first === undefined) return taken.length;
  const free = first.teams.filter((team) => !taken.includes(team));
  return Math.max(teamsOf(others, taken), ...free.map((team) => teamsOf(others, [...taken, team])));
}
