import type { Actor } from '../ontology/authority.ts';

/** The roles that mean something to the product itself; all others mean what a tenant's definitions say. */
export const ontologyAdmin = 'ontology-admin';
/** Stops what runs, and lets it go on. */
export const operator = 'operator';
/** Keeps the directory of principals. */
export const accessAdmin = 'access-admin';
/** Whoever has no other role than this one only reads. */
export const auditor = 'auditor';

/** Somebody the tenant knows: not switched off, and with a role. */
export function isMember(actor: Actor): boolean {
  return !actor.disabled && actor.roles.length > 0;
}

/** A member with a role beyond reading. */
export function mayAct(actor: Actor): boolean {
  return isMember(actor) && actor.roles.some((role) => role !== auditor);
}
