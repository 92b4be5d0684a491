-- Indexes are built and dropped in batches, beside executions: an upload only notes what is to be done, and a workflow of the worker does it.
SET LOCAL search_path = exequatur, pg_catalog;

-- One row for each index that is not as the definitions want it, and for each that was made so. What is dropped entirely leaves none.
CREATE TABLE index_build (
  tenant_id   uuid NOT NULL REFERENCES tenant,
  type        text COLLATE "C" NOT NULL,
  property    text COLLATE "C" NOT NULL,
  -- `clearing` takes out the rows of an earlier index, which nobody has kept up since; `building` makes rows object by object; `dropping` takes out what nobody wants.
  state       text NOT NULL CHECK (state IN ('clearing', 'building', 'ready', 'dropping')),
  -- The last object whose rows are made; before that, or while dropping, the last row that was taken out.
  after_key   text COLLATE "C" NOT NULL DEFAULT '',
  after_id    text COLLATE "C" NOT NULL DEFAULT '',
  -- Objects while building; rows while dropping.
  scanned     bigint NOT NULL DEFAULT 0,
  total       bigint,
  started_at  timestamptz NOT NULL,
  finished_at timestamptz,
  PRIMARY KEY (tenant_id, type, property)
);
ALTER TABLE index_build ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON index_build USING (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid))
                               WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid));
CREATE POLICY across_tenants ON index_build TO {{relay_reader}} USING (true);
GRANT SELECT ON index_build TO {{api}}, {{worker}}, {{door}};
GRANT INSERT, UPDATE, DELETE ON index_build TO {{door}};
GRANT SELECT (tenant_id, type, state) ON index_build TO {{relay_reader}};
GRANT UPDATE (building) ON object_type TO {{door}};

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Within an upload, after the type's definition was written: what becomes of each index. `had` names those that there were, `remade` those whose keys are made otherwise
-- now, and `needed` those that the door itself looks into (references, unique values), which are complete before the upload is accepted.
CREATE FUNCTION change_indexes(object_type text, had text[], remade text[], needed text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp SET enable_seqscan = off AS $$
DECLARE
  wanted text[] := coalesce((SELECT t.indexed FROM object_type t WHERE t.tenant_id = current_tenant() AND t.name = object_type), '{}');
  defined jsonb := (SELECT t.definition -> 'properties' FROM object_type t WHERE t.tenant_id = current_tenant() AND t.name = object_type);
  has_objects boolean := EXISTS (SELECT FROM object o WHERE o.tenant_id = current_tenant() AND o.type = object_type COLLATE "C" AND o.alive);
  has_rows boolean;
  one text;
  was text;
BEGIN
  FOR one IN
    SELECT unnest(wanted) UNION SELECT unnest(had)
    UNION SELECT b.property COLLATE "default" FROM index_build b WHERE b.tenant_id = current_tenant() AND b.type = object_type COLLATE "C"
    ORDER BY 1
  LOOP
    SELECT b.state INTO was FROM index_build b WHERE b.tenant_id = current_tenant() AND b.type = object_type COLLATE "C" AND b.property = one COLLATE "C" FOR UPDATE;
    IF one = ANY (wanted) AND one = ANY (had) AND NOT one = ANY (remade) AND NOT (one = ANY (needed) AND coalesce(was, 'ready') <> 'ready') THEN
      CONTINUE;
    END IF;
    has_rows := EXISTS (SELECT FROM object_index i WHERE i.tenant_id = current_tenant() AND i.type = object_type COLLATE "C" AND i.property = one COLLATE "C");
    IF one = ANY (wanted) AND one = ANY (needed) AND (has_objects OR has_rows) THEN
      PERFORM FROM type_state s WHERE s.tenant_id = current_tenant() AND s.type = object_type COLLATE "C" FOR UPDATE;
      DELETE FROM object_index i WHERE i.tenant_id = current_tenant() AND i.type = object_type COLLATE "C" AND i.property = one COLLATE "C";
      INSERT INTO object_index (tenant_id, type, property, key, object_id)
      SELECT o.tenant_id, o.type, one, k.key, o.id
        FROM object o CROSS JOIN LATERAL index_keys(defined -> one, o.properties -> one) k(key)
       WHERE o.tenant_id = current_tenant() AND o.type = object_type COLLATE "C" AND o.alive AND o.properties ? one;
    ELSIF has_rows OR (has_objects AND one = ANY (wanted)) THEN
      CONTINUE WHEN was = 'dropping' AND NOT one = ANY (wanted);
      INSERT INTO index_build (tenant_id, type, property, state, started_at)
      VALUES (current_tenant(), object_type, one, CASE WHEN NOT one = ANY (wanted) THEN 'dropping' WHEN has_rows THEN 'clearing' ELSE 'building' END, clock())
      ON CONFLICT (tenant_id, type, property)
      DO UPDATE SET state = EXCLUDED.state, after_key = '', after_id = '', scanned = 0, total = NULL, started_at = EXCLUDED.started_at, finished_at = NULL;
      CONTINUE;
    END IF;
    DELETE FROM index_build b WHERE b.tenant_id = current_tenant() AND b.type = object_type COLLATE "C" AND b.property = one COLLATE "C";
  END LOOP;
  PERFORM tell_building(object_type);
END $$;

-- Tells queries which indexes are not complete.
CREATE FUNCTION tell_building(object_type text) RETURNS void LANGUAGE sql VOLATILE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  WITH unready AS (
    SELECT coalesce(array_agg(b.property::text ORDER BY b.property), '{}') AS properties FROM index_build b
     WHERE b.tenant_id = current_tenant() AND b.type = tell_building.object_type COLLATE "C" AND b.state IN ('clearing', 'building'))
  UPDATE object_type t SET building = u.properties FROM unready u
   WHERE t.tenant_id = current_tenant() AND t.name = tell_building.object_type AND t.building IS DISTINCT FROM u.properties
$$;

-- The next batch of the type's indexes, one index after another; returns how it stands with the one that was worked on, and no row when nothing is left. The caller
-- holds the tenant's definitions, shared. The build's row keeps two workers apart, and the type's lock executions: what is read here is what holds until the commit, so
-- an object's rows are those of its present values, or its execution comes later and keeps them itself.
CREATE FUNCTION advance_indexes(object_type text, lim int) RETURNS TABLE (property text, state text, scanned bigint, total bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
#variable_conflict use_column
DECLARE
  at index_build;
  defined jsonb;
  done bigint;
  last text;
  last_key text := '';
BEGIN
  SELECT b.* INTO at FROM index_build b WHERE b.tenant_id = current_tenant() AND b.type = object_type COLLATE "C" AND b.state <> 'ready' ORDER BY b.property LIMIT 1 FOR UPDATE;
  IF at.type IS NULL THEN
    RETURN;
  END IF;
  IF at.state = 'building' AND at.total IS NULL THEN
    SELECT count(*) INTO at.total FROM object o WHERE o.tenant_id = at.tenant_id AND o.type = at.type AND o.alive;
  END IF;
  PERFORM FROM type_state s WHERE s.tenant_id = at.tenant_id AND s.type = at.type FOR SHARE;
  IF at.state = 'building' THEN
    SELECT t.definition -> 'properties' -> at.property INTO defined FROM object_type t WHERE t.tenant_id = at.tenant_id AND t.name = object_type;
    WITH batch AS MATERIALIZED (
      SELECT o.id, o.properties -> at.property AS value FROM object o
       WHERE o.tenant_id = at.tenant_id AND o.type = at.type AND o.id > at.after_id AND o.alive ORDER BY o.id LIMIT lim
    ), made AS (
      INSERT INTO object_index (tenant_id, type, property, key, object_id)
      SELECT at.tenant_id, at.type, at.property, k.key COLLATE "C", b.id FROM batch b CROSS JOIN LATERAL index_keys(defined, b.value) k(key)
       WHERE b.value IS NOT NULL ORDER BY 4, 5
      ON CONFLICT DO NOTHING
    )
    SELECT count(*), max(b.id) INTO done, last FROM batch b;
  ELSE
    -- In order and once: what executions add behind is right, and would else be chased.
    WITH batch AS MATERIALIZED (
      SELECT i.key, i.object_id FROM object_index i
       WHERE i.tenant_id = at.tenant_id AND i.type = at.type AND i.property = at.property AND (i.key, i.object_id) > (at.after_key, at.after_id)
       ORDER BY i.key, i.object_id LIMIT lim
    ), gone AS (
      DELETE FROM object_index i USING batch b WHERE i.tenant_id = at.tenant_id AND i.type = at.type AND i.property = at.property AND i.key = b.key AND i.object_id = b.object_id
    )
    SELECT count(*), (array_agg(b.key ORDER BY b.key DESC, b.object_id DESC))[1], (array_agg(b.object_id ORDER BY b.key DESC, b.object_id DESC))[1]
      INTO done, last_key, last FROM batch b;
  END IF;
  IF at.state = 'dropping' AND done < lim THEN
    DELETE FROM index_build b WHERE b.tenant_id = at.tenant_id AND b.type = at.type AND b.property = at.property;
    RETURN QUERY SELECT at.property::text, 'dropped', at.scanned + done, at.scanned + done;
    RETURN;
  ELSIF at.state = 'clearing' AND done < lim THEN
    UPDATE index_build b SET state = 'building', after_key = '', after_id = '' WHERE b.tenant_id = at.tenant_id AND b.type = at.type AND b.property = at.property;
  ELSE
    UPDATE index_build b SET scanned = b.scanned + CASE at.state WHEN 'clearing' THEN 0 ELSE done END, total = at.total,
           after_key = coalesce(last_key, b.after_key), after_id = coalesce(last, b.after_id),
           state = CASE WHEN at.state = 'building' AND done < lim THEN 'ready' ELSE b.state END,
           finished_at = CASE WHEN at.state = 'building' AND done < lim THEN clock() END
     WHERE b.tenant_id = at.tenant_id AND b.type = at.type AND b.property = at.property;
    IF at.state = 'building' AND done < lim THEN
      PERFORM tell_building(object_type);
    END IF;
  END IF;
  RETURN QUERY SELECT b.property::text, b.state, b.scanned, b.total FROM index_build b WHERE b.tenant_id = at.tenant_id AND b.type = at.type AND b.property = at.property;
END $$;

REVOKE EXECUTE ON FUNCTION change_indexes(text, text[], text[], text[]), tell_building(text), advance_indexes(text, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION change_indexes(text, text[], text[], text[]) TO {{api}};
GRANT EXECUTE ON FUNCTION advance_indexes(text, int) TO {{worker}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};

GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;
-- Types with indexes to build or drop, of all tenants: the sweep that starts what was missed or lost.
CREATE FUNCTION unfinished_indexes(lim int) RETURNS TABLE (tenant_id uuid, type text)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT DISTINCT b.tenant_id, b.type::text FROM index_build b WHERE b.state <> 'ready' ORDER BY 1, 2 LIMIT lim
$$;
REVOKE EXECUTE ON FUNCTION unfinished_indexes(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION unfinished_indexes(int) TO {{relay}};
SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};
