-- The log asks of every entry, and of every row that it is told of, what it asked before, in fewer queries: what needs no rows is an expression, and what is computed of a row is
-- computed once and not with each entry. And the plans of these questions are made once for a connection: of few rows the planner held plans for the values at hand to be cheaper,
-- and made one each time, which took longer than the question.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{audit_writer}};
SET LOCAL ROLE {{audit_writer}};
SET LOCAL search_path = exequatur, pg_catalog;

ALTER FUNCTION refuse_untold_revisions() SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION refuse_untold_approvals() SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION refuse_untold() SET plan_cache_mode = force_generic_plan;

-- As before; where a row stands is looked for only where it may have moved on in the same transaction, whose last move is asked about as well.
CREATE OR REPLACE FUNCTION refuse_untold_proposals() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  told text := told_status(NEW.tenant_id, NEW.id);
BEGIN
  IF NEW.status IS DISTINCT FROM told THEN
    IF (SELECT p.status FROM proposal p WHERE p.tenant_id = NEW.tenant_id AND p.id = NEW.id) IS DISTINCT FROM told THEN
      RAISE EXCEPTION 'a proposal stands where no audit entry says' USING ERRCODE = 'XQ015';
    END IF;
  END IF;
  RETURN NULL;
END $$;

-- As before; the commitment is computed before its entry is looked for. In the condition it was computed for each entry of the transaction, and by the planner too.
CREATE OR REPLACE FUNCTION refuse_untold_decisions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  commitment text := commitment_to(NEW);
BEGIN
  IF NOT EXISTS (SELECT FROM audit_entry e WHERE e.tenant_id = NEW.tenant_id AND e.proposal_id = NEW.proposal_id AND (e.xmin = pg_current_xact_id()::xid OR is_written_here(e.xmin))
                    AND convert_from(e.payload, 'UTF8')::jsonb -> 'decisions' ? commitment) THEN
    RAISE EXCEPTION 'no audit entry commits to a decision' USING ERRCODE = 'XQ015';
  END IF;
  RETURN NULL;
END $$;

-- As before, without a query: it is asked about each entry that a proposal had before.
CREATE OR REPLACE FUNCTION is_written_here(row_xmin xid) RETURNS boolean LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  here bigint := pg_current_xact_id()::text::bigint;
  later bigint := (row_xmin::text::bigint - here % 4294967296 + 4294967296) % 4294967296;
BEGIN
  RETURN CASE WHEN later < 2147483648 THEN pg_xact_status((here + later)::text::xid8) = 'in progress' ELSE false END;
END $$;

-- As before; walks through the entries without a query.
CREATE OR REPLACE FUNCTION append_entries(entries jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
  teller text := coalesce(nullif(current_setting('role', true), 'none'), session_user);
  takes text[] := types_told_by(CASE WHEN tenant = '00000000-0000-0000-0000-000000000000' THEN 'system' WHEN teller = {{api_literal}} THEN 'api'
                                     WHEN teller = {{worker_literal}} THEN 'worker' WHEN teller = {{relay_literal}} THEN 'relay' END);
  last int := jsonb_array_length(entries);
  head record;
  entry jsonb;
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
  FOR place IN 1 .. last LOOP
    entry := entries -> place - 1;
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

-- As before, and so is this walk; what is committed to and not disclosed is what is left without the names.
CREATE OR REPLACE FUNCTION disclosed_by(told jsonb, disclosures jsonb) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  said jsonb := '{}';
  names text[] := '{}';
  one jsonb;
BEGIN
  IF NOT told ? 'commitments' AND disclosures = '[]' THEN
    RETURN said; -- As most do.
  END IF;
  IF jsonb_typeof(disclosures) IS DISTINCT FROM 'array' THEN
    RAISE EXCEPTION 'an audit entry discloses what it did not commit to' USING ERRCODE = 'XQ015';
  END IF;
  FOR at IN 0 .. jsonb_array_length(disclosures) - 1 LOOP
    one := disclosures -> at;
    IF NOT coalesce(one ->> 'salt' ~ '^[0-9a-f]{32}$' AND one ->> 'value' IS JSON, false)
       OR jsonb_typeof(told -> 'commitments' -> (one ->> 'name')) IS DISTINCT FROM 'string'
       OR told -> 'commitments' ->> (one ->> 'name') IS DISTINCT FROM encode(sha256(decode(one ->> 'salt', 'hex') || convert_to(one ->> 'value', 'UTF8')), 'hex')
       OR (jsonb_typeof((one ->> 'value')::jsonb) <> 'string' AND one ->> 'name' IN ('proposer', 'actsFor', 'reviewer', 'onBehalfOf', 'actor'))
       OR one ->> 'name' = ANY (names) THEN
      RAISE EXCEPTION 'an audit entry discloses what it did not commit to' USING ERRCODE = 'XQ015';
    END IF;
    IF is_too_deep(one ->> 'value') THEN
      RAISE EXCEPTION 'an audit entry is nested too deep' USING ERRCODE = 'XQ015';
    END IF;
    said := said || jsonb_build_object(one ->> 'name', (one ->> 'value')::jsonb);
    names := names || (one ->> 'name');
  END LOOP;
  IF jsonb_typeof(told -> 'commitments') IS DISTINCT FROM 'object' OR (told -> 'commitments') - names <> '{}' THEN
    RAISE EXCEPTION 'an audit entry commits to what it does not disclose' USING ERRCODE = 'XQ015';
  END IF;
  RETURN said;
END $$;

-- As before; of most entries a question less is asked.
CREATE OR REPLACE FUNCTION goes_on(tenant uuid, proposal uuid, stands text, told jsonb, said jsonb) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
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
    IF kind = 'proposal.executed' THEN
      IF told ?| '{requirement,requirementDigest,approvals}'
         AND EXISTS (SELECT FROM audit_entry e WHERE e.tenant_id = tenant AND e.proposal_id = goes_on.proposal AND e.type = 'execution.applied') THEN
        RETURN false;
      END IF;
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

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{audit_writer}};

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Whether PostgreSQL's own text of a value is its canonical one: nothing in it is to be put in order or apart, and it is no number that an entry does not hold. An expression, which
-- becomes part of what asks.
CREATE FUNCTION is_written_alike(value jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE jsonb_typeof(value)
    WHEN 'object' THEN value = '{}'
    WHEN 'array' THEN CASE jsonb_array_length(value)
      WHEN 0 THEN true
      WHEN 1 THEN CASE WHEN jsonb_typeof(value -> 0) IN ('object', 'array') THEN false WHEN jsonb_typeof(value -> 0) = 'number' THEN value::text ~ '^\[-?[0-9]{1,15}\]$' ELSE true END
      ELSE false END
    WHEN 'number' THEN value::text ~ '^-?[0-9]{1,15}$'
    ELSE true END
$$;
REVOKE EXECUTE ON FUNCTION is_written_alike(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION is_written_alike(jsonb) TO {{audit_writer}};

-- The canonical text of a value that may be none. An expression as well.
CREATE FUNCTION fact_text(value jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN value IS NULL THEN 'null' WHEN is_written_alike(value) THEN value::text ELSE canonical_facts(value) END
$$;
REVOKE EXECUTE ON FUNCTION fact_text(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fact_text(jsonb) TO {{audit_writer}};

-- As before; the members of a decision are known, and are written in their order without putting them into an object first.
CREATE OR REPLACE FUNCTION commitment_to(d decision) RETURNS text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  RETURN encode(sha256(d.salt || convert_to(format(
    '{"action":%s,"actor":%s,"details":%s,"digest":%s,"errors":%s,"id":%s,"outcome":%s,"policies":%s,"policyVersion":%s,"proposalId":%s,"reason":%s,"revision":%s}',
    to_json(d.action), to_json(d.actor), fact_text(d.details), fact_text(to_jsonb(d.digest)), fact_text(to_jsonb(d.errors)), to_json(d.id), to_json(d.outcome),
    fact_text(to_jsonb(d.policies)), d.policy_version, to_json(d.proposal_id), fact_text(to_jsonb(d.reason)), d.revision), 'UTF8')), 'hex');
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
