-- The directory knows teams, and which identities are one person; a person counts once, and never for what the same person proposed under another identity.
SET LOCAL search_path = exequatur, pg_catalog;
ALTER TABLE principal
  -- What the person behind linked identities goes by; null: nobody else is.
  ADD COLUMN person text,
  ADD COLUMN teams text[] NOT NULL DEFAULT '{}',
  -- Where each of `disabled`, `teams`, `person` and `actsFor` comes from, and since when: {"source": "token" | "administrator", "at"}.
  ADD COLUMN sources jsonb NOT NULL DEFAULT '{}';
CREATE INDEX principal_person ON principal (tenant_id, person) WHERE person IS NOT NULL;
-- Who holds a role, for lists of possible reviewers.
CREATE INDEX standing_role_held ON standing_role (tenant_id, role) WHERE removed_at IS NULL;

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Newest review of each person on this digest (of two at one instant the one that does not approve), if it approves, is not used up, and the person may count at
-- all: a human, not disabled, and neither the proposer nor whom the proposer acts for, then or now, under whatever identity.
CREATE OR REPLACE FUNCTION counting_reviews(p proposal) RETURNS SETOF uuid LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT newest.id
    FROM (SELECT DISTINCT ON (coalesce(w.person, r.reviewer_id)) r.id, coalesce(w.person, r.reviewer_id) AS person, r.decision, w.kind, w.disabled
            FROM review r JOIN principal w ON w.tenant_id = r.tenant_id AND w.id = r.reviewer_id
           WHERE r.tenant_id = p.tenant_id AND r.proposal_id = p.id AND r.revision = p.revision AND r.digest = p.plan_digest
           ORDER BY coalesce(w.person, r.reviewer_id), r.created_at DESC, r.decision = 'approve') newest
   WHERE newest.decision = 'approve' AND newest.kind = 'user' AND NOT newest.disabled
     AND newest.person NOT IN (SELECT coalesce(b.person, x.id) FROM principal w CROSS JOIN unnest(ARRAY[w.id, w.acts_for, p.acts_for]) x(id)
                                 LEFT JOIN principal b ON b.tenant_id = p.tenant_id AND b.id = x.id
                                WHERE w.tenant_id = p.tenant_id AND w.id = p.proposer_id AND x.id IS NOT NULL)
     AND NOT EXISTS (SELECT FROM review_consumption c WHERE c.tenant_id = p.tenant_id AND c.review_id = newest.id)
$$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
