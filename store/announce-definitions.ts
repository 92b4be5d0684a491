import { fitFact } from '../audit/fit-fact.ts';
import { announceChange } from './announce-change.ts';
import type { Tx } from './sql.ts';

interface DefinitionsInForce {
  version: number;
  digest: string;
  /** Action type to its version. */
  actionTypes: Record<string, number>;
}

/** That another version of the definitions is in force. The event names every action type; the entry as many as it has room for. */
export function announceDefinitions(tx: Tx, { version, digest, actionTypes }: DefinitionsInForce, actor: string): void {
  announceChange(tx, {
    type: 'ontology.changed',
    subject: 'ontology',
    facts: { version, digest, ...fitFact('actionTypes', actionTypes) },
    personal: { actor },
    data: { version, digest, actionTypes },
  });
}
