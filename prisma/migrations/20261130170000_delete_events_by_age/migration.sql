-- Which tenant's events are deleted next is found by age, and whoever has a place among them is asked about until one is found, not about all tenants each time.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;

-- The entry up to which events are deleted, which stays that one until the transaction ends: also of a tenant of which none ever were, whose row is made to be locked.
CREATE OR REPLACE FUNCTION oldest_kept(tenant uuid) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  INSERT INTO event_feed (tenant_id) SELECT tenant WHERE NOT EXISTS (SELECT FROM event_feed f WHERE f.tenant_id = tenant) ON CONFLICT DO NOTHING;
  SELECT f.deleted_seq FROM event_feed f WHERE f.tenant_id = tenant FOR SHARE
$$;

-- Deletes events of one tenant, of so many entries at most, that are older than this and passed by all; of which nobody else deletes at this moment. Those whose oldest events are
-- oldest come first, and one that somebody holds back keeps no other waiting. Nothing that is being written is locked. The conditions are asked for here: whoever calls may say for
-- how long events are kept, though not for less than a day. No row where there is nothing to delete.
CREATE OR REPLACE FUNCTION delete_old_events(kept interval, lim int) RETURNS TABLE (entries bigint, events bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
#variable_conflict use_column
DECLARE
  before timestamptz := clock() - greatest(kept, interval '1 day');
  tenant uuid;
  first bigint;
  last bigint;
  passed bigint;
  gone bigint;
BEGIN
  INSERT INTO event_feed (tenant_id) SELECT h.tenant_id FROM audit_head h WHERE NOT EXISTS (SELECT FROM event_feed f WHERE f.tenant_id = h.tenant_id) ON CONFLICT DO NOTHING;
  FOR tenant, first IN
    SELECT f.tenant_id, f.deleted_seq FROM event_feed f JOIN audit_entry e ON e.tenant_id = f.tenant_id AND e.seq = f.deleted_seq + 1
     WHERE e.at < before ORDER BY e.at, f.tenant_id
  LOOP
    CONTINUE WHEN passed_by_all(tenant) <= first;
    PERFORM FROM event_feed f WHERE f.tenant_id = tenant AND f.deleted_seq = first FOR UPDATE SKIP LOCKED;
    CONTINUE WHEN NOT FOUND;
    -- Asked again: a lane may have been moved back before the row was locked, and none is while it is.
    passed := passed_by_all(tenant);
    SELECT max(e.seq) INTO last FROM audit_entry e
     WHERE e.tenant_id = tenant AND e.seq > first AND e.seq <= least(first + least(lim, 10000), passed) AND e.at < before;
    CONTINUE WHEN last IS NULL;
    -- Checkpoints that were made behind an entry are in front of the end of the next.
    DELETE FROM outbox o USING audit_entry e
     WHERE e.tenant_id = tenant AND e.seq BETWEEN first AND last AND o.tenant_id = e.tenant_id AND o.audit_entry_id = e.id
       AND CASE WHEN o.type = 'audit.checkpoint' THEN e.seq < last ELSE e.seq > first END;
    GET DIAGNOSTICS gone = ROW_COUNT;
    UPDATE event_feed f SET deleted_seq = last WHERE f.tenant_id = tenant;
    RETURN QUERY SELECT last - first, gone;
    RETURN;
  END LOOP;
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};
