import type { ProposalStatus } from './lifecycle.ts';

/** Event types are wire contracts: consumers subscribe to them, so they are declared here once and never renamed. */
export const events = {
  'proposal.created': 'A proposal was accepted and awaits its simulation.',
  'proposal.simulating': 'A proposal went back to simulation.',
  'proposal.raised': 'The action type has another version; the proposal goes on under it, as a new revision.',
  'proposal.simulated': 'A plan was stored and awaits approval.',
  'proposal.invalid': 'The simulation refused the proposal.',
  'proposal.changes_requested': 'A reviewer asked for changes.',
  'proposal.revised': 'The proposer revised it after changes were requested.',
  'proposal.approved': 'Quorum was reached, or policy alone approved.',
  'proposal.scheduled': 'The proposal is approved and waits for its window.',
  'proposal.executing': 'The execution began.',
  'proposal.executed': 'The plan was applied.',
  'proposal.compensating': 'Earlier steps are being undone.',
  'proposal.needs_attention': 'A person must decide how to go on.',
  'proposal.rejected': 'A reviewer said no.',
  'proposal.expired': 'Nobody answered in time.',
  'proposal.withdrawn': 'The proposer took it back.',
  'proposal.failed': 'The proposal failed and nothing of it remains.',
  'proposal.reminded': 'Approvals are still missing; it names who may give them.',
  'proposal.escalated': 'Nobody answered for as long as the policy says: other roles are told, or more people may review.',
  'proposal.glass_broken': 'In an emergency somebody lets a plan be executed with fewer approvals than are asked for.',
  'proposal.emergency_reviewed': 'Somebody said afterwards whether the glass was rightly broken.',
  'proposal.emergency_unreviewed': 'The review that is owed after an emergency was not given in time.',
  'proposal.cancelling': 'Somebody had an execution that is under way stopped; it is undone.',
  'proposal.attention_resolved': 'An operator said how an execution goes on that could not be undone by itself.',
  'effect.ended': 'A step outside of an execution was done, refused or undone, or its outcome is unknown.',
  'effect.message': 'A message of an action was stored, as an event of its own type.',
  'execution.applied': 'The edits of a plan were applied; effects follow.',
  'execution.undone': 'The edits of an execution were taken back.',
  'review.recorded': 'A review was stored.',
  'object.changes': 'An execution changed objects or links; expanded to one event per object when published.',
  'schedule.changed': 'A schedule was made, paused, resumed or deleted.',
  'schedule.run_refused': 'A run of a schedule made no proposal; it says why.',
  'switch.changed': 'Something was switched off, or on again, or somebody asked for that.',
  'freeze_window.changed': 'A freeze window was set or removed, or somebody asked for its removal.',
  'delegation.changed': 'Somebody let another review on their behalf, or that was revoked.',
  'principal.changed': 'An administrator changed what the directory says of a principal.',
  'endpoint.secret_changed': 'A secret of an endpoint was set or retired; its value is nowhere in this.',
  'subscription.changed': 'A subscription was set or removed, begun anew or tested, or its secret was rotated.',
  'subscription.disabled':
    'Nothing could be delivered to a subscription for days, or its endpoint is gone: no more is sent there until it is set again.',
  'policies.changed': 'Another version of the policies is in force.',
  'ontology.changed': 'A new version of the definitions was accepted.',
  'ontology.migration_started': 'Objects are being rewritten for a document that is in force once they fit.',
  'ontology.migration_ended': 'The document of a migration is in force, or the former one again.',
} as const;

export type EventType = keyof typeof events;

const byStatus: Readonly<Record<ProposalStatus, EventType>> = {
  simulating: 'proposal.simulating',
  invalid: 'proposal.invalid',
  awaiting_approval: 'proposal.simulated',
  changes_requested: 'proposal.changes_requested',
  rejected: 'proposal.rejected',
  expired: 'proposal.expired',
  withdrawn: 'proposal.withdrawn',
  approved: 'proposal.approved',
  scheduled: 'proposal.scheduled',
  executing: 'proposal.executing',
  compensating: 'proposal.compensating',
  needs_attention: 'proposal.needs_attention',
  executed: 'proposal.executed',
  failed: 'proposal.failed',
};

/** The event that announces that a proposal reached this status; `proposal.created` announces the very first. */
export function eventOfStatus(status: ProposalStatus): EventType {
  return byStatus[status];
}
