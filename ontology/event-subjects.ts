import type { EventType } from './events.ts';
import type { JsonObject } from './json.ts';

const proposal = 'proposal/{proposalId}';
const object = 'object/{type}/{id}';
const link = 'link/{link}/{from}/{to}';
const principal = 'principal/{principalId}';
const schedule = 'schedule/{scheduleId}';
const subscription = 'subscription/{name}';

/** What the subject of each event is: names in braces stand for fields of its data. Consumers filter by them, so they are wire contracts as types are. */
export const eventSubjects = {
  'proposal.created': proposal,
  'proposal.simulating': proposal,
  'proposal.raised': proposal,
  'proposal.simulated': proposal,
  'proposal.invalid': proposal,
  'proposal.changes_requested': proposal,
  'proposal.revised': proposal,
  'proposal.approved': proposal,
  'proposal.scheduled': proposal,
  'proposal.executing': proposal,
  'proposal.executed': proposal,
  'proposal.compensating': proposal,
  'proposal.needs_attention': proposal,
  'proposal.rejected': proposal,
  'proposal.expired': proposal,
  'proposal.withdrawn': proposal,
  'proposal.failed': proposal,
  'proposal.reminded': proposal,
  'proposal.escalated': proposal,
  'proposal.glass_broken': proposal,
  'proposal.emergency_reviewed': proposal,
  'proposal.emergency_unreviewed': proposal,
  'proposal.cancelling': proposal,
  message: proposal,
  'effect.ended': proposal,
  'review.recorded': proposal,
  'object.created': object,
  'object.modified': object,
  'object.deleted': object,
  'link.created': link,
  'link.deleted': link,
  'schedule.changed': schedule,
  'schedule.run_refused': schedule,
  'switch.changed': 'switch/{scope}/{name}',
  'freeze_window.changed': 'freeze-window/{name}',
  'delegation.changed': 'delegation/{delegationId}',
  'principal.changed': principal,
  'principal.erased': principal,
  'endpoint.secret_changed': 'endpoint/{endpoint}',
  'event.hold_resolved': 'event/{event}',
  'subscription.changed': subscription,
  'subscription.disabled': subscription,
  'subscription.test': subscription,
  'policies.changed': 'policies',
  'ontology.changed': 'ontology',
  'ontology.migration_started': 'ontology',
  'ontology.migration_ended': 'ontology',
  'audit.checkpoint': 'audit/checkpoint',
} as const satisfies Record<EventType, string>;

/** The subject of an event of this type with these data, which have the fields that it names. */
export function subjectOf(type: EventType, data: JsonObject): string {
  return eventSubjects[type].replace(/\{(\w+)\}/g, (_, field: string) => String(data[field]));
}
