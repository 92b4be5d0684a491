-- A page of events is bounded by their number and by the bytes of their data: whoever reads keeps a page in memory, and one event may be a megabyte. A single event always
-- goes, whatever its size. One function tells the events of a tenant, or those of one proposal by the index on its entries.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
DROP FUNCTION exequatur.lane_events(uuid, bigint, int, int);
SET LOCAL ROLE {{owner}};
DROP FUNCTION events_of_proposal(uuid, uuid, bigint, int, int);
DROP FUNCTION events_after(uuid, bigint, int, int);
DROP FUNCTION object_events(uuid, outbox, int, int);

-- What an execution, or its undoing, did to each object and link, by its number: behind `skip`, at most `lim`, up to the first that is more than there is room for. Reads what
-- it tells and nothing before it. Of what may not be published the names alone.
CREATE FUNCTION object_events(tenant uuid, told outbox, skip int, lim int, room bigint)
RETURNS TABLE (ordinal int, type text, subject text, key text, data jsonb, bytes int)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
#variable_conflict use_column
DECLARE
  execution uuid := (told.data ->> 'executionId')::uuid;
  common jsonb := jsonb_build_object('executionId', told.data -> 'executionId', 'proposalId', told.proposal_id, 'undo', coalesce(told.data -> 'undo', 'false'));
  shown_of text;
  shown text[];
  masked text[];
  one jsonb;
  h object_history;
  l link_history;
  left_over int := lim;
BEGIN
  FOR h IN SELECT x.* FROM object_history x
            WHERE x.tenant_id = tenant AND x.execution_id = execution AND x.at = told.created_at AND x.ordinal > skip ORDER BY x.ordinal LIMIT lim LOOP
    IF h.type IS DISTINCT FROM shown_of THEN
      shown_of := h.type;
      shown := published_properties(tenant, h.type);
    END IF;
    masked := ARRAY(SELECT k FROM jsonb_object_keys(h.set) k WHERE k <> ALL (shown) ORDER BY 1);
    one := common || jsonb_build_object('version', h.version, 'type', h.type, 'id', h.object_id, 'set', h.set - masked, 'unset', to_jsonb(h.unset), 'masked', to_jsonb(masked));
    RETURN QUERY SELECT h.ordinal, CASE h.op WHEN 'create' THEN 'object.created' WHEN 'modify' THEN 'object.modified' ELSE 'object.deleted' END,
                        'object/' || h.type || '/' || h.object_id, h.type || '/' || h.object_id, one, octet_length(one::text);
    left_over := left_over - 1;
    room := room - octet_length(one::text);
    IF room < 0 THEN
      RETURN;
    END IF;
  END LOOP;
  FOR l IN SELECT x.* FROM link_history x
            WHERE x.tenant_id = tenant AND x.execution_id = execution AND x.at = told.created_at AND x.ordinal > skip ORDER BY x.ordinal LIMIT left_over LOOP
    one := common || jsonb_build_object('version', l.version, 'link', l.link, 'from', l.from_id, 'to', l.to_id);
    RETURN QUERY SELECT l.ordinal, CASE l.op WHEN 'link' THEN 'link.created' ELSE 'link.deleted' END, concat_ws('/', 'link', l.link, l.from_id, l.to_id),
                        concat_ws('/', l.link, l.from_id, l.to_id), one, octet_length(one::text);
    room := room - octet_length(one::text);
    IF room < 0 THEN
      RETURN;
    END IF;
  END LOOP;
END $$;

-- Events of a tenant, or of one proposal of it, behind a position, in order: at most `lim`, with at most so many bytes of data, but one where there is one. Each row's position
-- is seq and ordinal: which entry, and which of its events. The last row has no event where all entries that were looked at are done with: it says how far that is. Whoever
-- asks sees what row-level security shows them.
CREATE FUNCTION events_after(tenant uuid, after_seq bigint, skip int, lim int, most_bytes int, of_proposal uuid)
RETURNS TABLE (seq bigint, ordinal int, at timestamptz, id text, type text, subject text, key text, data jsonb, traceparent text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
#variable_conflict use_column
DECLARE
  entries refcursor;
  entry record;
  told outbox;
  change record;
  passed int;
  wanted int;
  done_with bigint;
  size int;
  returned int := 0;
  room bigint := most_bytes;
BEGIN
  IF of_proposal IS NULL THEN
    OPEN entries FOR SELECT e.seq, e.id, e.at FROM audit_entry e WHERE e.tenant_id = tenant AND e.seq > after_seq ORDER BY e.seq LIMIT lim;
  ELSE
    OPEN entries FOR SELECT e.seq, e.id, e.at FROM audit_entry e WHERE e.tenant_id = tenant AND e.proposal_id = of_proposal AND e.seq > after_seq ORDER BY e.seq LIMIT lim;
  END IF;
  LOOP
    FETCH entries INTO entry;
    EXIT WHEN NOT FOUND;
    passed := 0;
    wanted := CASE WHEN entry.seq = after_seq + 1 THEN skip ELSE 0 END;
    FOR told IN SELECT o.* FROM outbox o WHERE o.tenant_id = tenant AND o.audit_entry_id = entry.id ORDER BY o.type = 'object.changes', o.id LOOP
      IF told.type = 'object.changes' THEN
        FOR change IN SELECT x.* FROM object_events(tenant, told, greatest(wanted - passed, 0), lim - returned, room) x LOOP
          IF returned > 0 AND change.bytes > room THEN
            RETURN;
          END IF;
          RETURN QUERY SELECT entry.seq, passed + change.ordinal, entry.at, told.id || '.' || change.ordinal, change.type, change.subject, change.key, change.data, told.traceparent;
          returned := returned + 1;
          room := room - change.bytes;
        END LOOP; -- Nothing follows them.
      ELSE
        passed := passed + 1;
        IF passed > wanted THEN
          size := octet_length(told.data::text);
          IF returned > 0 AND size > room THEN
            RETURN;
          END IF;
          RETURN QUERY SELECT entry.seq, passed, entry.at, told.id::text, told.type, told.subject, coalesce(told.proposal_id::text, told.subject), told.data, told.traceparent;
          returned := returned + 1;
          room := room - size;
        END IF;
      END IF;
      IF returned >= lim OR room <= 0 THEN
        RETURN;
      END IF;
    END LOOP;
    done_with := entry.seq;
  END LOOP;
  IF done_with IS NOT NULL THEN
    RETURN QUERY SELECT done_with, 0, NULL::timestamptz, NULL, NULL, NULL, NULL, NULL::jsonb, NULL;
  END IF;
END $$;
REVOKE EXECUTE ON FUNCTION object_events(uuid, outbox, int, int, bigint), events_after(uuid, bigint, int, int, int, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION object_events(uuid, outbox, int, int, bigint), events_after(uuid, bigint, int, int, int, uuid) TO {{api}}, {{relay_reader}};

SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;
CREATE FUNCTION lane_events(tenant uuid, after_seq bigint, skip int, lim int, most_bytes int)
RETURNS TABLE (seq bigint, ordinal int, at timestamptz, id text, type text, subject text, key text, data jsonb, traceparent text)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT e.* FROM exequatur.events_after(tenant, after_seq, skip, lim, most_bytes, NULL) e
$$;
REVOKE EXECUTE ON FUNCTION lane_events(uuid, bigint, int, int, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lane_events(uuid, bigint, int, int, int) TO {{relay}};
SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};
