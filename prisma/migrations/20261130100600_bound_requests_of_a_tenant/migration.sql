-- Of what is asked to be sent once, no more than `each` of one tenant are under way at once: so those of others find a place. Whoever forgets old ones passes over what another is
-- forgetting.
SET LOCAL search_path = exequatur, pg_catalog;

CREATE INDEX webhook_request_asked ON webhook_request (tenant_id, asked_at);

GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;

DROP FUNCTION claim_webhook_requests(int, interval);
-- Tests and redeliveries that nobody has done, oldest first; for so long they are the caller's. Of a subscription that is off nothing but a test is sent.
CREATE FUNCTION claim_webhook_requests(lim int, each int, lease interval)
RETURNS TABLE (tenant_id uuid, id uuid, name text, url text, kind text, seq bigint, ordinal int, asked_at timestamptz)
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
    FROM now, free f, subscription s
   WHERE r.tenant_id = f.tenant_id AND r.id = f.id AND s.tenant_id = r.tenant_id AND s.id = r.subscription_id
  RETURNING r.tenant_id, r.id, s.name, s.url, r.kind, r.seq, r.ordinal, r.asked_at
$$;
REVOKE EXECUTE ON FUNCTION claim_webhook_requests(int, int, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION claim_webhook_requests(int, int, interval) TO {{relay}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};
