import type { Actor } from '../ontology/authority.ts';

/**
 * Whether this principal is one of a side, ids and persons, that may not judge its own doing: under whatever identity, and also where the very token at hand says that they act for
 * one of it, whatever the directory has learnt by now. The one question of separation, for reviews, emergencies, and what operators decide.
 */
export function isOnSideOf(
  side: readonly string[],
  { id, person, actsFor, tokenActsFor }: Pick<Actor, 'id' | 'person' | 'actsFor' | 'tokenActsFor'>,
): boolean {
  return [id, person, actsFor, tokenActsFor].some((one) => one != null && side.includes(one));
}
