-- Events are kept for a while and then deleted, by the relay, once everybody has passed them who has a place among them: what was told stays in the audit log and in the objects'
-- history. How far that has gone is one number for each tenant, so whoever comes from before it can be told.
SET LOCAL search_path = exequatur, pg_catalog;

-- All events in front of the end of this entry are deleted, and none behind it.
ALTER TABLE event_feed ADD COLUMN deleted_seq bigint NOT NULL DEFAULT 0;
GRANT DELETE ON outbox TO {{relay_reader}};
-- A subscription is planned again when its proposal is, by the worker.
GRANT SELECT ON event_lane, event_feed TO {{worker}};
GRANT EXECUTE ON FUNCTION last_entry_until(uuid, timestamptz) TO {{worker}};

GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;

-- The entry up to which events are deleted, which stays that one until the transaction ends.
CREATE FUNCTION oldest_kept(tenant uuid) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT coalesce((SELECT f.deleted_seq FROM event_feed f WHERE f.tenant_id = tenant FOR SHARE), 0)
$$;

-- The entry up to which everybody has passed the events who has a place among them: Kafka, where it was ever published to, with the keys that are held there; and subscriptions, but
-- those that were switched off or given up for their endpoints.
CREATE FUNCTION passed_by_all(tenant uuid) RETURNS bigint LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT least((SELECT h.seq FROM audit_head h WHERE h.tenant_id = tenant),
               (SELECT min(l.seq) FROM event_lane l LEFT JOIN subscription s ON s.tenant_id = l.tenant_id AND s.id::text = l.sink
                 WHERE l.tenant_id = tenant AND (l.sink = 'kafka' OR (s.enabled AND s.disabled_at IS NULL) OR s.disabled_reason = 'filter')),
               (SELECT min(w.seq) - 1 FROM event_hold w WHERE w.tenant_id = tenant))
$$;

-- Deletes events of one tenant, of so many entries at most, that are older than this and passed by all; of which nobody else deletes at this moment. Nothing that is being written
-- is locked. The conditions are asked for here: whoever calls may say for how long events are kept, though not for less than a day. No row where there is nothing to delete.
CREATE FUNCTION delete_old_events(kept interval, lim int) RETURNS TABLE (entries bigint, events bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
#variable_conflict use_column
DECLARE
  before timestamptz := clock() - greatest(kept, interval '1 day');
  tenant uuid;
  first bigint;
  last bigint;
  gone bigint;
BEGIN
  INSERT INTO event_feed (tenant_id) SELECT h.tenant_id FROM audit_head h WHERE NOT EXISTS (SELECT FROM event_feed f WHERE f.tenant_id = h.tenant_id) ON CONFLICT DO NOTHING;
  SELECT f.tenant_id, f.deleted_seq INTO tenant, first FROM event_feed f JOIN audit_entry e ON e.tenant_id = f.tenant_id AND e.seq = f.deleted_seq + 1
   WHERE e.at < before AND passed_by_all(f.tenant_id) > f.deleted_seq ORDER BY e.at, f.tenant_id LIMIT 1 FOR UPDATE OF f SKIP LOCKED;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  -- Asked again: a lane may have been moved back before the row was locked, and none is while it is.
  SELECT max(e.seq) INTO last FROM audit_entry e
   WHERE e.tenant_id = tenant AND e.seq > first AND e.seq <= least(first + least(lim, 10000), passed_by_all(tenant)) AND e.at < before;
  IF last IS NULL THEN
    RETURN;
  END IF;
  -- Checkpoints that were made behind an entry are in front of the end of the next.
  DELETE FROM outbox o USING audit_entry e
   WHERE e.tenant_id = tenant AND e.seq BETWEEN first AND last AND o.tenant_id = e.tenant_id AND o.audit_entry_id = e.id
     AND CASE WHEN o.type = 'audit.checkpoint' THEN e.seq < last ELSE e.seq > first END;
  GET DIAGNOSTICS gone = ROW_COUNT;
  UPDATE event_feed f SET deleted_seq = last WHERE f.tenant_id = tenant;
  RETURN QUERY SELECT last - first, gone;
END $$;

-- When the oldest entry was written, over all tenants, whose events are kept.
CREATE FUNCTION oldest_event() RETURNS timestamptz
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT min(e.at) FROM audit_head h LEFT JOIN event_feed f ON f.tenant_id = h.tenant_id
    JOIN audit_entry e ON e.tenant_id = h.tenant_id AND e.seq = coalesce(f.deleted_seq, 0) + 1
$$;

-- Lanes that have something to publish and are nobody's, those first that were served longest ago; they are the claimant's for that long. Two claimants get different ones. A new one
-- begins with what is kept.
CREATE OR REPLACE FUNCTION claim_kafka_lanes(claimant uuid, lim int, lease interval) RETURNS TABLE (tenant_id uuid, sink text, seq bigint, ordinal int)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  INSERT INTO event_lane (tenant_id, sink, seq)
  SELECT h.tenant_id, 'kafka', coalesce((SELECT f.deleted_seq FROM event_feed f WHERE f.tenant_id = h.tenant_id), 0) FROM audit_head h WHERE NOT EXISTS (SELECT FROM event_lane l WHERE l.tenant_id = h.tenant_id AND l.sink = 'kafka') ON CONFLICT DO NOTHING;
  UPDATE event_lane l SET claimed_by = claimant, claimed_until = clock() + lease
    FROM (SELECT x.tenant_id FROM event_lane x JOIN audit_head h ON h.tenant_id = x.tenant_id LEFT JOIN event_feed f ON f.tenant_id = x.tenant_id
           WHERE x.sink = 'kafka' AND (x.claimed_until IS NULL OR x.claimed_until < clock())
             AND (h.seq > x.seq OR (f.head_seq = x.seq AND f.checkpoints > x.ordinal)
                  OR EXISTS (SELECT FROM event_hold w WHERE w.tenant_id = x.tenant_id AND w.sink = x.sink AND w.resolution IS NOT NULL))
           ORDER BY x.served_at, x.tenant_id LIMIT lim FOR UPDATE OF x SKIP LOCKED) free
   WHERE l.tenant_id = free.tenant_id AND l.sink = 'kafka'
  RETURNING l.tenant_id, l.sink, l.seq, l.ordinal
$$;

-- Where reading begins: `now`, `beginning`, which is the oldest that is kept, a time, or the sequence of an event, which is read as well. Times of entries rise with their numbers,
-- so a time is found by halving.
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
    RETURN QUERY SELECT oldest_kept(tenant), 0;
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

-- For the API. Begins again at a position, though not before the one that was approved, nor before what is kept: 'replayed', 'too_early', 'not_kept', or null where there is none of
-- that name. Whoever delivers at this moment stops.
CREATE OR REPLACE FUNCTION replay_subscription(name text, start text) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
  s subscription;
  place record;
BEGIN
  PERFORM FROM event_lane l JOIN subscription x ON x.tenant_id = l.tenant_id AND x.id::text = l.sink WHERE x.tenant_id = tenant AND x.name = replay_subscription.name FOR UPDATE OF l;
  SELECT x.* INTO s FROM subscription x WHERE x.tenant_id = tenant AND x.name = replay_subscription.name FOR UPDATE;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  SELECT p.seq, p.ordinal INTO place FROM event_position(tenant, start) p;
  IF (place.seq, place.ordinal) < (s.starts_seq, s.starts_ordinal) THEN
    RETURN 'too_early';
  END IF;
  IF place.seq < oldest_kept(tenant) THEN
    RETURN 'not_kept';
  END IF;
  UPDATE event_lane l SET seq = place.seq, ordinal = place.ordinal, claimed_by = NULL, claimed_until = NULL WHERE l.tenant_id = tenant AND l.sink = s.id::text;
  UPDATE subscription x SET attempts = 0, tried_since = NULL, next_attempt_at = '-infinity' WHERE x.tenant_id = tenant AND x.id = s.id;
  RETURN 'replayed';
END $$;

REVOKE EXECUTE ON FUNCTION oldest_kept(uuid), passed_by_all(uuid), delete_old_events(interval, int), oldest_event() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION oldest_kept(uuid) TO {{door}};
GRANT EXECUTE ON FUNCTION delete_old_events(interval, int), oldest_event() TO {{relay}};
SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Puts a subscription in force, where it is still what was looked at. A new one begins where it was said; one that is there goes on where it is, to its new address; neither before
-- what is kept. Whoever delivers at this moment by what held before stops after the event it is at.
CREATE OR REPLACE FUNCTION keep_subscription(edit plan_edit, author text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  tenant uuid := current_tenant();
  known subscription;
  place record;
  at timestamptz := date_trunc('milliseconds', clock());
BEGIN
  PERFORM FROM event_lane l JOIN subscription x ON x.tenant_id = l.tenant_id AND x.id::text = l.sink WHERE x.tenant_id = tenant AND x.name = edit.id FOR UPDATE OF l;
  SELECT s.* INTO known FROM subscription s WHERE s.tenant_id = tenant AND s.name = edit.id FOR UPDATE;
  IF edit.before ->> 'changedAt' IS DISTINCT FROM stamp(known.changed_at) OR edit.before ->> 'disabledAt' IS DISTINCT FROM stamp(known.disabled_at) THEN
    RAISE EXCEPTION 'the subscription is another by now' USING ERRCODE = 'XQ001';
  END IF;
  IF known.id IS NULL THEN
    SELECT p.seq, p.ordinal INTO place FROM event_position(tenant, edit.set ->> 'from') p;
    IF place.seq < oldest_kept(tenant) THEN
      RAISE EXCEPTION 'what it is to begin with is not kept any more' USING ERRCODE = 'XQ001';
    END IF;
    INSERT INTO subscription (tenant_id, name, id, url, filter, description, enabled, starts_seq, starts_ordinal, created_by, created_at, changed_by, changed_at)
    VALUES (tenant, edit.id, gen_random_uuid(), edit.set ->> 'url', edit.set -> 'filter', edit.set ->> 'description', (edit.set ->> 'enabled')::boolean,
            place.seq, place.ordinal, author, at, author, at) RETURNING * INTO known;
    INSERT INTO event_lane (tenant_id, sink, seq, ordinal) VALUES (tenant, known.id::text, place.seq, place.ordinal);
    RETURN;
  END IF;
  UPDATE event_lane l SET claimed_by = NULL, claimed_until = NULL WHERE l.tenant_id = tenant AND l.sink = known.id::text RETURNING l.seq, l.ordinal INTO place;
  IF (edit.set ->> 'enabled')::boolean AND place.seq < oldest_kept(tenant) THEN
    RAISE EXCEPTION 'what it would go on with is not kept any more' USING ERRCODE = 'XQ001';
  END IF;
  -- What lets more go, or elsewhere, was approved from here on: nothing from before is sent again under it.
  IF edit.set -> 'loosens' IS DISTINCT FROM '[]' THEN
    UPDATE subscription s SET starts_seq = place.seq, starts_ordinal = place.ordinal WHERE s.tenant_id = tenant AND s.id = known.id;
  END IF;
  IF edit.set -> 'loosens' IS DISTINCT FROM '[]' OR edit.set -> 'filter' IS DISTINCT FROM known.filter THEN
    DELETE FROM dead_letter d WHERE d.tenant_id = tenant AND d.subscription_id = known.id; -- They are of what the former filter let through.
  END IF;
  UPDATE subscription s
     SET url = edit.set ->> 'url', filter = edit.set -> 'filter', description = edit.set ->> 'description', enabled = (edit.set ->> 'enabled')::boolean,
         changed_by = author, changed_at = at, disabled_reason = NULL, disabled_at = NULL, attempts = 0, tried_since = NULL, failing_since = NULL, next_attempt_at = '-infinity',
         error_code = NULL, error_message = NULL, error_at = NULL
   WHERE s.tenant_id = tenant AND s.id = known.id;
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
