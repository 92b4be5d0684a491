-- How the door applies edits: a handful of set-based statements, whatever their number. Each counts what it changed; a row that is not as the plan says is not
-- changed, so the count is short and the whole is refused.
GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Runs under the exclusive lock of each written type. Before-images in the history are the plan's, which the same statement has found equal to the row's.
CREATE FUNCTION apply_object_edits(p proposal, execution uuid, edits plan_edit[], shapes plan_shape[], at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  done bigint;
  wanted record;
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
    INSERT INTO object_history (tenant_id, type, object_id, version, op, before, set, unset, execution_id, proposal_id, at)
    SELECT p.tenant_id, c.type, c.id, c.version, 'modify', c.before, c.set, c.unset, execution, p.id, at FROM changed c;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done <> wanted.modify THEN
      RAISE EXCEPTION '% of % objects are not as the plan says', wanted.modify - done, wanted.modify USING ERRCODE = 'XQ007';
    END IF;
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
    INSERT INTO object_history (tenant_id, type, object_id, version, op, before, set, unset, execution_id, proposal_id, at)
    SELECT p.tenant_id, c.type, c.id, c.version, 'create', '{}', c.properties, '{}', execution, p.id, at FROM changed c;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done <> wanted."create" THEN
      RAISE EXCEPTION '% of % objects to create exist already', wanted."create" - done, wanted."create" USING ERRCODE = 'XQ007';
    END IF;
  END IF;
  IF wanted."delete" > 0 THEN
    WITH changed AS (
      UPDATE object o
         SET version = o.version + 1, alive = false, properties = '{}', property_versions = jsonb_build_object('$', o.version + 1)
        FROM unnest(edits) e
       WHERE e.op = 'delete' AND o.tenant_id = p.tenant_id AND o.type = e.type COLLATE "C" AND o.id = e.id COLLATE "C" AND o.alive AND o.properties = e.before
      RETURNING o.type, o.id, o.version, e.before
    )
    INSERT INTO object_history (tenant_id, type, object_id, version, op, before, set, unset, execution_id, proposal_id, at)
    SELECT p.tenant_id, c.type, c.id, c.version, 'delete', c.before, '{}', '{}', execution, p.id, at FROM changed c;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done <> wanted."delete" THEN
      RAISE EXCEPTION '% of % objects to delete are not as the plan says', wanted."delete" - done, wanted."delete" USING ERRCODE = 'XQ007';
    END IF;
  END IF;
END $$;

-- Rows of many-to-many links. A dead row comes alive again with the next version.
CREATE FUNCTION apply_link_edits(p proposal, execution uuid, edits plan_edit[], shapes plan_shape[], at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  done bigint;
  wanted bigint := (SELECT coalesce(sum(s.edits), 0) FROM unnest(shapes) s WHERE s.op IN ('link', 'unlink'));
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
    INSERT INTO link_history (tenant_id, link, from_id, to_id, version, op, execution_id, proposal_id, at)
    SELECT p.tenant_id, c.link, c.from_id, c.to_id, c.version, c.op, execution, p.id, at FROM (SELECT * FROM linked UNION ALL SELECT * FROM unlinked) c RETURNING 1
  )
  SELECT count(*) INTO done FROM kept;
  IF done <> wanted THEN
    RAISE EXCEPTION '% of % links are not as the plan says', wanted - done, wanted USING ERRCODE = 'XQ007';
  END IF;
END $$;

-- Index rows of the touched indexed properties: what they were out, what they are in. References always have rows. Keys are computed apart from the statement that
-- uses them: a condition that calls a function can't be looked up in the index under row-level security.
CREATE FUNCTION keep_index(p proposal, edits plan_edit[], shapes plan_shape[]) RETURNS void LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, exequatur, pg_temp AS $$
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
     WHERE e.type = indexed.type AND e.set ? indexed.property;
    IF indexed.is_unique THEN
      PERFORM check_unique(p, indexed.type, indexed.property, indexed.definition, edits);
    END IF;
  END LOOP;
END $$;

-- No two live objects of the type hold one value. Executions that write the type run one after another, so what is seen here is all there is.
CREATE FUNCTION check_unique(p proposal, object_type text, property text, definition jsonb, edits plan_edit[]) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF EXISTS (
    WITH taken AS MATERIALIZED (
      SELECT e.id COLLATE "C" AS id, k.key COLLATE "C" AS key FROM unnest(edits) e CROSS JOIN LATERAL index_keys(definition, e.set -> property) k(key)
       WHERE e.type = object_type AND e.set ? property
    )
    SELECT FROM taken t JOIN object_index i ON i.tenant_id = p.tenant_id AND i.type = object_type COLLATE "C" AND i.property = check_unique.property COLLATE "C" AND i.key = t.key AND i.object_id <> t.id
  ) THEN
    RAISE EXCEPTION 'another % has this %', object_type, property USING ERRCODE = 'XQ010';
  END IF;
END $$;

-- After the edits: what they set as references exists, what they deleted is referred to by nothing, and links join live objects.
-- Whoever would delete a target or add a referrer meanwhile needs the same type's lock, held here since the target's type is locked shared by the caller.
CREATE FUNCTION check_references(p proposal, edits plan_edit[], shapes plan_shape[]) RETURNS void LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  reference record;
BEGIN
  FOR reference IN
    SELECT t.name AS type, r.key AS property, r.value AS target, t.definition -> 'properties' -> r.key ->> 'type' = 'array' AS is_list
      FROM object_type t CROSS JOIN LATERAL jsonb_each_text(t."references") r
     WHERE t.tenant_id = p.tenant_id AND EXISTS (SELECT FROM unnest(shapes) s WHERE s.type = t.name AND r.key = ANY (s.touched))
  LOOP
    IF EXISTS (
      SELECT FROM unnest(edits) e
        CROSS JOIN LATERAL jsonb_array_elements_text(CASE WHEN reference.is_list THEN e.set -> reference.property ELSE jsonb_build_array(e.set -> reference.property) END) v(id)
       WHERE e.type = reference.type AND e.set ? reference.property AND v.id IS NOT NULL
         AND NOT EXISTS (SELECT FROM object o WHERE o.tenant_id = p.tenant_id AND o.type = reference.target COLLATE "C" AND o.id = v.id COLLATE "C" AND o.alive)) THEN
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

-- Applies the approved plan of a proposal in `executing`, once. Order of locks: proposal, tenant control, types by name, (objects, under their types' locks), audit head last.
-- A repeat with the same execution returns the stored outcome and changes nothing; another execution of the same proposal is refused.
-- entries: audit entries for append_audit; the last is the execution's own and must name this execution and this digest.
CREATE FUNCTION apply_plan(plan uuid, execution uuid, entries jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, exequatur, pg_temp SET "TimeZone" = 'UTC' SET "DateStyle" = 'ISO, YMD' SET transform_null_equals = off
-- A plan made for these very edits would carry a copy of them; and a hundred thousand of them are to stay in memory.
SET plan_cache_mode = force_generic_plan SET work_mem = '64MB' SET jit = off AS $$
DECLARE
  p proposal;
  earlier record;
  content text;
  edits plan_edit[];
  shapes plan_shape[];
  stale jsonb;
  reviews uuid[];
  needed int;
  at timestamptz;
  outcome jsonb;
  own jsonb := entries -> -1;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the door opens in READ COMMITTED alone' USING ERRCODE = 'XQ014';
  END IF;
  SELECT x.* INTO p FROM proposal x WHERE x.tenant_id = current_tenant()
     AND x.id = (SELECT y.proposal_id FROM exequatur.plan y WHERE y.tenant_id = current_tenant() AND y.id = apply_plan.plan) FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no such plan' USING ERRCODE = 'XQ003';
  END IF;
  SELECT x.id, x.plan_id, x.outcome INTO earlier FROM exequatur.execution x WHERE x.tenant_id = p.tenant_id AND x.proposal_id = p.id;
  IF FOUND THEN
    IF earlier.id = execution AND earlier.plan_id = plan THEN
      RETURN earlier.outcome || '{"repeated": true}';
    END IF;
    RAISE EXCEPTION 'this proposal has been executed already' USING ERRCODE = 'XQ009';
  END IF;
  IF p.status <> 'executing' THEN
    RAISE EXCEPTION 'a proposal in % is not executed', p.status USING ERRCODE = 'XQ006';
  END IF;
  PERFORM lock_control();
  content := approved_text(p, plan);
  edits := edits_of(content);
  shapes := shapes_of(edits);
  IF cardinality(edits) <> (SELECT x.edits FROM exequatur.plan x WHERE x.tenant_id = p.tenant_id AND x.id = plan) THEN
    RAISE EXCEPTION 'the plan says another number of edits' USING ERRCODE = 'XQ003';
  END IF;
  -- Reviewers were shown the summary.
  IF EXISTS (SELECT FROM unnest(ARRAY['create', 'modify', 'delete', 'link', 'unlink']) o(op)
              WHERE (SELECT x.summary -> 'edits' ->> o.op FROM exequatur.plan x WHERE x.tenant_id = p.tenant_id AND x.id = plan)::bigint
                    IS DISTINCT FROM (SELECT coalesce(sum(s.edits), 0) FROM unnest(shapes) s WHERE s.op = o.op)) THEN
    RAISE EXCEPTION 'the summary counts other edits than the plan has' USING ERRCODE = 'XQ003';
  END IF;
  IF (own ->> 'payload')::jsonb ->> 'executionId' IS DISTINCT FROM execution::text OR (own ->> 'payload')::jsonb ->> 'planDigest' IS DISTINCT FROM p.plan_digest
     OR own ->> 'type' IS DISTINCT FROM 'proposal.executed' OR own ->> 'proposalId' IS DISTINCT FROM p.id::text
     OR (SELECT count(*) FROM jsonb_array_elements(entries) e WHERE e ->> 'type' = 'proposal.executed') <> 1 THEN
    RAISE EXCEPTION 'the audit entry tells of something else' USING ERRCODE = 'XQ003';
  END IF;

  PERFORM refuse_doubles(edits, shapes);
  PERFORM check_surface(p, shapes);
  IF p.revert_of IS NOT NULL THEN
    PERFORM restore_only(p, edits);
  END IF;
  needed := approvals_needed(p, split_part(content, E'\n', 2)::jsonb, shapes);
  reviews := ARRAY(SELECT counting_reviews(p));
  IF needed IS NULL OR cardinality(reviews) < needed THEN
    RAISE EXCEPTION '% of % needed people have approved this digest', cardinality(reviews), coalesce(needed::text, 'unknown') USING ERRCODE = 'XQ002';
  END IF;

  PERFORM lock_types(p, plan, shapes);
  SELECT jsonb_agg(to_jsonb(s)) INTO stale FROM stale_reads(plan, 10) s;
  IF stale IS NOT NULL THEN
    RAISE EXCEPTION 'what the plan had read has changed' USING ERRCODE = 'XQ001', DETAIL = stale::text;
  END IF;

  at := clock();
  PERFORM apply_object_edits(p, execution, edits, shapes, at);
  PERFORM apply_link_edits(p, execution, edits, shapes, at);
  PERFORM keep_index(p, edits, shapes);
  PERFORM check_references(p, edits, shapes);
  UPDATE type_state s SET counter = s.counter + 1 WHERE s.tenant_id = p.tenant_id AND s.type = ANY (ARRAY(SELECT x.type FROM unnest(shapes) x));

  outcome := jsonb_build_object('executionId', execution, 'edits', cardinality(edits), 'executedAt', stamp(at), 'repeated', false);
  INSERT INTO exequatur.execution (tenant_id, id, proposal_id, plan_id, digest, edits, started_at, executed_at, outcome)
  VALUES (p.tenant_id, execution, p.id, plan, p.plan_digest, cardinality(edits), (p.status_timestamps ->> 'executing')::timestamptz, at, outcome);
  INSERT INTO review_consumption (tenant_id, review_id, execution_id) SELECT p.tenant_id, r, execution FROM unnest(reviews) r;
  UPDATE proposal x SET status = 'executed', updated_at = at, status_timestamps = x.status_timestamps || jsonb_build_object('executed', stamp(at))
   WHERE x.tenant_id = p.tenant_id AND x.id = p.id;
  INSERT INTO outbox (tenant_id, id, audit_entry_id, type, subject, proposal_id, data, created_at)
  SELECT p.tenant_id, gen_random_uuid(), (own ->> 'id')::uuid, e.type, e.subject, p.id, e.data, at
    FROM (VALUES ('proposal.executed', 'proposal/' || p.id, jsonb_build_object('proposalId', p.id, 'actionType', p.action_type, 'from', 'executing', 'status', 'executed',
                                                                              'revision', p.revision, 'planDigest', p.plan_digest, 'executionId', execution)),
                 ('object.changes', 'execution/' || execution, jsonb_build_object('executionId', execution, 'proposalId', p.id, 'edits', cardinality(edits)))) AS e(type, subject, data);
  PERFORM append_entries(entries);
  RETURN outcome;
END $$;

-- Rebuilds the index rows of one type, after its indexed properties changed. Holds the type's lock, so no execution writes it meanwhile.
CREATE FUNCTION reindex(object_type text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  made bigint;
BEGIN
  PERFORM FROM type_state s WHERE s.tenant_id = current_tenant() AND s.type = object_type COLLATE "C" FOR UPDATE;
  DELETE FROM object_index i WHERE i.tenant_id = current_tenant() AND i.type = object_type COLLATE "C";
  INSERT INTO object_index (tenant_id, type, property, key, object_id)
  SELECT o.tenant_id, o.type, x.property, k.key, o.id
    FROM object_type t CROSS JOIN LATERAL unnest(t.indexed) x(property)
    JOIN object o ON o.tenant_id = t.tenant_id AND o.type = t.name COLLATE "C" AND o.alive AND o.properties ? x.property
    CROSS JOIN LATERAL index_keys(t.definition -> 'properties' -> x.property, o.properties -> x.property) k(key)
   WHERE t.tenant_id = current_tenant() AND t.name = object_type;
  GET DIAGNOSTICS made = ROW_COUNT;
  RETURN made;
END $$;

DO $$
DECLARE f regprocedure;
BEGIN
  FOR f IN SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'exequatur'::regnamespace AND p.proowner = {{door_literal}}::regrole LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
  END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION lock_control(), begin_execution(uuid, uuid), leave_executing(uuid, text, jsonb), apply_plan(uuid, uuid, jsonb) TO {{worker}};
GRANT EXECUTE ON FUNCTION reindex(text) TO {{api}};
GRANT EXECUTE ON FUNCTION current_tenant(), stamp(timestamptz) TO {{api}}, {{worker}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
