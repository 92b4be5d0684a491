-- A weekly window that begins in an hour which clocks repeat begins with the first of the two; one that begins in an hour which they skip has begun by then.
SET LOCAL search_path = exequatur, pg_catalog;

-- The earliest instant at which clocks there show this time. PostgreSQL gives the later of two, and takes a time that is skipped as much further as is skipped, so there
-- the window opens as much too early: what it is to hold must not slip through.
CREATE FUNCTION first_instant(local timestamp, zone text) RETURNS timestamptz LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT CASE
    WHEN (c.at AT TIME ZONE zone) <> local THEN c.at - ((c.at AT TIME ZONE zone) - local)
    ELSE coalesce((SELECT min(c.at - earlier) FROM unnest(ARRAY[interval '20 minutes', '30 minutes', '1 hour', '2 hours']) earlier
                    WHERE ((c.at - earlier) AT TIME ZONE zone) = local), c.at)
  END FROM (SELECT local AT TIME ZONE zone AS at) c
$$;

CREATE OR REPLACE FUNCTION open_until(w freeze_window, at timestamptz) RETURNS timestamptz LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT CASE
    WHEN w.starts_at IS NOT NULL THEN CASE WHEN w.starts_at <= at AND at < w.ends_at THEN w.ends_at END
    ELSE (
      SELECT max(e.ends)
        FROM generate_series(0, 1) ago,
             LATERAL (SELECT (at AT TIME ZONE w.time_zone)::date - ago AS day) d,
             LATERAL (SELECT first_instant(d.day + w.from_time, w.time_zone) AS starts,
                             (d.day + w.until_time + CASE WHEN w.until_time <= w.from_time THEN interval '1 day' ELSE interval '0' END) AT TIME ZONE w.time_zone AS ends) e
       WHERE extract(isodow FROM d.day)::int = ANY (w.days) AND e.starts <= at AND at < e.ends)
  END
$$;
REVOKE EXECUTE ON FUNCTION first_instant(timestamp, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION first_instant(timestamp, text) TO {{api}}, {{worker}}, {{door}};
