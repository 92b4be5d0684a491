-- A filter that was kept once and is none any more, since what it is written in has changed, admits nothing that anybody meant: its subscription is stopped where it is, and says so.
SET LOCAL search_path = exequatur, pg_catalog;

ALTER TABLE subscription DROP CONSTRAINT subscription_disabled_reason_check, ADD CONSTRAINT subscription_disabled_reason_check CHECK (disabled_reason IN ('gone', 'failing', 'filter'));

GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Gives a subscription up, with the entry and the event that say so; the event that was not taken stays the next.
CREATE OR REPLACE FUNCTION disable_subscription(tenant uuid, sink text, claimant uuid, reason text, code text, message text, entries jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  given_up text;
  tried boolean := reason <> 'filter';
  at timestamptz := clock();
BEGIN
  UPDATE event_lane l SET claimed_by = NULL, claimed_until = NULL, served_at = at WHERE l.tenant_id = tenant AND l.sink = disable_subscription.sink AND l.claimed_by = claimant;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  -- Where the filter is to blame nothing was tried.
  UPDATE subscription s
     SET disabled_reason = reason, disabled_at = at, attempts = s.attempts + tried::int, tried_since = CASE WHEN tried THEN coalesce(s.tried_since, at) ELSE s.tried_since END,
         failing_since = CASE WHEN tried THEN coalesce(s.failing_since, at) ELSE s.failing_since END,
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

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};
