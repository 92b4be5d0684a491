-- Forced row-level security on every tenant table; then what each login may do, table by table and column by column.
SET LOCAL search_path = exequatur, pg_catalog;

DO $$
DECLARE name text;
BEGIN
  FOR name IN SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'exequatur'::regnamespace AND c.relkind = 'r' AND c.relname <> 'lifecycle_edge' LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
    -- The sub-select makes PostgreSQL read the setting once per statement, not once per row.
    EXECUTE format($p$CREATE POLICY tenant ON %I USING (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid))
                                            WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid))$p$, name);
  END LOOP;
END $$;
-- What says that objects changed is said by the door: the logins announce everything else.
CREATE POLICY executions_are_announced_by_the_door ON outbox AS RESTRICTIVE FOR INSERT TO {{api}}, {{worker}} WITH CHECK (type NOT IN ('proposal.executed', 'object.changes'));
-- The relay sees all tenants' undelivered nudges, outbox rows and proposal states, through the functions that relay_reader owns and nowhere else.
CREATE POLICY across_tenants ON nudge TO {{relay_reader}} USING (true) WITH CHECK (true);
CREATE POLICY across_tenants ON outbox TO {{relay_reader}} USING (true);
CREATE POLICY across_tenants ON proposal TO {{relay_reader}} USING (true);
GRANT SELECT (tenant_id, id, proposal_id, created_at, delivered_at, attempts), UPDATE (delivered_at, attempts) ON nudge TO {{relay_reader}};
GRANT SELECT ON outbox TO {{relay_reader}};
GRANT SELECT (tenant_id, id, status, action_type, updated_at, expires_at) ON proposal TO {{relay_reader}};

GRANT SELECT ON lifecycle_edge, tenant, tenant_control, principal, standing_role, ontology_version, object_type, link_type, action_type_version, action_type, type_state,
  object, object_index, link, object_history, link_history, proposal, plan, plan_chunk, read_set, read_set_reads, review, review_consumption, execution,
  audit_entry, audit_disclosure, outbox, nudge, idempotency_key TO {{api}}, {{worker}}, {{door}};

-- api: proposals, reviews, definitions, standing; no plans, no objects.
GRANT INSERT ON proposal, idempotency_key, review, ontology_version, action_type_version, principal, standing_role, object_type, link_type, action_type, type_state, outbox, nudge TO {{api}};
GRANT UPDATE (status, failure, status_timestamps, updated_at) ON proposal TO {{api}};
GRANT UPDATE ON object_type, link_type, action_type, principal, standing_role TO {{api}};
GRANT DELETE ON link_type, object_type TO {{api}};
-- What switches say is the API's to change; it locks the row whole, which executions hold shared.
GRANT UPDATE (policy_version, updated_at) ON tenant_control TO {{api}};
GRANT UPDATE (delivered_at, attempts) ON nudge TO {{api}};

-- worker: plans, transitions; no definitions, no reviews, no new proposals.
GRANT INSERT ON plan, plan_chunk, read_set, read_set_reads, outbox, nudge TO {{worker}};
GRANT UPDATE (status, plan_id, plan_digest, failure, status_timestamps, updated_at) ON proposal TO {{worker}};
GRANT UPDATE (delivered_at, attempts) ON nudge TO {{worker}};

-- door: what only its functions write.
GRANT INSERT, UPDATE ON object, link, type_state TO {{door}};
GRANT INSERT, UPDATE, DELETE ON object_index TO {{door}};
GRANT INSERT ON object_history, link_history, execution, review_consumption, outbox TO {{door}};
GRANT UPDATE ON proposal, tenant_control TO {{door}};

-- audit_writer: the chain.
GRANT SELECT ON audit_head, audit_entry TO {{audit_writer}};
GRANT INSERT, UPDATE ON audit_head TO {{audit_writer}};
GRANT INSERT ON audit_entry, audit_disclosure TO {{audit_writer}};

GRANT EXECUTE ON FUNCTION clock() TO {{api}}, {{worker}}, {{relay}}, {{door}}, {{audit_writer}}, {{relay_reader}};
