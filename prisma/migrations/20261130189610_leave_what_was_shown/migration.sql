-- An operator who leaves what stands in the way of edits leaves what they were shown. What comes to stand in the way after that is asked about as well.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- By what would be left, not by whom or why.
CREATE FUNCTION were_shown(conflicts jsonb, shown jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT NOT EXISTS (SELECT c ->> 'type', c ->> 'id', c ->> 'property' FROM jsonb_array_elements(conflicts) c
                     EXCEPT SELECT c ->> 'type', c ->> 'id', c ->> 'property' FROM jsonb_array_elements(shown) c)
$$;
REVOKE EXECUTE ON FUNCTION were_shown(jsonb, jsonb) FROM PUBLIC;

-- As before; but for conflicts that no operator was shown, and for an audit entry that says of how many it left: where that is another number nothing is done. A worker from before says none.
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
    SELECT jsonb_agg(to_jsonb(o)) INTO more
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
