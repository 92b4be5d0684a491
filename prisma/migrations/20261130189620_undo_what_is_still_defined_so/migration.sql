-- What an execution found may be defined otherwise by the time that it is taken back: what the definitions in force do not admit is not written, it is put before an operator.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Whether the definition of a property, an item or a field admits a value that was stored under an earlier one. Patterns are not compared: RE2 and PostgreSQL read some of them otherwise.
CREATE FUNCTION fits_definition(definition jsonb, value jsonb) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp SET "TimeZone" = 'UTC' SET "DateStyle" = 'ISO, YMD' AS $$
DECLARE
  kind text := definition ->> 'type';
  said text := value #>> '{}';
BEGIN
  IF kind IS NULL OR value IS NULL OR jsonb_typeof(value) <> (CASE kind WHEN 'boolean' THEN 'boolean' WHEN 'integer' THEN 'number' WHEN 'double' THEN 'number' WHEN 'array' THEN 'array'
                                                      WHEN 'struct' THEN 'object' WHEN 'geopoint' THEN 'object' ELSE 'string' END) THEN
    RETURN false;
  END IF;
  CASE kind
    WHEN 'enum' THEN
      RETURN definition -> 'values' ? said;
    WHEN 'string' THEN
      RETURN length(said) BETWEEN coalesce((definition ->> 'minLength')::int, 0) AND coalesce((definition ->> 'maxLength')::int, length(said))
         AND (NOT definition ? 'oneOf' OR definition -> 'oneOf' ? said);
    WHEN 'array' THEN
      RETURN jsonb_array_length(value) BETWEEN coalesce((definition ->> 'minItems')::int, 0) AND coalesce((definition ->> 'maxItems')::int, jsonb_array_length(value))
         AND NOT EXISTS (SELECT FROM jsonb_array_elements(value) e(item) WHERE NOT fits_definition(definition -> 'items', e.item));
    WHEN 'struct' THEN
      RETURN NOT EXISTS (SELECT FROM jsonb_each(value) f(name, part) WHERE NOT fits_definition(definition -> 'properties' -> f.name, f.part))
         AND NOT EXISTS (SELECT FROM jsonb_each(definition -> 'properties') f(name, part) WHERE f.part -> 'required' = 'true' AND NOT value ? f.name);
    WHEN 'integer', 'double', 'long', 'decimal' THEN
      IF said !~ (CASE kind WHEN 'integer' THEN '^-?[0-9]+$' WHEN 'long' THEN '^(0|-?[1-9][0-9]{0,18})$' WHEN 'decimal' THEN '^-?(0|[1-9][0-9]*)([.][0-9]*[1-9])?$' ELSE '.' END) THEN
        RETURN false;
      END IF;
      RETURN said::numeric BETWEEN coalesce((definition ->> 'minimum')::numeric, said::numeric) AND coalesce((definition ->> 'maximum')::numeric, said::numeric)
         AND (NOT definition ? 'oneOf' OR EXISTS (SELECT FROM jsonb_array_elements_text(definition -> 'oneOf') o(one) WHERE o.one::numeric = said::numeric));
    WHEN 'date', 'timestamp' THEN
      IF said !~ (CASE kind WHEN 'date' THEN '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' ELSE '^[0-9]{4}-[0-9]{2}-[0-9]{2}T.*Z$' END) OR NOT pg_input_is_valid(said, 'timestamptz') THEN
        RETURN false;
      END IF;
      RETURN said::timestamptz BETWEEN coalesce((definition ->> 'minimum')::timestamptz, said::timestamptz) AND coalesce((definition ->> 'maximum')::timestamptz, said::timestamptz);
    WHEN 'geopoint' THEN
      RETURN value - ARRAY['latitude', 'longitude'] = '{}' AND fits_definition('{"type": "double", "minimum": -90, "maximum": 90}', value -> 'latitude')
         AND fits_definition('{"type": "double", "minimum": -180, "maximum": 180}', value -> 'longitude');
    WHEN 'reference' THEN
      RETURN length(said) BETWEEN 1 AND 200;
    WHEN 'boolean' THEN
      RETURN true;
    ELSE
      RETURN false;
  END CASE;
END $$;
REVOKE EXECUTE ON FUNCTION fits_definition(jsonb, jsonb) FROM PUBLIC;

-- As before; and what the definitions in force do not admit: a value, its absence, an object or a link.
CREATE OR REPLACE FUNCTION undo_obstacles(tenant uuid, edits plan_edit[]) RETURNS TABLE (type text, id text, property text, because text, by jsonb)
LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp SET enable_seqscan = off AS $$
  WITH e AS MATERIALIZED (SELECT x.op, x.type COLLATE "C" AS type, x.id COLLATE "C" AS id, x.set, x.touched, x.from_id COLLATE "C" AS from_id, x.to_id COLLATE "C" AS to_id FROM unnest(edits) x),
  reference AS MATERIALIZED (
    SELECT t.name COLLATE "C" AS type, r.key COLLATE "C" AS property, r.value COLLATE "C" AS target FROM object_type t CROSS JOIN LATERAL jsonb_each_text(t."references") r WHERE t.tenant_id = tenant),
  wanted AS MATERIALIZED (
    SELECT e.op, e.type, e.id, u.property, t.definition -> 'properties' -> u.property AS definition, e.set -> u.property AS value
      FROM e JOIN object_type t ON t.tenant_id = tenant AND t.name = e.type CROSS JOIN LATERAL unnest(t.unique_properties) u(property) WHERE e.set ? u.property),
  claimed AS MATERIALIZED (SELECT w.op, w.type, w.id, w.property COLLATE "C" AS property, w.value, k.key COLLATE "C" AS key FROM wanted w CROSS JOIN LATERAL index_keys(w.definition, w.value) k(key)),
  aimed AS MATERIALIZED (
    SELECT DISTINCT e.op, e.type, e.id, r.property, r.target, v.id COLLATE "C" AS target_id
      FROM e JOIN reference r ON r.type = e.type AND e.set ? r.property
     CROSS JOIN LATERAL jsonb_array_elements_text(CASE WHEN jsonb_typeof(e.set -> r.property) = 'array' THEN e.set -> r.property ELSE jsonb_build_array(e.set -> r.property) END) v(id)
     WHERE v.id IS NOT NULL),
  gone AS MATERIALIZED (SELECT e.type, e.id FROM e WHERE e.op = 'delete'),
  made AS MATERIALIZED (SELECT e.type, e.id FROM e WHERE e.op = 'create')
  SELECT c.type, c.id, CASE c.op WHEN 'create' THEN '$' ELSE c.property END, 'not_unique', jsonb_build_object('type', i.type, 'id', i.object_id, 'property', c.property)
    FROM claimed c
    JOIN object_index i ON i.tenant_id = tenant AND i.type = c.type AND i.property = c.property AND i.key = c.key AND i.object_id <> c.id
    JOIN object o ON o.tenant_id = tenant AND o.type = i.type AND o.id = i.object_id AND o.alive AND o.properties -> c.property = c.value
   WHERE NOT EXISTS (SELECT FROM e f WHERE f.type = i.type AND f.id = i.object_id AND (f.op = 'delete' OR c.property = ANY (f.touched)))
  UNION ALL
  SELECT a.type, a.id, CASE a.op WHEN 'create' THEN '$' ELSE a.property END, 'unknown_reference', jsonb_build_object('type', a.target, 'id', a.target_id, 'through', a.property)
    FROM aimed a
   WHERE EXISTS (SELECT FROM gone g WHERE g.type = a.target AND g.id = a.target_id)
      OR (NOT EXISTS (SELECT FROM object o WHERE o.tenant_id = tenant AND o.type = a.target AND o.id = a.target_id AND o.alive)
          AND NOT EXISTS (SELECT FROM made m WHERE m.type = a.target AND m.id = a.target_id))
  UNION ALL
  SELECT g.type, g.id, '$', 'still_referenced', jsonb_build_object('type', i.type, 'id', i.object_id, 'property', i.property)
    FROM gone g JOIN reference r ON r.target = g.type
    JOIN object_index i ON i.tenant_id = tenant AND i.type = r.type AND i.property = r.property AND i.key = g.id
   WHERE NOT EXISTS (SELECT FROM e f WHERE f.type = i.type AND f.id = i.object_id AND (f.op = 'delete' OR i.property = ANY (f.touched)))
  UNION ALL
  SELECT g.type, g.id, '$', 'still_referenced', jsonb_build_object('type', l.link, 'id', l.from_id || ' ' || l.to_id)
    FROM gone g
   CROSS JOIN LATERAL (
     SELECT l.link, l.from_id, l.to_id FROM link l WHERE l.tenant_id = tenant AND l.from_type = g.type AND l.from_id = g.id AND l.alive
      UNION
     SELECT l.link, l.from_id, l.to_id FROM link l WHERE l.tenant_id = tenant AND l.to_type = g.type AND l.to_id = g.id AND l.alive) l
   WHERE NOT EXISTS (SELECT FROM e f WHERE f.op = 'unlink' AND f.type = l.link AND f.from_id = l.from_id AND f.to_id = l.to_id)
  UNION ALL
  SELECT e.type, e.from_id || ' ' || e.to_id, '$', 'unknown_reference', jsonb_build_object('type', t.type, 'id', t.id)
    FROM e JOIN link_type k ON k.tenant_id = tenant AND k.name = e.type CROSS JOIN LATERAL (VALUES (k.from_type COLLATE "C", e.from_id), (k.to_type COLLATE "C", e.to_id)) t(type, id)
   WHERE e.op = 'link'
     AND (EXISTS (SELECT FROM gone g WHERE g.type = t.type AND g.id = t.id)
          OR (NOT EXISTS (SELECT FROM object o WHERE o.tenant_id = tenant AND o.type = t.type AND o.id = t.id AND o.alive)
              AND NOT EXISTS (SELECT FROM made m WHERE m.type = t.type AND m.id = t.id)))
  UNION ALL
  SELECT e.type, e.id, CASE e.op WHEN 'create' THEN '$' ELSE v.key COLLATE "C" END, 'defined_otherwise', NULL
    FROM e LEFT JOIN object_type t ON t.tenant_id = tenant AND t.name = e.type CROSS JOIN LATERAL jsonb_each(e.set) v
   WHERE e.op IN ('create', 'modify') AND NOT coalesce(fits_definition(t.definition -> 'properties' -> v.key, v.value), false)
  UNION ALL
  SELECT e.type, e.id, CASE e.op WHEN 'create' THEN '$' ELSE d.key COLLATE "C" END, 'defined_otherwise', NULL
    FROM e JOIN object_type t ON t.tenant_id = tenant AND t.name = e.type CROSS JOIN LATERAL jsonb_each(t.definition -> 'properties') d
   WHERE d.value -> 'required' = 'true' AND CASE e.op WHEN 'create' THEN NOT e.set ? d.key WHEN 'modify' THEN d.key = ANY (e.touched) AND NOT e.set ? d.key ELSE false END
  UNION ALL
  SELECT e.type, e.from_id || ' ' || e.to_id, '$', 'defined_otherwise', NULL
    FROM e WHERE e.op = 'link' AND NOT EXISTS (SELECT FROM link_type k WHERE k.tenant_id = tenant AND k.name = e.type AND k.cardinality = 'many-to-many')
$$;

-- As before, but that a conflict may be with nobody.
CREATE OR REPLACE FUNCTION undo_execution(proposal uuid, entries jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, exequatur, pg_temp SET "TimeZone" = 'UTC' SET "DateStyle" = 'ISO, YMD' SET transform_null_equals = off
SET plan_cache_mode = force_generic_plan SET work_mem = '64MB' SET jit = off AS $$
DECLARE
  p proposal;
  s saga;
  x execution;
  edits plan_edit[];
  shapes plan_shape[];
  taken jsonb;
  more jsonb;
  own jsonb := entries -> -1;
  remaining int;
  at timestamptz;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the door opens in READ COMMITTED alone' USING ERRCODE = 'XQ014';
  END IF;
  SELECT y.* INTO p FROM proposal y WHERE y.tenant_id = current_tenant() AND y.id = undo_execution.proposal AND y.status = 'compensating' FOR UPDATE;
  SELECT y.* INTO s FROM saga y WHERE y.tenant_id = p.tenant_id AND y.proposal_id = p.id AND y.ended_at IS NULL AND y.direction = 'back' AND y.edits = 'applied' FOR UPDATE;
  SELECT y.* INTO x FROM execution y WHERE y.tenant_id = s.tenant_id AND y.proposal_id = s.proposal_id AND y.plan_id = s.plan_id;
  IF x.id IS NULL THEN
    RAISE EXCEPTION 'there is nothing applied to undo' USING ERRCODE = 'XQ006';
  END IF;
  IF (own ->> 'payload')::jsonb ->> 'executionId' IS DISTINCT FROM x.id::text OR own ->> 'type' IS DISTINCT FROM 'execution.undone' OR own ->> 'proposalId' IS DISTINCT FROM p.id::text THEN
    RAISE EXCEPTION 'the audit entry tells of something else' USING ERRCODE = 'XQ003';
  END IF;
  PERFORM lock_control();
  edits := inverse_edits(p.tenant_id, x.id);
  PERFORM lock_types(p, x.plan_id, shapes_of(edits));
  SELECT jsonb_agg(to_jsonb(c) || '{"because": "changed"}') INTO taken FROM undo_conflicts(p.tenant_id, x.id) c;
  IF taken IS NOT NULL THEN
    edits := without_conflicts(edits, taken);
  END IF;
  LOOP
    -- One reason for each is enough: of two the first by their words.
    SELECT jsonb_agg(jsonb_strip_nulls(to_jsonb(o))) INTO more
      FROM (SELECT DISTINCT ON (c.type, c.id, c.property) c.* FROM undo_obstacles(p.tenant_id, edits) c ORDER BY c.type, c.id, c.property, c.because, c.by::text) o;
    EXIT WHEN more IS NULL;
    taken := coalesce(taken, '[]') || more;
    edits := without_conflicts(edits, more);
  END LOOP;
  IF taken IS NOT NULL AND NOT (s.skips_conflicts AND were_shown(taken, s.conflicts)) THEN
    UPDATE saga y SET edits = 'stuck', conflicts = taken WHERE y.tenant_id = s.tenant_id AND y.proposal_id = s.proposal_id AND y.run = s.run;
    RETURN jsonb_build_object('undone', false, 'conflicts', jsonb_array_length(taken));
  END IF;
  remaining := coalesce(jsonb_array_length(taken), 0);
  IF coalesce(((own ->> 'payload')::jsonb ->> 'left')::int, remaining) <> remaining THEN
    RETURN jsonb_build_object('undone', false, 'left', remaining);
  END IF;
  shapes := shapes_of(edits);
  at := clock();
  PERFORM apply_object_edits(p, x.id, edits, shapes, at);
  PERFORM apply_link_edits(p, x.id, edits, shapes, at);
  PERFORM keep_index(p, edits, shapes);
  PERFORM check_references(p, edits, shapes);
  UPDATE type_state y SET counter = y.counter + 1 WHERE y.tenant_id = p.tenant_id AND y.type = ANY (ARRAY(SELECT z.type FROM unnest(shapes) z));
  UPDATE saga y SET edits = 'undone', conflicts = taken WHERE y.tenant_id = s.tenant_id AND y.proposal_id = s.proposal_id AND y.run = s.run;
  INSERT INTO outbox (tenant_id, id, audit_entry_id, type, subject, proposal_id, data, created_at)
  VALUES (p.tenant_id, gen_random_uuid(), (own ->> 'id')::uuid, 'object.changes', 'execution/' || x.id, p.id,
          jsonb_build_object('executionId', x.id, 'proposalId', p.id, 'edits', cardinality(edits), 'undo', true), at);
  PERFORM append_entries(entries);
  RETURN jsonb_build_object('undone', true, 'edits', cardinality(edits), 'conflicts', remaining);
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
