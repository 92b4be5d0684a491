-- What governs a tenant governs itself: after its first document the ontology, the policies, and switches that are off change by proposals, which the door executes like any
-- other. A plan of such a proposal has one edit, of a type that no document can name; the door puts in force what it sets instead of writing an object.
SET LOCAL search_path = exequatur, pg_catalog;

-- Names of documents are identifiers, so none of them begins like this.
CREATE FUNCTION governs(action_type text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT left(action_type, 1) = '$' $$;

-- Whether more can happen once it is executed. The API says so when it stores the proposal and the worker when it plans it: the door believes a `no` only of both.
ALTER TABLE proposal ADD COLUMN loosens boolean, ADD CONSTRAINT loosens_what_governs CHECK (governs(action_type) = (loosens IS NOT NULL));

DROP FUNCTION keep_definitions(jsonb, text, boolean);
-- Writes a document's version and what the database itself reads of it: object and link types, whose references and indexed properties the door keeps, and action-type
-- versions with their write surface, floors and ceilings. Versions of action types rise only where the canonical definition changed; one that comes back as it was keeps
-- its version. The caller holds the definitions alone and has checked the data.
CREATE FUNCTION keep_definitions(definitions jsonb, author text) RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
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
END $$;
REVOKE EXECUTE ON FUNCTION keep_definitions(jsonb, text), governs(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keep_definitions(jsonb, text) TO {{door}};
GRANT EXECUTE ON FUNCTION governs(text) TO {{api}}, {{worker}}, {{door}};

-- To change what governs without a plan was the API's once.
REVOKE INSERT ON ontology_version, object_type, link_type, action_type, action_type_version, type_state, policy_version, ontology_migration, delegation FROM {{api}};
REVOKE EXECUTE ON FUNCTION keep_delegation(jsonb, text) FROM {{api}};
REVOKE UPDATE ON object_type, link_type, action_type FROM {{api}};
REVOKE DELETE ON object_type, link_type FROM {{api}};
REVOKE UPDATE (policy_version) ON tenant_control FROM {{api}};
GRANT INSERT ON policy_version, ontology_migration TO {{door}};
GRANT UPDATE ON switch TO {{door}};

-- To stop takes one person, at once; to let go on takes a proposal.
CREATE POLICY off_at_once ON switch AS RESTRICTIVE TO {{api}} USING (true) WITH CHECK (off);
ALTER TABLE switch DROP COLUMN asked_by, DROP COLUMN asked_reason, DROP COLUMN asked_at;

-- The first switch that stops what this principal proposed, and a principal who is disabled is as good as switched off: the proposer, or whom the proposer acts for.
-- A switch that stops a person stops all the person's identities, and what acts for any of them. What governs is stopped with who proposed it alone: else a tenant that
-- is switched off could never be switched on.
CREATE OR REPLACE FUNCTION stopped_by(action_type text, proposer text, kind text, acts_for text) RETURNS SETOF switch LANGUAGE sql STABLE AS $$
  SELECT * FROM (
    SELECT s.* FROM exequatur.switch s
     WHERE s.tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid) AND s.off
       AND ((NOT exequatur.governs(stopped_by.action_type) AND (s.scope = 'tenant' OR (s.scope = 'actionType' AND s.name = stopped_by.action_type))) OR (s.scope = 'agent' AND kind = 'agent' AND s.name IN ('all', proposer))
            OR (s.scope = 'principal'
                AND (s.name IN (proposer, acts_for)
                     OR EXISTS (SELECT FROM exequatur.principal a JOIN exequatur.principal b ON b.tenant_id = a.tenant_id AND b.person = a.person
                                 WHERE a.tenant_id = s.tenant_id AND a.id = s.name AND b.id IN (stopped_by.proposer, stopped_by.acts_for)))))
    UNION ALL
    SELECT p.tenant_id, 'principal', p.id, true, 'disabled', p.id, p.updated_at
      FROM exequatur.principal p
     WHERE p.tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid) AND p.disabled AND p.id IN (stopped_by.proposer, stopped_by.acts_for)
  ) stops
  ORDER BY scope, name LIMIT 1
$$;

-- What holds an approved proposal at this instant, that which holds it longest first: `executeAfter`, or `window/<name>`. Windows hold nothing that governs.
CREATE OR REPLACE FUNCTION held_by(action_type text, execute_after timestamptz) RETURNS TABLE (what text, until timestamptz)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH now AS MATERIALIZED (SELECT clock() AS at)
  SELECT h.what, h.until FROM (
    SELECT 'executeAfter' AS what, held_by.execute_after AS until FROM now WHERE held_by.execute_after > now.at
    UNION ALL
    SELECT 'window/' || w.name, open_until(w, now.at) FROM now, freeze_window w
     WHERE w.tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid) AND NOT governs(held_by.action_type) AND (w.action_type IS NULL OR w.action_type = held_by.action_type)
  ) h WHERE h.until IS NOT NULL ORDER BY h.until DESC, h.what LIMIT 1;
END $$;

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Built-in action types, as the door looks them up. Their plans are bounded by what they may touch and by second_people().
CREATE FUNCTION know_settings() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  WITH settings(name, type, properties) AS (VALUES
    ('$changeOntology', '$ontology', '["digest", "changes", "loosens", "definitions", "migration"]'::jsonb),
    ('$changePolicies', '$policies', '["digest", "changes", "loosens", "policies", "cases", "version"]'),
    ('$switchOn', '$switch', '["state", "loosens", "reason"]'),
    ('$delegate', '$delegation', '["delegator", "delegate", "actionTypes", "roles", "startsAt", "endsAt", "reason", "loosens"]')
  ), versions AS (
    INSERT INTO action_type_version (tenant_id, name, version, ontology_version, definition, digest, surface, floors, ceilings, created_at)
    SELECT current_tenant(), s.name, 1, (SELECT max(o.version) FROM ontology_version o WHERE o.tenant_id = current_tenant()), '{}', 'built-in',
           jsonb_build_array(jsonb_build_object('type', s.type, 'operation', 'modify', 'properties', s.properties)), '[{"approvals": 0, "ceilings": {"edits": 1}}]', '{"edits": 1}', clock()
      FROM settings s
    ON CONFLICT DO NOTHING
  )
  INSERT INTO action_type (tenant_id, name, current_version) SELECT current_tenant(), s.name, 1 FROM settings s ON CONFLICT DO NOTHING;
END $$;

-- How many people beside the proposer this takes: one where more can happen afterwards, or where API and worker do not both say that it cannot.
CREATE FUNCTION second_people(p proposal, edits plan_edit[]) RETURNS int LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF cardinality(edits) <> 1 THEN
    RAISE EXCEPTION 'a plan changes one setting' USING ERRCODE = 'XQ003';
  END IF;
  RETURN CASE WHEN p.loosens IS NOT DISTINCT FROM false AND edits[1].set -> 'loosens' IS NOT DISTINCT FROM '[]' THEN 0 ELSE 1 END;
END $$;

-- Puts in force what an edit sets, where what it was made for still is. Waits for executions that have begun, as everything does that changes what they go by. Returns
-- the version of what has versions. The proposal is null before a tenant's first document.
CREATE FUNCTION put_setting(edit plan_edit, author text, p proposal) RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp SET "TimeZone" = 'UTC' AS $$
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
  ELSE
    RAISE EXCEPTION 'there is no such setting' USING ERRCODE = 'XQ004';
  END IF;
  RETURN kept;
END $$;

-- What keeping a document would come to: the versions of action types, and what becomes of open proposals under earlier ones. All of it is done, read and taken back.
CREATE FUNCTION foresee_definitions(definitions jsonb) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
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
END $$;

-- Before a tenant has a document nothing can be proposed or executed, so what governs it is put in force at once.
CREATE FUNCTION found_setting(type text, id text, was jsonb, becomes jsonb, author text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('exequatur.definitions/' || current_setting('app.tenant'), 0));
  IF EXISTS (SELECT FROM ontology_version o WHERE o.tenant_id = current_tenant()) THEN
    RAISE EXCEPTION 'from now on this takes a proposal' USING ERRCODE = 'XQ006';
  END IF;
  RETURN put_setting(ROW('modify', found_setting.type, found_setting.id, becomes, '{}', was, '{}', NULL, NULL)::plan_edit, author, NULL);
END $$;

CREATE OR REPLACE FUNCTION end_migration(migration uuid, outcome text, by text, reason text, faults jsonb) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  m ontology_migration;
BEGIN
  SELECT x.* INTO m FROM ontology_migration x WHERE x.tenant_id = current_tenant() AND x.id = end_migration.migration FOR UPDATE;
  IF m.state IS DISTINCT FROM 'running' THEN
    RETURN NULL;
  END IF;
  IF end_migration.outcome = 'running' OR (SELECT max(o.version) FROM ontology_version o WHERE o.tenant_id = m.tenant_id) <> m.base_version + 1 THEN
    RAISE EXCEPTION 'the migration cannot end like that' USING ERRCODE = 'XQ006';
  END IF;
  UPDATE ontology_migration x
     SET state = end_migration.outcome, ended_by = end_migration.by, ended_at = clock(), reason = end_migration.reason, faults = end_migration.faults
   WHERE x.tenant_id = m.tenant_id AND x.id = m.id;
  RETURN keep_definitions(CASE end_migration.outcome WHEN 'done' THEN m.target ELSE m.restore END, m.started_by);
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
REVOKE EXECUTE ON FUNCTION know_settings(), foresee_definitions(jsonb), second_people(proposal, plan_edit[]), put_setting(plan_edit, text, proposal), found_setting(text, text, jsonb, jsonb, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION know_settings(), found_setting(text, text, jsonb, jsonb, text) TO {{api}};
GRANT EXECUTE ON FUNCTION foresee_definitions(jsonb) TO {{api}}, {{worker}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
