-- A thousand logs that grow are sealed every second: what was asked by a call for each is asked by one for all, and what is written already is not written again.
SET LOCAL search_path = exequatur, pg_catalog;

-- As before. How long each signature is, is asked beside the expression: counts within one that is repeated took half a millisecond of each checkpoint, most of what sealing took.
CREATE FUNCTION are_signatures(lines text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  SELECT count(*) BETWEEN 1 AND 8 AND bool_and(length(split_part(l, ' ', 3)) = 92) FROM string_to_table(rtrim(lines, E'\n'), E'\n') l
$$;
REVOKE EXECUTE ON FUNCTION are_signatures(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION are_signatures(text) TO {{relay_reader}};
ALTER TABLE audit_checkpoint DROP CONSTRAINT audit_checkpoint_is_a_note, ADD CONSTRAINT audit_checkpoint_is_a_note CHECK (
  length(note) <= 4096 AND note ~ '^[^\n]+\n[0-9]+\n[A-Za-z0-9+/]+=\n\n(?:\u2014 [^\s+]+ [A-Za-z0-9+/]+=\n)+$'
  AND split_part(note, E'\n', 1) LIKE '%/' || tenant_id::text AND split_part(note, E'\n', 2) = size::text AND split_part(note, E'\n', 3) = encode(root, 'base64')
  AND are_signatures(split_part(note, E'\n\n', 2))) NOT VALID;
ALTER TABLE audit_cosignature DROP CONSTRAINT audit_cosignature_is_a_line, ADD CONSTRAINT audit_cosignature_is_a_line CHECK (
  length(line) <= 400 AND line ~ '^\u2014 [^\s+]+ [A-Za-z0-9+/]+==\n$' AND length(split_part(line, ' ', 3)) = 105) NOT VALID;

-- As before; where another was told less than ten seconds ago and it is on record that one is to be told nothing is written: that was a new version of the row for each checkpoint.
CREATE OR REPLACE FUNCTION tell_checkpoint() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  before text;
  feed event_feed;
  is_free boolean;
BEGIN
  SELECT f.* INTO feed FROM event_feed f WHERE f.tenant_id = NEW.tenant_id FOR UPDATE;
  IF NOT FOUND THEN
    INSERT INTO event_feed (tenant_id) VALUES (NEW.tenant_id) ON CONFLICT DO NOTHING;
    SELECT f.* INTO feed FROM event_feed f WHERE f.tenant_id = NEW.tenant_id FOR UPDATE;
  END IF;
  IF feed.told_at > NEW.created_at - interval '10 seconds' THEN
    IF NOT feed.untold THEN
      UPDATE event_feed f SET untold = true WHERE f.tenant_id = NEW.tenant_id;
    END IF;
    RETURN NULL;
  END IF;
  before := coalesce(current_setting('app.tenant', true), '');
  PERFORM set_config('app.tenant', NEW.tenant_id::text, true);
  is_free := hold_free_audit_head();
  PERFORM set_config('app.tenant', before, true);
  IF is_free THEN
    PERFORM place_checkpoint(NEW);
  ELSE
    UPDATE event_feed f SET untold = true, told_at = coalesce(feed.told_at, '-infinity') WHERE f.tenant_id = NEW.tenant_id;
  END IF;
  RETURN NULL;
END $$;

GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;

-- As log_leaves, of many logs: of each the leaves number `firsts` to before `beyonds`, behind one another.
CREATE FUNCTION leaves_of_logs(tenants uuid[], firsts bigint[], beyonds bigint[]) RETURNS TABLE (tenant_id uuid, leaves bytea)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT x.tenant, l.leaves
    FROM unnest(tenants, firsts, beyonds) x(tenant, first, beyond)
   CROSS JOIN LATERAL (SELECT string_agg(sha256('\x00'::bytea || audit_frame(e.tenant_id, e.seq, e.at, e.previous_hash, e.payload)), ''::bytea ORDER BY e.seq) AS leaves
                         FROM audit_entry e WHERE e.tenant_id = x.tenant AND e.seq > x.first AND e.seq <= x.beyond) l
$$;

-- As last_checkpoint, of those of many logs that have one.
CREATE FUNCTION last_checkpoints(tenants uuid[]) RETURNS TABLE (tenant_id uuid, size bigint)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT x.tenant, c.size FROM unnest(tenants) x(tenant)
   CROSS JOIN LATERAL (SELECT y.size FROM audit_checkpoint y WHERE y.tenant_id = x.tenant ORDER BY y.size DESC LIMIT 1) c
$$;
REVOKE EXECUTE ON FUNCTION leaves_of_logs(uuid[], bigint[], bigint[]), last_checkpoints(uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION leaves_of_logs(uuid[], bigint[], bigint[]), last_checkpoints(uuid[]) TO {{relay}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};
