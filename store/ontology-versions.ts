import type { OntologyDocument } from '../ontology/definition.ts';
import { diffDocuments, isBreaking, type OntologyChange } from '../ontology/diff-ontology.ts';
import type { JsonValue } from '../ontology/json.ts';
import { pageSizeOf, pageToken, readPage, readPageToken } from './page-token.ts';
import { isoTime } from './proposal-row.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';
import type { Tx } from './sql.ts';

export interface OntologyVersion {
  version: number;
  digest: string;
  createdBy: string;
  createdAt: string;
}

export interface StoredOntology extends OntologyVersion {
  document: JsonValue;
}

const columns = `o.version, o.digest, o.created_by AS "createdBy", ${isoTime('o.created_at')} AS "createdAt"`;

/** The document of a version as it was accepted; without one, the document in force. Versions never change. */
export async function readOntology(tx: Tx, version?: number): Promise<StoredOntology | null> {
  const [row] = await tx.rows<OntologyVersion & { document: string }>(
    `SELECT ${columns}, o.document FROM exequatur.ontology_version o WHERE o.version = coalesce($1::int, o.version) ORDER BY o.version DESC LIMIT 1`,
    [version ?? null],
  );
  return row === undefined ? null : { ...row, document: JSON.parse(row.document) as JsonValue };
}

/** Newest first. Versions are whole numbers without gaps, so pages neither skip nor repeat. */
export async function listOntologyVersions(
  tx: Tx,
  query: { pageSize?: number; pageToken?: string },
): Promise<{ versions: OntologyVersion[]; nextPageToken: string | null } | Refusal> {
  const after = query.pageToken === undefined ? null : readPageToken('ontology-versions', query.pageToken)?.after;
  if (after !== null && !Number.isSafeInteger(after)) return refuse('invalid_page_token');
  const pageSize = pageSizeOf(query.pageSize);
  const rows = await readPage(tx, query.pageToken, () =>
    tx.rows<OntologyVersion>(
      `SELECT ${columns} FROM exequatur.ontology_version o WHERE $1::int IS NULL OR o.version < $1::int ORDER BY o.version DESC LIMIT $2::int`,
      [after, pageSize + 1],
    ),
  );
  if (isRefusal(rows)) return rows;
  const versions = rows.slice(0, pageSize);
  const last = versions.at(-1);
  return { versions, nextPageToken: rows.length > pageSize && last !== undefined ? pageToken('ontology-versions', last.version) : null };
}

export interface OntologyDiff {
  from: OntologyVersion;
  to: OntologyVersion;
  breaking: boolean;
  changes: OntologyChange[];
}

/** What differs between two versions, in either direction. Null when one of them is not there. */
export async function diffVersions(tx: Tx, from: number, to: number): Promise<OntologyDiff | null> {
  const [earlier, later] = await Promise.all([readOntology(tx, from), readOntology(tx, to)]);
  if (earlier === null || later === null) return null;
  const changes = diffDocuments(documentOf(earlier), documentOf(later));
  return { from: withoutDocument(earlier), to: withoutDocument(later), breaking: isBreaking(changes), changes };
}

/** It was checked when it was accepted. */
function documentOf(stored: StoredOntology): OntologyDocument {
  return stored.document as unknown as OntologyDocument;
}

function withoutDocument({ document: _, ...version }: StoredOntology): OntologyVersion {
  return version;
}
