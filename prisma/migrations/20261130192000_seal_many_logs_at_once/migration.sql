-- Checkpoints of many logs are stored by one statement, which waits for nobody: whoever writes in one tenant would else keep those of all the others waiting.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{audit_writer}};
SET LOCAL ROLE {{audit_writer}};
SET LOCAL search_path = exequatur, pg_catalog;
-- Whether the log of the tenant that is set ends where it does until the transaction ends; false where somebody is writing to it.
CREATE FUNCTION hold_free_audit_head() RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT EXISTS (SELECT FROM audit_head h WHERE h.tenant_id = nullif(current_setting('app.tenant', true), '')::uuid FOR UPDATE SKIP LOCKED)
$$;
REVOKE EXECUTE ON FUNCTION hold_free_audit_head() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hold_free_audit_head() TO {{relay_reader}};
SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{audit_writer}};
SET LOCAL search_path = exequatur, pg_catalog;

-- As before; where somebody is writing to the log it is told of by tell_due_checkpoint, which is due at once.
CREATE OR REPLACE FUNCTION tell_checkpoint() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  before text := coalesce(current_setting('app.tenant', true), '');
  told timestamptz;
  is_free boolean;
BEGIN
  INSERT INTO event_feed (tenant_id) VALUES (NEW.tenant_id) ON CONFLICT DO NOTHING;
  SELECT f.told_at INTO told FROM event_feed f WHERE f.tenant_id = NEW.tenant_id FOR UPDATE;
  IF told > NEW.created_at - interval '10 seconds' THEN
    UPDATE event_feed f SET untold = true WHERE f.tenant_id = NEW.tenant_id;
    RETURN NULL;
  END IF;
  PERFORM set_config('app.tenant', NEW.tenant_id::text, true);
  is_free := hold_free_audit_head();
  PERFORM set_config('app.tenant', before, true);
  IF is_free THEN
    PERFORM place_checkpoint(NEW);
  ELSE
    UPDATE event_feed f SET untold = true, told_at = coalesce(told, '-infinity') WHERE f.tenant_id = NEW.tenant_id;
  END IF;
  RETURN NULL;
END $$;

GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;
-- As before; of a checkpoint that fills no tile, and comes with none, nothing is asked about tiles: that was most of what storing it took.
CREATE OR REPLACE FUNCTION store_checkpoint(tenant uuid, size bigint, root bytea, note text, tiles jsonb) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  last bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(store_checkpoint.tenant::text, 2));
  last := coalesce((SELECT max(c.size) FROM audit_checkpoint c WHERE c.tenant_id = store_checkpoint.tenant), 0);
  IF last >= store_checkpoint.size
     OR NOT EXISTS (SELECT FROM audit_head h WHERE h.tenant_id = store_checkpoint.tenant AND h.seq >= store_checkpoint.size) THEN
    RETURN false;
  END IF;
  IF store_checkpoint.size - last > 65536 THEN
    RAISE EXCEPTION 'a checkpoint covers at most 65536 entries more than the one before it' USING ERRCODE = '23514';
  END IF;
  IF tiles <> '[]' OR last / 256 < store_checkpoint.size / 256 THEN
    IF EXISTS (
      WITH RECURSIVE spans(level, span) AS (
        SELECT 0, 256::bigint UNION ALL SELECT level + 1, span * 256 FROM spans WHERE span * 256 <= store_checkpoint.size
      ), given AS (
        SELECT (t ->> 'level')::int AS level, (t ->> 'tile')::bigint AS tile FROM jsonb_array_elements(tiles) t
      ), filled AS (
        SELECT s.level, f.tile FROM spans s, generate_series(last / s.span, store_checkpoint.size / s.span - 1) f(tile)
      )
      SELECT FROM filled f WHERE NOT EXISTS (SELECT FROM given g WHERE g.level = f.level AND g.tile = f.tile)
      UNION ALL
      SELECT FROM given g WHERE NOT EXISTS (SELECT FROM spans s WHERE s.level = g.level AND g.tile BETWEEN 0 AND store_checkpoint.size / s.span - 1)) THEN
      RAISE EXCEPTION 'these are not the tiles that the checkpoint fills' USING ERRCODE = '23514';
    END IF;
    INSERT INTO audit_tile (tenant_id, level, tile, hashes)
    SELECT store_checkpoint.tenant, (t ->> 'level')::int, (t ->> 'tile')::bigint, decode(t ->> 'hashes', 'hex') FROM jsonb_array_elements(tiles) t ON CONFLICT DO NOTHING;
  END IF;
  INSERT INTO audit_checkpoint (tenant_id, size, root, note, created_at) VALUES (store_checkpoint.tenant, store_checkpoint.size, store_checkpoint.root, store_checkpoint.note, clock());
  RETURN true;
END $$;

-- Stores each as store_checkpoint does, and returns those tenants whose were stored. What somebody else has at this moment is passed over, to be sealed again.
-- checkpoints: [{tenant, size, root (hex), note, tiles}].
CREATE FUNCTION store_checkpoints(checkpoints jsonb) RETURNS SETOF uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  made record;
BEGIN
  FOR made IN SELECT c.* FROM jsonb_to_recordset(checkpoints) c(tenant uuid, size bigint, root text, note text, tiles jsonb) LOOP
    CONTINUE WHEN NOT pg_try_advisory_xact_lock(hashtextextended(made.tenant::text, 2));
    PERFORM FROM event_feed f WHERE f.tenant_id = made.tenant FOR UPDATE SKIP LOCKED;
    CONTINUE WHEN NOT FOUND AND EXISTS (SELECT FROM event_feed f WHERE f.tenant_id = made.tenant);
    IF store_checkpoint(made.tenant, made.size, decode(made.root, 'hex'), made.note, made.tiles) THEN
      RETURN NEXT made.tenant;
    END IF;
  END LOOP;
END $$;
REVOKE EXECUTE ON FUNCTION store_checkpoints(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION store_checkpoints(jsonb) TO {{relay}};
SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};
