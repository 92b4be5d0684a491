import { type PastSensitiveField, SensitiveFields } from '../ontology/sensitive-fields.ts';
import { currentVersion, type OntologyCache } from './load-ontology.ts';
import type { Sql, Tx } from './sql.ts';

const maxKnown = 100; // Tenants at work at once in one process; what is forgotten is read again.
const knownByCache = new WeakMap<OntologyCache, Map<string, SensitiveFields>>();

/** Which fields are sensitive under the document in force. One statement when this process knows that document. */
export async function readSensitiveFields(tx: Tx, ontologies: OntologyCache): Promise<SensitiveFields> {
  const version = await currentVersion(tx);
  const known = knownSensitiveFields(ontologies, tx.tenant, version);
  if (known !== null) return known;
  const [loaded, past] = await Promise.all([ontologies.load(tx, version ?? undefined), readPast(tx)]);
  const fields = new SensitiveFields(loaded?.ontology.document ?? null, past);
  const all = knownByCache.get(ontologies) ?? new Map<string, SensitiveFields>();
  knownByCache.set(ontologies, all.set(`${tx.tenant}/${version}`, fields));
  const oldest = all.keys().next();
  if (all.size > maxKnown && !oldest.done) all.delete(oldest.value);
  return fields;
}

/** Null when this process has not read them yet. A version of a document never changes, nor do those before it. */
export function knownSensitiveFields(ontologies: OntologyCache, tenant: string, version: number | null): SensitiveFields | null {
  return knownByCache.get(ontologies)?.get(`${tenant}/${version}`) ?? null;
}

/**
 * Every field that any document of the tenant marked as sensitive, with the readers of the newest that did. Documents are stored in canonical text, so those without
 * the word are passed over without being parsed.
 */
function readPast(sql: Sql): Promise<PastSensitiveField[]> {
  return sql.rows<PastSensitiveField & Record<string, unknown>>(
    `SELECT DISTINCT ON (f.owner, f.name, f.field) f.owner, f.name, f.field, f.readers
       FROM (SELECT o.version, o.document::jsonb AS document FROM exequatur.ontology_version o WHERE strpos(o.document, '"sensitive":true') > 0) d
      CROSS JOIN LATERAL (
        SELECT s.owner, t.key AS name, p.key AS field, coalesce(t.value ->> 'sensitiveReaders', d.document ->> 'sensitiveReaders') AS readers
          FROM (VALUES ('objectTypes', 'properties'), ('actionTypes', 'parameters')) s(owner, fields)
          CROSS JOIN LATERAL jsonb_each(d.document -> s.owner) t
          CROSS JOIN LATERAL jsonb_each(t.value -> s.fields) p
         WHERE p.value -> 'sensitive' = 'true') f
      ORDER BY f.owner, f.name, f.field, d.version DESC`,
  );
}
