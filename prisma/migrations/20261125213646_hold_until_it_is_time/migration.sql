-- What is approved may have to wait: until the time that its proposer asked for, and while a freeze window is open. Whoever changes windows locks the tenant's control row
-- first, as for switches, so the answer means: no commit in the window from then on.
SET LOCAL search_path = exequatur, pg_catalog;

ALTER TABLE proposal ADD COLUMN execute_after timestamptz, ADD COLUMN held_until timestamptz, ADD COLUMN held_by text;
GRANT UPDATE (held_until, held_by) ON proposal TO {{worker}};

CREATE TABLE freeze_window (
  tenant_id        uuid NOT NULL REFERENCES tenant,
  name             text COLLATE "C" NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  -- Null: everything of the tenant.
  action_type      text,
  reason           text NOT NULL,
  starts_at        timestamptz,
  ends_at          timestamptz,
  -- ISO days, 1 is Monday, on which it opens at from_time by the clocks of time_zone, until until_time of that day or, where that is no later, of the next.
  days             int[],
  from_time        time,
  until_time       time,
  time_zone        text,
  created_by       text NOT NULL,
  created_at       timestamptz NOT NULL,
  -- To remove one that may still hold something takes two people: this is the first of them.
  removal_asked_by text,
  removal_asked_at timestamptz,
  PRIMARY KEY (tenant_id, name),
  CHECK ((starts_at IS NULL) = (ends_at IS NULL) AND starts_at < ends_at),
  CHECK ((days IS NULL) = (from_time IS NULL) AND (days IS NULL) = (until_time IS NULL) AND (days IS NULL) = (time_zone IS NULL)),
  CHECK ((starts_at IS NULL) <> (days IS NULL)),
  CHECK (days <@ ARRAY[1, 2, 3, 4, 5, 6, 7] AND cardinality(days) > 0)
);
ALTER TABLE freeze_window ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON freeze_window USING (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid))
                                 WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid));
GRANT SELECT ON freeze_window TO {{api}}, {{worker}}, {{door}};
GRANT INSERT, DELETE ON freeze_window TO {{api}};
GRANT UPDATE (removal_asked_by, removal_asked_at) ON freeze_window TO {{api}};

-- Until when the window that is open at this instant stays open; null while it is closed. A weekly one opens at most once a day: today's, or yesterday's over midnight.
-- Hours that a change of the clocks skips or repeats are as long as they are: both ends are instants.
CREATE FUNCTION open_until(w freeze_window, at timestamptz) RETURNS timestamptz LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT CASE
    WHEN w.starts_at IS NOT NULL THEN CASE WHEN w.starts_at <= at AND at < w.ends_at THEN w.ends_at END
    ELSE (
      SELECT max(e.ends)
        FROM generate_series(0, 1) ago,
             LATERAL (SELECT (at AT TIME ZONE w.time_zone)::date - ago AS day) d,
             LATERAL (SELECT (d.day + w.from_time) AT TIME ZONE w.time_zone AS starts,
                             (d.day + w.until_time + CASE WHEN w.until_time <= w.from_time THEN interval '1 day' ELSE interval '0' END) AT TIME ZONE w.time_zone AS ends) e
       WHERE extract(isodow FROM d.day)::int = ANY (w.days) AND e.starts <= at AND at < e.ends)
  END
$$;

-- What holds an approved proposal at this instant, that which holds it longest first: `executeAfter`, or `window/<name>`.
CREATE FUNCTION held_by(action_type text, execute_after timestamptz) RETURNS TABLE (what text, until timestamptz)
LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  WITH now AS MATERIALIZED (SELECT clock() AS at)
  SELECT h.what, h.until FROM (
    SELECT 'executeAfter' AS what, held_by.execute_after AS until FROM now WHERE held_by.execute_after > now.at
    UNION ALL
    SELECT 'window/' || w.name, open_until(w, now.at) FROM now, freeze_window w
     WHERE w.tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid) AND (w.action_type IS NULL OR w.action_type = held_by.action_type)
  ) h WHERE h.until IS NOT NULL ORDER BY h.until DESC, h.what LIMIT 1
$$;
REVOKE EXECUTE ON FUNCTION open_until(freeze_window, timestamptz), held_by(text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_until(freeze_window, timestamptz), held_by(text, timestamptz) TO {{api}}, {{worker}}, {{door}};

-- The door writes an execution's row after it has locked the control row, so what this sees is what holds until the commit.
CREATE FUNCTION refuse_held() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM proposal p, held_by(p.action_type, p.execute_after) WHERE p.tenant_id = NEW.tenant_id AND p.id = NEW.proposal_id) THEN
    RAISE EXCEPTION 'it is not time for this' USING ERRCODE = 'XQ018';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER refuse_held BEFORE INSERT ON execution FOR EACH ROW EXECUTE FUNCTION refuse_held();
