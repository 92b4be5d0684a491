-- Events to endpoints outside. A subscription is a setting: what goes where is put in force by the door, and by nobody else. It is a lane of its own, read in the order of
-- commits; what cannot be delivered in time becomes a dead letter, and the next goes on.
SET LOCAL search_path = exequatur, pg_catalog;

CREATE TABLE subscription (
  tenant_id         uuid NOT NULL REFERENCES tenant,
  name              text COLLATE "C" NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  -- The sink of its lane. One that is set again after it was removed is another.
  id                uuid NOT NULL,
  url               text NOT NULL,
  filter            jsonb NOT NULL,
  description       text,
  enabled           boolean NOT NULL,
  -- The position from which on events may go there: what was approved. A replay begins no earlier.
  starts_seq        bigint NOT NULL,
  starts_ordinal    int NOT NULL,
  created_by        text NOT NULL,
  created_at        timestamptz NOT NULL,
  changed_by        text NOT NULL,
  changed_at        timestamptz NOT NULL,
  -- How delivery fares. Of the event that is next: how often it was tried in vain, and since when.
  attempts          int NOT NULL DEFAULT 0,
  tried_since       timestamptz,
  next_attempt_at   timestamptz NOT NULL DEFAULT '-infinity',
  -- Since when nothing at all was delivered.
  failing_since     timestamptz,
  error_code        text,
  error_message     text,
  error_at          timestamptz,
  delivered_at      timestamptz,
  -- Why the relay has given it up, until it is set again.
  disabled_reason   text CHECK (disabled_reason IN ('gone', 'failing')),
  disabled_at       timestamptz,
  PRIMARY KEY (tenant_id, name),
  UNIQUE (tenant_id, id),
  CHECK ((disabled_reason IS NULL) = (disabled_at IS NULL)),
  CHECK ((attempts = 0) = (tried_since IS NULL))
);
-- What was not delivered in time. Where it is in the log, not what it says: that is read again when it is sent again.
CREATE TABLE dead_letter (
  tenant_id       uuid NOT NULL,
  subscription_id uuid NOT NULL,
  seq             bigint NOT NULL,
  ordinal         int NOT NULL,
  event_id        text NOT NULL,
  type            text NOT NULL,
  subject         text NOT NULL,
  attempts        int NOT NULL,
  error_code      text NOT NULL,
  error_message   text NOT NULL,
  at              timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, subscription_id, seq, ordinal),
  FOREIGN KEY (tenant_id, subscription_id) REFERENCES subscription (tenant_id, id) ON DELETE CASCADE
);
-- What somebody asked to be sent once: a test, or a dead letter again. The relay does it and says what came of it; a day later it is forgotten.
CREATE TABLE webhook_request (
  tenant_id       uuid NOT NULL,
  id              uuid NOT NULL,
  subscription_id uuid NOT NULL,
  kind            text NOT NULL CHECK (kind IN ('test', 'redelivery')),
  seq             bigint,
  ordinal         int,
  asked_at        timestamptz NOT NULL,
  claimed_until   timestamptz,
  outcome         jsonb,
  done_at         timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, subscription_id) REFERENCES subscription (tenant_id, id) ON DELETE CASCADE,
  CHECK ((kind = 'redelivery') = (seq IS NOT NULL) AND (seq IS NULL) = (ordinal IS NULL)),
  CHECK ((outcome IS NULL) = (done_at IS NULL))
);
CREATE INDEX webhook_request_open ON webhook_request (tenant_id, asked_at) WHERE done_at IS NULL;
DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['subscription', 'dead_letter', 'webhook_request'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
    EXECUTE format($p$CREATE POLICY tenant ON %I USING (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid))
                                            WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid))$p$, name);
    EXECUTE format('CREATE POLICY across_tenants ON %I TO {{relay_reader}} USING (true) WITH CHECK (true)', name);
  END LOOP;
END $$;
CREATE POLICY across_tenants ON endpoint_secret TO {{relay_reader}} USING (true);
GRANT SELECT ON subscription TO {{api}}, {{worker}}, {{door}};
GRANT INSERT, UPDATE ON subscription TO {{door}};
GRANT SELECT, INSERT, UPDATE ON event_lane TO {{door}};
GRANT SELECT ON dead_letter, webhook_request TO {{api}};
GRANT SELECT, DELETE ON dead_letter TO {{door}};
GRANT INSERT ON webhook_request TO {{api}};
GRANT SELECT, UPDATE, DELETE ON subscription TO {{relay_reader}};
GRANT SELECT, INSERT, UPDATE, DELETE ON dead_letter TO {{relay_reader}};
GRANT SELECT, UPDATE, DELETE ON webhook_request TO {{relay_reader}};
GRANT SELECT ON endpoint_secret TO {{relay_reader}};
-- To tell that a subscription was given up.
GRANT INSERT ON outbox TO {{relay_reader}};
SET LOCAL ROLE {{audit_writer}};
GRANT EXECUTE ON FUNCTION append_audit(jsonb) TO {{relay_reader}};
SET LOCAL ROLE {{owner}};

GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Where reading begins: `now`, `beginning`, a time, or the sequence of an event, which is read as well. Times of entries rise with their numbers, so a time is found by
-- halving.
CREATE FUNCTION event_position(tenant uuid, start text) RETURNS TABLE (seq bigint, ordinal int)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  head bigint := coalesce((SELECT h.seq FROM audit_head h WHERE h.tenant_id = tenant), 0);
  low bigint := 0;
  high bigint := head;
  middle bigint;
BEGIN
  IF start = 'now' THEN
    RETURN QUERY SELECT head, 0;
  ELSIF start = 'beginning' THEN
    RETURN QUERY SELECT 0::bigint, 0;
  ELSIF start ~ '^\d{16}\.\d{8}$' THEN
    middle := split_part(start, '.', 1)::bigint - 1;
    RETURN QUERY SELECT greatest(0, least(head, middle)), CASE WHEN middle BETWEEN 0 AND head - 1 THEN greatest(0, split_part(start, '.', 2)::int - 1) ELSE 0 END;
  ELSE
    WHILE low < high LOOP
      middle := (low + high) / 2;
      IF (SELECT e.at FROM audit_entry e WHERE e.tenant_id = tenant AND e.seq = middle + 1) >= start::timestamptz THEN
        high := middle;
      ELSE
        low := middle + 1;
      END IF;
    END LOOP;
    RETURN QUERY SELECT low, 0;
  END IF;
END $$;

-- Lanes of subscriptions that may have something to deliver and are nobody's, those first that were served longest ago; they are the claimant's for that long. Of one tenant
-- no more than `each` are anybody's at once, so that many slow endpoints of one do not keep the others waiting.
CREATE FUNCTION claim_webhook_lanes(claimant uuid, lim int, each int, lease interval)
RETURNS TABLE (tenant_id uuid, sink text, seq bigint, ordinal int, name text, url text, filter jsonb, attempts int, tried_ms float8, failing_ms float8)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  WITH now AS MATERIALIZED (
    SELECT clock() AS at
  ), busy AS (
    SELECT l.tenant_id, count(*) AS lanes FROM event_lane l, now WHERE l.sink <> 'kafka' AND l.claimed_until >= now.at GROUP BY l.tenant_id
  ), due AS (
    SELECT l.tenant_id, l.sink, row_number() OVER (PARTITION BY l.tenant_id ORDER BY l.served_at, l.sink) AS place
      FROM now, subscription s JOIN event_lane l ON l.tenant_id = s.tenant_id AND l.sink = s.id::text JOIN audit_head h ON h.tenant_id = s.tenant_id
     WHERE s.enabled AND s.disabled_at IS NULL AND s.next_attempt_at <= now.at AND h.seq > l.seq AND (l.claimed_until IS NULL OR l.claimed_until < now.at)
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

-- What signs, newest first, sealed.
CREATE FUNCTION webhook_secrets(tenant uuid, subscription text) RETURNS SETOF bytea
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT s.sealed FROM endpoint_secret s
   WHERE s.tenant_id = tenant AND s.endpoint = 'subscription/' || webhook_secrets.subscription AND s.name = 'signing' AND (s.retires_at IS NULL OR s.retires_at > clock())
   ORDER BY s.created_at DESC, s.id
$$;

-- An event was taken: the lane moves on, and nothing fails any more. False where the claim was lost: what was sent since is sent again, in the same order.
CREATE FUNCTION mark_delivered(tenant uuid, sink text, claimant uuid, seq bigint, ordinal int, lease interval) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF NOT move_lane(tenant, mark_delivered.sink, claimant, mark_delivered.seq, mark_delivered.ordinal, lease) THEN
    RETURN false;
  END IF;
  UPDATE subscription s SET delivered_at = clock(), attempts = 0, tried_since = NULL, next_attempt_at = '-infinity', failing_since = NULL, error_code = NULL, error_message = NULL, error_at = NULL
   WHERE s.tenant_id = tenant AND s.id::text = mark_delivered.sink;
  DELETE FROM dead_letter d -- Of a replay.
   USING subscription s WHERE s.tenant_id = tenant AND s.id::text = mark_delivered.sink AND d.tenant_id = s.tenant_id AND d.subscription_id = s.id
     AND d.seq = mark_delivered.seq + 1 AND d.ordinal = mark_delivered.ordinal;
  RETURN true;
END $$;

-- The event that is next was not taken: it is tried again after a pause, and until then the lane is nobody's. What the receiver is not to blame for does not count.
CREATE FUNCTION fail_delivery(tenant uuid, sink text, claimant uuid, code text, message text, pause interval, counts boolean) RETURNS boolean
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
         failing_since = CASE WHEN counts THEN coalesce(s.failing_since, at) ELSE s.failing_since END, next_attempt_at = at + pause, error_code = code, error_message = left(message, 1000), error_at = at
   WHERE s.tenant_id = tenant AND s.id::text = fail_delivery.sink;
  RETURN true;
END $$;

-- An event is given up: it is written down, and the lane moves on behind it. That something fails is remembered.
CREATE FUNCTION bury_event(tenant uuid, sink text, claimant uuid, seq bigint, ordinal int, event jsonb, code text, message text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  at timestamptz := clock();
BEGIN
  IF NOT move_lane(tenant, bury_event.sink, claimant, bury_event.seq, bury_event.ordinal, NULL) THEN
    RETURN false;
  END IF;
  INSERT INTO dead_letter (tenant_id, subscription_id, seq, ordinal, event_id, type, subject, attempts, error_code, error_message, at)
  SELECT tenant, s.id, bury_event.seq + 1, bury_event.ordinal, event ->> 'id', event ->> 'type', event ->> 'subject', s.attempts + 1, code, left(message, 1000), at
    FROM subscription s WHERE s.tenant_id = tenant AND s.id::text = bury_event.sink
  ON CONFLICT ON CONSTRAINT dead_letter_pkey DO UPDATE
     SET attempts = dead_letter.attempts + excluded.attempts, error_code = excluded.error_code, error_message = excluded.error_message, at = excluded.at;
  UPDATE subscription s SET attempts = 0, tried_since = NULL, next_attempt_at = '-infinity', failing_since = coalesce(s.failing_since, at),
         error_code = code, error_message = left(message, 1000), error_at = at
   WHERE s.tenant_id = tenant AND s.id::text = bury_event.sink;
  RETURN true;
END $$;

-- Gives a subscription up, with the entry and the event that say so; the event that was not taken stays the next.
CREATE FUNCTION disable_subscription(tenant uuid, sink text, claimant uuid, reason text, code text, message text, entries jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  given_up text;
  at timestamptz := clock();
BEGIN
  UPDATE event_lane l SET claimed_by = NULL, claimed_until = NULL, served_at = at WHERE l.tenant_id = tenant AND l.sink = disable_subscription.sink AND l.claimed_by = claimant;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  UPDATE subscription s
     SET disabled_reason = reason, disabled_at = at, attempts = s.attempts + 1, tried_since = coalesce(s.tried_since, at), failing_since = coalesce(s.failing_since, at),
         error_code = code, error_message = left(message, 1000), error_at = at
   WHERE s.tenant_id = tenant AND s.id::text = disable_subscription.sink AND s.disabled_at IS NULL RETURNING s.name INTO given_up;
  IF given_up IS NULL THEN
    RETURN false;
  END IF;
  IF jsonb_array_length(entries) <> 1 OR (entries -> 0 ->> 'payload')::jsonb - 'type' IS DISTINCT FROM jsonb_build_object('name', given_up, 'reason', reason)
     OR entries -> 0 ->> 'type' IS DISTINCT FROM 'subscription.disabled' THEN
    RAISE EXCEPTION 'the audit entry tells of something else' USING ERRCODE = 'XQ015';
  END IF;
  PERFORM set_config('app.tenant', tenant::text, true);
  INSERT INTO outbox (tenant_id, id, audit_entry_id, type, subject, data, created_at)
  VALUES (tenant, gen_random_uuid(), (entries -> 0 ->> 'id')::uuid, 'subscription.disabled', 'subscription/' || given_up, jsonb_build_object('name', given_up, 'reason', reason), at);
  PERFORM append_audit(entries);
  RETURN true;
END $$;

-- Tests and redeliveries that nobody has done, oldest first; for so long they are the caller's. Of a subscription that is off nothing but a test is sent.
CREATE FUNCTION claim_webhook_requests(lim int, lease interval)
RETURNS TABLE (tenant_id uuid, id uuid, name text, url text, kind text, seq bigint, ordinal int, asked_at timestamptz)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  DELETE FROM webhook_request r WHERE r.asked_at < clock() - interval '1 day';
  UPDATE webhook_request r SET claimed_until = clock() + lease
    FROM (SELECT x.tenant_id, x.id FROM webhook_request x JOIN subscription s ON s.tenant_id = x.tenant_id AND s.id = x.subscription_id
           WHERE x.done_at IS NULL AND (x.claimed_until IS NULL OR x.claimed_until < clock())
             AND (x.kind = 'test' OR (s.enabled AND EXISTS (SELECT FROM dead_letter d WHERE d.tenant_id = x.tenant_id AND d.subscription_id = x.subscription_id AND d.seq = x.seq AND d.ordinal = x.ordinal)))
           ORDER BY x.asked_at, x.id LIMIT lim FOR UPDATE OF x SKIP LOCKED) free, subscription s
   WHERE r.tenant_id = free.tenant_id AND r.id = free.id AND s.tenant_id = r.tenant_id AND s.id = r.subscription_id
  RETURNING r.tenant_id, r.id, s.name, s.url, r.kind, r.seq, r.ordinal, r.asked_at
$$;

-- A dead letter that was taken is none any more.
CREATE FUNCTION finish_webhook_request(tenant uuid, request uuid, outcome jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  r webhook_request;
BEGIN
  UPDATE webhook_request x SET outcome = finish_webhook_request.outcome, done_at = clock(), claimed_until = NULL
   WHERE x.tenant_id = tenant AND x.id = request AND x.done_at IS NULL RETURNING x.* INTO r;
  IF r.kind = 'redelivery' AND (outcome ->> 'delivered')::boolean THEN
    DELETE FROM dead_letter d WHERE d.tenant_id = tenant AND d.subscription_id = r.subscription_id AND d.seq = r.seq AND d.ordinal = r.ordinal;
  ELSIF r.kind = 'redelivery' THEN
    UPDATE dead_letter d SET attempts = d.attempts + 1, error_code = outcome -> 'error' ->> 'code', error_message = left(outcome -> 'error' ->> 'message', 1000)
     WHERE d.tenant_id = tenant AND d.subscription_id = r.subscription_id AND d.seq = r.seq AND d.ordinal = r.ordinal;
  END IF;
END $$;

-- Over all tenants: how many subscriptions fail, how many were given up, how many dead letters there are, and when the oldest entry was written that a subscription in use has
-- not come to.
CREATE FUNCTION webhook_backlog() RETURNS TABLE (failing bigint, disabled bigint, dead_letters bigint, oldest timestamptz)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT count(*) FILTER (WHERE s.failing_since IS NOT NULL AND s.disabled_at IS NULL), count(*) FILTER (WHERE s.disabled_at IS NOT NULL), (SELECT count(*) FROM dead_letter),
         min((SELECT e.at FROM audit_entry e WHERE e.tenant_id = l.tenant_id AND e.seq = l.seq + 1)) FILTER (WHERE s.enabled AND s.disabled_at IS NULL)
    FROM subscription s JOIN event_lane l ON l.tenant_id = s.tenant_id AND l.sink = s.id::text
$$;

-- For the API. Begins again at a position, though not before the one that was approved: 'replayed', 'too_early', or null where there is none of that name. Whoever delivers at
-- this moment stops.
CREATE FUNCTION replay_subscription(name text, start text) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
  s subscription;
  place record;
BEGIN
  SELECT x.* INTO s FROM subscription x WHERE x.tenant_id = tenant AND x.name = replay_subscription.name FOR UPDATE;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  SELECT p.seq, p.ordinal INTO place FROM event_position(tenant, start) p;
  IF (place.seq, place.ordinal) < (s.starts_seq, s.starts_ordinal) THEN
    RETURN 'too_early';
  END IF;
  UPDATE event_lane l SET seq = place.seq, ordinal = place.ordinal, claimed_by = NULL, claimed_until = NULL WHERE l.tenant_id = tenant AND l.sink = s.id::text;
  UPDATE subscription x SET attempts = 0, tried_since = NULL, next_attempt_at = '-infinity' WHERE x.tenant_id = tenant AND x.id = s.id;
  RETURN 'replayed';
END $$;

-- Whoever delivers at this moment finds no lane to move.
CREATE FUNCTION remove_subscription(name text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
  gone uuid;
BEGIN
  DELETE FROM subscription s WHERE s.tenant_id = tenant AND s.name = remove_subscription.name RETURNING s.id INTO gone;
  DELETE FROM event_lane l WHERE l.tenant_id = tenant AND l.sink = gone::text;
  RETURN gone IS NOT NULL;
END $$;

REVOKE EXECUTE ON FUNCTION event_position(uuid, text), claim_webhook_lanes(uuid, int, int, interval), webhook_secrets(uuid, text),
  mark_delivered(uuid, text, uuid, bigint, int, interval), fail_delivery(uuid, text, uuid, text, text, interval, boolean), bury_event(uuid, text, uuid, bigint, int, jsonb, text, text),
  disable_subscription(uuid, text, uuid, text, text, text, jsonb), claim_webhook_requests(int, interval), finish_webhook_request(uuid, uuid, jsonb), webhook_backlog(),
  replay_subscription(text, text), remove_subscription(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION event_position(uuid, text) TO {{door}};
GRANT EXECUTE ON FUNCTION claim_webhook_lanes(uuid, int, int, interval), webhook_secrets(uuid, text),
  mark_delivered(uuid, text, uuid, bigint, int, interval), fail_delivery(uuid, text, uuid, text, text, interval, boolean), bury_event(uuid, text, uuid, bigint, int, jsonb, text, text),
  disable_subscription(uuid, text, uuid, text, text, text, jsonb), claim_webhook_requests(int, interval), finish_webhook_request(uuid, uuid, jsonb), webhook_backlog() TO {{relay}};
GRANT EXECUTE ON FUNCTION replay_subscription(text, text), remove_subscription(text) TO {{api}};
SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Puts a subscription in force, where it is still what was looked at. A new one begins where it was said; one that is there goes on where it is, to its new address. Whoever
-- delivers at this moment by what held before stops after the event it is at.
CREATE FUNCTION keep_subscription(edit plan_edit, author text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  tenant uuid := current_tenant();
  known subscription;
  place record;
  at timestamptz := date_trunc('milliseconds', clock());
BEGIN
  SELECT s.* INTO known FROM subscription s WHERE s.tenant_id = tenant AND s.name = edit.id FOR UPDATE;
  IF edit.before ->> 'changedAt' IS DISTINCT FROM stamp(known.changed_at) OR edit.before ->> 'disabledAt' IS DISTINCT FROM stamp(known.disabled_at) THEN
    RAISE EXCEPTION 'the subscription is another by now' USING ERRCODE = 'XQ001';
  END IF;
  IF known.id IS NULL THEN
    SELECT p.seq, p.ordinal INTO place FROM event_position(tenant, edit.set ->> 'from') p;
    INSERT INTO subscription (tenant_id, name, id, url, filter, description, enabled, starts_seq, starts_ordinal, created_by, created_at, changed_by, changed_at)
    VALUES (tenant, edit.id, gen_random_uuid(), edit.set ->> 'url', edit.set -> 'filter', edit.set ->> 'description', (edit.set ->> 'enabled')::boolean,
            place.seq, place.ordinal, author, at, author, at) RETURNING * INTO known;
    INSERT INTO event_lane (tenant_id, sink, seq, ordinal) VALUES (tenant, known.id::text, place.seq, place.ordinal);
    RETURN;
  END IF;
  UPDATE event_lane l SET claimed_by = NULL, claimed_until = NULL WHERE l.tenant_id = tenant AND l.sink = known.id::text RETURNING l.seq, l.ordinal INTO place;
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

CREATE OR REPLACE FUNCTION know_settings() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  WITH settings(name, type, properties) AS (VALUES
    ('$changeOntology', '$ontology', '["digest", "changes", "loosens", "definitions", "migration"]'::jsonb),
    ('$changePolicies', '$policies', '["digest", "changes", "loosens", "policies", "cases", "version"]'),
    ('$switchOn', '$switch', '["state", "loosens", "reason"]'),
    ('$delegate', '$delegation', '["delegator", "delegate", "actionTypes", "roles", "startsAt", "endsAt", "reason", "loosens"]'),
    ('$subscribe', '$subscription', '["url", "filter", "description", "enabled", "from", "loosens"]')
  ), versions AS (
    INSERT INTO action_type_version (tenant_id, name, version, ontology_version, definition, digest, surface, floors, ceilings, created_at)
    SELECT current_tenant(), s.name, 1, (SELECT max(o.version) FROM ontology_version o WHERE o.tenant_id = current_tenant()), '{}', 'built-in',
           jsonb_build_array(jsonb_build_object('type', s.type, 'operation', 'modify', 'properties', s.properties)), '[{"approvals": 0, "ceilings": {"edits": 1}}]', '{"edits": 1}', clock()
      FROM settings s
    ON CONFLICT DO NOTHING
  )
  INSERT INTO action_type (tenant_id, name, current_version) SELECT current_tenant(), s.name, 1 FROM settings s ON CONFLICT DO NOTHING;
END $$;

CREATE OR REPLACE FUNCTION put_setting(edit plan_edit, author text, p proposal) RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp SET "TimeZone" = 'UTC' AS $$
DECLARE
  tenant uuid := current_tenant();
  document jsonb := edit.set -> 'definitions';
  kept bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('exequatur.definitions/' || current_setting('app.tenant'), 0));
  PERFORM FROM tenant_control c WHERE c.tenant_id = tenant FOR UPDATE;
  IF edit.type = '$ontology' THEN
    IF edit.before IS DISTINCT FROM coalesce((SELECT jsonb_build_object('version', o.version, 'digest', o.digest) FROM ontology_version o
                                               WHERE o.tenant_id = tenant ORDER BY o.version DESC LIMIT 1), '{}')
       OR EXISTS (SELECT FROM ontology_migration m WHERE m.tenant_id = tenant AND m.state = 'running') THEN
      RAISE EXCEPTION 'other definitions are in force' USING ERRCODE = 'XQ001';
    END IF;
    kept := keep_definitions(coalesce(edit.set -> 'migration' -> 'working', document), author);
    IF edit.set ? 'migration' THEN
      INSERT INTO ontology_migration (tenant_id, id, state, document, digest, target, restore, rules, base_version, started_by, proposer_kind, proposer_roles, acts_for, started_at)
      VALUES (tenant, p.id, 'running', edit.set -> 'migration' ->> 'document', document ->> 'digest', document, edit.set -> 'migration' -> 'restore', edit.set -> 'migration' -> 'rules',
              (edit.before ->> 'version')::int, p.proposer_id, p.proposer_kind, p.proposer_roles, p.acts_for, clock());
    END IF;
  ELSIF edit.type = '$policies' THEN
    IF (edit.before ->> 'version')::bigint IS DISTINCT FROM (SELECT c.policy_version FROM tenant_control c WHERE c.tenant_id = tenant) THEN
      RAISE EXCEPTION 'other policies are in force' USING ERRCODE = 'XQ001';
    END IF;
    kept := (edit.set ->> 'version')::bigint;
    IF kept IS NULL THEN
      INSERT INTO policy_version (tenant_id, version, policies, cases, digest, created_by, created_at)
      SELECT tenant, coalesce(max(v.version), 0) + 1, edit.set ->> 'policies', edit.set ->> 'cases', edit.set ->> 'digest', author, clock() FROM policy_version v WHERE v.tenant_id = tenant
      RETURNING version INTO kept;
    END IF;
    UPDATE tenant_control c SET policy_version = kept, updated_at = clock() WHERE c.tenant_id = tenant;
  ELSIF edit.type = '$switch' THEN
    UPDATE switch s SET off = false, reason = edit.set ->> 'reason', changed_by = author, changed_at = clock()
     WHERE s.tenant_id = tenant AND s.scope || '/' || s.name = edit.id AND s.off AND stamp(s.changed_at) = edit.before ->> 'changedAt';
    IF NOT FOUND THEN
      RAISE EXCEPTION 'the switch was thrown again' USING ERRCODE = 'XQ001';
    END IF;
  ELSIF edit.type = '$delegation' THEN
    IF EXISTS (SELECT FROM delegation d WHERE d.tenant_id = tenant AND d.id = edit.id) THEN
      RAISE EXCEPTION 'there is a delegation of that id' USING ERRCODE = 'XQ001';
    END IF;
    PERFORM keep_delegation(edit.set || jsonb_build_object('id', edit.id), author);
  ELSIF edit.type = '$subscription' THEN
    PERFORM keep_subscription(edit, author);
  ELSE
    RAISE EXCEPTION 'there is no such setting' USING ERRCODE = 'XQ004';
  END IF;
  RETURN kept;
END $$;
REVOKE EXECUTE ON FUNCTION keep_subscription(plan_edit, text) FROM PUBLIC;
SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
