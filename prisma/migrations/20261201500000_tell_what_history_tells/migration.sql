-- A row of history, or of the outbox, that somebody spoilt keeps back its own object and no other: what is left of it, and what stands beside it, says of which objects it told.
SET LOCAL search_path = exequatur, pg_catalog;

-- Whether history has changes of an execution, or of its undoing, at that time.
CREATE FUNCTION has_changes(told outbox, execution uuid, at timestamptz) RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT EXISTS (SELECT FROM exequatur.object_history h WHERE h.tenant_id = told.tenant_id AND h.execution_id = execution AND h.at = has_changes.at)
      OR EXISTS (SELECT FROM exequatur.link_history l WHERE l.tenant_id = told.tenant_id AND l.execution_id = execution AND l.at = has_changes.at)
$$;

-- A row that tells of changes, as far as it can be told: as it is; or where it says of no execution, or of a time at which that changed nothing, by the execution that its subject
-- names, at the time that history has for it, the first, or for its undoing a later one. Null where nobody can say what changed.
CREATE FUNCTION changes_told(told outbox, undone boolean) RETURNS outbox LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  uuid_text CONSTANT text := '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
  execution uuid;
  first timestamptz;
  last timestamptz;
BEGIN
  IF can_be_told(told, told.created_at)
     AND (told.data -> 'edits' = '0' OR has_changes(told, (told.data ->> 'executionId')::uuid, told.created_at)) THEN
    RETURN told;
  END IF;
  execution := coalesce(substring(told.subject FROM '^execution/(' || uuid_text || ')$'), substring(told.data ->> 'executionId' FROM '^(' || uuid_text || ')$'));
  SELECT min(x.at), max(x.at) INTO first, last
    FROM (SELECT h.at FROM object_history h WHERE h.tenant_id = told.tenant_id AND h.execution_id = execution AND h.proposal_id = told.proposal_id AND isfinite(h.at)
          UNION ALL
          SELECT l.at FROM link_history l WHERE l.tenant_id = told.tenant_id AND l.execution_id = execution AND l.proposal_id = told.proposal_id AND isfinite(l.at)) x;
  told.created_at := CASE WHEN NOT undone THEN first WHEN last > first THEN last END;
  told.data := jsonb_build_object('executionId', execution, 'undo', undone);
  RETURN CASE WHEN told.created_at IS NOT NULL THEN told END;
END $$;
REVOKE EXECUTE ON FUNCTION has_changes(outbox, uuid, timestamptz), changes_told(outbox, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION has_changes(outbox, uuid, timestamptz), changes_told(outbox, boolean) TO {{api}}, {{relay_reader}};

-- As before; of a change whose values cannot be told the place, the type and the key, without data, and then the next.
CREATE OR REPLACE FUNCTION object_events(tenant uuid, told outbox, skip int, lim int, room bigint)
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
    IF jsonb_typeof(h.set) <> 'object' THEN
      RETURN QUERY SELECT h.ordinal, CASE h.op WHEN 'create' THEN 'object.created' WHEN 'modify' THEN 'object.modified' ELSE 'object.deleted' END,
                          'object/' || h.type || '/' || h.object_id, h.type || '/' || h.object_id, NULL::jsonb, 0;
      left_over := left_over - 1;
      CONTINUE;
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

-- As before. Changes are told by what history has of them; where the entry is of a time that cannot be told each is without data, under the key of its object. What tells of no
-- changes that anybody could name has a key by itself.
CREATE OR REPLACE FUNCTION events_after(tenant uuid, after_seq bigint, skip int, lim int, most_bytes int, of_proposal uuid)
RETURNS TABLE (seq bigint, ordinal int, at timestamptz, id text, type text, subject text, key text, data jsonb, traceparent text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
#variable_conflict use_column
DECLARE
  entries refcursor;
  entry record;
  told outbox;
  retold outbox; -- Of changes: as history has them.
  is_told boolean;
  change record;
  ahead int := 0; -- Checkpoints in front of the entry's own events.
  passed int;
  checkpoints int;
  slot bigint;
  place int;
  name text;
  done_with bigint;
  size int;
  returned int := 0;
  room bigint := most_bytes;
BEGIN
  IF of_proposal IS NULL THEN
    OPEN entries FOR SELECT e.seq, e.id, e.at, e.type FROM audit_entry e WHERE e.tenant_id = tenant AND e.seq >= after_seq ORDER BY e.seq LIMIT lim + 1;
  ELSE
    OPEN entries FOR SELECT e.seq, e.id, e.at, e.type FROM audit_entry e WHERE e.tenant_id = tenant AND e.proposal_id = of_proposal AND e.seq > after_seq ORDER BY e.seq LIMIT lim;
  END IF;
  LOOP
    FETCH entries INTO entry;
    EXIT WHEN NOT FOUND;
    IF of_proposal IS NOT NULL THEN
      ahead := (SELECT count(*) FROM audit_entry b JOIN outbox c ON c.tenant_id = b.tenant_id AND c.audit_entry_id = b.id AND c.type = 'audit.checkpoint' AND can_be_told(c, b.at)
                 WHERE b.tenant_id = tenant AND b.seq = entry.seq - 1);
    END IF;
    passed := ahead;
    checkpoints := 0;
    FOR told IN SELECT o.* FROM outbox o
                 WHERE o.tenant_id = tenant AND o.audit_entry_id = entry.id
                   AND CASE WHEN o.type = 'audit.checkpoint' AND can_be_told(o, entry.at) THEN of_proposal IS NULL ELSE entry.seq > after_seq END
                 ORDER BY o.type = 'audit.checkpoint' AND can_be_told(o, entry.at), o.type = 'object.changes' AND (changes_told(o, entry.type = 'execution.undone')).id IS NOT NULL,
                          CASE WHEN o.type = 'audit.checkpoint' AND can_be_told(o, entry.at) THEN (o.data ->> 'size')::bigint END, o.id LOOP
      is_told := can_be_told(told, entry.at);
      retold := CASE WHEN told.type = 'object.changes' THEN changes_told(told, entry.type = 'execution.undone') END;
      IF retold.id IS NOT NULL THEN
        BEGIN
          FOR change IN SELECT x.* FROM object_events(tenant, retold, CASE WHEN entry.seq = after_seq + 1 THEN greatest(skip - passed, 0) ELSE 0 END, lim - returned, room) x LOOP
            IF returned > 0 AND change.bytes > room THEN
              RETURN;
            END IF;
            RETURN QUERY SELECT entry.seq, passed + change.ordinal, entry.at, told.id || '.' || change.ordinal, change.type, change.subject, change.key,
                                CASE WHEN isfinite(entry.at) THEN change.data END, told.traceparent;
            returned := returned + 1;
            room := room - change.bytes;
          END LOOP; -- Nothing of the entry follows them.
        EXCEPTION WHEN data_exception THEN
          -- Seen before the first of it was returned. Of one of which a part was told before nothing is passed over: whoever reads it hears of the fault.
          IF (entry.seq, passed + 1) <= (after_seq + 1, skip) THEN
            RAISE;
          END IF;
          RETURN QUERY SELECT entry.seq, passed + 1, entry.at, told.id::text, told.type, told.subject, 'unreadable:' || told.id, NULL::jsonb, told.traceparent;
          returned := returned + 1;
        END;
      ELSE
        IF is_told AND told.type = 'audit.checkpoint' THEN
          checkpoints := checkpoints + 1;
          slot := entry.seq + 1;
          place := checkpoints;
          name := 'checkpoint.' || (told.data ->> 'size');
        ELSE
          passed := passed + 1;
          slot := entry.seq;
          place := passed;
          name := told.id::text;
        END IF;
        IF (slot, place) > (after_seq + 1, skip) THEN
          size := CASE WHEN is_told THEN octet_length(told.data::text) ELSE 0 END;
          IF returned > 0 AND size > room THEN
            RETURN;
          END IF;
          RETURN QUERY SELECT slot, place, CASE WHEN slot = entry.seq THEN entry.at ELSE told.created_at END, name, told.type, told.subject,
                              CASE WHEN told.type = 'object.changes' THEN 'unreadable:' || told.id ELSE coalesce(told.proposal_id::text, told.subject) END, CASE WHEN is_told THEN told.data END, told.traceparent;
          returned := returned + 1;
          room := room - size;
        END IF;
      END IF;
      IF returned >= lim OR room <= 0 THEN
        RETURN;
      END IF;
    END LOOP;
    ahead := checkpoints;
    done_with := entry.seq;
  END LOOP;
  IF done_with IS NOT NULL THEN
    RETURN QUERY SELECT done_with + 1, CASE WHEN done_with = after_seq THEN greatest(ahead, skip) WHEN of_proposal IS NULL THEN ahead ELSE 0 END, NULL::timestamptz, NULL, NULL, NULL, NULL, NULL::jsonb, NULL;
  END IF;
END $$;
