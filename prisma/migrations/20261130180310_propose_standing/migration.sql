-- What lets somebody whom the directory knows do more is a proposal. Roles that tokens claim, and whatever takes something away, go on being written at once.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT INSERT, UPDATE ON principal, standing_role TO {{door}};
GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- What is in force of somebody, of those of `fields` that a change names; '{}' of somebody who is not known.
CREATE FUNCTION standing_in_force(who text, fields text[]) RETURNS jsonb LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT coalesce((SELECT jsonb_object_agg(f.name, f.value) FROM principal q CROSS JOIN LATERAL (VALUES
           ('kind', to_jsonb(q.kind)), ('name', to_jsonb(q.name)), ('disabled', to_jsonb(q.disabled)), ('actsFor', to_jsonb(q.acts_for)),
           ('teams', to_jsonb(ARRAY(SELECT t FROM unnest(q.teams) t ORDER BY t COLLATE "C"))),
           ('roles', to_jsonb(ARRAY(SELECT s.role FROM standing_role s WHERE s.tenant_id = q.tenant_id AND s.principal_id = q.id AND s.removed_at IS NULL
                                       AND (s.expires_at IS NULL OR s.expires_at > clock()) ORDER BY s.role COLLATE "C"))),
           ('linkedIdentities', to_jsonb(ARRAY(SELECT o.id FROM principal o WHERE o.tenant_id = q.tenant_id AND o.person = q.person AND o.id <> q.id ORDER BY o.id COLLATE "C")))
         ) f(name, value) WHERE q.tenant_id = current_tenant() AND q.id = who AND f.name = ANY (fields)), '{}')
$$;

-- Puts in force what two people want of somebody's standing, where it is still what they looked at. As store/put-principal.ts does what tightens.
CREATE FUNCTION keep_standing(edit plan_edit) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  tenant uuid := current_tenant();
  wish jsonb := edit.set -> 'change';
  fields text[] := ARRAY(SELECT jsonb_object_keys(wish));
  person_ids text[] := edit.id || ARRAY(SELECT jsonb_array_elements_text(wish -> 'linkedIdentities'));
  at timestamptz := clock();
  said jsonb := (SELECT coalesce(jsonb_object_agg(f, jsonb_build_object('source', 'administrator', 'at', stamp(at))), '{}')
                   FROM unnest(fields) f WHERE f IN ('roles', 'teams', 'disabled', 'actsFor', 'linkedIdentities'));
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

-- As before, and the standing of somebody.
CREATE OR REPLACE FUNCTION know_settings() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
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
END $$;

CREATE OR REPLACE FUNCTION put_setting(edit plan_edit, author text, p proposal) RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp SET "TimeZone" = 'UTC' AS $$
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
END $$;

REVOKE EXECUTE ON FUNCTION standing_in_force(text, text[]), keep_standing(plan_edit) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION standing_in_force(text, text[]) TO {{api}}, {{worker}};
SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
