-- Actions that are proposed again and again, or once later. Temporal's schedules are only the clocks: what is to run stands here, and each run is a proposal like any other.
SET LOCAL search_path = exequatur, pg_catalog;

CREATE TABLE schedule (
  tenant_id       uuid NOT NULL REFERENCES tenant,
  id              uuid NOT NULL,
  action_type     text NOT NULL,
  parameters      text NOT NULL,
  justification   text NOT NULL,
  timing          jsonb NOT NULL,
  -- A run is left out while the proposal of an earlier one is open.
  skip_while_open boolean NOT NULL,
  owner_id        text NOT NULL,
  idempotency_key text,
  request_hash    text NOT NULL,
  state           text NOT NULL CHECK (state IN ('active', 'paused', 'deleted')),
  state_reason    text,
  state_by        text NOT NULL,
  state_at        timestamptz NOT NULL,
  version         int NOT NULL CHECK (version > 0),
  -- The version that Temporal was told of.
  told_version    int NOT NULL DEFAULT 0,
  created_at      timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, owner_id, idempotency_key)
);
CREATE INDEX schedule_untold ON schedule (tenant_id, id) WHERE told_version < version;
CREATE TABLE schedule_run (
  tenant_id   uuid NOT NULL,
  schedule_id uuid NOT NULL,
  nominal_at  timestamptz NOT NULL,
  proposal_id uuid,
  refused     text,
  faults      jsonb,
  created_at  timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, schedule_id, nominal_at),
  FOREIGN KEY (tenant_id, schedule_id) REFERENCES schedule,
  CHECK ((proposal_id IS NULL) <> (refused IS NULL))
);
ALTER TABLE schedule ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE schedule_run ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON schedule USING (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid))
  WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid));
CREATE POLICY tenant ON schedule_run USING (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid))
  WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid));
CREATE POLICY across_tenants ON schedule TO {{relay_reader}} USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE (state, state_reason, state_by, state_at, version) ON schedule TO {{api}};
GRANT SELECT ON schedule_run TO {{api}}, {{worker}};
GRANT SELECT ON schedule TO {{worker}};
GRANT SELECT, UPDATE (told_version) ON schedule TO {{relay_reader}};
GRANT SELECT, UPDATE (told_version) ON schedule TO {{door}};
GRANT SELECT, INSERT ON schedule_run TO {{door}};
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON schedule_run FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON schedule_run FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER never_deleted BEFORE DELETE ON schedule FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What a schedule does is not changed: another takes its place. One that was deleted stays so.
CREATE FUNCTION guard_schedule() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF OLD.state = 'deleted' AND NEW.state <> 'deleted' OR NEW.version < OLD.version THEN
    RAISE EXCEPTION 'a schedule that was deleted stays so' USING ERRCODE = 'XQ011';
  END IF;
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION guard_schedule() FROM PUBLIC;
CREATE TRIGGER guard_schedule BEFORE UPDATE ON schedule FOR EACH ROW EXECUTE FUNCTION guard_schedule();

GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}}, {{door}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;

-- What Temporal has not been told of, or, for the sweep that finds what it has lost, all that is active.
CREATE FUNCTION schedules_to_tell(everything boolean, lim int) RETURNS TABLE (tenant_id uuid, id uuid, action_type text, timing jsonb, state text, version int)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT s.tenant_id, s.id, s.action_type, s.timing, s.state, s.version FROM schedule s
   WHERE s.told_version < s.version OR (everything AND s.state = 'active') ORDER BY s.told_version < s.version DESC, s.tenant_id, s.id LIMIT lim
$$;
CREATE FUNCTION mark_schedule_told(tenant uuid, schedule uuid, version int) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  UPDATE schedule s SET told_version = mark_schedule_told.version WHERE s.tenant_id = tenant AND s.id = mark_schedule_told.schedule AND s.told_version < mark_schedule_told.version
$$;
REVOKE EXECUTE ON FUNCTION schedules_to_tell(boolean, int), mark_schedule_told(uuid, uuid, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION schedules_to_tell(boolean, int), mark_schedule_told(uuid, uuid, int) TO {{relay}};

SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- One run: the proposal that its schedule asks for, by its owner, with the parameters that the API stored, to which the definition in force may add defaults alone; or on
-- record why there is none. False where the run is on record already, or the schedule no longer runs.
CREATE FUNCTION run_schedule(schedule uuid, nominal timestamptz, proposal uuid, parameters text, roles text[], seed text, expires_after interval, problem jsonb)
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
  SELECT x.* INTO w FROM principal x WHERE x.tenant_id = s.tenant_id AND x.id = s.owner_id AND NOT x.disabled;
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
REVOKE EXECUTE ON FUNCTION run_schedule(uuid, timestamptz, uuid, text, text[], text, interval, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION run_schedule(uuid, timestamptz, uuid, text, text[], text, interval, jsonb) TO {{worker}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}}, {{door}};
