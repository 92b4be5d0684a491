-- Events are read in the order of their audit entries, which is the order of commits: a transaction takes its numbers under the lock of the tenant's head and keeps it
-- until it has committed, so whoever has read up to an entry has missed nothing before it. That is why a position in the log may be a cursor where a number drawn from a sequence may not.
SET LOCAL search_path = exequatur, pg_catalog;

-- Whether an event was published is said by the lane's position, for all events before it at once.
DROP FUNCTION outbox_backlog();
DROP INDEX outbox_unpublished;
ALTER TABLE outbox DROP COLUMN published_at;
ALTER TABLE outbox DROP CONSTRAINT outbox_pkey, ADD PRIMARY KEY (tenant_id, audit_entry_id, id);
-- W3C trace context of whoever wrote the event, where traces are on.
ALTER TABLE outbox ADD COLUMN traceparent text DEFAULT nullif(current_setting('app.traceparent', true), '');

-- How far one sink has got with one tenant's events: all of the entries up to seq, and `ordinal` of the next entry's. `sink` is kafka, or a subscription's id.
-- One claimant at a time publishes a lane, until its claim runs out.
CREATE TABLE event_lane (
  tenant_id     uuid NOT NULL REFERENCES tenant,
  sink          text COLLATE "C" NOT NULL,
  seq           bigint NOT NULL DEFAULT 0,
  ordinal       int NOT NULL DEFAULT 0 CHECK (ordinal >= 0),
  -- Checkpoints up to this size are told as well: they are made after their entries, and are no entries themselves.
  checkpoint    bigint NOT NULL DEFAULT 0,
  claimed_by    uuid,
  claimed_until timestamptz,
  served_at     timestamptz NOT NULL DEFAULT '-infinity',
  PRIMARY KEY (tenant_id, sink)
);
-- A key whose next event the sink does not take. Its later events wait behind it, whatever the lane's position says; other keys go on.
CREATE TABLE event_hold (
  tenant_id   uuid NOT NULL,
  sink        text COLLATE "C" NOT NULL,
  key         text COLLATE "C" NOT NULL,
  event_id    text NOT NULL,
  type        text NOT NULL,
  seq         bigint NOT NULL,
  ordinal     int NOT NULL,
  reason      text NOT NULL,
  held_at     timestamptz NOT NULL,
  -- What an operator decided: to try it again, to publish it without its data, or to leave it out.
  resolution  text CHECK (resolution IN ('retry', 'reference', 'skip')),
  resolved_at timestamptz,
  PRIMARY KEY (tenant_id, sink, key),
  FOREIGN KEY (tenant_id, sink) REFERENCES event_lane ON DELETE CASCADE
);
DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['event_lane', 'event_hold'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
    EXECUTE format($p$CREATE POLICY tenant ON %I USING (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid))
                                            WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid))$p$, name);
    EXECUTE format('CREATE POLICY across_tenants ON %I TO {{relay_reader}} USING (true) WITH CHECK (true)', name);
  END LOOP;
  FOREACH name IN ARRAY ARRAY['object_history', 'link_history', 'object_type'] LOOP
    EXECUTE format('CREATE POLICY across_tenants ON %I TO {{relay_reader}} USING (true)', name);
  END LOOP;
END $$;
GRANT SELECT ON event_lane, event_hold TO {{api}};
GRANT UPDATE (resolution, resolved_at) ON event_hold TO {{api}};
GRANT SELECT, INSERT, UPDATE, DELETE ON event_lane, event_hold TO {{relay_reader}};
GRANT SELECT ON object_history, link_history, object_type TO {{relay_reader}};

-- What objects and links became is told by the door, through `object.changes`; that a log was sealed, by nobody's row.
CREATE POLICY objects_are_announced_by_the_door ON outbox AS RESTRICTIVE FOR INSERT TO {{api}}, {{worker}}
  WITH CHECK (type !~ '^(object|link|execution|audit)\.');

-- Values of these properties of a type may be published: the document in force has them, and does not call them sensitive.
CREATE FUNCTION published_properties(tenant uuid, object_type text) RETURNS text[] LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT coalesce((SELECT array_agg(p.key) FROM exequatur.object_type t CROSS JOIN LATERAL jsonb_each(t.definition -> 'properties') p
                    WHERE t.tenant_id = tenant AND t.name = published_properties.object_type AND p.value -> 'sensitive' IS DISTINCT FROM 'true'), '{}')
$$;

-- What an execution, or its undoing, did to each object and link, in an order that is always the same. Of what may not be published the names alone.
CREATE FUNCTION object_events(tenant uuid, told outbox, skip int, lim int)
RETURNS TABLE (ordinal int, type text, subject text, key text, data jsonb)
LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  WITH types AS MATERIALIZED (
    SELECT h.type, published_properties(tenant, h.type) AS shown
      FROM (SELECT DISTINCT x.type FROM object_history x WHERE x.tenant_id = tenant AND x.execution_id = (told.data ->> 'executionId')::uuid AND x.at = told.created_at) h
  ), changes AS (
    SELECT 0 AS rank, h.type COLLATE "C" AS name, h.object_id COLLATE "C" AS one, '' COLLATE "C" AS other, h.version, h.op, h.set, h.unset, t.shown
      FROM object_history h JOIN types t ON t.type = h.type
     WHERE h.tenant_id = tenant AND h.execution_id = (told.data ->> 'executionId')::uuid AND h.at = told.created_at
    UNION ALL
    SELECT 1, l.link, l.from_id, l.to_id, l.version, l.op, NULL, NULL, NULL
      FROM link_history l
     WHERE l.tenant_id = tenant AND l.execution_id = (told.data ->> 'executionId')::uuid AND l.at = told.created_at
  ), page AS (
    SELECT c.* FROM changes c ORDER BY c.rank, c.name, c.one, c.other OFFSET skip LIMIT lim
  )
  SELECT (skip + row_number() OVER (ORDER BY p.rank, p.name, p.one, p.other))::int,
         CASE p.op WHEN 'create' THEN 'object.created' WHEN 'modify' THEN 'object.modified' WHEN 'delete' THEN 'object.deleted'
                   WHEN 'link' THEN 'link.created' ELSE 'link.deleted' END,
         CASE p.rank WHEN 0 THEN 'object/' || p.name || '/' || p.one ELSE 'link/' || p.name || '/' || p.one || '/' || p.other END,
         CASE p.rank WHEN 0 THEN p.name || '/' || p.one ELSE p.name || '/' || p.one || '/' || p.other END,
         jsonb_build_object('executionId', told.data -> 'executionId', 'proposalId', told.proposal_id, 'version', p.version, 'undo', coalesce(told.data -> 'undo', 'false'))
           || CASE p.rank WHEN 1 THEN jsonb_build_object('link', p.name, 'from', p.one, 'to', p.other)
              ELSE jsonb_build_object('type', p.name, 'id', p.one, 'set', p.set - ARRAY(SELECT k FROM jsonb_object_keys(p.set) k WHERE k <> ALL (p.shown)),
                                      'unset', to_jsonb(p.unset), 'masked', to_jsonb(ARRAY(SELECT k FROM jsonb_object_keys(p.set) k WHERE k <> ALL (p.shown) ORDER BY 1))) END
    FROM page p ORDER BY p.rank, p.name, p.one, p.other
$$;

-- At most `lim` events of a tenant behind a position, in order. Each row's position is seq and ordinal: which entry, and which of its events. The last row has no event
-- where all entries that were looked at are done with: it says how far that is. Whoever asks sees what row-level security shows them.
CREATE FUNCTION events_after(tenant uuid, after_seq bigint, skip int, lim int)
RETURNS TABLE (seq bigint, ordinal int, at timestamptz, id text, type text, subject text, key text, data jsonb, traceparent text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
#variable_conflict use_column
DECLARE
  entry record;
  told outbox;
  passed int;
  wanted int;
  left_over int := lim;
BEGIN
  FOR entry IN SELECT e.seq, e.id, e.at FROM audit_entry e WHERE e.tenant_id = tenant AND e.seq > after_seq ORDER BY e.seq LIMIT lim LOOP
    passed := 0;
    wanted := CASE WHEN entry.seq = after_seq + 1 THEN skip ELSE 0 END;
    FOR told IN SELECT o.* FROM outbox o WHERE o.tenant_id = tenant AND o.audit_entry_id = entry.id ORDER BY o.type = 'object.changes', o.id LOOP
      IF told.type = 'object.changes' THEN
        RETURN QUERY SELECT entry.seq, passed + x.ordinal, entry.at, told.id || '.' || x.ordinal, x.type, x.subject, x.key, x.data, told.traceparent
                       FROM object_events(tenant, told, greatest(wanted - passed, 0), left_over) x;
        GET DIAGNOSTICS passed = ROW_COUNT; -- Nothing follows them.
        left_over := left_over - passed;
      ELSE
        passed := passed + 1;
        IF passed > wanted THEN
          left_over := left_over - 1;
          RETURN QUERY SELECT entry.seq, passed, entry.at, told.id::text, told.type, told.subject, coalesce(told.proposal_id::text, told.subject), told.data, told.traceparent;
        END IF;
      END IF;
      IF left_over <= 0 THEN
        RETURN;
      END IF;
    END LOOP;
  END LOOP;
  IF entry.seq IS NOT NULL THEN
    RETURN QUERY SELECT entry.seq, 0, NULL::timestamptz, NULL, NULL, NULL, NULL, NULL::jsonb, NULL;
  END IF;
END $$;
REVOKE EXECUTE ON FUNCTION published_properties(uuid, text), object_events(uuid, outbox, int, int), events_after(uuid, bigint, int, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION published_properties(uuid, text), object_events(uuid, outbox, int, int), events_after(uuid, bigint, int, int) TO {{api}}, {{relay_reader}};

GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Lanes that have something to publish and are nobody's, those first that were served longest ago; they are the claimant's for that long. Two claimants get different ones.
CREATE FUNCTION claim_kafka_lanes(claimant uuid, lim int, lease interval) RETURNS TABLE (tenant_id uuid, sink text, seq bigint, ordinal int, checkpoint bigint)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  INSERT INTO event_lane (tenant_id, sink)
  SELECT h.tenant_id, 'kafka' FROM audit_head h WHERE NOT EXISTS (SELECT FROM event_lane l WHERE l.tenant_id = h.tenant_id AND l.sink = 'kafka') ON CONFLICT DO NOTHING;
  UPDATE event_lane l SET claimed_by = claimant, claimed_until = clock() + lease
    FROM (SELECT x.tenant_id FROM event_lane x JOIN audit_head h ON h.tenant_id = x.tenant_id
           WHERE x.sink = 'kafka' AND (x.claimed_until IS NULL OR x.claimed_until < clock())
             AND (h.seq > x.seq OR EXISTS (SELECT FROM audit_checkpoint c WHERE c.tenant_id = x.tenant_id AND c.size > x.checkpoint)
                  OR EXISTS (SELECT FROM event_hold w WHERE w.tenant_id = x.tenant_id AND w.sink = x.sink AND w.resolution IS NOT NULL))
           ORDER BY x.served_at, x.tenant_id LIMIT lim FOR UPDATE OF x SKIP LOCKED) free
   WHERE l.tenant_id = free.tenant_id AND l.sink = 'kafka'
  RETURNING l.tenant_id, l.sink, l.seq, l.ordinal, l.checkpoint
$$;

-- Checkpoints of a tenant's log that are larger than one. Those that a later one has taken the place of meanwhile are not among them.
CREATE FUNCTION lane_checkpoints(tenant uuid, larger_than bigint, lim int) RETURNS TABLE (size bigint, at timestamptz, note text)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT c.size, c.created_at, c.note FROM audit_checkpoint c WHERE c.tenant_id = tenant AND c.size > larger_than ORDER BY c.size LIMIT lim
$$;

CREATE FUNCTION checkpoints_told(tenant uuid, sink text, claimant uuid, size bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  UPDATE event_lane l SET checkpoint = checkpoints_told.size WHERE l.tenant_id = tenant AND l.sink = checkpoints_told.sink AND l.claimed_by = claimant;
  RETURN FOUND;
END $$;

-- Moves a lane on and keeps the claim, or gives it up where no lease is named. False where the claim was lost: somebody else has begun where this claimant began, so
-- what it has sent since is sent twice, in the same order.
CREATE FUNCTION move_lane(tenant uuid, sink text, claimant uuid, seq bigint, ordinal int, lease interval) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  UPDATE event_lane l SET seq = move_lane.seq, ordinal = move_lane.ordinal, served_at = clock(),
         claimed_by = CASE WHEN lease IS NULL THEN NULL ELSE l.claimed_by END, claimed_until = clock() + lease
   WHERE l.tenant_id = tenant AND l.sink = move_lane.sink AND l.claimed_by = claimant;
  RETURN FOUND;
END $$;

CREATE FUNCTION lane_events(tenant uuid, after_seq bigint, skip int, lim int)
RETURNS TABLE (seq bigint, ordinal int, at timestamptz, id text, type text, subject text, key text, data jsonb, traceparent text)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT e.* FROM exequatur.events_after(tenant, after_seq, skip, lim) e
$$;

CREATE FUNCTION lane_holds(tenant uuid, sink text) RETURNS TABLE (key text, seq bigint, ordinal int, resolution text)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT w.key, w.seq, w.ordinal, w.resolution FROM event_hold w WHERE w.tenant_id = tenant AND w.sink = lane_holds.sink
$$;

-- Holds a key at an event, or further on where it is held already; what was decided about an earlier event says nothing of this one.
CREATE FUNCTION hold_key(tenant uuid, sink text, claimant uuid, key text, seq bigint, ordinal int, event_id text, type text, reason text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  PERFORM FROM event_lane l WHERE l.tenant_id = tenant AND l.sink = hold_key.sink AND l.claimed_by = claimant FOR UPDATE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO event_hold AS w (tenant_id, sink, key, event_id, type, seq, ordinal, reason, held_at)
  VALUES (tenant, hold_key.sink, hold_key.key, hold_key.event_id, hold_key.type, hold_key.seq, hold_key.ordinal, left(hold_key.reason, 1000), clock())
  ON CONFLICT ON CONSTRAINT event_hold_pkey DO UPDATE
     SET event_id = excluded.event_id, type = excluded.type, seq = excluded.seq, ordinal = excluded.ordinal, reason = excluded.reason, resolution = NULL, resolved_at = NULL
   WHERE (w.seq, w.ordinal) <= (excluded.seq, excluded.ordinal);
  RETURN true;
END $$;

CREATE FUNCTION release_key(tenant uuid, sink text, claimant uuid, key text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  DELETE FROM event_hold w USING event_lane l
   WHERE w.tenant_id = tenant AND w.sink = release_key.sink AND w.key = release_key.key
     AND l.tenant_id = w.tenant_id AND l.sink = w.sink AND l.claimed_by = claimant;
  RETURN FOUND;
END $$;

-- Over all tenants: entries that a sink has not been told of, when the oldest of them was written, and how many keys are held.
CREATE FUNCTION event_backlog() RETURNS TABLE (entries bigint, oldest timestamptz, held bigint)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT coalesce(sum(h.seq - coalesce(l.seq, 0)), 0)::bigint,
         min((SELECT e.at FROM audit_entry e WHERE e.tenant_id = h.tenant_id AND e.seq = coalesce(l.seq, 0) + 1)),
         (SELECT count(*) FROM event_hold w WHERE w.sink = 'kafka')
    FROM audit_head h LEFT JOIN event_lane l ON l.tenant_id = h.tenant_id AND l.sink = 'kafka'
   WHERE h.seq > coalesce(l.seq, 0)
$$;

REVOKE EXECUTE ON FUNCTION claim_kafka_lanes(uuid, int, interval), move_lane(uuid, text, uuid, bigint, int, interval), lane_events(uuid, bigint, int, int), lane_holds(uuid, text),
  lane_checkpoints(uuid, bigint, int), checkpoints_told(uuid, text, uuid, bigint),
  hold_key(uuid, text, uuid, text, bigint, int, text, text, text), release_key(uuid, text, uuid, text), event_backlog() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION claim_kafka_lanes(uuid, int, interval), move_lane(uuid, text, uuid, bigint, int, interval), lane_events(uuid, bigint, int, int), lane_holds(uuid, text),
  lane_checkpoints(uuid, bigint, int), checkpoints_told(uuid, text, uuid, bigint),
  hold_key(uuid, text, uuid, text, bigint, int, text, text, text), release_key(uuid, text, uuid, text), event_backlog() TO {{relay}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};
