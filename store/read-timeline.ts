import { disclosedValue, factsOf } from '../audit/entry.ts';
import type { JsonObject, JsonValue } from '../ontology/json.ts';
import { isoTime } from './proposal-row.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { Sql } from './sql.ts';

export interface TimelineEntry {
  at: string;
  /** An event type of the catalogue. */
  type: string;
  facts: JsonObject;
  /** Who and why, as far as it has not been erased; `{"$altered": true}` where it is no JSON any more. */
  personal: Record<string, JsonValue>;
}

/** What happened to a proposal, oldest first, from its audit entries but those of refusals, with which nothing happened: their order is the order in which the transactions committed. */
export async function readTimeline(tx: Sql, proposalId: string): Promise<TimelineEntry[] | Refusal> {
  const rows = await tx.rows<{ at: string; type: string; payload: string | null; personal: Record<string, string> }>(
    `SELECT ${isoTime('e.at')} AS at, e.type, exequatur.entry_text(e.payload) AS payload,
            COALESCE((SELECT jsonb_object_agg(d.name, to_jsonb(d.value) #>> '{}') FROM exequatur.audit_disclosure d WHERE d.tenant_id = e.tenant_id AND d.entry_id = e.id), '{}') AS personal
       FROM exequatur.proposal p JOIN exequatur.audit_entry e ON e.tenant_id = p.tenant_id AND e.proposal_id = p.id
      WHERE p.id = $1::uuid AND e.type <> 'decision.refused' ORDER BY e.seq`,
    [proposalId],
  );
  // Every proposal has the entry of its creation, so no entry means no proposal.
  if (rows.length === 0) return refuse('not_found');
  return rows.map(({ at, type, payload, personal }) => {
    const { type: _type, proposalId: _id, commitments: _commitments, ...facts } = factsOf(payload);
    return {
      at,
      type,
      facts,
      personal: Object.fromEntries(Object.entries(personal).map(([name, text]) => [name, disclosedValue(text) ?? { $altered: true }])),
    };
  });
}
