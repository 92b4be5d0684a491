-- The members of a batch are started one after another, as calls are that wait in front of the engine, by the process that took the batch. Until they have had their turn their nudges are
-- held: the relay leaves them alone, and takes over when nobody holds them any more.
SET LOCAL ROLE {{owner}};
SET LOCAL search_path = exequatur, pg_catalog;

ALTER TABLE nudge ADD COLUMN held_until timestamptz;

GRANT UPDATE (held_until) ON nudge TO {{api}};
GRANT SELECT (held_until) ON nudge TO {{relay_reader}};
GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;

-- As before, but for those that are held.
CREATE OR REPLACE FUNCTION undelivered_nudges(older_than interval, lim int)
RETURNS TABLE (tenant_id uuid, nudge_id uuid, proposal_id uuid, action_type text, status text, created_at timestamptz, traceparent text)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT n.tenant_id, n.id, n.proposal_id, p.action_type, p.status, n.created_at, n.traceparent
    FROM nudge n JOIN proposal p ON p.tenant_id = n.tenant_id AND p.id = n.proposal_id
   WHERE n.delivered_at IS NULL AND n.created_at < clock() - older_than AND (n.held_until IS NULL OR n.held_until <= clock())
   ORDER BY n.created_at, n.id LIMIT lim
$$;

-- As before, but for those whose first nudge is held: nobody carries them yet, and nobody is to.
CREATE OR REPLACE FUNCTION open_proposals(after_tenant uuid, after_id uuid, lim int, quiet_for interval)
RETURNS TABLE (tenant_id uuid, proposal_id uuid, action_type text, status text, updated_at timestamptz)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT p.tenant_id, p.id, p.action_type, p.status, p.updated_at FROM proposal p
   WHERE p.status NOT IN ('invalid', 'rejected', 'expired', 'withdrawn', 'executed', 'failed') AND p.updated_at < clock() - quiet_for
     AND (after_tenant IS NULL OR (p.tenant_id, p.id) > (after_tenant, after_id))
     AND NOT (p.status = 'simulating' AND EXISTS (SELECT FROM nudge n WHERE n.tenant_id = p.tenant_id AND n.proposal_id = p.id AND n.delivered_at IS NULL AND n.held_until > clock()))
   ORDER BY p.tenant_id, p.id LIMIT lim
$$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};
