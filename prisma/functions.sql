-- Every function of the schema as it is after all migrations, for reading: nothing runs this file.
-- tests/database/functions.test.ts compares it, and `npx vitest run tests/database/functions.test.ts -u` writes it.

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.advance_indexes(object_type text, lim integer)
 RETURNS TABLE(property text, state text, scanned bigint, total bigint)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  at index_build;
  defined jsonb;
  done bigint;
  last text;
  last_key text := '';
BEGIN
  SELECT b.* INTO at FROM index_build b WHERE b.tenant_id = current_tenant() AND b.type = object_type COLLATE "C" AND b.state <> 'ready' ORDER BY b.property LIMIT 1 FOR UPDATE;
  IF at.type IS NULL THEN
    RETURN;
  END IF;
  IF at.state = 'building' AND at.total IS NULL THEN
    SELECT count(*) INTO at.total FROM object o WHERE o.tenant_id = at.tenant_id AND o.type = at.type AND o.alive;
  END IF;
  PERFORM FROM type_state s WHERE s.tenant_id = at.tenant_id AND s.type = at.type FOR SHARE;
  IF at.state = 'building' THEN
    SELECT t.definition -> 'properties' -> at.property INTO defined FROM object_type t WHERE t.tenant_id = at.tenant_id AND t.name = object_type;
    WITH batch AS MATERIALIZED (
      SELECT o.id, o.properties -> at.property AS value FROM object o
       WHERE o.tenant_id = at.tenant_id AND o.type = at.type AND o.id > at.after_id AND o.alive ORDER BY o.id LIMIT lim
    ), made AS (
      INSERT INTO object_index (tenant_id, type, property, key, object_id)
      SELECT at.tenant_id, at.type, at.property, k.key COLLATE "C", b.id FROM batch b CROSS JOIN LATERAL index_keys(defined, b.value) k(key)
       WHERE b.value IS NOT NULL ORDER BY 4, 5
      ON CONFLICT DO NOTHING
    )
    SELECT count(*), max(b.id) INTO done, last FROM batch b;
  ELSE
    -- In order and once: what executions add behind is right, and would else be chased.
    WITH batch AS MATERIALIZED (
      SELECT i.key, i.object_id FROM object_index i
       WHERE i.tenant_id = at.tenant_id AND i.type = at.type AND i.property = at.property AND (i.key, i.object_id) > (at.after_key, at.after_id)
       ORDER BY i.key, i.object_id LIMIT lim
    ), gone AS (
      DELETE FROM object_index i USING batch b WHERE i.tenant_id = at.tenant_id AND i.type = at.type AND i.property = at.property AND i.key = b.key AND i.object_id = b.object_id
    )
    SELECT count(*), (array_agg(b.key ORDER BY b.key DESC, b.object_id DESC))[1], (array_agg(b.object_id ORDER BY b.key DESC, b.object_id DESC))[1]
      INTO done, last_key, last FROM batch b;
  END IF;
  IF at.state = 'dropping' AND done < lim THEN
    DELETE FROM index_build b WHERE b.tenant_id = at.tenant_id AND b.type = at.type AND b.property = at.property;
    RETURN QUERY SELECT at.property::text, 'dropped', at.scanned + done, at.scanned + done;
    RETURN;
  ELSIF at.state = 'clearing' AND done < lim THEN
    UPDATE index_build b SET state = 'building', after_key = '', after_id = '' WHERE b.tenant_id = at.tenant_id AND b.type = at.type AND b.property = at.property;
  ELSE
    UPDATE index_build b SET scanned = b.scanned + CASE at.state WHEN 'clearing' THEN 0 ELSE done END, total = at.total,
           after_key = coalesce(last_key, b.after_key), after_id = coalesce(last, b.after_id),
           state = CASE WHEN at.state = 'building' AND done < lim THEN 'ready' ELSE b.state END,
           finished_at = CASE WHEN at.state = 'building' AND done < lim THEN clock() END
     WHERE b.tenant_id = at.tenant_id AND b.type = at.type AND b.property = at.property;
    IF at.state = 'building' AND done < lim THEN
      PERFORM tell_building(object_type);
    END IF;
  END IF;
  RETURN QUERY SELECT b.property::text, b.state, b.scanned, b.total FROM index_build b WHERE b.tenant_id = at.tenant_id AND b.type = at.type AND b.property = at.property;
END $function$;

-- Owned by exequatur_audit_writer.
CREATE OR REPLACE FUNCTION exequatur.append_audit(entries jsonb)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  IF entries @? '$[*].type ? (@ == "proposal.executed" || @ == "execution.applied" || @ == "execution.undone" || @ == "principal.erased")' THEN
    RAISE EXCEPTION 'the door alone says what became of an execution' USING ERRCODE = 'XQ015';
  END IF;
  IF entries @? '$[*].type ? (@ == "log.format_changed")' THEN
    RAISE EXCEPTION 'a migration alone says that the log has changed' USING ERRCODE = 'XQ015';
  END IF;
  IF nullif(current_setting('app.tenant', true), '')::uuid = '00000000-0000-0000-0000-000000000000' THEN
    RAISE EXCEPTION 'the chain of the system has a writer of its own' USING ERRCODE = 'XQ015';
  END IF;
  RETURN append_entries(entries);
END $function$;

-- Owned by exequatur_audit_writer.
CREATE OR REPLACE FUNCTION exequatur.append_entries(entries jsonb)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
  teller text := coalesce(nullif(current_setting('role', true), 'none'), session_user);
  takes text[] := types_told_by(CASE WHEN tenant = '00000000-0000-0000-0000-000000000000' THEN 'system' WHEN teller = 'exequatur_api' THEN 'api'
                                     WHEN teller = 'exequatur_worker' THEN 'worker' WHEN teller = 'exequatur_relay' THEN 'relay' END);
  last int := jsonb_array_length(entries);
  head record;
  entry jsonb;
  told jsonb;
  about uuid;
  said jsonb;
  now timestamptz;
  bytes bytea;
  moved jsonb := '{}'; -- Where these entries bring proposals.
  asks boolean := current_setting('session_replication_role') <> 'replica'; -- As the triggers, which a superuser may switch off for a load.
BEGIN
  IF tenant IS NULL THEN
    RAISE EXCEPTION 'no tenant is set' USING ERRCODE = 'XQ012';
  END IF;
  SELECT h.seq, h.hash INTO head FROM audit_head h WHERE h.tenant_id = tenant FOR UPDATE;
  IF NOT FOUND THEN
    INSERT INTO audit_head VALUES (tenant, 0, decode(repeat('00', 32), 'hex')) ON CONFLICT DO NOTHING;
    SELECT h.seq, h.hash INTO head FROM audit_head h WHERE h.tenant_id = tenant FOR UPDATE;
  END IF;
  FOR place IN 1 .. last LOOP
    entry := entries -> place - 1;
    IF NOT coalesce(entry ->> 'payload' IS JSON OBJECT WITH UNIQUE KEYS, false) THEN
      RAISE EXCEPTION 'the payload of an audit entry is no object' USING ERRCODE = 'XQ015';
    END IF;
    told := (entry ->> 'payload')::jsonb;
    IF told -> 'type' IS DISTINCT FROM entry -> 'type' OR told ->> 'proposalId' IS DISTINCT FROM entry ->> 'proposalId' THEN
      RAISE EXCEPTION 'an audit entry has another type or proposal than its payload' USING ERRCODE = 'XQ015';
    END IF;
    IF told ->> 'type' <> ALL (takes) AND NOT (told ->> 'type' = ANY (types_told_by('door')) AND place = last)
       AND NOT (told ->> 'type' = ANY (types_told_by('migration')) AND NOT told ? 'proposalId' AND teller NOT IN ('exequatur_api', 'exequatur_worker', 'exequatur_relay')) THEN
      RAISE EXCEPTION 'the log does not take % from this login', told ->> 'type' USING ERRCODE = 'XQ015';
    END IF;
    said := disclosed_by(told, entry -> 'disclosures');
    about := (told ->> 'proposalId')::uuid;
    IF told ? 'proposalId' AND asks
       AND (told ->> 'proposalId' IS DISTINCT FROM about::text OR NOT coalesce(goes_on(tenant, about, coalesce(moved ->> about::text, told_status(tenant, about)), told, said), false)) THEN
      RAISE EXCEPTION 'an audit entry tells of a proposal what does not follow from those before it' USING ERRCODE = 'XQ015';
    ELSIF NOT told ? 'proposalId' AND (told ->> 'type' LIKE 'proposal.%' OR told ->> 'type' LIKE 'execution.%' OR told ->> 'type' = 'review.recorded') THEN
      RAISE EXCEPTION 'an audit entry is of no proposal' USING ERRCODE = 'XQ015';
    END IF;
    IF told ? 'decisions' AND NOT coalesce(are_new_decisions(tenant, about, told -> 'decisions'), false) THEN
      RAISE EXCEPTION 'an audit entry tells of decisions, and not of new ones' USING ERRCODE = 'XQ015';
    END IF;
    IF is_too_deep(entry ->> 'payload') THEN
      RAISE EXCEPTION 'an audit entry is nested too deep' USING ERRCODE = 'XQ015';
    END IF;
    IF reached_by(told ->> 'type') IS NOT NULL THEN
      moved := moved || jsonb_build_object(about::text, reached_by(told ->> 'type'));
    END IF;
    now := clock();
    bytes := convert_to(entry ->> 'payload', 'UTF8');
    INSERT INTO audit_entry (tenant_id, seq, id, at, type, proposal_id, previous_hash, payload, hash)
    VALUES (tenant, head.seq + 1, (entry ->> 'id')::uuid, now, told ->> 'type', about, head.hash, bytes,
            sha256(audit_frame(tenant, head.seq + 1, now, head.hash, bytes)))
    RETURNING seq, hash INTO head;
    IF said <> '{}' THEN
      INSERT INTO audit_disclosure (tenant_id, entry_id, name, salt, value)
      SELECT tenant, (entry ->> 'id')::uuid, d ->> 'name', d ->> 'salt', d ->> 'value' FROM jsonb_array_elements(entry -> 'disclosures') d;
    END IF;
  END LOOP;
  -- Rows are changed before entries are appended: where the last of these brings a proposal, there it stands.
  IF asks AND moved <> '{}' AND EXISTS (SELECT FROM jsonb_each_text(moved) m WHERE m.value IS DISTINCT FROM (SELECT p.status FROM proposal p WHERE p.tenant_id = tenant AND p.id = m.key::uuid)) THEN
    RAISE EXCEPTION 'an audit entry tells that a proposal is where it is not' USING ERRCODE = 'XQ015';
  END IF;
  UPDATE audit_head h SET seq = head.seq, hash = head.hash WHERE h.tenant_id = tenant;
  RETURN head.seq;
END $function$;

-- Owned by exequatur_audit_writer.
CREATE OR REPLACE FUNCTION exequatur.append_system(entries jsonb, uncounted bigint)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  before text := coalesce(current_setting('app.tenant', true), '');
  w system_window;
  now timestamptz;
  kept jsonb := '[]';
  entry jsonb;
  stamp text := 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"';
BEGIN
  PERFORM set_config('app.tenant', '00000000-0000-0000-0000-000000000000', true);
  SELECT x.* INTO w FROM system_window x FOR UPDATE;
  now := clock();
  IF now >= w.started_at + interval '1 minute' THEN
    IF w.suppressed > 0 THEN
      kept := jsonb_build_array(jsonb_build_object('id', gen_random_uuid(), 'type', 'login.suppressed', 'disclosures', '[]'::jsonb,
        'payload', format('{"from":"%s","suppressed":%s,"type":"login.suppressed","until":"%s"}', to_char(w.started_at AT TIME ZONE 'UTC', stamp), w.suppressed,
                          to_char((w.started_at + interval '1 minute') AT TIME ZONE 'UTC', stamp))));
    END IF;
    w.started_at := now;
    w.written := 0;
    w.suppressed := 0;
  END IF;
  w.suppressed := w.suppressed + greatest(uncounted, 0);
  FOR entry IN SELECT e FROM jsonb_array_elements(entries) WITH ORDINALITY AS x(e, n) ORDER BY n LOOP
    IF entry ->> 'type' = 'audit.exported' THEN
      kept := kept || jsonb_build_array(entry);
    ELSIF entry ->> 'type' <> 'login.failed' THEN
      RAISE EXCEPTION 'the chain of the system does not hold %', entry ->> 'type' USING ERRCODE = 'XQ015';
    ELSIF w.written < 60 AND length(entry::text) <= 4096 THEN
      kept := kept || jsonb_build_array(entry);
      w.written := w.written + 1;
    ELSE
      w.suppressed := w.suppressed + 1;
    END IF;
  END LOOP;
  UPDATE system_window x SET started_at = w.started_at, written = w.written, suppressed = w.suppressed;
  IF kept <> '[]' THEN
    PERFORM append_entries(kept);
  END IF;
  PERFORM set_config('app.tenant', before, true);
  RETURN w.suppressed;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.apply_link_edits(p exequatur.proposal, execution uuid, edits exequatur.plan_edit[], shapes exequatur.plan_shape[], at timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  done bigint;
  wanted bigint := (SELECT coalesce(sum(s.edits), 0) FROM unnest(shapes) s WHERE s.op IN ('link', 'unlink'));
  placed bigint := (SELECT coalesce(sum(s.edits), 0) FROM unnest(shapes) s WHERE s.op IN ('create', 'modify', 'delete')); -- Objects come before links.
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
    INSERT INTO link_history (tenant_id, link, from_id, to_id, version, op, execution_id, proposal_id, at, ordinal)
    SELECT p.tenant_id, c.link, c.from_id, c.to_id, c.version, c.op, execution, p.id, at, placed + row_number() OVER (ORDER BY c.link, c.from_id, c.to_id) FROM (SELECT * FROM linked UNION ALL SELECT * FROM unlinked) c RETURNING 1
  )
  SELECT count(*) INTO done FROM kept;
  IF done <> wanted THEN
    RAISE EXCEPTION '% of % links are not as the plan says', wanted - done, wanted USING ERRCODE = 'XQ007';
  END IF;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.apply_object_edits(p exequatur.proposal, execution uuid, edits exequatur.plan_edit[], shapes exequatur.plan_shape[], at timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  done bigint;
  wanted record;
  placed bigint := 0; -- Changes that have their number.
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
    INSERT INTO object_history (tenant_id, type, object_id, version, op, before, set, unset, execution_id, proposal_id, at, ordinal)
    SELECT p.tenant_id, c.type, c.id, c.version, 'modify', c.before, c.set, c.unset, execution, p.id, at, placed + row_number() OVER (ORDER BY c.type, c.id) FROM changed c;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done <> wanted.modify THEN
      RAISE EXCEPTION '% of % objects are not as the plan says', wanted.modify - done, wanted.modify USING ERRCODE = 'XQ007';
    END IF;
    placed := placed + done;
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
    INSERT INTO object_history (tenant_id, type, object_id, version, op, before, set, unset, execution_id, proposal_id, at, ordinal)
    SELECT p.tenant_id, c.type, c.id, c.version, 'create', '{}', c.properties, '{}', execution, p.id, at, placed + row_number() OVER (ORDER BY c.type, c.id) FROM changed c;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done <> wanted."create" THEN
      RAISE EXCEPTION '% of % objects to create exist already', wanted."create" - done, wanted."create" USING ERRCODE = 'XQ007';
    END IF;
    placed := placed + done;
  END IF;
  IF wanted."delete" > 0 THEN
    WITH changed AS (
      UPDATE object o
         SET version = o.version + 1, alive = false, properties = '{}', property_versions = jsonb_build_object('$', o.version + 1)
        FROM unnest(edits) e
       WHERE e.op = 'delete' AND o.tenant_id = p.tenant_id AND o.type = e.type COLLATE "C" AND o.id = e.id COLLATE "C" AND o.alive AND o.properties = e.before
      RETURNING o.type, o.id, o.version, e.before
    )
    INSERT INTO object_history (tenant_id, type, object_id, version, op, before, set, unset, execution_id, proposal_id, at, ordinal)
    SELECT p.tenant_id, c.type, c.id, c.version, 'delete', c.before, '{}', '{}', execution, p.id, at, placed + row_number() OVER (ORDER BY c.type, c.id) FROM changed c;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done <> wanted."delete" THEN
      RAISE EXCEPTION '% of % objects to delete are not as the plan says', wanted."delete" - done, wanted."delete" USING ERRCODE = 'XQ007';
    END IF;
  END IF;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.apply_plan(plan uuid, execution uuid, entries jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET "DateStyle" TO 'ISO, YMD'
 SET transform_null_equals TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
 SET work_mem TO '64MB'
 SET jit TO 'off'
AS $function$
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
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.approvals_behind_glass(p exequatur.proposal, needed integer)
 RETURNS integer
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  rule jsonb := glass_in_force(p);
BEGIN
  IF rule IS NULL THEN
    RETURN needed;
  END IF;
  RETURN least(needed, (rule ->> 'approvals')::int + (
    SELECT count(*)::int FROM review r
      LEFT JOIN principal w ON w.tenant_id = r.tenant_id AND w.id = r.reviewer_id
      LEFT JOIN principal o ON o.tenant_id = r.tenant_id AND o.id = r.on_behalf_of
     WHERE r.tenant_id = p.tenant_id AND r.id IN (SELECT counting_reviews(p)) AND rule ->> 'person' IN (coalesce(w.person, r.reviewer_id), coalesce(o.person, r.on_behalf_of))));
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.approvals_needed(p exequatur.proposal, parameters jsonb, shapes exequatur.plan_shape[])
 RETURNS integer
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  needed int := floor_of(p, p.action_type_version, parameters, shapes, 0);
  least int;
BEGIN
  IF needed = 0 AND p.revert_of IS NOT NULL AND NOT governs(p.action_type)
     AND (SELECT floor_of(p, a.current_version, parameters, shapes, 0) FROM action_type a
           WHERE a.tenant_id = p.tenant_id AND a.name = p.action_type AND NOT a.retired) IS DISTINCT FROM 0 THEN
    needed := floor_of(p, p.action_type_version, parameters, shapes, 1);
  END IF;
  SELECT max(t.minimum_approvals) INTO least FROM object_type t
   WHERE t.tenant_id = p.tenant_id AND (t.name = ANY (ARRAY(SELECT s.type FROM unnest(shapes) s))
      OR t.name = ANY (ARRAY(SELECT x FROM link_type l CROSS JOIN LATERAL unnest(ARRAY[l.from_type, l.to_type]) x
                              WHERE l.tenant_id = p.tenant_id AND l.name = ANY (ARRAY(SELECT s.type FROM unnest(shapes) s)))));
  -- greatest() ignores nulls: no floor that holds must not become no floor.
  RETURN CASE WHEN needed IS NOT NULL THEN greatest(approvals_behind_glass(p, needed), least) END;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.approvals_since(plan uuid)
 RETURNS timestamp with time zone
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN (
    SELECT coalesce(clock() - (l.requirement ->> 'approvalsLast')::interval, '-infinity')
      FROM exequatur.plan l WHERE l.tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid) AND l.id = approvals_since.plan);
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.approved_text(p exequatur.proposal, plan uuid)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  bytes bytea;
  stored record;
  content text;
  header jsonb;
BEGIN
  SELECT x.digest, x.revision, x.edits, x.requirement INTO stored FROM plan x WHERE x.tenant_id = p.tenant_id AND x.id = plan AND x.proposal_id = p.id;
  IF NOT FOUND OR p.plan_id IS DISTINCT FROM plan OR stored.digest IS DISTINCT FROM p.plan_digest OR stored.revision <> p.revision THEN
    RAISE EXCEPTION 'this is not the approved plan of the proposal' USING ERRCODE = 'XQ003';
  END IF;
  SELECT string_agg(c.bytes, ''::bytea ORDER BY c.ordinal) INTO bytes FROM plan_chunk c WHERE c.tenant_id = p.tenant_id AND c.plan_id = plan;
  IF bytes IS NULL OR 'sha256:' || encode(sha256(bytes), 'hex') <> p.plan_digest THEN
    RAISE EXCEPTION 'the stored bytes do not have the approved digest' USING ERRCODE = 'XQ003';
  END IF;
  content := convert_from(bytes, 'UTF8');
  IF encode(sha256(convert_to(split_part(content, E'\n', 2), 'UTF8')), 'hex') <> p.parameters_hash THEN
    RAISE EXCEPTION 'the plan was made from other parameters' USING ERRCODE = 'XQ003';
  END IF;
  IF NOT split_part(content, E'\n', 1) IS JSON OBJECT WITH UNIQUE KEYS THEN
    RAISE EXCEPTION 'the plan has no readable header' USING ERRCODE = 'XQ003';
  END IF;
  header := split_part(content, E'\n', 1)::jsonb;
  IF header ->> 'format' IS DISTINCT FROM '1' OR header ->> 'tenant' IS DISTINCT FROM p.tenant_id::text OR header ->> 'actionType' IS DISTINCT FROM p.action_type
     OR (header ->> 'actionTypeVersion')::int IS DISTINCT FROM p.action_type_version OR header ->> 'revertOf' IS DISTINCT FROM p.revert_of::text THEN
    RAISE EXCEPTION 'the plan belongs to another action' USING ERRCODE = 'XQ003';
  END IF;
  IF header -> 'requirement' IS DISTINCT FROM stored.requirement THEN
    RAISE EXCEPTION 'reviewers were held to another requirement than the plan has' USING ERRCODE = 'XQ003';
  END IF;
  RETURN content;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.approving_reviews(p exequatur.proposal, content text, edits exequatur.plan_edit[], shapes exequatur.plan_shape[])
 RETURNS uuid[]
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
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
  needed := approvals_needed(p, split_part(content, E'\n', 2)::jsonb, CASE WHEN p.revert_of IS NULL THEN shapes ELSE shapes_taken_back(edits) END);
  reviews := ARRAY(SELECT counting_reviews(p));
  IF governs(p.action_type) THEN
    needed := greatest(needed, second_people(p, edits));
    reviews := disinterested(reviews, edits[1]);
  END IF;
  IF needed IS NULL OR cardinality(reviews) < needed THEN
    RAISE EXCEPTION '% of % needed people have approved this digest', cardinality(reviews), coalesce(needed::text, 'unknown') USING ERRCODE = 'XQ002';
  END IF;
  IF cardinality(reviews) = 0 THEN
    IF NOT EXISTS (SELECT FROM standing_role s
                    WHERE s.tenant_id = p.tenant_id AND s.principal_id = p.proposer_id AND s.removed_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > clock())
                      AND s.role <> 'auditor')
       AND glass_in_force(p) IS NULL AND NOT EXISTS (SELECT FROM migration_batch b WHERE b.tenant_id = p.tenant_id AND b.proposal_id = p.id) THEN
      RAISE EXCEPTION 'nobody approved this, and who proposed it may propose nothing now' USING ERRCODE = 'XQ002';
    END IF;
  END IF;
  RETURN reviews;
END $function$;

-- Owned by exequatur_audit_writer.
CREATE OR REPLACE FUNCTION exequatur.are_new_decisions(tenant uuid, proposal uuid, decisions jsonb)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
AS $function$
DECLARE
  one text;
BEGIN
  IF jsonb_typeof(decisions) <> 'array' OR proposal IS NULL
     OR decisions @? 'strict $[*] ? (@.type() != "string" || !(@ like_regex "^[0-9a-f]{64}$"))' THEN
    RETURN false;
  END IF;
  IF jsonb_array_length(decisions) > 1 THEN
    IF (SELECT count(DISTINCT d) < count(*) FROM jsonb_array_elements(decisions) d) THEN
      RETURN false;
    END IF;
  END IF;
  FOR at IN 0 .. jsonb_array_length(decisions) - 1 LOOP
    one := decisions ->> at;
    IF EXISTS (SELECT FROM audit_entry e
                WHERE e.tenant_id = tenant AND e.proposal_id = are_new_decisions.proposal
                  AND (position(convert_to(one, 'UTF8') IN e.payload) > 0 OR position('\x5c75'::bytea IN e.payload) > 0)
                  AND convert_from(e.payload, 'UTF8')::jsonb -> 'decisions' ? one) THEN
      RETURN false;
    END IF;
  END LOOP;
  RETURN true;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.are_signatures(lines text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT count(*) BETWEEN 1 AND 8 AND bool_and(length(split_part(l, ' ', 3)) = 92) FROM string_to_table(rtrim(lines, E'\n'), E'\n') l
$function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.audit_frame(tenant uuid, seq bigint, at timestamp with time zone, previous_hash bytea, payload bytea)
 RETURNS bytea
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  RETURN convert_to('EXQ1', 'UTF8')
      || int4send(16) || uuid_send(tenant)
      || int4send(8) || int8send(seq)
      || int4send(8) || int8send((extract(epoch FROM at) * 1000000)::bigint)
      || int4send(32) || previous_hash
      || int4send(length(payload)) || payload;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.begin_execution(proposal uuid, execution uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
DECLARE
  was text;
  expiry timestamptz;
BEGIN
  SELECT p.status, p.expires_at INTO was, expiry FROM proposal p WHERE p.tenant_id = current_tenant() AND p.id = begin_execution.proposal FOR UPDATE;
  -- The clock is asked after the lock, so a transaction that was held until the time had run out does not pass. That it was approved in time was settled under this lock.
  IF was IS NULL OR was NOT IN ('approved', 'scheduled') OR expiry + (CASE was WHEN 'approved' THEN execution_grace() ELSE '0' END) <= clock() THEN
    RAISE EXCEPTION 'an execution begins from approved or scheduled, in time, not from %', coalesce(was, 'nothing') USING ERRCODE = 'XQ006';
  END IF;
  UPDATE proposal p
     SET status = 'executing', updated_at = c.now, status_timestamps = p.status_timestamps || jsonb_build_object('executing', stamp(c.now))
    FROM (SELECT clock() AS now) c
   WHERE p.tenant_id = current_tenant() AND p.id = begin_execution.proposal;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.begin_saga(proposal uuid)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET transform_null_equals TO 'off'
AS $function$
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
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.begin_saga(proposal uuid, keys_name_plan boolean)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  number int := begin_saga(proposal);
BEGIN
  UPDATE saga s SET keys_name_plan = begin_saga.keys_name_plan WHERE s.tenant_id = current_tenant() AND s.proposal_id = begin_saga.proposal AND s.run = number;
  RETURN number;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.behind_agents()
 RETURNS SETOF text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  tenant uuid := current_tenant();
BEGIN
  RETURN QUERY
  SELECT DISTINCT x.id FROM principal w
    CROSS JOIN LATERAL (SELECT w.acts_for AS id
                        UNION ALL
                        SELECT w.token_acts_for
                        UNION ALL
                        SELECT w.id WHERE w.person IS NOT NULL
                           OR EXISTS (SELECT FROM principal o WHERE o.tenant_id = tenant AND o.acts_for = w.id)
                           OR EXISTS (SELECT FROM principal o WHERE o.tenant_id = tenant AND o.token_acts_for = w.id)) x
   WHERE w.tenant_id = tenant AND w.kind = 'agent' AND x.id IS NOT NULL;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.behind_emergency(g exequatur.glass)
 RETURNS SETOF text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  RETURN QUERY
  SELECT b FROM stands_behind(g.broken_by, NULL) b
  UNION
  SELECT b FROM proposal p, stands_behind_proposal(p.proposer_id, p.acts_for, p.revised_for) b WHERE p.tenant_id = g.tenant_id AND p.id = g.proposal_id
  UNION
  SELECT b FROM (SELECT DISTINCT x.id FROM review r CROSS JOIN LATERAL unnest(ARRAY[r.reviewer_id, r.on_behalf_of]) x(id)
                  WHERE r.tenant_id = g.tenant_id AND r.proposal_id = g.proposal_id AND r.revision = g.revision AND r.digest = g.digest
                    AND r.decision = 'approve' AND x.id IS NOT NULL) a, stands_behind(a.id, NULL) b;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.bound_claim()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  NEW.claimed_until := least(NEW.claimed_until, clock() + interval '10 minutes');
  RETURN NEW;
END $function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.bury_event(tenant uuid, sink text, claimant uuid, seq bigint, ordinal integer, event jsonb, code text, message text)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  at timestamptz := clock();
BEGIN
  IF NOT move_lane(tenant, bury_event.sink, claimant, bury_event.seq, bury_event.ordinal, NULL) THEN
    RETURN false;
  END IF;
  INSERT INTO dead_letter (tenant_id, subscription_id, seq, ordinal, event_id, type, subject, attempts, error_code, error_message, at)
  SELECT tenant, s.id, bury_event.seq + 1, bury_event.ordinal, event ->> 'id', event ->> 'type', event ->> 'subject', s.attempts + 1, code, left(message, 1000), at
    FROM subscription s WHERE s.tenant_id = tenant AND s.id::text = bury_event.sink
  ON CONFLICT ON CONSTRAINT dead_letter_pkey DO UPDATE
     SET attempts = dead_letter.attempts + excluded.attempts, error_code = excluded.error_code, error_message = excluded.error_message, at = excluded.at;
  UPDATE subscription s SET attempts = 0, tried_since = NULL, next_attempt_at = '-infinity', failing_since = coalesce(s.failing_since, at),
         error_code = code, error_message = left(message, 1000), error_at = at
   WHERE s.tenant_id = tenant AND s.id::text = bury_event.sink;
  RETURN true;
END $function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.bury_unreadable(tenant uuid, sink text, claimant uuid, seq bigint, ordinal integer, event jsonb, message text, lease interval)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  IF NOT move_lane(tenant, bury_unreadable.sink, claimant, bury_unreadable.seq, bury_unreadable.ordinal, lease) THEN
    RETURN false;
  END IF;
  INSERT INTO dead_letter (tenant_id, subscription_id, seq, ordinal, event_id, type, subject, attempts, error_code, error_message, at)
  SELECT tenant, s.id, bury_unreadable.seq + 1, bury_unreadable.ordinal, event ->> 'id', event ->> 'type', event ->> 'subject', 0, 'unreadable', left(message, 1000), clock()
    FROM subscription s WHERE s.tenant_id = tenant AND s.id::text = bury_unreadable.sink
  ON CONFLICT ON CONSTRAINT dead_letter_pkey DO UPDATE SET event_id = excluded.event_id, type = excluded.type, subject = excluded.subject,
     error_code = excluded.error_code, error_message = excluded.error_message, at = excluded.at;
  RETURN true;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.can_be_told(told exequatur.outbox, at timestamp with time zone)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
RETURN COALESCE((isfinite(at) AND isfinite((told).created_at) AND (jsonb_typeof((told).data) = 'object'::text) AND CASE (told).type WHEN 'object.changes'::text THEN (((told).data ->> 'executionId'::text) ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'::text) WHEN 'audit.checkpoint'::text THEN (((told).data ->> 'size'::text) ~ '^[0-9]{1,18}$'::text) ELSE true END), false);

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.cancel_execution(proposal uuid, who text, why text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
BEGIN
  PERFORM FROM proposal p WHERE p.tenant_id = current_tenant() AND p.id = cancel_execution.proposal AND p.status = 'executing' FOR UPDATE;
  UPDATE saga s SET cancelled_at = clock(), cancelled_by = who, cancel_reason = why
   WHERE FOUND AND s.tenant_id = current_tenant() AND s.proposal_id = cancel_execution.proposal AND s.ended_at IS NULL AND s.direction = 'forward' AND s.cancelled_at IS NULL;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no execution to cancel' USING ERRCODE = 'XQ006';
  END IF;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.cancel_migration(migration uuid, by text, reason text)
 RETURNS integer
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT end_migration(migration, 'cancelled', by, reason, NULL)
$function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.candidates(object_type text, c jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  property text := c ->> 'property';
  most_parts constant int := 20; -- A page is read from each part; with more it is cheaper to gather the ids.
  parts jsonb;
  keys text[];
BEGIN
  IF c ? 'all' THEN
    RETURN (
      SELECT x.found FROM (
        SELECT candidates(object_type, e) AS found FROM jsonb_array_elements(c -> 'all') e
        UNION ALL
        -- Bounds of one property, told together.
        SELECT part_of_index(object_type, b.property, 3, ARRAY[b.bounds])
          FROM (SELECT e ->> 'property' AS property, string_agg(k, ' AND ') AS bounds
                  FROM jsonb_array_elements(c -> 'all') e
                  JOIN exequatur.object_type t ON t.name = candidates.object_type
                  CROSS JOIN LATERAL key_sql(t.definition -> 'properties' -> (e ->> 'property'), e) k
                 WHERE e ->> 'op' IN ('lt', 'le', 'gt', 'ge') AND is_walkable(candidates.object_type, e ->> 'property')
                 GROUP BY 1 HAVING count(*) > 1) b
      ) x WHERE x.found IS NOT NULL ORDER BY (x.found -> 'rank')::int, length(x.found -> 'found' ->> 0) DESC LIMIT 1);
  ELSIF c ? 'any' THEN
    SELECT jsonb_agg(candidates(object_type, e)) INTO parts FROM jsonb_array_elements(c -> 'any') e;
    IF parts IS NULL OR parts @> '[null]' THEN
      RETURN NULL;
    END IF;
    RETURN (
      SELECT jsonb_build_object('rank', greatest(2, max((p -> 'rank')::int)), 'found', jsonb_path_query_array(parts, '$[*].found[*]'),
                                'points', bool_and((p -> 'points')::boolean) AND jsonb_array_length(jsonb_path_query_array(parts, '$[*].found[*]')) <= most_parts)
        FROM jsonb_array_elements(parts) p);
  ELSIF property = 'id' AND c ->> 'op' IN ('eq', 'in') THEN
    RETURN jsonb_build_object('rank', 0, 'points', false, 'found', jsonb_build_array(
      format('SELECT i.object_id FROM (SELECT unnest(%L::text[]) COLLATE "C" AS object_id) i WHERE true',
             ARRAY(SELECT v #>> '{}' FROM jsonb_array_elements(coalesce(c -> 'values', jsonb_build_array(c -> 'value'))) v))));
  ELSIF property IS NULL OR NOT is_walkable(object_type, property) THEN
    RETURN NULL;
  END IF;
  IF jsonb_array_length(CASE WHEN c ->> 'op' IN ('in', 'containsAny') THEN c -> 'values' ELSE '[]' END) > most_parts THEN
    RETURN (
      SELECT jsonb_build_object('rank', 2, 'points', false, 'found', part_of_index(object_type, property, 2, ARRAY[format('i.key = ANY (%L::text[])', k.keys)]) -> 'found')
        FROM (SELECT array_agg(DISTINCT index_key(coalesce(CASE WHEN c ->> 'op' = 'in' THEN t.definition #>> ARRAY['properties', property, 'type'] END, 'string'), v)) AS keys
                FROM exequatur.object_type t CROSS JOIN LATERAL jsonb_array_elements(c -> 'values') v WHERE t.name = candidates.object_type) k);
  END IF;
  SELECT array_agg(k) INTO keys FROM exequatur.object_type t CROSS JOIN LATERAL key_sql(t.definition -> 'properties' -> property, c) k WHERE t.name = candidates.object_type;
  RETURN part_of_index(object_type, property, CASE WHEN c ->> 'op' IN ('eq', 'contains') THEN 1 WHEN c ->> 'op' IN ('in', 'containsAny') THEN 2 WHEN c ->> 'op' = 'present' THEN 4 ELSE 3 END, keys);
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.canonical_facts(value jsonb)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  CASE jsonb_typeof(value)
    WHEN 'object' THEN
      RETURN '{' || coalesce((SELECT string_agg(to_json(e.key)::text || ':' || CASE WHEN is_written_alike(e.value) THEN e.value::text ELSE canonical_facts(e.value) END,
                                                ',' ORDER BY utf16_order(e.key) COLLATE "C") FROM jsonb_each(value) e), '') || '}';
    WHEN 'array' THEN
      RETURN '[' || coalesce((SELECT string_agg(CASE WHEN is_written_alike(e.one) THEN e.one::text ELSE canonical_facts(e.one) END, ',' ORDER BY e.n)
                                FROM jsonb_array_elements(value) WITH ORDINALITY AS e(one, n)), '') || ']';
    WHEN 'number' THEN
      IF value::text !~ '^-?[0-9]{1,15}$' THEN
        RAISE EXCEPTION 'an audit entry holds whole numbers, not %', value USING ERRCODE = 'XQ015';
      END IF;
      RETURN value::text;
    ELSE
      RETURN value::text;
  END CASE;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.change_indexes(object_type text, had text[], remade text[], needed text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  wanted text[] := coalesce((SELECT t.indexed FROM object_type t WHERE t.tenant_id = current_tenant() AND t.name = object_type), '{}');
  defined jsonb := (SELECT t.definition -> 'properties' FROM object_type t WHERE t.tenant_id = current_tenant() AND t.name = object_type);
  has_objects boolean := EXISTS (SELECT FROM object o WHERE o.tenant_id = current_tenant() AND o.type = object_type COLLATE "C" AND o.alive);
  has_rows boolean;
  one text;
  was text;
BEGIN
  FOR one IN
    SELECT unnest(wanted) UNION SELECT unnest(had)
    UNION SELECT b.property COLLATE "default" FROM index_build b WHERE b.tenant_id = current_tenant() AND b.type = object_type COLLATE "C"
    ORDER BY 1
  LOOP
    SELECT b.state INTO was FROM index_build b WHERE b.tenant_id = current_tenant() AND b.type = object_type COLLATE "C" AND b.property = one COLLATE "C" FOR UPDATE;
    IF one = ANY (wanted) AND one = ANY (had) AND NOT one = ANY (remade) AND NOT (one = ANY (needed) AND coalesce(was, 'ready') <> 'ready') THEN
      CONTINUE;
    END IF;
    has_rows := EXISTS (SELECT FROM object_index i WHERE i.tenant_id = current_tenant() AND i.type = object_type COLLATE "C" AND i.property = one COLLATE "C");
    IF one = ANY (wanted) AND one = ANY (needed) AND (has_objects OR has_rows) THEN
      PERFORM FROM type_state s WHERE s.tenant_id = current_tenant() AND s.type = object_type COLLATE "C" FOR UPDATE;
      DELETE FROM object_index i WHERE i.tenant_id = current_tenant() AND i.type = object_type COLLATE "C" AND i.property = one COLLATE "C";
      INSERT INTO object_index (tenant_id, type, property, key, object_id)
      SELECT o.tenant_id, o.type, one, k.key, o.id
        FROM object o CROSS JOIN LATERAL index_keys(defined -> one, o.properties -> one) k(key)
       WHERE o.tenant_id = current_tenant() AND o.type = object_type COLLATE "C" AND o.alive AND o.properties ? one;
    ELSIF has_rows OR (has_objects AND one = ANY (wanted)) THEN
      CONTINUE WHEN was = 'dropping' AND NOT one = ANY (wanted);
      INSERT INTO index_build (tenant_id, type, property, state, started_at)
      VALUES (current_tenant(), object_type, one, CASE WHEN NOT one = ANY (wanted) THEN 'dropping' WHEN has_rows THEN 'clearing' ELSE 'building' END, clock())
      ON CONFLICT (tenant_id, type, property)
      DO UPDATE SET state = EXCLUDED.state, after_key = '', after_id = '', scanned = 0, total = NULL, started_at = EXCLUDED.started_at, finished_at = NULL;
      CONTINUE;
    END IF;
    DELETE FROM index_build b WHERE b.tenant_id = current_tenant() AND b.type = object_type COLLATE "C" AND b.property = one COLLATE "C";
  END LOOP;
  PERFORM tell_building(object_type);
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.changes_told(told exequatur.outbox, undone boolean)
 RETURNS exequatur.outbox
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  uuid_text CONSTANT text := '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
  execution uuid;
  first timestamptz;
  last timestamptz;
BEGIN
  IF can_be_told(told, told.created_at)
     AND (told.data -> 'edits' = '0' OR has_changes(told, (told.data ->> 'executionId')::uuid, told.created_at)) THEN
    RETURN told;
  END IF;
  execution := coalesce(substring(told.subject FROM '^execution/(' || uuid_text || ')$'), substring(told.data ->> 'executionId' FROM '^(' || uuid_text || ')$'));
  SELECT min(x.at), max(x.at) INTO first, last
    FROM (SELECT h.at FROM object_history h WHERE h.tenant_id = told.tenant_id AND h.execution_id = execution AND h.proposal_id = told.proposal_id AND isfinite(h.at)
          UNION ALL
          SELECT l.at FROM link_history l WHERE l.tenant_id = told.tenant_id AND l.execution_id = execution AND l.proposal_id = told.proposal_id AND isfinite(l.at)) x;
  told.created_at := CASE WHEN NOT undone THEN first WHEN last > first THEN last END;
  told.data := jsonb_build_object('executionId', execution, 'undo', undone);
  RETURN CASE WHEN told.created_at IS NOT NULL THEN told END;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.check_members(p exequatur.proposal, parameters jsonb, shapes exequatur.plan_shape[])
 RETURNS void
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  members jsonb := (SELECT v.definition::jsonb -> 'members' FROM action_type_version v WHERE v.tenant_id = p.tenant_id AND v.name = p.action_type AND v.version = p.action_type_version);
BEGIN
  IF jsonb_typeof(parameters -> 'actions') IS DISTINCT FROM 'array' OR jsonb_array_length(parameters -> 'actions') = 0
     OR EXISTS (SELECT FROM jsonb_array_elements(parameters -> 'actions') a WHERE NOT coalesce(members ? (a ->> 'actionType'), false)) THEN
    RAISE EXCEPTION 'an action of the set is none of its members' USING ERRCODE = 'XQ003';
  END IF;
  IF EXISTS (
       WITH bounds AS (
         SELECT v.ceilings FROM jsonb_array_elements(parameters -> 'actions') a
           JOIN action_type_version v ON v.tenant_id = p.tenant_id AND v.name = a ->> 'actionType' AND v.version = (members ->> (a ->> 'actionType'))::int
       )
       SELECT FROM (SELECT s.type, sum(s.edits) AS edits FROM unnest(shapes) s GROUP BY GROUPING SETS ((), (s.type))) made
        WHERE made.edits > (SELECT sum(CASE WHEN made.type IS NULL THEN (b.ceilings ->> 'edits')::bigint ELSE coalesce((b.ceilings -> 'objects' ->> made.type)::bigint, (b.ceilings ->> 'edits')::bigint) END)
                              FROM bounds b)) THEN
    RAISE EXCEPTION 'the plan has more edits than the actions of the set may make' USING ERRCODE = 'XQ005';
  END IF;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.check_references(p exequatur.proposal, edits exequatur.plan_edit[], shapes exequatur.plan_shape[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  reference record;
BEGIN
  FOR reference IN
    SELECT t.name AS type, r.key AS property, r.value AS target, t.definition -> 'properties' -> r.key ->> 'type' = 'array' AS is_list
      FROM object_type t CROSS JOIN LATERAL jsonb_each_text(t."references") r
     WHERE t.tenant_id = p.tenant_id AND EXISTS (SELECT FROM unnest(shapes) s WHERE s.type = t.name AND r.key = ANY (s.touched))
  LOOP
    IF EXISTS (
      WITH wanted AS MATERIALIZED (
        SELECT DISTINCT v.id COLLATE "C" AS id FROM unnest(edits) e
          CROSS JOIN LATERAL jsonb_array_elements_text(CASE WHEN reference.is_list THEN e.set -> reference.property ELSE jsonb_build_array(e.set -> reference.property) END) v(id)
         WHERE e.type = reference.type AND e.set ? reference.property AND v.id IS NOT NULL)
      SELECT FROM wanted w
       WHERE NOT EXISTS (SELECT FROM object o WHERE o.tenant_id = p.tenant_id AND o.type = reference.target COLLATE "C" AND o.id = w.id AND o.alive)) THEN
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
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.check_slots(p exequatur.proposal, content text, edits exequatur.plan_edit[])
 RETURNS void
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  IF strpos(content, '"$slot"') > 0 AND NOT governs(p.action_type) AND EXISTS (
       SELECT FROM unnest(edits) e CROSS JOIN LATERAL jsonb_each(e.set) v
        WHERE slot_in(v.value) IS NOT NULL AND slot_in(v.value) NOT IN (SELECT s.slot FROM slots_for_edits(content) s)) THEN
    RAISE EXCEPTION 'an edit takes what no write-back of this plan says' USING ERRCODE = 'XQ003';
  END IF;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.check_surface(p exequatur.proposal, shapes exequatur.plan_shape[])
 RETURNS void
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  surface jsonb;
  ceilings jsonb;
  outside text;
BEGIN
  SELECT v.surface, v.ceilings INTO surface, ceilings FROM action_type_version v
   WHERE v.tenant_id = p.tenant_id AND v.name = p.action_type AND v.version = p.action_type_version;
  WITH allowed AS (
    SELECT s ->> 'type' AS type, s ->> 'operation' AS op, s -> 'properties' AS properties FROM jsonb_array_elements(surface) s WHERE p.revert_of IS NULL
    UNION ALL
    SELECT s ->> 'type', opposite.op, CASE WHEN s ->> 'operation' = 'modify' THEN s -> 'properties' END
      FROM jsonb_array_elements(surface) s
      JOIN (VALUES ('create', 'delete'), ('delete', 'create'), ('modify', 'modify'), ('link', 'unlink'), ('unlink', 'link'),
                    ('create', 'create'), ('delete', 'delete'), ('link', 'link'), ('unlink', 'unlink')) AS opposite(of, op) ON opposite.of = s ->> 'operation'
     WHERE p.revert_of IS NOT NULL
  )
  SELECT format('%s of %s', m.op, m.type) INTO outside FROM unnest(shapes) m
   WHERE NOT EXISTS (SELECT FROM allowed a WHERE a.type = m.type AND a.op = m.op)
      OR EXISTS (SELECT FROM unnest(m.touched) t(property) WHERE NOT EXISTS (
           SELECT FROM allowed a WHERE a.type = m.type AND a.op = m.op AND (a.properties ? t.property OR (p.revert_of IS NOT NULL AND a.op = 'create'))))
   LIMIT 1;
  IF outside IS NOT NULL THEN
    RAISE EXCEPTION '% is outside what % may touch', outside, p.action_type USING ERRCODE = 'XQ004';
  END IF;
  IF p.revert_of IS NULL AND EXISTS (
       SELECT FROM (SELECT s.type, sum(s.edits) AS edits FROM unnest(shapes) s GROUP BY GROUPING SETS ((), (s.type))) made
        WHERE made.edits > CASE WHEN made.type IS NULL THEN (ceilings ->> 'edits')::int ELSE (ceilings -> 'objects' ->> made.type)::int END) THEN
    RAISE EXCEPTION 'the plan has more edits than % may make', p.action_type USING ERRCODE = 'XQ005';
  END IF;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.check_unique(p exequatur.proposal, object_type text, property text, definition jsonb, edits exequatur.plan_edit[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  IF EXISTS (
    WITH taken AS MATERIALIZED (
      SELECT e.id COLLATE "C" AS id, k.key COLLATE "C" AS key, e.set -> property AS value FROM unnest(edits) e CROSS JOIN LATERAL index_keys(definition, e.set -> property) k(key)
       WHERE e.type = object_type AND e.set ? property
    )
    SELECT FROM taken t
      JOIN object_index i ON i.tenant_id = p.tenant_id AND i.type = object_type COLLATE "C" AND i.property = check_unique.property COLLATE "C" AND i.key = t.key AND i.object_id <> t.id
      JOIN object o ON o.tenant_id = i.tenant_id AND o.type = i.type AND o.id = i.object_id AND o.alive AND o.properties -> check_unique.property = t.value
  ) THEN
    RAISE EXCEPTION 'another % has this %', object_type, property USING ERRCODE = 'XQ010';
  END IF;
END $function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.checkpoints_to_cosign(witness text, passed uuid[], lim integer)
 RETURNS TABLE(tenant_id uuid, size bigint, note text, cosigned bigint)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT h.tenant_id, c.size, c.note, coalesce(s.size, 0)
    FROM audit_head h
   CROSS JOIN LATERAL (SELECT x.size, x.note, x.created_at FROM audit_checkpoint x WHERE x.tenant_id = h.tenant_id ORDER BY x.size DESC LIMIT 1) c
    LEFT JOIN LATERAL (SELECT x.size FROM audit_cosignature x WHERE x.tenant_id = h.tenant_id AND x.witness = checkpoints_to_cosign.witness ORDER BY x.size DESC LIMIT 1) s ON true
   WHERE c.size > coalesce(s.size, 0) AND h.tenant_id <> ALL (passed) ORDER BY c.created_at, h.tenant_id LIMIT lim
$function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.claim_kafka_lanes(claimant uuid, lim integer, lease interval)
 RETURNS TABLE(tenant_id uuid, sink text, seq bigint, ordinal integer)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  INSERT INTO event_lane (tenant_id, sink, seq)
  SELECT h.tenant_id, 'kafka', coalesce((SELECT f.deleted_seq FROM event_feed f WHERE f.tenant_id = h.tenant_id), 0) FROM audit_head h WHERE NOT EXISTS (SELECT FROM event_lane l WHERE l.tenant_id = h.tenant_id AND l.sink = 'kafka') ON CONFLICT DO NOTHING;
  UPDATE event_lane l SET claimed_by = claimant, claimed_until = clock() + lease
    FROM (SELECT x.tenant_id FROM event_lane x JOIN audit_head h ON h.tenant_id = x.tenant_id LEFT JOIN event_feed f ON f.tenant_id = x.tenant_id
           WHERE x.sink = 'kafka' AND (x.claimed_until IS NULL OR x.claimed_until < clock())
             AND (h.seq > x.seq OR (f.head_seq = x.seq AND f.checkpoints > x.ordinal)
                  OR EXISTS (SELECT FROM event_hold w WHERE w.tenant_id = x.tenant_id AND w.sink = x.sink AND w.resolution IS NOT NULL))
           ORDER BY x.served_at, x.tenant_id LIMIT lim FOR UPDATE OF x SKIP LOCKED) free
   WHERE l.tenant_id = free.tenant_id AND l.sink = 'kafka'
  RETURNING l.tenant_id, l.sink, l.seq, l.ordinal
$function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.claim_webhook_lanes(claimant uuid, lim integer, each integer, lease interval)
 RETURNS TABLE(tenant_id uuid, sink text, seq bigint, ordinal integer, name text, url text, filter jsonb, attempts integer, tried_ms double precision, failing_ms double precision)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  WITH now AS MATERIALIZED (
    SELECT clock() AS at
  ), busy AS (
    SELECT l.tenant_id, count(*) AS lanes FROM event_lane l, now WHERE l.sink <> 'kafka' AND l.claimed_until >= now.at GROUP BY l.tenant_id
  ), due AS (
    SELECT l.tenant_id, l.sink, row_number() OVER (PARTITION BY l.tenant_id ORDER BY l.served_at, l.sink) AS place
      FROM now, subscription s JOIN event_lane l ON l.tenant_id = s.tenant_id AND l.sink = s.id::text JOIN audit_head h ON h.tenant_id = s.tenant_id LEFT JOIN event_feed f ON f.tenant_id = s.tenant_id
     WHERE s.enabled AND s.disabled_at IS NULL AND s.next_attempt_at <= now.at AND (h.seq > l.seq OR (f.head_seq = l.seq AND f.checkpoints > l.ordinal)) AND (l.claimed_until IS NULL OR l.claimed_until < now.at)
  ), free AS (
    -- Whoever changes a subscription locks its lane first. With both locked, each is the newest there is, and the conditions are asked of it again.
    SELECT l.tenant_id, l.sink, s.name, s.url, s.filter, s.attempts, s.tried_since, s.failing_since
      FROM now, event_lane l JOIN due d ON d.tenant_id = l.tenant_id AND d.sink = l.sink JOIN subscription s ON s.tenant_id = l.tenant_id AND s.id::text = l.sink
      LEFT JOIN busy b ON b.tenant_id = l.tenant_id
     WHERE d.place <= each - coalesce(b.lanes, 0) AND (l.claimed_until IS NULL OR l.claimed_until < now.at)
       AND s.enabled AND s.disabled_at IS NULL AND s.next_attempt_at <= now.at
     ORDER BY l.served_at, l.tenant_id, l.sink LIMIT lim FOR UPDATE OF l SKIP LOCKED FOR SHARE OF s SKIP LOCKED
  )
  UPDATE event_lane l SET claimed_by = claimant, claimed_until = now.at + lease
    FROM now, free f
   WHERE l.tenant_id = f.tenant_id AND l.sink = f.sink
  RETURNING l.tenant_id, l.sink, l.seq, l.ordinal, f.name, f.url, f.filter, f.attempts,
            (extract(epoch FROM now.at - f.tried_since) * 1000)::float8, (extract(epoch FROM now.at - f.failing_since) * 1000)::float8
$function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.claim_webhook_requests(lim integer, each integer, lease interval)
 RETURNS TABLE(tenant_id uuid, id uuid, name text, url text, filter jsonb, kind text, seq bigint, ordinal integer, event_id text, asked_at timestamp with time zone)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  DELETE FROM webhook_request r USING (SELECT x.tenant_id, x.id FROM webhook_request x WHERE x.asked_at < clock() - interval '1 day' FOR UPDATE SKIP LOCKED) old
   WHERE r.tenant_id = old.tenant_id AND r.id = old.id;
  WITH now AS MATERIALIZED (
    SELECT clock() AS at
  ), busy AS (
    SELECT x.tenant_id, count(*) AS requests FROM webhook_request x, now WHERE x.done_at IS NULL AND x.claimed_until >= now.at GROUP BY x.tenant_id
  ), due AS (
    SELECT x.tenant_id, x.id, row_number() OVER (PARTITION BY x.tenant_id ORDER BY x.asked_at, x.id) AS place
      FROM now, webhook_request x JOIN subscription s ON s.tenant_id = x.tenant_id AND s.id = x.subscription_id
     WHERE x.done_at IS NULL AND (x.claimed_until IS NULL OR x.claimed_until < now.at)
       AND (x.kind = 'test' OR (s.enabled AND EXISTS (SELECT FROM dead_letter d WHERE d.tenant_id = x.tenant_id AND d.subscription_id = x.subscription_id AND d.seq = x.seq AND d.ordinal = x.ordinal)))
  ), free AS (
    SELECT x.tenant_id, x.id FROM now, webhook_request x JOIN due d ON d.tenant_id = x.tenant_id AND d.id = x.id LEFT JOIN busy b ON b.tenant_id = x.tenant_id
     WHERE d.place <= each - coalesce(b.requests, 0) AND x.done_at IS NULL AND (x.claimed_until IS NULL OR x.claimed_until < now.at)
     ORDER BY x.asked_at, x.id LIMIT lim FOR UPDATE OF x SKIP LOCKED
  )
  UPDATE webhook_request r SET claimed_until = now.at + lease
    FROM now, subscription s, free f LEFT JOIN (SELECT y.tenant_id, y.id, d.event_id FROM webhook_request y JOIN dead_letter d ON d.tenant_id = y.tenant_id AND d.subscription_id = y.subscription_id AND d.seq = y.seq AND d.ordinal = y.ordinal) l
           ON l.tenant_id = f.tenant_id AND l.id = f.id
   WHERE r.tenant_id = f.tenant_id AND r.id = f.id AND s.tenant_id = r.tenant_id AND s.id = r.subscription_id
  RETURNING r.tenant_id, r.id, s.name, s.url, s.filter, r.kind, r.seq, r.ordinal, l.event_id, r.asked_at
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.combine_actions(action_type text)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  tenant uuid := current_tenant();
  names text[] := members_of(combine_actions.action_type);
  known record;
  meaning text;
  made int;
BEGIN
  IF NOT is_change_set(combine_actions.action_type) OR cardinality(names) = 0
     OR combine_actions.action_type <> (SELECT string_agg(n, '+' ORDER BY n COLLATE "C") || CASE WHEN count(*) = 1 THEN '+' ELSE '' END FROM (SELECT DISTINCT unnest(names) AS n) x) THEN
    RAISE EXCEPTION 'the names of a change set are sorted and joined by +' USING ERRCODE = 'XQ006';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended(tenant::text || combine_actions.action_type, 1));
  SELECT jsonb_build_object('format', 2, 'members', jsonb_object_agg(a.name, a.current_version))::text INTO meaning
    FROM action_type a WHERE a.tenant_id = tenant AND a.name = ANY (names) AND NOT a.retired AND NOT governs(a.name) HAVING count(*) = cardinality(names);
  IF meaning IS NULL THEN
    RETURN NULL;
  END IF;
  SELECT v.version, v.definition INTO known FROM action_type_version v WHERE v.tenant_id = tenant AND v.name = combine_actions.action_type ORDER BY v.version DESC LIMIT 1;
  IF known.definition = meaning THEN
    RETURN known.version;
  END IF;
  made := coalesce(known.version, 0) + 1;
  INSERT INTO action_type_version (tenant_id, name, version, ontology_version, definition, digest, surface, floors, ceilings, created_at)
  WITH members AS MATERIALIZED (
    SELECT v.name, v.surface, v.floors, v.definition::jsonb -> 'approvalPolicy' AS policy
      FROM action_type a JOIN action_type_version v ON v.tenant_id = a.tenant_id AND v.name = a.name AND v.version = a.current_version
     WHERE a.tenant_id = tenant AND a.name = ANY (names)
  ), rows AS (
    SELECT s ->> 'type' AS type, s ->> 'operation' AS op, p.property FROM members m CROSS JOIN LATERAL jsonb_array_elements(m.surface) s
      LEFT JOIN LATERAL jsonb_array_elements_text(s -> 'properties') AS p(property) ON true
  ), widened AS (
    SELECT r.type, r.op, r.property FROM rows r
    UNION
    SELECT c.type, 'create', r.property FROM (SELECT DISTINCT x.type FROM rows x WHERE x.op = 'create') c JOIN rows r ON r.type = c.type AND r.op = 'modify'
    UNION
    SELECT c.type, 'modify', k.property FROM (SELECT DISTINCT x.type FROM rows x WHERE x.op = 'create') c
      JOIN object_type t ON t.tenant_id = tenant AND t.name = c.type CROSS JOIN LATERAL jsonb_object_keys(t.definition -> 'properties') AS k(property)
     WHERE k.property IS DISTINCT FROM t.key_property AND EXISTS (SELECT FROM rows d WHERE d.type = c.type AND d.op = 'delete')
  ), merged AS (
    SELECT jsonb_agg(jsonb_build_object('type', w.type, 'operation', w.op) || CASE WHEN w.op IN ('create', 'modify') THEN jsonb_build_object('properties', w.properties) ELSE '{}' END
                     ORDER BY w.type, w.op) AS surface
      FROM (SELECT x.type, x.op, coalesce(jsonb_agg(x.property ORDER BY x.property) FILTER (WHERE x.property IS NOT NULL), '[]') AS properties FROM widened x GROUP BY x.type, x.op) w
  ), policies AS (
    SELECT m.policy, max(f.needed) AS needed, coalesce((m.policy ->> 'distinctReviewers')::boolean, true) AS distinct_people
      FROM members m CROSS JOIN LATERAL (SELECT max((x ->> 'approvals')::int) AS needed FROM jsonb_array_elements(m.floors) x WHERE x ? 'approvals') f GROUP BY m.policy
  )
  SELECT tenant, combine_actions.action_type, made, (SELECT max(o.version) FROM ontology_version o WHERE o.tenant_id = tenant), meaning,
         'sha256:' || encode(sha256(convert_to(meaning, 'UTF8')), 'hex'), (SELECT g.surface FROM merged g),
         (SELECT jsonb_build_array(jsonb_build_object('ceilings', '{}'::jsonb, 'approvals', greatest(1, CASE WHEN bool_or(p.distinct_people) THEN sum(p.needed) ELSE max(p.needed) END))) FROM policies p),
         jsonb_build_object('edits', 100000, 'objects', '{}'::jsonb), clock();
  INSERT INTO action_type AS t (tenant_id, name, current_version, retired) VALUES (tenant, combine_actions.action_type, made, false)
  ON CONFLICT (tenant_id, name) DO UPDATE SET current_version = EXCLUDED.current_version;
  RETURN made;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.commitment_to(d exequatur.decision)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  RETURN encode(sha256(d.salt || convert_to(format(
    '{"action":%s,"actor":%s,"details":%s,"digest":%s,"errors":%s,"id":%s,"outcome":%s,"policies":%s,"policyVersion":%s,"proposalId":%s,"reason":%s,"revision":%s}',
    to_json(d.action), to_json(d.actor), fact_text(d.details), fact_text(to_jsonb(d.digest)), fact_text(to_jsonb(d.errors)), to_json(d.id), to_json(d.outcome),
    fact_text(to_jsonb(d.policies)), d.policy_version, to_json(d.proposal_id), fact_text(to_jsonb(d.reason)), d.revision), 'UTF8')), 'hex');
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.comparison_sql(definition jsonb, c jsonb)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  property text := c ->> 'property';
  op text := c ->> 'op';
  path text[] := ARRAY(SELECT jsonb_array_elements_text(coalesce(c -> 'path', '[]')));
  field text;
  kind text;
  sign text := CASE coalesce(c ->> 'is', op) WHEN 'eq' THEN '=' WHEN 'lt' THEN '<' WHEN 'le' THEN '<=' WHEN 'gt' THEN '>' WHEN 'ge' THEN '>=' END;
  json text;
  held text;
BEGIN
  -- A field of a struct is described there; a point holds two doubles.
  FOREACH field IN ARRAY path LOOP
    definition := CASE WHEN definition ->> 'type' = 'geopoint' THEN '{"type": "double"}' ELSE definition -> 'properties' -> field END;
  END LOOP;
  kind := CASE WHEN property = 'id' THEN 'string' ELSE coalesce(definition ->> 'type', 'string') END;
  json := CASE WHEN cardinality(path) = 0 THEN format('(o.properties -> %L)', property) ELSE format('(o.properties #> %L::text[])', property || path) END;
  held := CASE WHEN cardinality(path) = 0 THEN value_sql(kind, property) ELSE typed_sql(kind, format('(o.properties #>> %L::text[])', property || path)) END;
  -- Every object has an id, and its index answers only what stands alone.
  IF property = 'id' AND sign IS NOT NULL THEN
    RETURN format('(o.id %s %L)', sign, c ->> 'value');
  ELSIF property = 'id' AND op = 'startsWith' THEN
    RETURN format('(o.id >= %L AND o.id <= %L)', c ->> 'value', (c ->> 'value') || repeat(chr(1114111), 256));
  END IF;
  CASE op
    WHEN 'present' THEN RETURN CASE WHEN property = 'id' THEN 'true' WHEN cardinality(path) > 0 THEN format('(%s IS NOT NULL)', json) ELSE format('(o.properties ? %L)', property) END;
    -- The CASE keeps what is no list from being measured.
    WHEN 'size' THEN RETURN format('coalesce(CASE jsonb_typeof(%1$s) WHEN ''array'' THEN jsonb_array_length(%1$s) END %2$s %3$L::numeric, %4$s)', json, coalesce(sign, '<>'), c ->> 'value', (sign IS NULL)::text);
    WHEN 'contains' THEN RETURN format('coalesce(%s @> jsonb_build_array(%L::jsonb), false)', json, c -> 'value');
    WHEN 'containsAny' THEN
      RETURN format('coalesce(%s ?| %L::text[], false)', json, ARRAY(SELECT jsonb_array_elements_text(c -> 'values')));
    WHEN 'startsWith' THEN RETURN format('coalesce(starts_with(%s, %L), false)', held, c ->> 'value');
    WHEN 'endsWith' THEN RETURN format('coalesce(right(%1$s, length(%2$L)) = %2$L, false)', held, c ->> 'value');
    WHEN 'includes' THEN RETURN format('coalesce(strpos(%s, %L) > 0, false)', held, c ->> 'value');
    WHEN 'in' THEN
      RETURN coalesce((SELECT format('coalesce(%s IN (%s), false)', held, string_agg(literal_sql(kind, v), ', ')) FROM jsonb_array_elements(c -> 'values') v HAVING count(*) > 0), 'false');
    WHEN 'ne' THEN RETURN format('coalesce(%s <> %s, true)', held, literal_sql(kind, c -> 'value'));
    ELSE
      IF sign IS NULL THEN
        RAISE EXCEPTION 'unknown comparison' USING ERRCODE = 'XQ013';
      END IF;
      RETURN format('coalesce(%s %s %s, false)', held, sign, literal_sql(kind, c -> 'value'));
  END CASE;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.concerned_by(edit exequatur.plan_edit)
 RETURNS SETOF text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  RETURN QUERY
  SELECT DISTINCT b.id FROM unnest(CASE edit.type
           WHEN '$delegation' THEN ARRAY[edit.set ->> 'delegator', edit.set ->> 'delegate']
           WHEN '$principal' THEN edit.id || ARRAY(SELECT jsonb_array_elements_text(edit.set -> 'change' -> 'linkedIdentities'))
           WHEN '$switch' THEN CASE edit.id WHEN 'agent/all' THEN ARRAY(SELECT behind_agents())
                                            ELSE ARRAY(SELECT substring(edit.id FROM '^(?:principal|agent)/(.*)$')) END END) c(id)
    CROSS JOIN LATERAL stands_behind(c.id, NULL) b(id);
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.condition_sql(object_type text, c jsonb)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  IF c ? 'all' THEN
    RETURN coalesce((SELECT '(' || string_agg(condition_sql(object_type, x), ' AND ') || ')' FROM jsonb_array_elements(c -> 'all') x), 'true');
  ELSIF c ? 'any' THEN
    RETURN coalesce((SELECT '(' || string_agg(condition_sql(object_type, x), ' OR ') || ')' FROM jsonb_array_elements(c -> 'any') x), 'false');
  ELSIF c ? 'not' THEN
    RETURN format('(NOT %s)', condition_sql(object_type, c -> 'not'));
  END IF;
  RETURN comparison_sql((SELECT t.definition -> 'properties' -> (c ->> 'property') FROM object_type t WHERE t.name = object_type), c);
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.count_objects(object_type text, condition jsonb, lim integer)
 RETURNS bigint
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  counted bigint;
BEGIN
  EXECUTE format('SELECT count(*) FROM (SELECT %s LIMIT %s) o', selected_sql(object_type, condition, candidates(object_type, condition)), lim + 1) INTO counted;
  RETURN counted;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.count_standing(root uuid)
 RETURNS TABLE(proposal_id uuid, did bigint, stands bigint, is_left boolean)
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT s.proposal_id, count(*), count(*) FILTER (WHERE s.stands), bool_or(s.stands AND s.back) FROM standing_of_family(root) s GROUP BY s.proposal_id
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.counted_since(plan uuid)
 RETURNS timestamp with time zone
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
  others uuid[] := ARRAY(SELECT x.id FROM exequatur.plan x WHERE x.tenant_id = tenant AND x.id <> counted_since.plan
                            AND x.proposal_id = (SELECT l.proposal_id FROM exequatur.plan l WHERE l.tenant_id = tenant AND l.id = counted_since.plan));
BEGIN
  IF others = '{}' THEN
    RETURN '-infinity';
  END IF;
  RETURN (
    SELECT coalesce(date_trunc('milliseconds', max(o.created_at)), '-infinity')
      FROM exequatur.read_set o
     WHERE o.tenant_id = tenant AND o.plan_id = ANY (others)
       AND o.created_at < (SELECT max(s.created_at) FROM exequatur.read_set s WHERE s.tenant_id = tenant AND s.plan_id = counted_since.plan));
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.counting_reviews(p exequatur.proposal)
 RETURNS SETOF uuid
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH given AS (
    SELECT r.id, r.decision, r.created_at, r.reviewer_id, r.on_behalf_of, r.delegation_id,
           CASE WHEN r.on_behalf_of IS NULL THEN ARRAY[coalesce(w.person, w.id)] ELSE ARRAY[coalesce(w.person, w.id), coalesce(o.person, r.on_behalf_of)] END AS parties,
           w.kind = 'user' AND NOT w.disabled AND (r.on_behalf_of IS NULL OR coalesce(o.kind = 'user' AND NOT o.disabled, false))
             AND NOT EXISTS (SELECT FROM principal z WHERE z.tenant_id = r.tenant_id AND z.person IN (w.person, o.person) AND z.disabled) AS is_fit
      FROM review r JOIN principal w ON w.tenant_id = r.tenant_id AND w.id = r.reviewer_id
      LEFT JOIN principal o ON o.tenant_id = r.tenant_id AND o.id = r.on_behalf_of
     WHERE r.tenant_id = p.tenant_id AND r.proposal_id = p.id AND r.revision = p.revision AND r.digest = p.plan_digest AND r.created_at >= counted_since(p.plan_id)
  )
  SELECT g.id FROM given g
   WHERE g.decision = 'approve' AND g.is_fit AND g.created_at > approvals_since(p.plan_id)
     AND NOT EXISTS (SELECT FROM given n WHERE n.id <> g.id AND n.parties && g.parties
                        AND (n.created_at > g.created_at OR (n.created_at = g.created_at AND (n.decision <> 'approve' OR n.id > g.id))))
     AND NOT g.parties && ARRAY(SELECT exequatur.stands_behind_proposal(p.proposer_id, p.acts_for, p.revised_for))
     AND (g.delegation_id IS NULL OR delegation_holds(g.delegation_id, g.on_behalf_of, g.reviewer_id, p.action_type))
     AND (SELECT c.review_id FROM review_consumption c WHERE c.tenant_id = p.tenant_id AND c.review_id = g.id) IS NULL
     -- Whose review it is has the role, and has handed it over where a delegate gave it.
     AND (NOT governs(p.action_type) OR EXISTS (
           SELECT FROM standing_role s LEFT JOIN delegation x ON x.tenant_id = s.tenant_id AND x.id = g.delegation_id
            WHERE s.tenant_id = p.tenant_id AND s.principal_id = coalesce(g.on_behalf_of, g.reviewer_id) AND s.role = role_that_governs(p.action_type)
              AND s.removed_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > clock()) AND (x.roles IS NULL OR s.role = ANY (x.roles))));
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.current_tenant()
 RETURNS uuid
 LANGUAGE sql
 STABLE
AS $function$ SELECT nullif(current_setting('app.tenant', true), '')::uuid $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.delegation_holds(delegation text, delegator text, delegate text, action_type text)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
  now timestamptz := exequatur.clock();
BEGIN
  RETURN EXISTS (SELECT FROM exequatur.delegation d
                  WHERE d.tenant_id = tenant AND d.id = delegation_holds.delegation AND d.delegator = delegation_holds.delegator AND d.delegate = delegation_holds.delegate
                    AND d.revoked_at IS NULL AND d.starts_at <= now AND now < d.ends_at
                    AND (d.action_types IS NULL OR exequatur.members_of(delegation_holds.action_type) <@ d.action_types));
END $function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.delete_old_events(kept interval, lim integer)
 RETURNS TABLE(entries bigint, events bigint)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  before timestamptz := clock() - greatest(kept, interval '1 day');
  tenant uuid;
  first bigint;
  last bigint;
  passed bigint;
  gone bigint;
BEGIN
  INSERT INTO event_feed (tenant_id) SELECT h.tenant_id FROM audit_head h WHERE NOT EXISTS (SELECT FROM event_feed f WHERE f.tenant_id = h.tenant_id) ON CONFLICT DO NOTHING;
  FOR tenant, first IN
    SELECT f.tenant_id, f.deleted_seq FROM event_feed f JOIN audit_entry e ON e.tenant_id = f.tenant_id AND e.seq = f.deleted_seq + 1
     WHERE e.at < before ORDER BY e.at, f.tenant_id
  LOOP
    CONTINUE WHEN passed_by_all(tenant) <= first;
    PERFORM FROM event_feed f WHERE f.tenant_id = tenant AND f.deleted_seq = first FOR UPDATE SKIP LOCKED;
    CONTINUE WHEN NOT FOUND;
    -- Asked again: a lane may have been moved back before the row was locked, and none is while it is.
    passed := passed_by_all(tenant);
    SELECT max(e.seq) INTO last FROM audit_entry e
     WHERE e.tenant_id = tenant AND e.seq > first AND e.seq <= least(first + least(lim, 10000), passed) AND e.at < before;
    CONTINUE WHEN last IS NULL;
    -- Checkpoints that were made behind an entry are in front of the end of the next.
    DELETE FROM outbox o USING audit_entry e
     WHERE e.tenant_id = tenant AND e.seq BETWEEN first AND last AND o.tenant_id = e.tenant_id AND o.audit_entry_id = e.id
       AND CASE WHEN o.type = 'audit.checkpoint' THEN e.seq < last ELSE e.seq > first END;
    GET DIAGNOSTICS gone = ROW_COUNT;
    UPDATE event_feed f SET deleted_seq = last WHERE f.tenant_id = tenant;
    RETURN QUERY SELECT last - first, gone;
    RETURN;
  END LOOP;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.denying_reviews(p exequatur.proposal)
 RETURNS SETOF uuid
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
#variable_conflict use_column
BEGIN
  IF NOT EXISTS (SELECT FROM review r WHERE r.tenant_id = p.tenant_id AND r.proposal_id = p.id AND r.decision = 'reject') THEN
    RETURN;
  END IF;
  RETURN QUERY
  WITH given AS (
    SELECT r.id, r.decision, r.created_at, r.reviewer_id, r.on_behalf_of,
           CASE WHEN r.on_behalf_of IS NULL THEN ARRAY[coalesce(w.person, w.id)] ELSE ARRAY[coalesce(w.person, w.id), coalesce(o.person, r.on_behalf_of)] END AS parties,
           w.kind = 'user' AND (r.on_behalf_of IS NULL OR coalesce(o.kind = 'user', false)) AS is_human
      FROM review r JOIN principal w ON w.tenant_id = r.tenant_id AND w.id = r.reviewer_id
      LEFT JOIN principal o ON o.tenant_id = r.tenant_id AND o.id = r.on_behalf_of
     WHERE r.tenant_id = p.tenant_id AND r.proposal_id = p.id AND r.revision = p.revision AND r.digest = p.plan_digest AND r.created_at >= counted_since(p.plan_id)
  )
  SELECT g.id FROM given g
   WHERE g.decision = 'reject' AND g.is_human
     AND NOT EXISTS (SELECT FROM given n WHERE n.id <> g.id AND n.parties && g.parties
                        AND (n.created_at > g.created_at OR (n.created_at = g.created_at AND n.decision <> 'approve' AND n.id > g.id)))
     AND NOT g.parties && ARRAY(SELECT exequatur.stands_behind_proposal(p.proposer_id, p.acts_for, p.revised_for));
END $function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.disable_subscription(tenant uuid, sink text, claimant uuid, reason text, code text, message text, entries jsonb)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  given_up text;
  tried boolean := reason <> 'filter';
  at timestamptz := clock();
BEGIN
  UPDATE event_lane l SET claimed_by = NULL, claimed_until = NULL, served_at = at WHERE l.tenant_id = tenant AND l.sink = disable_subscription.sink AND l.claimed_by = claimant;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  -- Where the filter is to blame nothing was tried.
  UPDATE subscription s
     SET disabled_reason = reason, disabled_at = at, attempts = s.attempts + tried::int, tried_since = CASE WHEN tried THEN coalesce(s.tried_since, at) ELSE s.tried_since END,
         failing_since = CASE WHEN tried THEN coalesce(s.failing_since, at) ELSE s.failing_since END,
         error_code = code, error_message = left(message, 1000), error_at = at
   WHERE s.tenant_id = tenant AND s.id::text = disable_subscription.sink AND s.disabled_at IS NULL RETURNING s.name INTO given_up;
  IF given_up IS NULL THEN
    RETURN false;
  END IF;
  IF jsonb_array_length(entries) <> 1 OR (entries -> 0 ->> 'payload')::jsonb - 'type' IS DISTINCT FROM jsonb_build_object('name', given_up, 'reason', reason)
     OR entries -> 0 ->> 'type' IS DISTINCT FROM 'subscription.disabled' THEN
    RAISE EXCEPTION 'the audit entry tells of something else' USING ERRCODE = 'XQ015';
  END IF;
  PERFORM set_config('app.tenant', tenant::text, true);
  INSERT INTO outbox (tenant_id, id, audit_entry_id, type, subject, data, created_at)
  VALUES (tenant, gen_random_uuid(), (entries -> 0 ->> 'id')::uuid, 'subscription.disabled', 'subscription/' || given_up, jsonb_build_object('name', given_up, 'reason', reason), at);
  PERFORM append_audit(entries);
  RETURN true;
END $function$;

-- Owned by exequatur_audit_writer.
CREATE OR REPLACE FUNCTION exequatur.disclosed_by(told jsonb, disclosures jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 IMMUTABLE
AS $function$
DECLARE
  said jsonb := '{}';
  names text[] := '{}';
  one jsonb;
BEGIN
  IF NOT told ? 'commitments' AND disclosures = '[]' THEN
    RETURN said; -- As most do.
  END IF;
  IF jsonb_typeof(disclosures) IS DISTINCT FROM 'array' THEN
    RAISE EXCEPTION 'an audit entry discloses what it did not commit to' USING ERRCODE = 'XQ015';
  END IF;
  FOR at IN 0 .. jsonb_array_length(disclosures) - 1 LOOP
    one := disclosures -> at;
    IF NOT coalesce(one ->> 'salt' ~ '^[0-9a-f]{32}$' AND one ->> 'value' IS JSON, false)
       OR told -> 'commitments' -> (one ->> 'name') IS DISTINCT FROM to_jsonb(encode(sha256(decode(one ->> 'salt', 'hex') || convert_to(one ->> 'value', 'UTF8')), 'hex'))
       OR (jsonb_typeof((one ->> 'value')::jsonb) <> 'string' AND one ->> 'name' IN ('proposer', 'actsFor', 'reviewer', 'onBehalfOf', 'actor'))
       OR one ->> 'name' = ANY (names) THEN
      RAISE EXCEPTION 'an audit entry discloses what it did not commit to' USING ERRCODE = 'XQ015';
    END IF;
    IF is_too_deep(one ->> 'value') THEN
      RAISE EXCEPTION 'an audit entry is nested too deep' USING ERRCODE = 'XQ015';
    END IF;
    said := said || jsonb_build_object(one ->> 'name', (one ->> 'value')::jsonb);
    names := names || (one ->> 'name');
  END LOOP;
  IF jsonb_typeof(told -> 'commitments') IS DISTINCT FROM 'object' OR (told -> 'commitments') - names <> '{}' THEN
    RAISE EXCEPTION 'an audit entry commits to what it does not disclose' USING ERRCODE = 'XQ015';
  END IF;
  RETURN said;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.disclosed_value(value text)
 RETURNS jsonb
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  RETURN value::jsonb;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
  RETURN NULL;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.disinterested(reviews uuid[], edit exequatur.plan_edit)
 RETURNS uuid[]
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  tenant uuid := current_tenant();
  concerned text[] := ARRAY(SELECT concerned_by(edit));
BEGIN
  RETURN ARRAY(SELECT r.id FROM review r
                WHERE r.tenant_id = tenant AND r.id = ANY (reviews)
                  AND NOT EXISTS (SELECT FROM principal w WHERE w.tenant_id = tenant AND w.id IN (r.reviewer_id, r.on_behalf_of)
                                     AND ARRAY[w.id, coalesce(w.person, w.id)] && concerned));
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.edits_of(content text)
 RETURNS exequatur.plan_edit[]
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  edits plan_edit[];
  sound boolean;
  first text := split_part(content, E'\n', 3);
  common text[] := '{}';
BEGIN
  IF first IS JSON OBJECT THEN
    common := ARRAY(SELECT jsonb_object_keys(CASE WHEN jsonb_typeof(first::jsonb -> 'set') = 'object' THEN first::jsonb -> 'set' ELSE '{}' END));
  END IF;
  SELECT array_agg(ROW(e.op, coalesce(e.type, e.link), e.id, coalesce(e.set, '{}'), e.unset, coalesce(e.before, '{}'),
                       CASE WHEN e.set IS NULL THEN e.unset
                            WHEN e.unset = '{}' AND e.set ?& common AND e.set - common = '{}' THEN common
                            ELSE ARRAY(SELECT jsonb_object_keys(e.set)) || e.unset END,
                       e.from_id, e.to_id)::plan_edit),
         bool_and(coalesce(CASE
           WHEN e.op = 'modify' THEN e.before IS NOT NULL AND (e.set IS NOT NULL OR e.unset <> '{}') AND e.link IS NULL AND e.type IS NOT NULL AND e.id IS NOT NULL
           WHEN e.op = 'create' THEN e.before IS NULL AND e.set IS NOT NULL AND e.unset = '{}' AND e.link IS NULL AND e.type IS NOT NULL AND length(e.id) BETWEEN 1 AND 256 AND e.id !~ '[\x01-\x1f\x7f]'
           WHEN e.op = 'delete' THEN e.before IS NOT NULL AND e.set IS NULL AND e.unset = '{}' AND e.link IS NULL AND e.type IS NOT NULL AND e.id IS NOT NULL
           WHEN e.op IN ('link', 'unlink') THEN e.type IS NULL AND e.link IS NOT NULL AND e.from_id IS NOT NULL AND e.to_id IS NOT NULL
         END, false))
    INTO edits, sound
    FROM (SELECT j ->> 'op' AS op, j ->> 'type' AS type, j ->> 'link' AS link, j ->> 'id' AS id, j ->> 'from' AS from_id, j ->> 'to' AS to_id,
                 CASE jsonb_typeof(j -> 'before') WHEN 'object' THEN j -> 'before' END AS before,
                 CASE jsonb_typeof(j -> 'set') WHEN 'object' THEN j -> 'set' END AS set,
                 CASE jsonb_typeof(j -> 'unset') WHEN 'array' THEN ARRAY(SELECT jsonb_array_elements_text(j -> 'unset')) ELSE '{}' END AS unset
            FROM (SELECT CASE WHEN l.line IS JSON OBJECT WITH UNIQUE KEYS THEN l.line::jsonb END AS j
                    FROM string_to_table(content, E'\n') WITH ORDINALITY AS l(line, n) WHERE l.n > 2 OFFSET 0) parsed OFFSET 0) e;
  IF NOT coalesce(sound, true) THEN
    RAISE EXCEPTION 'a line of the plan is no edit: an object with unique keys, of a known kind and with what that kind has' USING ERRCODE = 'XQ003';
  END IF;
  RETURN coalesce(edits, '{}');
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.end_migration(migration uuid, outcome text, by text, reason text, faults jsonb)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  m ontology_migration;
BEGIN
  PERFORM FROM tenant_control c WHERE c.tenant_id = current_tenant() FOR UPDATE;
  SELECT x.* INTO m FROM ontology_migration x WHERE x.tenant_id = current_tenant() AND x.id = end_migration.migration FOR UPDATE;
  IF m.state IS DISTINCT FROM 'running' THEN
    RETURN NULL;
  END IF;
  IF end_migration.outcome = 'running' OR (SELECT max(o.version) FROM ontology_version o WHERE o.tenant_id = m.tenant_id) <> m.base_version + 1 THEN
    RAISE EXCEPTION 'the migration cannot end like that' USING ERRCODE = 'XQ006';
  END IF;
  IF end_migration.outcome = 'done' AND EXISTS (
       SELECT FROM migration_batch b JOIN proposal p ON p.tenant_id = b.tenant_id AND p.id = b.proposal_id
        WHERE b.tenant_id = m.tenant_id AND b.migration_id = m.id AND p.status NOT IN ('executed', 'invalid')) THEN
    RAISE EXCEPTION 'a batch of the migration is not through' USING ERRCODE = 'XQ006';
  END IF;
  UPDATE ontology_migration x
     SET state = end_migration.outcome, ended_by = end_migration.by, ended_at = clock(), reason = end_migration.reason, faults = end_migration.faults
   WHERE x.tenant_id = m.tenant_id AND x.id = m.id;
  RETURN keep_definitions(CASE end_migration.outcome WHEN 'done' THEN m.target ELSE m.restore END, m.started_by);
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.end_saga(proposal uuid)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
DECLARE
  s saga;
  now timestamptz;
  target text;
BEGIN
  PERFORM FROM proposal p WHERE p.tenant_id = current_tenant() AND p.id = end_saga.proposal AND p.status = 'compensating' FOR UPDATE;
  IF FOUND THEN
    SELECT x.* INTO s FROM saga x WHERE x.tenant_id = current_tenant() AND x.proposal_id = end_saga.proposal AND x.ended_at IS NULL FOR UPDATE;
  END IF;
  IF s.proposal_id IS NULL OR NOT is_undone(s) THEN
    RAISE EXCEPTION 'not everything is undone' USING ERRCODE = 'XQ006';
  END IF;
  target := CASE WHEN s.edits = 'skipped'
                   OR EXISTS (SELECT FROM saga_step t WHERE t.tenant_id = s.tenant_id AND t.proposal_id = s.proposal_id AND t.run = s.run AND t.state = 'skipped') THEN 'failed' ELSE s.back_to END;
  now := clock();
  UPDATE saga x SET ended_at = now WHERE x.tenant_id = s.tenant_id AND x.proposal_id = s.proposal_id AND x.run = s.run;
  UPDATE proposal p SET status = target, failure = CASE target WHEN 'failed' THEN coalesce(s.failure, left_by_operator()) END, updated_at = now,
         status_timestamps = p.status_timestamps || jsonb_build_object(target, stamp(now))
   WHERE p.tenant_id = s.tenant_id AND p.id = s.proposal_id;
  RETURN target;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.end_untried(proposal uuid)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  IF EXISTS (SELECT FROM saga s WHERE s.tenant_id = current_tenant() AND s.proposal_id = end_untried.proposal AND s.ended_at IS NULL
                AND (s.edits <> 'waiting' OR EXISTS (SELECT FROM saga_step t WHERE t.tenant_id = s.tenant_id AND t.proposal_id = s.proposal_id AND t.run = s.run AND t.state NOT IN ('waiting', 'refused')))) THEN
    RAISE EXCEPTION 'what was begun must be undone first' USING ERRCODE = 'XQ006';
  END IF;
  UPDATE saga s SET ended_at = clock() WHERE s.tenant_id = current_tenant() AND s.proposal_id = end_untried.proposal AND s.ended_at IS NULL;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.ensure_tenant(tenant_slug text, tenant_name text)
 RETURNS uuid
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  tenant uuid := md5('exequatur tenant ' || tenant_slug)::uuid;
  before text := coalesce(current_setting('app.tenant', true), '');
BEGIN
  PERFORM set_config('app.tenant', tenant::text, true);
  INSERT INTO tenant (tenant_id, slug, name) VALUES (tenant, tenant_slug, tenant_name) ON CONFLICT DO NOTHING;
  INSERT INTO tenant_control (tenant_id) VALUES (tenant) ON CONFLICT DO NOTHING;
  PERFORM set_config('app.tenant', before, true);
  RETURN tenant;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.entry_text(payload bytea)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  RETURN convert_from(payload, 'UTF8');
EXCEPTION WHEN character_not_in_repertoire THEN
  RETURN NULL;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.erase_personal_data(principal text, entries jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
AS $function$
#variable_conflict use_column
DECLARE
  tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
  whom jsonb := to_jsonb(erase_personal_data.principal);
  seen bigint := coalesce((SELECT max(e.seq) FROM audit_entry e WHERE e.tenant_id = tenant), 0);
  later uuid[]; -- Entries since then, and the proposals that they are of; at first null, which is all.
  about uuid[];
  disclosures bigint := 0;
  reviews bigint := 0;
  proposals bigint;
  erased bigint;
  counted jsonb;
  own jsonb := entries -> -1;
  as_setting text := 'standing of ' || principal; -- How changes of somebody's standing were justified by versions before.
BEGIN
  IF own ->> 'type' IS DISTINCT FROM 'principal.erased' OR (own ->> 'payload')::jsonb ? 'proposalId' THEN
    RAISE EXCEPTION 'the audit entry tells of something else' USING ERRCODE = 'XQ015';
  END IF;
  PERFORM 1 FROM exequatur.principal p WHERE p.tenant_id = tenant AND p.id = erase_personal_data.principal AND p.disabled FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the directory has not disabled this principal' USING ERRCODE = 'XQ006';
  END IF;
  UPDATE proposal p SET justification = ''
   WHERE p.tenant_id = tenant AND (p.proposer_id = erase_personal_data.principal OR p.justification = as_setting) AND p.justification <> ''
     AND NOT EXISTS (SELECT FROM lifecycle_edge e WHERE e.from_status = p.status);
  GET DIAGNOSTICS proposals = ROW_COUNT;
  UPDATE saga s SET cancel_reason = ''
   WHERE s.tenant_id = tenant AND s.cancelled_by = erase_personal_data.principal
     AND NOT EXISTS (SELECT FROM proposal p JOIN lifecycle_edge e ON e.from_status = p.status WHERE p.tenant_id = tenant AND p.id = s.proposal_id);
  UPDATE saga_step t SET decision_reason = ''
   WHERE t.tenant_id = tenant AND t.decided_by = erase_personal_data.principal
     AND NOT EXISTS (SELECT FROM proposal p JOIN lifecycle_edge e ON e.from_status = p.status WHERE p.tenant_id = tenant AND p.id = t.proposal_id);
  UPDATE glass g SET comment = NULL WHERE g.tenant_id = tenant AND g.reviewed_by = erase_personal_data.principal;
  UPDATE ontology_migration m SET reason = NULL WHERE m.tenant_id = tenant AND m.ended_by = erase_personal_data.principal AND m.state = 'cancelled';
  UPDATE principal p SET name = NULL WHERE p.tenant_id = tenant AND p.id = erase_personal_data.principal AND p.name IS NOT NULL;
  DELETE FROM refusal_window w WHERE w.tenant_id = tenant AND w.principal_id = erase_personal_data.principal;
  LOOP
    -- The id wherever it stands, lists that it is in, what the directory was told of it, or of others with its id in it (an agent that acts for it, a linked identity), and what
    -- it wrote itself.
    WITH named AS MATERIALIZED (
      SELECT d.entry_id, d.name FROM audit_disclosure d WHERE d.tenant_id = tenant AND (later IS NULL OR d.entry_id = ANY (later)) AND disclosed_value(d.value) = whom
    )
    DELETE FROM audit_disclosure d
     WHERE d.tenant_id = tenant AND (later IS NULL OR d.entry_id = ANY (later))
       AND (EXISTS (SELECT FROM named n WHERE n.entry_id = d.entry_id AND n.name = d.name)
         OR (d.name = 'justification' AND disclosed_value(d.value) = to_jsonb(as_setting))
         OR (d.name = 'reviewers' AND disclosed_value(d.value) @> jsonb_build_array(whom))
         OR (d.name = 'change'
             AND (EXISTS (SELECT FROM named n WHERE n.entry_id = d.entry_id AND n.name = 'principal')
               OR jsonb_path_exists(disclosed_value(d.value), 'strict $.** ? (@ == $whom)', jsonb_build_object('whom', whom))))
         OR (d.name IN ('reason', 'justification', 'comment', 'comments')
             AND EXISTS (SELECT FROM named n WHERE n.entry_id = d.entry_id AND n.name IN ('actor', 'proposer', 'reviewer', 'by', 'owner'))));
    GET DIAGNOSTICS erased = ROW_COUNT;
    disclosures := disclosures + erased;
    UPDATE review r SET reason = NULL, comments = NULL
     WHERE r.tenant_id = tenant AND (about IS NULL OR r.proposal_id = ANY (about))
       AND r.reviewer_id = erase_personal_data.principal AND (r.reason IS NOT NULL OR r.comments IS NOT NULL);
    GET DIAGNOSTICS erased = ROW_COUNT;
    reviews := reviews + erased;
    UPDATE decision d SET salt = ''
     WHERE d.tenant_id = tenant AND (about IS NULL OR d.proposal_id = ANY (about)) AND d.salt IS DISTINCT FROM ''
       AND (d.actor = erase_personal_data.principal
         OR jsonb_path_exists(d.details, 'strict $.** ? (@ == $whom)', jsonb_build_object('whom', whom))
         OR strpos(array_to_string(d.errors, ' '), whom::text) > 0);
    EXIT WHEN later IS NOT NULL;
    PERFORM hold_audit_head();
    SELECT coalesce(array_agg(e.id), '{}'), coalesce(array_agg(DISTINCT e.proposal_id) FILTER (WHERE e.proposal_id IS NOT NULL), '{}') INTO later, about
      FROM audit_entry e WHERE e.tenant_id = tenant AND e.seq > seen;
  END LOOP;
  counted := jsonb_build_object('disclosures', disclosures, 'reviews', reviews, 'proposals', proposals);
  PERFORM append_entries((entries - -1) || (own || jsonb_build_object('payload', canonical_facts((own ->> 'payload')::jsonb || counted))));
  RETURN counted;
END $function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.event_backlog()
 RETURNS TABLE(entries bigint, oldest timestamp with time zone, held bigint)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT coalesce(sum(h.seq - coalesce(l.seq, 0)), 0)::bigint,
         min((SELECT e.at FROM audit_entry e WHERE e.tenant_id = h.tenant_id AND e.seq = coalesce(l.seq, 0) + 1)),
         (SELECT count(*) FROM event_hold w WHERE w.sink = 'kafka')
    FROM audit_head h LEFT JOIN event_lane l ON l.tenant_id = h.tenant_id AND l.sink = 'kafka'
   WHERE h.seq > coalesce(l.seq, 0)
$function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.event_position(tenant uuid, start text)
 RETURNS TABLE(seq bigint, ordinal integer)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  head bigint := coalesce((SELECT h.seq FROM audit_head h WHERE h.tenant_id = tenant), 0);
  low bigint := 0;
  high bigint := head;
  middle bigint;
  told int := coalesce((SELECT f.checkpoints FROM event_feed f WHERE f.tenant_id = tenant AND f.head_seq = head), 0);
BEGIN
  IF start = 'now' THEN
    RETURN QUERY SELECT head, told;
  ELSIF start = 'beginning' THEN
    RETURN QUERY SELECT oldest_kept(tenant), 0;
  ELSIF start ~ '^\d{16}\.\d{8}$' THEN
    middle := split_part(start, '.', 1)::bigint - 1;
    RETURN QUERY SELECT greatest(0, least(head, middle)), CASE WHEN middle BETWEEN 0 AND head - 1 THEN greatest(0, split_part(start, '.', 2)::int - 1)
                                                              WHEN middle = head THEN least(told, greatest(0, split_part(start, '.', 2)::int - 1)) ELSE 0 END;
  ELSE
    WHILE low < high LOOP
      middle := (low + high) / 2;
      IF (SELECT e.at FROM audit_entry e WHERE e.tenant_id = tenant AND e.seq = middle + 1) >= start::timestamptz THEN
        high := middle;
      ELSE
        low := middle + 1;
      END IF;
    END LOOP;
    RETURN QUERY SELECT low, (SELECT count(*) FROM audit_entry e JOIN outbox o ON o.tenant_id = e.tenant_id AND o.audit_entry_id = e.id AND o.type = 'audit.checkpoint'
                               WHERE e.tenant_id = tenant AND e.seq = low AND o.created_at < start::timestamptz)::int;
  END IF;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.events_after(tenant uuid, after_seq bigint, skip integer, lim integer, most_bytes integer, of_proposal uuid)
 RETURNS TABLE(seq bigint, ordinal integer, at timestamp with time zone, id text, type text, subject text, key text, data jsonb, traceparent text)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  entries refcursor;
  entry record;
  told outbox;
  retold outbox; -- Of changes: as history has them.
  is_told boolean;
  change record;
  ahead int := 0; -- Checkpoints in front of the entry's own events.
  passed int;
  checkpoints int;
  slot bigint;
  place int;
  name text;
  done_with bigint;
  size int;
  returned int := 0;
  room bigint := most_bytes;
BEGIN
  IF of_proposal IS NULL THEN
    OPEN entries FOR SELECT e.seq, e.id, e.at, e.type FROM audit_entry e WHERE e.tenant_id = tenant AND e.seq >= after_seq ORDER BY e.seq LIMIT lim + 1;
  ELSE
    OPEN entries FOR SELECT e.seq, e.id, e.at, e.type FROM audit_entry e WHERE e.tenant_id = tenant AND e.proposal_id = of_proposal AND e.seq > after_seq ORDER BY e.seq LIMIT lim;
  END IF;
  LOOP
    FETCH entries INTO entry;
    EXIT WHEN NOT FOUND;
    IF of_proposal IS NOT NULL THEN
      ahead := (SELECT count(*) FROM audit_entry b JOIN outbox c ON c.tenant_id = b.tenant_id AND c.audit_entry_id = b.id AND c.type = 'audit.checkpoint' AND can_be_told(c, b.at)
                 WHERE b.tenant_id = tenant AND b.seq = entry.seq - 1);
    END IF;
    passed := ahead;
    checkpoints := 0;
    FOR told IN SELECT o.* FROM outbox o
                 WHERE o.tenant_id = tenant AND o.audit_entry_id = entry.id
                   AND CASE WHEN o.type = 'audit.checkpoint' AND can_be_told(o, entry.at) THEN of_proposal IS NULL ELSE entry.seq > after_seq END
                 ORDER BY o.type = 'audit.checkpoint' AND can_be_told(o, entry.at), o.type = 'object.changes' AND (changes_told(o, entry.type = 'execution.undone')).id IS NOT NULL,
                          CASE WHEN o.type = 'audit.checkpoint' AND can_be_told(o, entry.at) THEN (o.data ->> 'size')::bigint END, o.id LOOP
      is_told := can_be_told(told, entry.at);
      retold := CASE WHEN told.type = 'object.changes' THEN changes_told(told, entry.type = 'execution.undone') END;
      IF retold.id IS NOT NULL THEN
        BEGIN
          FOR change IN SELECT x.* FROM object_events(tenant, retold, CASE WHEN entry.seq = after_seq + 1 THEN greatest(skip - passed, 0) ELSE 0 END, lim - returned, room) x LOOP
            IF returned > 0 AND change.bytes > room THEN
              RETURN;
            END IF;
            RETURN QUERY SELECT entry.seq, passed + change.ordinal, entry.at, told.id || '.' || change.ordinal, change.type, change.subject, change.key,
                                CASE WHEN isfinite(entry.at) THEN change.data END, told.traceparent;
            returned := returned + 1;
            room := room - change.bytes;
          END LOOP; -- Nothing of the entry follows them.
        EXCEPTION WHEN data_exception THEN
          -- Seen before the first of it was returned. Of one of which a part was told before nothing is passed over: whoever reads it hears of the fault.
          IF (entry.seq, passed + 1) <= (after_seq + 1, skip) THEN
            RAISE;
          END IF;
          RETURN QUERY SELECT entry.seq, passed + 1, entry.at, told.id::text, told.type, told.subject, 'unreadable:' || told.id, NULL::jsonb, told.traceparent;
          returned := returned + 1;
        END;
      ELSE
        IF is_told AND told.type = 'audit.checkpoint' THEN
          checkpoints := checkpoints + 1;
          slot := entry.seq + 1;
          place := checkpoints;
          name := 'checkpoint.' || (told.data ->> 'size');
        ELSE
          passed := passed + 1;
          slot := entry.seq;
          place := passed;
          name := told.id::text;
        END IF;
        IF (slot, place) > (after_seq + 1, skip) THEN
          size := CASE WHEN is_told THEN octet_length(told.data::text) ELSE 0 END;
          IF returned > 0 AND size > room THEN
            RETURN;
          END IF;
          RETURN QUERY SELECT slot, place, CASE WHEN slot = entry.seq THEN entry.at ELSE told.created_at END, name, told.type, told.subject,
                              CASE WHEN told.type = 'object.changes' THEN 'unreadable:' || told.id ELSE coalesce(told.proposal_id::text, told.subject) END, CASE WHEN is_told THEN told.data END, told.traceparent;
          returned := returned + 1;
          room := room - size;
        END IF;
      END IF;
      IF returned >= lim OR room <= 0 THEN
        RETURN;
      END IF;
    END LOOP;
    ahead := checkpoints;
    done_with := entry.seq;
  END LOOP;
  IF done_with IS NOT NULL THEN
    RETURN QUERY SELECT done_with + 1, CASE WHEN done_with = after_seq THEN greatest(ahead, skip) WHEN of_proposal IS NULL THEN ahead ELSE 0 END, NULL::timestamptz, NULL, NULL, NULL, NULL, NULL::jsonb, NULL;
  END IF;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.execution_grace()
 RETURNS interval
 LANGUAGE sql
 IMMUTABLE
AS $function$ SELECT interval '60 seconds' $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.fact_text(value jsonb)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  SELECT CASE WHEN value IS NULL THEN 'null' WHEN is_written_alike(value) THEN value::text ELSE canonical_facts(value) END
$function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.fail_delivery(tenant uuid, sink text, claimant uuid, code text, message text, pause interval, counts boolean)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  at timestamptz := clock();
BEGIN
  UPDATE event_lane l SET claimed_by = NULL, claimed_until = NULL, served_at = at WHERE l.tenant_id = tenant AND l.sink = fail_delivery.sink AND l.claimed_by = claimant;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  UPDATE subscription s
     SET attempts = s.attempts + counts::int, tried_since = CASE WHEN counts THEN coalesce(s.tried_since, at) ELSE s.tried_since END,
         failing_since = CASE WHEN counts THEN coalesce(s.failing_since, at) ELSE s.failing_since END, next_attempt_at = at + least(pause, interval '1 day'),
         error_code = code, error_message = left(message, 1000), error_at = at
   WHERE s.tenant_id = tenant AND s.id::text = fail_delivery.sink;
  RETURN true;
END $function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.filed_cosignatures(witness text, after uuid, lim integer)
 RETURNS TABLE(tenant_id uuid, size bigint, note text, lines text[])
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT h.tenant_id, c.size, c.note, s.lines
    FROM audit_head h
   CROSS JOIN LATERAL (SELECT x.size, x.note FROM audit_checkpoint x WHERE x.tenant_id = h.tenant_id ORDER BY x.size DESC LIMIT 1) c
   CROSS JOIN LATERAL (SELECT array_agg(x.line) AS lines FROM audit_cosignature x
                        WHERE x.tenant_id = h.tenant_id AND x.size = c.size AND x.witness = filed_cosignatures.witness) s
   WHERE (after IS NULL OR h.tenant_id > after) AND s.lines IS NOT NULL ORDER BY h.tenant_id LIMIT lim
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.fill_slots(p exequatur.proposal, content text, edits exequatur.plan_edit[])
 RETURNS exequatur.plan_edit[]
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
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
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.finish_saga(proposal uuid, entries jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
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
  IF s.cancelled_at IS NOT NULL THEN
    RAISE EXCEPTION 'a cancellation of this execution was accepted' USING ERRCODE = 'XQ006';
  END IF;
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
          jsonb_build_object('proposalId', p.id, 'actionType', p.action_type, 'from', 'executing', 'status', 'executed', 'revision', p.revision, 'planDigest', p.plan_digest, 'executionId', x.id)
            || coalesce((SELECT jsonb_object_agg(n.said, n.names)
                           FROM (SELECT CASE t.state WHEN 'refused' THEN 'failedEffects' ELSE 'unknownEffects' END AS said, jsonb_agg(t.name ORDER BY t.ordinal) AS names
                                   FROM saga_step t WHERE t.tenant_id = s.tenant_id AND t.proposal_id = s.proposal_id AND t.run = s.run AND t.state <> 'done' GROUP BY 1) n), '{}'), now);
  PERFORM append_entries(entries);
END $function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.finish_webhook_request(tenant uuid, request uuid, outcome jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  r webhook_request;
BEGIN
  PERFORM FROM subscription s JOIN webhook_request x ON x.tenant_id = s.tenant_id AND x.subscription_id = s.id WHERE x.tenant_id = tenant AND x.id = request FOR KEY SHARE OF s;
  UPDATE webhook_request x SET outcome = finish_webhook_request.outcome, done_at = clock(), claimed_until = NULL
   WHERE x.tenant_id = tenant AND x.id = request AND x.done_at IS NULL RETURNING x.* INTO r;
  IF r.kind = 'redelivery' AND (outcome ->> 'delivered')::boolean THEN
    DELETE FROM dead_letter d WHERE d.tenant_id = tenant AND d.subscription_id = r.subscription_id AND d.seq = r.seq AND d.ordinal = r.ordinal;
  ELSIF r.kind = 'redelivery' THEN
    UPDATE dead_letter d SET attempts = d.attempts + 1, error_code = outcome -> 'error' ->> 'code', error_message = left(outcome -> 'error' ->> 'message', 1000)
     WHERE d.tenant_id = tenant AND d.subscription_id = r.subscription_id AND d.seq = r.seq AND d.ordinal = r.ordinal;
  END IF;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.first_instant(local timestamp without time zone, zone text)
 RETURNS timestamp with time zone
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT CASE
    WHEN (c.at AT TIME ZONE zone) <> local THEN c.at - ((c.at AT TIME ZONE zone) - local)
    ELSE coalesce((SELECT min(c.at - earlier) FROM unnest(ARRAY[interval '20 minutes', '30 minutes', '1 hour', '2 hours']) earlier
                    WHERE ((c.at - earlier) AT TIME ZONE zone) = local), c.at)
  END FROM (SELECT local AT TIME ZONE zone AS at) c
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.fits_definition(definition jsonb, value jsonb)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET "DateStyle" TO 'ISO, YMD'
AS $function$
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
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.fits_slot(definition jsonb, value jsonb)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.floor_of(p exequatur.proposal, wanted integer, parameters jsonb, shapes exequatur.plan_shape[], fewest integer)
 RETURNS integer
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  edits bigint := (SELECT coalesce(sum(s.edits), 0) FROM unnest(shapes) s);
BEGIN
  RETURN (SELECT min((f ->> 'approvals')::int)
    FROM action_type_version v CROSS JOIN LATERAL jsonb_array_elements(v.floors) AS x(f)
   WHERE v.tenant_id = p.tenant_id AND v.name = p.action_type AND v.version = wanted
     AND (f ->> 'approvals')::int >= fewest
     AND coalesce(edits <= (f -> 'ceilings' ->> 'edits')::int, true)
     -- A parameter that is absent or not a number keeps no ceiling; a negative one counts by its size.
     AND NOT EXISTS (SELECT FROM jsonb_each(coalesce(f -> 'ceilings' -> 'parameters', '{}')) c
                      WHERE NOT coalesce(CASE WHEN jsonb_typeof(parameters -> c.key) = 'number' THEN abs((parameters ->> c.key)::numeric) <= (c.value #>> '{}')::numeric END, false))
     AND ((f ->> 'approvals')::int > 0 OR NOT touches_sensitive(p, shapes, coalesce(f -> 'ceilings' -> 'sensitive', '[]'))));
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.foresee_definitions(definitions jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  foreseen jsonb;
BEGIN
  BEGIN
    PERFORM keep_definitions(definitions, '');
    SELECT jsonb_build_object(
             'actionTypes', (SELECT coalesce(jsonb_object_agg(a.name, a.current_version), '{}') FROM action_type a
                              WHERE a.tenant_id = current_tenant() AND NOT a.retired AND NOT governs(a.name)),
             'waiting', coalesce((SELECT jsonb_object_agg(w.name, w.counts) FROM (
               SELECT a.name, jsonb_build_object('ended', coalesce(sum(p.open) FILTER (WHERE a.retired), 0),
                                                 'kept', coalesce(sum(p.open) FILTER (WHERE NOT a.retired AND k.keeps), 0),
                                                 'simulatedAgain', coalesce(sum(p.open) FILTER (WHERE NOT a.retired AND NOT k.keeps), 0)) AS counts
                 FROM (SELECT q.action_type, q.action_type_version AS version, count(*) AS open FROM proposal q
                        WHERE q.tenant_id = current_tenant() AND q.revert_of IS NULL AND NOT governs(q.action_type)
                          AND q.status IN ('simulating', 'awaiting_approval', 'changes_requested', 'approved', 'scheduled')
                        GROUP BY q.action_type, q.action_type_version) p
                 JOIN action_type a ON a.tenant_id = current_tenant() AND a.name = p.action_type
                CROSS JOIN LATERAL (SELECT a.current_version = p.version OR keeps_version(a.name, p.version) AS keeps) k
                GROUP BY a.name) w), '{}'))
      INTO foreseen;
    RAISE EXCEPTION 'taken back' USING ERRCODE = 'XQ019';
  EXCEPTION WHEN SQLSTATE 'XQ019' THEN
    RETURN foreseen;
  END;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.found_setting(type text, id text, was jsonb, becomes jsonb, author text)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('exequatur.definitions/' || current_setting('app.tenant'), 0));
  IF EXISTS (SELECT FROM ontology_version o WHERE o.tenant_id = current_tenant()) THEN
    RAISE EXCEPTION 'from now on this takes a proposal' USING ERRCODE = 'XQ006';
  END IF;
  RETURN put_setting(ROW('modify', found_setting.type, found_setting.id, becomes, '{}', was, '{}', NULL, NULL)::plan_edit, author, NULL);
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.given_reviews(p exequatur.proposal, reviews uuid[], conditions text, by_team boolean)
 RETURNS TABLE(review uuid, person text, delegate text, roles text[], speaks_for text[])
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT r.id, coalesce(q.person, q.id), CASE WHEN r.on_behalf_of IS NOT NULL THEN coalesce(d.person, d.id) END,
         ARRAY(SELECT DISTINCT s.role COLLATE "C" FROM standing_role s
                WHERE s.tenant_id = q.tenant_id AND s.principal_id = q.id AND (s.removed_at IS NULL OR (r.decision = 'reject' AND s.removed_at > r.created_at))
                  AND (s.expires_at IS NULL OR s.expires_at > CASE r.decision WHEN 'reject' THEN r.created_at ELSE clock() END)
                  AND (x.roles IS NULL OR s.role = ANY (x.roles))
                  AND (strpos(conditions, to_json(s.role)::text) > 0 OR strpos(conditions, '''' || s.role || '''') > 0)
                ORDER BY 1),
         CASE WHEN by_team THEN q.teams ELSE '{}' END
    FROM review r
    JOIN principal q ON q.tenant_id = r.tenant_id AND q.id = coalesce(r.on_behalf_of, r.reviewer_id)
    JOIN principal d ON d.tenant_id = r.tenant_id AND d.id = r.reviewer_id
    LEFT JOIN delegation x ON x.tenant_id = r.tenant_id AND x.id = r.delegation_id
   WHERE r.tenant_id = p.tenant_id AND r.id = ANY (reviews) ORDER BY r.created_at, r.id
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.glass_in_force(p exequatur.proposal)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  IF NOT EXISTS (SELECT FROM exequatur.glass g WHERE g.tenant_id = p.tenant_id AND g.proposal_id = p.id) THEN
    RETURN NULL;
  END IF;
  RETURN (
    SELECT (f.floor -> 'glass') || jsonb_build_object('person', coalesce(w.person, w.id))
      FROM exequatur.glass g
      JOIN exequatur.principal w ON w.tenant_id = g.tenant_id AND w.id = g.broken_by
      JOIN exequatur.action_type_version v ON v.tenant_id = p.tenant_id AND v.name = p.action_type AND v.version = p.action_type_version
      CROSS JOIN LATERAL jsonb_array_elements(v.floors) f(floor)
     WHERE g.tenant_id = p.tenant_id AND g.proposal_id = p.id AND g.revision = p.revision AND g.digest = p.plan_digest
       AND g.broken_at >= exequatur.counted_since(p.plan_id) AND g.broken_at > exequatur.approvals_since(p.plan_id)
       AND f.floor ? 'glass' AND w.kind = 'user' AND NOT w.disabled
       AND NOT EXISTS (SELECT FROM exequatur.principal z WHERE z.tenant_id = w.tenant_id AND z.person = w.person AND z.disabled)
       AND EXISTS (SELECT FROM exequatur.standing_role s
                    WHERE s.tenant_id = w.tenant_id AND s.principal_id = w.id AND s.removed_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > exequatur.clock())
                      AND f.floor -> 'glass' -> 'roles' ? s.role)
       AND (coalesce((f.floor -> 'glass' ->> 'byProposer')::boolean, false)
            OR coalesce(w.person, w.id) NOT IN (SELECT exequatur.stands_behind_proposal(p.proposer_id, p.acts_for, p.revised_for)))
     ORDER BY g.broken_at DESC LIMIT 1);
END $function$;

-- Owned by exequatur_audit_writer.
CREATE OR REPLACE FUNCTION exequatur.goes_on(tenant uuid, proposal uuid, stands text, told jsonb, said jsonb)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
AS $function$
#variable_conflict use_column
DECLARE
  kind text := told ->> 'type';
  reached text := reached_by(kind);
BEGIN
  IF kind = 'proposal.created' THEN
    RETURN stands IS NULL AND coalesce(told -> 'status' = '"simulating"', true)
       AND EXISTS (SELECT FROM exequatur.proposal p WHERE p.tenant_id = tenant AND p.id = goes_on.proposal
                      AND said -> 'proposer' = to_jsonb(p.proposer_id) AND said -> 'actsFor' IS NOT DISTINCT FROM to_jsonb(p.acts_for));
  ELSIF stands IS NULL THEN
    RETURN false;
  ELSIF reached IS NOT NULL THEN
    -- An execution with effects was told when its edits were applied: of its end nothing is told of approvals.
    IF kind = 'proposal.executed' THEN
      IF told ?| '{requirement,requirementDigest,approvals}'
         AND EXISTS (SELECT FROM audit_entry e WHERE e.tenant_id = tenant AND e.proposal_id = goes_on.proposal AND e.type = 'execution.applied') THEN
        RETURN false;
      END IF;
    END IF;
    RETURN told -> 'status' = to_jsonb(reached) AND coalesce(told -> 'from' = to_jsonb(stands), kind = 'proposal.executed')
       AND EXISTS (SELECT FROM lifecycle_edge g WHERE g.from_status = stands AND g.to_status = reached)
       AND (kind <> 'proposal.revised' OR is_next_revision(tenant, goes_on.proposal, told));
  ELSIF kind LIKE 'proposal.%' AND told ? 'status' THEN
    RETURN false;
  ELSIF kind = 'proposal.raised' THEN
    RETURN stands = 'simulating' AND is_next_revision(tenant, goes_on.proposal, told);
  ELSIF kind = 'review.recorded' THEN
    -- Told in the order in which they were given, as far as one takes the place of another.
    RETURN stands = 'awaiting_approval'
       AND EXISTS (SELECT FROM review r WHERE r.tenant_id = tenant AND r.id::text = told ->> 'reviewId' AND r.created_at <= clock()
                      AND said -> 'reviewer' = to_jsonb(r.reviewer_id) AND said -> 'onBehalfOf' IS NOT DISTINCT FROM to_jsonb(r.on_behalf_of)
                      AND NOT EXISTS (SELECT FROM review n WHERE n.tenant_id = tenant AND n.proposal_id = r.proposal_id AND n.created_at > r.created_at
                                         AND ARRAY[n.reviewer_id, n.on_behalf_of] && array_remove(ARRAY[r.reviewer_id, r.on_behalf_of], NULL)));
  ELSIF kind = 'proposal.glass_broken' THEN
    RETURN EXISTS (SELECT FROM glass g WHERE g.tenant_id = tenant AND g.proposal_id = goes_on.proposal AND g.digest = told ->> 'planDigest'
                      AND g.broken_at <= clock() AND said -> 'actor' = to_jsonb(g.broken_by) AND is_written_here(g.xmin));
  ELSIF kind = 'proposal.escalated' THEN
    RETURN stands = 'awaiting_approval'
       AND EXISTS (SELECT FROM exequatur.proposal p JOIN prompt t ON t.tenant_id = p.tenant_id AND t.plan_id = p.plan_id
                    WHERE p.tenant_id = tenant AND p.id = goes_on.proposal AND t.kind = 'escalation' AND t.sent_at <= clock() AND is_written_here(t.xmin));
  ELSIF kind = 'execution.applied' THEN
    RETURN stands = 'executing';
  END IF;
  RETURN true;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.governs(action_type text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
AS $function$ SELECT left(action_type, 1) = '$' $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.guard_delegation()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  IF OLD.revoked_at IS NOT NULL THEN
    RAISE EXCEPTION 'a delegation that was revoked stays so' USING ERRCODE = 'XQ011';
  END IF;
  RETURN NEW;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.guard_endpoint_secret()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  IF OLD.retires_at IS NOT NULL AND (NEW.retires_at IS NULL OR NEW.retires_at > OLD.retires_at) THEN
    RAISE EXCEPTION 'a secret that retires is not kept longer' USING ERRCODE = 'XQ011';
  END IF;
  RETURN NEW;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.guard_glass()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.reviewed_at IS NOT NULL OR NEW.overdue_at IS NOT NULL THEN
      RAISE EXCEPTION 'nobody reviews an emergency while it lasts' USING ERRCODE = 'XQ006';
    END IF;
    RETURN NEW;
  END IF;
  IF current_user = 'exequatur_door' AND NEW.comment IS NULL AND to_jsonb(NEW) - 'comment' = to_jsonb(OLD) - 'comment' THEN
    RETURN NEW;
  END IF;
  IF (NEW.tenant_id, NEW.id, NEW.proposal_id, NEW.revision, NEW.digest, NEW.broken_by, NEW.reason, NEW.broken_at)
       IS DISTINCT FROM (OLD.tenant_id, OLD.id, OLD.proposal_id, OLD.revision, OLD.digest, OLD.broken_by, OLD.reason, OLD.broken_at)
     OR (OLD.reviewed_at IS NOT NULL AND (NEW.reviewed_by, NEW.verdict, NEW.comment, NEW.reviewed_at) IS DISTINCT FROM (OLD.reviewed_by, OLD.verdict, OLD.comment, OLD.reviewed_at))
     OR (OLD.overdue_at IS NOT NULL AND NEW.overdue_at IS DISTINCT FROM OLD.overdue_at) THEN
    RAISE EXCEPTION 'what is on record of an emergency does not change' USING ERRCODE = 'XQ011';
  END IF;
  IF NEW.reviewed_at IS NOT NULL AND OLD.reviewed_at IS NULL THEN
    IF NOT EXISTS (SELECT FROM proposal p WHERE p.tenant_id = NEW.tenant_id AND p.id = NEW.proposal_id
                      AND ((NEW.revision = p.revision AND NEW.digest = p.plan_digest AND (p.status = 'executed' OR (p.status = 'failed' AND p.status_timestamps ? 'executing')))
                        OR EXISTS (SELECT FROM saga s WHERE s.tenant_id = NEW.tenant_id AND s.proposal_id = NEW.proposal_id AND s.digest = NEW.digest AND s.begun_at >= NEW.broken_at))) THEN
      RAISE EXCEPTION 'an emergency is reviewed once its execution has begun' USING ERRCODE = 'XQ006';
    END IF;
    IF NEW.reviewed_by IN (SELECT behind_emergency(NEW)) THEN
      RAISE EXCEPTION 'whoever had a part in an emergency has none in its review' USING ERRCODE = 'XQ006';
    END IF;
  END IF;
  RETURN NEW;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.guard_proposal()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.status <> 'simulating' OR NEW.plan_id IS NOT NULL OR NEW.revision <> 1 THEN
      RAISE EXCEPTION 'a proposal begins in simulating, without a plan' USING ERRCODE = 'XQ006';
    END IF;
    NEW.revised_for := ARRAY(
      SELECT DISTINCT f.id FROM unnest(NEW.revised_for || (SELECT ARRAY[w.acts_for, w.token_acts_for] FROM principal w WHERE w.tenant_id = NEW.tenant_id AND w.id = NEW.proposer_id)) f(id)
       WHERE f.id <> NEW.proposer_id AND f.id IS DISTINCT FROM NEW.acts_for ORDER BY f.id);
    RETURN NEW;
  END IF;
  IF (NEW.tenant_id, NEW.id, NEW.action_type, NEW.proposer_id, NEW.proposer_kind, NEW.acts_for, NEW.revert_of, NEW.created_at)
     IS DISTINCT FROM (OLD.tenant_id, OLD.id, OLD.action_type, OLD.proposer_id, OLD.proposer_kind, OLD.acts_for, OLD.revert_of, OLD.created_at) THEN
    RAISE EXCEPTION 'what a proposal is does not change' USING ERRCODE = 'XQ006';
  END IF;
  IF NOT NEW.revised_for @> OLD.revised_for THEN
    RAISE EXCEPTION 'whom a proposal was revised for does not change' USING ERRCODE = 'XQ006';
  END IF;
  IF NEW.revision = OLD.revision AND (NEW.parameters, NEW.parameters_hash, NEW.revision_seed, NEW.action_type_version)
     IS DISTINCT FROM (OLD.parameters, OLD.parameters_hash, OLD.revision_seed, OLD.action_type_version) THEN
    RAISE EXCEPTION 'parameters change only with a new revision' USING ERRCODE = 'XQ006';
  END IF;
  IF (NEW.plan_id, NEW.plan_digest) IS DISTINCT FROM (OLD.plan_id, OLD.plan_digest) AND OLD.status <> 'simulating' THEN
    RAISE EXCEPTION 'a plan changes only by simulation' USING ERRCODE = 'XQ006';
  END IF;
  IF current_user <> 'exequatur_door' AND NOT EXISTS (SELECT FROM lifecycle_edge WHERE from_status = OLD.status) THEN
    RAISE EXCEPTION 'a proposal that has ended does not change' USING ERRCODE = 'XQ006';
  END IF;
  IF NEW.status <> OLD.status THEN
    IF NOT EXISTS (SELECT FROM lifecycle_edge WHERE from_status = OLD.status AND to_status = NEW.status) THEN
      RAISE EXCEPTION 'a proposal cannot go from % to %', OLD.status, NEW.status USING ERRCODE = 'XQ006';
    END IF;
    IF NEW.status = 'awaiting_approval' AND OLD.status = 'simulating' AND NOT stored_whole(NEW) THEN
      RAISE EXCEPTION 'the stored bytes do not have the digest of the plan' USING ERRCODE = 'XQ003';
    END IF;
  END IF;
  IF (OLD.status IN ('executing', 'compensating') OR NEW.status IN ('executing', 'compensating')) AND current_user <> 'exequatur_door' THEN
    RAISE EXCEPTION 'only the door begins and ends an execution, and writes while it lasts' USING ERRCODE = 'XQ006';
  END IF;
  RETURN NEW;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.guard_saga_step()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  towards text := (SELECT s.direction FROM saga s WHERE s.tenant_id = NEW.tenant_id AND s.proposal_id = NEW.proposal_id AND s.run = NEW.run AND s.ended_at IS NULL);
BEGIN
  IF current_user = 'exequatur_door' AND NEW.decision_reason = '' AND to_jsonb(NEW) - 'decision_reason' = to_jsonb(OLD) - 'decision_reason' THEN
    RETURN NEW;
  END IF;
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
  IF current_user <> 'exequatur_door' AND NEW.state <> OLD.state AND NOT (CASE towards
       WHEN 'forward' THEN (OLD.state, NEW.state) IN (('waiting', 'sending'), ('sending', 'waiting'), ('sending', 'done'), ('sending', 'refused'), ('sending', 'unknown'))
       ELSE (OLD.state, NEW.state) IN (('done', 'undoing'), ('unknown', 'undoing'), ('sending', 'undoing'), ('undoing', 'undone'), ('undoing', 'stuck')) END) THEN
    RAISE EXCEPTION 'a step cannot go from % to %', OLD.state, NEW.state USING ERRCODE = 'XQ006';
  END IF;
  RETURN NEW;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.guard_schedule()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  IF OLD.state = 'deleted' AND NEW.state <> 'deleted' OR NEW.version < OLD.version THEN
    RAISE EXCEPTION 'a schedule that was deleted stays so' USING ERRCODE = 'XQ011';
  END IF;
  RETURN NEW;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.has_changes(told exequatur.outbox, execution uuid, at timestamp with time zone)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT EXISTS (SELECT FROM exequatur.object_history h WHERE h.tenant_id = told.tenant_id AND h.execution_id = execution AND h.at = has_changes.at)
      OR EXISTS (SELECT FROM exequatur.link_history l WHERE l.tenant_id = told.tenant_id AND l.execution_id = execution AND l.at = has_changes.at)
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.has_effects(content text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT jsonb_array_length(h -> 'effects') > 0 OR h ? 'checks' FROM (SELECT split_part(content, E'\n', 1)::jsonb AS h) x
$function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.has_room()
 RETURNS boolean
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET work_mem TO '64kB'
AS $function$
  SELECT count(*) = 1000 FROM (SELECT n, repeat('x', 1000) AS room FROM generate_series(1, 1000) AS n ORDER BY n DESC OFFSET 0) s WHERE s.room <> ''
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.held_by(p exequatur.proposal)
 RETURNS TABLE(what text, until timestamp with time zone)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
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
END $function$;

-- Owned by exequatur_audit_writer.
CREATE OR REPLACE FUNCTION exequatur.hold_audit_head()
 RETURNS bigint
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT h.seq FROM audit_head h WHERE h.tenant_id = nullif(current_setting('app.tenant', true), '')::uuid FOR UPDATE
$function$;

-- Owned by exequatur_audit_writer.
CREATE OR REPLACE FUNCTION exequatur.hold_free_audit_head()
 RETURNS boolean
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT EXISTS (SELECT FROM audit_head h WHERE h.tenant_id = nullif(current_setting('app.tenant', true), '')::uuid FOR UPDATE SKIP LOCKED)
$function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.hold_key(tenant uuid, sink text, claimant uuid, key text, seq bigint, ordinal integer, event_id text, type text, reason text)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  PERFORM FROM event_lane l WHERE l.tenant_id = tenant AND l.sink = hold_key.sink AND l.claimed_by = claimant FOR UPDATE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  IF NOT EXISTS (SELECT FROM events_after(tenant, hold_key.seq - 1, hold_key.ordinal - 1, 1, 1, NULL) e
                  WHERE (e.seq, e.ordinal, e.id, e.type, e.key) = (hold_key.seq, hold_key.ordinal, hold_key.event_id, hold_key.type, hold_key.key)) THEN
    RAISE EXCEPTION 'there is no such event to hold' USING ERRCODE = '23514';
  END IF;
  INSERT INTO event_hold AS w (tenant_id, sink, key, event_id, type, seq, ordinal, reason, held_at)
  VALUES (tenant, hold_key.sink, hold_key.key, hold_key.event_id, hold_key.type, hold_key.seq, hold_key.ordinal, left(hold_key.reason, 1000), clock())
  ON CONFLICT ON CONSTRAINT event_hold_pkey DO UPDATE
     SET event_id = excluded.event_id, type = excluded.type, seq = excluded.seq, ordinal = excluded.ordinal, reason = excluded.reason, resolution = NULL, resolved_at = NULL
   WHERE (w.seq, w.ordinal) <= (excluded.seq, excluded.ordinal);
  RETURN true;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.hold_types(plan uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET work_mem TO '64MB'
 SET jit TO 'off'
AS $function$
DECLARE
  p proposal;
BEGIN
  SELECT x.* INTO p FROM proposal x WHERE x.tenant_id = current_tenant()
     AND x.id = (SELECT y.proposal_id FROM exequatur.plan y WHERE y.tenant_id = current_tenant() AND y.id = hold_types.plan) FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no such plan' USING ERRCODE = 'XQ003';
  END IF;
  PERFORM lock_types(p, plan, shapes_of(edits_of(approved_text(p, plan))));
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.holds(p exequatur.proposal)
 RETURNS TABLE(what text, until timestamp with time zone)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  IF coalesce((exequatur.glass_in_force(p) ->> 'passesFreezeWindows')::boolean, false) THEN
    RETURN QUERY SELECT 'executeAfter', p.execute_after WHERE p.execute_after > exequatur.clock();
  ELSE
    RETURN QUERY SELECT h.what, h.until FROM exequatur.held_by(p) h;
  END IF;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.in_force(action_type text, version integer)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
BEGIN
  IF NOT exequatur.is_change_set(in_force.action_type) THEN
    RETURN coalesce((SELECT NOT a.retired AND (a.current_version = in_force.version OR exequatur.keeps_version(a.name, in_force.version))
                       FROM exequatur.action_type a WHERE a.tenant_id = tenant AND a.name = in_force.action_type), false);
  END IF;
  RETURN coalesce((
    SELECT (SELECT bool_and(coalesce(NOT a.retired AND a.current_version = m.value::int, false))
              FROM jsonb_each_text(v.definition::jsonb -> 'members') m LEFT JOIN exequatur.action_type a ON a.tenant_id = v.tenant_id AND a.name = m.key)
      FROM exequatur.action_type_version v WHERE v.tenant_id = tenant AND v.name = in_force.action_type AND v.version = in_force.version), false);
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.index_key(kind text, value jsonb)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  SELECT CASE
    -- The bits of a double, with the sign turned over for positive numbers and all bits for negative ones, sort as the numbers do; adding 0 makes -0 a 0.
    WHEN kind IN ('integer', 'double') THEN
      lpad(to_hex((CASE WHEN (value #>> '{}')::float8 >= 0
        THEN ('x' || encode(float8send((value #>> '{}')::float8 + 0), 'hex'))::bit(64) # B'1000000000000000000000000000000000000000000000000000000000000000'
        ELSE ~('x' || encode(float8send((value #>> '{}')::float8 + 0), 'hex'))::bit(64) END)::bigint), 16, '0')
    -- Twenty digits, counted from the smallest long. A literal that is none is brought to its neighbour, which a comparison of the values themselves then corrects.
    WHEN kind = 'long' THEN
      lpad((least(greatest(floor((value #>> '{}')::numeric), -9223372036854775808), 9223372036854775807) + 9223372036854775808)::text, 20, '0')
    -- How many digits stand before the point, and then the digits: with as many before the point, decimals sort as their text does. Negative ones have every digit
    -- turned over, and an end that sorts behind everything, since of two with one beginning the longer one is the smaller.
    WHEN kind = 'decimal' THEN CASE WHEN (value #>> '{}')::numeric >= 0
      THEN 'p' || lpad(length(trunc((value #>> '{}')::numeric)::text)::text, 3, '0') || trim_scale((value #>> '{}')::numeric)::text
      ELSE 'n' || translate(lpad(length(trunc(-(value #>> '{}')::numeric)::text)::text, 3, '0') || trim_scale(-(value #>> '{}')::numeric)::text, '0123456789', '9876543210') || '~' END
    -- Digits behind the milliseconds come behind the Z, which otherwise sorts behind every digit; instants with milliseconds alone are their own key.
    WHEN kind = 'timestamp' THEN left(value #>> '{}', 23) || 'Z' || rtrim(substr(value #>> '{}', 24), 'Z')
    ELSE left(value #>> '{}', 256)
  END
$function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.index_keys(definition jsonb, value jsonb)
 RETURNS SETOF text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  SELECT DISTINCT exequatur.index_key(definition -> 'items' ->> 'type', e) FROM jsonb_array_elements(CASE WHEN jsonb_typeof(value) = 'array' THEN value ELSE '[]' END) e
  UNION ALL
  SELECT exequatur.index_key(definition ->> 'type', value) WHERE jsonb_typeof(value) NOT IN ('array', 'null')
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.inverse_edits(tenant uuid, execution uuid)
 RETURNS exequatur.plan_edit[]
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
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
$function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.is_change_set(action_type text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
AS $function$ SELECT strpos(action_type, '+') > 0 $function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.is_in_log(tenant uuid, seq bigint, ordinal integer)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT EXISTS (SELECT FROM audit_head h LEFT JOIN event_feed f ON f.tenant_id = h.tenant_id AND f.head_seq = h.seq
                  WHERE h.tenant_id = tenant AND (is_in_log.seq < h.seq OR (is_in_log.seq = h.seq AND is_in_log.ordinal <= coalesce(f.checkpoints, 0))))
$function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.is_many(leads jsonb, lim integer)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  counted bigint;
BEGIN
  IF leads IS NULL THEN
    RETURN true;
  END IF;
  EXECUTE format('SELECT count(*) FROM (SELECT FROM (%s) c LIMIT %s) c', (SELECT string_agg(f, ' UNION ALL ') FROM jsonb_array_elements_text(leads -> 'found') f), lim) INTO counted;
  RETURN counted >= lim;
END $function$;

-- Owned by exequatur_audit_writer.
CREATE OR REPLACE FUNCTION exequatur.is_next_revision(tenant uuid, proposal uuid, told jsonb)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
AS $function$
#variable_conflict use_column
BEGIN
  RETURN EXISTS (SELECT FROM exequatur.proposal p WHERE p.tenant_id = tenant AND p.id = is_next_revision.proposal AND told -> 'revision' = to_jsonb(p.revision))
     AND NOT EXISTS (SELECT FROM audit_entry e WHERE e.tenant_id = tenant AND e.proposal_id = is_next_revision.proposal AND e.type IN ('proposal.revised', 'proposal.raised')
                        AND convert_from(e.payload, 'UTF8')::jsonb -> 'revision' = told -> 'revision');
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.is_superseded(checkpoint exequatur.audit_checkpoint)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  over timestamptz := date_trunc('hour', checkpoint.created_at, 'UTC') + interval '1 hour';
BEGIN
  RETURN checkpoint.created_at < clock() - interval '1 day'
     AND EXISTS (SELECT FROM audit_checkpoint n WHERE n.tenant_id = checkpoint.tenant_id AND n.size > checkpoint.size AND n.created_at >= checkpoint.created_at AND n.created_at < over)
     AND NOT EXISTS (
       SELECT FROM audit_cosignature s WHERE s.tenant_id = checkpoint.tenant_id AND s.size = checkpoint.size AND NOT EXISTS (
         SELECT FROM audit_cosignature l JOIN audit_checkpoint n ON n.tenant_id = l.tenant_id AND n.size = l.size
          WHERE l.tenant_id = s.tenant_id AND l.witness = s.witness AND l.size > s.size AND n.created_at < over));
END $function$;

-- Owned by exequatur_audit_writer.
CREATE OR REPLACE FUNCTION exequatur.is_told_here(tenant uuid, types text[], about text)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
AS $function$
BEGIN
  RETURN EXISTS (
    SELECT FROM audit_entry e
     WHERE e.tenant_id = tenant AND e.seq > (SELECT h.seq FROM audit_head h WHERE h.tenant_id = tenant) - 1000 AND e.type = ANY (types) AND is_written_here(e.xmin)
       AND (about IS NULL OR EXISTS (
         SELECT FROM audit_disclosure d WHERE d.tenant_id = tenant AND d.entry_id = e.id
            AND ((d.name = 'principal' AND d.value::jsonb = to_jsonb(about)) OR (d.name = 'change' AND d.value::jsonb -> 'linkedIdentities' ? about)))));
END $function$;

-- Owned by exequatur_audit_writer.
CREATE OR REPLACE FUNCTION exequatur.is_too_deep(value text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
AS $function$
  SELECT length(value) > 1000 AND jsonb_path_exists(value::jsonb, 'strict $.**{100}')
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.is_undone(s exequatur.saga)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT s.edits IN ('waiting', 'undone', 'skipped')
     AND NOT EXISTS (SELECT FROM saga_step t WHERE t.tenant_id = s.tenant_id AND t.proposal_id = s.proposal_id AND t.run = s.run AND t.phase <> 'check'
                        AND t.state NOT IN ('waiting', 'refused', 'undone', 'skipped') AND NOT (t.optional AND NOT t.compensated AND t.state IN ('done', 'sending', 'unknown')))
$function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.is_walkable(object_type text, property text)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT EXISTS (SELECT FROM object_type t WHERE t.name = object_type AND property = ANY (t.indexed) AND NOT property = ANY (t.building))
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.is_written_alike(value jsonb)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
AS $function$
  SELECT CASE jsonb_typeof(value)
    WHEN 'object' THEN value = '{}'
    WHEN 'array' THEN CASE jsonb_array_length(value)
      WHEN 0 THEN true
      WHEN 1 THEN CASE WHEN jsonb_typeof(value -> 0) IN ('object', 'array') THEN false WHEN jsonb_typeof(value -> 0) = 'number' THEN value::text ~ '^\[-?[0-9]{1,15}\]$' ELSE true END
      ELSE false END
    WHEN 'number' THEN value::text ~ '^-?[0-9]{1,15}$'
    ELSE true END
$function$;

-- Owned by exequatur_audit_writer.
CREATE OR REPLACE FUNCTION exequatur.is_written_here(row_xmin xid)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  here bigint := pg_current_xact_id()::text::bigint;
  later bigint := (row_xmin::text::bigint - here % 4294967296 + 4294967296) % 4294967296;
BEGIN
  RETURN CASE WHEN later < 2147483648 THEN pg_xact_status((here + later)::text::xid8) = 'in progress' ELSE false END;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.keep_definitions(definitions jsonb, author text)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  tenant uuid := current_setting('app.tenant')::uuid;
  kept int := coalesce((SELECT max(o.version) FROM ontology_version o WHERE o.tenant_id = current_setting('app.tenant')::uuid), 0) + 1;
  one jsonb;
BEGIN
  INSERT INTO ontology_version (tenant_id, version, document, digest, created_by, created_at)
  VALUES (tenant, kept, definitions ->> 'document', definitions ->> 'digest', author, clock());
  INSERT INTO object_type AS t (tenant_id, name, ontology_version, definition, "references", indexed, unique_properties, key_property, minimum_approvals)
  SELECT tenant, d ->> 'name', kept, d -> 'definition', d -> 'references', ARRAY(SELECT jsonb_array_elements_text(d -> 'indexed')),
         ARRAY(SELECT jsonb_array_elements_text(d -> 'unique')), d ->> 'key', (d ->> 'minimumApprovals')::int
    FROM jsonb_array_elements(definitions -> 'objectTypes') d
  ON CONFLICT (tenant_id, name) DO UPDATE
     SET ontology_version = EXCLUDED.ontology_version, definition = EXCLUDED.definition, "references" = EXCLUDED."references", indexed = EXCLUDED.indexed,
         unique_properties = EXCLUDED.unique_properties, key_property = EXCLUDED.key_property, minimum_approvals = EXCLUDED.minimum_approvals;
  INSERT INTO link_type AS t (tenant_id, name, definition, cardinality, from_type, to_type, via)
  SELECT tenant, d ->> 'name', d -> 'definition', d ->> 'cardinality', d ->> 'from', d ->> 'to', d ->> 'via' FROM jsonb_array_elements(definitions -> 'linkTypes') d
  ON CONFLICT (tenant_id, name) DO UPDATE
     SET definition = EXCLUDED.definition, cardinality = EXCLUDED.cardinality, from_type = EXCLUDED.from_type, to_type = EXCLUDED.to_type, via = EXCLUDED.via;
  DELETE FROM link_type t WHERE t.tenant_id = tenant AND NOT EXISTS (SELECT FROM jsonb_array_elements(definitions -> 'linkTypes') d WHERE d ->> 'name' = t.name);
  DELETE FROM object_type t WHERE t.tenant_id = tenant AND NOT EXISTS (SELECT FROM jsonb_array_elements(definitions -> 'objectTypes') d WHERE d ->> 'name' = t.name);
  INSERT INTO type_state (tenant_id, type, counter) SELECT tenant, n, 0 FROM jsonb_array_elements_text(definitions -> 'counted') n ON CONFLICT DO NOTHING;
  FOR one IN SELECT jsonb_array_elements(definitions -> 'indexes') LOOP
    PERFORM change_indexes(one ->> 'type', ARRAY(SELECT jsonb_array_elements_text(one -> 'had')), ARRAY(SELECT jsonb_array_elements_text(one -> 'remade')),
                           ARRAY(SELECT jsonb_array_elements_text(one -> 'needed')));
  END LOOP;
  WITH wanted AS (
    SELECT d, d ->> 'name' AS name, coalesce(l.version, 0) AS latest, l.digest IS NOT DISTINCT FROM (d ->> 'digest') AS same
      FROM jsonb_array_elements(definitions -> 'actionTypes') d
      LEFT JOIN LATERAL (SELECT v.version, v.digest FROM action_type_version v WHERE v.tenant_id = tenant AND v.name = d ->> 'name' ORDER BY v.version DESC LIMIT 1) l ON true
  ), raised AS (
    INSERT INTO action_type_version (tenant_id, name, version, ontology_version, definition, digest, surface, floors, ceilings, created_at)
    SELECT tenant, w.name, w.latest + 1, kept, w.d ->> 'definition', w.d ->> 'digest', w.d -> 'surface', w.d -> 'floors', w.d -> 'ceilings', clock()
      FROM wanted w WHERE NOT w.same
  )
  INSERT INTO action_type AS t (tenant_id, name, current_version, retired)
  SELECT tenant, w.name, CASE WHEN w.same THEN w.latest ELSE w.latest + 1 END, false FROM wanted w
  ON CONFLICT (tenant_id, name) DO UPDATE SET current_version = EXCLUDED.current_version, retired = false;
  UPDATE action_type t SET retired = true
   WHERE t.tenant_id = tenant AND NOT t.retired AND NOT governs(t.name) AND NOT EXISTS (SELECT FROM jsonb_array_elements(definitions -> 'actionTypes') d WHERE d ->> 'name' = t.name);
  RETURN kept;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.keep_delegation(wish jsonb, granter text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  now timestamptz := date_trunc('milliseconds', exequatur.clock());
BEGIN
  INSERT INTO exequatur.delegation (tenant_id, id, delegator, delegate, action_types, roles, starts_at, ends_at, reason, granted_by, granted_at)
  VALUES (nullif(current_setting('app.tenant', true), '')::uuid, wish ->> 'id', wish ->> 'delegator', wish ->> 'delegate',
          (SELECT array_agg(DISTINCT n ORDER BY n) FROM jsonb_array_elements_text(wish -> 'actionTypes') n),
          (SELECT array_agg(DISTINCT n ORDER BY n) FROM jsonb_array_elements_text(wish -> 'roles') n),
          date_trunc('milliseconds', coalesce((wish ->> 'startsAt')::timestamptz, now)), date_trunc('milliseconds', (wish ->> 'endsAt')::timestamptz), wish ->> 'reason', granter, now);
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.keep_index(p exequatur.proposal, edits exequatur.plan_edit[], shapes exequatur.plan_shape[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  indexed record;
BEGIN
  FOR indexed IN
    SELECT t.name AS type, i.property, t.definition -> 'properties' -> i.property AS definition, t.definition -> 'properties' -> i.property ->> 'type' AS kind, i.property = ANY (t.unique_properties) AS is_unique,
           EXISTS (SELECT FROM unnest(shapes) k WHERE k.type = t.name AND (k.op = 'delete' OR k.op = 'modify' AND i.property = ANY (k.touched))) AS had
      FROM object_type t CROSS JOIN LATERAL unnest(t.indexed) i(property)
     WHERE t.tenant_id = p.tenant_id
       AND EXISTS (SELECT FROM unnest(shapes) k WHERE k.type = t.name AND (k.op = 'delete' OR i.property = ANY (k.touched)))
  LOOP
    IF indexed.had THEN
      WITH gone AS MATERIALIZED (
        SELECT e.id COLLATE "C" AS id, k.key COLLATE "C" AS key FROM unnest(edits) e CROSS JOIN LATERAL index_keys(indexed.definition, e.before -> indexed.property) k(key)
         WHERE e.type = indexed.type AND e.before ? indexed.property
      )
      DELETE FROM object_index i USING gone g
       WHERE i.tenant_id = p.tenant_id AND i.type = indexed.type AND i.property = indexed.property AND i.key = g.key AND i.object_id = g.id;
    END IF;
    IF indexed.kind = 'array' THEN
      INSERT INTO object_index (tenant_id, type, property, key, object_id)
      SELECT p.tenant_id, e.type, indexed.property, k.key, e.id FROM unnest(edits) e CROSS JOIN LATERAL index_keys(indexed.definition, e.set -> indexed.property) k(key)
       WHERE e.type = indexed.type AND e.set ? indexed.property AND e.set -> indexed.property <> '[]'
      ON CONFLICT DO NOTHING;
    ELSE
      INSERT INTO object_index (tenant_id, type, property, key, object_id)
      SELECT p.tenant_id, e.type, indexed.property, index_key(indexed.kind, e.set -> indexed.property) COLLATE "C", e.id COLLATE "C" FROM unnest(edits) e
       WHERE e.type = indexed.type AND jsonb_typeof(e.set -> indexed.property) <> 'null' ORDER BY 4, 5
      ON CONFLICT DO NOTHING;
    END IF;
    IF indexed.is_unique THEN
      PERFORM check_unique(p, indexed.type, indexed.property, indexed.definition, edits);
    END IF;
  END LOOP;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.keep_standing(edit exequatur.plan_edit)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  tenant uuid := current_tenant();
  wish jsonb := edit.set -> 'change';
  fields text[] := ARRAY(SELECT jsonb_object_keys(wish));
  person_ids text[] := edit.id || ARRAY(SELECT jsonb_array_elements_text(wish -> 'linkedIdentities'));
  at timestamptz := clock();
  said jsonb := (SELECT coalesce(jsonb_object_agg(f, jsonb_build_object('source', 'administrator', 'at', stamp(at))), '{}')
                   FROM unnest(fields) f WHERE f IN ('roles', 'teams', 'disabled', 'actsFor', 'linkedIdentities')
                                            OR (f = 'kind' AND (wish ->> 'kind' = 'agent' OR wish ->> 'kind' <> edit.before -> 'standing' ->> 'kind')));
BEGIN
  PERFORM FROM principal q WHERE q.tenant_id = tenant AND q.id = ANY (person_ids) ORDER BY q.id FOR UPDATE;
  IF edit.before -> 'standing' IS DISTINCT FROM standing_in_force(edit.id, fields) THEN
    RAISE EXCEPTION 'the directory says something else by now' USING ERRCODE = 'XQ001';
  END IF;
  INSERT INTO principal AS q (tenant_id, id, kind, name, acts_for, disabled, teams, sources, first_seen_at, updated_at)
  VALUES (tenant, edit.id, coalesce(wish ->> 'kind', 'user'), wish ->> 'name', wish ->> 'actsFor', coalesce((wish ->> 'disabled')::boolean, false),
          ARRAY(SELECT DISTINCT t FROM jsonb_array_elements_text(wish -> 'teams') t ORDER BY 1), said, at, at)
  ON CONFLICT (tenant_id, id) DO UPDATE
     SET kind = CASE WHEN wish ? 'kind' THEN excluded.kind ELSE q.kind END, name = CASE WHEN wish ? 'name' THEN excluded.name ELSE q.name END,
         acts_for = CASE WHEN wish ? 'actsFor' THEN excluded.acts_for ELSE q.acts_for END, disabled = CASE WHEN wish ? 'disabled' THEN excluded.disabled ELSE q.disabled END,
         teams = CASE WHEN wish ? 'teams' THEN excluded.teams ELSE q.teams END, sources = q.sources || excluded.sources, updated_at = excluded.updated_at;
  IF wish ? 'roles' THEN
    UPDATE standing_role s SET removed_at = at, source = 'token'
     WHERE s.tenant_id = tenant AND s.principal_id = edit.id AND s.removed_at IS NULL AND NOT wish -> 'roles' ? s.role;
    INSERT INTO standing_role AS s (tenant_id, principal_id, role, source, fed_at)
    SELECT DISTINCT tenant, edit.id, r, 'administrator', at FROM jsonb_array_elements_text(wish -> 'roles') r
    ON CONFLICT (tenant_id, principal_id, role) DO UPDATE
       SET source = 'administrator', fed_at = excluded.fed_at, expires_at = NULL, removed_at = NULL, token_issued_at = NULL
     WHERE s.source <> 'administrator' OR s.removed_at IS NOT NULL;
  END IF;
  IF wish ? 'linkedIdentities' THEN
    UPDATE principal q SET person = CASE WHEN cardinality(person_ids) > 1 THEN gen_random_uuid()::text END, updated_at = at WHERE q.tenant_id = tenant AND q.id = edit.id;
    UPDATE principal q SET person = (SELECT o.person FROM principal o WHERE o.tenant_id = tenant AND o.id = edit.id), updated_at = at
     WHERE q.tenant_id = tenant AND q.id = ANY (person_ids);
  END IF;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.keep_subscription(edit exequatur.plan_edit, author text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  tenant uuid := current_tenant();
  known subscription;
  place record;
  at timestamptz := date_trunc('milliseconds', clock());
BEGIN
  PERFORM FROM event_lane l JOIN subscription x ON x.tenant_id = l.tenant_id AND x.id::text = l.sink WHERE x.tenant_id = tenant AND x.name = edit.id FOR UPDATE OF l;
  SELECT s.* INTO known FROM subscription s WHERE s.tenant_id = tenant AND s.name = edit.id FOR UPDATE;
  IF edit.before ->> 'changedAt' IS DISTINCT FROM stamp(known.changed_at) OR edit.before ->> 'disabledAt' IS DISTINCT FROM stamp(known.disabled_at) THEN
    RAISE EXCEPTION 'the subscription is another by now' USING ERRCODE = 'XQ001';
  END IF;
  IF known.id IS NULL THEN
    SELECT p.seq, p.ordinal INTO place FROM event_position(tenant, edit.set ->> 'from') p;
    IF place.seq < oldest_kept(tenant) THEN
      RAISE EXCEPTION 'what it is to begin with is not kept any more' USING ERRCODE = 'XQ001';
    END IF;
    INSERT INTO subscription (tenant_id, name, id, url, filter, description, enabled, starts_seq, starts_ordinal, created_by, created_at, changed_by, changed_at)
    VALUES (tenant, edit.id, gen_random_uuid(), edit.set ->> 'url', edit.set -> 'filter', edit.set ->> 'description', (edit.set ->> 'enabled')::boolean,
            place.seq, place.ordinal, author, at, author, at) RETURNING * INTO known;
    INSERT INTO event_lane (tenant_id, sink, seq, ordinal) VALUES (tenant, known.id::text, place.seq, place.ordinal);
    RETURN;
  END IF;
  UPDATE event_lane l SET claimed_by = NULL, claimed_until = NULL WHERE l.tenant_id = tenant AND l.sink = known.id::text RETURNING l.seq, l.ordinal INTO place;
  IF (edit.set ->> 'enabled')::boolean AND place.seq < oldest_kept(tenant) THEN
    RAISE EXCEPTION 'what it would go on with is not kept any more' USING ERRCODE = 'XQ001';
  END IF;
  -- What lets more go, or elsewhere, was approved from here on: nothing from before is sent again under it.
  IF edit.set -> 'loosens' IS DISTINCT FROM '[]' THEN
    UPDATE subscription s SET starts_seq = place.seq, starts_ordinal = place.ordinal WHERE s.tenant_id = tenant AND s.id = known.id;
  END IF;
  IF edit.set -> 'loosens' IS DISTINCT FROM '[]' OR edit.set -> 'filter' IS DISTINCT FROM known.filter THEN
    DELETE FROM dead_letter d WHERE d.tenant_id = tenant AND d.subscription_id = known.id; -- They are of what the former filter let through.
  END IF;
  UPDATE subscription s
     SET url = edit.set ->> 'url', filter = edit.set -> 'filter', description = edit.set ->> 'description', enabled = (edit.set ->> 'enabled')::boolean,
         changed_by = author, changed_at = at, disabled_reason = NULL, disabled_at = NULL, attempts = 0, tried_since = NULL, failing_since = NULL, next_attempt_at = '-infinity',
         error_code = NULL, error_message = NULL, error_at = NULL
   WHERE s.tenant_id = tenant AND s.id = known.id;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.keeps_version(action_type text, version integer)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  WITH current AS (
    SELECT a.current_version AS version FROM action_type a
     WHERE a.tenant_id = (SELECT current_setting('app.tenant')::uuid) AND a.name = keeps_version.action_type AND NOT a.retired AND a.current_version > keeps_version.version
  ), texts AS (
    SELECT v.version, v.definition::jsonb AS definition FROM action_type_version v CROSS JOIN current c
     WHERE v.tenant_id = (SELECT current_setting('app.tenant')::uuid) AND v.name = keeps_version.action_type AND v.version BETWEEN keeps_version.version AND c.version
  )
  SELECT coalesce((
    SELECT NOT EXISTS (SELECT FROM texts t WHERE t.version > keeps_version.version AND t.definition -> 'actionType' ->> 'whenRedefined' IS DISTINCT FROM 'keepVersion')
       AND NOT EXISTS (
         SELECT FROM jsonb_each(was.definition -> 'objectTypes') o
          WHERE o.value - 'properties' IS DISTINCT FROM (now.definition -> 'objectTypes' -> o.key) - 'properties'
             OR EXISTS (SELECT FROM jsonb_each(o.value -> 'properties') p
                         WHERE p.value IS DISTINCT FROM now.definition -> 'objectTypes' -> o.key -> 'properties' -> p.key))
       AND NOT EXISTS (SELECT FROM jsonb_each(was.definition -> 'linkTypes') l WHERE l.value IS DISTINCT FROM now.definition -> 'linkTypes' -> l.key)
       -- Whatever else a definition text tells of what is around the action.
       AND was.definition - ARRAY['actionType', 'approvalPolicy', 'objectTypes', 'linkTypes'] = now.definition - ARRAY['actionType', 'approvalPolicy', 'objectTypes', 'linkTypes']
      FROM texts was JOIN texts now ON now.version = (SELECT c.version FROM current c) WHERE was.version = keeps_version.version), false)
$function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.key_sql(definition jsonb, c jsonb)
 RETURNS SETOF text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  kind text := coalesce(definition ->> 'type', 'string');
  op text := c ->> 'op';
  beginning text;
BEGIN
  CASE
    WHEN op = 'eq' THEN RETURN NEXT format('i.key = %L', index_key(kind, c -> 'value'));
    WHEN op = 'contains' THEN RETURN NEXT format('i.key = %L', index_key(definition -> 'items' ->> 'type', c -> 'value'));
    WHEN op = 'containsAny' THEN RETURN QUERY SELECT DISTINCT format('i.key = %L', index_key('string', v)) FROM jsonb_array_elements(c -> 'values') v;
    WHEN op = 'in' THEN RETURN QUERY SELECT DISTINCT format('i.key = %L', index_key(kind, v)) FROM jsonb_array_elements(c -> 'values') v;
    WHEN op IN ('lt', 'le') THEN RETURN NEXT format('i.key <= %L', index_key(kind, c -> 'value'));
    WHEN op IN ('gt', 'ge') THEN RETURN NEXT format('i.key >= %L', index_key(kind, c -> 'value'));
    WHEN op = 'startsWith' THEN
      beginning := left(c ->> 'value', 256);
      -- Up to the last text of a key's length that begins so.
      RETURN NEXT format('i.key >= %L AND i.key <= %L', beginning, beginning || repeat(chr(1114111), 256 - length(beginning)));
    WHEN op = 'present' AND kind <> 'array' THEN RETURN NEXT 'true';
    ELSE NULL;
  END CASE;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.know_settings()
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  WITH settings(name, type, properties) AS (VALUES
    ('$changeOntology', '$ontology', '["digest", "changes", "loosens", "definitions", "migration"]'::jsonb),
    ('$changePolicies', '$policies', '["digest", "changes", "loosens", "policies", "cases", "version"]'),
    ('$switchOn', '$switch', '["state", "loosens", "reason"]'),
    ('$delegate', '$delegation', '["delegator", "delegate", "actionTypes", "roles", "startsAt", "endsAt", "reason", "loosens"]'),
    ('$subscribe', '$subscription', '["url", "filter", "description", "enabled", "from", "loosens"]'),
    ('$changePrincipal', '$principal', '["change", "loosens"]')
  ), versions AS (
    INSERT INTO action_type_version (tenant_id, name, version, ontology_version, definition, digest, surface, floors, ceilings, created_at)
    SELECT current_tenant(), s.name, 1, (SELECT max(o.version) FROM ontology_version o WHERE o.tenant_id = current_tenant()), '{}', 'built-in',
           jsonb_build_array(jsonb_build_object('type', s.type, 'operation', 'modify', 'properties', s.properties)), '[{"approvals": 0, "ceilings": {"edits": 1}}]', '{"edits": 1}', clock()
      FROM settings s
    ON CONFLICT DO NOTHING
  )
  INSERT INTO action_type (tenant_id, name, current_version) SELECT current_tenant(), s.name, 1 FROM settings s ON CONFLICT DO NOTHING;
END $function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.lane_events(tenant uuid, after_seq bigint, skip integer, lim integer, most_bytes integer)
 RETURNS TABLE(seq bigint, ordinal integer, at timestamp with time zone, id text, type text, subject text, key text, data jsonb, traceparent text)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT e.* FROM exequatur.events_after(tenant, after_seq, skip, lim, most_bytes, NULL) e
$function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.lane_holds(tenant uuid, sink text)
 RETURNS TABLE(key text, seq bigint, ordinal integer, resolution text)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT w.key, w.seq, w.ordinal, w.resolution FROM event_hold w WHERE w.tenant_id = tenant AND w.sink = lane_holds.sink
$function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.last_checkpoint(tenant uuid)
 RETURNS bigint
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT coalesce(max(c.size), 0) FROM audit_checkpoint c WHERE c.tenant_id = last_checkpoint.tenant
$function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.last_checkpoints(tenants uuid[])
 RETURNS TABLE(tenant_id uuid, size bigint)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT x.tenant, c.size FROM unnest(tenants) x(tenant)
   CROSS JOIN LATERAL (SELECT y.size FROM audit_checkpoint y WHERE y.tenant_id = x.tenant ORDER BY y.size DESC LIMIT 1) c
$function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.last_entry_until(tenant uuid, until timestamp with time zone)
 RETURNS bigint
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  low bigint := 0;
  high bigint := coalesce((SELECT max(e.seq) FROM audit_entry e WHERE e.tenant_id = tenant), 0);
  middle bigint;
BEGIN
  WHILE low < high LOOP
    middle := (low + high + 1) / 2;
    IF (SELECT date_trunc('milliseconds', e.at) FROM audit_entry e WHERE e.tenant_id = tenant AND e.seq = middle) <= until THEN
      low := middle;
    ELSE
      high := middle - 1;
    END IF;
  END LOOP;
  RETURN low;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.leave_executing(proposal uuid, target text, problem jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
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
END $function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.leaves_of_logs(tenants uuid[], firsts bigint[], beyonds bigint[])
 RETURNS TABLE(tenant_id uuid, leaves bytea)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT x.tenant, l.leaves
    FROM unnest(tenants, firsts, beyonds) x(tenant, first, beyond)
   CROSS JOIN LATERAL (SELECT string_agg(sha256('\x00'::bytea || audit_frame(e.tenant_id, e.seq, e.at, e.previous_hash, e.payload)), ''::bytea ORDER BY e.seq) AS leaves
                         FROM audit_entry e WHERE e.tenant_id = x.tenant AND e.seq > x.first AND e.seq <= x.beyond) l
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.left_by_operator()
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT '{"code": "execution_failed", "faults": [{"code": "left_by_operator", "message": "an operator left something of it as it is"}]}'::jsonb
$function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.list_by_id(object_type text, condition jsonb, leads jsonb, descending boolean, after_id text, lim integer)
 RETURNS SETOF exequatur.object
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
AS $function$
DECLARE
  gathered constant int := 20000; -- Ids alone, out of the index: sorted within some ten milliseconds.
  direction text := CASE WHEN descending THEN 'DESC' ELSE 'ASC' END;
  behind text := CASE WHEN after_id IS NULL THEN 'IS NOT NULL' ELSE format('%s %L', CASE WHEN descending THEN '<' ELSE '>' END, after_id) END;
BEGIN
  IF (leads -> 'points')::boolean THEN
    RETURN QUERY EXECUTE (
      SELECT format('SELECT (o.object).* FROM (SELECT DISTINCT ON (o.id) o.id, o.object FROM (%s) o ORDER BY o.id %s) o ORDER BY o.id %s LIMIT %s', string_agg(part, ' UNION ALL '), direction, direction, lim)
        FROM (SELECT format('(SELECT o.id, o.object FROM (%s AND i.object_id %s) c
                               CROSS JOIN LATERAL (SELECT o AS object, o.id FROM exequatur.object o WHERE o.tenant_id = (SELECT current_setting(''app.tenant'')::uuid) AND o.type = %L AND o.id = c.object_id AND o.alive AND %s OFFSET 0) o
                              ORDER BY c.object_id %s LIMIT %s)', f, behind, object_type, condition_sql(object_type, condition), direction, lim) AS part
                FROM jsonb_array_elements_text(leads -> 'found') f) p);
  ELSE
    RETURN QUERY EXECUTE format('SELECT (o.object).* %s ORDER BY c.object_id %s LIMIT %s',
      selected_sql(object_type, condition, CASE WHEN is_many(leads, gathered) THEN NULL ELSE leads END, direction, behind), direction, lim);
  END IF;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.list_by_index(object_type text, condition jsonb, order_property text, definition jsonb, descending boolean, after_value jsonb, after_id text, lim integer)
 RETURNS SETOF exequatur.object
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_sort TO 'off'
AS $function$
DECLARE
  kind text := definition ->> 'type';
  value text := value_sql(kind, order_property);
  sign text := CASE WHEN descending THEN '<' ELSE '>' END;
  direction text := CASE WHEN descending THEN 'DESC' ELSE 'ASC' END;
  bounds text[] := order_bounds(condition, order_property, definition);
  -- Whether the condition may select objects without the property at all.
  is_open boolean := NOT EXISTS (SELECT FROM jsonb_array_elements(CASE WHEN condition ? 'all' THEN condition -> 'all' ELSE jsonb_build_array(condition) END) c
                                  WHERE c ->> 'property' = order_property AND c ->> 'op' <> 'ne');
  asked text := format('o.tenant_id = (SELECT current_setting(''app.tenant'')::uuid) AND o.type = %L AND o.alive AND %s', object_type, condition_sql(object_type, condition));
  rows text := format('FROM exequatur.object_index i CROSS JOIN LATERAL (SELECT o AS object, %s AS value FROM exequatur.object o WHERE %s AND o.id = i.object_id OFFSET 0) o
                       WHERE i.tenant_id = (SELECT current_setting(''app.tenant'')::uuid) AND i.type = %L AND i.property = %L', value, asked, object_type, order_property);
  at_key text := CASE WHEN after_id IS NOT NULL AND coalesce(jsonb_typeof(after_value), 'null') <> 'null' THEN index_key(kind, after_value) END;
  at_id text := after_id;
  is_cut boolean := kind IN ('string', 'enum') AND length(at_key) = 256;
  remaining int := lim;
  seen int;
  r record;
  one object;
BEGIN
  -- A page that begins among absent values has no values behind it.
  WHILE remaining > 0 AND (after_id IS NULL OR at_key IS NOT NULL) LOOP
    IF is_cut THEN
      RETURN QUERY EXECUTE format('SELECT (o.object).* %s AND i.key = %L %s ORDER BY o.value %s, i.object_id %s LIMIT %s', rows, at_key,
        CASE WHEN at_id IS NULL THEN '' ELSE format('AND (o.value, i.object_id) %s (%L COLLATE "C", %L)', sign, after_value #>> '{}', at_id) END, direction, direction, remaining);
      GET DIAGNOSTICS seen = ROW_COUNT;
      remaining := remaining - seen;
      at_id := NULL;
      EXIT WHEN remaining <= 0;
    END IF;
    is_cut := false;
    FOR r IN EXECUTE format('SELECT i.key, o.object %s %s %s ORDER BY i.key %s, i.object_id %s LIMIT %s', rows,
      CASE WHEN at_key IS NULL THEN '' WHEN at_id IS NULL THEN format('AND i.key %s %L', sign, at_key) ELSE format('AND (i.key, i.object_id) %s (%L, %L)', sign, at_key, at_id) END,
      (SELECT string_agg(' AND ' || b, '') FROM unnest(bounds) b), direction, direction, remaining)
    LOOP
      is_cut := kind IN ('string', 'enum') AND length(r.key) = 256;
      at_key := r.key;
      EXIT WHEN is_cut;
      one := r.object;
      RETURN NEXT one;
      remaining := remaining - 1;
    END LOOP;
    at_id := NULL;
    EXIT WHEN NOT is_cut;
  END LOOP;
  IF remaining > 0 AND is_open THEN
    RETURN QUERY EXECUTE format('SELECT o.* FROM exequatur.object o WHERE %s AND NOT o.properties ? %L %s ORDER BY o.id %s LIMIT %s', asked, order_property,
      CASE WHEN after_id IS NULL OR coalesce(jsonb_typeof(after_value), 'null') <> 'null' THEN '' ELSE format('AND o.id %s %L', sign, after_id) END, direction, remaining);
  END IF;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.list_objects(object_type text, condition jsonb, order_property text, descending boolean, after_value jsonb, after_id text, lim integer)
 RETURNS SETOF exequatur.object
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  gathered constant int := 5000; -- So many objects are fetched and sorted within some ten milliseconds; more than that, and the order's own index is walked.
  leads jsonb := candidates(object_type, condition);
  definition jsonb;
  value text;
  sign text := CASE WHEN descending THEN '<' ELSE '>' END;
  direction text := CASE WHEN descending THEN 'DESC' ELSE 'ASC' END;
  after text := '';
BEGIN
  IF coalesce(order_property, 'id') = 'id' THEN
    RETURN QUERY SELECT * FROM list_by_id(object_type, condition, leads, descending, after_id, lim);
    RETURN;
  END IF;
  SELECT t.definition -> 'properties' -> order_property INTO definition FROM object_type t WHERE t.name = object_type;
  -- A range over the very property that orders begins the walk; what else leads to few objects is gathered.
  IF is_walkable(object_type, order_property) AND definition ->> 'type' <> 'array'
     AND (coalesce((leads -> 'rank')::int >= 3 AND cardinality(order_bounds(condition, order_property, definition)) > 0, false) OR is_many(leads, gathered)) THEN
    RETURN QUERY SELECT * FROM list_by_index(object_type, condition, order_property, definition, descending, after_value, after_id, lim);
    RETURN;
  END IF;
  value := value_sql(definition ->> 'type', order_property);
  IF after_id IS NOT NULL AND coalesce(jsonb_typeof(after_value), 'null') <> 'null' THEN
    after := format(' AND (%1$s %2$s %3$s OR (%1$s = %3$s AND o.id %2$s %4$L) OR %1$s IS NULL)', value, sign, literal_sql(definition ->> 'type', after_value), after_id);
  ELSIF after_id IS NOT NULL THEN
    after := format(' AND %s IS NULL AND o.id %s %L', value, sign, after_id);
  END IF;
  RETURN QUERY EXECUTE format('SELECT (o.object).* %s%s ORDER BY %s %s NULLS LAST, o.id %s LIMIT %s',
                              selected_sql(object_type, condition, leads), after, value, direction, direction, lim);
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.literal_sql(kind text, value jsonb)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  SELECT CASE
    WHEN kind IN ('integer', 'double', 'long', 'decimal') THEN format('%L::numeric', value #>> '{}')
    WHEN kind = 'boolean' THEN format('%L::boolean', value #>> '{}')
    WHEN kind = 'timestamp' THEN format('%L', left(value #>> '{}', 23) || 'Z' || rtrim(substr(value #>> '{}', 24), 'Z'))
    ELSE format('%L', value #>> '{}')
  END
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.lock_control()
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT 1 FROM tenant_control c WHERE c.tenant_id = current_tenant() FOR SHARE
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.lock_types(p exequatur.proposal, plan uuid, shapes exequatur.plan_shape[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  name text;
  written text[] := ARRAY(SELECT DISTINCT s.type FROM unnest(shapes) s);
  deleted text[] := ARRAY(SELECT DISTINCT s.type FROM unnest(shapes) s WHERE s.op = 'delete');
BEGIN
  FOR name IN
    SELECT t FROM (
      SELECT unnest(written) AS t
      UNION
      SELECT jsonb_object_keys(r.counters) FROM (SELECT r.counters FROM read_set r WHERE r.tenant_id = p.tenant_id AND r.plan_id = plan ORDER BY r.simulation DESC LIMIT 1) r
      UNION
      -- Whose objects were read by id: what was read must stay so until this commits.
      SELECT r.type FROM read_set_reads r WHERE r.tenant_id = p.tenant_id AND r.plan_id = plan
      UNION
      SELECT coalesce(q ->> 'type', q ->> 'link') FROM read_set r CROSS JOIN LATERAL jsonb_array_elements(r.queries) q WHERE r.tenant_id = p.tenant_id AND r.plan_id = plan
      UNION
      SELECT CASE WHEN t.name = ANY (written) THEN r.value ELSE t.name END FROM object_type t CROSS JOIN LATERAL jsonb_each_text(t."references") r
       WHERE t.tenant_id = p.tenant_id AND (t.name = ANY (written) OR r.value = ANY (deleted))
      UNION
      SELECT x FROM link_type t CROSS JOIN LATERAL unnest(ARRAY[t.name, t.from_type, t.to_type]) x
       WHERE t.tenant_id = p.tenant_id AND t.cardinality = 'many-to-many' AND (t.name = ANY (written) OR t.from_type = ANY (deleted) OR t.to_type = ANY (deleted))
    ) x ORDER BY t COLLATE "C"
  LOOP
    IF name = ANY (written) THEN
      PERFORM FROM type_state s WHERE s.tenant_id = p.tenant_id AND s.type = name FOR UPDATE;
      IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no type %', name USING ERRCODE = 'XQ004';
      END IF;
    ELSE
      PERFORM FROM type_state s WHERE s.tenant_id = p.tenant_id AND s.type = name FOR SHARE;
    END IF;
  END LOOP;
END $function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.log_leaves(tenant uuid, first bigint, beyond bigint)
 RETURNS SETOF bytea
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT sha256('\x00'::bytea || audit_frame(e.tenant_id, e.seq, e.at, e.previous_hash, e.payload))
    FROM audit_entry e WHERE e.tenant_id = log_leaves.tenant AND e.seq > first AND e.seq <= beyond ORDER BY e.seq
$function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.log_tile(tenant uuid, level integer, tile bigint)
 RETURNS bytea
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT t.hashes FROM audit_tile t WHERE t.tenant_id = log_tile.tenant AND t.level = log_tile.level AND t.tile = log_tile.tile
$function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.logs_to_seal(lim integer, passed uuid[] DEFAULT '{}'::uuid[])
 RETURNS TABLE(tenant_id uuid, head bigint, sealed bigint, root bytea)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  WITH RECURSIVE signed(tenant_id) AS (
    (SELECT c.tenant_id FROM audit_checkpoint c ORDER BY c.tenant_id LIMIT 1)
    UNION ALL
    SELECT (SELECT c.tenant_id FROM audit_checkpoint c WHERE c.tenant_id > s.tenant_id ORDER BY c.tenant_id LIMIT 1) FROM signed s WHERE s.tenant_id IS NOT NULL
  ), log(tenant_id, head) AS (
    SELECT h.tenant_id, h.seq FROM audit_head h
    UNION ALL
    SELECT s.tenant_id, 0 FROM signed s WHERE s.tenant_id IS NOT NULL AND NOT EXISTS (SELECT FROM audit_head h WHERE h.tenant_id = s.tenant_id)
  )
  SELECT l.tenant_id, l.head, coalesce(c.size, 0), c.root
    FROM log l
    LEFT JOIN LATERAL (SELECT x.size, x.root FROM audit_checkpoint x WHERE x.tenant_id = l.tenant_id ORDER BY x.size DESC LIMIT 1) c ON true
   WHERE l.head <> coalesce(c.size, 0) AND l.tenant_id <> ALL (passed)
   ORDER BY l.head > coalesce(c.size, 0), (SELECT e.at FROM audit_entry e WHERE e.tenant_id = l.tenant_id AND e.seq = coalesce(c.size, 0) + 1) NULLS LAST, l.tenant_id LIMIT lim
$function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.mark_delivered(tenant uuid, sink text, claimant uuid, seq bigint, ordinal integer, lease interval)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  IF NOT move_lane(tenant, mark_delivered.sink, claimant, mark_delivered.seq, mark_delivered.ordinal, lease) THEN
    RETURN false;
  END IF;
  UPDATE subscription s SET delivered_at = clock(), attempts = 0, tried_since = NULL, next_attempt_at = '-infinity', failing_since = NULL, error_code = NULL, error_message = NULL, error_at = NULL
   WHERE s.tenant_id = tenant AND s.id::text = mark_delivered.sink;
  DELETE FROM dead_letter d -- Of a replay.
   USING subscription s WHERE s.tenant_id = tenant AND s.id::text = mark_delivered.sink AND d.tenant_id = s.tenant_id AND d.subscription_id = s.id
     AND d.seq = mark_delivered.seq + 1 AND d.ordinal = mark_delivered.ordinal;
  RETURN true;
END $function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.mark_nudge_delivered(tenant uuid, nudge_id uuid)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  UPDATE nudge SET delivered_at = clock() WHERE nudge.tenant_id = tenant AND nudge.id = nudge_id AND delivered_at IS NULL
$function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.mark_schedule_told(tenant uuid, schedule uuid, version integer)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  UPDATE schedule s SET told_version = mark_schedule_told.version WHERE s.tenant_id = tenant AND s.id = mark_schedule_told.schedule AND s.told_version < mark_schedule_told.version
$function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.mark_schedule_watched(tenant uuid, schedule uuid, until timestamp with time zone)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  UPDATE schedule s SET seen_until = until WHERE s.tenant_id = tenant AND s.id = mark_schedule_watched.schedule AND s.seen_until < until
$function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.members_of(action_type text)
 RETURNS text[]
 LANGUAGE sql
 IMMUTABLE
AS $function$
  SELECT CASE WHEN strpos(action_type, '+') > 0 THEN array_remove(string_to_array(action_type, '+'), '') ELSE ARRAY[action_type] END
$function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.move_lane(tenant uuid, sink text, claimant uuid, seq bigint, ordinal integer, lease interval)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  stands record;
BEGIN
  SELECT l.seq, l.ordinal INTO stands FROM event_lane l WHERE l.tenant_id = tenant AND l.sink = move_lane.sink AND l.claimed_by = claimant FOR UPDATE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  IF (move_lane.seq, move_lane.ordinal) < (stands.seq, stands.ordinal) OR NOT is_in_log(tenant, move_lane.seq, move_lane.ordinal) THEN
    RAISE EXCEPTION 'a lane moves on, up to the end of the log' USING ERRCODE = '23514';
  END IF;
  UPDATE event_lane l SET seq = move_lane.seq, ordinal = move_lane.ordinal, served_at = clock(),
         claimed_by = CASE WHEN lease IS NULL THEN NULL ELSE l.claimed_by END, claimed_until = clock() + lease
   WHERE l.tenant_id = tenant AND l.sink = move_lane.sink;
  RETURN true;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.named_misfits(edits exequatur.plan_edit[], misfits jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT jsonb_agg(jsonb_build_object('type', n.type, 'id', n.id, 'property', n.property, 'because', 'defined_otherwise') ORDER BY n.type, n.id, n.property)
    FROM (SELECT DISTINCT e.type COLLATE "C" AS type, e.id COLLATE "C" AS id, CASE e.op WHEN 'create' THEN '$' ELSE m.property COLLATE "C" END AS property
            FROM jsonb_to_recordset(misfits) m(type text, id text, property text) JOIN unnest(edits) e ON e.type = m.type AND e.id = m.id
           WHERE e.op IN ('create', 'modify') AND e.set ? m.property) n
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.need_attention(proposal uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
BEGIN
  UPDATE proposal p SET status = 'needs_attention', updated_at = c.now, status_timestamps = p.status_timestamps || jsonb_build_object('needs_attention', stamp(c.now))
    FROM (SELECT clock() AS now) c WHERE p.tenant_id = current_tenant() AND p.id = need_attention.proposal AND p.status = 'compensating';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'nothing is being undone here' USING ERRCODE = 'XQ006';
  END IF;
  UPDATE saga s SET asking = gen_random_uuid() WHERE s.tenant_id = current_tenant() AND s.proposal_id = need_attention.proposal AND s.ended_at IS NULL;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.object_events(tenant uuid, told exequatur.outbox, skip integer, lim integer, room bigint)
 RETURNS TABLE(ordinal integer, type text, subject text, key text, data jsonb, bytes integer)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  execution uuid := (told.data ->> 'executionId')::uuid;
  common jsonb := jsonb_build_object('executionId', told.data -> 'executionId', 'proposalId', told.proposal_id, 'undo', coalesce(told.data -> 'undo', 'false'));
  shown_of text;
  shown text[];
  masked text[];
  one jsonb;
  h object_history;
  l link_history;
  left_over int := lim;
BEGIN
  FOR h IN SELECT x.* FROM object_history x
            WHERE x.tenant_id = tenant AND x.execution_id = execution AND x.at = told.created_at AND x.ordinal > skip ORDER BY x.ordinal LIMIT lim LOOP
    IF h.type IS DISTINCT FROM shown_of THEN
      shown_of := h.type;
      shown := published_properties(tenant, h.type);
    END IF;
    IF jsonb_typeof(h.set) <> 'object' THEN
      RETURN QUERY SELECT h.ordinal, CASE h.op WHEN 'create' THEN 'object.created' WHEN 'modify' THEN 'object.modified' ELSE 'object.deleted' END,
                          'object/' || h.type || '/' || h.object_id, h.type || '/' || h.object_id, NULL::jsonb, 0;
      left_over := left_over - 1;
      CONTINUE;
    END IF;
    masked := ARRAY(SELECT k FROM jsonb_object_keys(h.set) k WHERE k <> ALL (shown) ORDER BY 1);
    one := common || jsonb_build_object('version', h.version, 'type', h.type, 'id', h.object_id, 'set', h.set - masked, 'unset', to_jsonb(h.unset), 'masked', to_jsonb(masked));
    RETURN QUERY SELECT h.ordinal, CASE h.op WHEN 'create' THEN 'object.created' WHEN 'modify' THEN 'object.modified' ELSE 'object.deleted' END,
                        'object/' || h.type || '/' || h.object_id, h.type || '/' || h.object_id, one, octet_length(one::text);
    left_over := left_over - 1;
    room := room - octet_length(one::text);
    IF room < 0 THEN
      RETURN;
    END IF;
  END LOOP;
  FOR l IN SELECT x.* FROM link_history x
            WHERE x.tenant_id = tenant AND x.execution_id = execution AND x.at = told.created_at AND x.ordinal > skip ORDER BY x.ordinal LIMIT left_over LOOP
    one := common || jsonb_build_object('version', l.version, 'link', l.link, 'from', l.from_id, 'to', l.to_id);
    RETURN QUERY SELECT l.ordinal, CASE l.op WHEN 'link' THEN 'link.created' ELSE 'link.deleted' END, concat_ws('/', 'link', l.link, l.from_id, l.to_id),
                        concat_ws('/', l.link, l.from_id, l.to_id), one, octet_length(one::text);
    room := room - octet_length(one::text);
    IF room < 0 THEN
      RETURN;
    END IF;
  END LOOP;
END $function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.oldest_event()
 RETURNS timestamp with time zone
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT min(e.at) FROM audit_head h LEFT JOIN event_feed f ON f.tenant_id = h.tenant_id
    JOIN audit_entry e ON e.tenant_id = h.tenant_id AND e.seq = coalesce(f.deleted_seq, 0) + 1
$function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.oldest_kept(tenant uuid)
 RETURNS bigint
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  INSERT INTO event_feed (tenant_id) SELECT tenant WHERE NOT EXISTS (SELECT FROM event_feed f WHERE f.tenant_id = tenant) ON CONFLICT DO NOTHING;
  SELECT f.deleted_seq FROM event_feed f WHERE f.tenant_id = tenant FOR SHARE
$function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.open_proposals(after_tenant uuid, after_id uuid, lim integer, quiet_for interval)
 RETURNS TABLE(tenant_id uuid, proposal_id uuid, action_type text, status text, updated_at timestamp with time zone)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT p.tenant_id, p.id, p.action_type, p.status, p.updated_at FROM proposal p
   WHERE p.status NOT IN ('invalid', 'rejected', 'expired', 'withdrawn', 'executed', 'failed') AND p.updated_at < clock() - quiet_for
     AND (after_tenant IS NULL OR (p.tenant_id, p.id) > (after_tenant, after_id))
     AND NOT (p.status = 'simulating' AND EXISTS (SELECT FROM nudge n WHERE n.tenant_id = p.tenant_id AND n.proposal_id = p.id AND n.delivered_at IS NULL AND n.held_until > clock()))
   ORDER BY p.tenant_id, p.id LIMIT lim
$function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.open_until(w exequatur.freeze_window, at timestamp with time zone)
 RETURNS timestamp with time zone
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT CASE
    WHEN w.starts_at IS NOT NULL THEN CASE WHEN w.starts_at <= at AND at < w.ends_at THEN w.ends_at END
    ELSE (
      SELECT max(e.ends)
        FROM generate_series(0, 1) ago,
             LATERAL (SELECT (at AT TIME ZONE w.time_zone)::date - ago AS day) d,
             LATERAL (SELECT first_instant(d.day + w.from_time, w.time_zone) AS starts,
                             (d.day + w.until_time + CASE WHEN w.until_time <= w.from_time THEN interval '1 day' ELSE interval '0' END) AT TIME ZONE w.time_zone AS ends) e
       WHERE extract(isodow FROM d.day)::int = ANY (w.days) AND e.starts <= at AND at < e.ends)
  END
$function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.order_bounds(condition jsonb, order_property text, definition jsonb)
 RETURNS text[]
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT ARRAY(SELECT k FROM jsonb_array_elements(CASE WHEN condition ? 'all' THEN condition -> 'all' ELSE jsonb_build_array(condition) END) c CROSS JOIN LATERAL key_sql(definition, c) k
                WHERE c ->> 'property' = order_property AND c ->> 'op' IN ('eq', 'lt', 'le', 'gt', 'ge', 'startsWith', 'present'))
$function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.owed_reviews()
 RETURNS TABLE(due bigint, missed bigint)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT count(*) FILTER (WHERE o.overdue_at IS NULL), count(o.overdue_at)
    FROM (SELECT max(g.overdue_at) AS overdue_at FROM glass g JOIN proposal p ON p.tenant_id = g.tenant_id AND p.id = g.proposal_id
           WHERE g.reviewed_at IS NULL
             AND ((g.revision = p.revision AND g.digest = p.plan_digest AND (p.status = 'executed' OR (p.status = 'failed' AND p.status_timestamps ? 'executing')))
               OR EXISTS (SELECT FROM saga s WHERE s.tenant_id = g.tenant_id AND s.proposal_id = g.proposal_id AND s.digest = g.digest AND s.begun_at >= g.broken_at))
           GROUP BY p.tenant_id, p.id) o
$function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.part_of_index(object_type text, property text, rank integer, keys text[])
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT jsonb_build_object('rank', rank, 'points', rank < 3 AND cardinality(keys) <= 20,
    'found', to_jsonb(ARRAY(SELECT format('SELECT i.object_id FROM exequatur.object_index i WHERE i.tenant_id = (SELECT current_setting(''app.tenant'')::uuid) AND i.type = %L AND i.property = %L AND %s',
                                          object_type, property, k) FROM unnest(keys) k)))
   WHERE cardinality(keys) > 0
$function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.parts_of_family(root uuid)
 RETURNS TABLE(proposal_id uuid, execution_id uuid, number integer, depth integer, kind text, name text, id text, part text, back boolean)
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  WITH family AS MATERIALIZED (
    SELECT p.id AS proposal_id, x.id AS execution_id, 0 AS number, 0 AS depth, p.action_type FROM execution x JOIN proposal p ON p.tenant_id = x.tenant_id AND p.id = x.proposal_id
     WHERE x.tenant_id = current_tenant() AND x.id = root AND p.status = 'executed'
    UNION ALL
    SELECT p.id, x.id, p.revert_number, p.revert_depth, p.action_type FROM proposal p JOIN execution x ON x.tenant_id = p.tenant_id AND x.proposal_id = p.id
     WHERE p.tenant_id = current_tenant() AND p.revert_root = root AND p.status = 'executed'
    UNION ALL
    SELECT p.id, CASE WHEN s.edits IN ('applied', 'stuck', 'skipped') THEN x.id END, p.revert_number, p.revert_depth, p.action_type
      FROM proposal p
     CROSS JOIN LATERAL (SELECT n.edits FROM saga n WHERE n.tenant_id = p.tenant_id AND n.proposal_id = p.id ORDER BY n.run DESC LIMIT 1) s
      LEFT JOIN execution x ON x.tenant_id = p.tenant_id AND x.proposal_id = p.id
     WHERE p.tenant_id = current_tenant() AND p.revert_root = root AND p.status = 'failed'
  )
  SELECT f.proposal_id, f.execution_id, f.number, f.depth, 'object', h.type, h.object_id, k.part, true
    FROM family f JOIN object_history h ON h.tenant_id = current_tenant() AND h.execution_id = f.execution_id
   CROSS JOIN LATERAL (
     SELECT '$' AS part WHERE h.op <> 'modify'
     UNION ALL
     SELECT t.property FROM (SELECT jsonb_object_keys(h.set) UNION ALL SELECT unnest(h.unset)) t(property) WHERE h.op = 'modify' AND h.set -> t.property IS DISTINCT FROM h.before -> t.property) k
  UNION ALL
  SELECT f.proposal_id, f.execution_id, f.number, f.depth, 'link', h.link, h.from_id, h.to_id, true
    FROM family f JOIN link_history h ON h.tenant_id = current_tenant() AND h.execution_id = f.execution_id
  UNION ALL
  SELECT f.proposal_id, f.execution_id, f.number, f.depth, 'effect', t.name, '', '', t.state IN ('done', 'stuck') AND (t.compensated OR f.depth % 2 = 1)
    FROM family f
   CROSS JOIN LATERAL (SELECT max(s.run) AS run FROM saga s WHERE s.tenant_id = current_tenant() AND s.proposal_id = f.proposal_id) n
    JOIN saga_step t ON t.tenant_id = current_tenant() AND t.proposal_id = f.proposal_id AND t.run = n.run AND t.phase <> 'check' AND t.state IN ('done', 'stuck', 'unknown', 'sending')
  UNION ALL
  SELECT f.proposal_id, f.execution_id, f.number, f.depth, 'setting', f.action_type, '', '', true FROM family f WHERE governs(f.action_type)
$function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.passed_by_all(tenant uuid)
 RETURNS bigint
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT least((SELECT h.seq FROM audit_head h WHERE h.tenant_id = tenant),
               (SELECT min(l.seq) FROM event_lane l LEFT JOIN subscription s ON s.tenant_id = l.tenant_id AND s.id::text = l.sink
                 WHERE l.tenant_id = tenant AND (l.sink = 'kafka' OR (s.enabled AND s.disabled_at IS NULL) OR s.disabled_reason = 'filter')),
               (SELECT min(w.seq) - 1 FROM event_hold w WHERE w.tenant_id = tenant))
$function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.place_checkpoint(checkpoint exequatur.audit_checkpoint)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  before text := coalesce(current_setting('app.tenant', true), '');
  head bigint;
BEGIN
  PERFORM set_config('app.tenant', checkpoint.tenant_id::text, true);
  head := hold_audit_head();
  INSERT INTO outbox (tenant_id, id, audit_entry_id, type, subject, data, created_at)
  SELECT e.tenant_id, gen_random_uuid(), e.id, 'audit.checkpoint', 'audit/checkpoint', jsonb_build_object('size', checkpoint.size, 'note', checkpoint.note), clock()
    FROM audit_entry e WHERE e.tenant_id = checkpoint.tenant_id AND e.seq = head;
  IF FOUND THEN
    UPDATE event_feed f SET checkpoints = CASE WHEN f.head_seq = head THEN f.checkpoints + 1 ELSE 1 END, head_seq = head WHERE f.tenant_id = checkpoint.tenant_id;
  END IF;
  UPDATE event_feed f SET told_at = clock(), untold = false WHERE f.tenant_id = checkpoint.tenant_id;
  PERFORM set_config('app.tenant', before, true);
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.place_revert()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF (NEW.revert_root, NEW.revert_number, NEW.revert_depth) IS DISTINCT FROM (OLD.revert_root, OLD.revert_number, OLD.revert_depth) THEN
      RAISE EXCEPTION 'what a proposal is does not change' USING ERRCODE = 'XQ006';
    END IF;
    RETURN NEW;
  END IF;
  NEW.revert_root := NULL;
  NEW.revert_number := NULL;
  NEW.revert_depth := NULL;
  IF NEW.revert_of IS NULL THEN
    RETURN NEW;
  END IF;
  SELECT coalesce(o.revert_root, NEW.revert_of), coalesce(o.revert_depth, 0) + 1 INTO NEW.revert_root, NEW.revert_depth
    FROM execution x JOIN proposal o ON o.tenant_id = x.tenant_id AND o.id = x.proposal_id
   WHERE x.tenant_id = NEW.tenant_id AND x.id = NEW.revert_of AND o.status = 'executed';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'only what was executed is taken back' USING ERRCODE = 'XQ006';
  END IF;
  NEW.revert_number := 1 + coalesce((SELECT max(v.revert_number) FROM proposal v WHERE v.tenant_id = NEW.tenant_id AND v.revert_root = NEW.revert_root), 0);
  RETURN NEW;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.property_version(versions jsonb, property text)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE
AS $function$
  SELECT coalesce((versions ->> property)::bigint, (versions ->> '$')::bigint, 0)
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.propose_batch(migration uuid, number integer, rule integer, pass integer, after_id text, objects integer, proposal uuid, parameters text, expires_after interval)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  m ontology_migration;
  at timestamptz := clock();
BEGIN
  SELECT x.* INTO m FROM ontology_migration x WHERE x.tenant_id = current_tenant() AND x.id = propose_batch.migration FOR UPDATE;
  IF m.state IS DISTINCT FROM 'running' OR EXISTS (SELECT FROM migration_batch b WHERE b.tenant_id = m.tenant_id AND b.migration_id = m.id AND b.number >= propose_batch.number) THEN
    RETURN false;
  END IF;
  IF propose_batch.number > 1 AND NOT EXISTS (
       SELECT FROM migration_batch b JOIN proposal p ON p.tenant_id = b.tenant_id AND p.id = b.proposal_id
        WHERE b.tenant_id = m.tenant_id AND b.migration_id = m.id AND b.number = propose_batch.number - 1
          AND p.status IN ('executed', 'invalid')) THEN
    RAISE EXCEPTION 'the batch before is not through' USING ERRCODE = 'XQ006';
  END IF;
  INSERT INTO proposal (tenant_id, id, status, action_type, action_type_version, ontology_version, parameters, parameters_hash, justification, proposer_id, proposer_kind,
                        proposer_roles, acts_for, revision, revision_seed, evaluated_at, expires_at, status_timestamps, created_at, updated_at)
  SELECT m.tenant_id, propose_batch.proposal, 'simulating', a.name, a.current_version, (SELECT max(o.version) FROM ontology_version o WHERE o.tenant_id = m.tenant_id),
         propose_batch.parameters, encode(sha256(convert_to(propose_batch.parameters, 'UTF8')), 'hex'),
         format('Batch %s of the migration to %s', propose_batch.number, m.digest), m.started_by, m.proposer_kind, m.proposer_roles, m.acts_for, 1,
         replace(gen_random_uuid()::text, '-', ''), at, at + propose_batch.expires_after,
         jsonb_build_object('simulating', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')), at, at
    FROM action_type a WHERE a.tenant_id = m.tenant_id AND a.name = m.rules -> propose_batch.rule ->> 'actionType' AND NOT a.retired;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the migration has no such rule' USING ERRCODE = 'XQ006';
  END IF;
  INSERT INTO migration_batch (tenant_id, migration_id, number, proposal_id, rule, pass, after_id, objects)
  VALUES (m.tenant_id, m.id, propose_batch.number, propose_batch.proposal, propose_batch.rule, propose_batch.pass, propose_batch.after_id, propose_batch.objects);
  RETURN true;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.published_properties(tenant uuid, object_type text)
 RETURNS text[]
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT coalesce((SELECT array_agg(p.key) FROM exequatur.object_type t CROSS JOIN LATERAL jsonb_each(t.definition -> 'properties') p
                    WHERE t.tenant_id = tenant AND t.name = published_properties.object_type AND p.value -> 'sensitive' IS DISTINCT FROM 'true'), '{}')
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.put_setting(edit exequatur.plan_edit, author text, p exequatur.proposal)
 RETURNS bigint
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
DECLARE
  tenant uuid := current_tenant();
  document jsonb := edit.set -> 'definitions';
  kept bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('exequatur.definitions/' || current_setting('app.tenant'), 0));
  PERFORM FROM tenant_control c WHERE c.tenant_id = tenant FOR UPDATE;
  IF edit.type = '$ontology' THEN
    IF edit.before IS DISTINCT FROM coalesce((SELECT jsonb_build_object('version', o.version, 'digest', o.digest) FROM ontology_version o
                                               WHERE o.tenant_id = tenant ORDER BY o.version DESC LIMIT 1), '{}')
       OR EXISTS (SELECT FROM ontology_migration m WHERE m.tenant_id = tenant AND m.state = 'running') THEN
      RAISE EXCEPTION 'other definitions are in force' USING ERRCODE = 'XQ001';
    END IF;
    kept := keep_definitions(coalesce(edit.set -> 'migration' -> 'working', document), author);
    IF edit.set ? 'migration' THEN
      INSERT INTO ontology_migration (tenant_id, id, state, document, digest, target, restore, rules, base_version, started_by, proposer_kind, proposer_roles, acts_for, started_at)
      VALUES (tenant, p.id, 'running', edit.set -> 'migration' ->> 'document', document ->> 'digest', document, edit.set -> 'migration' -> 'restore', edit.set -> 'migration' -> 'rules',
              (edit.before ->> 'version')::int, p.proposer_id, p.proposer_kind, p.proposer_roles, p.acts_for, clock());
    END IF;
  ELSIF edit.type = '$policies' THEN
    IF (edit.before ->> 'version')::bigint IS DISTINCT FROM (SELECT c.policy_version FROM tenant_control c WHERE c.tenant_id = tenant) THEN
      RAISE EXCEPTION 'other policies are in force' USING ERRCODE = 'XQ001';
    END IF;
    kept := (edit.set ->> 'version')::bigint;
    IF kept IS NULL THEN
      INSERT INTO policy_version (tenant_id, version, policies, cases, digest, created_by, created_at)
      SELECT tenant, coalesce(max(v.version), 0) + 1, edit.set ->> 'policies', edit.set ->> 'cases', edit.set ->> 'digest', author, clock() FROM policy_version v WHERE v.tenant_id = tenant
      RETURNING version INTO kept;
    END IF;
    UPDATE tenant_control c SET policy_version = kept, updated_at = clock() WHERE c.tenant_id = tenant;
  ELSIF edit.type = '$switch' THEN
    UPDATE switch s SET off = false, reason = edit.set ->> 'reason', changed_by = author, changed_at = clock()
     WHERE s.tenant_id = tenant AND s.scope || '/' || s.name = edit.id AND s.off AND stamp(s.changed_at) = edit.before ->> 'changedAt';
    IF NOT FOUND THEN
      RAISE EXCEPTION 'the switch was thrown again' USING ERRCODE = 'XQ001';
    END IF;
  ELSIF edit.type = '$delegation' THEN
    IF EXISTS (SELECT FROM delegation d WHERE d.tenant_id = tenant AND d.id = edit.id) THEN
      RAISE EXCEPTION 'there is a delegation of that id' USING ERRCODE = 'XQ001';
    END IF;
    PERFORM keep_delegation(edit.set || jsonb_build_object('id', edit.id), author);
  ELSIF edit.type = '$subscription' THEN
    PERFORM keep_subscription(edit, author);
  ELSIF edit.type = '$principal' THEN
    PERFORM keep_standing(edit);
  ELSE
    RAISE EXCEPTION 'there is no such setting' USING ERRCODE = 'XQ004';
  END IF;
  RETURN kept;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.query_fingerprint(query jsonb)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  found text;
BEGIN
  IF query ->> 'kind' = 'objects' THEN
    EXECUTE format('SELECT string_agg(o.id, E''\n'' ORDER BY o.id) %s', selected_sql(query ->> 'type', query -> 'where', candidates(query ->> 'type', query -> 'where'))) INTO found;
  ELSE
    SELECT string_agg(l.from_id || E'\t' || l.to_id, E'\n' ORDER BY l.from_id, l.to_id) INTO found FROM link l
     WHERE l.link = query ->> 'link' AND l.alive
       AND CASE WHEN query ->> 'end' = 'from' THEN l.from_id ELSE l.to_id END = ANY (ARRAY(SELECT jsonb_array_elements_text(query -> 'ids')));
  END IF;
  RETURN encode(sha256(convert_to(coalesce(found, ''), 'UTF8')), 'hex');
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.query_objects(object_type text, condition jsonb)
 RETURNS SETOF exequatur.object
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  RETURN QUERY EXECUTE format('SELECT (o.object).* %s ORDER BY c.object_id', selected_sql(object_type, condition, candidates(object_type, condition)));
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.raise_proposal(proposal uuid, parameters text)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  p proposal;
  latest int;
  defaults jsonb;
BEGIN
  SELECT x.* INTO p FROM proposal x WHERE x.tenant_id = current_tenant() AND x.id = raise_proposal.proposal FOR UPDATE;
  IF p.status IS DISTINCT FROM 'simulating' OR p.revert_of IS NOT NULL THEN
    RAISE EXCEPTION 'a proposal is raised while it is simulated, and a revert never' USING ERRCODE = 'XQ006';
  END IF;
  SELECT a.current_version, v.definition::jsonb -> 'actionType' -> 'parameters' INTO latest, defaults
    FROM action_type a JOIN action_type_version v ON v.tenant_id = a.tenant_id AND v.name = a.name AND v.version = a.current_version
   WHERE a.tenant_id = p.tenant_id AND a.name = p.action_type AND NOT a.retired AND a.current_version > p.action_type_version;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no later version of % in force', p.action_type USING ERRCODE = 'XQ006';
  END IF;
  IF NOT raise_proposal.parameters IS JSON OBJECT WITH UNIQUE KEYS
     OR EXISTS (SELECT FROM jsonb_each(raise_proposal.parameters::jsonb) n WHERE n.value IS DISTINCT FROM coalesce(p.parameters::jsonb -> n.key, defaults -> n.key -> 'default'))
     OR EXISTS (SELECT FROM jsonb_object_keys(p.parameters::jsonb) k WHERE NOT raise_proposal.parameters::jsonb ? k) THEN
    RETURN NULL;
  END IF;
  UPDATE proposal x
     SET action_type_version = latest, ontology_version = (SELECT max(o.version) FROM ontology_version o WHERE o.tenant_id = p.tenant_id), revision = p.revision + 1,
         parameters = raise_proposal.parameters, parameters_hash = encode(sha256(convert_to(raise_proposal.parameters, 'UTF8')), 'hex'),
         plan_id = NULL, plan_digest = NULL, evaluated_at = c.now, updated_at = c.now
    FROM (SELECT clock() AS now) c
   WHERE x.tenant_id = p.tenant_id AND x.id = p.id;
  RETURN p.revision + 1;
END $function$;

-- Owned by exequatur_audit_writer.
CREATE OR REPLACE FUNCTION exequatur.reached_by(type text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  SELECT CASE WHEN type IN ('proposal.created', 'proposal.revised') THEN 'simulating'
           WHEN type = 'proposal.simulated' THEN 'awaiting_approval'
           WHEN type = ANY ('{proposal.simulating,proposal.invalid,proposal.changes_requested,proposal.rejected,proposal.expired,proposal.withdrawn,proposal.approved,proposal.scheduled,proposal.executing,proposal.compensating,proposal.needs_attention,proposal.executed,proposal.failed}')
             THEN substr(type, 10) END
$function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'XQ011';
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.refuse_doubles(edits exequatur.plan_edit[], shapes exequatur.plan_shape[])
 RETURNS void
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
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
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.refuse_held(p exequatur.proposal)
 RETURNS void
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  IF EXISTS (SELECT FROM holds(p)) THEN
    RAISE EXCEPTION 'it is not time for this' USING ERRCODE = 'XQ018';
  END IF;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.refuse_other_requirements()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
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
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.refuse_other_reviews()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  told jsonb := convert_from(NEW.payload, 'UTF8')::jsonb;
BEGIN
  IF NOT EXISTS (SELECT FROM review r WHERE r.tenant_id = NEW.tenant_id AND r.id = (told ->> 'reviewId')::uuid AND r.proposal_id = NEW.proposal_id
                    AND r.decision = told ->> 'decision' AND r.digest = told ->> 'planDigest')
     OR EXISTS (SELECT FROM audit_entry e WHERE e.tenant_id = NEW.tenant_id AND e.proposal_id = NEW.proposal_id AND e.type = 'review.recorded'
                   AND convert_from(e.payload, 'UTF8')::jsonb ->> 'reviewId' = told ->> 'reviewId') THEN
    RAISE EXCEPTION 'an audit entry tells of another review than there is' USING ERRCODE = 'XQ015';
  END IF;
  RETURN NEW;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.refuse_stopped()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  IF EXISTS (SELECT FROM proposal p, stopped_by(p.action_type, p.proposer_id, p.proposer_kind, p.acts_for) WHERE p.tenant_id = NEW.tenant_id AND p.id = NEW.proposal_id) THEN
    RAISE EXCEPTION 'this is switched off' USING ERRCODE = 'XQ016';
  END IF;
  RETURN NEW;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.refuse_superseded()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  IF NOT EXISTS (SELECT FROM proposal p WHERE p.tenant_id = NEW.tenant_id AND p.id = NEW.proposal_id AND (p.revert_of IS NOT NULL OR in_force(p.action_type, p.action_type_version))) THEN
    RAISE EXCEPTION 'the action type has another version' USING ERRCODE = 'XQ017';
  END IF;
  RETURN NEW;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.refuse_to_forget()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  IF NOT is_superseded(OLD) THEN
    RAISE EXCEPTION 'a checkpoint is kept until a later one takes its place' USING ERRCODE = 'XQ011';
  END IF;
  RETURN OLD;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.refuse_to_forget_cosignature()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  IF EXISTS (SELECT FROM audit_checkpoint c WHERE c.tenant_id = OLD.tenant_id AND c.size = OLD.size) THEN
    RAISE EXCEPTION 'a cosignature stays as long as its checkpoint' USING ERRCODE = 'XQ011';
  END IF;
  RETURN OLD;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.refuse_uncounted_approvals()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  told jsonb := convert_from(NEW.payload, 'UTF8')::jsonb;
BEGIN
  IF EXISTS (SELECT FROM jsonb_path_query(told, '$.approvals[*].review') r
              WHERE (SELECT c.execution_id FROM review_consumption c WHERE c.tenant_id = NEW.tenant_id AND c.review_id = (r #>> '{}')::uuid)
                    IS DISTINCT FROM (told ->> 'executionId')::uuid
                 OR told ->> 'executionId' IS NULL) THEN
    RAISE EXCEPTION 'an audit entry names an approval that the door did not count' USING ERRCODE = 'XQ015';
  END IF;
  RETURN NEW;
END $function$;

-- Owned by exequatur_audit_writer.
CREATE OR REPLACE FUNCTION exequatur.refuse_unlogged_events()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  IF NOT EXISTS (SELECT FROM audit_entry e WHERE e.tenant_id = NEW.tenant_id AND e.id = NEW.audit_entry_id
                    AND (e.xmin = pg_current_xact_id()::xid OR is_written_here(e.xmin))
                    AND e.proposal_id IS NOT DISTINCT FROM NEW.proposal_id
                    AND CASE WHEN NEW.type = 'object.changes' THEN e.type IN ('proposal.executed', 'execution.applied', 'execution.undone')
                             WHEN NEW.type LIKE 'message.%' THEN e.type = 'effect.message' ELSE e.type = NEW.type END) THEN
    RAISE EXCEPTION 'an event tells of what is not entered in the log with it' USING ERRCODE = 'XQ015';
  END IF;
  RETURN NULL;
END $function$;

-- Owned by exequatur_audit_writer.
CREATE OR REPLACE FUNCTION exequatur.refuse_untold()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
DECLARE
  row_now jsonb := to_jsonb(coalesce(NEW, OLD));
BEGIN
  IF NOT is_told_here((row_now ->> 'tenant_id')::uuid, TG_ARGV, CASE TG_TABLE_NAME WHEN 'principal' THEN row_now ->> 'id' WHEN 'standing_role' THEN row_now ->> 'principal_id' END) THEN
    RAISE EXCEPTION 'no audit entry tells of what changed in %', TG_TABLE_NAME USING ERRCODE = 'XQ015';
  END IF;
  RETURN NULL;
END $function$;

-- Owned by exequatur_audit_writer.
CREATE OR REPLACE FUNCTION exequatur.refuse_untold_approvals()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
DECLARE
  row_now jsonb := to_jsonb(NEW);
  proposal uuid := coalesce((row_now ->> 'proposal_id')::uuid,
                            (SELECT p.id FROM proposal p WHERE p.tenant_id = NEW.tenant_id AND p.plan_id = (row_now ->> 'plan_id')::uuid));
BEGIN
  IF NOT EXISTS (SELECT FROM audit_entry e WHERE e.tenant_id = NEW.tenant_id AND e.proposal_id = proposal AND e.type = TG_ARGV[0]
                    AND (e.xmin = pg_current_xact_id()::xid OR is_written_here(e.xmin))
                    AND CASE TG_TABLE_NAME WHEN 'review' THEN convert_from(e.payload, 'UTF8')::jsonb ->> 'reviewId' = row_now ->> 'id' ELSE true END) THEN
    RAISE EXCEPTION 'no audit entry tells of what was put into %', TG_TABLE_NAME USING ERRCODE = 'XQ015';
  END IF;
  RETURN NULL;
END $function$;

-- Owned by exequatur_audit_writer.
CREATE OR REPLACE FUNCTION exequatur.refuse_untold_decisions()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
DECLARE
  commitment text := commitment_to(NEW);
BEGIN
  IF NOT EXISTS (SELECT FROM audit_entry e WHERE e.tenant_id = NEW.tenant_id AND e.proposal_id = NEW.proposal_id AND (e.xmin = pg_current_xact_id()::xid OR is_written_here(e.xmin))
                    AND convert_from(e.payload, 'UTF8')::jsonb -> 'decisions' ? commitment) THEN
    RAISE EXCEPTION 'no audit entry commits to a decision' USING ERRCODE = 'XQ015';
  END IF;
  RETURN NULL;
END $function$;

-- Owned by exequatur_audit_writer.
CREATE OR REPLACE FUNCTION exequatur.refuse_untold_proposals()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
DECLARE
  told text := told_status(NEW.tenant_id, NEW.id);
BEGIN
  IF NEW.status IS DISTINCT FROM told THEN
    IF (SELECT p.status FROM proposal p WHERE p.tenant_id = NEW.tenant_id AND p.id = NEW.id) IS DISTINCT FROM told THEN
      RAISE EXCEPTION 'a proposal stands where no audit entry says' USING ERRCODE = 'XQ015';
    END IF;
  END IF;
  RETURN NULL;
END $function$;

-- Owned by exequatur_audit_writer.
CREATE OR REPLACE FUNCTION exequatur.refuse_untold_revisions()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
BEGIN
  IF NOT EXISTS (SELECT FROM audit_entry e WHERE e.tenant_id = NEW.tenant_id AND e.proposal_id = NEW.id AND e.type IN ('proposal.revised', 'proposal.raised')
                    AND convert_from(e.payload, 'UTF8')::jsonb -> 'revision' = to_jsonb(NEW.revision)) THEN
    RAISE EXCEPTION 'a proposal has a revision that no audit entry tells of' USING ERRCODE = 'XQ015';
  END IF;
  RETURN NULL;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.reindex(object_type text)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
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
END $function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.release_key(tenant uuid, sink text, claimant uuid, key text)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  DELETE FROM event_hold w USING event_lane l
   WHERE w.tenant_id = tenant AND w.sink = release_key.sink AND w.key = release_key.key
     AND l.tenant_id = w.tenant_id AND l.sink = w.sink AND l.claimed_by = claimant;
  RETURN FOUND;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.remove_freeze_window(name text, by text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  DELETE FROM freeze_window f
   WHERE f.tenant_id = current_tenant() AND f.name = remove_freeze_window.name
     AND (f.ends_at <= clock()
          OR (f.removal_asked_at > clock() - interval '1 day'
              AND EXISTS (SELECT FROM principal a JOIN principal b ON b.tenant_id = a.tenant_id AND b.id = remove_freeze_window.by
                           WHERE a.tenant_id = f.tenant_id AND a.id = f.removal_asked_by AND a.kind = 'user' AND NOT a.disabled AND b.kind = 'user' AND NOT b.disabled
                             AND NOT EXISTS (SELECT FROM principal z WHERE z.tenant_id = a.tenant_id AND z.person IN (a.person, b.person) AND z.disabled)
                             AND NOT ARRAY[b.id, coalesce(b.person, b.id), coalesce(b.acts_for, b.id)] && ARRAY(SELECT stands_behind(a.id, a.acts_for)))));
  IF NOT FOUND THEN
    RAISE EXCEPTION 'to remove a freeze window takes two people' USING ERRCODE = 'XQ002';
  END IF;
END $function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.remove_subscription(name text)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
  gone uuid;
BEGIN
  PERFORM FROM event_lane l JOIN subscription x ON x.tenant_id = l.tenant_id AND x.id::text = l.sink WHERE x.tenant_id = tenant AND x.name = remove_subscription.name FOR UPDATE OF l;
  DELETE FROM subscription s WHERE s.tenant_id = tenant AND s.name = remove_subscription.name RETURNING s.id INTO gone;
  DELETE FROM event_lane l WHERE l.tenant_id = tenant AND l.sink = gone::text;
  RETURN gone IS NOT NULL;
END $function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.replay_subscription(name text, start text)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
  s subscription;
  place record;
BEGIN
  PERFORM FROM event_lane l JOIN subscription x ON x.tenant_id = l.tenant_id AND x.id::text = l.sink WHERE x.tenant_id = tenant AND x.name = replay_subscription.name FOR UPDATE OF l;
  SELECT x.* INTO s FROM subscription x WHERE x.tenant_id = tenant AND x.name = replay_subscription.name FOR UPDATE;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  SELECT p.seq, p.ordinal INTO place FROM event_position(tenant, start) p;
  IF (place.seq, place.ordinal) < (s.starts_seq, s.starts_ordinal) THEN
    RETURN 'too_early';
  END IF;
  IF place.seq < oldest_kept(tenant) THEN
    RETURN 'not_kept';
  END IF;
  UPDATE event_lane l SET seq = place.seq, ordinal = place.ordinal, claimed_by = NULL, claimed_until = NULL WHERE l.tenant_id = tenant AND l.sink = s.id::text;
  UPDATE subscription x SET attempts = 0, tried_since = NULL, next_attempt_at = '-infinity' WHERE x.tenant_id = tenant AND x.id = s.id;
  RETURN 'replayed';
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.require_policy_version()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  IF NEW.policy_version <> 0 AND NOT EXISTS (SELECT FROM policy_version v WHERE v.tenant_id = NEW.tenant_id AND v.version = NEW.policy_version) THEN
    RAISE EXCEPTION 'there is no such version of the policies' USING ERRCODE = 'XQ006';
  END IF;
  RETURN NEW;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.resolve_attention(proposal uuid, ordinal integer, decision text, who text, why text, asking text)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
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
    -- What stands in the way of some properties leaves the others to be put back; what stands in the way of all of them (`code`, by stick_edits) leaves nothing.
    UPDATE saga x SET edits = CASE WHEN decision = 'abort' THEN x.edits WHEN decision = 'skip' AND x.conflicts -> 0 ? 'code' THEN 'skipped' ELSE 'applied' END,
           skips_conflicts = decision = 'skip'
     WHERE x.tenant_id = s.tenant_id AND x.proposal_id = s.proposal_id AND x.run = s.run AND x.edits = 'stuck'
       AND resolve_attention.asking = x.asking || '.edits';
  ELSE
    UPDATE saga_step t SET state = CASE resolve_attention.decision WHEN 'retry' THEN 'undoing' WHEN 'skip' THEN 'skipped' ELSE t.state END, decision = resolve_attention.decision, decided_by = who,
           decision_reason = why, changed_at = now, leased_until = NULL, held_until = NULL,
           -- What was sent may still be at work at the other side: an undo that overtook it would find nothing.
           due_at = CASE resolve_attention.decision WHEN 'retry' THEN t.leased_until END
     WHERE t.tenant_id = s.tenant_id AND t.proposal_id = s.proposal_id AND t.run = s.run AND t.ordinal = resolve_attention.ordinal AND t.state IN ('stuck', 'unknown', 'sending', 'done')
       AND (t.compensated OR resolve_attention.decision <> 'retry') AND resolve_attention.asking = s.asking || '.' || t.ordinal || '.' || t.state;
  END IF;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'nobody is asked this' USING ERRCODE = 'XQ006';
  END IF;
  IF decision = 'abort' THEN
    UPDATE saga x SET ended_at = now WHERE x.tenant_id = s.tenant_id AND x.proposal_id = s.proposal_id AND x.run = s.run;
  END IF;
  UPDATE proposal p SET status = target, failure = CASE target WHEN 'failed' THEN coalesce(s.failure, left_by_operator()) END, updated_at = now, status_timestamps = p.status_timestamps || jsonb_build_object(target, stamp(now))
   WHERE p.tenant_id = s.tenant_id AND p.id = s.proposal_id;
  RETURN target;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.restore_only(p exequatur.proposal, edits exequatur.plan_edit[])
 RETURNS void
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  IF NOT EXISTS (SELECT FROM execution x JOIN proposal o ON o.tenant_id = x.tenant_id AND o.id = x.proposal_id
                  WHERE x.tenant_id = p.tenant_id AND x.id = p.revert_of AND o.action_type = p.action_type AND o.action_type_version = p.action_type_version) THEN
    RAISE EXCEPTION 'a revert asks for the approvals of the action that it takes back' USING ERRCODE = 'XQ004';
  END IF;
  IF EXISTS (
    SELECT FROM unnest(edits) e LEFT JOIN object_history h ON h.tenant_id = p.tenant_id AND h.execution_id = p.revert_of AND h.type = e.type AND h.object_id = e.id
     WHERE e.op IN ('create', 'modify', 'delete') AND NOT coalesce(CASE e.op
             WHEN 'modify' THEN h.op = 'modify' AND (h.before || e.set) = h.before AND NOT h.before ?| e.unset AND (h.set || (SELECT coalesce(jsonb_object_agg(u, ''), '{}') FROM unnest(h.unset) u)) ?& e.touched
                  AND (h.set || e.before) = h.set AND e.before ?& ARRAY(SELECT t FROM unnest(e.touched) t WHERE h.set ? t)
             WHEN 'create' THEN h.op = 'delete' AND h.before = e.set
             ELSE h.op = 'create' AND h.set = e.before END, false))
  OR EXISTS (
    SELECT FROM unnest(edits) e LEFT JOIN link_history h ON h.tenant_id = p.tenant_id AND h.execution_id = p.revert_of AND h.link = e.type AND h.from_id = e.from_id AND h.to_id = e.to_id
     WHERE e.op IN ('link', 'unlink') AND coalesce(h.op, e.op) = e.op) THEN
    RAISE EXCEPTION 'a revert may only restore what the execution had changed' USING ERRCODE = 'XQ004';
  END IF;
  IF EXISTS (SELECT FROM proposal v WHERE v.tenant_id = p.tenant_id AND v.revert_root = p.revert_root AND v.status IN ('executed', 'failed')) AND EXISTS (
    WITH standing AS MATERIALIZED (SELECT s.name, s.id, s.part FROM standing_parts(p.revert_of) s)
    SELECT FROM unnest(edits) e
     CROSS JOIN LATERAL unnest(CASE WHEN e.op = 'modify' THEN e.touched WHEN e.op IN ('create', 'delete') THEN ARRAY['$'] ELSE ARRAY[e.to_id] END) t(part)
      LEFT JOIN standing s ON s.name = e.type AND s.id = coalesce(e.id, e.from_id) AND s.part = t.part
     -- What is set to the value that it has is no part of anything, and changes nothing.
     WHERE s.name IS NULL AND NOT (e.op = 'modify' AND e.set -> t.part IS NOT DISTINCT FROM e.before -> t.part)) THEN
    RAISE EXCEPTION 'a revert may not take back what was taken back already' USING ERRCODE = 'XQ004';
  END IF;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.revise_proposal(proposal uuid, parameters text, justification text, seed text, expires timestamp with time zone, named text DEFAULT NULL::text)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
DECLARE
  p proposal;
  latest int;
  at timestamptz;
BEGIN
  SELECT x.* INTO p FROM proposal x WHERE x.tenant_id = current_tenant() AND x.id = revise_proposal.proposal FOR UPDATE;
  at := clock();
  IF p.status IS DISTINCT FROM 'changes_requested' OR p.revert_of IS NOT NULL OR p.expires_at <= at THEN
    RAISE EXCEPTION 'a proposal is revised after changes were requested, in time, and a revert never' USING ERRCODE = 'XQ006';
  END IF;
  IF NOT revise_proposal.parameters IS JSON OBJECT WITH UNIQUE KEYS OR expires <= at THEN
    RAISE EXCEPTION 'a revision has parameters, and time' USING ERRCODE = 'XQ006';
  END IF;
  SELECT a.current_version INTO latest FROM action_type a WHERE a.tenant_id = p.tenant_id AND a.name = p.action_type AND NOT a.retired;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the action type is retired' USING ERRCODE = 'XQ006';
  END IF;
  -- In two steps, since a plan changes only in `simulating`.
  UPDATE proposal x SET status = 'simulating', status_timestamps = x.status_timestamps || jsonb_build_object('simulating', stamp(at))
   WHERE x.tenant_id = p.tenant_id AND x.id = p.id;
  UPDATE proposal x
     SET revision = p.revision + 1, parameters = revise_proposal.parameters,
         parameters_hash = encode(sha256(convert_to(revise_proposal.parameters, 'UTF8')), 'hex'), justification = revise_proposal.justification, revision_seed = seed,
         action_type_version = latest, ontology_version = (SELECT max(o.version) FROM ontology_version o WHERE o.tenant_id = p.tenant_id),
         plan_id = NULL, plan_digest = NULL, failure = NULL, evaluated_at = at, expires_at = expires, updated_at = at,
         revised_for = ARRAY(SELECT DISTINCT f.id FROM unnest(p.revised_for || revise_proposal.named || (SELECT ARRAY[w.acts_for, w.token_acts_for] FROM principal w
                                                               WHERE w.tenant_id = p.tenant_id AND w.id = p.proposer_id)) f(id) WHERE f.id IS NOT NULL ORDER BY f.id)
   WHERE x.tenant_id = p.tenant_id AND x.id = p.id;
  RETURN p.revision + 1;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.revise_setting(proposal uuid, parameters text, justification text, seed text, expires timestamp with time zone, loosens boolean, setting_digest text)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
DECLARE
  revised int;
BEGIN
  revised := revise_proposal(revise_setting.proposal, revise_setting.parameters, revise_setting.justification, seed, expires);
  UPDATE proposal x SET loosens = revise_setting.loosens, setting_digest = revise_setting.setting_digest
   WHERE x.tenant_id = current_tenant() AND x.id = revise_setting.proposal AND governs(x.action_type);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'this changes nothing that governs' USING ERRCODE = 'XQ006';
  END IF;
  RETURN revised;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.role_that_governs(action_type text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT CASE action_type WHEN '$changeOntology' THEN 'ontology-admin' WHEN '$changePolicies' THEN 'ontology-admin' WHEN '$subscribe' THEN 'ontology-admin'
                          WHEN '$switchOn' THEN 'operator' WHEN '$delegate' THEN 'access-admin' WHEN '$changePrincipal' THEN 'access-admin' END
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.run_schedule(schedule uuid, nominal timestamp with time zone, proposal uuid, parameters text, roles text[], seed text, expires_after interval, problem jsonb)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
DECLARE
  s schedule;
  w principal;
  at timestamptz;
  defaults jsonb;
BEGIN
  SELECT x.* INTO s FROM schedule x WHERE x.tenant_id = current_tenant() AND x.id = run_schedule.schedule FOR NO KEY UPDATE;
  at := clock();
  IF s.state IS DISTINCT FROM 'active' OR EXISTS (SELECT FROM schedule_run r WHERE r.tenant_id = s.tenant_id AND r.schedule_id = s.id AND r.nominal_at = nominal) THEN
    RETURN false;
  END IF;
  IF problem IS NOT NULL THEN
    INSERT INTO schedule_run (tenant_id, schedule_id, nominal_at, refused, faults, created_at) VALUES (s.tenant_id, s.id, nominal, problem ->> 'code', problem -> 'faults', at);
    RETURN true;
  END IF;
  -- Asked again here, where runs that begin together come one after another.
  IF s.skip_while_open AND EXISTS (SELECT FROM schedule_run r JOIN exequatur.proposal p ON p.tenant_id = r.tenant_id AND p.id = r.proposal_id
                                    WHERE r.tenant_id = s.tenant_id AND r.schedule_id = s.id AND p.status NOT IN ('invalid', 'rejected', 'expired', 'withdrawn', 'executed', 'failed')) THEN
    RETURN false;
  END IF;
  SELECT x.* INTO w FROM principal x WHERE x.tenant_id = s.tenant_id AND x.id = s.owner_id AND NOT x.disabled
     AND NOT EXISTS (SELECT FROM principal z WHERE z.tenant_id = x.tenant_id AND z.person = x.person AND z.disabled);
  SELECT v.definition::jsonb -> 'actionType' -> 'parameters' INTO defaults
    FROM action_type a JOIN action_type_version v ON v.tenant_id = a.tenant_id AND v.name = a.name AND v.version = a.current_version
   WHERE a.tenant_id = s.tenant_id AND a.name = s.action_type AND NOT a.retired;
  IF w.id IS NULL OR NOT run_schedule.parameters IS JSON OBJECT WITH UNIQUE KEYS
     OR EXISTS (SELECT FROM jsonb_each(run_schedule.parameters::jsonb) n WHERE n.value IS DISTINCT FROM coalesce(s.parameters::jsonb -> n.key, defaults -> n.key -> 'default'))
     OR EXISTS (SELECT FROM jsonb_object_keys(s.parameters::jsonb) k WHERE NOT run_schedule.parameters::jsonb ? k) THEN
    RAISE EXCEPTION 'this is not what the schedule asks for' USING ERRCODE = 'XQ006';
  END IF;
  INSERT INTO proposal (tenant_id, id, status, action_type, action_type_version, ontology_version, parameters, parameters_hash, justification, proposer_id, proposer_kind,
                        proposer_roles, acts_for, revised_for, revision, revision_seed, evaluated_at, expires_at, status_timestamps, created_at, updated_at)
  SELECT s.tenant_id, run_schedule.proposal, 'simulating', a.name, a.current_version, (SELECT max(o.version) FROM ontology_version o WHERE o.tenant_id = s.tenant_id),
         run_schedule.parameters, encode(sha256(convert_to(run_schedule.parameters, 'UTF8')), 'hex'), s.justification, w.id, w.kind, run_schedule.roles, w.acts_for, s.made_for, 1, seed, at,
         at + expires_after, jsonb_build_object('simulating', stamp(at)), at, at
    FROM action_type a WHERE a.tenant_id = s.tenant_id AND a.name = s.action_type AND NOT a.retired;
  INSERT INTO schedule_run (tenant_id, schedule_id, nominal_at, proposal_id, created_at) VALUES (s.tenant_id, s.id, nominal, run_schedule.proposal, at);
  RETURN true;
END $function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.running_migrations(lim integer)
 RETURNS TABLE(tenant_id uuid, id uuid)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT m.tenant_id, m.id FROM ontology_migration m WHERE m.state = 'running' ORDER BY 1 LIMIT lim
$function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.schedules_to_tell(everything boolean, after_tenant uuid, after_schedule uuid, lim integer)
 RETURNS TABLE(tenant_id uuid, id uuid, action_type text, timing jsonb, state text, version integer, triggered_at timestamp with time zone)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT s.tenant_id, s.id, s.action_type, s.timing, s.state, s.version, CASE WHEN s.state = 'active' AND s.triggered_at > clock() - interval '10 minutes' THEN s.triggered_at END
    FROM schedule s
   WHERE (s.told_version < s.version OR (everything AND s.state = 'active')) AND (after_tenant IS NULL OR (s.tenant_id, s.id) > (after_tenant, after_schedule))
   ORDER BY s.tenant_id, s.id LIMIT lim
$function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.schedules_to_watch(lim integer)
 RETURNS TABLE(tenant_id uuid, id uuid, action_type text, since timestamp with time zone, until timestamp with time zone, spread interval, triggered_at timestamp with time zone)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT s.tenant_id, s.id, s.action_type, greatest(s.seen_until, s.state_at), clock() - interval '11 minutes', coalesce((s.timing ->> 'jitter')::interval, interval '0'), s.triggered_at
    FROM schedule s
   WHERE s.state = 'active' AND s.seen_until < clock() - interval '20 minutes' ORDER BY s.seen_until, s.tenant_id, s.id LIMIT lim
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.second_people(p exequatur.proposal, edits exequatur.plan_edit[])
 RETURNS integer
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  IF cardinality(edits) <> 1 THEN
    RAISE EXCEPTION 'a plan changes one setting' USING ERRCODE = 'XQ003';
  END IF;
  RETURN CASE WHEN p.loosens IS NOT DISTINCT FROM false AND edits[1].set -> 'loosens' IS NOT DISTINCT FROM '[]'
               AND p.setting_digest IS NOT DISTINCT FROM setting_digest(edits[1].type, edits[1].id, edits[1].before, edits[1].set) THEN 0 ELSE 1 END;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.selected_sql(object_type text, condition jsonb, leads jsonb, direction text DEFAULT 'ASC'::text, behind text DEFAULT 'IS NOT NULL'::text)
 RETURNS text
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT CASE WHEN leads IS NULL THEN
    format('FROM (SELECT o AS object, o.* FROM exequatur.object o WHERE %s AND o.id %s) o CROSS JOIN LATERAL (SELECT o.id AS object_id) c WHERE true', asked, behind)
  ELSE
    format('FROM (SELECT DISTINCT c.object_id FROM (%s) c WHERE c.object_id %s ORDER BY c.object_id %s) c CROSS JOIN LATERAL (SELECT o AS object, o.* FROM exequatur.object o WHERE %s AND o.id = c.object_id OFFSET 0) o WHERE true',
           (SELECT string_agg(f, ' UNION ALL ') FROM jsonb_array_elements_text(leads -> 'found') f), behind, direction, asked)
  END
  FROM (SELECT format('o.tenant_id = (SELECT current_setting(''app.tenant'')::uuid) AND o.type = %L AND o.alive AND %s', object_type, condition_sql(object_type, condition)) AS asked) a
$function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.setting_digest(type text, id text, before jsonb, set jsonb)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  SELECT encode(sha256(convert_to(jsonb_build_object('type', type, 'id', id, 'before', CASE type WHEN '$subscription' THEN before END, 'set', set - 'loosens')::text, 'UTF8')), 'hex')
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.shapes_of(edits exequatur.plan_edit[])
 RETURNS exequatur.plan_shape[]
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT coalesce(array_agg(ROW(s.op, s.type, s.touched, s.edits)::plan_shape), '{}')
    FROM (SELECT e.op, e.type, e.touched, count(*)::int AS edits FROM unnest(edits) e GROUP BY e.op, e.type, e.touched) s
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.shapes_taken_back(edits exequatur.plan_edit[])
 RETURNS exequatur.plan_shape[]
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT coalesce(array_agg(ROW(s.op, s.type, s.touched, s.edits)::plan_shape), '{}')
    FROM (SELECT e.op, e.type, k.touched, count(*)::int AS edits FROM unnest(edits) e
           CROSS JOIN LATERAL (SELECT CASE e.op WHEN 'delete' THEN ARRAY(SELECT jsonb_object_keys(e.before)) ELSE e.touched END AS touched) k
           GROUP BY e.op, e.type, k.touched) s
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.slot_in(value jsonb)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT CASE WHEN jsonb_typeof(value) = 'object' AND value ? '$slot' THEN coalesce(value ->> '$slot', '') END
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.slots_for_edits(content text)
 RETURNS TABLE(slot text, ordinal integer, definition jsonb)
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT f.slot, (e.n - 1)::int, e.effect -> 'slots' -> f.slot
    FROM jsonb_array_elements(split_part(content, E'\n', 1)::jsonb -> 'effects') WITH ORDINALITY AS e(effect, n)
    CROSS JOIN LATERAL jsonb_array_elements_text(coalesce(e.effect -> 'fills', '[]')) f(slot)
   WHERE e.effect ->> 'phase' = 'writeBack' AND e.effect -> 'slots' ? f.slot
$function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.spare_change_sets()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  NEW.retired := false;
  RETURN NEW;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.stale_reads(plan uuid, lim integer)
 RETURNS TABLE(kind text, type text, id text, property text)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
  newest record;
BEGIN
  SELECT r.simulation, r.counters, r.queries INTO newest FROM read_set r WHERE r.tenant_id = tenant AND r.plan_id = plan ORDER BY r.simulation DESC LIMIT 1;
  IF NOT FOUND THEN
    RETURN QUERY SELECT 'unread'::text, NULL::text, NULL::text, NULL::text;
    RETURN;
  END IF;
  RETURN QUERY
    SELECT 'property'::text, r.type::text, x.id, x.property
      FROM read_set_reads r CROSS JOIN LATERAL unnest(r.ids, r.properties, r.versions) AS x(id, property, version)
      LEFT JOIN LATERAL (SELECT o.property_versions FROM object o WHERE o.tenant_id = tenant AND o.type = r.type AND o.id = x.id COLLATE "C" LIMIT 1) now ON true
     WHERE r.tenant_id = tenant AND r.plan_id = plan AND r.simulation = newest.simulation
       -- Where the type's counter has not moved, nothing of the type has.
       AND NOT EXISTS (SELECT FROM type_state s WHERE s.tenant_id = tenant AND s.type = r.type AND s.counter = (newest.counters ->> r.type)::bigint)
       AND property_version(now.property_versions, x.property) IS DISTINCT FROM x.version
     LIMIT lim;
  RETURN QUERY
    SELECT 'query'::text, coalesce(q ->> 'type', q ->> 'link'), NULL::text, NULL::text
      FROM jsonb_array_elements(newest.queries) q
      LEFT JOIN type_state s ON s.tenant_id = tenant AND s.type = coalesce(q ->> 'type', q ->> 'link') COLLATE "C"
     WHERE coalesce(s.counter, -1) IS DISTINCT FROM (newest.counters ->> coalesce(q ->> 'type', q ->> 'link'))::bigint
       AND query_fingerprint(q) IS DISTINCT FROM q ->> 'found'
     LIMIT lim;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.stamp(at timestamp with time zone)
 RETURNS text
 LANGUAGE sql
 STABLE
AS $function$ SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.standing_in_force(who text, fields text[])
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT coalesce((SELECT jsonb_object_agg(f.name, f.value) FROM principal q CROSS JOIN LATERAL (VALUES
           ('kind', to_jsonb(q.kind)), ('name', to_jsonb(q.name)), ('disabled', to_jsonb(q.disabled)), ('actsFor', to_jsonb(q.acts_for)),
           ('teams', to_jsonb(ARRAY(SELECT t FROM unnest(q.teams) t ORDER BY t COLLATE "C"))),
           ('roles', to_jsonb(ARRAY(SELECT s.role FROM standing_role s WHERE s.tenant_id = q.tenant_id AND s.principal_id = q.id AND s.removed_at IS NULL
                                       AND (s.expires_at IS NULL OR s.expires_at > clock()) ORDER BY s.role COLLATE "C"))),
           ('linkedIdentities', to_jsonb(ARRAY(SELECT o.id FROM principal o WHERE o.tenant_id = q.tenant_id AND o.person = q.person AND o.id <> q.id ORDER BY o.id COLLATE "C")))
         ) f(name, value) WHERE q.tenant_id = current_tenant() AND q.id = who AND f.name = ANY (fields)), '{}')
$function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.standing_of_family(root uuid)
 RETURNS TABLE(proposal_id uuid, execution_id uuid, kind text, name text, id text, part text, back boolean, stands boolean)
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT p.proposal_id, p.execution_id, p.kind, p.name, p.id, p.part, p.back,
         first_value(p.depth) OVER (PARTITION BY p.kind, p.name, p.id, p.part ORDER BY p.number DESC) % 2 = p.depth % 2
    FROM parts_of_family(root) p
$function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.standing_parts(execution uuid)
 RETURNS TABLE(name text, id text, part text)
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT s.name, s.id, s.part
    FROM execution x JOIN proposal o ON o.tenant_id = x.tenant_id AND o.id = x.proposal_id
   CROSS JOIN LATERAL standing_of_family(coalesce(o.revert_root, x.id)) s
   WHERE x.tenant_id = current_tenant() AND x.id = standing_parts.execution AND s.execution_id = x.id AND s.stands AND s.kind IN ('object', 'link')
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.stands_behind(principal text, represented text)
 RETURNS SETOF text
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
BEGIN
  -- No link leads from these two, and none to them but of agents for whom nobody acts, and who review nothing: they are all there is on their side.
  IF NOT EXISTS (SELECT FROM exequatur.principal w
                  WHERE w.tenant_id = tenant AND w.id IN (stands_behind.principal, represented)
                    AND (w.acts_for IS NOT NULL OR w.token_acts_for IS NOT NULL OR w.person IS NOT NULL))
     AND NOT EXISTS (SELECT FROM exequatur.principal o
                      WHERE o.tenant_id = tenant
                        AND (o.acts_for IN (stands_behind.principal, represented) OR o.token_acts_for IN (stands_behind.principal, represented))
                        AND (o.kind = 'user' OR o.person IS NOT NULL
                             OR EXISTS (SELECT FROM exequatur.principal x WHERE x.tenant_id = tenant AND (x.acts_for = o.id OR x.token_acts_for = o.id)))) THEN
    RETURN QUERY SELECT DISTINCT x.id FROM unnest(ARRAY[stands_behind.principal, represented]) x(id) WHERE x.id IS NOT NULL;
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
                          SELECT w.token_acts_for WHERE w.token_acts_for IS NOT NULL
                          UNION ALL
                          SELECT o.id FROM exequatur.principal o WHERE o.tenant_id = w.tenant_id AND o.person = w.person) n
  ), named AS (
    SELECT s.id FROM side s
    UNION
    SELECT n.id FROM named m
      JOIN exequatur.principal w ON w.tenant_id = tenant AND w.id = m.id
      CROSS JOIN LATERAL (SELECT o.id FROM exequatur.principal o WHERE o.tenant_id = w.tenant_id AND o.acts_for = w.id
                          UNION ALL
                          SELECT o.id FROM exequatur.principal o WHERE o.tenant_id = w.tenant_id AND o.token_acts_for = w.id
                          UNION ALL
                          SELECT o.id FROM exequatur.principal o WHERE o.tenant_id = w.tenant_id AND o.person = w.person) n
  )
  SELECT n.id FROM named n
  UNION
  SELECT w.person FROM named n JOIN exequatur.principal w ON w.tenant_id = tenant AND w.id = n.id WHERE w.person IS NOT NULL;
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.stands_behind_proposal(proposer text, acts_for text, revised_for text[])
 RETURNS SETOF text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  RETURN QUERY SELECT b FROM stands_behind(stands_behind_proposal.proposer, stands_behind_proposal.acts_for) b
               UNION
               SELECT b FROM unnest(stands_behind_proposal.revised_for) f(id), stands_behind(f.id, NULL) b;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.state_hash()
 RETURNS text
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT encode(sha256(
    coalesce((SELECT string_agg(sha256(convert_to(o.type || E'\t' || o.id || E'\t' || o.properties::text, 'UTF8')), ''::bytea ORDER BY o.type, o.id)
                FROM object o WHERE o.tenant_id = (SELECT current_setting('app.tenant')::uuid) AND o.alive), ''::bytea)
    || coalesce((SELECT string_agg(sha256(convert_to(l.link || E'\t' || l.from_id || E'\t' || l.to_id, 'UTF8')), ''::bytea ORDER BY l.link, l.from_id, l.to_id)
                   FROM link l WHERE l.tenant_id = (SELECT current_setting('app.tenant')::uuid) AND l.alive), ''::bytea)), 'hex')
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.stick_edits(proposal uuid, problem jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  UPDATE saga s SET edits = 'stuck', conflicts = jsonb_build_array(problem)
    FROM proposal p WHERE p.tenant_id = current_tenant() AND p.id = stick_edits.proposal AND p.status = 'compensating'
     AND s.tenant_id = p.tenant_id AND s.proposal_id = p.id AND s.ended_at IS NULL AND s.edits = 'applied';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is nothing applied to undo' USING ERRCODE = 'XQ006';
  END IF;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.stopped_by(action_type text, proposer text, kind text, acts_for text)
 RETURNS SETOF exequatur.switch
 LANGUAGE sql
 STABLE
AS $function$
  WITH RECURSIVE chain(id) AS (
    SELECT x.id FROM unnest(ARRAY[stopped_by.proposer, stopped_by.acts_for]) x(id) WHERE x.id IS NOT NULL
    UNION
    SELECT w.acts_for FROM chain c
      JOIN exequatur.principal w ON w.tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid) AND w.id = c.id
     WHERE w.acts_for IS NOT NULL
  )
  SELECT * FROM (
    SELECT s.* FROM exequatur.switch s
     WHERE s.tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid) AND s.off
       AND ((NOT exequatur.governs(stopped_by.action_type) AND (s.scope = 'tenant' OR (s.scope = 'actionType' AND s.name = ANY (exequatur.members_of(stopped_by.action_type)))))
            OR (s.scope = 'agent'
                AND ((stopped_by.kind = 'agent' AND s.name IN ('all', stopped_by.proposer))
                     OR EXISTS (SELECT FROM chain c JOIN exequatur.principal w ON w.tenant_id = s.tenant_id AND w.id = c.id
                                 WHERE w.kind = 'agent' AND s.name IN ('all', w.id))))
            OR (s.scope = 'principal'
                AND (s.name IN (SELECT c.id FROM chain c)
                     OR EXISTS (SELECT FROM exequatur.principal a JOIN exequatur.principal b ON b.tenant_id = a.tenant_id AND b.person = a.person
                                 WHERE a.tenant_id = s.tenant_id AND a.id = s.name AND b.id IN (SELECT c.id FROM chain c)))))
    UNION ALL
    SELECT p.tenant_id, 'principal', p.id, true, 'disabled', p.id, p.updated_at
      FROM chain c JOIN exequatur.principal p ON p.tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid) AND p.id = c.id
     WHERE p.disabled OR EXISTS (SELECT FROM exequatur.principal z WHERE z.tenant_id = p.tenant_id AND z.person = p.person AND z.disabled)
  ) stops
  ORDER BY scope, name LIMIT 1
$function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.store_checkpoint(tenant uuid, size bigint, root bytea, note text, tiles jsonb)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  last bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(store_checkpoint.tenant::text, 2));
  last := coalesce((SELECT max(c.size) FROM audit_checkpoint c WHERE c.tenant_id = store_checkpoint.tenant), 0);
  IF last >= store_checkpoint.size
     OR NOT EXISTS (SELECT FROM audit_head h WHERE h.tenant_id = store_checkpoint.tenant AND h.seq >= store_checkpoint.size) THEN
    RETURN false;
  END IF;
  IF store_checkpoint.size - last > 65536 THEN
    RAISE EXCEPTION 'a checkpoint covers at most 65536 entries more than the one before it' USING ERRCODE = '23514';
  END IF;
  IF tiles <> '[]' OR last / 256 < store_checkpoint.size / 256 THEN
    IF EXISTS (
      WITH RECURSIVE spans(level, span) AS (
        SELECT 0, 256::bigint UNION ALL SELECT level + 1, span * 256 FROM spans WHERE span * 256 <= store_checkpoint.size
      ), given AS (
        SELECT (t ->> 'level')::int AS level, (t ->> 'tile')::bigint AS tile FROM jsonb_array_elements(tiles) t
      ), filled AS (
        SELECT s.level, f.tile FROM spans s, generate_series(last / s.span, store_checkpoint.size / s.span - 1) f(tile)
      )
      SELECT FROM filled f WHERE NOT EXISTS (SELECT FROM given g WHERE g.level = f.level AND g.tile = f.tile)
      UNION ALL
      SELECT FROM given g WHERE NOT EXISTS (SELECT FROM spans s WHERE s.level = g.level AND g.tile BETWEEN 0 AND store_checkpoint.size / s.span - 1)) THEN
      RAISE EXCEPTION 'these are not the tiles that the checkpoint fills' USING ERRCODE = '23514';
    END IF;
    INSERT INTO audit_tile (tenant_id, level, tile, hashes)
    SELECT store_checkpoint.tenant, (t ->> 'level')::int, (t ->> 'tile')::bigint, decode(t ->> 'hashes', 'hex') FROM jsonb_array_elements(tiles) t ON CONFLICT DO NOTHING;
  END IF;
  INSERT INTO audit_checkpoint (tenant_id, size, root, note, created_at) VALUES (store_checkpoint.tenant, store_checkpoint.size, store_checkpoint.root, store_checkpoint.note, clock());
  RETURN true;
END $function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.store_checkpoints(checkpoints jsonb)
 RETURNS SETOF uuid
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  made record;
BEGIN
  FOR made IN SELECT c.* FROM jsonb_to_recordset(checkpoints) c(tenant uuid, size bigint, root text, note text, tiles jsonb) LOOP
    CONTINUE WHEN NOT pg_try_advisory_xact_lock(hashtextextended(made.tenant::text, 2));
    PERFORM FROM event_feed f WHERE f.tenant_id = made.tenant FOR UPDATE SKIP LOCKED;
    CONTINUE WHEN NOT FOUND AND EXISTS (SELECT FROM event_feed f WHERE f.tenant_id = made.tenant);
    IF store_checkpoint(made.tenant, made.size, decode(made.root, 'hex'), made.note, made.tiles) THEN
      RETURN NEXT made.tenant;
    END IF;
  END LOOP;
END $function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.store_cosignature(tenant uuid, size bigint, witness text, line text, cosigned_at timestamp with time zone)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  at timestamptz := clock();
  made timestamptz;
  over timestamptz;
  first bigint;
  last bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(store_cosignature.tenant::text, 2));
  SELECT c.created_at INTO made FROM audit_checkpoint c WHERE c.tenant_id = store_cosignature.tenant AND c.size = store_cosignature.size;
  SELECT c.created_at INTO over FROM audit_checkpoint c WHERE c.tenant_id = store_cosignature.tenant AND c.size > store_cosignature.size ORDER BY c.size LIMIT 1;
  IF made IS NULL OR over < at - interval '10 minutes' THEN
    RETURN false;
  END IF;
  IF EXISTS (SELECT FROM audit_cosignature s WHERE s.tenant_id = store_cosignature.tenant AND s.size = store_cosignature.size
                AND s.witness = store_cosignature.witness AND s.line = store_cosignature.line) THEN
    RETURN true;
  END IF;
  IF (SELECT count(*) FROM audit_cosignature s WHERE s.tenant_id = store_cosignature.tenant AND s.size = store_cosignature.size AND s.witness = store_cosignature.witness)
     >= least(64, 4 + floor(extract(epoch FROM at - made) / 60)) THEN
    RETURN false;
  END IF;
  first := (SELECT c.size FROM audit_checkpoint c WHERE c.tenant_id = store_cosignature.tenant AND c.created_at >= date_trunc('hour', made, 'UTC') ORDER BY c.created_at LIMIT 1);
  last := (SELECT c.size FROM audit_checkpoint c WHERE c.tenant_id = store_cosignature.tenant AND c.created_at < date_trunc('hour', made, 'UTC') + interval '1 hour'
            ORDER BY c.created_at DESC LIMIT 1);
  IF NOT EXISTS (SELECT FROM audit_cosignature s WHERE s.tenant_id = store_cosignature.tenant AND s.witness = store_cosignature.witness AND s.size BETWEEN first AND last)
     AND (SELECT count(DISTINCT s.witness) FROM audit_cosignature s WHERE s.tenant_id = store_cosignature.tenant AND s.size BETWEEN first AND last) >= 16 THEN
    RETURN false;
  END IF;
  INSERT INTO audit_cosignature (tenant_id, size, witness, line, cosigned_at)
  VALUES (store_cosignature.tenant, store_cosignature.size, store_cosignature.witness, store_cosignature.line, store_cosignature.cosigned_at);
  RETURN true;
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.stored_whole(p exequatur.proposal)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT coalesce((
    SELECT 'sha256:' || encode(sha256(string_agg(c.bytes, ''::bytea ORDER BY c.ordinal)), 'hex') = p.plan_digest AND sum(length(c.bytes)) = x.bytes
       AND sum(c.edits) = x.edits AND bool_and(c.first_edit = c.before)
      FROM (SELECT k.plan_id, k.ordinal, k.bytes, k.edits, k.first_edit, coalesce(sum(k.edits) OVER (ORDER BY k.ordinal ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
              FROM plan_chunk k WHERE k.tenant_id = p.tenant_id AND k.plan_id = p.plan_id) c
      JOIN plan x ON x.tenant_id = p.tenant_id AND x.id = p.plan_id AND x.proposal_id = p.id AND x.digest = p.plan_digest AND x.revision = p.revision
     GROUP BY x.bytes, x.edits), false)
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.tell_approvals(p exequatur.proposal, content text, approving uuid[])
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  asked jsonb := split_part(content, E'\n', 1)::jsonb -> 'requirement';
  conditions text := coalesce((SELECT string_agg(c.one #>> '{}', E'\n') FROM (
    SELECT jsonb_path_query(asked, '$.stages[*].thresholds[*].reviewers') UNION ALL SELECT jsonb_path_query(asked, '$.stages[*].afterEscalation')) c(one)), '');
  by_team boolean := asked @? '$.stages[*].teams';
  behind text[] := ARRAY(SELECT exequatur.stands_behind_proposal(p.proposer_id, p.acts_for, p.revised_for));
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
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.tell_building(object_type text)
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  WITH unready AS (
    SELECT coalesce(array_agg(b.property::text ORDER BY b.property), '{}') AS properties FROM index_build b
     WHERE b.tenant_id = current_tenant() AND b.type = tell_building.object_type COLLATE "C" AND b.state IN ('clearing', 'building'))
  UPDATE object_type t SET building = u.properties FROM unready u
   WHERE t.tenant_id = current_tenant() AND t.name = tell_building.object_type AND t.building IS DISTINCT FROM u.properties
$function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.tell_checkpoint()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  before text;
  feed event_feed;
  is_free boolean;
BEGIN
  SELECT f.* INTO feed FROM event_feed f WHERE f.tenant_id = NEW.tenant_id FOR UPDATE;
  IF NOT FOUND THEN
    INSERT INTO event_feed (tenant_id) VALUES (NEW.tenant_id) ON CONFLICT DO NOTHING;
    SELECT f.* INTO feed FROM event_feed f WHERE f.tenant_id = NEW.tenant_id FOR UPDATE;
  END IF;
  IF feed.told_at > NEW.created_at - interval '10 seconds' THEN
    IF NOT feed.untold THEN
      UPDATE event_feed f SET untold = true WHERE f.tenant_id = NEW.tenant_id;
    END IF;
    RETURN NULL;
  END IF;
  before := coalesce(current_setting('app.tenant', true), '');
  PERFORM set_config('app.tenant', NEW.tenant_id::text, true);
  is_free := hold_free_audit_head();
  PERFORM set_config('app.tenant', before, true);
  IF is_free THEN
    PERFORM place_checkpoint(NEW);
  ELSE
    UPDATE event_feed f SET untold = true, told_at = coalesce(feed.told_at, '-infinity') WHERE f.tenant_id = NEW.tenant_id;
  END IF;
  RETURN NULL;
END $function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.tell_due_checkpoint()
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  tenant uuid;
  newest audit_checkpoint;
BEGIN
  SELECT f.tenant_id INTO tenant FROM event_feed f WHERE f.untold AND f.told_at <= clock() - interval '10 seconds' LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  SELECT c.* INTO newest FROM audit_checkpoint c WHERE c.tenant_id = tenant ORDER BY c.size DESC LIMIT 1;
  PERFORM place_checkpoint(newest);
  RETURN true;
END $function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.thin_checkpoints(since timestamp with time zone, lim integer)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
DECLARE
  until timestamptz := clock() - interval '1 day';
  gone bigint;
BEGIN
  DELETE FROM audit_checkpoint c USING (
    SELECT x.tenant_id, x.size FROM audit_head h
     CROSS JOIN LATERAL (SELECT a.tenant_id, a.size, a AS whole FROM audit_checkpoint a
                          WHERE a.tenant_id = h.tenant_id AND a.created_at < until AND a.created_at >= coalesce(since, '-infinity')) x
     WHERE is_superseded(x.whole) LIMIT lim) d
   WHERE c.tenant_id = d.tenant_id AND c.size = d.size;
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END $function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.times_without_run(tenant uuid, schedule uuid, times timestamp with time zone[], spread interval)
 RETURNS SETOF timestamp with time zone
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT t FROM unnest(times) t
   WHERE NOT EXISTS (SELECT FROM schedule_run r WHERE r.tenant_id = tenant AND r.schedule_id = schedule AND r.nominal_at BETWEEN t - spread - interval '1 second' AND t)
   ORDER BY t
$function$;

-- Owned by exequatur_audit_writer.
CREATE OR REPLACE FUNCTION exequatur.told_status(tenant uuid, proposal uuid)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
AS $function$
BEGIN
  RETURN (SELECT reached_by(e.type) FROM audit_entry e
           WHERE e.tenant_id = tenant AND e.proposal_id = told_status.proposal
             AND e.type = ANY ('{proposal.created,proposal.revised,proposal.simulated,proposal.simulating,proposal.invalid,proposal.changes_requested,proposal.rejected,proposal.expired,proposal.withdrawn,proposal.approved,proposal.scheduled,proposal.executing,proposal.compensating,proposal.needs_attention,proposal.executed,proposal.failed}')
           ORDER BY e.seq DESC LIMIT 1);
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.touches_index(p exequatur.proposal, shapes exequatur.plan_shape[])
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  RETURN EXISTS (SELECT FROM unnest(shapes) s LEFT JOIN object_type t ON t.tenant_id = p.tenant_id AND t.name = s.type
                  WHERE s.op <> 'modify' OR t.name IS NULL OR t.indexed && s.touched OR t."references" ?| s.touched);
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.touches_selected(plan uuid, object_type text, condition jsonb)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
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
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.touches_sensitive(p exequatur.proposal, shapes exequatur.plan_shape[], allowed jsonb)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT EXISTS (
    SELECT FROM unnest(shapes) s
      JOIN object_type t ON t.tenant_id = p.tenant_id AND t.name = s.type
      CROSS JOIN LATERAL jsonb_each(coalesce(t.definition -> 'properties', '{}')) d(property, definition)
     WHERE coalesce((d.definition ->> 'sensitive')::boolean, false) AND (s.op = 'delete' AND p.revert_of IS NULL OR d.property = ANY (s.touched))
       AND NOT allowed ? (t.name || '.' || d.property))
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.turn_back(proposal uuid, target text, problem jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
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
END $function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.typed_sql(kind text, held text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  SELECT CASE
    WHEN kind IN ('integer', 'double', 'long', 'decimal') THEN format('(%s)::numeric', held)
    WHEN kind = 'boolean' THEN format('(%s)::boolean', held)
    WHEN kind = 'timestamp' THEN format('(left(%1$s, 23) || ''Z'' || rtrim(substr(%1$s, 24), ''Z'')) COLLATE "C"', held)
    ELSE format('(%s) COLLATE "C"', held)
  END
$function$;

-- Owned by exequatur_audit_writer.
CREATE OR REPLACE FUNCTION exequatur.types_of_login(login text)
 RETURNS text[]
 LANGUAGE sql
 IMMUTABLE
AS $function$
  SELECT CASE login
    WHEN 'api' THEN '{
    audit.exported,decision.refused,delegation.changed,endpoint.secret_changed,event.hold_resolved,evidence.read,freeze_window.changed,
    login.refused,ontology.changed,ontology.migration_ended,ontology.migration_started,policies.changed,principal.changed,proposal.approved,
    proposal.cancelling,proposal.changes_requested,proposal.compensating,proposal.created,proposal.emergency_reviewed,proposal.executing,
    proposal.expired,proposal.failed,proposal.glass_broken,proposal.invalid,proposal.needs_attention,proposal.rejected,proposal.revised,
    proposal.scheduled,proposal.simulated,proposal.simulating,proposal.withdrawn,review.recorded,schedule.changed,sensitive.read,
    subscription.changed,switch.changed}'::text[]
    WHEN 'worker' THEN '{
    delegation.changed,effect.ended,effect.message,ontology.changed,ontology.migration_ended,ontology.migration_started,policies.changed,
    principal.changed,proposal.approved,proposal.changes_requested,proposal.compensating,proposal.created,proposal.emergency_unreviewed,
    proposal.escalated,proposal.executing,proposal.expired,proposal.failed,proposal.invalid,proposal.needs_attention,proposal.raised,
    proposal.rejected,proposal.reminded,proposal.scheduled,proposal.simulated,proposal.simulating,proposal.withdrawn,schedule.run_refused,
    subscription.changed,switch.changed}'::text[]
    WHEN 'relay' THEN '{subscription.disabled}'::text[]
  END
$function$;

-- Owned by exequatur_audit_writer.
CREATE OR REPLACE FUNCTION exequatur.types_told_by(teller text)
 RETURNS text[]
 LANGUAGE sql
 IMMUTABLE
AS $function$
  SELECT CASE teller
    WHEN 'door' THEN '{execution.applied,execution.undone,principal.erased,proposal.executed}'::text[]
    WHEN 'system' THEN '{audit.exported,login.failed,login.suppressed}'::text[]
    WHEN 'migration' THEN '{log.format_changed}'::text[]
    ELSE coalesce(exequatur.types_of_login(teller), exequatur.types_of_login('api') || exequatur.types_of_login('worker') || exequatur.types_of_login('relay'))
  END
$function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.undelivered_nudges(older_than interval, lim integer)
 RETURNS TABLE(tenant_id uuid, nudge_id uuid, proposal_id uuid, action_type text, status text, created_at timestamp with time zone, traceparent text)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT n.tenant_id, n.id, n.proposal_id, p.action_type, p.status, n.created_at, n.traceparent
    FROM nudge n JOIN proposal p ON p.tenant_id = n.tenant_id AND p.id = n.proposal_id
   WHERE n.delivered_at IS NULL AND n.created_at < clock() - older_than AND (n.held_until IS NULL OR n.held_until <= clock())
   ORDER BY n.created_at, n.id LIMIT lim
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.undo_conflicts(tenant uuid, execution uuid)
 RETURNS TABLE(type text, id text, property text)
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
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
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.undo_execution(proposal uuid, entries jsonb, misfits jsonb DEFAULT '[]'::jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET "DateStyle" TO 'ISO, YMD'
 SET transform_null_equals TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
 SET work_mem TO '64MB'
 SET jit TO 'off'
AS $function$
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
END $function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.undo_obstacles(tenant uuid, edits exequatur.plan_edit[])
 RETURNS TABLE(type text, id text, property text, because text, by jsonb)
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
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
$function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.unfinished_indexes(lim integer)
 RETURNS TABLE(tenant_id uuid, type text)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT DISTINCT b.tenant_id, b.type::text FROM index_build b WHERE b.state <> 'ready' ORDER BY 1, 2 LIMIT lim
$function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.unreviewed_emergencies(lim integer)
 RETURNS TABLE(tenant_id uuid, proposal_id uuid, action_type text)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT DISTINCT p.tenant_id, p.id, p.action_type FROM glass g JOIN proposal p ON p.tenant_id = g.tenant_id AND p.id = g.proposal_id
   WHERE g.reviewed_at IS NULL AND g.overdue_at IS NULL AND p.status IN ('executed', 'failed', 'invalid', 'rejected', 'expired', 'withdrawn', 'needs_attention')
     AND ((g.revision = p.revision AND g.digest = p.plan_digest AND (p.status = 'executed' OR (p.status = 'failed' AND p.status_timestamps ? 'executing')))
       OR EXISTS (SELECT FROM saga s WHERE s.tenant_id = g.tenant_id AND s.proposal_id = g.proposal_id AND s.digest = g.digest AND s.begun_at >= g.broken_at))
   ORDER BY 1, 2 LIMIT lim
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.utf16_order(name text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  SELECT CASE WHEN octet_length(name) = length(name) THEN name
              ELSE regexp_replace(replace(name, chr(1114111), chr(1114111) || chr(1)), '([' || chr(57344) || '-' || chr(65535) || '])', chr(1114111) || chr(92) || '1', 'g') END
$function$;

-- Owned by exequatur_owner.
CREATE OR REPLACE FUNCTION exequatur.value_sql(kind text, property text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  SELECT CASE WHEN property = 'id' THEN 'o.id' ELSE exequatur.typed_sql(kind, format('(o.properties ->> %L)', property)) END
$function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.webhook_backlog()
 RETURNS TABLE(failing bigint, disabled bigint, dead_letters bigint, oldest timestamp with time zone)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT count(*) FILTER (WHERE s.failing_since IS NOT NULL AND s.disabled_at IS NULL), count(*) FILTER (WHERE s.disabled_at IS NOT NULL), (SELECT count(*) FROM dead_letter),
         min((SELECT e.at FROM audit_entry e WHERE e.tenant_id = l.tenant_id AND e.seq = l.seq + 1)) FILTER (WHERE s.enabled AND s.disabled_at IS NULL)
    FROM subscription s JOIN event_lane l ON l.tenant_id = s.tenant_id AND l.sink = s.id::text
$function$;

-- Owned by exequatur_relay_reader.
CREATE OR REPLACE FUNCTION exequatur.webhook_secrets(tenant uuid, subscription text)
 RETURNS SETOF bytea
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  SELECT s.sealed FROM endpoint_secret s
   WHERE s.tenant_id = tenant AND s.endpoint = 'subscription/' || webhook_secrets.subscription AND s.name = 'signing' AND (s.retires_at IS NULL OR s.retires_at > clock())
   ORDER BY s.created_at DESC, s.id
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.were_shown(conflicts jsonb, shown jsonb)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT NOT EXISTS (SELECT c ->> 'type', c ->> 'id', c ->> 'property' FROM jsonb_array_elements(conflicts) c
                     EXCEPT SELECT c ->> 'type', c ->> 'id', c ->> 'property' FROM jsonb_array_elements(shown) c)
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.without_conflicts(edits exequatur.plan_edit[], conflicts jsonb)
 RETURNS exequatur.plan_edit[]
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
  WITH c AS MATERIALIZED (SELECT x ->> 'type' AS type, x ->> 'id' AS id, x ->> 'property' AS property FROM jsonb_array_elements(conflicts) x)
  SELECT coalesce(array_agg(ROW(e.op, e.type, e.id, e.set - k.lost, ARRAY(SELECT u FROM unnest(e.unset) u WHERE u <> ALL (k.lost)), e.before - k.lost,
                                ARRAY(SELECT u FROM unnest(e.touched) u WHERE u <> ALL (k.lost)), e.from_id, e.to_id)::plan_edit), '{}')
    FROM unnest(edits) e
   CROSS JOIN LATERAL (SELECT ARRAY(SELECT c.property FROM c WHERE c.type = e.type AND c.id = coalesce(e.id, e.from_id || ' ' || e.to_id)) AS lost) k
   WHERE '$' <> ALL (k.lost) AND (e.op <> 'modify' OR EXISTS (SELECT FROM unnest(e.touched) u WHERE u <> ALL (k.lost)))
$function$;

-- Owned by exequatur_door.
CREATE OR REPLACE FUNCTION exequatur.write_backs_done(p exequatur.proposal, plan uuid)
 RETURNS void
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $function$
BEGIN
  IF NOT EXISTS (SELECT FROM saga s WHERE s.tenant_id = p.tenant_id AND s.proposal_id = p.id AND s.ended_at IS NULL AND s.plan_id = write_backs_done.plan
                    AND s.digest = p.plan_digest AND s.direction = 'forward' AND s.edits = 'waiting'
                    AND NOT EXISTS (SELECT FROM saga_step t WHERE t.tenant_id = s.tenant_id AND t.proposal_id = s.proposal_id AND t.run = s.run AND t.phase = 'writeBack' AND t.state <> 'done')) THEN
    RAISE EXCEPTION 'the write-backs of this plan are not done' USING ERRCODE = 'XQ006';
  END IF;
END $function$;
