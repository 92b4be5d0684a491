-- What an execution changed is told change by change, in pages. Each change has its number from the moment it is written, so that a page begins with a step into an index
-- and not with a count of what comes before it.
SET LOCAL search_path = exequatur, pg_catalog;

ALTER TABLE object_history ADD COLUMN ordinal int;
ALTER TABLE link_history ADD COLUMN ordinal int;
-- What is there gets the numbers under which it has been told: objects by type and id, then links. Nobody else sees the tables meanwhile.
ALTER TABLE object_history NO FORCE ROW LEVEL SECURITY, DISABLE TRIGGER append_only;
ALTER TABLE link_history NO FORCE ROW LEVEL SECURITY, DISABLE TRIGGER append_only;
UPDATE object_history h SET ordinal = n.ordinal
  FROM (SELECT x.tenant_id, x.type, x.object_id, x.version, row_number() OVER (PARTITION BY x.tenant_id, x.execution_id, x.at ORDER BY x.type, x.object_id) AS ordinal FROM object_history x) n
 WHERE h.tenant_id = n.tenant_id AND h.type = n.type AND h.object_id = n.object_id AND h.version = n.version;
UPDATE link_history l SET ordinal = n.ordinal + (SELECT count(*) FROM object_history h WHERE h.tenant_id = l.tenant_id AND h.execution_id = l.execution_id AND h.at = l.at)
  FROM (SELECT x.tenant_id, x.link, x.from_id, x.to_id, x.version,
               row_number() OVER (PARTITION BY x.tenant_id, x.execution_id, x.at ORDER BY x.link, x.from_id, x.to_id) AS ordinal FROM link_history x) n
 WHERE l.tenant_id = n.tenant_id AND l.link = n.link AND l.from_id = n.from_id AND l.to_id = n.to_id AND l.version = n.version;
ALTER TABLE object_history ENABLE TRIGGER append_only, FORCE ROW LEVEL SECURITY, ALTER COLUMN ordinal SET NOT NULL;
ALTER TABLE link_history ENABLE TRIGGER append_only, FORCE ROW LEVEL SECURITY, ALTER COLUMN ordinal SET NOT NULL;
DROP INDEX object_history_of_execution;
DROP INDEX link_history_of_execution;
-- An execution and its undoing share the id and differ in the time.
CREATE INDEX object_history_of_execution ON object_history (tenant_id, execution_id, at, ordinal);
CREATE INDEX link_history_of_execution ON link_history (tenant_id, execution_id, at, ordinal);

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Runs under the exclusive lock of each written type. Before-images in the history are the plan's, which the same statement has found equal to the row's.
CREATE OR REPLACE FUNCTION apply_object_edits(p proposal, execution uuid, edits plan_edit[], shapes plan_shape[], at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  done bigint;
  wanted record;
  placed bigint := 0; -- Changes that have their number.
BEGIN
  SELECT coalesce(sum(s.edits) FILTER (WHERE s.op = 'modify'), 0) AS modify, coalesce(sum(s.edits) FILTER (WHERE s.op = 'create'), 0) AS "create",
         coalesce(sum(s.edits) FILTER (WHERE s.op = 'delete'), 0) AS "delete" INTO wanted FROM unnest(shapes) s;
  IF wanted.modify > 0 THEN
    -- (properties without the touched ones, with `before` put back) equals properties: each touched value is as the plan says, and the absent ones are absent;
    -- and `before` speaks of touched properties alone. For a single property, which is the most frequent, its two values are compared.
    WITH changed AS (
      UPDATE object o
         SET version = o.version + 1,
             properties = CASE WHEN e.unset = '{}' THEN o.properties ELSE o.properties - e.unset END || e.set,
             property_versions = o.property_versions || CASE cardinality(e.touched)
               WHEN 1 THEN jsonb_build_object(e.touched[1], o.version + 1)
               WHEN 2 THEN jsonb_build_object(e.touched[1], o.version + 1, e.touched[2], o.version + 1)
               ELSE (SELECT jsonb_object_agg(t, o.version + 1) FROM unnest(e.touched) t) END
        FROM unnest(edits) e
       WHERE e.op = 'modify' AND o.tenant_id = p.tenant_id AND o.type = e.type COLLATE "C" AND o.id = e.id COLLATE "C" AND o.alive
         AND CASE cardinality(e.touched) WHEN 1 THEN o.properties -> e.touched[1] IS NOT DISTINCT FROM e.before -> e.touched[1]
                                         ELSE (o.properties - e.touched) || e.before = o.properties END
         AND e.before - e.touched = '{}'
      RETURNING o.type, o.id, o.version, e.before, e.set, e.unset
    )
    INSERT INTO object_history (tenant_id, type, object_id, version, op, before, set, unset, execution_id, proposal_id, at, ordinal)
    SELECT p.tenant_id, c.type, c.id, c.version, 'modify', c.before, c.set, c.unset, execution, p.id, at, placed + row_number() OVER (ORDER BY c.type, c.id) FROM changed c;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done <> wanted.modify THEN
      RAISE EXCEPTION '% of % objects are not as the plan says', wanted.modify - done, wanted.modify USING ERRCODE = 'XQ007';
    END IF;
    placed := placed + done;
  END IF;
  IF wanted."create" > 0 THEN
    -- A dead object of this id comes alive again with the next version, never with the first.
    WITH changed AS (
      INSERT INTO object AS o (tenant_id, type, id, version, alive, properties, property_versions)
      SELECT p.tenant_id, e.type, e.id, 1, true, e.set, '{"$": 1}' FROM (SELECT DISTINCT ON (e.type, e.id) e.* FROM unnest(edits) e WHERE e.op = 'create') e
      ON CONFLICT (tenant_id, type, id) DO UPDATE
         SET version = o.version + 1, alive = true, properties = excluded.properties, property_versions = jsonb_build_object('$', o.version + 1) WHERE NOT o.alive
      RETURNING o.type, o.id, o.version, o.properties
    )
    INSERT INTO object_history (tenant_id, type, object_id, version, op, before, set, unset, execution_id, proposal_id, at, ordinal)
    SELECT p.tenant_id, c.type, c.id, c.version, 'create', '{}', c.properties, '{}', execution, p.id, at, placed + row_number() OVER (ORDER BY c.type, c.id) FROM changed c;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done <> wanted."create" THEN
      RAISE EXCEPTION '% of % objects to create exist already', wanted."create" - done, wanted."create" USING ERRCODE = 'XQ007';
    END IF;
    placed := placed + done;
  END IF;
  IF wanted."delete" > 0 THEN
    WITH changed AS (
      UPDATE object o
         SET version = o.version + 1, alive = false, properties = '{}', property_versions = jsonb_build_object('$', o.version + 1)
        FROM unnest(edits) e
       WHERE e.op = 'delete' AND o.tenant_id = p.tenant_id AND o.type = e.type COLLATE "C" AND o.id = e.id COLLATE "C" AND o.alive AND o.properties = e.before
      RETURNING o.type, o.id, o.version, e.before
    )
    INSERT INTO object_history (tenant_id, type, object_id, version, op, before, set, unset, execution_id, proposal_id, at, ordinal)
    SELECT p.tenant_id, c.type, c.id, c.version, 'delete', c.before, '{}', '{}', execution, p.id, at, placed + row_number() OVER (ORDER BY c.type, c.id) FROM changed c;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done <> wanted."delete" THEN
      RAISE EXCEPTION '% of % objects to delete are not as the plan says', wanted."delete" - done, wanted."delete" USING ERRCODE = 'XQ007';
    END IF;
  END IF;
END $$;

-- Rows of many-to-many links. A dead row comes alive again with the next version.
CREATE OR REPLACE FUNCTION apply_link_edits(p proposal, execution uuid, edits plan_edit[], shapes plan_shape[], at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  done bigint;
  wanted bigint := (SELECT coalesce(sum(s.edits), 0) FROM unnest(shapes) s WHERE s.op IN ('link', 'unlink'));
  placed bigint := (SELECT coalesce(sum(s.edits), 0) FROM unnest(shapes) s WHERE s.op IN ('create', 'modify', 'delete')); -- Objects come before links.
BEGIN
  IF wanted = 0 THEN
    RETURN;
  END IF;
  WITH linked AS (
    INSERT INTO link AS l (tenant_id, link, from_type, from_id, to_type, to_id, version, alive)
    SELECT p.tenant_id, e.type, t.from_type, e.from_id, t.to_type, e.to_id, 1, true
      FROM unnest(edits) e JOIN link_type t ON t.tenant_id = p.tenant_id AND t.name = e.type AND t.cardinality = 'many-to-many' WHERE e.op = 'link'
    ON CONFLICT (tenant_id, link, from_id, to_id) DO UPDATE SET version = l.version + 1, alive = true WHERE NOT l.alive
    RETURNING l.link, l.from_id, l.to_id, l.version, 'link' AS op
  ), unlinked AS (
    UPDATE link l SET version = l.version + 1, alive = false
      FROM unnest(edits) e WHERE e.op = 'unlink' AND l.tenant_id = p.tenant_id AND l.link = e.type COLLATE "C" AND l.from_id = e.from_id COLLATE "C" AND l.to_id = e.to_id COLLATE "C" AND l.alive
    RETURNING l.link, l.from_id, l.to_id, l.version, 'unlink' AS op
  ), kept AS (
    INSERT INTO link_history (tenant_id, link, from_id, to_id, version, op, execution_id, proposal_id, at, ordinal)
    SELECT p.tenant_id, c.link, c.from_id, c.to_id, c.version, c.op, execution, p.id, at, placed + row_number() OVER (ORDER BY c.link, c.from_id, c.to_id) FROM (SELECT * FROM linked UNION ALL SELECT * FROM unlinked) c RETURNING 1
  )
  SELECT count(*) INTO done FROM kept;
  IF done <> wanted THEN
    RAISE EXCEPTION '% of % links are not as the plan says', wanted - done, wanted USING ERRCODE = 'XQ007';
  END IF;
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};

-- What an execution, or its undoing, did to each object and link, by its number: behind `skip`, at most `lim`. Reads what it tells and nothing before it. Of what may not be
-- published the names alone.
CREATE OR REPLACE FUNCTION object_events(tenant uuid, told outbox, skip int, lim int)
RETURNS TABLE (ordinal int, type text, subject text, key text, data jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
#variable_conflict use_column
DECLARE
  execution uuid := (told.data ->> 'executionId')::uuid;
  common jsonb := jsonb_build_object('executionId', told.data -> 'executionId', 'proposalId', told.proposal_id, 'undo', coalesce(told.data -> 'undo', 'false'));
  shown_of text;
  shown text[];
  masked text[];
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
    RETURN QUERY SELECT h.ordinal, CASE h.op WHEN 'create' THEN 'object.created' WHEN 'modify' THEN 'object.modified' ELSE 'object.deleted' END,
                        'object/' || h.type || '/' || h.object_id, h.type || '/' || h.object_id,
                        common || jsonb_build_object('version', h.version, 'type', h.type, 'id', h.object_id, 'set', h.set - masked, 'unset', to_jsonb(h.unset), 'masked', to_jsonb(masked));
    left_over := left_over - 1;
  END LOOP;
  IF left_over > 0 THEN
    FOR l IN SELECT x.* FROM link_history x
              WHERE x.tenant_id = tenant AND x.execution_id = execution AND x.at = told.created_at AND x.ordinal > skip ORDER BY x.ordinal LIMIT left_over LOOP
      RETURN QUERY SELECT l.ordinal, CASE l.op WHEN 'link' THEN 'link.created' ELSE 'link.deleted' END, concat_ws('/', 'link', l.link, l.from_id, l.to_id),
                          concat_ws('/', l.link, l.from_id, l.to_id), common || jsonb_build_object('version', l.version, 'link', l.link, 'from', l.from_id, 'to', l.to_id);
    END LOOP;
  END IF;
END $$;
