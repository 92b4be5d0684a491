-- Uniqueness of any scalar property, and index rows that a build may have made already.
GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Index rows of the touched indexed properties: what they were out, what they are in. References always have rows. Keys are computed apart from the statement that
-- uses them: a condition that calls a function can't be looked up in the index under row-level security. While an index is being built, a row may be there already.
CREATE OR REPLACE FUNCTION keep_index(p proposal, edits plan_edit[], shapes plan_shape[]) RETURNS void LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  indexed record;
BEGIN
  FOR indexed IN
    SELECT t.name AS type, i.property, t.definition -> 'properties' -> i.property AS definition, i.property = ANY (t.unique_properties) AS is_unique
      FROM object_type t CROSS JOIN LATERAL unnest(t.indexed) i(property)
     WHERE t.tenant_id = p.tenant_id
       AND EXISTS (SELECT FROM unnest(shapes) k WHERE k.type = t.name AND (k.op = 'delete' OR i.property = ANY (k.touched)))
  LOOP
    WITH gone AS MATERIALIZED (
      SELECT e.id COLLATE "C" AS id, k.key COLLATE "C" AS key FROM unnest(edits) e CROSS JOIN LATERAL index_keys(indexed.definition, e.before -> indexed.property) k(key)
       WHERE e.type = indexed.type AND e.before ? indexed.property
    )
    DELETE FROM object_index i USING gone g
     WHERE i.tenant_id = p.tenant_id AND i.type = indexed.type AND i.property = indexed.property AND i.key = g.key AND i.object_id = g.id;
    INSERT INTO object_index (tenant_id, type, property, key, object_id)
    SELECT p.tenant_id, e.type, indexed.property, k.key, e.id FROM unnest(edits) e CROSS JOIN LATERAL index_keys(indexed.definition, e.set -> indexed.property) k(key)
     WHERE e.type = indexed.type AND e.set ? indexed.property
    ON CONFLICT DO NOTHING;
    IF indexed.is_unique THEN
      PERFORM check_unique(p, indexed.type, indexed.property, indexed.definition, edits);
    END IF;
  END LOOP;
END $$;

-- No two live objects of the type hold one value. Executions that write the type run one after another, so what is seen here is all there is. Keys are cut and
-- rounded, so that an equal key is followed by a look at the value itself.
CREATE OR REPLACE FUNCTION check_unique(p proposal, object_type text, property text, definition jsonb, edits plan_edit[]) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF EXISTS (
    WITH taken AS MATERIALIZED (
      SELECT e.id COLLATE "C" AS id, k.key COLLATE "C" AS key, e.set -> property AS value FROM unnest(edits) e CROSS JOIN LATERAL index_keys(definition, e.set -> property) k(key)
       WHERE e.type = object_type AND e.set ? property
    )
    SELECT FROM taken t
      JOIN object_index i ON i.tenant_id = p.tenant_id AND i.type = object_type COLLATE "C" AND i.property = check_unique.property COLLATE "C" AND i.key = t.key AND i.object_id <> t.id
      JOIN object o ON o.tenant_id = i.tenant_id AND o.type = i.type AND o.id = i.object_id AND o.alive AND o.properties -> check_unique.property = t.value
  ) THEN
    RAISE EXCEPTION 'another % has this %', object_type, property USING ERRCODE = 'XQ010';
  END IF;
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
