-- A lane is claimed with its subscription as it is when the claim holds. Read beside the lock, it was what it had been when the claim began to look: whoever changed it in
-- between had been answered, and for a turn of a relay events went where it had led before.
SET LOCAL search_path = exequatur, pg_catalog;
GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;

CREATE OR REPLACE FUNCTION claim_webhook_lanes(claimant uuid, lim int, each int, lease interval)
 RETURNS TABLE(tenant_id uuid, sink text, seq bigint, ordinal int, name text, url text, filter jsonb, attempts int, tried_ms double precision, failing_ms double precision)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $$
  WITH now AS MATERIALIZED (
    SELECT clock() AS at
  ), busy AS (
    SELECT l.tenant_id, count(*) AS lanes FROM event_lane l, now WHERE l.sink <> 'kafka' AND l.claimed_until >= now.at GROUP BY l.tenant_id
  ), due AS (
    SELECT l.tenant_id, l.sink, row_number() OVER (PARTITION BY l.tenant_id ORDER BY l.served_at, l.sink) AS place
      FROM now, subscription s JOIN event_lane l ON l.tenant_id = s.tenant_id AND l.sink = s.id::text JOIN audit_head h ON h.tenant_id = s.tenant_id LEFT JOIN event_feed f ON f.tenant_id = s.tenant_id
     WHERE s.enabled AND s.disabled_at IS NULL AND s.next_attempt_at <= now.at AND (h.seq > l.seq OR (f.head_seq = l.seq AND f.checkpoints > l.ordinal)) AND (l.claimed_until IS NULL OR l.claimed_until < now.at)
  ), free AS (
    -- Whoever changes a subscription locks its lane first. With both locked, each is the newest there is, and the conditions are asked of it again.
    SELECT l.tenant_id, l.sink, s.name, s.url, s.filter, s.attempts, s.tried_since, s.failing_since
      FROM now, event_lane l JOIN due d ON d.tenant_id = l.tenant_id AND d.sink = l.sink JOIN subscription s ON s.tenant_id = l.tenant_id AND s.id::text = l.sink
      LEFT JOIN busy b ON b.tenant_id = l.tenant_id
     WHERE d.place <= each - coalesce(b.lanes, 0) AND (l.claimed_until IS NULL OR l.claimed_until < now.at)
       AND s.enabled AND s.disabled_at IS NULL AND s.next_attempt_at <= now.at
     ORDER BY l.served_at, l.tenant_id, l.sink LIMIT lim FOR UPDATE OF l SKIP LOCKED FOR SHARE OF s SKIP LOCKED
  )
  UPDATE event_lane l SET claimed_by = claimant, claimed_until = now.at + lease
    FROM now, free f
   WHERE l.tenant_id = f.tenant_id AND l.sink = f.sink
  RETURNING l.tenant_id, l.sink, l.seq, l.ordinal, f.name, f.url, f.filter, f.attempts,
            (extract(epoch FROM now.at - f.tried_since) * 1000)::float8, (extract(epoch FROM now.at - f.failing_since) * 1000)::float8
$$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};
