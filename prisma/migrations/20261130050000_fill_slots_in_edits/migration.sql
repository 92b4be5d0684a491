-- Edits may write what only the answer to a write-back will say: the approved bytes hold {"$slot": "..."} in its place, and what a value may be. The door puts in what is on record
-- of that write-back, and nothing that is not as those bytes say. See docs/decisions/0036.
SET LOCAL search_path = exequatur, pg_catalog;

CREATE OR REPLACE FUNCTION guard_saga_step() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  towards text := (SELECT s.direction FROM saga s WHERE s.tenant_id = NEW.tenant_id AND s.proposal_id = NEW.proposal_id AND s.run = NEW.run AND s.ended_at IS NULL);
BEGIN
  IF (NEW.tenant_id, NEW.proposal_id, NEW.run, NEW.ordinal, NEW.name, NEW.phase, NEW.optional, NEW.compensated, NEW.asks_person)
     IS DISTINCT FROM (OLD.tenant_id, OLD.proposal_id, OLD.run, OLD.ordinal, OLD.name, OLD.phase, OLD.optional, OLD.compensated, OLD.asks_person) THEN
    RAISE EXCEPTION 'what a step is does not change' USING ERRCODE = 'XQ006';
  END IF;
  IF towards IS NULL OR NEW.attempts < OLD.attempts OR NEW.undo_attempts < OLD.undo_attempts THEN
    RAISE EXCEPTION 'what is on record of a step does not change' USING ERRCODE = 'XQ006';
  END IF;
  -- What an answer said is recorded with the answer, once.
  IF NEW.slots IS DISTINCT FROM OLD.slots AND NOT (OLD.slots IS NULL AND OLD.state = 'sending' AND NEW.state = 'done') THEN
    RAISE EXCEPTION 'what an answer said does not change' USING ERRCODE = 'XQ006';
  END IF;
  IF current_user <> {{door_literal}} AND NEW.state <> OLD.state AND NOT (CASE towards
       WHEN 'forward' THEN (OLD.state, NEW.state) IN (('waiting', 'sending'), ('sending', 'waiting'), ('sending', 'done'), ('sending', 'refused'), ('sending', 'unknown'))
       ELSE (OLD.state, NEW.state) IN (('done', 'undoing'), ('unknown', 'undoing'), ('sending', 'undoing'), ('undoing', 'undone'), ('undoing', 'stuck')) END) THEN
    RAISE EXCEPTION 'a step cannot go from % to %', OLD.state, NEW.state USING ERRCODE = 'XQ006';
  END IF;
  RETURN NEW;
END $$;

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- The slot that a value of an edit stands for.
CREATE FUNCTION slot_in(value jsonb) RETURNS text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE WHEN jsonb_typeof(value) = 'object' AND value ? '$slot' THEN coalesce(value ->> '$slot', '') END
$$;

-- Slots that edits may take, with what their values may be: of write-backs alone, which are all done before the edits.
CREATE FUNCTION slots_for_edits(content text) RETURNS TABLE (slot text, ordinal int, definition jsonb) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT f.slot, (e.n - 1)::int, e.effect -> 'slots' -> f.slot
    FROM jsonb_array_elements(split_part(content, E'\n', 1)::jsonb -> 'effects') WITH ORDINALITY AS e(effect, n)
    CROSS JOIN LATERAL jsonb_array_elements_text(coalesce(e.effect -> 'fills', '[]')) f(slot)
   WHERE e.effect ->> 'phase' = 'writeBack' AND e.effect -> 'slots' ? f.slot
$$;

-- Whether a value is one that the definition of a slot allows. Patterns are those that faultOfSlotInEdits lets through: PostgreSQL and RE2 read them alike.
CREATE FUNCTION fits_slot(definition jsonb, value jsonb) RETURNS boolean LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  kind text := definition ->> 'type';
  said text := value #>> '{}';
BEGIN
  IF definition ? 'oneOf' AND NOT definition -> 'oneOf' @> jsonb_build_array(value) THEN
    RETURN false;
  END IF;
  IF kind = 'boolean' THEN
    RETURN jsonb_typeof(value) = 'boolean';
  ELSIF kind = 'enum' THEN
    RETURN jsonb_typeof(value) = 'string' AND definition -> 'values' @> jsonb_build_array(value);
  ELSIF kind = 'string' THEN
    RETURN jsonb_typeof(value) = 'string' AND length(said) BETWEEN coalesce((definition ->> 'minLength')::int, 0) AND (definition ->> 'maxLength')::int
       AND (NOT definition ? 'pattern' OR said COLLATE "C" ~ ('^(?:' || (definition ->> 'pattern') || ')$'));
  ELSIF kind = 'integer' THEN
    IF jsonb_typeof(value) <> 'number' OR said::numeric <> trunc(said::numeric) OR abs(said::numeric) > 9007199254740991 THEN
      RETURN false;
    END IF;
  ELSIF kind = 'long' THEN
    IF jsonb_typeof(value) <> 'string' OR said !~ '^(0|-?[1-9][0-9]{0,18})$' OR said::numeric NOT BETWEEN -9223372036854775808 AND 9223372036854775807 THEN
      RETURN false;
    END IF;
  ELSE
    RETURN false;
  END IF;
  RETURN said::numeric >= coalesce((definition ->> 'minimum')::numeric, said::numeric) AND said::numeric <= coalesce((definition ->> 'maximum')::numeric, said::numeric);
END $$;

-- Before the first effect already: every slot of an edit is one that a write-back of this plan fills.
CREATE FUNCTION check_slots(p proposal, content text, edits plan_edit[]) RETURNS void LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF strpos(content, '"$slot"') > 0 AND NOT governs(p.action_type) AND EXISTS (
       SELECT FROM unnest(edits) e CROSS JOIN LATERAL jsonb_each(e.set) v
        WHERE slot_in(v.value) IS NOT NULL AND slot_in(v.value) NOT IN (SELECT s.slot FROM slots_for_edits(content) s)) THEN
    RAISE EXCEPTION 'an edit takes what no write-back of this plan says' USING ERRCODE = 'XQ003';
  END IF;
END $$;

-- The edits with what the write-backs were answered.
CREATE FUNCTION fill_slots(p proposal, content text, edits plan_edit[]) RETURNS plan_edit[] LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  answers jsonb;
  wrong text;
BEGIN
  IF strpos(content, '"$slot"') = 0 OR governs(p.action_type) THEN
    RETURN edits;
  END IF;
  SELECT coalesce(jsonb_object_agg(d.slot, t.slots -> d.slot), '{}'), min(d.slot) FILTER (WHERE NOT coalesce(fits_slot(d.definition, t.slots -> d.slot), false))
    INTO answers, wrong
    FROM slots_for_edits(content) d
    LEFT JOIN (saga s JOIN saga_step t ON t.tenant_id = s.tenant_id AND t.proposal_id = s.proposal_id AND t.run = s.run AND t.state = 'done')
           ON s.tenant_id = p.tenant_id AND s.proposal_id = p.id AND s.ended_at IS NULL AND t.ordinal = d.ordinal;
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION 'what is on record of % is not what the plan allows', wrong USING ERRCODE = 'XQ019';
  END IF;
  RETURN ARRAY(
    SELECT ROW(e.op, e.type, e.id,
               e.set || (SELECT coalesce(jsonb_object_agg(v.key, answers -> slot_in(v.value)), '{}') FROM jsonb_each(e.set) v WHERE slot_in(v.value) IS NOT NULL),
               e.unset, e.before, e.touched, e.from_id, e.to_id)::plan_edit
      FROM unnest(edits) WITH ORDINALITY AS e(op, type, id, set, unset, before, touched, from_id, to_id, n) ORDER BY e.n);
END $$;

CREATE OR REPLACE FUNCTION approving_reviews(p proposal, content text, edits plan_edit[], shapes plan_shape[]) RETURNS uuid[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  needed int;
  reviews uuid[];
BEGIN
  PERFORM check_slots(p, content, edits);
  PERFORM refuse_doubles(edits, shapes);
  PERFORM check_surface(p, shapes);
  IF p.revert_of IS NULL AND is_change_set(p.action_type) THEN
    PERFORM check_members(p, split_part(content, E'\n', 2)::jsonb, shapes);
  END IF;
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
  RETURN reviews;
END $$;

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
  at timestamptz;
  goes_outside boolean;
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
  goes_outside := has_effects(content);
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
     OR own ->> 'type' IS DISTINCT FROM (CASE WHEN goes_outside THEN 'execution.applied' ELSE 'proposal.executed' END) OR own ->> 'proposalId' IS DISTINCT FROM p.id::text
     OR (SELECT count(*) FROM jsonb_array_elements(entries) e WHERE e ->> 'type' IN ('proposal.executed', 'execution.applied')) <> 1 THEN
    RAISE EXCEPTION 'the audit entry tells of something else' USING ERRCODE = 'XQ003';
  END IF;

  reviews := approving_reviews(p, content, edits, shapes);
  -- What has begun goes on past a freeze window: by then something outside has happened.
  IF goes_outside THEN
    PERFORM write_backs_done(p, plan);
  ELSE
    PERFORM refuse_held(p);
  END IF;
  -- After the question whether every write-back is done, and of what is on record alone.
  edits := fill_slots(p, content, edits);
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
  IF goes_outside THEN
    UPDATE saga s SET edits = 'applied' WHERE s.tenant_id = p.tenant_id AND s.proposal_id = p.id AND s.ended_at IS NULL;
  ELSE
    UPDATE proposal x SET status = 'executed', updated_at = at, status_timestamps = x.status_timestamps || jsonb_build_object('executed', stamp(at))
     WHERE x.tenant_id = p.tenant_id AND x.id = p.id;
  END IF;
  INSERT INTO outbox (tenant_id, id, audit_entry_id, type, subject, proposal_id, data, created_at)
  SELECT p.tenant_id, gen_random_uuid(), (own ->> 'id')::uuid, e.type, e.subject, p.id, e.data, at
    FROM (VALUES ('proposal.executed', 'proposal/' || p.id, jsonb_build_object('proposalId', p.id, 'actionType', p.action_type, 'from', 'executing', 'status', 'executed',
                                                                              'revision', p.revision, 'planDigest', p.plan_digest, 'executionId', execution)),
                 ('object.changes', 'execution/' || execution, jsonb_build_object('executionId', execution, 'proposalId', p.id, 'edits', cardinality(edits)))) AS e(type, subject, data)
   WHERE CASE e.type WHEN 'object.changes' THEN NOT governs(p.action_type) ELSE NOT goes_outside END;
  PERFORM append_entries(entries);
  RETURN outcome;
END $$;

REVOKE EXECUTE ON FUNCTION slot_in(jsonb), slots_for_edits(text), fits_slot(jsonb, jsonb), check_slots(proposal, text, plan_edit[]), fill_slots(proposal, text, plan_edit[]) FROM PUBLIC;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
