-- A log that is shorter than what was signed of it was cut off: the sealer is told of it at once, and not when it has grown beyond that again.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;
-- As before, and those first that are shorter than their last checkpoint, also where no head is left. Tenants of checkpoints are found by one look into their index for each.
CREATE OR REPLACE FUNCTION logs_to_seal(lim int, passed uuid[] DEFAULT '{}') RETURNS TABLE (tenant_id uuid, head bigint, sealed bigint, root bytea)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  WITH RECURSIVE signed(tenant_id) AS (
    (SELECT c.tenant_id FROM audit_checkpoint c ORDER BY c.tenant_id LIMIT 1)
    UNION ALL
    SELECT (SELECT c.tenant_id FROM audit_checkpoint c WHERE c.tenant_id > s.tenant_id ORDER BY c.tenant_id LIMIT 1) FROM signed s WHERE s.tenant_id IS NOT NULL
  ), log(tenant_id, head) AS (
    SELECT h.tenant_id, h.seq FROM audit_head h
    UNION ALL
    SELECT s.tenant_id, 0 FROM signed s WHERE s.tenant_id IS NOT NULL AND NOT EXISTS (SELECT FROM audit_head h WHERE h.tenant_id = s.tenant_id)
  )
  SELECT l.tenant_id, l.head, coalesce(c.size, 0), c.root
    FROM log l
    LEFT JOIN LATERAL (SELECT x.size, x.root FROM audit_checkpoint x WHERE x.tenant_id = l.tenant_id ORDER BY x.size DESC LIMIT 1) c ON true
   WHERE l.head <> coalesce(c.size, 0) AND l.tenant_id <> ALL (passed)
   ORDER BY l.head > coalesce(c.size, 0), (SELECT e.at FROM audit_entry e WHERE e.tenant_id = l.tenant_id AND e.seq = coalesce(c.size, 0) + 1) NULLS LAST, l.tenant_id LIMIT lim
$$;
SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};
