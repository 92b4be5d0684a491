import type { ApprovalPolicyDefinition, EscalationDefinition } from './definition.ts';
import { durationMs } from './duration.ts';
import type { ResolvedRequirement } from './plan.ts';

export interface CombinedPrompts extends Pick<ResolvedRequirement, 'remind' | 'escalate'> {
  /** Whether what a policy adds by its own escalation is added by this one. */
  counts(escalation: EscalationDefinition | undefined): boolean;
}

/**
 * When a plan under several policies reminds and escalates. It escalates once, as a whole, so never earlier than any of them says whose people it then adds or tells: a
 * stage of one must not be widened by the clock of another. What would come only after the plan has expired comes never, and neither do the people whom it adds.
 */
export function combinePrompts(policies: readonly ApprovalPolicyDefinition[], expiresAfter: string): CombinedPrompts {
  const comes = ({ after }: { after: string }) => durationMs(after) < durationMs(expiresAfter);
  const reminders = policies.flatMap(({ remind }) => (remind !== undefined && comes(remind) ? remind : []));
  const escalations = policies.flatMap(({ escalate }) => (escalate !== undefined && comes(escalate) ? escalate : []));
  const every = longest(reminders.flatMap((remind) => remind.every ?? []));
  const remindAfter = longest(reminders.map(({ after }) => after));
  const escalateAfter = longest(escalations.map(({ after }) => after));
  const to = [...new Set(escalations.flatMap((escalation) => escalation.to ?? []))];
  return {
    ...(remindAfter === undefined ? {} : { remind: { after: remindAfter, ...(every === undefined ? {} : { every }) } }),
    ...(escalateAfter === undefined ? {} : { escalate: { after: escalateAfter, ...(to.length === 0 ? {} : { to }) } }),
    counts: (escalation) => escalation !== undefined && comes(escalation),
  };
}

export function shortest(durations: readonly string[]): string | undefined {
  return [...durations].sort((left, right) => durationMs(left) - durationMs(right))[0];
}

function longest(durations: readonly string[]): string | undefined {
  return [...durations].sort((left, right) => durationMs(right) - durationMs(left))[0];
}
