-- Policy alone approves a revert only where it would approve, by the action type in force as well, what is taken back.
SET LOCAL search_path = exequatur, pg_catalog;
GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Does the plan write a sensitive property that is not among the allowed ones, given as type.property? A deletion writes all that the type has; one that takes a creation
-- back writes what was created, which is what its shapes say is touched.
CREATE OR REPLACE FUNCTION touches_sensitive(p proposal, shapes plan_shape[], allowed jsonb) RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM unnest(shapes) s
      JOIN object_type t ON t.tenant_id = p.tenant_id AND t.name = s.type
      CROSS JOIN LATERAL jsonb_each(coalesce(t.definition -> 'properties', '{}')) d(property, definition)
     WHERE coalesce((d.definition ->> 'sensitive')::boolean, false) AND (s.op = 'delete' AND p.revert_of IS NULL OR d.property = ANY (s.touched))
       AND NOT allowed ? (t.name || '.' || d.property))
$$;

-- The shapes of edits, of which a deletion touches what the object has.
CREATE FUNCTION shapes_taken_back(edits plan_edit[]) RETURNS plan_shape[] LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT coalesce(array_agg(ROW(s.op, s.type, s.touched, s.edits)::plan_shape), '{}')
    FROM (SELECT e.op, e.type, k.touched, count(*)::int AS edits FROM unnest(edits) e
           CROSS JOIN LATERAL (SELECT CASE e.op WHEN 'delete' THEN ARRAY(SELECT jsonb_object_keys(e.before)) ELSE e.touched END AS touched) k
           GROUP BY e.op, e.type, k.touched) s
$$;
REVOKE EXECUTE ON FUNCTION shapes_taken_back(plan_edit[]) FROM PUBLIC;

-- The fewest approvals that a version of the action type asks for such a plan; never less than `fewest`. Null where no floor holds.
CREATE FUNCTION floor_of(p proposal, wanted int, parameters jsonb, shapes plan_shape[], fewest int) RETURNS int LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  edits bigint := (SELECT coalesce(sum(s.edits), 0) FROM unnest(shapes) s);
BEGIN
  RETURN (SELECT min((f ->> 'approvals')::int)
    FROM action_type_version v CROSS JOIN LATERAL jsonb_array_elements(v.floors) AS x(f)
   WHERE v.tenant_id = p.tenant_id AND v.name = p.action_type AND v.version = wanted
     AND (f ->> 'approvals')::int >= fewest
     AND coalesce(edits <= (f -> 'ceilings' ->> 'edits')::int, true)
     -- A parameter that is absent or not a number keeps no ceiling; a negative one counts by its size.
     AND NOT EXISTS (SELECT FROM jsonb_each(coalesce(f -> 'ceilings' -> 'parameters', '{}')) c
                      WHERE NOT coalesce(CASE WHEN jsonb_typeof(parameters -> c.key) = 'number' THEN abs((parameters ->> c.key)::numeric) <= (c.value #>> '{}')::numeric END, false))
     AND ((f ->> 'approvals')::int > 0 OR NOT touches_sensitive(p, shapes, coalesce(f -> 'ceilings' -> 'sensitive', '[]'))));
END $$;
REVOKE EXECUTE ON FUNCTION floor_of(proposal, int, jsonb, plan_shape[], int) FROM PUBLIC;

-- How many distinct people must have approved: the action type's first floor whose ceilings all hold, fewer where a glass is broken, and no less than any touched object
-- type asks for. Nobody is enough for a revert only where nobody would be for the action type in force.
CREATE OR REPLACE FUNCTION approvals_needed(p proposal, parameters jsonb, shapes plan_shape[]) RETURNS int LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  needed int := floor_of(p, p.action_type_version, parameters, shapes, 0);
  least int;
BEGIN
  IF needed = 0 AND p.revert_of IS NOT NULL AND NOT governs(p.action_type)
     AND (SELECT floor_of(p, a.current_version, parameters, shapes, 0) FROM action_type a
           WHERE a.tenant_id = p.tenant_id AND a.name = p.action_type AND NOT a.retired) IS DISTINCT FROM 0 THEN
    needed := floor_of(p, p.action_type_version, parameters, shapes, 1);
  END IF;
  SELECT max(t.minimum_approvals) INTO least FROM object_type t
   WHERE t.tenant_id = p.tenant_id AND (t.name = ANY (ARRAY(SELECT s.type FROM unnest(shapes) s))
      OR t.name = ANY (ARRAY(SELECT x FROM link_type l CROSS JOIN LATERAL unnest(ARRAY[l.from_type, l.to_type]) x
                              WHERE l.tenant_id = p.tenant_id AND l.name = ANY (ARRAY(SELECT s.type FROM unnest(shapes) s)))));
  -- greatest() ignores nulls: no floor that holds must not become no floor.
  RETURN CASE WHEN needed IS NOT NULL THEN greatest(approvals_behind_glass(p, needed), least) END;
END $$;

CREATE OR REPLACE FUNCTION approving_reviews(p proposal, content text, edits plan_edit[], shapes plan_shape[]) RETURNS uuid[] LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  needed int;
  reviews uuid[];
BEGIN
  PERFORM check_slots(p, content, edits), refuse_doubles(edits, shapes), check_surface(p, shapes);
  IF p.revert_of IS NULL AND is_change_set(p.action_type) THEN
    PERFORM check_members(p, split_part(content, E'\n', 2)::jsonb, shapes);
  END IF;
  IF p.revert_of IS NOT NULL AND NOT governs(p.action_type) THEN
    PERFORM restore_only(p, edits);
  END IF;
  needed := approvals_needed(p, split_part(content, E'\n', 2)::jsonb, CASE WHEN p.revert_of IS NULL THEN shapes ELSE shapes_taken_back(edits) END);
  reviews := ARRAY(SELECT counting_reviews(p));
  IF governs(p.action_type) THEN
    needed := greatest(needed, second_people(p, edits));
    reviews := disinterested(reviews, edits[1]);
  END IF;
  IF needed IS NULL OR cardinality(reviews) < needed THEN
    RAISE EXCEPTION '% of % needed people have approved this digest', cardinality(reviews), coalesce(needed::text, 'unknown') USING ERRCODE = 'XQ002';
  END IF;
  IF cardinality(reviews) = 0 THEN
    IF NOT EXISTS (SELECT FROM standing_role s
                    WHERE s.tenant_id = p.tenant_id AND s.principal_id = p.proposer_id AND s.removed_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > clock())
                      AND s.role <> 'auditor')
       AND glass_in_force(p) IS NULL AND NOT EXISTS (SELECT FROM migration_batch b WHERE b.tenant_id = p.tenant_id AND b.proposal_id = p.id) THEN
      RAISE EXCEPTION 'nobody approved this, and who proposed it may propose nothing now' USING ERRCODE = 'XQ002';
    END IF;
  END IF;
  RETURN reviews;
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
