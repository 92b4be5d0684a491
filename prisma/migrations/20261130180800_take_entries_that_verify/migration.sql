-- What whoever verifies the log would call broken is refused as it is appended: no login can make a log useless for good. verifier/ judges the same of an export; what is asked
-- here and what it asks is thrown at both by tests/evidence/stolen-logins.test.ts.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT SELECT (tenant_id, id, status, revision, proposer_id, acts_for) ON proposal TO {{audit_writer}};
GRANT SELECT (tenant_id, id, reviewer_id, on_behalf_of, created_at) ON review TO {{audit_writer}};
GRANT SELECT (tenant_id, proposal_id, digest, broken_by, broken_at, xmin) ON glass TO {{audit_writer}};
GRANT SELECT (tenant_id, plan_id, kind, sent_at, xmin) ON prompt TO {{audit_writer}};
GRANT SELECT ON lifecycle_edge TO {{audit_writer}};
GRANT CREATE ON SCHEMA exequatur TO {{audit_writer}};
SET LOCAL ROLE {{audit_writer}};
SET LOCAL search_path = exequatur, pg_catalog;

-- These run within `append_entries` and the triggers alone, whose search path is theirs.
-- The types of entries, by who brings them: a login by itself; the door, which says what became of an execution, and that somebody was erased; the log of the installation; a
-- migration. Whoever else is connected, an administrator, may bring what any login may. The list is audit/entry-types.ts.
CREATE FUNCTION types_told_by(teller text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  of_api text[] := '{
    audit.exported,decision.refused,delegation.changed,endpoint.secret_changed,event.hold_resolved,evidence.read,freeze_window.changed,
    login.refused,ontology.changed,ontology.migration_ended,ontology.migration_started,policies.changed,principal.changed,proposal.approved,
    proposal.cancelling,proposal.changes_requested,proposal.compensating,proposal.created,proposal.emergency_reviewed,proposal.executing,
    proposal.expired,proposal.failed,proposal.glass_broken,proposal.invalid,proposal.needs_attention,proposal.rejected,proposal.revised,
    proposal.scheduled,proposal.simulated,proposal.simulating,proposal.withdrawn,review.recorded,schedule.changed,sensitive.read,
    subscription.changed,switch.changed}';
  of_worker text[] := '{
    delegation.changed,effect.ended,effect.message,ontology.changed,ontology.migration_ended,ontology.migration_started,policies.changed,
    principal.changed,proposal.approved,proposal.changes_requested,proposal.compensating,proposal.created,proposal.emergency_unreviewed,
    proposal.escalated,proposal.executing,proposal.expired,proposal.failed,proposal.invalid,proposal.needs_attention,proposal.raised,
    proposal.rejected,proposal.reminded,proposal.scheduled,proposal.simulated,proposal.simulating,proposal.withdrawn,schedule.run_refused,
    subscription.changed,switch.changed}';
  of_relay text[] := '{subscription.disabled}';
BEGIN
  RETURN CASE teller
    WHEN 'api' THEN of_api
    WHEN 'worker' THEN of_worker
    WHEN 'relay' THEN of_relay
    WHEN 'door' THEN '{execution.applied,execution.undone,principal.erased,proposal.executed}'::text[]
    WHEN 'system' THEN '{audit.exported,login.failed,login.suppressed}'::text[]
    WHEN 'migration' THEN '{log.format_changed}'::text[]
    ELSE of_api || of_worker || of_relay
  END;
END $$;

-- The state that an entry of this type brings its proposal into; null where it moves none.
CREATE FUNCTION reached_by(type text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN CASE WHEN type IN ('proposal.created', 'proposal.revised') THEN 'simulating'
              WHEN type = 'proposal.simulated' THEN 'awaiting_approval'
              WHEN type = ANY ('{proposal.simulating,proposal.invalid,proposal.changes_requested,proposal.rejected,proposal.expired,proposal.withdrawn,proposal.approved,proposal.scheduled,proposal.executing,proposal.compensating,proposal.needs_attention,proposal.executed,proposal.failed}')
                THEN substr(type, 10) END;
END $$;

-- Where a proposal stands by the log; null where no entry has created it.
CREATE FUNCTION told_status(tenant uuid, proposal uuid) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT reached_by(e.type) FROM audit_entry e
           WHERE e.tenant_id = tenant AND e.proposal_id = told_status.proposal
             AND e.type = ANY ('{proposal.created,proposal.revised,proposal.simulated,proposal.simulating,proposal.invalid,proposal.changes_requested,proposal.rejected,proposal.expired,proposal.withdrawn,proposal.approved,proposal.scheduled,proposal.executing,proposal.compensating,proposal.needs_attention,proposal.executed,proposal.failed}')
           ORDER BY e.seq DESC LIMIT 1);
END $$;

-- Whether an entry of a proposal that stands there by the log goes on from it, and names whom the rows name. `said` is what it discloses, by name.
CREATE FUNCTION goes_on(tenant uuid, proposal uuid, stands text, told jsonb, said jsonb) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
  kind text := told ->> 'type';
  reached text := reached_by(kind);
BEGIN
  IF kind = 'proposal.created' THEN
    RETURN stands IS NULL AND coalesce(told -> 'status' = '"simulating"', true)
       AND EXISTS (SELECT FROM exequatur.proposal p WHERE p.tenant_id = tenant AND p.id = goes_on.proposal
                      AND said -> 'proposer' = to_jsonb(p.proposer_id) AND said -> 'actsFor' IS NOT DISTINCT FROM to_jsonb(p.acts_for));
  ELSIF stands IS NULL THEN
    RETURN false;
  ELSIF reached IS NOT NULL THEN
    -- An execution with effects was told when its edits were applied: of its end nothing is told of approvals.
    IF kind = 'proposal.executed' AND told ?| '{requirement,requirementDigest,approvals}'
       AND EXISTS (SELECT FROM audit_entry e WHERE e.tenant_id = tenant AND e.proposal_id = goes_on.proposal AND e.type = 'execution.applied') THEN
      RETURN false;
    END IF;
    RETURN told -> 'status' = to_jsonb(reached) AND coalesce(told -> 'from' = to_jsonb(stands), NOT told ? 'from' AND kind = 'proposal.executed')
       AND EXISTS (SELECT FROM lifecycle_edge g WHERE g.from_status = stands AND g.to_status = reached)
       AND (kind <> 'proposal.revised' OR is_next_revision(tenant, goes_on.proposal, told));
  ELSIF kind LIKE 'proposal.%' AND told ? 'status' THEN
    RETURN false;
  ELSIF kind = 'proposal.raised' THEN
    RETURN stands = 'simulating' AND is_next_revision(tenant, goes_on.proposal, told);
  ELSIF kind = 'review.recorded' THEN
    -- Told in the order in which they were given, as far as one takes the place of another.
    RETURN stands = 'awaiting_approval'
       AND EXISTS (SELECT FROM review r WHERE r.tenant_id = tenant AND r.id::text = told ->> 'reviewId' AND r.created_at <= clock()
                      AND said -> 'reviewer' = to_jsonb(r.reviewer_id) AND said -> 'onBehalfOf' IS NOT DISTINCT FROM to_jsonb(r.on_behalf_of)
                      AND NOT EXISTS (SELECT FROM review n WHERE n.tenant_id = tenant AND n.proposal_id = r.proposal_id AND n.created_at > r.created_at
                                         AND ARRAY[n.reviewer_id, n.on_behalf_of] && array_remove(ARRAY[r.reviewer_id, r.on_behalf_of], NULL)));
  ELSIF kind = 'proposal.glass_broken' THEN
    RETURN EXISTS (SELECT FROM glass g WHERE g.tenant_id = tenant AND g.proposal_id = goes_on.proposal AND g.digest = told ->> 'planDigest'
                      AND g.broken_at <= clock() AND said -> 'actor' = to_jsonb(g.broken_by) AND is_written_here(g.xmin));
  ELSIF kind = 'proposal.escalated' THEN
    RETURN stands = 'awaiting_approval'
       AND EXISTS (SELECT FROM exequatur.proposal p JOIN prompt t ON t.tenant_id = p.tenant_id AND t.plan_id = p.plan_id
                    WHERE p.tenant_id = tenant AND p.id = goes_on.proposal AND t.kind = 'escalation' AND t.sent_at <= clock() AND is_written_here(t.xmin));
  ELSIF kind = 'execution.applied' THEN
    RETURN stands = 'executing';
  END IF;
  RETURN true;
END $$;

-- A new revision is told once, and is the one that there is.
CREATE FUNCTION is_next_revision(tenant uuid, proposal uuid, told jsonb) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
  RETURN EXISTS (SELECT FROM exequatur.proposal p WHERE p.tenant_id = tenant AND p.id = is_next_revision.proposal AND told -> 'revision' = to_jsonb(p.revision))
     AND NOT EXISTS (SELECT FROM audit_entry e WHERE e.tenant_id = tenant AND e.proposal_id = is_next_revision.proposal AND e.type IN ('proposal.revised', 'proposal.raised')
                        AND convert_from(e.payload, 'UTF8')::jsonb -> 'revision' = told -> 'revision');
END $$;

-- Locks the tenant's head. entries: [{id, type, proposalId, payload, disclosures: [{name, salt, value}]}]. A repeat with an id already there fails on its key.
-- Type and proposal are columns for looking entries up; the hash covers the payload alone, so they must say what it says. What the door alone tells is the last of its call.
CREATE OR REPLACE FUNCTION append_entries(entries jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
  teller text := coalesce(nullif(current_setting('role', true), 'none'), session_user);
  takes text[] := types_told_by(CASE WHEN tenant = '00000000-0000-0000-0000-000000000000' THEN 'system' WHEN teller = {{api_literal}} THEN 'api'
                                     WHEN teller = {{worker_literal}} THEN 'worker' WHEN teller = {{relay_literal}} THEN 'relay' END);
  last bigint := jsonb_array_length(entries);
  head record;
  entry jsonb;
  place bigint;
  told jsonb;
  about uuid;
  said jsonb;
  now timestamptz;
  bytes bytea;
  moved jsonb := '{}'; -- Where these entries bring proposals.
  asks boolean := current_setting('session_replication_role') <> 'replica'; -- As the triggers, which a superuser may switch off for a load.
BEGIN
  IF tenant IS NULL THEN
    RAISE EXCEPTION 'no tenant is set' USING ERRCODE = 'XQ012';
  END IF;
  SELECT h.seq, h.hash INTO head FROM audit_head h WHERE h.tenant_id = tenant FOR UPDATE;
  IF NOT FOUND THEN
    INSERT INTO audit_head VALUES (tenant, 0, decode(repeat('00', 32), 'hex')) ON CONFLICT DO NOTHING;
    SELECT h.seq, h.hash INTO head FROM audit_head h WHERE h.tenant_id = tenant FOR UPDATE;
  END IF;
  FOR entry, place IN SELECT e, n FROM jsonb_array_elements(entries) WITH ORDINALITY AS x(e, n) ORDER BY n LOOP
    IF NOT coalesce(entry ->> 'payload' IS JSON OBJECT WITH UNIQUE KEYS, false) THEN
      RAISE EXCEPTION 'the payload of an audit entry is no object' USING ERRCODE = 'XQ015';
    END IF;
    told := (entry ->> 'payload')::jsonb;
    IF told -> 'type' IS DISTINCT FROM entry -> 'type' OR told ->> 'proposalId' IS DISTINCT FROM entry ->> 'proposalId' THEN
      RAISE EXCEPTION 'an audit entry has another type or proposal than its payload' USING ERRCODE = 'XQ015';
    END IF;
    IF told ->> 'type' <> ALL (takes) AND NOT (told ->> 'type' = ANY (types_told_by('door')) AND place = last)
       AND NOT (told ->> 'type' = ANY (types_told_by('migration')) AND NOT told ? 'proposalId' AND teller NOT IN ({{api_literal}}, {{worker_literal}}, {{relay_literal}})) THEN
      RAISE EXCEPTION 'the log does not take % from this login', told ->> 'type' USING ERRCODE = 'XQ015';
    END IF;
    said := disclosed_by(told, entry -> 'disclosures');
    about := (told ->> 'proposalId')::uuid;
    IF told ? 'proposalId' AND asks
       AND (told ->> 'proposalId' IS DISTINCT FROM about::text OR NOT coalesce(goes_on(tenant, about, coalesce(moved ->> about::text, told_status(tenant, about)), told, said), false)) THEN
      RAISE EXCEPTION 'an audit entry tells of a proposal what does not follow from those before it' USING ERRCODE = 'XQ015';
    ELSIF NOT told ? 'proposalId' AND (told ->> 'type' LIKE 'proposal.%' OR told ->> 'type' LIKE 'execution.%' OR told ->> 'type' = 'review.recorded') THEN
      RAISE EXCEPTION 'an audit entry is of no proposal' USING ERRCODE = 'XQ015';
    END IF;
    IF told ? 'decisions' AND NOT coalesce(are_new_decisions(tenant, about, told -> 'decisions'), false) THEN
      RAISE EXCEPTION 'an audit entry tells of decisions, and not of new ones' USING ERRCODE = 'XQ015';
    END IF;
    IF is_too_deep(entry ->> 'payload') THEN
      RAISE EXCEPTION 'an audit entry is nested too deep' USING ERRCODE = 'XQ015';
    END IF;
    IF reached_by(told ->> 'type') IS NOT NULL THEN
      moved := moved || jsonb_build_object(about::text, reached_by(told ->> 'type'));
    END IF;
    now := clock();
    bytes := convert_to(entry ->> 'payload', 'UTF8');
    INSERT INTO audit_entry (tenant_id, seq, id, at, type, proposal_id, previous_hash, payload, hash)
    VALUES (tenant, head.seq + 1, (entry ->> 'id')::uuid, now, told ->> 'type', about, head.hash, bytes,
            sha256(audit_frame(tenant, head.seq + 1, now, head.hash, bytes)))
    RETURNING seq, hash INTO head;
    IF said <> '{}' THEN
      INSERT INTO audit_disclosure (tenant_id, entry_id, name, salt, value)
      SELECT tenant, (entry ->> 'id')::uuid, d ->> 'name', d ->> 'salt', d ->> 'value' FROM jsonb_array_elements(entry -> 'disclosures') d;
    END IF;
  END LOOP;
  -- Rows are changed before entries are appended: where the last of these brings a proposal, there it stands.
  IF asks AND moved <> '{}' AND EXISTS (SELECT FROM jsonb_each_text(moved) m WHERE m.value IS DISTINCT FROM (SELECT p.status FROM proposal p WHERE p.tenant_id = tenant AND p.id = m.key::uuid)) THEN
    RAISE EXCEPTION 'an audit entry tells that a proposal is where it is not' USING ERRCODE = 'XQ015';
  END IF;
  UPDATE audit_head h SET seq = head.seq, hash = head.hash WHERE h.tenant_id = tenant;
  RETURN head.seq;
END $$;

-- Whether these are commitments to decisions on a proposal, each told once.
CREATE FUNCTION are_new_decisions(tenant uuid, proposal uuid, decisions jsonb) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN jsonb_typeof(decisions) = 'array' AND proposal IS NOT NULL
     AND NOT EXISTS (SELECT FROM jsonb_array_elements(decisions) d(one) WHERE jsonb_typeof(d.one) <> 'string' OR d.one #>> '{}' !~ '^[0-9a-f]{64}$')
     AND (SELECT count(DISTINCT d.one) = count(*) FROM jsonb_array_elements(decisions) d(one))
     AND NOT EXISTS (SELECT FROM audit_entry e, jsonb_array_elements_text(decisions) d(one)
                      WHERE e.tenant_id = tenant AND e.proposal_id = are_new_decisions.proposal AND position(convert_to(d.one, 'UTF8') IN e.payload) > 0);
END $$;

-- Whoever reads JSON walks through it, and some programs go no deeper than some thousands. Nobody writes as much as a hundred; what is short is not looked through.
CREATE FUNCTION is_too_deep(value text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN length(value) > 1000 AND jsonb_path_exists(value::jsonb, 'strict $.**{100}');
END $$;

-- What an entry discloses, by name. Each is what it committed to, and it commits to nothing else; who somebody is, is a text.
CREATE FUNCTION disclosed_by(told jsonb, disclosures jsonb) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  said jsonb := '{}';
  one jsonb;
BEGIN
  IF NOT told ? 'commitments' AND disclosures = '[]' THEN
    RETURN said; -- As most do.
  END IF;
  IF jsonb_typeof(disclosures) IS DISTINCT FROM 'array' THEN
    RAISE EXCEPTION 'an audit entry discloses what it did not commit to' USING ERRCODE = 'XQ015';
  END IF;
  FOR one IN SELECT e FROM jsonb_array_elements(disclosures) e LOOP
    IF NOT coalesce(one ->> 'salt' ~ '^[0-9a-f]{32}$' AND one ->> 'value' IS JSON, false)
       OR jsonb_typeof(told -> 'commitments' -> (one ->> 'name')) IS DISTINCT FROM 'string'
       OR told -> 'commitments' ->> (one ->> 'name') IS DISTINCT FROM encode(sha256(decode(one ->> 'salt', 'hex') || convert_to(one ->> 'value', 'UTF8')), 'hex')
       OR (jsonb_typeof((one ->> 'value')::jsonb) <> 'string' AND one ->> 'name' IN ('proposer', 'actsFor', 'reviewer', 'onBehalfOf', 'actor')) THEN
      RAISE EXCEPTION 'an audit entry discloses what it did not commit to' USING ERRCODE = 'XQ015';
    END IF;
    IF is_too_deep(one ->> 'value') THEN
      RAISE EXCEPTION 'an audit entry is nested too deep' USING ERRCODE = 'XQ015';
    END IF;
    said := said || jsonb_build_object(one ->> 'name', (one ->> 'value')::jsonb);
  END LOOP;
  IF jsonb_typeof(told -> 'commitments') IS DISTINCT FROM 'object' OR (SELECT count(*) FROM jsonb_object_keys(told -> 'commitments')) <> jsonb_array_length(disclosures) THEN
    RAISE EXCEPTION 'an audit entry commits to what it does not disclose' USING ERRCODE = 'XQ015';
  END IF;
  RETURN said;
END $$;

-- As before; what the door alone says, it says.
CREATE OR REPLACE FUNCTION append_audit(entries jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF entries @? '$[*].type ? (@ == "proposal.executed" || @ == "execution.applied" || @ == "execution.undone" || @ == "principal.erased")' THEN
    RAISE EXCEPTION 'the door alone says what became of an execution' USING ERRCODE = 'XQ015';
  END IF;
  IF entries @? '$[*].type ? (@ == "log.format_changed")' THEN
    RAISE EXCEPTION 'a migration alone says that the log has changed' USING ERRCODE = 'XQ015';
  END IF;
  IF nullif(current_setting('app.tenant', true), '')::uuid = '00000000-0000-0000-0000-000000000000' THEN
    RAISE EXCEPTION 'the chain of the system has a writer of its own' USING ERRCODE = 'XQ015';
  END IF;
  RETURN append_entries(entries);
END $$;

REVOKE EXECUTE ON FUNCTION types_told_by(text), reached_by(text), told_status(uuid, uuid), goes_on(uuid, uuid, text, jsonb, jsonb), is_next_revision(uuid, uuid, jsonb),
  are_new_decisions(uuid, uuid, jsonb), is_too_deep(text), disclosed_by(jsonb, jsonb) FROM PUBLIC;
SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{audit_writer}};
