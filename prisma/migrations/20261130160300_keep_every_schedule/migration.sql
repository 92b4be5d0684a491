-- The sweep looks after every schedule, page by page, however many there are: it always began anew with the same thousand.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;

DROP FUNCTION schedules_to_tell(boolean, int);
-- Those after the last one seen, by tenant and id. A run that was asked for beside the times is not made up for after ten minutes.
CREATE FUNCTION schedules_to_tell(everything boolean, after_tenant uuid, after_schedule uuid, lim int)
RETURNS TABLE (tenant_id uuid, id uuid, action_type text, timing jsonb, state text, version int, triggered_at timestamptz)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT s.tenant_id, s.id, s.action_type, s.timing, s.state, s.version, CASE WHEN s.state = 'active' AND s.triggered_at > clock() - interval '10 minutes' THEN s.triggered_at END
    FROM schedule s
   WHERE (s.told_version < s.version OR (everything AND s.state = 'active')) AND (after_tenant IS NULL OR (s.tenant_id, s.id) > (after_tenant, after_schedule))
   ORDER BY s.tenant_id, s.id LIMIT lim
$$;
REVOKE EXECUTE ON FUNCTION schedules_to_tell(boolean, uuid, uuid, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION schedules_to_tell(boolean, uuid, uuid, int) TO {{relay}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};
