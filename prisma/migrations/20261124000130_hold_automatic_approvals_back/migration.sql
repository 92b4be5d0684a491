-- Policy alone never approves what touches a sensitive property, unless the policy names it.
GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Does the plan write a sensitive property that is not among the allowed ones, given as type.property? A deletion writes all that the type has.
CREATE FUNCTION touches_sensitive(p proposal, shapes plan_shape[], allowed jsonb) RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM unnest(shapes) s
      JOIN object_type t ON t.tenant_id = p.tenant_id AND t.name = s.type
      CROSS JOIN LATERAL jsonb_each(coalesce(t.definition -> 'properties', '{}')) d(property, definition)
     WHERE coalesce((d.definition ->> 'sensitive')::boolean, false) AND (s.op = 'delete' OR d.property = ANY (s.touched)) AND NOT allowed ? (t.name || '.' || d.property))
$$;
REVOKE EXECUTE ON FUNCTION touches_sensitive(proposal, plan_shape[], jsonb) FROM PUBLIC;

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
     AND ((f ->> 'approvals')::int > 0 OR NOT touches_sensitive(p, shapes, coalesce(f -> 'ceilings' -> 'sensitive', '[]')))
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
