-- What is asked of standing at the execution: of whoever proposed what nobody approved; what administrators say of somebody's kind; and that whoever is
-- disabled under one identity is so under all of them.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- As before; and where nobody approved, whoever proposed it must still have a role beyond reading. Whether the action type admits them is CEL, which the gate asks. A glass is broken
-- by somebody who answers for it, and a batch of a migration was approved with the document.
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
  IF cardinality(reviews) = 0 THEN
    IF NOT EXISTS (SELECT FROM standing_role s
                    WHERE s.tenant_id = p.tenant_id AND s.principal_id = p.proposer_id AND s.removed_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > clock())
                      AND s.role <> 'auditor')
       AND glass_in_force(p) IS NULL AND NOT EXISTS (SELECT FROM migration_batch b WHERE b.tenant_id = p.tenant_id AND b.proposal_id = p.id) THEN
      RAISE EXCEPTION 'nobody approved this, and who proposed it may propose nothing now' USING ERRCODE = 'XQ002';
    END IF;
  END IF;
  RETURN reviews;
END $$;

-- As before; and what two said of somebody's kind stands against tokens.
CREATE OR REPLACE FUNCTION keep_standing(edit plan_edit) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
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
END $$;

-- From here on as before, and of somebody who is disabled under any identity nothing counts.
CREATE OR REPLACE FUNCTION counting_reviews(p proposal) RETURNS SETOF uuid LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
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
     AND NOT g.parties && ARRAY(SELECT stands_behind(p.proposer_id, p.acts_for))
     AND (g.delegation_id IS NULL OR delegation_holds(g.delegation_id, g.on_behalf_of, g.reviewer_id, p.action_type))
     AND (SELECT c.review_id FROM review_consumption c WHERE c.tenant_id = p.tenant_id AND c.review_id = g.id) IS NULL
     -- Whose review it is has the role, and has handed it over where a delegate gave it.
     AND (NOT governs(p.action_type) OR EXISTS (
           SELECT FROM standing_role s LEFT JOIN delegation x ON x.tenant_id = s.tenant_id AND x.id = g.delegation_id
            WHERE s.tenant_id = p.tenant_id AND s.principal_id = coalesce(g.on_behalf_of, g.reviewer_id) AND s.role = role_that_governs(p.action_type)
              AND s.removed_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > clock()) AND (x.roles IS NULL OR s.role = ANY (x.roles))));
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
           w.kind = 'user' AND NOT w.disabled AND (r.on_behalf_of IS NULL OR coalesce(o.kind = 'user' AND NOT o.disabled, false))
             AND NOT EXISTS (SELECT FROM principal z WHERE z.tenant_id = r.tenant_id AND z.person IN (w.person, o.person) AND z.disabled) AS is_fit
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

CREATE OR REPLACE FUNCTION glass_in_force(p proposal) RETURNS jsonb LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
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
            OR coalesce(w.person, w.id) NOT IN (SELECT exequatur.stands_behind(p.proposer_id, p.acts_for)))
     ORDER BY g.broken_at DESC LIMIT 1);
END $$;

CREATE OR REPLACE FUNCTION remove_freeze_window(name text, by text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  DELETE FROM freeze_window f
   WHERE f.tenant_id = current_tenant() AND f.name = remove_freeze_window.name
     AND (f.ends_at <= clock()
          OR EXISTS (SELECT FROM principal a JOIN principal b ON b.tenant_id = a.tenant_id AND b.id = remove_freeze_window.by
                      WHERE a.tenant_id = f.tenant_id AND a.id = f.removal_asked_by AND a.kind = 'user' AND NOT a.disabled AND b.kind = 'user' AND NOT b.disabled
                        AND NOT EXISTS (SELECT FROM principal z WHERE z.tenant_id = a.tenant_id AND z.person IN (a.person, b.person) AND z.disabled)
                        AND NOT ARRAY[b.id, coalesce(b.person, b.id), coalesce(b.acts_for, b.id)] && ARRAY(SELECT stands_behind(a.id, a.acts_for))));
  IF NOT FOUND THEN
    RAISE EXCEPTION 'to remove a freeze window takes two people' USING ERRCODE = 'XQ002';
  END IF;
END $$;

CREATE OR REPLACE FUNCTION run_schedule(schedule uuid, nominal timestamptz, proposal uuid, parameters text, roles text[], seed text, expires_after interval, problem jsonb)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp SET "TimeZone" = 'UTC' AS $$
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
                        proposer_roles, acts_for, revision, revision_seed, evaluated_at, expires_at, status_timestamps, created_at, updated_at)
  SELECT s.tenant_id, run_schedule.proposal, 'simulating', a.name, a.current_version, (SELECT max(o.version) FROM ontology_version o WHERE o.tenant_id = s.tenant_id),
         run_schedule.parameters, encode(sha256(convert_to(run_schedule.parameters, 'UTF8')), 'hex'), s.justification, w.id, w.kind, run_schedule.roles, w.acts_for, 1, seed, at,
         at + expires_after, jsonb_build_object('simulating', stamp(at)), at, at
    FROM action_type a WHERE a.tenant_id = s.tenant_id AND a.name = s.action_type AND NOT a.retired;
  INSERT INTO schedule_run (tenant_id, schedule_id, nominal_at, proposal_id, created_at) VALUES (s.tenant_id, s.id, nominal, run_schedule.proposal, at);
  RETURN true;
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};

SET LOCAL search_path = exequatur, pg_catalog;
CREATE OR REPLACE FUNCTION stopped_by(action_type text, proposer text, kind text, acts_for text) RETURNS SETOF switch LANGUAGE sql STABLE AS $$
  SELECT * FROM (
    SELECT s.* FROM exequatur.switch s
     WHERE s.tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid) AND s.off
       AND ((NOT exequatur.governs(stopped_by.action_type) AND (s.scope = 'tenant' OR (s.scope = 'actionType' AND s.name = ANY (exequatur.members_of(stopped_by.action_type))))) OR (s.scope = 'agent' AND kind = 'agent' AND s.name IN ('all', proposer))
            OR (s.scope = 'principal'
                AND (s.name IN (proposer, acts_for)
                     OR EXISTS (SELECT FROM exequatur.principal a JOIN exequatur.principal b ON b.tenant_id = a.tenant_id AND b.person = a.person
                                 WHERE a.tenant_id = s.tenant_id AND a.id = s.name AND b.id IN (stopped_by.proposer, stopped_by.acts_for)))))
    UNION ALL
    SELECT p.tenant_id, 'principal', p.id, true, 'disabled', p.id, p.updated_at
      FROM exequatur.principal p
     WHERE p.tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid) AND p.id IN (stopped_by.proposer, stopped_by.acts_for)
       AND (p.disabled OR EXISTS (SELECT FROM exequatur.principal z WHERE z.tenant_id = p.tenant_id AND z.person = p.person AND z.disabled))
  ) stops
  ORDER BY scope, name LIMIT 1
$$;
