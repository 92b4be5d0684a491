import type { PrincipalKind } from '../ontology/authority.ts';
import { pageSizeOf, pageToken, readPageToken } from './page-token.ts';
import { isoTime } from './proposal-row.ts';
import type { Page } from './read-plan.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { Sql } from './sql.ts';

/** Who said it, and since when. */
export interface Source {
  source: 'token' | 'administrator';
  at: string;
}

export interface HeldRole extends Source {
  role: string;
  /** What a token claimed ends by itself; what an administrator gave does not. */
  expiresAt: string | null;
}

/** What the directory says of a principal now. */
export interface PrincipalView {
  id: string;
  kind: PrincipalKind;
  name: string | null;
  /** In force. With a token at hand only those count that it claims as well. */
  roles: HeldRole[];
  removedRoles: { role: string; at: string }[];
  teams: string[];
  disabled: boolean;
  actsFor: string | null;
  /** Other identities of the same person. */
  linkedIdentities: string[];
  /** Of `kind`, `roles`, `teams`, `disabled`, `actsFor` and `linkedIdentities`, where somebody said something. */
  sources: Record<string, Source>;
  firstSeenAt: string;
  updatedAt: string;
}

/** SQL for one principal row `p` as clients see it. */
const principalJson = `jsonb_build_object('id', p.id, 'kind', p.kind, 'name', p.name, 'teams', to_jsonb(p.teams), 'disabled', p.disabled, 'actsFor', p.acts_for,
  'roles', COALESCE((SELECT jsonb_agg(jsonb_build_object('role', s.role, 'source', s.source, 'at', ${isoTime('s.fed_at')}, 'expiresAt', ${isoTime('s.expires_at')}) ORDER BY s.role COLLATE "C")
                       FROM exequatur.standing_role s WHERE s.tenant_id = p.tenant_id AND s.principal_id = p.id AND s.removed_at IS NULL
                        AND (s.expires_at IS NULL OR s.expires_at > exequatur.clock())), '[]'),
  'removedRoles', COALESCE((SELECT jsonb_agg(jsonb_build_object('role', s.role, 'at', ${isoTime('s.removed_at')}) ORDER BY s.role COLLATE "C")
                              FROM exequatur.standing_role s WHERE s.tenant_id = p.tenant_id AND s.principal_id = p.id AND s.removed_at IS NOT NULL), '[]'),
  'linkedIdentities', to_jsonb(ARRAY(SELECT o.id FROM exequatur.principal o
                                      WHERE o.tenant_id = p.tenant_id AND o.person = p.person AND o.id <> p.id ORDER BY o.id COLLATE "C")),
  'sources', p.sources, 'firstSeenAt', ${isoTime('p.first_seen_at')}, 'updatedAt', ${isoTime('p.updated_at')})`;

export async function readPrincipal(tx: Sql, id: string): Promise<PrincipalView | Refusal> {
  const [row] = await tx.rows<{ principal: PrincipalView }>(
    `SELECT ${principalJson} AS principal FROM exequatur.principal p WHERE p.id = $1`,
    [id],
  );
  return row?.principal ?? refuse('not_found');
}

/** By id; with `role`, those who hold it now. */
export async function listPrincipals(
  tx: Sql,
  { role, ...page }: Page & { role?: string },
): Promise<{ principals: PrincipalView[]; nextPageToken: string | null } | Refusal> {
  const query = { principals: role ?? null };
  const start = page.pageToken === undefined ? { after: '' } : readPageToken(query, page.pageToken);
  if (start === null || typeof start.after !== 'string') return refuse('invalid_page_token');
  const pageSize = pageSizeOf(page.pageSize);
  const rows = await tx.rows<{ principal: PrincipalView }>(
    `SELECT ${principalJson} AS principal FROM exequatur.principal p
      WHERE p.id > $1 AND ($2::text IS NULL OR EXISTS (SELECT FROM exequatur.standing_role s WHERE s.tenant_id = p.tenant_id AND s.principal_id = p.id AND s.role = $2
                                                          AND s.removed_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > exequatur.clock())))
      ORDER BY p.id LIMIT $3::int`,
    [start.after, role ?? null, pageSize + 1],
  );
  const principals = rows.slice(0, pageSize).map(({ principal }) => principal);
  const last = principals.at(-1);
  return { principals, nextPageToken: rows.length > pageSize && last !== undefined ? pageToken(query, last.id) : null };
}
