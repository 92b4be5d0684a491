-- What becomes of a waiting proposal when its action type has another version: it stays with its own, or goes on under the new one as a new revision.
SET LOCAL search_path = exequatur, pg_catalog;

-- May proposals of this version still be approved and executed under it? Only where every version since says `keepVersion` (one that did not may have been there to be
-- stricter), and where all that this version touches means under the one in force what it meant: both texts say so, type by type and property by property.
CREATE FUNCTION keeps_version(action_type text, version int) RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
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
$$;
REVOKE EXECUTE ON FUNCTION keeps_version(text, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keeps_version(text, int) TO {{api}}, {{worker}};

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};

-- A proposal in `simulating` goes on under the version of its action type that is in force, as a new revision: without a plan, and with no approval that counts.
-- The caller chooses nothing: the version is the one in force, and the parameters are those that were proposed with the defaults of the new definition for those that
-- were not given. Null where they are others: then they cannot be read under the new definition. Locks the proposal's row. The caller announces it.
CREATE FUNCTION raise_proposal(proposal uuid, parameters text) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
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
END $$;
REVOKE EXECUTE ON FUNCTION raise_proposal(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION raise_proposal(uuid, text) TO {{worker}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
