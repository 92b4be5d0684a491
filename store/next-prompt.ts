import { durationMs } from '../ontology/duration.ts';
import type { ApprovalFacts } from './approval-facts.ts';
import type { PromptKind } from './sent-prompts.ts';

export interface Prompt {
  kind: PromptKind;
  /** Of reminders the first is 1; there is one escalation. */
  number: number;
  dueMs: number;
}

/** The next reminder or escalation that has not been sent, whether or not it is due. Null where the policy asks for none, or for no more. */
export function nextPrompt(facts: Pick<ApprovalFacts, 'plan' | 'prompts'>): Prompt | null {
  const { plan, prompts } = facts;
  if (plan === null || prompts === undefined) return null;
  const { remind, escalate } = plan.requirement;
  const sinceMs = Date.parse(prompts.since);
  const next: Prompt[] = [];
  if (escalate !== undefined && !prompts.escalated)
    next.push({ kind: 'escalation', number: 1, dueMs: sinceMs + durationMs(escalate.after) });
  if (remind !== undefined && (prompts.reminders === 0 || remind.every !== undefined)) {
    const everyMs = remind.every === undefined ? 0 : durationMs(remind.every);
    next.push({ kind: 'reminder', number: prompts.reminders + 1, dueMs: sinceMs + durationMs(remind.after) + prompts.reminders * everyMs });
  }
  return next.sort((one, other) => one.dueMs - other.dueMs)[0] ?? null;
}

/**
 * What is due at this instant. Of several reminders that are, since nobody was there to send them, the newest alone; an escalation goes first, so that the reminder
 * names those whom it adds.
 */
export function duePrompts(facts: Pick<ApprovalFacts, 'plan' | 'prompts'>, nowMs: number): Prompt[] {
  const due: Partial<Record<PromptKind, Prompt>> = {};
  let { prompts } = facts;
  for (;;) {
    const next = prompts === undefined ? null : nextPrompt({ plan: facts.plan, prompts });
    if (prompts === undefined || next === null || next.dueMs > nowMs) break;
    due[next.kind] = next;
    prompts = next.kind === 'escalation' ? { ...prompts, escalated: true } : { ...prompts, reminders: next.number };
  }
  return [due.escalation, due.reminder].filter((prompt) => prompt !== undefined);
}
