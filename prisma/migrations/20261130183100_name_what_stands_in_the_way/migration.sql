-- Edits that cannot be put back are named object by object, whatever the reason: also where a unique value is taken, or something refers to what would go, which left all of them before.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- What of these edits the database would not take, though nobody changed what they touch: property by property, `$` being the object or the link itself, with why, and by whom. What of the edits depends on
-- one of these is found by asking again of the rest. Under the locks of the types; as check_unique and check_references ask, of what will be when all edits are applied.
CREATE FUNCTION undo_obstacles(tenant uuid, edits plan_edit[]) RETURNS TABLE (type text, id text, property text, because text, by jsonb)
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
$$;
REVOKE EXECUTE ON FUNCTION undo_obstacles(uuid, plan_edit[]) FROM PUBLIC;

-- As before; and what else stands in the way is a conflict as well, and what depends on it.
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
    SELECT jsonb_agg(to_jsonb(o)) INTO more
      FROM (SELECT DISTINCT ON (c.type, c.id, c.property) c.* FROM undo_obstacles(p.tenant_id, edits) c ORDER BY c.type, c.id, c.property, c.because, c.by::text) o;
    EXIT WHEN more IS NULL;
    taken := coalesce(taken, '[]') || more;
    edits := without_conflicts(edits, more);
  END LOOP;
  IF taken IS NOT NULL AND NOT s.skips_conflicts THEN
    UPDATE saga y SET edits = 'stuck', conflicts = taken WHERE y.tenant_id = s.tenant_id AND y.proposal_id = s.proposal_id AND y.run = s.run;
    RETURN jsonb_build_object('undone', false, 'conflicts', jsonb_array_length(taken));
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
  RETURN jsonb_build_object('undone', true, 'edits', cardinality(edits), 'conflicts', coalesce(jsonb_array_length(taken), 0));
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
