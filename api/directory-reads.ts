import type { Actor } from '../ontology/authority.ts';
import type { DelegationView } from '../store/delegations.ts';
import type { PrincipalView } from '../store/read-principal.ts';
import type { Tx } from '../store/sql.ts';
import { auditReads } from './audit-reads.ts';

/** What the directory says of others is about people: that it was read is on record. Not of oneself, under any identity, nor of an agent that acts for the reader. */
export function auditPrincipals(tx: Tx, reader: Actor, shown: readonly PrincipalView[]): void {
  const isOwn = ({ id, linkedIdentities, actsFor }: PrincipalView) => [id, actsFor, ...linkedIdentities].includes(reader.id);
  auditReads(tx, reader, { principals: shown.filter((one) => !isOwn(one)).length });
}

/** So is why somebody lets another review for them. Not where the reader is one of the two. */
export function auditDelegations(tx: Tx, reader: Actor, shown: readonly DelegationView[]): void {
  auditReads(tx, reader, { delegations: shown.filter(({ delegator, delegate }) => ![delegator, delegate].includes(reader.id)).length });
}
