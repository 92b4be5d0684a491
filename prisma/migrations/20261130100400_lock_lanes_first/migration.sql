-- Whoever delivers locks a subscription's lane and then the subscription, with each event. What people ask for took them the other way round, so that the two could wait for each
-- other. One order for all: the lane, the subscription, what was asked to be sent once, dead letters.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;

-- For the API. Begins again at a position, though not before the one that was approved: 'replayed', 'too_early', or null where there is none of that name. Whoever delivers at
-- this moment stops.
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
  UPDATE event_lane l SET seq = place.seq, ordinal = place.ordinal, claimed_by = NULL, claimed_until = NULL WHERE l.tenant_id = tenant AND l.sink = s.id::text;
  UPDATE subscription x SET attempts = 0, tried_since = NULL, next_attempt_at = '-infinity' WHERE x.tenant_id = tenant AND x.id = s.id;
  RETURN 'replayed';
END $$;

-- Whoever delivers at this moment finds no lane to move.
CREATE OR REPLACE FUNCTION remove_subscription(name text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
  gone uuid;
BEGIN
  PERFORM FROM event_lane l JOIN subscription x ON x.tenant_id = l.tenant_id AND x.id::text = l.sink WHERE x.tenant_id = tenant AND x.name = remove_subscription.name FOR UPDATE OF l;
  DELETE FROM subscription s WHERE s.tenant_id = tenant AND s.name = remove_subscription.name RETURNING s.id INTO gone;
  DELETE FROM event_lane l WHERE l.tenant_id = tenant AND l.sink = gone::text;
  RETURN gone IS NOT NULL;
END $$;

-- A dead letter that was taken is none any more.
CREATE OR REPLACE FUNCTION finish_webhook_request(tenant uuid, request uuid, outcome jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  r webhook_request;
BEGIN
  PERFORM FROM subscription s JOIN webhook_request x ON x.tenant_id = s.tenant_id AND x.subscription_id = s.id WHERE x.tenant_id = tenant AND x.id = request FOR KEY SHARE OF s;
  UPDATE webhook_request x SET outcome = finish_webhook_request.outcome, done_at = clock(), claimed_until = NULL
   WHERE x.tenant_id = tenant AND x.id = request AND x.done_at IS NULL RETURNING x.* INTO r;
  IF r.kind = 'redelivery' AND (outcome ->> 'delivered')::boolean THEN
    DELETE FROM dead_letter d WHERE d.tenant_id = tenant AND d.subscription_id = r.subscription_id AND d.seq = r.seq AND d.ordinal = r.ordinal;
  ELSIF r.kind = 'redelivery' THEN
    UPDATE dead_letter d SET attempts = d.attempts + 1, error_code = outcome -> 'error' ->> 'code', error_message = left(outcome -> 'error' ->> 'message', 1000)
     WHERE d.tenant_id = tenant AND d.subscription_id = r.subscription_id AND d.seq = r.seq AND d.ordinal = r.ordinal;
  END IF;
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Puts a subscription in force, where it is still what was looked at. A new one begins where it was said; one that is there goes on where it is, to its new address. Whoever
-- delivers at this moment by what held before stops after the event it is at.
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

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
