-- What the relay may see of all tenants, and no more. A function owned by the tables' owner would return nothing under forced row-level security;
-- these belong to {{relay_reader}}, which cannot log in and alone has policies across tenants.
GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Oldest first. Two relays may get the same nudge: a nudge has no content, and delivering it twice is harmless.
CREATE FUNCTION undelivered_nudges(older_than interval, lim int)
RETURNS TABLE (tenant_id uuid, nudge_id uuid, proposal_id uuid, action_type text, status text, created_at timestamptz)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT n.tenant_id, n.id, n.proposal_id, p.action_type, p.status, n.created_at
    FROM nudge n JOIN proposal p ON p.tenant_id = n.tenant_id AND p.id = n.proposal_id
   WHERE n.delivered_at IS NULL AND n.created_at < clock() - older_than
   ORDER BY n.created_at, n.id LIMIT lim
$$;

CREATE FUNCTION mark_nudge_delivered(tenant uuid, nudge_id uuid) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  UPDATE nudge SET delivered_at = clock() WHERE nudge.tenant_id = tenant AND nudge.id = nudge_id AND delivered_at IS NULL
$$;

-- Open proposals that nothing has touched for a while, in the order of (tenant, id) after a given one: the sweep that starts what Temporal has lost.
CREATE FUNCTION open_proposals(after_tenant uuid, after_id uuid, lim int, quiet_for interval)
RETURNS TABLE (tenant_id uuid, proposal_id uuid, action_type text, status text, updated_at timestamptz)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT p.tenant_id, p.id, p.action_type, p.status, p.updated_at FROM proposal p
   WHERE p.status NOT IN ('invalid', 'rejected', 'expired', 'withdrawn', 'executed', 'failed') AND p.updated_at < clock() - quiet_for
     AND (after_tenant IS NULL OR (p.tenant_id, p.id) > (after_tenant, after_id))
   ORDER BY p.tenant_id, p.id LIMIT lim
$$;

-- Unpublished events in the order of their audit entries' transactions is the business of the publisher; this says how many wait and since when.
CREATE FUNCTION outbox_backlog() RETURNS TABLE (events bigint, oldest timestamptz)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT count(*), min(o.created_at) FROM outbox o WHERE o.published_at IS NULL
$$;

REVOKE EXECUTE ON FUNCTION undelivered_nudges(interval, int), mark_nudge_delivered(uuid, uuid), open_proposals(uuid, uuid, int, interval), outbox_backlog() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION undelivered_nudges(interval, int), mark_nudge_delivered(uuid, uuid), open_proposals(uuid, uuid, int, interval), outbox_backlog() TO {{relay}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};
