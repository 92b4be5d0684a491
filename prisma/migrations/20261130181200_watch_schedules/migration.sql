-- A run that could not begin in time leaves a trace: up to when the times of a schedule were held against its runs, and which of them have none.
SET LOCAL search_path = exequatur, pg_catalog;

ALTER TABLE schedule ADD COLUMN seen_until timestamptz NOT NULL DEFAULT clock();
CREATE POLICY across_tenants ON schedule_run FOR SELECT TO {{relay_reader}} USING (true);
GRANT SELECT ON schedule_run TO {{relay_reader}};
GRANT UPDATE (seen_until) ON schedule TO {{relay_reader}};

GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Active schedules at which nobody has looked for twenty minutes, and between which instants to look: what could not begin for ten minutes is not made up for any more, and a
-- minute later whatever did begin is known. While it was paused nothing was to run.
CREATE FUNCTION schedules_to_watch(lim int)
RETURNS TABLE (tenant_id uuid, id uuid, action_type text, since timestamptz, until timestamptz, spread interval, triggered_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT s.tenant_id, s.id, s.action_type, greatest(s.seen_until, s.state_at), clock() - interval '11 minutes', coalesce((s.timing ->> 'jitter')::interval, interval '0'), s.triggered_at
    FROM schedule s
   WHERE s.state = 'active' AND s.seen_until < clock() - interval '20 minutes' ORDER BY s.seen_until, s.tenant_id, s.id LIMIT lim
$$;

-- Those of the times at which, or for so long before which, no run is on record.
CREATE FUNCTION times_without_run(tenant uuid, schedule uuid, times timestamptz[], spread interval) RETURNS SETOF timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT t FROM unnest(times) t
   WHERE NOT EXISTS (SELECT FROM schedule_run r WHERE r.tenant_id = tenant AND r.schedule_id = schedule AND r.nominal_at BETWEEN t - spread - interval '1 second' AND t)
   ORDER BY t
$$;

CREATE FUNCTION mark_schedule_watched(tenant uuid, schedule uuid, until timestamptz) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  UPDATE schedule s SET seen_until = until WHERE s.tenant_id = tenant AND s.id = mark_schedule_watched.schedule AND s.seen_until < until
$$;

REVOKE EXECUTE ON FUNCTION schedules_to_watch(int), times_without_run(uuid, uuid, timestamptz[], interval), mark_schedule_watched(uuid, uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION schedules_to_watch(int), times_without_run(uuid, uuid, timestamptz[], interval), mark_schedule_watched(uuid, uuid, timestamptz) TO {{relay}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};
