-- An event that cannot be read is a dead letter of each subscription that may want it: listed, and sent once it is mended and somebody asks for it.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Moves the lane on behind an event that cannot be read, which is written down. It is not the endpoint's fault: nothing is said to fail.
CREATE FUNCTION bury_unreadable(tenant uuid, sink text, claimant uuid, seq bigint, ordinal int, event jsonb, message text, lease interval) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF NOT move_lane(tenant, bury_unreadable.sink, claimant, bury_unreadable.seq, bury_unreadable.ordinal, lease) THEN
    RETURN false;
  END IF;
  INSERT INTO dead_letter (tenant_id, subscription_id, seq, ordinal, event_id, type, subject, attempts, error_code, error_message, at)
  SELECT tenant, s.id, bury_unreadable.seq + 1, bury_unreadable.ordinal, event ->> 'id', event ->> 'type', event ->> 'subject', 0, 'unreadable', left(message, 1000), clock()
    FROM subscription s WHERE s.tenant_id = tenant AND s.id::text = bury_unreadable.sink
  ON CONFLICT ON CONSTRAINT dead_letter_pkey DO UPDATE SET event_id = excluded.event_id, type = excluded.type, subject = excluded.subject,
     error_code = excluded.error_code, error_message = excluded.error_message, at = excluded.at;
  RETURN true;
END $$;
REVOKE EXECUTE ON FUNCTION bury_unreadable(uuid, text, uuid, bigint, int, jsonb, text, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bury_unreadable(uuid, text, uuid, bigint, int, jsonb, text, interval) TO {{relay}};

-- As before, with the filter and the dead letter's event: of one that could not be read nobody asked yet whether it is wanted, and there may be many.
DROP FUNCTION claim_webhook_requests(int, int, interval);
CREATE FUNCTION claim_webhook_requests(lim int, each int, lease interval)
RETURNS TABLE (tenant_id uuid, id uuid, name text, url text, filter jsonb, kind text, seq bigint, ordinal int, event_id text, asked_at timestamptz)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  DELETE FROM webhook_request r USING (SELECT x.tenant_id, x.id FROM webhook_request x WHERE x.asked_at < clock() - interval '1 day' FOR UPDATE SKIP LOCKED) old
   WHERE r.tenant_id = old.tenant_id AND r.id = old.id;
  WITH now AS MATERIALIZED (
    SELECT clock() AS at
  ), busy AS (
    SELECT x.tenant_id, count(*) AS requests FROM webhook_request x, now WHERE x.done_at IS NULL AND x.claimed_until >= now.at GROUP BY x.tenant_id
  ), due AS (
    SELECT x.tenant_id, x.id, row_number() OVER (PARTITION BY x.tenant_id ORDER BY x.asked_at, x.id) AS place
      FROM now, webhook_request x JOIN subscription s ON s.tenant_id = x.tenant_id AND s.id = x.subscription_id
     WHERE x.done_at IS NULL AND (x.claimed_until IS NULL OR x.claimed_until < now.at)
       AND (x.kind = 'test' OR (s.enabled AND EXISTS (SELECT FROM dead_letter d WHERE d.tenant_id = x.tenant_id AND d.subscription_id = x.subscription_id AND d.seq = x.seq AND d.ordinal = x.ordinal)))
  ), free AS (
    SELECT x.tenant_id, x.id FROM now, webhook_request x JOIN due d ON d.tenant_id = x.tenant_id AND d.id = x.id LEFT JOIN busy b ON b.tenant_id = x.tenant_id
     WHERE d.place <= each - coalesce(b.requests, 0) AND x.done_at IS NULL AND (x.claimed_until IS NULL OR x.claimed_until < now.at)
     ORDER BY x.asked_at, x.id LIMIT lim FOR UPDATE OF x SKIP LOCKED
  )
  UPDATE webhook_request r SET claimed_until = now.at + lease
    FROM now, subscription s, free f LEFT JOIN (SELECT y.tenant_id, y.id, d.event_id FROM webhook_request y JOIN dead_letter d ON d.tenant_id = y.tenant_id AND d.subscription_id = y.subscription_id AND d.seq = y.seq AND d.ordinal = y.ordinal) l
           ON l.tenant_id = f.tenant_id AND l.id = f.id
   WHERE r.tenant_id = f.tenant_id AND r.id = f.id AND s.tenant_id = r.tenant_id AND s.id = r.subscription_id
  RETURNING r.tenant_id, r.id, s.name, s.url, s.filter, r.kind, r.seq, r.ordinal, l.event_id, r.asked_at
$$;
REVOKE EXECUTE ON FUNCTION claim_webhook_requests(int, int, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION claim_webhook_requests(int, int, interval) TO {{relay}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};
