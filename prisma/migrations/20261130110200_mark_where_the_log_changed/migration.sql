-- Logs whose earlier entries do not say whose approval their plans needed, as versions before wrote them, are told where that ends: from then on none may be without it.
SET LOCAL search_path = exequatur, pg_catalog;

-- Whatever is being appended is there before the question whether anything lacks it, and what is appended after has to have it.
LOCK TABLE audit_entry IN SHARE ROW EXCLUSIVE MODE;
CREATE INDEX audit_entry_format_changed ON audit_entry (tenant_id, seq) WHERE type = 'log.format_changed';

SET LOCAL ROLE {{relay_reader}};
SELECT set_config('app.lacking', coalesce((
  SELECT string_agg(DISTINCT e.tenant_id::text, ',') FROM exequatur.audit_entry e
   WHERE e.type = 'proposal.simulated' AND convert_from(e.payload, 'UTF8')::jsonb ->> 'from' = 'simulating'
     AND NOT convert_from(e.payload, 'UTF8')::jsonb ?| ARRAY['requirement', 'requirementDigest']), ''), true);

SET LOCAL ROLE {{owner}};
GRANT CREATE ON SCHEMA exequatur TO {{audit_writer}};
SET LOCAL ROLE {{audit_writer}};
SET LOCAL search_path = exequatur, pg_catalog;
DO $$
DECLARE
  one text;
BEGIN
  FOREACH one IN ARRAY string_to_array(current_setting('app.lacking'), ',') LOOP
    PERFORM set_config('app.tenant', one, true);
    PERFORM append_entries(jsonb_build_array(jsonb_build_object('id', gen_random_uuid(), 'type', 'log.format_changed', 'disclosures', '[]'::jsonb,
      'payload', '{"tells":["requirement","approvals"],"type":"log.format_changed"}')));
  END LOOP;
  PERFORM set_config('app.tenant', '', true);
END $$;

-- As before; and where the log changed is for migrations to say.
CREATE OR REPLACE FUNCTION append_audit(entries jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM jsonb_array_elements(entries) e WHERE e ->> 'type' IN ('proposal.executed', 'execution.applied', 'execution.undone')) THEN
    RAISE EXCEPTION 'the door alone says what became of an execution' USING ERRCODE = 'XQ015';
  END IF;
  IF EXISTS (SELECT FROM jsonb_array_elements(entries) e WHERE e ->> 'type' = 'log.format_changed') THEN
    RAISE EXCEPTION 'a migration alone says that the log has changed' USING ERRCODE = 'XQ015';
  END IF;
  IF nullif(current_setting('app.tenant', true), '')::uuid = '00000000-0000-0000-0000-000000000000' THEN
    RAISE EXCEPTION 'the chain of the system has a writer of its own' USING ERRCODE = 'XQ015';
  END IF;
  RETURN append_entries(entries);
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{audit_writer}};
