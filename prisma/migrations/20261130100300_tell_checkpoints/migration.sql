-- That a log was sealed is an event like others, for whoever reads them, wherever they do. A checkpoint is no entry of the log, which would have to be sealed in turn for ever, and
-- it is made when later entries may have been read already. So its event is told where the log ends at that moment: behind all events of the last entry and before those of
-- the next, under the lock under which entries get their numbers. Of the events in front of an entry's own, the checkpoints come first: position (n, k) is behind the events
-- of the entries up to n and behind k checkpoints that were made while n was the last.
SET LOCAL search_path = exequatur, pg_catalog;

-- What is known of the events of a tenant beside its log: how many checkpoints were made since entry `head_seq`, which was the last when the newest of them was made.
CREATE TABLE event_feed (
  tenant_id   uuid NOT NULL REFERENCES tenant PRIMARY KEY,
  head_seq    bigint NOT NULL DEFAULT 0,
  checkpoints int NOT NULL DEFAULT 0
);
ALTER TABLE event_feed ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON event_feed USING (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid))
                              WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid));
CREATE POLICY across_tenants ON event_feed TO {{relay_reader}} USING (true) WITH CHECK (true);
GRANT SELECT ON event_feed TO {{api}};
GRANT SELECT, INSERT, UPDATE ON event_feed TO {{relay_reader}};

GRANT CREATE ON SCHEMA exequatur TO {{audit_writer}};
SET LOCAL ROLE {{audit_writer}};
SET LOCAL search_path = exequatur, pg_catalog;
-- The last entry of the log of the tenant that is set, which stays the last until the transaction ends.
CREATE FUNCTION hold_audit_head() RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT h.seq FROM audit_head h WHERE h.tenant_id = nullif(current_setting('app.tenant', true), '')::uuid FOR UPDATE
$$;
REVOKE EXECUTE ON FUNCTION hold_audit_head() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hold_audit_head() TO {{relay_reader}};
SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{audit_writer}};

-- Belongs to no entry of its transaction, and is written by nobody but the trigger below: the logins may write no event of this type.
DROP TRIGGER events_are_logged ON outbox;
CREATE CONSTRAINT TRIGGER events_are_logged AFTER INSERT ON outbox DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.type <> 'audit.checkpoint')
  EXECUTE FUNCTION refuse_unlogged_events();

-- The row of the feed is locked before the log's: whoever waits for it keeps no writer waiting.
CREATE FUNCTION tell_checkpoint() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  before text := coalesce(current_setting('app.tenant', true), '');
  head bigint;
BEGIN
  PERFORM set_config('app.tenant', NEW.tenant_id::text, true);
  INSERT INTO event_feed (tenant_id) VALUES (NEW.tenant_id) ON CONFLICT DO NOTHING;
  PERFORM FROM event_feed f WHERE f.tenant_id = NEW.tenant_id FOR UPDATE;
  head := hold_audit_head();
  INSERT INTO outbox (tenant_id, id, audit_entry_id, type, subject, data, created_at)
  SELECT NEW.tenant_id, gen_random_uuid(), e.id, 'audit.checkpoint', 'audit/checkpoint', jsonb_build_object('size', NEW.size, 'note', NEW.note), NEW.created_at
    FROM audit_entry e WHERE e.tenant_id = NEW.tenant_id AND e.seq = head;
  IF FOUND THEN
    UPDATE event_feed f SET checkpoints = CASE WHEN f.head_seq = head THEN f.checkpoints + 1 ELSE 1 END, head_seq = head WHERE f.tenant_id = NEW.tenant_id;
  END IF;
  PERFORM set_config('app.tenant', before, true);
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION tell_checkpoint() FROM PUBLIC;
CREATE TRIGGER told AFTER INSERT ON audit_checkpoint FOR EACH ROW EXECUTE FUNCTION tell_checkpoint();

-- Events of a tenant, or of one proposal of it, behind a position, in order: at most `lim`, with at most so many bytes of data, but one where there is one. Each row's position
-- is seq and ordinal: which entry, and which of its events. The last row has no event where all entries that were looked at are done with: it says how far that is. Whoever
-- asks sees what row-level security shows them.
CREATE OR REPLACE FUNCTION events_after(tenant uuid, after_seq bigint, skip int, lim int, most_bytes int, of_proposal uuid)
RETURNS TABLE (seq bigint, ordinal int, at timestamptz, id text, type text, subject text, key text, data jsonb, traceparent text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
#variable_conflict use_column
DECLARE
  entries refcursor;
  entry record;
  told outbox;
  change record;
  ahead int := 0; -- Checkpoints in front of the entry's own events.
  passed int;
  checkpoints int;
  slot bigint;
  place int;
  name text;
  done_with bigint;
  size int;
  returned int := 0;
  room bigint := most_bytes;
BEGIN
  IF of_proposal IS NULL THEN
    OPEN entries FOR SELECT e.seq, e.id, e.at FROM audit_entry e WHERE e.tenant_id = tenant AND e.seq >= after_seq ORDER BY e.seq LIMIT lim + 1;
  ELSE
    OPEN entries FOR SELECT e.seq, e.id, e.at FROM audit_entry e WHERE e.tenant_id = tenant AND e.proposal_id = of_proposal AND e.seq > after_seq ORDER BY e.seq LIMIT lim;
  END IF;
  LOOP
    FETCH entries INTO entry;
    EXIT WHEN NOT FOUND;
    IF of_proposal IS NOT NULL THEN
      ahead := (SELECT count(*) FROM audit_entry b JOIN outbox c ON c.tenant_id = b.tenant_id AND c.audit_entry_id = b.id AND c.type = 'audit.checkpoint'
                 WHERE b.tenant_id = tenant AND b.seq = entry.seq - 1);
    END IF;
    passed := ahead;
    checkpoints := 0;
    FOR told IN SELECT o.* FROM outbox o
                 WHERE o.tenant_id = tenant AND o.audit_entry_id = entry.id AND CASE WHEN o.type = 'audit.checkpoint' THEN of_proposal IS NULL ELSE entry.seq > after_seq END
                 ORDER BY o.type = 'audit.checkpoint', o.type = 'object.changes', CASE WHEN o.type = 'audit.checkpoint' THEN (o.data ->> 'size')::bigint END, o.id LOOP
      IF told.type = 'object.changes' THEN
        FOR change IN SELECT x.* FROM object_events(tenant, told, CASE WHEN entry.seq = after_seq + 1 THEN greatest(skip - passed, 0) ELSE 0 END, lim - returned, room) x LOOP
          IF returned > 0 AND change.bytes > room THEN
            RETURN;
          END IF;
          RETURN QUERY SELECT entry.seq, passed + change.ordinal, entry.at, told.id || '.' || change.ordinal, change.type, change.subject, change.key, change.data, told.traceparent;
          returned := returned + 1;
          room := room - change.bytes;
        END LOOP; -- Nothing of the entry follows them.
      ELSE
        IF told.type = 'audit.checkpoint' THEN
          checkpoints := checkpoints + 1;
          slot := entry.seq + 1;
          place := checkpoints;
          name := 'checkpoint.' || (told.data ->> 'size');
        ELSE
          passed := passed + 1;
          slot := entry.seq;
          place := passed;
          name := told.id::text;
        END IF;
        IF (slot, place) > (after_seq + 1, skip) THEN
          size := octet_length(told.data::text);
          IF returned > 0 AND size > room THEN
            RETURN;
          END IF;
          RETURN QUERY SELECT slot, place, CASE WHEN slot = entry.seq THEN entry.at ELSE told.created_at END, name, told.type, told.subject, coalesce(told.proposal_id::text, told.subject),
                              told.data, told.traceparent;
          returned := returned + 1;
          room := room - size;
        END IF;
      END IF;
      IF returned >= lim OR room <= 0 THEN
        RETURN;
      END IF;
    END LOOP;
    ahead := checkpoints;
    done_with := entry.seq;
  END LOOP;
  IF done_with IS NOT NULL THEN
    RETURN QUERY SELECT done_with + 1, CASE WHEN done_with = after_seq THEN greatest(ahead, skip) WHEN of_proposal IS NULL THEN ahead ELSE 0 END, NULL::timestamptz, NULL, NULL, NULL, NULL, NULL::jsonb, NULL;
  END IF;
END $$;

GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;

-- The newest checkpoint of each log that Kafka has not been told of.
WITH untold AS (
  INSERT INTO outbox (tenant_id, id, audit_entry_id, type, subject, data, created_at)
  SELECT h.tenant_id, gen_random_uuid(), e.id, 'audit.checkpoint', 'audit/checkpoint', jsonb_build_object('size', c.size, 'note', c.note), c.created_at
    FROM audit_head h JOIN audit_entry e ON e.tenant_id = h.tenant_id AND e.seq = h.seq
    JOIN LATERAL (SELECT x.size, x.note, x.created_at FROM audit_checkpoint x WHERE x.tenant_id = h.tenant_id ORDER BY x.size DESC LIMIT 1) c ON true
   WHERE c.size > coalesce((SELECT l.checkpoint FROM event_lane l WHERE l.tenant_id = h.tenant_id AND l.sink = 'kafka'), 0)
  RETURNING tenant_id
)
INSERT INTO event_feed (tenant_id, head_seq, checkpoints) SELECT h.tenant_id, h.seq, 1 FROM audit_head h JOIN untold u ON u.tenant_id = h.tenant_id;

DROP FUNCTION claim_kafka_lanes(uuid, int, interval);
DROP FUNCTION lane_checkpoints(uuid, bigint, int);
DROP FUNCTION checkpoints_told(uuid, text, uuid, bigint);

-- Lanes that have something to publish and are nobody's, those first that were served longest ago; they are the claimant's for that long. Two claimants get different ones.
CREATE FUNCTION claim_kafka_lanes(claimant uuid, lim int, lease interval) RETURNS TABLE (tenant_id uuid, sink text, seq bigint, ordinal int)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  INSERT INTO event_lane (tenant_id, sink)
  SELECT h.tenant_id, 'kafka' FROM audit_head h WHERE NOT EXISTS (SELECT FROM event_lane l WHERE l.tenant_id = h.tenant_id AND l.sink = 'kafka') ON CONFLICT DO NOTHING;
  UPDATE event_lane l SET claimed_by = claimant, claimed_until = clock() + lease
    FROM (SELECT x.tenant_id FROM event_lane x JOIN audit_head h ON h.tenant_id = x.tenant_id LEFT JOIN event_feed f ON f.tenant_id = x.tenant_id
           WHERE x.sink = 'kafka' AND (x.claimed_until IS NULL OR x.claimed_until < clock())
             AND (h.seq > x.seq OR (f.head_seq = x.seq AND f.checkpoints > x.ordinal)
                  OR EXISTS (SELECT FROM event_hold w WHERE w.tenant_id = x.tenant_id AND w.sink = x.sink AND w.resolution IS NOT NULL))
           ORDER BY x.served_at, x.tenant_id LIMIT lim FOR UPDATE OF x SKIP LOCKED) free
   WHERE l.tenant_id = free.tenant_id AND l.sink = 'kafka'
  RETURNING l.tenant_id, l.sink, l.seq, l.ordinal
$$;
REVOKE EXECUTE ON FUNCTION claim_kafka_lanes(uuid, int, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION claim_kafka_lanes(uuid, int, interval) TO {{relay}};

CREATE OR REPLACE FUNCTION claim_webhook_lanes(claimant uuid, lim int, each int, lease interval)
RETURNS TABLE (tenant_id uuid, sink text, seq bigint, ordinal int, name text, url text, filter jsonb, attempts int, tried_ms float8, failing_ms float8)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  WITH now AS MATERIALIZED (
    SELECT clock() AS at
  ), busy AS (
    SELECT l.tenant_id, count(*) AS lanes FROM event_lane l, now WHERE l.sink <> 'kafka' AND l.claimed_until >= now.at GROUP BY l.tenant_id
  ), due AS (
    SELECT l.tenant_id, l.sink, row_number() OVER (PARTITION BY l.tenant_id ORDER BY l.served_at, l.sink) AS place
      FROM now, subscription s JOIN event_lane l ON l.tenant_id = s.tenant_id AND l.sink = s.id::text JOIN audit_head h ON h.tenant_id = s.tenant_id LEFT JOIN event_feed f ON f.tenant_id = s.tenant_id
     WHERE s.enabled AND s.disabled_at IS NULL AND s.next_attempt_at <= now.at AND (h.seq > l.seq OR (f.head_seq = l.seq AND f.checkpoints > l.ordinal)) AND (l.claimed_until IS NULL OR l.claimed_until < now.at)
  ), free AS (
    SELECT l.tenant_id, l.sink FROM now, event_lane l JOIN due d ON d.tenant_id = l.tenant_id AND d.sink = l.sink LEFT JOIN busy b ON b.tenant_id = l.tenant_id
     WHERE d.place <= each - coalesce(b.lanes, 0) AND (l.claimed_until IS NULL OR l.claimed_until < now.at)
     ORDER BY l.served_at, l.tenant_id, l.sink LIMIT lim FOR UPDATE OF l SKIP LOCKED
  )
  UPDATE event_lane l SET claimed_by = claimant, claimed_until = now.at + lease
    FROM now, free f JOIN subscription s ON s.tenant_id = f.tenant_id AND s.id::text = f.sink
   WHERE l.tenant_id = f.tenant_id AND l.sink = f.sink
  RETURNING l.tenant_id, l.sink, l.seq, l.ordinal, s.name, s.url, s.filter, s.attempts,
            (extract(epoch FROM now.at - s.tried_since) * 1000)::float8, (extract(epoch FROM now.at - s.failing_since) * 1000)::float8
$$;

-- Where reading begins: `now`, `beginning`, a time, or the sequence of an event, which is read as well. Times of entries rise with their numbers, so a time is found by
-- halving.
CREATE OR REPLACE FUNCTION event_position(tenant uuid, start text) RETURNS TABLE (seq bigint, ordinal int)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  head bigint := coalesce((SELECT h.seq FROM audit_head h WHERE h.tenant_id = tenant), 0);
  low bigint := 0;
  high bigint := head;
  middle bigint;
  told int := coalesce((SELECT f.checkpoints FROM event_feed f WHERE f.tenant_id = tenant AND f.head_seq = head), 0);
BEGIN
  IF start = 'now' THEN
    RETURN QUERY SELECT head, told;
  ELSIF start = 'beginning' THEN
    RETURN QUERY SELECT 0::bigint, 0;
  ELSIF start ~ '^\d{16}\.\d{8}$' THEN
    middle := split_part(start, '.', 1)::bigint - 1;
    RETURN QUERY SELECT greatest(0, least(head, middle)), CASE WHEN middle BETWEEN 0 AND head - 1 THEN greatest(0, split_part(start, '.', 2)::int - 1)
                                                              WHEN middle = head THEN least(told, greatest(0, split_part(start, '.', 2)::int - 1)) ELSE 0 END;
  ELSE
    WHILE low < high LOOP
      middle := (low + high) / 2;
      IF (SELECT e.at FROM audit_entry e WHERE e.tenant_id = tenant AND e.seq = middle + 1) >= start::timestamptz THEN
        high := middle;
      ELSE
        low := middle + 1;
      END IF;
    END LOOP;
    RETURN QUERY SELECT low, (SELECT count(*) FROM audit_entry e JOIN outbox o ON o.tenant_id = e.tenant_id AND o.audit_entry_id = e.id AND o.type = 'audit.checkpoint'
                               WHERE e.tenant_id = tenant AND e.seq = low AND o.created_at < start::timestamptz)::int;
  END IF;
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};
ALTER TABLE event_lane DROP COLUMN checkpoint;
