-- By whose approval a plan ran is written into the entry of its execution by the door, from the reviews and the requirement that are stored: whatever the caller says of it is
-- dropped, so no login can leave it out or make it up. Who fills which stage is left to whoever reads the entry, and follows from what is told.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT SELECT ON prompt TO {{door}};
GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- RFC 8785 text of facts of an entry, which have names in ASCII and whole numbers.
CREATE FUNCTION canonical_facts(value jsonb) RETURNS text LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  CASE jsonb_typeof(value)
    WHEN 'object' THEN
      RETURN '{' || coalesce((SELECT string_agg(to_json(e.key)::text || ':' || canonical_facts(e.value), ',' ORDER BY e.key COLLATE "C") FROM jsonb_each(value) e), '') || '}';
    WHEN 'array' THEN
      RETURN '[' || coalesce((SELECT string_agg(canonical_facts(e.one), ',' ORDER BY e.n) FROM jsonb_array_elements(value) WITH ORDINALITY AS e(one, n)), '') || ']';
    WHEN 'string' THEN
      RETURN to_json(value #>> '{}')::text;
    WHEN 'number' THEN
      IF value::text !~ '^-?[0-9]{1,15}$' THEN
        RAISE EXCEPTION 'an audit entry holds whole numbers, not %', value USING ERRCODE = 'XQ015';
      END IF;
      RETURN value::text;
    ELSE
      RETURN value::text;
  END CASE;
END $$;

-- Reviews that say no to the plan that a proposal has: of each person the newest, as approvals are counted.
CREATE FUNCTION denying_reviews(p proposal) RETURNS SETOF uuid LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
#variable_conflict use_column
BEGIN
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

-- What the log tells of reviews of a proposal, oldest first: whose each is, with those of the roles that somebody is asked for by `conditions`, and the teams where `by_team`.
CREATE FUNCTION given_reviews(p proposal, reviews uuid[], conditions text, by_team boolean)
RETURNS TABLE (review uuid, person text, delegate text, roles text[], speaks_for text[]) LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT r.id, coalesce(q.person, q.id), CASE WHEN r.on_behalf_of IS NOT NULL THEN coalesce(d.person, d.id) END,
         ARRAY(SELECT DISTINCT s.role COLLATE "C" FROM standing_role s
                WHERE s.tenant_id = q.tenant_id AND s.principal_id = q.id AND s.removed_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > clock())
                  AND (x.roles IS NULL OR s.role = ANY (x.roles))
                  AND (strpos(conditions, to_json(s.role)::text) > 0 OR strpos(conditions, '''' || s.role || '''') > 0)
                ORDER BY 1),
         CASE WHEN by_team THEN q.teams ELSE '{}' END
    FROM review r
    JOIN principal q ON q.tenant_id = r.tenant_id AND q.id = coalesce(r.on_behalf_of, r.reviewer_id)
    JOIN principal d ON d.tenant_id = r.tenant_id AND d.id = r.reviewer_id
    LEFT JOIN delegation x ON x.tenant_id = r.tenant_id AND x.id = r.delegation_id
   WHERE r.tenant_id = p.tenant_id AND r.id = ANY (reviews) ORDER BY r.created_at, r.id
$$;

-- The requirement that a plan's bytes have, and who approved and who said no, where people are numbers, 0 for whoever stands behind the proposal; null for approvals where
-- there are too many for an entry. `approving` are the reviews that the door counts.
CREATE FUNCTION tell_approvals(p proposal, content text, approving uuid[]) RETURNS jsonb LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
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
  -- An entry has 65,447 bytes: some hundred approvals beside the largest requirement.
  IF octet_length(canonical_facts(outcome)) > 30000 THEN
    outcome := '{"approvals": null}';
  END IF;
  RETURN outcome || CASE WHEN octet_length(canonical_facts(asked)) <= 32768 THEN jsonb_build_object('requirement', asked)
    ELSE jsonb_build_object('requirementDigest', 'sha256:' || encode(sha256(convert_to(canonical_facts(asked), 'UTF8')), 'hex')) END;
END $$;

REVOKE EXECUTE ON FUNCTION canonical_facts(jsonb), denying_reviews(proposal), given_reviews(proposal, uuid[], text, boolean), tell_approvals(proposal, text, uuid[]) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION canonical_facts(jsonb) TO {{audit_writer}};

-- As before; and the entry tells by whose approval.
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
  PERFORM append_entries((entries - -1) || own);
  RETURN outcome;
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};

-- What a plan asks for is told as its proposal's plan has it.
GRANT SELECT (tenant_id, id, plan_id) ON proposal TO {{audit_writer}};
GRANT SELECT (tenant_id, id, digest, requirement) ON plan TO {{audit_writer}};
CREATE FUNCTION refuse_other_requirements() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  told jsonb := convert_from(NEW.payload, 'UTF8')::jsonb;
  asked jsonb := (SELECT l.requirement FROM proposal p JOIN plan l ON l.tenant_id = p.tenant_id AND l.id = p.plan_id
                   WHERE p.tenant_id = NEW.tenant_id AND p.id = NEW.proposal_id AND l.digest = told ->> 'planDigest');
BEGIN
  -- One that is sent back to those who approve has the plan that it had.
  IF told ->> 'from' = 'simulating'
     AND NOT coalesce(told -> 'requirement' = asked, told ->> 'requirementDigest' = 'sha256:' || encode(sha256(convert_to(canonical_facts(asked), 'UTF8')), 'hex'), false) THEN
    RAISE EXCEPTION 'an audit entry tells of another requirement than the plan has' USING ERRCODE = 'XQ015';
  END IF;
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION refuse_other_requirements() FROM PUBLIC;
CREATE TRIGGER requirements_are_told_as_stored BEFORE INSERT ON audit_entry FOR EACH ROW WHEN (NEW.type = 'proposal.simulated') EXECUTE FUNCTION refuse_other_requirements();
