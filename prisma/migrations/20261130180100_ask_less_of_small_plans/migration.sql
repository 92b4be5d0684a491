-- What the door asks of a plan of a few edits takes longer than applying it: some two hundred statements inside functions, each of which PostgreSQL prepares anew. What the usual
-- case does not need is not asked, and what is asked twice is asked once. Nothing is allowed or refused that was not before.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

CREATE OR REPLACE FUNCTION stands_behind(principal text, represented text) RETURNS SETOF text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
#variable_conflict use_column
DECLARE
  tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
BEGIN
  -- No link leads from these two, and none to them but of agents for whom nobody acts, and who review nothing: they are all there is on their side.
  IF NOT EXISTS (SELECT FROM exequatur.principal w WHERE w.tenant_id = tenant AND w.id IN (stands_behind.principal, represented) AND (w.acts_for IS NOT NULL OR w.person IS NOT NULL))
     AND NOT EXISTS (SELECT FROM exequatur.principal o
                      WHERE o.tenant_id = tenant AND o.acts_for IN (stands_behind.principal, represented)
                        AND (o.kind = 'user' OR o.person IS NOT NULL OR EXISTS (SELECT FROM exequatur.principal x WHERE x.tenant_id = tenant AND x.acts_for = o.id))) THEN
    IF stands_behind.principal IS NOT NULL THEN
      RETURN NEXT stands_behind.principal;
    END IF;
    IF represented IS NOT NULL AND represented IS DISTINCT FROM stands_behind.principal THEN
      RETURN NEXT represented;
    END IF;
    RETURN;
  END IF;
  RETURN QUERY
  WITH RECURSIVE side(id) AS (
    SELECT x.id FROM unnest(ARRAY[stands_behind.principal, represented]) x(id) WHERE x.id IS NOT NULL
    UNION
    SELECT n.id FROM side s
      JOIN exequatur.principal w ON w.tenant_id = tenant AND w.id = s.id
      CROSS JOIN LATERAL (SELECT w.acts_for AS id WHERE w.acts_for IS NOT NULL
                          UNION ALL
                          SELECT o.id FROM exequatur.principal o WHERE o.tenant_id = w.tenant_id AND o.person = w.person) n
  ), named AS (
    SELECT s.id FROM side s
    UNION
    SELECT n.id FROM named m
      JOIN exequatur.principal w ON w.tenant_id = tenant AND w.id = m.id
      CROSS JOIN LATERAL (SELECT o.id FROM exequatur.principal o WHERE o.tenant_id = w.tenant_id AND o.acts_for = w.id
                          UNION ALL
                          SELECT o.id FROM exequatur.principal o WHERE o.tenant_id = w.tenant_id AND o.person = w.person) n
  )
  SELECT n.id FROM named n
  UNION
  SELECT w.person FROM named n JOIN exequatur.principal w ON w.tenant_id = tenant AND w.id = n.id WHERE w.person IS NOT NULL;
END $$;

CREATE OR REPLACE FUNCTION counted_since(plan uuid) RETURNS timestamptz LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
#variable_conflict use_column
DECLARE
  tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
BEGIN
  IF NOT EXISTS (SELECT FROM exequatur.plan x WHERE x.tenant_id = tenant AND x.id <> counted_since.plan
                    AND x.proposal_id = (SELECT l.proposal_id FROM exequatur.plan l WHERE l.tenant_id = tenant AND l.id = counted_since.plan)) THEN
    RETURN '-infinity';
  END IF;
  RETURN (
    SELECT coalesce(date_trunc('milliseconds', max(o.created_at)), '-infinity')
      FROM exequatur.plan x
      JOIN exequatur.read_set o ON o.tenant_id = x.tenant_id AND o.plan_id = x.id
     WHERE x.tenant_id = tenant AND x.id <> counted_since.plan
       AND x.proposal_id = (SELECT l.proposal_id FROM exequatur.plan l WHERE l.tenant_id = tenant AND l.id = counted_since.plan)
       AND o.created_at < (SELECT max(s.created_at) FROM exequatur.read_set s WHERE s.tenant_id = tenant AND s.plan_id = counted_since.plan));
END $$;

CREATE OR REPLACE FUNCTION held_by(p proposal) RETURNS TABLE (what text, until timestamptz) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
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
       WHERE f.tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid) AND (f.action_type IS NULL OR f.action_type = ANY (exequatur.members_of(p.action_type))) ORDER BY f.name
    LOOP
      IF w.ends > coalesce(longest, '-infinity') AND (w.object_type IS NULL OR touches_selected(p.plan_id, w.object_type, w.object_condition)) THEN
        longest := w.ends;
        holder := 'window/' || w.name;
      END IF;
    END LOOP;
  END IF;
  IF longest IS NOT NULL THEN
    what := holder;
    until := longest;
    RETURN NEXT;
  END IF;
END $$;

-- Of parts that are no containers the text is at hand: only whole numbers are looked at once more.
CREATE OR REPLACE FUNCTION canonical_facts(value jsonb) RETURNS text LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  CASE jsonb_typeof(value)
    WHEN 'object' THEN
      RETURN '{' || coalesce((SELECT string_agg(to_json(e.key)::text || ':' || CASE WHEN jsonb_typeof(e.value) IN ('object', 'array', 'number') THEN canonical_facts(e.value) ELSE e.value::text END,
                                                ',' ORDER BY e.key COLLATE "C") FROM jsonb_each(value) e), '') || '}';
    WHEN 'array' THEN
      RETURN '[' || coalesce((SELECT string_agg(CASE WHEN jsonb_typeof(e.one) IN ('object', 'array', 'number') THEN canonical_facts(e.one) ELSE e.one::text END,
                                                ',' ORDER BY e.n) FROM jsonb_array_elements(value) WITH ORDINALITY AS e(one, n)), '') || ']';
    WHEN 'number' THEN
      IF value::text !~ '^-?[0-9]{1,15}$' THEN
        RAISE EXCEPTION 'an audit entry holds whole numbers, not %', value USING ERRCODE = 'XQ015';
      END IF;
      RETURN value::text;
    ELSE
      RETURN value::text;
  END CASE;
END $$;

CREATE OR REPLACE FUNCTION denying_reviews(p proposal) RETURNS SETOF uuid LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
#variable_conflict use_column
BEGIN
  IF NOT EXISTS (SELECT FROM review r WHERE r.tenant_id = p.tenant_id AND r.proposal_id = p.id AND r.decision = 'reject') THEN
    RETURN;
  END IF;
  RETURN QUERY
  WITH given AS (
    SELECT r.id, r.decision, r.created_at, r.reviewer_id, r.on_behalf_of, r.delegation_id,
           CASE WHEN r.on_behalf_of IS NULL THEN ARRAY[coalesce(w.person, w.id)] ELSE ARRAY[coalesce(w.person, w.id), coalesce(o.person, r.on_behalf_of)] END AS parties,
           w.kind = 'user' AND NOT w.disabled AND (r.on_behalf_of IS NULL OR coalesce(o.kind = 'user' AND NOT o.disabled, false)) AS is_fit
      FROM review r JOIN principal w ON w.tenant_id = r.tenant_id AND w.id = r.reviewer_id
      LEFT JOIN principal o ON o.tenant_id = r.tenant_id AND o.id = r.on_behalf_of
     WHERE r.tenant_id = p.tenant_id AND r.proposal_id = p.id AND r.revision = p.revision AND r.digest = p.plan_digest AND r.created_at >= counted_since(p.plan_id)
  )
  SELECT g.id FROM given g
   WHERE g.decision = 'reject' AND g.is_fit
     AND NOT EXISTS (SELECT FROM given n WHERE n.id <> g.id AND n.parties && g.parties
                        AND (n.created_at > g.created_at OR (n.created_at = g.created_at AND n.decision <> 'approve' AND n.id > g.id)))
     AND NOT g.parties && ARRAY(SELECT stands_behind(p.proposer_id, p.acts_for))
     AND (g.delegation_id IS NULL OR delegation_holds(g.delegation_id, g.on_behalf_of, g.reviewer_id, p.action_type));
END $$;

CREATE OR REPLACE FUNCTION tell_approvals(p proposal, content text, approving uuid[]) RETURNS jsonb LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  asked jsonb := split_part(content, E'\n', 1)::jsonb -> 'requirement';
  conditions text := coalesce((SELECT string_agg(c.one #>> '{}', E'\n') FROM (
    SELECT jsonb_path_query(asked, '$.stages[*].thresholds[*].reviewers') UNION ALL SELECT jsonb_path_query(asked, '$.stages[*].afterEscalation')) c(one)), '');
  by_team boolean := asked @? '$.stages[*].teams';
  behind text[] := ARRAY(SELECT stands_behind(p.proposer_id, p.acts_for));
  rule jsonb := CASE WHEN asked ? 'breakGlass' THEN glass_in_force(p) END;
  people text[];
  reviewed jsonb;
  outcome jsonb;
BEGIN
  SELECT coalesce(jsonb_agg(to_jsonb(g) || jsonb_build_object('approves', g.review = ANY (approving))), '[]') INTO reviewed
    FROM given_reviews(p, approving || ARRAY(SELECT denying_reviews(p)), conditions, by_team) g;
  people := ARRAY(SELECT w.who FROM (
      SELECT x.who, min(g.n) AS first FROM jsonb_array_elements(reviewed) WITH ORDINALITY AS g(one, n), unnest(ARRAY[g.one ->> 'person', g.one ->> 'delegate']) x(who)
       WHERE x.who <> ALL (behind) GROUP BY x.who) w ORDER BY w.first, w.who);
  IF rule IS NOT NULL AND rule ->> 'person' <> ALL (people || behind) THEN
    people := people || (rule ->> 'person');
  END IF;
  SELECT jsonb_build_object('approvals', coalesce(jsonb_agg(t.told ORDER BY t.n) FILTER (WHERE t.approves), '[]'))
      || CASE WHEN bool_or(NOT t.approves) THEN jsonb_build_object('denials', jsonb_agg(t.told ORDER BY t.n) FILTER (WHERE NOT t.approves)) ELSE '{}' END INTO outcome
    FROM (SELECT g.n, (g.one ->> 'approves')::boolean AS approves,
                 jsonb_build_object('review', g.one -> 'review', 'person', coalesce(array_position(people, g.one ->> 'person'), 0), 'roles', g.one -> 'roles')
                 || CASE WHEN g.one ->> 'delegate' IS NULL THEN '{}' ELSE jsonb_build_object('delegate', coalesce(array_position(people, g.one ->> 'delegate'), 0)) END
                 || CASE WHEN by_team THEN jsonb_build_object('teams', g.one -> 'speaks_for') ELSE '{}' END AS told
            FROM jsonb_array_elements(reviewed) WITH ORDINALITY AS g(one, n)) t;
  IF asked ? 'escalate' AND EXISTS (SELECT FROM prompt t WHERE t.tenant_id = p.tenant_id AND t.plan_id = p.plan_id AND t.kind = 'escalation' AND t.sent_at >= counted_since(p.plan_id)) THEN
    outcome := outcome || '{"escalated": true}';
  END IF;
  IF rule IS NOT NULL THEN
    outcome := outcome || jsonb_build_object('emergency', jsonb_build_object('person', coalesce(array_position(people, rule ->> 'person'), 0), 'roles', to_jsonb(ARRAY(
      SELECT DISTINCT s.role COLLATE "C" FROM principal w JOIN standing_role s ON s.tenant_id = w.tenant_id AND s.principal_id = w.id
       WHERE w.tenant_id = p.tenant_id AND coalesce(w.person, w.id) = rule ->> 'person' AND s.removed_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > clock())
         AND asked -> 'breakGlass' -> 'roles' ? s.role ORDER BY 1))));
  END IF;
  -- An entry has 65,447 bytes: some hundred approvals beside the largest requirement. The text that a value has by itself is never shorter than the canonical one.
  IF octet_length(outcome::text) > 30000 AND octet_length(canonical_facts(outcome)) > 30000 THEN
    outcome := '{"approvals": null}';
  END IF;
  RETURN outcome || CASE WHEN octet_length(asked::text) <= 32768 OR octet_length(canonical_facts(asked)) <= 32768 THEN jsonb_build_object('requirement', asked)
    ELSE jsonb_build_object('requirementDigest', 'sha256:' || encode(sha256(convert_to(canonical_facts(asked), 'UTF8')), 'hex')) END;
END $$;

CREATE OR REPLACE FUNCTION refuse_doubles(edits plan_edit[], shapes plan_shape[]) RETURNS void LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  mixed text[] := '{}';
BEGIN
  IF cardinality(shapes) > 1 THEN
    mixed := ARRAY(SELECT s.type FROM unnest(shapes) s WHERE s.op IN ('create', 'modify', 'delete') GROUP BY s.type HAVING count(DISTINCT s.op) > 1);
  END IF;
  IF EXISTS (SELECT FROM unnest(shapes) s WHERE s.op = 'modify' AND (s.touched = '{}' OR cardinality(s.touched) > (SELECT count(DISTINCT t) FROM unnest(s.touched) t)))
     OR (mixed <> '{}' AND EXISTS (SELECT FROM unnest(edits) e WHERE e.type = ANY (mixed) AND e.id IS NOT NULL GROUP BY e.type, e.id HAVING count(*) > 1)) THEN
    RAISE EXCEPTION 'the plan touches something twice, or nothing' USING ERRCODE = 'XQ003';
  END IF;
END $$;

CREATE OR REPLACE FUNCTION approving_reviews(p proposal, content text, edits plan_edit[], shapes plan_shape[]) RETURNS uuid[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
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

-- Whether these edits touch what has index rows or refers to something, so that index rows change and references are to be looked at.
CREATE FUNCTION touches_index(p proposal, shapes plan_shape[]) RETURNS boolean LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  RETURN EXISTS (SELECT FROM unnest(shapes) s LEFT JOIN object_type t ON t.tenant_id = p.tenant_id AND t.name = s.type
                  WHERE s.op <> 'modify' OR t.name IS NULL OR t.indexed && s.touched OR t."references" ?| s.touched);
END $$;

CREATE OR REPLACE FUNCTION apply_plan(plan uuid, execution uuid, entries jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, exequatur, pg_temp SET "TimeZone" = 'UTC' SET "DateStyle" = 'ISO, YMD' SET transform_null_equals = off
-- A plan made for these very edits would carry a copy of them; and a hundred thousand of them are to stay in memory.
SET plan_cache_mode = force_generic_plan SET work_mem = '64MB' SET jit = off AS $$
DECLARE
  p proposal;
  earlier record;
  shown record;
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
  -- Reviewers were shown the summary.
  SELECT x.edits AS counted, EXISTS (SELECT FROM unnest(ARRAY['create', 'modify', 'delete', 'link', 'unlink']) o(op)
                                      WHERE (x.summary -> 'edits' ->> o.op)::bigint IS DISTINCT FROM (SELECT coalesce(sum(s.edits), 0) FROM unnest(shapes) s WHERE s.op = o.op)) AS differs
    INTO shown FROM exequatur.plan x WHERE x.tenant_id = p.tenant_id AND x.id = plan;
  IF cardinality(edits) <> shown.counted THEN
    RAISE EXCEPTION 'the plan says another number of edits' USING ERRCODE = 'XQ003';
  END IF;
  IF shown.differs THEN
    RAISE EXCEPTION 'the summary counts other edits than the plan has' USING ERRCODE = 'XQ003';
  END IF;
  IF (own ->> 'payload')::jsonb ->> 'executionId' IS DISTINCT FROM execution::text OR (own ->> 'payload')::jsonb ->> 'planDigest' IS DISTINCT FROM p.plan_digest
     OR own ->> 'type' IS DISTINCT FROM (CASE WHEN goes_outside THEN 'execution.applied' ELSE 'proposal.executed' END) OR own ->> 'proposalId' IS DISTINCT FROM p.id::text
     OR (SELECT count(*) FROM jsonb_array_elements(entries) e WHERE e ->> 'type' IN ('proposal.executed', 'execution.applied')) <> 1 THEN
    RAISE EXCEPTION 'the audit entry tells of something else' USING ERRCODE = 'XQ003';
  END IF;

  reviews := approving_reviews(p, content, edits, shapes);
  own := own || jsonb_build_object('payload', canonical_facts(((own ->> 'payload')::jsonb
    - ARRAY['approvals', 'denials', 'escalated', 'emergency', 'requirement', 'requirementDigest']) || tell_approvals(p, content, reviews)));
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
    -- What only changes properties without index rows has no links to make and nothing to refer to.
    IF touches_index(p, shapes) THEN
      PERFORM apply_link_edits(p, execution, edits, shapes, at);
      PERFORM keep_index(p, edits, shapes);
      PERFORM check_references(p, edits, shapes);
    END IF;
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
  PERFORM append_entries((entries - -1) || own);
  RETURN outcome;
END $$;

REVOKE EXECUTE ON FUNCTION touches_index(proposal, plan_shape[]) FROM PUBLIC;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
