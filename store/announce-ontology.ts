import { randomUUID } from 'node:crypto';
import type { EventType } from '../ontology/events.ts';
import type { JsonObject } from '../ontology/json.ts';
import type { Tx } from './sql.ts';

/** The audit entry and the event of a change of the definitions, in its transaction. */
export function announceOntology(
  tx: Tx,
  type: EventType & `ontology.${string}`,
  facts: JsonObject,
  personal: { actor: string; reason?: string },
): void {
  const auditEntryId = tx.audit({ type, facts, personal });
  tx.send(
    `INSERT INTO exequatur.outbox (tenant_id, id, audit_entry_id, type, subject, data, created_at)
     VALUES ((SELECT current_setting('app.tenant')::uuid), $1::uuid, $2::uuid, $3, 'ontology', $4::jsonb, exequatur.clock())`,
    [randomUUID(), auditEntryId, type, JSON.stringify(facts)],
  );
}
