-- What no tenant can be trusted for, failed logins above all, has a chain of its own: that of a tenant which nobody belongs to. It is sealed and exported like any other, and
-- written by one function only, which keeps so little per minute that no flood fills a disk, and counts the rest.
SET LOCAL search_path = exequatur, pg_catalog;

SELECT set_config('app.tenant', '00000000-0000-0000-0000-000000000000', true);
INSERT INTO tenant (tenant_id, slug, name) VALUES ('00000000-0000-0000-0000-000000000000', 'system', 'the installation itself');

CREATE TABLE system_window (
  tenant_id  uuid NOT NULL REFERENCES tenant CHECK (tenant_id = '00000000-0000-0000-0000-000000000000') PRIMARY KEY,
  started_at timestamptz NOT NULL,
  written    int NOT NULL CHECK (written >= 0),
  suppressed bigint NOT NULL CHECK (suppressed >= 0)
);
ALTER TABLE system_window ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON system_window USING (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid))
                                 WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid));
INSERT INTO system_window VALUES ('00000000-0000-0000-0000-000000000000', '-infinity', 0, 0);
SELECT set_config('app.tenant', '', true);
GRANT SELECT, UPDATE ON system_window TO {{audit_writer}};

GRANT CREATE ON SCHEMA exequatur TO {{audit_writer}};
SET LOCAL ROLE {{audit_writer}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Sixty failed logins a minute, over all processes: some 40 MB a day at most. `uncounted` is how many more the caller has not even kept. Returns how many of the minute were
-- left out so far; they are an entry once it is over, written by whoever calls next. What is no failed login (that the chain was exported) is always written.
CREATE FUNCTION append_system(entries jsonb, uncounted bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  before text := coalesce(current_setting('app.tenant', true), '');
  w system_window;
  now timestamptz;
  kept jsonb := '[]';
  entry jsonb;
  stamp text := 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"';
BEGIN
  PERFORM set_config('app.tenant', '00000000-0000-0000-0000-000000000000', true);
  SELECT x.* INTO w FROM system_window x FOR UPDATE;
  now := clock();
  IF now >= w.started_at + interval '1 minute' THEN
    IF w.suppressed > 0 THEN
      kept := jsonb_build_array(jsonb_build_object('id', gen_random_uuid(), 'type', 'login.suppressed', 'disclosures', '[]'::jsonb,
        'payload', format('{"from":"%s","suppressed":%s,"type":"login.suppressed","until":"%s"}', to_char(w.started_at AT TIME ZONE 'UTC', stamp), w.suppressed,
                          to_char((w.started_at + interval '1 minute') AT TIME ZONE 'UTC', stamp))));
    END IF;
    w.started_at := now;
    w.written := 0;
    w.suppressed := 0;
  END IF;
  w.suppressed := w.suppressed + greatest(uncounted, 0);
  FOR entry IN SELECT e FROM jsonb_array_elements(entries) WITH ORDINALITY AS x(e, n) ORDER BY n LOOP
    IF entry ->> 'type' = 'audit.exported' THEN
      kept := kept || jsonb_build_array(entry);
    ELSIF entry ->> 'type' <> 'login.failed' THEN
      RAISE EXCEPTION 'the chain of the system does not hold %', entry ->> 'type' USING ERRCODE = 'XQ015';
    ELSIF w.written < 60 AND length(entry::text) <= 4096 THEN
      kept := kept || jsonb_build_array(entry);
      w.written := w.written + 1;
    ELSE
      w.suppressed := w.suppressed + 1;
    END IF;
  END LOOP;
  UPDATE system_window x SET started_at = w.started_at, written = w.written, suppressed = w.suppressed;
  IF kept <> '[]' THEN
    PERFORM append_entries(kept);
  END IF;
  PERFORM set_config('app.tenant', before, true);
  RETURN w.suppressed;
END $$;

CREATE OR REPLACE FUNCTION append_audit(entries jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM jsonb_array_elements(entries) e WHERE e ->> 'type' IN ('proposal.executed', 'execution.applied', 'execution.undone')) THEN
    RAISE EXCEPTION 'the door alone says what became of an execution' USING ERRCODE = 'XQ015';
  END IF;
  IF nullif(current_setting('app.tenant', true), '')::uuid = '00000000-0000-0000-0000-000000000000' THEN
    RAISE EXCEPTION 'the chain of the system has a writer of its own' USING ERRCODE = 'XQ015';
  END IF;
  RETURN append_entries(entries);
END $$;
REVOKE EXECUTE ON FUNCTION append_system(jsonb, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION append_system(jsonb, bigint) TO {{api}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{audit_writer}};
