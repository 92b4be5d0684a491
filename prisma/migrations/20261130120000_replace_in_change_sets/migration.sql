-- An object that one action of a change set deletes and a later one creates again is modified by the set: in whatever differs, which may be anything but its key.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- The version of a change set that is made of the versions in force of its members; null where one of them is not in force. May touch what any member may, create whole what one
-- member creates and another fills in, and modify all of what its members both delete and create. People always approve: for every policy among the members as many as it asks for
-- at least, where it wants distinct people. Versions of format 1 could not modify so much.
CREATE OR REPLACE FUNCTION combine_actions(action_type text) RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
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
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
