-- Where a reader of events begins who names a time, and the events of one proposal without looking at those of all others.
SET LOCAL search_path = exequatur, pg_catalog;

-- The last entry of the log that is not later than a time, to the millisecond, as events tell it; 0 where there is none. Times rise along the log, so halving finds it, and no index is kept for it.
CREATE FUNCTION last_entry_until(tenant uuid, until timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  low bigint := 0;
  high bigint := coalesce((SELECT max(e.seq) FROM audit_entry e WHERE e.tenant_id = tenant), 0);
  middle bigint;
BEGIN
  WHILE low < high LOOP
    middle := (low + high + 1) / 2;
    IF (SELECT date_trunc('milliseconds', e.at) FROM audit_entry e WHERE e.tenant_id = tenant AND e.seq = middle) <= until THEN
      low := middle;
    ELSE
      high := middle - 1;
    END IF;
  END LOOP;
  RETURN low;
END $$;

-- What events_after tells of one proposal, by the index on its entries. Positions and ids are those of events_after.
CREATE FUNCTION events_of_proposal(tenant uuid, proposal uuid, after_seq bigint, skip int, lim int)
RETURNS TABLE (seq bigint, ordinal int, at timestamptz, id text, type text, subject text, key text, data jsonb, traceparent text)
LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  WITH told AS (
    SELECT e.seq, e.at, o AS row, (row_number() OVER (PARTITION BY e.seq ORDER BY o.type = 'object.changes', o.id))::int AS place,
           CASE WHEN e.seq = after_seq + 1 THEN skip ELSE 0 END AS behind
      FROM audit_entry e JOIN outbox o ON o.tenant_id = e.tenant_id AND o.audit_entry_id = e.id
     WHERE e.tenant_id = tenant AND e.proposal_id = proposal AND e.seq > after_seq
  )
  SELECT x.* FROM (
    SELECT t.seq, t.place AS ordinal, t.at, (t.row).id::text AS id, (t.row).type, (t.row).subject, coalesce((t.row).proposal_id::text, (t.row).subject) AS key,
           (t.row).data, (t.row).traceparent
      FROM told t WHERE (t.row).type <> 'object.changes' AND t.place > t.behind
    UNION ALL
    SELECT t.seq, t.place - 1 + c.ordinal, t.at, (t.row).id || '.' || c.ordinal, c.type, c.subject, c.key, c.data, (t.row).traceparent
      FROM told t CROSS JOIN LATERAL object_events(tenant, t.row, greatest(t.behind - t.place + 1, 0), lim) c WHERE (t.row).type = 'object.changes'
  ) x ORDER BY x.seq, x.ordinal LIMIT lim
$$;

REVOKE EXECUTE ON FUNCTION last_entry_until(uuid, timestamptz), events_of_proposal(uuid, uuid, bigint, int, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION last_entry_until(uuid, timestamptz), events_of_proposal(uuid, uuid, bigint, int, int) TO {{api}};
