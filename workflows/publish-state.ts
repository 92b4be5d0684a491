import type { SearchAttributePair } from '@temporalio/common';
import { setCurrentDetails, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import { expiresAtAttribute, needsAttentionAttribute, riskTierAttribute, statusAttribute } from './proposal.contract.ts';
import type { ProposalState } from './proposal-activities.contract.ts';

/** What an operator reads in Temporal's UI. A copy for looking at: nothing ever reads it back. */
export function publishState(at: ProposalState): void {
  upsertChanged(at, at.status === 'needs_attention');
  setCurrentDetails(describe(at).join('\n\n'));
}

/** A step fails again and again although the database answers: found by a search for NeedsAttention, with the reason in the details. */
export function publishTrouble(at: ProposalState, failureType: string): void {
  upsertChanged(at, true);
  const trouble = `**The next step keeps failing** (${failureType}); the worker's log says why. It is tried again on a nudge, or in a while.`;
  setCurrentDetails([...describe(at), trouble].join('\n\n'));
}

/** Only what differs from what the server knows, since every change is a row in its history and in its index. */
function upsertChanged(at: ProposalState, needsAttention: boolean): void {
  const known = workflowInfo().typedSearchAttributes;
  const changed: SearchAttributePair[] = [];
  if (known.get(statusAttribute) !== at.status) changed.push({ key: statusAttribute, value: at.status });
  if (known.get(expiresAtAttribute)?.getTime() !== Date.parse(at.expiresAt))
    changed.push({ key: expiresAtAttribute, value: new Date(at.expiresAt) });
  if (at.riskTier !== null && known.get(riskTierAttribute) !== at.riskTier) changed.push({ key: riskTierAttribute, value: at.riskTier });
  if ((known.get(needsAttentionAttribute) ?? false) !== needsAttention)
    changed.push({ key: needsAttentionAttribute, value: needsAttention });
  if (changed.length > 0) upsertSearchAttributes(changed);
}

function describe(at: ProposalState): string[] {
  const lines = [`**${at.status}**, revision ${at.revision}`];
  if (at.digest !== null) lines.push(planLine(at.digest, at));
  if (at.missing !== '') lines.push(`still missing: ${at.missing}`);
  if (at.held !== undefined && at.held !== '') lines.push(`held by ${at.held}`);
  if (at.failure !== null) lines.push(`why: ${at.failure}`);
  if (at.attention !== undefined) lines.push(`a person decides about ${at.attention.step}: ${at.attention.why}`);
  if (at.next !== undefined) lines.push(`next: ${at.next.kind} ${at.next.name}`);
  if (at.bakes !== undefined) lines.push(`checks until ${at.bakes.until}, asked ${at.bakes.asked} times`);
  if (at.waitsFor === 'review') lines.push('awaits the review that is owed after an emergency');
  else if (at.waitMs !== null && at.status !== 'needs_attention')
    lines.push(at.next === undefined ? `expires at ${at.expiresAt}` : 'waits until its time has come');
  return lines;
}

function planLine(digest: string, { edits, riskTier }: ProposalState): string {
  return `plan \`${digest}\`${edits === null ? '' : `, ${edits} edits`}${riskTier === null ? '' : `, risk ${riskTier}`}`;
}
