import { randomUUID } from 'node:crypto';
import type { ToldType } from '../audit/entry-types.ts';
import { settleQuorum } from '../ontology/quorum.ts';
import type { ApprovalFacts } from './approval-facts.ts';
import { listReviewers } from './list-reviewers.ts';
import { duePrompts, type Prompt } from './next-prompt.ts';
import type { LockedProposal } from './proposal-row.ts';
import { isRefusal } from './refusal.ts';
import type { PromptKind } from './sent-prompts.ts';
import type { Tx } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

const eventOf: Record<PromptKind, ToldType> = { reminder: 'proposal.reminded', escalation: 'proposal.escalated' };

/** Whom a prompt names, and of which plan they were asked. */
export interface NamedReviewers {
  revision: number;
  digest: string | null;
  /** Whether those whom an escalation adds are among them. */
  escalated: boolean;
  reviewers: string[];
  truncated: boolean;
}

/** Looks through the directory for those who may review now. Takes no locks: that may take a while, in which reviews shall go on. */
export async function nameReviewers(
  tx: Tx,
  proposal: Pick<LockedProposal, 'id' | 'revision' | 'planDigest'>,
  escalated: boolean,
  deps: StoreDeps,
): Promise<NamedReviewers> {
  const asked = await listReviewers(tx, proposal.id, deps, { escalated });
  const { reviewers, truncated } = isRefusal(asked) ? { reviewers: [], truncated: false } : asked;
  const named = [...new Set(reviewers.map(({ id }) => id))]; // A delegate may be among them on several behalves.
  return { revision: proposal.revision, digest: proposal.planDigest, escalated, reviewers: named, truncated };
}

/** Whom what is due at this instant is to name: null where nothing is due, else whether those are to be among them whom an escalation adds. */
export function dueToName(proposal: LockedProposal, facts: ApprovalFacts): { escalated: boolean } | null {
  const { plan, prompts } = facts;
  if (proposal.status !== 'awaiting_approval' || plan === null || prompts === undefined) return null;
  const due = duePrompts(facts, Date.parse(proposal.now));
  return due.length === 0 ? null : { escalated: prompts.escalated || due.some(({ kind }) => kind === 'escalation') };
}

/**
 * Sends what is due of reminders and escalation: of each one event, one audit entry and one row, by which it is known. MUST be asked under the lock of a proposal that
 * awaits approval, with facts read after it: a repeat then finds the rows and sends nothing. Returns the facts as they are afterwards. `named` may be of a moment ago: who
 * has reviewed since is reminded once too often.
 */
export function sendDuePrompts(tx: Tx, proposal: LockedProposal, facts: ApprovalFacts, named: NamedReviewers): ApprovalFacts {
  const { plan, prompts } = facts;
  if (proposal.status !== 'awaiting_approval' || plan === null || prompts === undefined) return facts;
  let sent: ApprovalFacts & { plan: typeof plan; prompts: typeof prompts } = { ...facts, plan, prompts };
  for (const prompt of duePrompts(facts, Date.parse(proposal.now))) {
    keepPrompt(tx, proposal, prompt, prompts.since);
    sent =
      prompt.kind === 'escalation'
        ? {
            ...sent,
            plan: { ...plan, requirement: { ...plan.requirement, escalated: true } },
            prompts: { ...sent.prompts, escalated: true },
          }
        : { ...sent, prompts: { ...sent.prompts, reminders: prompt.number } };
    announcePrompt(tx, proposal, prompt, sent, named);
  }
  return sent;
}

function keepPrompt(tx: Tx, proposal: LockedProposal, { kind, number }: Prompt, since: string): void {
  tx.send(
    `INSERT INTO exequatur.prompt (tenant_id, plan_id, kind, since, number, sent_at)
     VALUES ((SELECT current_setting('app.tenant')::uuid), $1::uuid, $2, $3::timestamptz, $4::int, exequatur.clock())`,
    [proposal.planId, kind, since, number],
  );
}

/** Names those who may review, an escalation also those whom it adds. */
function announcePrompt(
  tx: Tx,
  proposal: LockedProposal,
  { kind, number }: Prompt,
  facts: ApprovalFacts & { plan: NonNullable<ApprovalFacts['plan']> },
  { reviewers, truncated }: NamedReviewers,
): void {
  const { requirement } = facts.plan;
  const about = {
    number,
    revision: proposal.revision,
    planDigest: proposal.planDigest,
    missing: settleQuorum(requirement, facts.reviews, proposal.behind).missing,
    ...(kind === 'escalation' ? { to: requirement.escalate?.to ?? [] } : {}),
  };
  const type = eventOf[kind];
  const auditEntryId = tx.audit({ type, proposalId: proposal.id, facts: about, personal: { reviewers } });
  const data = {
    proposalId: proposal.id,
    actionType: proposal.actionType,
    ...about,
    expiresAt: proposal.expiresAt,
    reviewers,
    truncated,
  };
  tx.send(
    `INSERT INTO exequatur.outbox (tenant_id, id, audit_entry_id, type, subject, proposal_id, data, created_at)
     VALUES ((SELECT current_setting('app.tenant')::uuid), $1::uuid, $2::uuid, $3, 'proposal/' || $4::text, $4::text::uuid, $5::jsonb, exequatur.clock())`,
    [randomUUID(), auditEntryId, type, proposal.id, JSON.stringify(data)],
  );
}
