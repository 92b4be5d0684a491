-- What a relay says of lanes is about events that there are, and about the next minutes. Whoever has stolen its login can say that these were sent; of what comes later, and of what
-- happens once the login is theirs no more, they say nothing.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Whether the log goes as far as this position: up to the end of its last entry, and the checkpoints that were told behind that.
CREATE FUNCTION is_in_log(tenant uuid, seq bigint, ordinal int) RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT EXISTS (SELECT FROM audit_head h LEFT JOIN event_feed f ON f.tenant_id = h.tenant_id AND f.head_seq = h.seq
                  WHERE h.tenant_id = tenant AND (is_in_log.seq < h.seq OR (is_in_log.seq = h.seq AND is_in_log.ordinal <= coalesce(f.checkpoints, 0))))
$$;

-- Moves a lane on and keeps the claim, or gives it up where no lease is named. False where the claim was lost: somebody else has begun where this claimant stood, so
-- what it has sent since is sent twice, in the same order. A lane goes back for a replay alone, which somebody has asked for.
CREATE OR REPLACE FUNCTION move_lane(tenant uuid, sink text, claimant uuid, seq bigint, ordinal int, lease interval) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  stands record;
BEGIN
  SELECT l.seq, l.ordinal INTO stands FROM event_lane l WHERE l.tenant_id = tenant AND l.sink = move_lane.sink AND l.claimed_by = claimant FOR UPDATE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  IF (move_lane.seq, move_lane.ordinal) < (stands.seq, stands.ordinal) OR NOT is_in_log(tenant, move_lane.seq, move_lane.ordinal) THEN
    RAISE EXCEPTION 'a lane moves on, up to the end of the log' USING ERRCODE = '23514';
  END IF;
  UPDATE event_lane l SET seq = move_lane.seq, ordinal = move_lane.ordinal, served_at = clock(),
         claimed_by = CASE WHEN lease IS NULL THEN NULL ELSE l.claimed_by END, claimed_until = clock() + lease
   WHERE l.tenant_id = tenant AND l.sink = move_lane.sink;
  RETURN true;
END $$;

-- Holds a key at this event of it, or further on where it is held already; what was decided about an earlier event says nothing of this one.
CREATE OR REPLACE FUNCTION hold_key(tenant uuid, sink text, claimant uuid, key text, seq bigint, ordinal int, event_id text, type text, reason text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  PERFORM FROM event_lane l WHERE l.tenant_id = tenant AND l.sink = hold_key.sink AND l.claimed_by = claimant FOR UPDATE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  IF NOT EXISTS (SELECT FROM events_after(tenant, hold_key.seq - 1, hold_key.ordinal - 1, 1, 1, NULL) e
                  WHERE (e.seq, e.ordinal, e.id, e.type, e.key) = (hold_key.seq, hold_key.ordinal, hold_key.event_id, hold_key.type, hold_key.key)) THEN
    RAISE EXCEPTION 'there is no such event to hold' USING ERRCODE = '23514';
  END IF;
  INSERT INTO event_hold AS w (tenant_id, sink, key, event_id, type, seq, ordinal, reason, held_at)
  VALUES (tenant, hold_key.sink, hold_key.key, hold_key.event_id, hold_key.type, hold_key.seq, hold_key.ordinal, left(hold_key.reason, 1000), clock())
  ON CONFLICT ON CONSTRAINT event_hold_pkey DO UPDATE
     SET event_id = excluded.event_id, type = excluded.type, seq = excluded.seq, ordinal = excluded.ordinal, reason = excluded.reason, resolution = NULL, resolved_at = NULL
   WHERE (w.seq, w.ordinal) <= (excluded.seq, excluded.ordinal);
  RETURN true;
END $$;

-- The event that is next was not taken: it is tried again after a pause, and until then the lane is nobody's. What the receiver is not to blame for does not count. No pause is
-- longer than the day after which an event is given up.
CREATE OR REPLACE FUNCTION fail_delivery(tenant uuid, sink text, claimant uuid, code text, message text, pause interval, counts boolean) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  at timestamptz := clock();
BEGIN
  UPDATE event_lane l SET claimed_by = NULL, claimed_until = NULL, served_at = at WHERE l.tenant_id = tenant AND l.sink = fail_delivery.sink AND l.claimed_by = claimant;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  UPDATE subscription s
     SET attempts = s.attempts + counts::int, tried_since = CASE WHEN counts THEN coalesce(s.tried_since, at) ELSE s.tried_since END,
         failing_since = CASE WHEN counts THEN coalesce(s.failing_since, at) ELSE s.failing_since END, next_attempt_at = at + least(pause, interval '1 day'),
         error_code = code, error_message = left(message, 1000), error_at = at
   WHERE s.tenant_id = tenant AND s.id::text = fail_delivery.sink;
  RETURN true;
END $$;
REVOKE EXECUTE ON FUNCTION is_in_log(uuid, bigint, int) FROM PUBLIC;
SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};

-- However long somebody claims a lane or a request for: ten minutes, renewed by whoever is still there. A relay asks for half a minute at most.
CREATE FUNCTION bound_claim() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  NEW.claimed_until := least(NEW.claimed_until, clock() + interval '10 minutes');
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION bound_claim() FROM PUBLIC;
CREATE TRIGGER claims_end BEFORE UPDATE OF claimed_until ON event_lane FOR EACH ROW WHEN (NEW.claimed_until IS NOT NULL) EXECUTE FUNCTION bound_claim();
CREATE TRIGGER claims_end BEFORE UPDATE OF claimed_until ON webhook_request FOR EACH ROW WHEN (NEW.claimed_until IS NOT NULL) EXECUTE FUNCTION bound_claim();
