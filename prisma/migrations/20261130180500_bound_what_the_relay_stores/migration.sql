-- What the relay's login may store of a log is bounded by what the log is, whoever has stolen that login: checkpoints are notes over entries that there are, tiles lie within
-- the tree, and lines are few. Whether a signature holds is for whoever verifies; the database knows no keys.
SET LOCAL search_path = exequatur, pg_catalog;

-- The three lines that size and root of the row come to, and behind them at most eight signatures: of one name, and two of them while a key takes over.
ALTER TABLE audit_checkpoint ADD CONSTRAINT audit_checkpoint_is_a_note CHECK (
  length(note) <= 4096 AND note ~ '^[^\n]+\n[0-9]+\n[A-Za-z0-9+/]{43}=\n\n(\u2014 [^\s+]+ [A-Za-z0-9+/]{91}=\n){1,8}$'
  AND split_part(note, E'\n', 1) LIKE '%/' || tenant_id::text AND split_part(note, E'\n', 2) = size::text AND split_part(note, E'\n', 3) = encode(root, 'base64')) NOT VALID;

-- A line is under the name and the key id that it is filed by. Named so that it is asked after the line is known to be one.
ALTER TABLE audit_cosignature ADD CONSTRAINT audit_cosignature_is_by_its_witness CHECK (
  length(witness) <= 300 AND witness = split_part(line, ' ', 2) || '+' || encode(substr(decode(split_part(rtrim(line, E'\n'), ' ', 3), 'base64'), 1, 4), 'hex')) NOT VALID;

GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Tenants whose log is longer than its last checkpoint, those first whose oldest entry beyond it has waited longest, so that a large log keeps no small one waiting. `passed`
-- are left out: what was rewritten is sealed no further, and takes nobody's place.
DROP FUNCTION logs_to_seal(int);
CREATE FUNCTION logs_to_seal(lim int, passed uuid[] DEFAULT '{}') RETURNS TABLE (tenant_id uuid, head bigint, sealed bigint, root bytea)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT h.tenant_id, h.seq, coalesce(c.size, 0), c.root
    FROM audit_head h
    LEFT JOIN LATERAL (SELECT x.size, x.root FROM audit_checkpoint x WHERE x.tenant_id = h.tenant_id ORDER BY x.size DESC LIMIT 1) c ON true
   WHERE h.seq > coalesce(c.size, 0) AND h.tenant_id <> ALL (passed)
   ORDER BY (SELECT e.at FROM audit_entry e WHERE e.tenant_id = h.tenant_id AND e.seq = coalesce(c.size, 0) + 1) NULLS LAST, h.tenant_id LIMIT lim
$$;
REVOKE EXECUTE ON FUNCTION logs_to_seal(int, uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION logs_to_seal(int, uuid[]) TO {{relay}};

-- As before; of at most 65,536 entries beyond the last, with each tile that these fill and none that the tree has not. Of tiles that are there already nothing is taken.
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
  INSERT INTO audit_checkpoint (tenant_id, size, root, note, created_at) VALUES (store_checkpoint.tenant, store_checkpoint.size, store_checkpoint.root, store_checkpoint.note, clock());
  RETURN true;
END $$;

-- False where it is not filed: there is no such checkpoint, or another has been in its place for ten minutes, so that nobody files anything about the past; or there is no room.
-- Of one witness a checkpoint has room for four lines, and for one more with each minute until it has 64: where somebody has filled it with what is none, a true one finds
-- place a minute after. And for sixteen witnesses in the checkpoints of an hour, each of which keeps one of these from being forgotten.
CREATE OR REPLACE FUNCTION store_cosignature(tenant uuid, size bigint, witness text, line text, cosigned_at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  at timestamptz := clock();
  made timestamptz;
  over timestamptz;
  first bigint;
  last bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(store_cosignature.tenant::text, 2));
  SELECT c.created_at INTO made FROM audit_checkpoint c WHERE c.tenant_id = store_cosignature.tenant AND c.size = store_cosignature.size;
  SELECT c.created_at INTO over FROM audit_checkpoint c WHERE c.tenant_id = store_cosignature.tenant AND c.size > store_cosignature.size ORDER BY c.size LIMIT 1;
  IF made IS NULL OR over < at - interval '10 minutes' THEN
    RETURN false;
  END IF;
  IF EXISTS (SELECT FROM audit_cosignature s WHERE s.tenant_id = store_cosignature.tenant AND s.size = store_cosignature.size
                AND s.witness = store_cosignature.witness AND s.line = store_cosignature.line) THEN
    RETURN true;
  END IF;
  IF (SELECT count(*) FROM audit_cosignature s WHERE s.tenant_id = store_cosignature.tenant AND s.size = store_cosignature.size AND s.witness = store_cosignature.witness)
     >= least(64, 4 + floor(extract(epoch FROM at - made) / 60)) THEN
    RETURN false;
  END IF;
  first := (SELECT c.size FROM audit_checkpoint c WHERE c.tenant_id = store_cosignature.tenant AND c.created_at >= date_trunc('hour', made, 'UTC') ORDER BY c.created_at LIMIT 1);
  last := (SELECT c.size FROM audit_checkpoint c WHERE c.tenant_id = store_cosignature.tenant AND c.created_at < date_trunc('hour', made, 'UTC') + interval '1 hour'
            ORDER BY c.created_at DESC LIMIT 1);
  IF NOT EXISTS (SELECT FROM audit_cosignature s WHERE s.tenant_id = store_cosignature.tenant AND s.witness = store_cosignature.witness AND s.size BETWEEN first AND last)
     AND (SELECT count(DISTINCT s.witness) FROM audit_cosignature s WHERE s.tenant_id = store_cosignature.tenant AND s.size BETWEEN first AND last) >= 16 THEN
    RETURN false;
  END IF;
  INSERT INTO audit_cosignature (tenant_id, size, witness, line, cosigned_at)
  VALUES (store_cosignature.tenant, store_cosignature.size, store_cosignature.witness, store_cosignature.line, store_cosignature.cosigned_at);
  RETURN true;
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};
