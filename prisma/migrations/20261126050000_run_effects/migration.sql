-- Executions that also do something outside the ontology. Which step comes next is said by ontology/saga.ts; here stands what has been tried and what came of it, and the door
-- holds what must not depend on a worker: that effects begin only for an approved plan, that its edits come after every write-back, and that nothing ends before it is undone.
SET LOCAL search_path = exequatur, pg_catalog;

CREATE TABLE saga (
  tenant_id    uuid NOT NULL REFERENCES tenant,
  proposal_id  uuid NOT NULL,
  -- A plan that went stale after its write-backs were undone is executed again, under the next number.
  run          int NOT NULL CHECK (run > 0),
  plan_id      uuid NOT NULL,
  digest       text NOT NULL,
  direction    text NOT NULL DEFAULT 'forward' CHECK (direction IN ('forward', 'back')),
  edits        text NOT NULL DEFAULT 'waiting' CHECK (edits IN ('waiting', 'applied', 'undone', 'stuck', 'skipped')),
  -- What others changed since, where the edits cannot be undone; and whether an operator has said to leave that as it is.
  conflicts    jsonb,
  skips_conflicts boolean NOT NULL DEFAULT false,
  begun_at     timestamptz NOT NULL,
  turned_at    timestamptz,
  back_to      text CHECK (back_to IN ('failed', 'simulating')),
  failure      jsonb,
  cancelled_at timestamptz,
  cancelled_by text,
  cancel_reason text,
  ended_at     timestamptz,
  PRIMARY KEY (tenant_id, proposal_id, run),
  FOREIGN KEY (tenant_id, proposal_id) REFERENCES proposal,
  FOREIGN KEY (tenant_id, plan_id) REFERENCES plan,
  CHECK ((direction = 'back') = (turned_at IS NOT NULL) AND (direction = 'back') = (back_to IS NOT NULL))
);
CREATE UNIQUE INDEX saga_under_way ON saga (tenant_id, proposal_id) WHERE ended_at IS NULL;

CREATE TABLE saga_step (
  tenant_id     uuid NOT NULL,
  proposal_id   uuid NOT NULL,
  run           int NOT NULL,
  ordinal       int NOT NULL,
  name          text NOT NULL,
  phase         text NOT NULL CHECK (phase IN ('writeBack', 'sideEffect', 'check')),
  optional      boolean NOT NULL,
  compensated   boolean NOT NULL,
  -- A person decides where the outcome is unknown.
  asks_person   boolean NOT NULL,
  state         text NOT NULL DEFAULT 'waiting'
                CHECK (state IN ('waiting', 'sending', 'done', 'refused', 'unknown', 'undoing', 'undone', 'stuck', 'skipped')),
  attempts      int NOT NULL DEFAULT 0,
  undo_attempts int NOT NULL DEFAULT 0,
  -- Until then somebody may still be waiting for the answer to the last attempt.
  leased_until  timestamptz,
  -- Of a check: when it is asked.
  due_at        timestamptz,
  slots         jsonb,
  problem       jsonb,
  decision      text CHECK (decision IN ('retry', 'skip', 'abort')),
  decided_by    text,
  decision_reason text,
  changed_at    timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, proposal_id, run, ordinal),
  FOREIGN KEY (tenant_id, proposal_id, run) REFERENCES saga
);

ALTER TABLE saga ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE saga_step ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON saga USING (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid))
                             WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid));
CREATE POLICY tenant ON saga_step USING (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid))
                                  WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid));
GRANT SELECT ON saga, saga_step TO {{api}}, {{worker}}, {{door}};
GRANT INSERT, UPDATE ON saga, saga_step TO {{door}};
-- The worker says what came of what it tried.
GRANT UPDATE (state, attempts, undo_attempts, leased_until, due_at, slots, problem, changed_at) ON saga_step TO {{worker}};

CREATE FUNCTION guard_saga_step() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
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
  IF current_user <> {{door_literal}} AND NEW.state <> OLD.state AND NOT (CASE towards
       WHEN 'forward' THEN (OLD.state, NEW.state) IN (('waiting', 'sending'), ('sending', 'waiting'), ('sending', 'done'), ('sending', 'refused'), ('sending', 'unknown'))
       ELSE (OLD.state, NEW.state) IN (('done', 'undoing'), ('unknown', 'undoing'), ('sending', 'undoing'), ('undoing', 'undone'), ('undoing', 'stuck')) END) THEN
    RAISE EXCEPTION 'a step cannot go from % to %', OLD.state, NEW.state USING ERRCODE = 'XQ006';
  END IF;
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION guard_saga_step() FROM PUBLIC;
CREATE TRIGGER guard_saga_step BEFORE UPDATE ON saga_step FOR EACH ROW EXECUTE FUNCTION guard_saga_step();

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

CREATE FUNCTION has_effects(content text) RETURNS boolean LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT jsonb_array_length(h -> 'effects') > 0 OR h ? 'checks' FROM (SELECT split_part(content, E'\n', 1)::jsonb AS h) x
$$;

-- The reviews that approve the plan; refuses where it may not be executed at all, or lacks one.
CREATE FUNCTION approving_reviews(p proposal, content text, edits plan_edit[], shapes plan_shape[]) RETURNS uuid[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  needed int;
  reviews uuid[];
BEGIN
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
  RETURN reviews;
END $$;

-- Before the first effect: all that apply_plan asks later is asked now, of the same bytes, and the steps are taken from them. From `executing`; says which run this is.
CREATE FUNCTION begin_saga(proposal uuid) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp SET "TimeZone" = 'UTC' SET transform_null_equals = off AS $$
DECLARE
  p proposal;
  content text;
  header jsonb;
  edits plan_edit[];
  shapes plan_shape[];
  stale jsonb;
  number int;
BEGIN
  SELECT x.* INTO p FROM proposal x WHERE x.tenant_id = current_tenant() AND x.id = begin_saga.proposal AND x.status = 'executing' FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'effects belong to an execution that has begun' USING ERRCODE = 'XQ006';
  END IF;
  PERFORM lock_control();
  content := approved_text(p, p.plan_id);
  header := split_part(content, E'\n', 1)::jsonb;
  IF NOT has_effects(content) OR governs(p.action_type) THEN
    RAISE EXCEPTION 'this plan has no effects' USING ERRCODE = 'XQ006';
  END IF;
  edits := edits_of(content);
  shapes := shapes_of(edits);
  PERFORM approving_reviews(p, content, edits, shapes);
  PERFORM refuse_held(p);
  IF EXISTS (SELECT FROM stopped_by(p.action_type, p.proposer_id, p.proposer_kind, p.acts_for)) THEN
    RAISE EXCEPTION 'this is switched off' USING ERRCODE = 'XQ016';
  END IF;
  SELECT jsonb_agg(to_jsonb(s)) INTO stale FROM stale_reads(p.plan_id, 10) s;
  IF stale IS NOT NULL THEN
    RAISE EXCEPTION 'what the plan had read has changed' USING ERRCODE = 'XQ001', DETAIL = stale::text;
  END IF;
  number := coalesce((SELECT max(s.run) FROM saga s WHERE s.tenant_id = p.tenant_id AND s.proposal_id = p.id), 0) + 1;
  INSERT INTO saga (tenant_id, proposal_id, run, plan_id, digest, begun_at) VALUES (p.tenant_id, p.id, number, p.plan_id, p.plan_digest, clock());
  INSERT INTO saga_step (tenant_id, proposal_id, run, ordinal, name, phase, optional, compensated, asks_person, changed_at)
  SELECT p.tenant_id, p.id, number, e.n - 1, e.effect ->> 'name', e.effect ->> 'phase', coalesce((e.effect ->> 'optional')::boolean, false), e.effect ? 'compensation',
         e.effect ->> 'lostAnswer' = 'none', clock()
    FROM jsonb_array_elements(header -> 'effects') WITH ORDINALITY AS e(effect, n);
  INSERT INTO saga_step (tenant_id, proposal_id, run, ordinal, name, phase, optional, compensated, asks_person, changed_at)
  SELECT p.tenant_id, p.id, number, jsonb_array_length(header -> 'effects') + c.n - 1, c.one ->> 'name', 'check', false, false, false, clock()
    FROM jsonb_array_elements(coalesce(header -> 'checks', '[]')) WITH ORDINALITY AS c(one, n);
  RETURN number;
END $$;

-- The saga that is under way, of this very plan, forward, with every write-back done.
CREATE FUNCTION write_backs_done(p proposal, plan uuid) RETURNS void LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM saga s WHERE s.tenant_id = p.tenant_id AND s.proposal_id = p.id AND s.ended_at IS NULL AND s.plan_id = write_backs_done.plan
                    AND s.digest = p.plan_digest AND s.direction = 'forward' AND s.edits = 'waiting'
                    AND NOT EXISTS (SELECT FROM saga_step t WHERE t.tenant_id = s.tenant_id AND t.proposal_id = s.proposal_id AND t.run = s.run AND t.phase = 'writeBack' AND t.state <> 'done')) THEN
    RAISE EXCEPTION 'the write-backs of this plan are not done' USING ERRCODE = 'XQ006';
  END IF;
END $$;

-- Ends a saga of which nothing was tried, where there is one; refuses where something was.
CREATE FUNCTION end_untried(proposal uuid) RETURNS void LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM saga s WHERE s.tenant_id = current_tenant() AND s.proposal_id = end_untried.proposal AND s.ended_at IS NULL
                AND (s.edits <> 'waiting' OR EXISTS (SELECT FROM saga_step t WHERE t.tenant_id = s.tenant_id AND t.proposal_id = s.proposal_id AND t.run = s.run AND t.state NOT IN ('waiting', 'refused')))) THEN
    RAISE EXCEPTION 'what was begun must be undone first' USING ERRCODE = 'XQ006';
  END IF;
  UPDATE saga s SET ended_at = clock() WHERE s.tenant_id = current_tenant() AND s.proposal_id = end_untried.proposal AND s.ended_at IS NULL;
END $$;

CREATE OR REPLACE FUNCTION leave_executing(proposal uuid, target text, problem jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp SET "TimeZone" = 'UTC' AS $$
BEGIN
  PERFORM end_untried(leave_executing.proposal);
  IF target NOT IN ('simulating', 'awaiting_approval', 'failed') THEN
    RAISE EXCEPTION 'an execution is left for simulating, awaiting_approval or failed' USING ERRCODE = 'XQ006';
  END IF;
  UPDATE proposal p
     SET status = target, failure = problem, updated_at = c.now, status_timestamps = p.status_timestamps || jsonb_build_object(target, stamp(c.now))
    FROM (SELECT clock() AS now) c
   WHERE p.tenant_id = current_tenant() AND p.id = leave_executing.proposal AND p.status = 'executing';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no such execution to leave' USING ERRCODE = 'XQ006';
  END IF;
END $$;

-- executing -> compensating: from now on everything is undone, last first.
CREATE FUNCTION turn_back(proposal uuid, target text, problem jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp SET "TimeZone" = 'UTC' AS $$
DECLARE
  now timestamptz;
BEGIN
  PERFORM FROM proposal p WHERE p.tenant_id = current_tenant() AND p.id = turn_back.proposal AND p.status = 'executing' FOR UPDATE;
  now := clock();
  UPDATE saga s SET direction = 'back', turned_at = now, back_to = target, failure = problem
   WHERE FOUND AND s.tenant_id = current_tenant() AND s.proposal_id = turn_back.proposal AND s.ended_at IS NULL AND s.direction = 'forward'
     AND (target = 'failed' OR s.edits = 'waiting');
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no execution to turn back' USING ERRCODE = 'XQ006';
  END IF;
  UPDATE proposal p SET status = 'compensating', updated_at = now, status_timestamps = p.status_timestamps || jsonb_build_object('compensating', stamp(now))
   WHERE p.tenant_id = current_tenant() AND p.id = turn_back.proposal;
END $$;

-- Whether nothing of it is left to undo, or was left by an operator.
CREATE FUNCTION is_undone(s saga) RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT s.edits IN ('waiting', 'undone', 'skipped')
     AND NOT EXISTS (SELECT FROM saga_step t WHERE t.tenant_id = s.tenant_id AND t.proposal_id = s.proposal_id AND t.run = s.run AND t.phase <> 'check'
                        AND t.state NOT IN ('waiting', 'refused', 'undone', 'skipped') AND NOT (t.optional AND NOT t.compensated AND t.state IN ('done', 'sending', 'unknown')))
$$;

-- compensating -> failed | simulating, once everything is undone. Says which of the two.
CREATE FUNCTION end_saga(proposal uuid) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp SET "TimeZone" = 'UTC' AS $$
DECLARE
  s saga;
  now timestamptz;
BEGIN
  PERFORM FROM proposal p WHERE p.tenant_id = current_tenant() AND p.id = end_saga.proposal AND p.status = 'compensating' FOR UPDATE;
  IF FOUND THEN
    SELECT x.* INTO s FROM saga x WHERE x.tenant_id = current_tenant() AND x.proposal_id = end_saga.proposal AND x.ended_at IS NULL FOR UPDATE;
  END IF;
  IF s.proposal_id IS NULL OR NOT is_undone(s) THEN
    RAISE EXCEPTION 'not everything is undone' USING ERRCODE = 'XQ006';
  END IF;
  now := clock();
  UPDATE saga x SET ended_at = now WHERE x.tenant_id = s.tenant_id AND x.proposal_id = s.proposal_id AND x.run = s.run;
  UPDATE proposal p SET status = s.back_to, failure = CASE s.back_to WHEN 'failed' THEN s.failure END, updated_at = now,
         status_timestamps = p.status_timestamps || jsonb_build_object(s.back_to, stamp(now))
   WHERE p.tenant_id = s.tenant_id AND p.id = s.proposal_id;
  RETURN s.back_to;
END $$;

-- compensating -> needs_attention.
CREATE FUNCTION need_attention(proposal uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp SET "TimeZone" = 'UTC' AS $$
BEGIN
  UPDATE proposal p SET status = 'needs_attention', updated_at = c.now, status_timestamps = p.status_timestamps || jsonb_build_object('needs_attention', stamp(c.now))
    FROM (SELECT clock() AS now) c WHERE p.tenant_id = current_tenant() AND p.id = need_attention.proposal AND p.status = 'compensating';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'nothing is being undone here' USING ERRCODE = 'XQ006';
  END IF;
END $$;

-- needs_attention -> compensating (retry, skip) | failed (abort), by an operator, about one step or, without an ordinal, about the edits.
CREATE FUNCTION resolve_attention(proposal uuid, ordinal int, decision text, who text, why text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp SET "TimeZone" = 'UTC' AS $$
DECLARE
  s saga;
  now timestamptz;
  target text := CASE decision WHEN 'abort' THEN 'failed' ELSE 'compensating' END;
BEGIN
  PERFORM FROM proposal p WHERE p.tenant_id = current_tenant() AND p.id = resolve_attention.proposal AND p.status = 'needs_attention' FOR UPDATE;
  IF FOUND THEN
    SELECT x.* INTO s FROM saga x WHERE x.tenant_id = current_tenant() AND x.proposal_id = resolve_attention.proposal AND x.ended_at IS NULL FOR UPDATE;
  END IF;
  IF s.proposal_id IS NULL OR decision IS NULL OR decision NOT IN ('retry', 'skip', 'abort') OR coalesce(why, '') = '' OR coalesce(who, '') = '' THEN
    RAISE EXCEPTION 'there is nothing to decide here, or no reason is given' USING ERRCODE = 'XQ006';
  END IF;
  now := clock();
  IF ordinal IS NULL THEN
    UPDATE saga x SET edits = CASE decision WHEN 'abort' THEN x.edits ELSE 'applied' END, skips_conflicts = decision = 'skip'
     WHERE x.tenant_id = s.tenant_id AND x.proposal_id = s.proposal_id AND x.run = s.run AND x.edits = 'stuck';
  ELSE
    UPDATE saga_step t SET state = CASE resolve_attention.decision WHEN 'retry' THEN 'undoing' WHEN 'skip' THEN 'skipped' ELSE t.state END, decision = resolve_attention.decision, decided_by = who,
           decision_reason = why, changed_at = now, leased_until = NULL
     WHERE t.tenant_id = s.tenant_id AND t.proposal_id = s.proposal_id AND t.run = s.run AND t.ordinal = resolve_attention.ordinal AND t.state IN ('stuck', 'unknown', 'sending', 'done')
       AND (t.compensated OR resolve_attention.decision <> 'retry');
  END IF;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'nobody is asked about this step' USING ERRCODE = 'XQ006';
  END IF;
  IF decision = 'abort' THEN
    UPDATE saga x SET ended_at = now WHERE x.tenant_id = s.tenant_id AND x.proposal_id = s.proposal_id AND x.run = s.run;
  END IF;
  UPDATE proposal p SET status = target, failure = CASE target WHEN 'failed' THEN s.failure END, updated_at = now, status_timestamps = p.status_timestamps || jsonb_build_object(target, stamp(now))
   WHERE p.tenant_id = s.tenant_id AND p.id = s.proposal_id;
  RETURN target;
END $$;

-- Asks that the execution stop before its next step and be undone.
CREATE FUNCTION cancel_execution(proposal uuid, who text, why text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp SET "TimeZone" = 'UTC' AS $$
BEGIN
  PERFORM FROM proposal p WHERE p.tenant_id = current_tenant() AND p.id = cancel_execution.proposal AND p.status = 'executing' FOR UPDATE;
  UPDATE saga s SET cancelled_at = clock(), cancelled_by = who, cancel_reason = why
   WHERE FOUND AND s.tenant_id = current_tenant() AND s.proposal_id = cancel_execution.proposal AND s.ended_at IS NULL AND s.direction = 'forward' AND s.cancelled_at IS NULL;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no execution to cancel' USING ERRCODE = 'XQ006';
  END IF;
END $$;

-- executing -> executed, once every step is done. `entries`: as of apply_plan; the last is the proposal's own.
CREATE FUNCTION finish_saga(proposal uuid, entries jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp SET "TimeZone" = 'UTC' AS $$
DECLARE
  p proposal;
  s saga;
  x execution;
  own jsonb := entries -> -1;
  now timestamptz;
BEGIN
  SELECT y.* INTO p FROM proposal y WHERE y.tenant_id = current_tenant() AND y.id = finish_saga.proposal AND y.status = 'executing' FOR UPDATE;
  SELECT y.* INTO s FROM saga y WHERE y.tenant_id = p.tenant_id AND y.proposal_id = p.id AND y.ended_at IS NULL FOR UPDATE;
  SELECT y.* INTO x FROM execution y WHERE y.tenant_id = p.tenant_id AND y.proposal_id = p.id;
  IF s.direction IS DISTINCT FROM 'forward' OR s.edits IS DISTINCT FROM 'applied' OR x.id IS NULL
     OR EXISTS (SELECT FROM saga_step t WHERE t.tenant_id = s.tenant_id AND t.proposal_id = s.proposal_id AND t.run = s.run AND t.state <> 'done' AND NOT (t.optional AND t.state IN ('refused', 'unknown'))) THEN
    RAISE EXCEPTION 'not every step is done' USING ERRCODE = 'XQ006';
  END IF;
  IF (own ->> 'payload')::jsonb ->> 'executionId' IS DISTINCT FROM x.id::text OR (own ->> 'payload')::jsonb ->> 'planDigest' IS DISTINCT FROM p.plan_digest
     OR own ->> 'type' IS DISTINCT FROM 'proposal.executed' OR own ->> 'proposalId' IS DISTINCT FROM p.id::text THEN
    RAISE EXCEPTION 'the audit entry tells of something else' USING ERRCODE = 'XQ003';
  END IF;
  now := clock();
  UPDATE saga y SET ended_at = now WHERE y.tenant_id = s.tenant_id AND y.proposal_id = s.proposal_id AND y.run = s.run;
  UPDATE proposal y SET status = 'executed', updated_at = now, status_timestamps = y.status_timestamps || jsonb_build_object('executed', stamp(now)) WHERE y.tenant_id = p.tenant_id AND y.id = p.id;
  INSERT INTO outbox (tenant_id, id, audit_entry_id, type, subject, proposal_id, data, created_at)
  VALUES (p.tenant_id, gen_random_uuid(), (own ->> 'id')::uuid, 'proposal.executed', 'proposal/' || p.id, p.id,
          jsonb_build_object('proposalId', p.id, 'actionType', p.action_type, 'from', 'executing', 'status', 'executed', 'revision', p.revision, 'planDigest', p.plan_digest, 'executionId', x.id), now);
  PERFORM append_entries(entries);
END $$;

-- What takes an execution back, from its own history.
CREATE FUNCTION inverse_edits(tenant uuid, execution uuid) RETURNS plan_edit[] LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT coalesce(array_agg(e), '{}') FROM (
    SELECT ROW('modify', h.type, h.object_id, h.before, ARRAY(SELECT k FROM unnest(t.touched) k WHERE NOT h.before ? k), h.set, t.touched, NULL, NULL)::plan_edit AS e
      FROM object_history h CROSS JOIN LATERAL (SELECT ARRAY(SELECT k FROM (SELECT jsonb_object_keys(h.set) UNION SELECT unnest(h.unset)) x(k) ORDER BY k) AS touched) t
     WHERE h.tenant_id = tenant AND h.execution_id = execution AND h.op = 'modify'
    UNION ALL
    SELECT ROW('delete', h.type, h.object_id, '{}'::jsonb, '{}'::text[], h.set, ARRAY(SELECT jsonb_object_keys(h.set)), NULL, NULL)::plan_edit FROM object_history h
     WHERE h.tenant_id = tenant AND h.execution_id = execution AND h.op = 'create'
    UNION ALL
    SELECT ROW('create', h.type, h.object_id, h.before, '{}'::text[], '{}'::jsonb, ARRAY(SELECT jsonb_object_keys(h.before)), NULL, NULL)::plan_edit FROM object_history h
     WHERE h.tenant_id = tenant AND h.execution_id = execution AND h.op = 'delete'
    UNION ALL
    SELECT ROW(CASE h.op WHEN 'link' THEN 'unlink' ELSE 'link' END, h.link, NULL, '{}'::jsonb, '{}'::text[], '{}'::jsonb, '{}'::text[], h.from_id, h.to_id)::plan_edit FROM link_history h
     WHERE h.tenant_id = tenant AND h.execution_id = execution) all_edits
$$;

-- What others changed since this execution did: property by property; `$` is the object itself. Under the locks of the types.
CREATE FUNCTION undo_conflicts(tenant uuid, execution uuid) RETURNS TABLE (type text, id text, property text) LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT h.type, h.object_id, k FROM object_history h
    LEFT JOIN object o ON o.tenant_id = h.tenant_id AND o.type = h.type AND o.id = h.object_id AND o.alive
   CROSS JOIN LATERAL (SELECT jsonb_object_keys(h.set) UNION SELECT unnest(h.unset)) t(k)
   WHERE h.tenant_id = tenant AND h.execution_id = execution AND h.op = 'modify' AND (o.property_versions ->> k)::bigint IS DISTINCT FROM h.version
  UNION ALL
  SELECT h.type, h.object_id, '$' FROM object_history h LEFT JOIN object o ON o.tenant_id = h.tenant_id AND o.type = h.type AND o.id = h.object_id
   WHERE h.tenant_id = tenant AND h.execution_id = execution AND h.op IN ('create', 'delete') AND (o.version IS DISTINCT FROM h.version OR o.alive IS DISTINCT FROM (h.op = 'create'))
  UNION ALL
  SELECT h.link, h.from_id || ' ' || h.to_id, '$' FROM link_history h LEFT JOIN link l ON l.tenant_id = h.tenant_id AND l.link = h.link AND l.from_id = h.from_id AND l.to_id = h.to_id
   WHERE h.tenant_id = tenant AND h.execution_id = execution AND (l.version IS DISTINCT FROM h.version)
$$;

-- The edits without what is in conflict.
CREATE FUNCTION without_conflicts(edits plan_edit[], conflicts jsonb) RETURNS plan_edit[] LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  WITH c AS MATERIALIZED (SELECT x ->> 'type' AS type, x ->> 'id' AS id, x ->> 'property' AS property FROM jsonb_array_elements(conflicts) x)
  SELECT coalesce(array_agg(ROW(e.op, e.type, e.id, e.set - k.lost, ARRAY(SELECT u FROM unnest(e.unset) u WHERE u <> ALL (k.lost)), e.before - k.lost,
                                ARRAY(SELECT u FROM unnest(e.touched) u WHERE u <> ALL (k.lost)), e.from_id, e.to_id)::plan_edit), '{}')
    FROM unnest(edits) e
   CROSS JOIN LATERAL (SELECT ARRAY(SELECT c.property FROM c WHERE c.type = e.type AND c.id = coalesce(e.id, e.from_id || ' ' || e.to_id)) AS lost) k
   WHERE '$' <> ALL (k.lost) AND (e.op <> 'modify' OR EXISTS (SELECT FROM unnest(e.touched) u WHERE u <> ALL (k.lost)))
$$;

-- The second door. Takes no edits: from `compensating`, never from `executed`, and once, it puts back what the execution found, property by property. What others have
-- changed since is never overwritten: it is returned, and nothing is done, unless an operator said to leave it as it is.
CREATE FUNCTION undo_execution(proposal uuid, entries jsonb) RETURNS jsonb
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
  SELECT jsonb_agg(to_jsonb(c)) INTO taken FROM undo_conflicts(p.tenant_id, x.id) c;
  IF taken IS NOT NULL THEN
    IF NOT s.skips_conflicts THEN
      UPDATE saga y SET edits = 'stuck', conflicts = taken WHERE y.tenant_id = s.tenant_id AND y.proposal_id = s.proposal_id AND y.run = s.run;
      RETURN jsonb_build_object('undone', false, 'conflicts', jsonb_array_length(taken));
    END IF;
    edits := without_conflicts(edits, taken);
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

-- The edits cannot be undone for another reason than conflicts: something refers to what would go, or a unique value is taken.
CREATE FUNCTION stick_edits(proposal uuid, problem jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  UPDATE saga s SET edits = 'stuck', conflicts = jsonb_build_array(problem)
    FROM proposal p WHERE p.tenant_id = current_tenant() AND p.id = stick_edits.proposal AND p.status = 'compensating'
     AND s.tenant_id = p.tenant_id AND s.proposal_id = p.id AND s.ended_at IS NULL AND s.edits = 'applied';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is nothing applied to undo' USING ERRCODE = 'XQ006';
  END IF;
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

REVOKE EXECUTE ON FUNCTION has_effects(text), approving_reviews(proposal, text, plan_edit[], plan_shape[]), begin_saga(uuid), write_backs_done(proposal, uuid), end_untried(uuid),
  turn_back(uuid, text, jsonb), is_undone(saga), end_saga(uuid), need_attention(uuid), resolve_attention(uuid, int, text, text, text), cancel_execution(uuid, text, text),
  finish_saga(uuid, jsonb), inverse_edits(uuid, uuid), undo_conflicts(uuid, uuid), without_conflicts(plan_edit[], jsonb), undo_execution(uuid, jsonb), stick_edits(uuid, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION begin_saga(uuid), turn_back(uuid, text, jsonb), end_saga(uuid), need_attention(uuid), finish_saga(uuid, jsonb), undo_execution(uuid, jsonb), stick_edits(uuid, jsonb) TO {{worker}};
GRANT EXECUTE ON FUNCTION resolve_attention(uuid, int, text, text, text), cancel_execution(uuid, text, text) TO {{api}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
