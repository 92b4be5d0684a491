import type { ApprovalPolicyDefinition, StageDefinition, ThresholdDefinition } from './definition.ts';
import { isSame } from './diff-walk.ts';
import { durationMs } from './duration.ts';
import type { JsonObject, JsonValue } from './json.ts';

/**
 * Whether an approval policy asks less of anybody than another did, or may: what cannot be compared counts as less. Stages and thresholds may be added, not taken away or
 * put in another order; those that stay may only ask for more. But more of them, or one that is asked more often, loosen where
 * whoever any of them admits counts for something else: in an emergency, and with `isCounted`, which is where policies go by how many approve.
 */
export function policyLoosens(before: ApprovalPolicyDefinition, after: ApprovalPolicyDefinition, isCounted = false): boolean {
  return (
    stagesLoosen(before.stages, after.stages) ||
    ((isCounted || after.breakGlass !== undefined) && asksMore(before, after)) ||
    (before.distinctReviewers !== false && after.distinctReviewers === false) ||
    automaticLoosens(before.automatic, after.automatic) ||
    isLonger(before.expiresAfter, after.expiresAfter) ||
    isLonger(before.approvalsLast, after.approvalsLast) ||
    isAddedOrChanged(before.escalate, after.escalate) ||
    isAddedOrChanged(before.breakGlass, after.breakGlass) ||
    differBeside(before, after, [
      'title',
      'description',
      'stages',
      'distinctReviewers',
      'automatic',
      'expiresAfter',
      'approvalsLast',
      'remind',
    ])
  );
}

function stagesLoosen(before: readonly StageDefinition[], after: readonly StageDefinition[]): boolean {
  let next = 0;
  for (const stage of before) {
    const found = after.findIndex(({ name }, at) => at >= next && name === stage.name);
    if (found === -1 || stageLoosens(stage, after[found] as StageDefinition)) return true;
    next = found + 1;
  }
  return false;
}

/** More thresholds than before, or one of before for more plans: a stage that no longer asks for a condition. */
function asksMore(before: ApprovalPolicyDefinition, after: ApprovalPolicyDefinition): boolean {
  const count = ({ stages }: ApprovalPolicyDefinition) => stages.length + stages.flatMap(({ thresholds }) => thresholds).length;
  const always = new Set(after.stages.filter(({ when }) => when === undefined).map(({ name }) => name));
  return count(after) > count(before) || before.stages.some(({ name, when }) => when !== undefined && always.has(name));
}

function stageLoosens(before: StageDefinition, after: StageDefinition): boolean {
  if (after.when !== undefined && after.when !== before.when) return true;
  if ((before.require ?? 'all') === 'all' && after.require === 'any') return true;
  if ((after.teams ?? 0) < (before.teams ?? 0)) return true;
  // One more way to fill a stage of which any suffices asks for less.
  if (after.require === 'any' && after.thresholds.length > before.thresholds.length) return true;
  // Whoever any threshold admits speaks for a team.
  if (before.teams !== undefined && after.thresholds.length > before.thresholds.length) return true;
  if (differBeside(before, after, ['name', 'thresholds', 'require', 'teams', 'when'])) return true;
  return before.thresholds.some((threshold, at) => thresholdLoosens(threshold, after.thresholds[at]));
}

function thresholdLoosens(before: ThresholdDefinition, after: ThresholdDefinition | undefined): boolean {
  return (
    after === undefined ||
    after.needed < before.needed ||
    (after.toleratedDenials ?? 0) > (before.toleratedDenials ?? 0) ||
    after.reviewers !== before.reviewers ||
    differBeside(before, after, ['name', 'needed', 'toleratedDenials', 'reviewers'])
  );
}

type Automatic = ApprovalPolicyDefinition['automatic'];

function automaticLoosens(before: Automatic, after: Automatic): boolean {
  if (after === undefined) return false;
  if (before === undefined || before.condition !== after.condition) return true;
  if ((after.sensitive ?? []).some((property) => !before.sensitive?.includes(property))) return true;
  const bounds = ({ ceilings }: NonNullable<Automatic>): Record<string, number> => ({
    ...ceilings.parameters,
    ...(ceilings.edits === undefined ? {} : { '/edits': ceilings.edits }), // No parameter has such a name.
  });
  const later = bounds(after);
  const isWider = Object.entries(bounds(before)).some(([name, bound]) => !((later[name] ?? Number.POSITIVE_INFINITY) <= bound));
  return isWider || differBeside(before, after, ['condition', 'ceilings', 'sensitive']);
}

/** Without a duration there is no end. */
function isLonger(before: string | undefined, after: string | undefined): boolean {
  const ms = (duration: string | undefined) => (duration === undefined ? Number.POSITIVE_INFINITY : durationMs(duration));
  return ms(after) > ms(before);
}

/** What lets others in, or fewer suffice, tightens when it goes. */
function isAddedOrChanged(before: object | undefined, after: object | undefined): boolean {
  return after !== undefined && !isSame(before as JsonValue | undefined, after as JsonValue);
}

/** What is not compared above: a word that is new here must not pass for tightening. */
function differBeside(before: object, after: object, compared: readonly string[]): boolean {
  const rest = (of: object) =>
    Object.fromEntries(Object.entries(of).filter(([name]) => !compared.includes(name))) as JsonObject as JsonValue;
  return !isSame(rest(before), rest(after));
}
