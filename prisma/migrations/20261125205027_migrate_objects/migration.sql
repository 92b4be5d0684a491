-- Objects that a new document breaks are rewritten by ordinary proposals, batch by batch, before it is in force: definitions that the database reads are written by one
-- function, whoever brings them.
SET LOCAL search_path = exequatur, pg_catalog;

-- Of an upload whose objects are being rewritten. Meanwhile the former document is in force, with an action type for each rule beside its own.
CREATE TABLE ontology_migration (
  tenant_id       uuid NOT NULL REFERENCES tenant,
  id              uuid NOT NULL,
  state           text NOT NULL CHECK (state IN ('running', 'done', 'failed', 'cancelled')),
  -- The document that is to be in force, with its migrations.
  document        text NOT NULL,
  digest          text NOT NULL,
  -- What keep_definitions takes: of that document, and of the former one.
  target          jsonb NOT NULL,
  restore         jsonb NOT NULL,
  -- [{objectType, actionType, objects}]: objects are those that did not fit at the beginning.
  rules           jsonb NOT NULL,
  -- The version that was in force before; the one with the generated action types is the next.
  base_version    int NOT NULL,
  started_by      text NOT NULL,
  proposer_kind   text NOT NULL,
  proposer_roles  text[] NOT NULL,
  acts_for        text,
  started_at      timestamptz NOT NULL,
  ended_by        text,
  ended_at        timestamptz,
  reason          text,
  faults          jsonb,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, started_by) REFERENCES principal,
  CHECK ((state = 'running') = (ended_at IS NULL))
);
CREATE UNIQUE INDEX ontology_migration_running ON ontology_migration (tenant_id) WHERE state = 'running';
CREATE TABLE migration_batch (
  tenant_id    uuid NOT NULL,
  migration_id uuid NOT NULL,
  number       int NOT NULL CHECK (number > 0),
  proposal_id  uuid NOT NULL,
  -- Which rule, which time through all objects, and after which object the next batch begins; null when this is the rule's last of the pass.
  rule         int NOT NULL,
  pass         int NOT NULL,
  after_id     text COLLATE "C",
  objects      int NOT NULL,
  PRIMARY KEY (tenant_id, migration_id, number),
  FOREIGN KEY (tenant_id, migration_id) REFERENCES ontology_migration,
  FOREIGN KEY (tenant_id, proposal_id) REFERENCES proposal
);
ALTER TABLE ontology_migration ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE migration_batch ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON ontology_migration USING (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid))
                                      WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid));
CREATE POLICY tenant ON migration_batch USING (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid))
                                   WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid));
CREATE POLICY across_tenants ON ontology_migration TO {{relay_reader}} USING (true);
GRANT SELECT ON ontology_migration, migration_batch TO {{api}}, {{worker}}, {{door}};
GRANT INSERT ON ontology_migration TO {{api}};
GRANT INSERT ON migration_batch, proposal, ontology_version, object_type, link_type, action_type, action_type_version, type_state TO {{door}};
GRANT UPDATE ON ontology_migration, object_type, link_type, action_type TO {{door}};
GRANT DELETE ON object_type, link_type TO {{door}};
GRANT SELECT (tenant_id, id, state) ON ontology_migration TO {{relay_reader}};

-- Writes a document's version and what the database itself reads of it: object and link types, whose references and indexed properties the door keeps, and action-type
-- versions with their write surface, floors and ceilings. Versions of action types rise only where the canonical definition changed; one that comes back as it was keeps
-- its version. `dry` leaves the types, which nobody asks for in a transaction that is taken back. The caller holds the definitions alone and has checked the data.
CREATE FUNCTION keep_definitions(definitions jsonb, author text, dry boolean) RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  tenant uuid := current_setting('app.tenant')::uuid;
  kept int := coalesce((SELECT max(o.version) FROM ontology_version o WHERE o.tenant_id = current_setting('app.tenant')::uuid), 0) + 1;
  one jsonb;
BEGIN
  INSERT INTO ontology_version (tenant_id, version, document, digest, created_by, created_at)
  VALUES (tenant, kept, definitions ->> 'document', definitions ->> 'digest', author, clock());
  IF NOT dry THEN
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
  END IF;
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
   WHERE t.tenant_id = tenant AND NOT t.retired AND NOT EXISTS (SELECT FROM jsonb_array_elements(definitions -> 'actionTypes') d WHERE d ->> 'name' = t.name);
  RETURN kept;
END $$;
REVOKE EXECUTE ON FUNCTION keep_definitions(jsonb, text, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keep_definitions(jsonb, text, boolean) TO {{api}}, {{door}};

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- The next batch of a migration as a proposal of whoever uploaded the document. The caller chooses objects and nothing else: proposer and action type are the migration's,
-- batches go one after another, and none follows once the migration has ended. False when this number is there already, or it has ended. The caller announces it.
CREATE FUNCTION propose_batch(migration uuid, number int, rule int, pass int, after_id text, objects int, proposal uuid, parameters text, expires_after interval)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
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
END $$;
REVOKE EXECUTE ON FUNCTION propose_batch(uuid, int, int, int, text, int, uuid, text, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION propose_batch(uuid, int, int, int, text, int, uuid, text, interval) TO {{worker}};

-- Ends a migration: its document is in force from then on, or the former one again. Returns the version, null when it has ended already. The caller holds the definitions
-- alone, and before `done` has looked that all data fits. What is written was stored by whoever uploaded.
CREATE FUNCTION end_migration(migration uuid, outcome text, by text, reason text, faults jsonb) RETURNS int
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
  RETURN keep_definitions(CASE end_migration.outcome WHEN 'done' THEN m.target ELSE m.restore END, m.started_by, false);
END $$;
REVOKE EXECUTE ON FUNCTION end_migration(uuid, text, text, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION end_migration(uuid, text, text, text, jsonb) TO {{api}}, {{worker}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};

GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;
-- Migrations that go on, of all tenants: the sweep that starts what was missed or lost.
CREATE FUNCTION running_migrations(lim int) RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT m.tenant_id, m.id FROM ontology_migration m WHERE m.state = 'running' ORDER BY 1 LIMIT lim
$$;
REVOKE EXECUTE ON FUNCTION running_migrations(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION running_migrations(int) TO {{relay}};
SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};
