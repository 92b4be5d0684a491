import { sqlStateOf } from './sql-state.ts';

/**
 * What the database's functions refuse with: SQLSTATEs of class XQ, declared in the migrations. The messages that come with them are for logs, never for clients.
 */
export const doorRefusals = {
  XQ001: 'stale_reads',
  XQ002: 'approvals_missing',
  XQ003: 'plan_tampered',
  XQ004: 'outside_surface',
  XQ005: 'above_ceiling',
  XQ006: 'wrong_state',
  XQ007: 'before_differs',
  XQ008: 'reference_broken',
  XQ009: 'already_executed',
  XQ010: 'not_unique',
  XQ011: 'append_only',
  XQ012: 'no_tenant',
  XQ013: 'unknown_comparison',
  XQ014: 'wrong_isolation',
  XQ015: 'audit_entry_false',
  XQ016: 'switched_off',
  XQ017: 'superseded',
  XQ018: 'held',
  XQ019: 'answer_unfit',
} as const;

export type DoorRefusal = (typeof doorRefusals)[keyof typeof doorRefusals];

/** What a database function refused with, or null when the error is something else. */
export function doorRefusalOf(error: unknown): DoorRefusal | null {
  const state = sqlStateOf(error);
  return state !== null && state in doorRefusals ? doorRefusals[state as keyof typeof doorRefusals] : null;
}
