-- What an execution found is not put back where a pattern, or anything else that the database does not read as definitions mean it, admits it no more: whoever asks for the undo says where.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Those among what would be put back, in the order of their names; of what would be created the whole. Null where there are none.
CREATE FUNCTION named_misfits(edits plan_edit[], misfits jsonb) RETURNS jsonb LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT jsonb_agg(jsonb_build_object('type', n.type, 'id', n.id, 'property', n.property, 'because', 'defined_otherwise') ORDER BY n.type, n.id, n.property)
    FROM (SELECT DISTINCT e.type COLLATE "C" AS type, e.id COLLATE "C" AS id, CASE e.op WHEN 'create' THEN '$' ELSE m.property COLLATE "C" END AS property
            FROM jsonb_to_recordset(misfits) m(type text, id text, property text) JOIN unnest(edits) e ON e.type = m.type AND e.id = m.id
           WHERE e.op IN ('create', 'modify') AND e.set ? m.property) n
$$;
REVOKE EXECUTE ON FUNCTION named_misfits(plan_edit[], jsonb) FROM PUBLIC;

-- As before; and what the caller names of it as not admitted, whose expressions of RE2 only it reads, is not put back either. It can name more than there is, which asks a person, and never
-- have more put back than before. A worker from before names none.
DROP FUNCTION undo_execution(uuid, jsonb);
CREATE FUNCTION undo_execution(proposal uuid, entries jsonb, misfits jsonb DEFAULT '[]') RETURNS jsonb
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
  more := named_misfits(edits, misfits);
  IF more IS NOT NULL THEN
    taken := coalesce(taken, '[]') || more;
    edits := without_conflicts(edits, more);
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

REVOKE EXECUTE ON FUNCTION undo_execution(uuid, jsonb, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION undo_execution(uuid, jsonb, jsonb) TO {{worker}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
