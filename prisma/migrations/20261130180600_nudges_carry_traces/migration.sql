-- A nudge that the relay delivers in place of the API belongs to the trace of the request that wrote it, so that one trace leads from a request through the workflow also
-- where Temporal was away in between. Its content is still that there is something to look at.
SET LOCAL ROLE {{owner}};
SET LOCAL search_path = exequatur, pg_catalog;

ALTER TABLE nudge ADD COLUMN traceparent text DEFAULT nullif(current_setting('app.traceparent', true), '') CHECK (length(traceparent) <= 55);

GRANT SELECT (traceparent) ON nudge TO {{relay_reader}};
GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;

DROP FUNCTION undelivered_nudges(interval, int);
CREATE FUNCTION undelivered_nudges(older_than interval, lim int)
RETURNS TABLE (tenant_id uuid, nudge_id uuid, proposal_id uuid, action_type text, status text, created_at timestamptz, traceparent text)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT n.tenant_id, n.id, n.proposal_id, p.action_type, p.status, n.created_at, n.traceparent
    FROM nudge n JOIN proposal p ON p.tenant_id = n.tenant_id AND p.id = n.proposal_id
   WHERE n.delivered_at IS NULL AND n.created_at < clock() - older_than
   ORDER BY n.created_at, n.id LIMIT lim
$$;
REVOKE EXECUTE ON FUNCTION undelivered_nudges(interval, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION undelivered_nudges(interval, int) TO {{relay}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};
