-- Secrets of endpoints: what signs requests, and headers that nobody is shown. The database holds them encrypted under a key of the deployment; the API writes them and cannot
-- read them back, the worker reads them and cannot write them.
SET LOCAL search_path = exequatur, pg_catalog;

CREATE TABLE endpoint_secret (
  tenant_id  uuid NOT NULL REFERENCES tenant,
  id         uuid NOT NULL,
  endpoint   text NOT NULL,
  -- `signing`, or the name of a header in lower case.
  name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  sealed     bytea NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL,
  -- From then on it is not used any more.
  retires_at timestamptz,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX endpoint_secret_of ON endpoint_secret (tenant_id, endpoint, name, created_at DESC);
ALTER TABLE endpoint_secret ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON endpoint_secret USING (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid))
                                        WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid));
GRANT INSERT, SELECT (tenant_id, id, endpoint, name, created_by, created_at, retires_at), UPDATE (retires_at) ON endpoint_secret TO {{api}};
GRANT SELECT ON endpoint_secret TO {{worker}};

-- A secret that retires does so no later than was said.
CREATE FUNCTION guard_endpoint_secret() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF OLD.retires_at IS NOT NULL AND (NEW.retires_at IS NULL OR NEW.retires_at > OLD.retires_at) THEN
    RAISE EXCEPTION 'a secret that retires is not kept longer' USING ERRCODE = 'XQ011';
  END IF;
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION guard_endpoint_secret() FROM PUBLIC;
CREATE TRIGGER guard_endpoint_secret BEFORE UPDATE ON endpoint_secret FOR EACH ROW EXECUTE FUNCTION guard_endpoint_secret();
CREATE TRIGGER never_deleted BEFORE DELETE ON endpoint_secret FOR EACH ROW EXECUTE FUNCTION refuse_change();
