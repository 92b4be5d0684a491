-- Policies of a tenant: versions that never change, of which the tenant's control row says the one in force (0: the built-in ones), and what they determined. An
-- execution holds that row shared until it commits, and whoever puts another version in force locks it alone, so each execution is decided by one version.
SET LOCAL search_path = exequatur, pg_catalog;

CREATE TABLE policy_version (
  tenant_id  uuid NOT NULL REFERENCES tenant,
  version    bigint NOT NULL CHECK (version > 0),
  -- RFC 8785 text of {id: text}, and of the cases that had to come out as expected.
  policies   text NOT NULL,
  cases      text NOT NULL,
  digest     text NOT NULL CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
  created_by text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, version)
);

CREATE TABLE decision (
  tenant_id      uuid NOT NULL REFERENCES tenant,
  id             uuid NOT NULL,
  proposal_id    uuid NOT NULL,
  at             timestamptz NOT NULL,
  actor          text NOT NULL,
  action         text NOT NULL CHECK (action IN ('propose', 'revise', 'revert', 'withdraw', 'review', 'stage', 'execute')),
  outcome        text NOT NULL CHECK (outcome IN ('allowed', 'refused', 'asked')),
  -- A code of the catalogue; null where it was allowed.
  reason         text,
  revision       int NOT NULL,
  digest         text,
  policy_version bigint NOT NULL,
  policies       text[] NOT NULL,
  errors         text[] NOT NULL,
  details        jsonb NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, proposal_id) REFERENCES proposal (tenant_id, id),
  CHECK ((outcome = 'refused') = (reason IS NOT NULL))
);
CREATE INDEX decision_of_proposal ON decision (tenant_id, proposal_id, at);

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['policy_version', 'decision'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
    EXECUTE format($p$CREATE POLICY tenant ON %I USING (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid))
                                            WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid))$p$, name);
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()', name);
  END LOOP;
END $$;
GRANT SELECT ON policy_version, decision TO {{api}}, {{worker}}, {{door}};
GRANT INSERT ON policy_version TO {{api}};
-- A refusal that the worker writes holds a proposal back and permits nothing.
GRANT INSERT ON decision TO {{api}}, {{worker}};

-- What is in force exists.
CREATE FUNCTION require_policy_version() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF NEW.policy_version <> 0 AND NOT EXISTS (SELECT FROM policy_version v WHERE v.tenant_id = NEW.tenant_id AND v.version = NEW.policy_version) THEN
    RAISE EXCEPTION 'there is no such version of the policies' USING ERRCODE = 'XQ006';
  END IF;
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION require_policy_version() FROM PUBLIC;
CREATE TRIGGER require_policy_version BEFORE INSERT OR UPDATE OF policy_version ON tenant_control FOR EACH ROW EXECUTE FUNCTION require_policy_version();
