import { randomUUID } from 'node:crypto';
import type { ToldType } from '../audit/entry-types.ts';
import type { JsonObject, JsonValue } from '../ontology/json.ts';
import type { Tx } from './sql.ts';

export interface Change {
  type: ToldType;
  /** The event's, such as `switch/tenant/all`. */
  subject: string;
  facts: JsonObject;
  /** Who and why, and what else may have to be erased: in the audit log alone. */
  personal: Record<string, JsonValue | undefined>;
  /** What the event tells, where that is not the facts. */
  data?: JsonObject;
}

/** The audit entry and the event of a change of what governs a tenant, in its transaction. Changes of proposals are announced by what moves them. */
export function announceChange(tx: Tx, { type, subject, facts, personal, data = facts }: Change): void {
  const auditEntryId = tx.audit({ type, facts, personal });
  tx.send(
    `INSERT INTO exequatur.outbox (tenant_id, id, audit_entry_id, type, subject, data, created_at)
     VALUES ((SELECT current_setting('app.tenant')::uuid), $1::uuid, $2::uuid, $3, $4, $5::jsonb, exequatur.clock())`,
    [randomUUID(), auditEntryId, type, subject, JSON.stringify(data)],
  );
}
