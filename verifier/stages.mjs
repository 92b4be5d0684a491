// Whether approvals can fill the stages of a requirement: a matching.

/**
 * Whether the approvals can fill every stage: of a stage all thresholds, or any one where it says so, and people of as many teams as it asks for. With distinct reviewers
 * an approval stands in one threshold at most, and speaks for a team in no other stage. Null after too many tries.
 */
export function fills({ stages, distinctReviewers }, approvals, asks) {
  const budget = { left: 20_000_000 }; // Of comparisons, two hundred at least for each place or way: a second or two.
  const speakers = stages.map(({ thresholds }, stage) => approvals.filter((one) => thresholds.some((_, index) => asks(stage, index)(one))));
  const hasTeams = (stage, stands = () => undefined) => {
    const people = speakers[stage].filter((one) => (stands(one) ?? stage) === stage);
    const teamsOf = (one) => (one.teams ?? []).flatMap((team) => (Array.isArray(team) ? (team[0] === stage ? [team[1]] : []) : [team]));
    return match(people.map(teamsOf), budget).size >= (stages[stage].teams ?? 0);
  };
  if (!distinctReviewers)
    return stages.every(({ thresholds, require }, stage) => {
      const isFull = ({ needed }, index) => approvals.filter(asks(stage, index)).length >= needed;
      return (require === 'any' ? thresholds.some(isFull) : thresholds.every(isFull)) && hasTeams(stage);
    });
  const spend = (comparisons) => {
    budget.left -= Math.max(200, comparisons);
    return budget.left >= 0;
  };
  const placed = new Map();
  const place = (slots, at) => {
    if (!spend(approvals.length)) return false;
    if (at === slots.length)
      return spend(stages.length * approvals.length) && stages.every((_, stage) => hasTeams(stage, (one) => placed.get(one)));
    const [stage, index] = slots[at];
    for (const one of admittedBy(stage, index)) {
      if (placed.has(one)) continue;
      placed.set(one, stage);
      if (place(slots, at + 1)) return true;
      placed.delete(one);
    }
    return false;
  };
  const admitted = new Map();
  const admittedBy = (stage, index) => {
    const key = `${stage}/${index}`;
    if (!admitted.has(key)) admitted.set(key, approvals.filter(asks(stage, index)));
    return admitted.get(key);
  };
  const isPossible = (slots) =>
    match(
      slots.map(([stage, index]) => admittedBy(stage, index)),
      budget,
    ).size === slots.length;
  // Stage by stage: what cannot be filled so far is not gone on with.
  const choose = (stage, before) => {
    if (stage === stages.length) return stages.every(({ teams }) => teams === undefined) || place(before, 0);
    const { thresholds, require } = stages[stage];
    const whole = thresholds.map((_, index) => index);
    return (require === 'any' ? whole.map((index) => [index]) : [whole]).some((indices) => {
      const places = indices.reduce((sum, index) => sum + thresholds[index].needed, before.length);
      if (places > approvals.length || !spend(places)) return false;
      const slots = [...before, ...indices.flatMap((index) => Array.from({ length: thresholds[index].needed }, () => [stage, index]))];
      return isPossible(slots) && choose(stage + 1, slots);
    });
  };
  const found = choose(0, []);
  return found || budget.left >= 0 ? found : null;
}

/** As many of those who seek as can have one each of what they would take, within a budget of comparisons: what is taken, and by which. */
function match(wanted, budget) {
  const holders = new Map();
  const take = (seeker, tried) =>
    wanted[seeker].some((item) => {
      if (--budget.left < 0 || tried.has(item)) return false;
      tried.add(item);
      if (holders.has(item) && !take(holders.get(item), tried)) return false;
      holders.set(item, seeker);
      return true;
    });
  for (const seeker of wanted.keys()) take(seeker, new Set());
  return holders;
}

/** In words, the first threshold that lacks approvals by itself. */
export function lackOfApprovals({ stages }, approvals, asks) {
  for (const [stage, { name, thresholds, require }] of stages.entries()) {
    const given = thresholds.map((_, index) => approvals.filter((one) => asks(stage, index)(one) !== false).length);
    const short = thresholds.findIndex(({ needed }, index) => given[index] < needed);
    if (short < 0 || (require === 'any' && thresholds.some(({ needed }, index) => given[index] >= needed))) continue;
    const { name: of, needed } = thresholds[short];
    return `${given[short]} of the ${needed} approvals were given that ${name}${of === name ? '' : ` (${of})`} asks for`;
  }
  return 'its stages cannot all be filled by the approvals that were given';
}
