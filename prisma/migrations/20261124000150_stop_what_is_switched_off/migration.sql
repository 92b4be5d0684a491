-- Switches stop proposals and executions: of the tenant, of an action type, of agents, of a principal. Whoever changes one locks the tenant's control row first, which
-- every execution holds shared until it commits, so the answer to "off" means: no later commit.
SET LOCAL search_path = exequatur, pg_catalog;

CREATE TABLE switch (
  tenant_id   uuid NOT NULL REFERENCES tenant,
  scope       text NOT NULL CHECK (scope IN ('tenant', 'actionType', 'agent', 'principal')),
  -- `all` for the tenant and for all agents; else the action type's name, or the principal's id.
  name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 256),
  off         boolean NOT NULL,
  reason      text NOT NULL,
  changed_by  text NOT NULL,
  changed_at  timestamptz NOT NULL,
  -- To switch on again takes two people: this is the first of them.
  asked_by     text,
  asked_reason text,
  asked_at     timestamptz,
  PRIMARY KEY (tenant_id, scope, name),
  CHECK (scope <> 'tenant' OR name = 'all'),
  CHECK (off OR asked_by IS NULL),
  CHECK ((asked_by IS NULL) = (asked_at IS NULL))
);
ALTER TABLE switch ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON switch USING (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid))
                          WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid));
GRANT SELECT ON switch TO {{api}}, {{worker}}, {{door}};
GRANT INSERT, UPDATE ON switch TO {{api}};

-- The first switch that stops what this principal proposed.
CREATE FUNCTION stopped_by(action_type text, proposer text, kind text, acts_for text) RETURNS SETOF switch LANGUAGE sql STABLE AS $$
  SELECT s.* FROM exequatur.switch s
   WHERE s.tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid) AND s.off
     AND (s.scope = 'tenant' OR (s.scope = 'actionType' AND s.name = stopped_by.action_type) OR (s.scope = 'agent' AND kind = 'agent' AND s.name IN ('all', proposer))
          OR (s.scope = 'principal' AND s.name IN (proposer, acts_for)))
   ORDER BY s.scope, s.name LIMIT 1
$$;
REVOKE EXECUTE ON FUNCTION stopped_by(text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION stopped_by(text, text, text, text) TO {{api}}, {{worker}}, {{door}};

-- The door writes an execution's row after it has locked the control row, so what this sees is what holds until the commit.
CREATE FUNCTION refuse_stopped() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM proposal p, stopped_by(p.action_type, p.proposer_id, p.proposer_kind, p.acts_for) WHERE p.tenant_id = NEW.tenant_id AND p.id = NEW.proposal_id) THEN
    RAISE EXCEPTION 'this is switched off' USING ERRCODE = 'XQ016';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER refuse_stopped BEFORE INSERT ON execution FOR EACH ROW EXECUTE FUNCTION refuse_stopped();
