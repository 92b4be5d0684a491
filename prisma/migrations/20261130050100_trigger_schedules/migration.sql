-- A schedule may be run at once, beside its times: the instant at which that was asked is the run's, so however often it is started it makes one proposal.
SET LOCAL search_path = exequatur, pg_catalog;

ALTER TABLE schedule ADD COLUMN triggered_at timestamptz, ADD COLUMN triggered_by text, ADD COLUMN trigger_reason text,
  ADD CHECK ((triggered_at IS NULL) = (triggered_by IS NULL) AND (triggered_at IS NULL) = (trigger_reason IS NULL));
GRANT UPDATE (triggered_at, triggered_by, trigger_reason) ON schedule TO {{api}};

GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;

DROP FUNCTION schedules_to_tell(boolean, int);
-- As before, with the run that was asked for beside the times. Like one at its time it is not made up for after ten minutes.
CREATE FUNCTION schedules_to_tell(everything boolean, lim int)
RETURNS TABLE (tenant_id uuid, id uuid, action_type text, timing jsonb, state text, version int, triggered_at timestamptz)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT s.tenant_id, s.id, s.action_type, s.timing, s.state, s.version, CASE WHEN s.state = 'active' AND s.triggered_at > clock() - interval '10 minutes' THEN s.triggered_at END
    FROM schedule s
   WHERE s.told_version < s.version OR (everything AND s.state = 'active') ORDER BY s.told_version < s.version DESC, s.tenant_id, s.id LIMIT lim
$$;
REVOKE EXECUTE ON FUNCTION schedules_to_tell(boolean, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION schedules_to_tell(boolean, int) TO {{relay}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};
