-- Index rows and references of thousands of edits at a cost that follows the edits, also right after a bulk load, when statistics still say that tables are empty.
GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Index rows of the touched indexed properties: what they were out, what they are in; creates alone have nothing to take out. References always have rows. Keys are
-- computed apart from the statement that uses them: a condition that calls a function can't be looked up in the index under row-level security. Rows go in in the order
-- of the index. While an index is being built, a row may be there already.
CREATE OR REPLACE FUNCTION keep_index(p proposal, edits plan_edit[], shapes plan_shape[]) RETURNS void LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  indexed record;
BEGIN
  FOR indexed IN
    SELECT t.name AS type, i.property, t.definition -> 'properties' -> i.property AS definition, t.definition -> 'properties' -> i.property ->> 'type' AS kind, i.property = ANY (t.unique_properties) AS is_unique,
           EXISTS (SELECT FROM unnest(shapes) k WHERE k.type = t.name AND (k.op = 'delete' OR k.op = 'modify' AND i.property = ANY (k.touched))) AS had
      FROM object_type t CROSS JOIN LATERAL unnest(t.indexed) i(property)
     WHERE t.tenant_id = p.tenant_id
       AND EXISTS (SELECT FROM unnest(shapes) k WHERE k.type = t.name AND (k.op = 'delete' OR i.property = ANY (k.touched)))
  LOOP
    IF indexed.had THEN
      WITH gone AS MATERIALIZED (
        SELECT e.id COLLATE "C" AS id, k.key COLLATE "C" AS key FROM unnest(edits) e CROSS JOIN LATERAL index_keys(indexed.definition, e.before -> indexed.property) k(key)
         WHERE e.type = indexed.type AND e.before ? indexed.property
      )
      DELETE FROM object_index i USING gone g
       WHERE i.tenant_id = p.tenant_id AND i.type = indexed.type AND i.property = indexed.property AND i.key = g.key AND i.object_id = g.id;
    END IF;
    IF indexed.kind = 'array' THEN
      INSERT INTO object_index (tenant_id, type, property, key, object_id)
      SELECT p.tenant_id, e.type, indexed.property, k.key, e.id FROM unnest(edits) e CROSS JOIN LATERAL index_keys(indexed.definition, e.set -> indexed.property) k(key)
       WHERE e.type = indexed.type AND e.set ? indexed.property AND e.set -> indexed.property <> '[]'
      ON CONFLICT DO NOTHING;
    ELSE
      INSERT INTO object_index (tenant_id, type, property, key, object_id)
      SELECT p.tenant_id, e.type, indexed.property, index_key(indexed.kind, e.set -> indexed.property) COLLATE "C", e.id COLLATE "C" FROM unnest(edits) e
       WHERE e.type = indexed.type AND jsonb_typeof(e.set -> indexed.property) <> 'null' ORDER BY 4, 5
      ON CONFLICT DO NOTHING;
    END IF;
    IF indexed.is_unique THEN
      PERFORM check_unique(p, indexed.type, indexed.property, indexed.definition, edits);
    END IF;
  END LOOP;
END $$;

-- After the edits: what they set as references exists, what they deleted is referred to by nothing, and links join live objects. Each target is looked for once, by its
-- key, whatever the statistics say.
-- Whoever would delete a target or add a referrer meanwhile needs the same type's lock, held here since the target's type is locked shared by the caller.
CREATE OR REPLACE FUNCTION check_references(p proposal, edits plan_edit[], shapes plan_shape[]) RETURNS void LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, exequatur, pg_temp SET enable_seqscan = off AS $$
DECLARE
  reference record;
BEGIN
  FOR reference IN
    SELECT t.name AS type, r.key AS property, r.value AS target, t.definition -> 'properties' -> r.key ->> 'type' = 'array' AS is_list
      FROM object_type t CROSS JOIN LATERAL jsonb_each_text(t."references") r
     WHERE t.tenant_id = p.tenant_id AND EXISTS (SELECT FROM unnest(shapes) s WHERE s.type = t.name AND r.key = ANY (s.touched))
  LOOP
    IF EXISTS (
      WITH wanted AS MATERIALIZED (
        SELECT DISTINCT v.id COLLATE "C" AS id FROM unnest(edits) e
          CROSS JOIN LATERAL jsonb_array_elements_text(CASE WHEN reference.is_list THEN e.set -> reference.property ELSE jsonb_build_array(e.set -> reference.property) END) v(id)
         WHERE e.type = reference.type AND e.set ? reference.property AND v.id IS NOT NULL)
      SELECT FROM wanted w
       WHERE NOT EXISTS (SELECT FROM object o WHERE o.tenant_id = p.tenant_id AND o.type = reference.target COLLATE "C" AND o.id = w.id AND o.alive)) THEN
      RAISE EXCEPTION '% of % would refer to what does not exist', reference.property, reference.type USING ERRCODE = 'XQ008';
    END IF;
  END LOOP;
  IF EXISTS (SELECT FROM unnest(shapes) s WHERE s.op = 'delete') THEN
    IF EXISTS (
      SELECT FROM unnest(edits) e
        JOIN (SELECT t.name AS type, r.key AS property, r.value AS target FROM object_type t CROSS JOIN LATERAL jsonb_each_text(t."references") r WHERE t.tenant_id = p.tenant_id) r ON r.target = e.type
        JOIN object_index i ON i.tenant_id = p.tenant_id AND i.type = r.type COLLATE "C" AND i.property = r.property COLLATE "C" AND i.key = e.id COLLATE "C"
       WHERE e.op = 'delete')
    OR EXISTS (SELECT FROM unnest(edits) e JOIN link l ON l.tenant_id = p.tenant_id AND l.from_type = e.type COLLATE "C" AND l.from_id = e.id COLLATE "C" AND l.alive WHERE e.op = 'delete')
    OR EXISTS (SELECT FROM unnest(edits) e JOIN link l ON l.tenant_id = p.tenant_id AND l.to_type = e.type COLLATE "C" AND l.to_id = e.id COLLATE "C" AND l.alive WHERE e.op = 'delete') THEN
      RAISE EXCEPTION 'something still refers to an object that would be deleted' USING ERRCODE = 'XQ008';
    END IF;
  END IF;
  IF EXISTS (SELECT FROM unnest(shapes) s WHERE s.op = 'link') AND EXISTS (
    SELECT FROM unnest(edits) e JOIN link_type t ON t.tenant_id = p.tenant_id AND t.name = e.type
     WHERE e.op = 'link' AND NOT (EXISTS (SELECT FROM object o WHERE o.tenant_id = p.tenant_id AND o.type = t.from_type COLLATE "C" AND o.id = e.from_id COLLATE "C" AND o.alive)
                              AND EXISTS (SELECT FROM object o WHERE o.tenant_id = p.tenant_id AND o.type = t.to_type COLLATE "C" AND o.id = e.to_id COLLATE "C" AND o.alive))) THEN
    RAISE EXCEPTION 'a link would join what does not exist' USING ERRCODE = 'XQ008';
  END IF;
END $$;

-- How many distinct people must have approved: the action type's first floor whose ceilings all hold, and no less than any touched object type asks for.
CREATE OR REPLACE FUNCTION approvals_needed(p proposal, parameters jsonb, shapes plan_shape[]) RETURNS int LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  needed int;
  least int;
  edits bigint := (SELECT coalesce(sum(s.edits), 0) FROM unnest(shapes) s);
BEGIN
  SELECT (f ->> 'approvals')::int INTO needed
    FROM action_type_version v CROSS JOIN LATERAL jsonb_array_elements(v.floors) WITH ORDINALITY AS x(f, n)
   WHERE v.tenant_id = p.tenant_id AND v.name = p.action_type AND v.version = p.action_type_version
     AND coalesce(edits <= (f -> 'ceilings' ->> 'edits')::int, true)
     -- A parameter that is absent or not a number keeps no ceiling; a negative one counts by its size.
     AND NOT EXISTS (SELECT FROM jsonb_each(coalesce(f -> 'ceilings' -> 'parameters', '{}')) c
                      WHERE NOT coalesce(CASE WHEN jsonb_typeof(parameters -> c.key) = 'number' THEN abs((parameters ->> c.key)::numeric) <= (c.value #>> '{}')::numeric END, false))
     -- A revert restores what its original touched, and nothing else: restore_only has seen to that.
     AND ((f ->> 'approvals')::int > 0 OR p.revert_of IS NOT NULL OR NOT touches_sensitive(p, shapes, coalesce(f -> 'ceilings' -> 'sensitive', '[]')))
   ORDER BY (f ->> 'approvals')::int LIMIT 1;
  SELECT max(t.minimum_approvals) INTO least FROM object_type t
   WHERE t.tenant_id = p.tenant_id AND (t.name = ANY (ARRAY(SELECT s.type FROM unnest(shapes) s))
      OR t.name = ANY (ARRAY(SELECT x FROM link_type l CROSS JOIN LATERAL unnest(ARRAY[l.from_type, l.to_type]) x
                              WHERE l.tenant_id = p.tenant_id AND l.name = ANY (ARRAY(SELECT s.type FROM unnest(shapes) s)))));
  -- greatest() ignores nulls: no floor that holds must not become no floor.
  RETURN CASE WHEN needed IS NOT NULL THEN greatest(needed, least) END;
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
