import type { EventType } from '../ontology/events.ts';

/**
 * Who brings entries of a type to the log: a login by itself; `door`, the database's functions that apply plans and take them back; `system`, those of the log of the
 * installation; `migration`, one of the schema.
 */
export type Teller = 'api' | 'worker' | 'relay' | 'door' | 'system' | 'migration';

const moves: readonly Teller[] = ['api', 'worker'];
const settings: readonly Teller[] = ['api', 'worker']; // At once where nothing loosens, else by an execution.

/** The catalogue of entries. The database takes no others, and from each login those of it (`types_told_by`, which a test compares with this). */
export const entryTypes = {
  'proposal.created': ['api', 'worker'],
  'proposal.simulating': moves,
  'proposal.raised': ['worker'],
  'proposal.simulated': moves,
  'proposal.invalid': moves,
  'proposal.changes_requested': moves,
  'proposal.revised': ['api'],
  'proposal.approved': moves,
  'proposal.scheduled': moves,
  'proposal.executing': moves,
  'proposal.executed': ['door'],
  'proposal.compensating': moves,
  'proposal.needs_attention': moves,
  'proposal.rejected': moves,
  'proposal.expired': moves,
  'proposal.withdrawn': moves,
  'proposal.failed': moves,
  'proposal.reminded': ['worker'],
  'proposal.escalated': ['worker'],
  'proposal.glass_broken': ['api'],
  'proposal.emergency_reviewed': ['api'],
  'proposal.emergency_unreviewed': ['worker'],
  'proposal.cancelling': ['api'],
  'execution.applied': ['door'],
  'execution.undone': ['door'],
  'effect.ended': ['worker'],
  'effect.message': ['worker'],
  'review.recorded': ['api'],
  'decision.refused': ['api'],
  'schedule.changed': ['api'],
  'schedule.run_refused': ['worker'],
  'switch.changed': settings,
  'freeze_window.changed': ['api'],
  'delegation.changed': settings,
  'principal.changed': settings,
  'principal.erased': ['door'],
  'endpoint.secret_changed': ['api'],
  'event.hold_resolved': ['api'],
  'subscription.changed': settings,
  'subscription.disabled': ['relay'],
  'policies.changed': settings,
  'ontology.changed': settings,
  'ontology.migration_started': settings,
  'ontology.migration_ended': settings,
  'sensitive.read': ['api'],
  'audit.exported': ['api', 'system'],
  'evidence.read': ['api'],
  'login.refused': ['api'],
  'login.failed': ['system'],
  'login.suppressed': ['system'],
  'log.format_changed': ['migration'],
} as const satisfies Readonly<Record<string, readonly Teller[]>>;

export type EntryType = keyof typeof entryTypes;
/** Of an entry that is an event as well, of the same type. */
export type ToldType = EntryType & EventType;

export const typesToldBy = (teller: Teller): EntryType[] =>
  (Object.keys(entryTypes) as EntryType[]).filter((type) => (entryTypes[type] as readonly Teller[]).includes(teller)).sort();
