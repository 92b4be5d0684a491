import type { ProposalStatus } from './lifecycle.ts';

/**
 * The catalogue of events. Types are wire contracts: consumers subscribe to them, so they are declared here once and never renamed; what their data look like is beside,
 * in `event-data.ts`.
 */
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
  message: 'A message that an action sends, as `message.` and the type that its author gave it.',
  'effect.ended': 'A step outside of an execution was done, refused or undone, or its outcome is unknown.',
  'review.recorded': 'A review was stored.',
  'object.created': 'An execution, or its undoing, created an object.',
  'object.modified': 'An execution, or its undoing, modified an object.',
  'object.deleted': 'An execution, or its undoing, deleted an object.',
  'link.created': 'An execution, or its undoing, linked two objects.',
  'link.deleted': 'An execution, or its undoing, unlinked two objects.',
  'schedule.changed': 'A schedule was made, paused, resumed, triggered or deleted.',
  'schedule.run_refused': 'A run of a schedule made no proposal; it says why.',
  'switch.changed': 'Something was switched off, or on again, or somebody asked for that.',
  'freeze_window.changed': 'A freeze window was set or removed, or somebody asked for its removal.',
  'delegation.changed': 'Somebody let another review on their behalf, or that was revoked.',
  'principal.changed': 'An administrator changed what the directory says of a principal.',
  'principal.erased': 'Personal data of a principal was erased; whoever keeps events of theirs is to do the same.',
  'endpoint.secret_changed': 'A secret of an endpoint was set or retired; its value is nowhere in this.',
  'event.hold_resolved': 'An operator said what becomes of an event that was not taken where events are published.',
  'subscription.changed': 'A subscription was set or removed, begun anew or tested, or its secret was rotated.',
  'subscription.disabled':
    'Nothing could be delivered to a subscription for days, its endpoint is gone, or its filter cannot be used any more: no more is sent there until it is set again.',
  'subscription.test': 'What somebody tests a subscription with: sent to its endpoint alone, and in no log, page, stream or topic.',
  'policies.changed': 'Another version of the policies is in force.',
  'ontology.changed': 'A new version of the definitions was accepted.',
  'ontology.migration_started': 'Objects are being rewritten for a document that is in force once they fit.',
  'audit.checkpoint': 'The audit log was sealed up to an entry; the event carries what was signed.',
  'ontology.migration_ended': 'The document of a migration is in force, or the former one again.',
} as const;

export type EventType = keyof typeof events;

/** Whether events of a type have no place in the log, and so no `sequence`, key or trace: webhooks alone bring them. */
export function isSentAlone(type: EventType): boolean {
  return type === 'subscription.test';
}

export function isEventType(type: string): type is EventType {
  return Object.hasOwn(events, type);
}

/** Entries of the log of which nobody is told by an event of their type. */
export const logEntries = {
  'effect.message': 'A message of an action was stored; it is the event.',
  'execution.applied': 'The edits of a plan were applied and effects follow; the objects are the events.',
  'execution.undone': 'The edits of an execution were taken back; the objects are the events.',
} as const;

const byStatus = {
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
} as const satisfies Readonly<Record<ProposalStatus, EventType>>;

/** The event that announces that a proposal reached this status; `proposal.created` announces the very first. */
export function eventOfStatus(status: ProposalStatus): (typeof byStatus)[ProposalStatus] {
  return byStatus[status];
}
