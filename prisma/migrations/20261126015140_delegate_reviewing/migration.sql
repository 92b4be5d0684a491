-- A person may let another review on their behalf: for a time, for some action types or with some of their roles, and no further. Such a review takes up both.
SET LOCAL search_path = exequatur, pg_catalog;

CREATE TABLE delegation (
  tenant_id    uuid NOT NULL REFERENCES tenant,
  id           text NOT NULL CHECK (length(id) BETWEEN 1 AND 200),
  delegator    text NOT NULL,
  delegate     text NOT NULL,
  -- Null: all.
  action_types text[] CHECK (cardinality(action_types) > 0),
  -- Null: all that the delegator has at the time. Never more than that.
  roles        text[] CHECK (cardinality(roles) > 0),
  starts_at    timestamptz NOT NULL,
  ends_at      timestamptz NOT NULL,
  reason       text NOT NULL,
  granted_by   text NOT NULL,
  granted_at   timestamptz NOT NULL,
  revoked_by   text,
  revoked_at   timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, delegator) REFERENCES principal,
  FOREIGN KEY (tenant_id, delegate) REFERENCES principal,
  CHECK (delegator <> delegate),
  -- Equal to longestDays in store/put-delegation.ts: long enough for a season; whoever is away longer is to be replaced.
  CHECK (ends_at > starts_at AND ends_at <= starts_at + interval '90 days'),
  CHECK ((revoked_by IS NULL) = (revoked_at IS NULL))
);
CREATE INDEX delegation_to ON delegation (tenant_id, delegate) WHERE revoked_at IS NULL;
ALTER TABLE delegation ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON delegation USING (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid))
                              WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid));
GRANT SELECT ON delegation TO {{api}}, {{worker}}, {{door}};
GRANT INSERT ON delegation TO {{api}}, {{door}};
-- What was granted is revoked, never changed: reviews refer to it.
GRANT UPDATE (revoked_by, revoked_at) ON delegation TO {{api}};

ALTER TABLE review
  -- Whose reviewing it is, where `reviewer_id` is not the one who was asked.
  ADD COLUMN on_behalf_of text,
  ADD COLUMN delegation_id text,
  ADD CONSTRAINT review_delegation FOREIGN KEY (tenant_id, delegation_id) REFERENCES delegation,
  ADD CONSTRAINT review_delegated CHECK ((on_behalf_of IS NULL) = (delegation_id IS NULL) AND on_behalf_of <> reviewer_id);

-- The one place where a delegation is written, with the rights of whoever calls. `wish` has id, delegator, delegate, endsAt and reason, perhaps actionTypes,
-- roles and startsAt (now, where it is left out). To the millisecond, as instants are told to clients.
CREATE FUNCTION keep_delegation(wish jsonb, granter text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  now timestamptz := date_trunc('milliseconds', exequatur.clock());
BEGIN
  INSERT INTO exequatur.delegation (tenant_id, id, delegator, delegate, action_types, roles, starts_at, ends_at, reason, granted_by, granted_at)
  VALUES (nullif(current_setting('app.tenant', true), '')::uuid, wish ->> 'id', wish ->> 'delegator', wish ->> 'delegate',
          (SELECT array_agg(DISTINCT n ORDER BY n) FROM jsonb_array_elements_text(wish -> 'actionTypes') n),
          (SELECT array_agg(DISTINCT n ORDER BY n) FROM jsonb_array_elements_text(wish -> 'roles') n),
          date_trunc('milliseconds', coalesce((wish ->> 'startsAt')::timestamptz, now)), date_trunc('milliseconds', (wish ->> 'endsAt')::timestamptz), wish ->> 'reason', granter, now);
END $$;
REVOKE EXECUTE ON FUNCTION keep_delegation(jsonb, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keep_delegation(jsonb, text) TO {{api}}, {{door}};

-- Whether a delegation lets this delegate review on that behalf now. The gate's facts and the door ask it here.
CREATE FUNCTION delegation_holds(delegation text, delegator text, delegate text, action_type text) RETURNS boolean LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
  now timestamptz := exequatur.clock();
BEGIN
  RETURN EXISTS (SELECT FROM exequatur.delegation d
                  WHERE d.tenant_id = tenant AND d.id = delegation_holds.delegation AND d.delegator = delegation_holds.delegator AND d.delegate = delegation_holds.delegate
                    AND d.revoked_at IS NULL AND d.starts_at <= now AND now < d.ends_at
                    AND (d.action_types IS NULL OR delegation_holds.action_type = ANY (d.action_types)));
END $$;
REVOKE EXECUTE ON FUNCTION delegation_holds(text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION delegation_holds(text, text, text, text) TO {{api}}, {{worker}}, {{door}};

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Reviews on this digest since it last became the proposal's that approve, are the newest of all their parties (whose reviewing it is, and who gave it; of two at one
-- instant the one that does not approve), have not lapsed, are not used up, and whose parties may count at all: humans, not disabled, nobody who stands behind the proposer,
-- then or now, and, where it is delegated, by a delegation that holds now. So nobody stands in two of them. Equal to newestOfEach in ontology/quorum.ts.
CREATE OR REPLACE FUNCTION counting_reviews(p proposal) RETURNS SETOF uuid LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH given AS (
    SELECT r.id, r.decision, r.created_at, r.reviewer_id, r.on_behalf_of, r.delegation_id,
           CASE WHEN r.on_behalf_of IS NULL THEN ARRAY[coalesce(w.person, w.id)] ELSE ARRAY[coalesce(w.person, w.id), coalesce(o.person, r.on_behalf_of)] END AS parties,
           w.kind = 'user' AND NOT w.disabled AND (r.on_behalf_of IS NULL OR coalesce(o.kind = 'user' AND NOT o.disabled, false)) AS is_fit
      FROM review r JOIN principal w ON w.tenant_id = r.tenant_id AND w.id = r.reviewer_id
      LEFT JOIN principal o ON o.tenant_id = r.tenant_id AND o.id = r.on_behalf_of
     WHERE r.tenant_id = p.tenant_id AND r.proposal_id = p.id AND r.revision = p.revision AND r.digest = p.plan_digest AND r.created_at >= counted_since(p.plan_id)
  )
  SELECT g.id FROM given g
   WHERE g.decision = 'approve' AND g.is_fit AND g.created_at > approvals_since(p.plan_id)
     AND NOT EXISTS (SELECT FROM given n WHERE n.id <> g.id AND n.parties && g.parties
                        AND (n.created_at > g.created_at OR (n.created_at = g.created_at AND (n.decision <> 'approve' OR n.id > g.id))))
     AND NOT g.parties && ARRAY(SELECT stands_behind(p.proposer_id, p.acts_for))
     AND (g.delegation_id IS NULL OR delegation_holds(g.delegation_id, g.on_behalf_of, g.reviewer_id, p.action_type))
     AND NOT EXISTS (SELECT FROM review_consumption c WHERE c.tenant_id = p.tenant_id AND c.review_id = g.id);
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
