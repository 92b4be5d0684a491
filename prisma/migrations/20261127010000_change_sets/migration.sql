-- A change set is several actions with one plan, one approval, one execution. Its name is theirs, sorted and joined by `+`, which no name of an action type has; its version
-- says which versions of theirs it is made of, and what it may touch is computed here, from what is stored of them, so nobody has to be believed.
SET LOCAL search_path = exequatur, pg_catalog;

CREATE FUNCTION is_change_set(action_type text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT strpos(action_type, '+') > 0 $$;
CREATE FUNCTION members_of(action_type text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN strpos(action_type, '+') > 0 THEN array_remove(string_to_array(action_type, '+'), '') ELSE ARRAY[action_type] END
$$;

-- Whether a version of an action type is still in force, for what was proposed with it: of a change set, when those of all members are.
CREATE FUNCTION in_force(action_type text, version int) RETURNS boolean LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
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
END $$;
REVOKE EXECUTE ON FUNCTION is_change_set(text), members_of(text), in_force(text, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION is_change_set(text), members_of(text), in_force(text, int) TO {{api}}, {{worker}}, {{door}};

-- An upload retires what it does not name; of a change set its members say whether it is in force.
CREATE FUNCTION spare_change_sets() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  NEW.retired := false;
  RETURN NEW;
END $$;
CREATE TRIGGER spare_change_sets BEFORE UPDATE ON action_type FOR EACH ROW WHEN (strpos(NEW.name, '+') > 0) EXECUTE FUNCTION spare_change_sets();

CREATE OR REPLACE FUNCTION refuse_superseded() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM proposal p WHERE p.tenant_id = NEW.tenant_id AND p.id = NEW.proposal_id AND (p.revert_of IS NOT NULL OR in_force(p.action_type, p.action_type_version))) THEN
    RAISE EXCEPTION 'the action type has another version' USING ERRCODE = 'XQ017';
  END IF;
  RETURN NEW;
END $$;

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
     WHERE p.tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid) AND p.disabled AND p.id IN (stopped_by.proposer, stopped_by.acts_for)
  ) stops
  ORDER BY scope, name LIMIT 1
$$;

CREATE OR REPLACE FUNCTION held_by(p proposal) RETURNS TABLE (what text, until timestamptz) LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
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
  RETURN QUERY SELECT holder, longest WHERE longest IS NOT NULL;
END $$;

CREATE OR REPLACE FUNCTION delegation_holds(delegation text, delegator text, delegate text, action_type text) RETURNS boolean LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
  now timestamptz := exequatur.clock();
BEGIN
  RETURN EXISTS (SELECT FROM exequatur.delegation d
                  WHERE d.tenant_id = tenant AND d.id = delegation_holds.delegation AND d.delegator = delegation_holds.delegator AND d.delegate = delegation_holds.delegate
                    AND d.revoked_at IS NULL AND d.starts_at <= now AND now < d.ends_at
                    AND (d.action_types IS NULL OR exequatur.members_of(delegation_holds.action_type) <@ d.action_types));
END $$;

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- The version of a change set that is made of the versions in force of its members; null where one of them is not in force. May touch what any member may, and create whole
-- what one member creates and another fills in. People always approve: for every policy among the members as many as it asks for at least, where it wants distinct people.
CREATE FUNCTION combine_actions(action_type text) RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
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
  SELECT jsonb_build_object('format', 1, 'members', jsonb_object_agg(a.name, a.current_version))::text INTO meaning
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
END $$;

-- What a change set may do is bounded by what each of its actions may: as many edits, and as many of a type, as all of them together.
CREATE FUNCTION check_members(p proposal, parameters jsonb, shapes plan_shape[]) RETURNS void LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
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
END $$;

CREATE OR REPLACE FUNCTION approving_reviews(p proposal, content text, edits plan_edit[], shapes plan_shape[]) RETURNS uuid[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  needed int;
  reviews uuid[];
BEGIN
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

REVOKE EXECUTE ON FUNCTION combine_actions(text), check_members(proposal, jsonb, plan_shape[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION combine_actions(text) TO {{api}}, {{worker}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
