-- A freeze window may be about some objects of a type alone: it then holds plans that touch one of them.
SET LOCAL search_path = exequatur, pg_catalog;

ALTER TABLE freeze_window
  ADD COLUMN object_type text,
  -- The filter as it was given, and what it was compiled to.
  ADD COLUMN object_filter text,
  ADD COLUMN object_condition jsonb,
  ADD CHECK ((object_type IS NULL) = (object_filter IS NULL) AND (object_type IS NULL) = (object_condition IS NULL));

-- Whether a plan touches an object that the condition selects now: by an edit of its own or of a link at one of its ends. What the plan would create is not there to be asked,
-- so it counts as selected.
CREATE FUNCTION touches_selected(plan uuid, object_type text, condition jsonb) RETURNS boolean LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  tenant uuid := (SELECT nullif(current_setting('app.tenant', true), '')::uuid);
  ids text[];
  creates boolean;
  found boolean;
BEGIN
  WITH edits AS MATERIALIZED (
    SELECT l.line::jsonb AS e
      FROM (SELECT string_agg(convert_from(c.bytes, 'UTF8'), '' ORDER BY c.ordinal) AS content FROM exequatur.plan_chunk c
             WHERE c.tenant_id = tenant AND c.plan_id = touches_selected.plan) text
     CROSS JOIN LATERAL string_to_table(text.content, E'\n') WITH ORDINALITY AS l(line, n) WHERE l.n > 2
  )
  SELECT array_agg(x.id), coalesce(bool_or(x.created), false) INTO ids, creates
    FROM (SELECT e ->> 'id' AS id, e ->> 'op' = 'create' AS created FROM edits WHERE e ->> 'type' = touches_selected.object_type
          UNION ALL
          SELECT ends.id, false FROM edits JOIN exequatur.link_type t ON t.tenant_id = tenant AND t.name = e ->> 'link'
           CROSS JOIN LATERAL (VALUES (t.from_type, e ->> 'from'), (t.to_type, e ->> 'to')) ends(type, id) WHERE ends.type = touches_selected.object_type) x;
  IF ids IS NULL OR creates THEN
    RETURN creates;
  END IF;
  EXECUTE format('SELECT EXISTS (SELECT %s AND o.id = ANY ($1))', selected_sql(touches_selected.object_type, condition, NULL)) INTO found USING ids;
  RETURN found;
END $$;

DROP FUNCTION held_by(text, timestamptz);
-- What holds an approved proposal at this instant, that which holds it longest first: `executeAfter`, or `window/<name>`. Windows hold nothing that governs. Plans are looked
-- through only for windows that are open.
CREATE FUNCTION held_by(p proposal) RETURNS TABLE (what text, until timestamptz) LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
#variable_conflict use_column
DECLARE
  now timestamptz := clock();
  w record;
  longest timestamptz := CASE WHEN p.execute_after > now THEN p.execute_after END;
  holder text := CASE WHEN p.execute_after > now THEN 'executeAfter' END;
BEGIN
  IF NOT governs(p.action_type) THEN
    FOR w IN
      SELECT f.name, f.object_type, f.object_condition, open_until(f, now) AS ends FROM exequatur.freeze_window f
       WHERE f.tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid) AND (f.action_type IS NULL OR f.action_type = p.action_type) ORDER BY f.name
    LOOP
      IF w.ends > coalesce(longest, '-infinity') AND (w.object_type IS NULL OR touches_selected(p.plan_id, w.object_type, w.object_condition)) THEN
        longest := w.ends;
        holder := 'window/' || w.name;
      END IF;
    END LOOP;
  END IF;
  RETURN QUERY SELECT holder, longest WHERE longest IS NOT NULL;
END $$;

CREATE OR REPLACE FUNCTION holds(p proposal) RETURNS TABLE (what text, until timestamptz) LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF coalesce((exequatur.glass_in_force(p) ->> 'passesFreezeWindows')::boolean, false) THEN
    RETURN QUERY SELECT 'executeAfter', p.execute_after WHERE p.execute_after > exequatur.clock();
  ELSE
    RETURN QUERY SELECT h.what, h.until FROM exequatur.held_by(p) h;
  END IF;
END $$;
REVOKE EXECUTE ON FUNCTION touches_selected(uuid, text, jsonb), held_by(proposal) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION touches_selected(uuid, text, jsonb), held_by(proposal) TO {{api}}, {{worker}}, {{door}};

-- Asked before the edits, since a filter asks about objects as they are then; a trigger on the execution's row saw what the plan itself had made of them.
DROP TRIGGER refuse_held ON execution;
DROP FUNCTION refuse_held();

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- The tenant's control row is locked by then, so what this sees is what holds until the commit.
CREATE FUNCTION refuse_held(p proposal) RETURNS void LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM holds(p)) THEN
    RAISE EXCEPTION 'it is not time for this' USING ERRCODE = 'XQ018';
  END IF;
END $$;
REVOKE EXECUTE ON FUNCTION refuse_held(proposal) FROM PUBLIC;

CREATE OR REPLACE FUNCTION apply_plan(plan uuid, execution uuid, entries jsonb) RETURNS jsonb
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
  IF p.revert_of IS NOT NULL AND NOT governs(p.action_type) THEN
    PERFORM restore_only(p, edits);
  END IF;
  needed := approvals_needed(p, split_part(content, E'\n', 2)::jsonb, shapes);
  IF governs(p.action_type) THEN
    needed := greatest(needed, second_people(p, edits));
  END IF;
  reviews := ARRAY(SELECT counting_reviews(p));
  IF needed IS NULL OR cardinality(reviews) < needed THEN
    RAISE EXCEPTION '% of % needed people have approved this digest', cardinality(reviews), coalesce(needed::text, 'unknown') USING ERRCODE = 'XQ002';
  END IF;

  PERFORM refuse_held(p);
  at := clock();
  IF governs(p.action_type) THEN
    PERFORM put_setting(edits[1], p.proposer_id, p);
  ELSE
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
  END IF;

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
                 ('object.changes', 'execution/' || execution, jsonb_build_object('executionId', execution, 'proposalId', p.id, 'edits', cardinality(edits)))) AS e(type, subject, data)
   WHERE e.type <> 'object.changes' OR NOT governs(p.action_type);
  PERFORM append_entries(entries);
  RETURN outcome;
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
