-- What one login could do by a crafted call to what governs, and no longer can.
SET LOCAL search_path = exequatur, pg_catalog;

-- What a change of what governs puts in force, as the API worked it out: the worker's plan of a change that nobody else approves must say the same.
-- Of which setting, and where there are many of its kind, on top of what.
CREATE FUNCTION setting_digest(type text, id text, before jsonb, set jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT encode(sha256(convert_to(jsonb_build_object('type', type, 'id', id, 'before', CASE type WHEN '$subscription' THEN before END, 'set', set - 'loosens')::text, 'UTF8')), 'hex')
$$;
REVOKE EXECUTE ON FUNCTION setting_digest(text, text, jsonb, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION setting_digest(text, text, jsonb, jsonb) TO {{api}}, {{door}};
ALTER TABLE proposal ADD COLUMN setting_digest text;

-- A switch that is off would be on under another name.
REVOKE UPDATE ON switch FROM {{api}};
GRANT UPDATE (off, reason, changed_by, changed_at) ON switch TO {{api}};

-- To grant again what was revoked takes a proposal.
CREATE FUNCTION guard_delegation() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF OLD.revoked_at IS NOT NULL THEN
    RAISE EXCEPTION 'a delegation that was revoked stays so' USING ERRCODE = 'XQ011';
  END IF;
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION guard_delegation() FROM PUBLIC;
CREATE TRIGGER guard_delegation BEFORE UPDATE ON delegation FOR EACH ROW EXECUTE FUNCTION guard_delegation();

REVOKE DELETE ON freeze_window FROM {{api}};
GRANT DELETE ON freeze_window TO {{door}};

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Since definitions are written by the door alone, only the door asks for other indexes.
REVOKE EXECUTE ON FUNCTION change_indexes(text, text[], text[], text[]) FROM {{api}};

-- A change that only tightens needs nobody else, so both logins must have found so, and must mean the same change.
CREATE OR REPLACE FUNCTION second_people(p proposal, edits plan_edit[]) RETURNS int
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF cardinality(edits) <> 1 THEN
    RAISE EXCEPTION 'a plan changes one setting' USING ERRCODE = 'XQ003';
  END IF;
  RETURN CASE WHEN p.loosens IS NOT DISTINCT FROM false AND edits[1].set -> 'loosens' IS NOT DISTINCT FROM '[]'
               AND p.setting_digest IS NOT DISTINCT FROM setting_digest(edits[1].type, edits[1].id, edits[1].before, edits[1].set) THEN 0 ELSE 1 END;
END $$;

-- A window whose time is not over is removed by another person than the one on record who asked for that. Both are people whom the directory knows and has not disabled.
CREATE FUNCTION remove_freeze_window(name text, by text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  DELETE FROM freeze_window f
   WHERE f.tenant_id = current_tenant() AND f.name = remove_freeze_window.name
     AND (f.ends_at <= clock()
          OR EXISTS (SELECT FROM principal a JOIN principal b ON b.tenant_id = a.tenant_id AND b.id = remove_freeze_window.by
                      WHERE a.tenant_id = f.tenant_id AND a.id = f.removal_asked_by AND a.kind = 'user' AND NOT a.disabled AND b.kind = 'user' AND NOT b.disabled
                        AND NOT ARRAY[b.id, coalesce(b.person, b.id), coalesce(b.acts_for, b.id)] && ARRAY(SELECT stands_behind(a.id, a.acts_for))));
  IF NOT FOUND THEN
    RAISE EXCEPTION 'to remove a freeze window takes two people' USING ERRCODE = 'XQ002';
  END IF;
END $$;

-- The worker ends a migration, by the document that was approved only after every batch is through. That the data fits then is its word.
CREATE OR REPLACE FUNCTION end_migration(migration uuid, outcome text, by text, reason text, faults jsonb) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
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
END $$;
REVOKE EXECUTE ON FUNCTION end_migration(uuid, text, text, text, jsonb) FROM {{api}};

-- What the API may do of that: take the former document back in force.
CREATE FUNCTION cancel_migration(migration uuid, by text, reason text) RETURNS int
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT end_migration(migration, 'cancelled', by, reason, NULL)
$$;

REVOKE EXECUTE ON FUNCTION remove_freeze_window(text, text), cancel_migration(uuid, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION remove_freeze_window(text, text), cancel_migration(uuid, text, text) TO {{api}};
SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
