-- An event tells of an entry of the log, which is appended in the same transaction: it comes after the event's row, so it is asked for at the end. Whoever has stolen a login
-- that writes events cannot have consumers hear of what happened long ago, or of what the log says otherwise.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{audit_writer}};
SET LOCAL ROLE {{audit_writer}};
SET LOCAL search_path = exequatur, pg_catalog;
-- Whether this transaction has written a row, be it behind a savepoint, whose rows have a later number: what is seen and still in progress is one's own.
CREATE FUNCTION is_written_here(row_xmin xid) RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE WHEN x.later < 2147483648 THEN pg_xact_status((x.here + x.later)::text::xid8) = 'in progress' ELSE false END
    FROM (SELECT h.here, (row_xmin::text::bigint - h.here % 4294967296 + 4294967296) % 4294967296 AS later
            FROM (SELECT pg_current_xact_id()::text::bigint AS here) h) x
$$;

CREATE FUNCTION refuse_unlogged_events() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM audit_entry e WHERE e.tenant_id = NEW.tenant_id AND e.id = NEW.audit_entry_id AND is_written_here(e.xmin)
                    AND e.proposal_id IS NOT DISTINCT FROM NEW.proposal_id
                    AND CASE WHEN NEW.type = 'object.changes' THEN e.type IN ('proposal.executed', 'execution.applied', 'execution.undone')
                             WHEN NEW.type LIKE 'message.%' THEN e.type = 'effect.message' ELSE e.type = NEW.type END) THEN
    RAISE EXCEPTION 'an event tells of what is not entered in the log with it' USING ERRCODE = 'XQ015';
  END IF;
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION is_written_here(xid), refuse_unlogged_events() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION refuse_unlogged_events() TO {{owner}};
SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{audit_writer}};

CREATE CONSTRAINT TRIGGER events_are_logged AFTER INSERT ON outbox DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unlogged_events();
