-- A row of the outbox that cannot be told stops itself and nobody else. No login of the product writes one; an administrator, or a fault of a disk, may. It has a place
-- among the events, without data: publishers hold its key there until somebody has mended it or leaves it out, and readers pass it over.
SET LOCAL search_path = exequatur, pg_catalog;

-- Whether an event can be made of it, as far as the row itself says: what its execution did may be spoilt as well.
CREATE FUNCTION can_be_told(told outbox, at timestamptz) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN coalesce(isfinite(at) AND isfinite(told.created_at) AND jsonb_typeof(told.data) = 'object'
                AND CASE told.type WHEN 'object.changes' THEN told.data ->> 'executionId' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                                   WHEN 'audit.checkpoint' THEN told.data ->> 'size' ~ '^[0-9]{1,18}$' ELSE true END, false);
REVOKE EXECUTE ON FUNCTION can_be_told(outbox, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION can_be_told(outbox, timestamptz) TO {{api}}, {{relay_reader}};

-- As before. What cannot be told is one of the entry's own events, with data that are null. Its key is what it was; whose objects it told of nobody knows, so that is a key by itself.
CREATE OR REPLACE FUNCTION events_after(tenant uuid, after_seq bigint, skip int, lim int, most_bytes int, of_proposal uuid)
RETURNS TABLE (seq bigint, ordinal int, at timestamptz, id text, type text, subject text, key text, data jsonb, traceparent text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
#variable_conflict use_column
DECLARE
  entries refcursor;
  entry record;
  told outbox;
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
    OPEN entries FOR SELECT e.seq, e.id, e.at FROM audit_entry e WHERE e.tenant_id = tenant AND e.seq >= after_seq ORDER BY e.seq LIMIT lim + 1;
  ELSE
    OPEN entries FOR SELECT e.seq, e.id, e.at FROM audit_entry e WHERE e.tenant_id = tenant AND e.proposal_id = of_proposal AND e.seq > after_seq ORDER BY e.seq LIMIT lim;
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
                 ORDER BY o.type = 'audit.checkpoint' AND can_be_told(o, entry.at), o.type = 'object.changes' AND can_be_told(o, entry.at),
                          CASE WHEN o.type = 'audit.checkpoint' AND can_be_told(o, entry.at) THEN (o.data ->> 'size')::bigint END, o.id LOOP
      is_told := can_be_told(told, entry.at);
      IF is_told AND told.type = 'object.changes' THEN
        BEGIN
          FOR change IN SELECT x.* FROM object_events(tenant, told, CASE WHEN entry.seq = after_seq + 1 THEN greatest(skip - passed, 0) ELSE 0 END, lim - returned, room) x LOOP
            IF returned > 0 AND change.bytes > room THEN
              RETURN;
            END IF;
            RETURN QUERY SELECT entry.seq, passed + change.ordinal, entry.at, told.id || '.' || change.ordinal, change.type, change.subject, change.key, change.data, told.traceparent;
            returned := returned + 1;
            room := room - change.bytes;
          END LOOP; -- Nothing of the entry follows them.
        EXCEPTION WHEN data_exception THEN
          -- What it did is not as it was written; this was seen before the first of it was returned.
          IF (entry.seq, passed + 1) > (after_seq + 1, skip) THEN
            RETURN QUERY SELECT entry.seq, passed + 1, entry.at, told.id::text, told.type, told.subject, 'unreadable:' || told.id, NULL::jsonb, told.traceparent;
            returned := returned + 1;
          END IF;
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
