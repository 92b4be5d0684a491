-- Whom the owner of a schedule acted for when it made it stands behind what each run proposes, whatever its tokens say later.
SET LOCAL search_path = exequatur, pg_catalog;
ALTER TABLE schedule ADD COLUMN made_for text[] NOT NULL DEFAULT '{}';

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- As before, and for those too.
CREATE OR REPLACE FUNCTION run_schedule(schedule uuid, nominal timestamp with time zone, proposal uuid, parameters text, roles text[], seed text, expires_after interval, problem jsonb)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $$
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
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
