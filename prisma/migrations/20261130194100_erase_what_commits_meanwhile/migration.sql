-- Nothing that commits before the entry of an erasure keeps what it erases, nor do rows of what has ended; and a value that somebody spoilt keeps nobody from being erased.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT UPDATE (comment) ON glass TO {{door}};
-- As before; what a person wrote is erased by the door alone, and nothing beside it.
CREATE OR REPLACE FUNCTION guard_glass() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.reviewed_at IS NOT NULL OR NEW.overdue_at IS NOT NULL THEN
      RAISE EXCEPTION 'nobody reviews an emergency while it lasts' USING ERRCODE = 'XQ006';
    END IF;
    RETURN NEW;
  END IF;
  IF current_user = {{door_literal}} AND NEW.comment IS NULL AND to_jsonb(NEW) - 'comment' = to_jsonb(OLD) - 'comment' THEN
    RETURN NEW;
  END IF;
  IF (NEW.tenant_id, NEW.id, NEW.proposal_id, NEW.revision, NEW.digest, NEW.broken_by, NEW.reason, NEW.broken_at)
       IS DISTINCT FROM (OLD.tenant_id, OLD.id, OLD.proposal_id, OLD.revision, OLD.digest, OLD.broken_by, OLD.reason, OLD.broken_at)
     OR (OLD.reviewed_at IS NOT NULL AND (NEW.reviewed_by, NEW.verdict, NEW.comment, NEW.reviewed_at) IS DISTINCT FROM (OLD.reviewed_by, OLD.verdict, OLD.comment, OLD.reviewed_at))
     OR (OLD.overdue_at IS NOT NULL AND NEW.overdue_at IS DISTINCT FROM OLD.overdue_at) THEN
    RAISE EXCEPTION 'what is on record of an emergency does not change' USING ERRCODE = 'XQ011';
  END IF;
  IF NEW.reviewed_at IS NOT NULL AND OLD.reviewed_at IS NULL THEN
    IF NOT EXISTS (SELECT FROM proposal p WHERE p.tenant_id = NEW.tenant_id AND p.id = NEW.proposal_id
                      AND ((NEW.revision = p.revision AND NEW.digest = p.plan_digest AND (p.status = 'executed' OR (p.status = 'failed' AND p.status_timestamps ? 'executing')))
                        OR EXISTS (SELECT FROM saga s WHERE s.tenant_id = NEW.tenant_id AND s.proposal_id = NEW.proposal_id AND s.digest = NEW.digest AND s.begun_at >= NEW.broken_at))) THEN
      RAISE EXCEPTION 'an emergency is reviewed once its execution has begun' USING ERRCODE = 'XQ006';
    END IF;
    IF NEW.reviewed_by IN (SELECT stands_behind(NEW.broken_by, NULL)) THEN
      RAISE EXCEPTION 'whoever broke the glass has no part in its review' USING ERRCODE = 'XQ006';
    END IF;
  END IF;
  RETURN NEW;
END $$;

-- As before, with the same exception.
CREATE OR REPLACE FUNCTION guard_saga_step() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  towards text := (SELECT s.direction FROM saga s WHERE s.tenant_id = NEW.tenant_id AND s.proposal_id = NEW.proposal_id AND s.run = NEW.run AND s.ended_at IS NULL);
BEGIN
  IF current_user = {{door_literal}} AND NEW.decision_reason = '' AND to_jsonb(NEW) - 'decision_reason' = to_jsonb(OLD) - 'decision_reason' THEN
    RETURN NEW;
  END IF;
  IF (NEW.tenant_id, NEW.proposal_id, NEW.run, NEW.ordinal, NEW.name, NEW.phase, NEW.optional, NEW.compensated, NEW.asks_person)
     IS DISTINCT FROM (OLD.tenant_id, OLD.proposal_id, OLD.run, OLD.ordinal, OLD.name, OLD.phase, OLD.optional, OLD.compensated, OLD.asks_person) THEN
    RAISE EXCEPTION 'what a step is does not change' USING ERRCODE = 'XQ006';
  END IF;
  IF towards IS NULL OR NEW.attempts < OLD.attempts OR NEW.undo_attempts < OLD.undo_attempts THEN
    RAISE EXCEPTION 'what is on record of a step does not change' USING ERRCODE = 'XQ006';
  END IF;
  -- What an answer said is recorded with the answer, once.
  IF NEW.slots IS DISTINCT FROM OLD.slots AND NOT (OLD.slots IS NULL AND OLD.state = 'sending' AND NEW.state = 'done') THEN
    RAISE EXCEPTION 'what an answer said does not change' USING ERRCODE = 'XQ006';
  END IF;
  IF current_user <> {{door_literal}} AND NEW.state <> OLD.state AND NOT (CASE towards
       WHEN 'forward' THEN (OLD.state, NEW.state) IN (('waiting', 'sending'), ('sending', 'waiting'), ('sending', 'done'), ('sending', 'refused'), ('sending', 'unknown'))
       ELSE (OLD.state, NEW.state) IN (('done', 'undoing'), ('unknown', 'undoing'), ('sending', 'undoing'), ('undoing', 'undone'), ('undoing', 'stuck')) END) THEN
    RAISE EXCEPTION 'a step cannot go from % to %', OLD.state, NEW.state USING ERRCODE = 'XQ006';
  END IF;
  RETURN NEW;
END $$;

GRANT CREATE ON SCHEMA exequatur TO {{audit_writer}};
SET LOCAL ROLE {{audit_writer}};
SET LOCAL search_path = exequatur, pg_catalog;
GRANT EXECUTE ON FUNCTION hold_audit_head() TO {{door}};
SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{audit_writer}};
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;
-- What a disclosure says; null where it is no JSON, or such as jsonb does not hold.
CREATE FUNCTION disclosed_value(value text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN value::jsonb;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION disclosed_value(text) FROM PUBLIC;

-- As before; and what was committed while the tenant's disclosures were read is erased once the head of the log is held, behind which nothing comes before the entry of this. The
-- second look is at the entries since alone, by their keys: everybody who writes waits for it, so its plan is made for it.
CREATE OR REPLACE FUNCTION erase_personal_data(principal text, entries jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
  tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
  whom jsonb := to_jsonb(erase_personal_data.principal);
  seen bigint := coalesce((SELECT max(e.seq) FROM audit_entry e WHERE e.tenant_id = tenant), 0);
  later uuid[]; -- Entries since then, and the proposals that they are of; at first null, which is all.
  about uuid[];
  disclosures bigint := 0;
  reviews bigint := 0;
  proposals bigint;
  erased bigint;
  counted jsonb;
  own jsonb := entries -> -1;
  as_setting text := 'standing of ' || principal; -- How changes of somebody's standing were justified by versions before.
BEGIN
  IF own ->> 'type' IS DISTINCT FROM 'principal.erased' OR (own ->> 'payload')::jsonb ? 'proposalId' THEN
    RAISE EXCEPTION 'the audit entry tells of something else' USING ERRCODE = 'XQ015';
  END IF;
  PERFORM 1 FROM exequatur.principal p WHERE p.tenant_id = tenant AND p.id = erase_personal_data.principal AND p.disabled FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the directory has not disabled this principal' USING ERRCODE = 'XQ006';
  END IF;
  UPDATE proposal p SET justification = ''
   WHERE p.tenant_id = tenant AND (p.proposer_id = erase_personal_data.principal OR p.justification = as_setting) AND p.justification <> ''
     AND NOT EXISTS (SELECT FROM lifecycle_edge e WHERE e.from_status = p.status);
  GET DIAGNOSTICS proposals = ROW_COUNT;
  UPDATE saga s SET cancel_reason = ''
   WHERE s.tenant_id = tenant AND s.cancelled_by = erase_personal_data.principal
     AND NOT EXISTS (SELECT FROM proposal p JOIN lifecycle_edge e ON e.from_status = p.status WHERE p.tenant_id = tenant AND p.id = s.proposal_id);
  UPDATE saga_step t SET decision_reason = ''
   WHERE t.tenant_id = tenant AND t.decided_by = erase_personal_data.principal
     AND NOT EXISTS (SELECT FROM proposal p JOIN lifecycle_edge e ON e.from_status = p.status WHERE p.tenant_id = tenant AND p.id = t.proposal_id);
  UPDATE glass g SET comment = NULL WHERE g.tenant_id = tenant AND g.reviewed_by = erase_personal_data.principal;
  UPDATE ontology_migration m SET reason = NULL WHERE m.tenant_id = tenant AND m.ended_by = erase_personal_data.principal AND m.state = 'cancelled';
  UPDATE principal p SET name = NULL WHERE p.tenant_id = tenant AND p.id = erase_personal_data.principal AND p.name IS NOT NULL;
  DELETE FROM refusal_window w WHERE w.tenant_id = tenant AND w.principal_id = erase_personal_data.principal;
  LOOP
    -- The id wherever it stands, lists that it is in, what the directory was told of it, or of others with its id in it (an agent that acts for it, a linked identity), and what
    -- it wrote itself.
    WITH named AS MATERIALIZED (
      SELECT d.entry_id, d.name FROM audit_disclosure d WHERE d.tenant_id = tenant AND (later IS NULL OR d.entry_id = ANY (later)) AND disclosed_value(d.value) = whom
    )
    DELETE FROM audit_disclosure d
     WHERE d.tenant_id = tenant AND (later IS NULL OR d.entry_id = ANY (later))
       AND (EXISTS (SELECT FROM named n WHERE n.entry_id = d.entry_id AND n.name = d.name)
         OR (d.name = 'justification' AND disclosed_value(d.value) = to_jsonb(as_setting))
         OR (d.name = 'reviewers' AND disclosed_value(d.value) @> jsonb_build_array(whom))
         OR (d.name = 'change'
             AND (EXISTS (SELECT FROM named n WHERE n.entry_id = d.entry_id AND n.name = 'principal')
               OR jsonb_path_exists(disclosed_value(d.value), 'strict $.** ? (@ == $whom)', jsonb_build_object('whom', whom))))
         OR (d.name IN ('reason', 'justification', 'comment', 'comments')
             AND EXISTS (SELECT FROM named n WHERE n.entry_id = d.entry_id AND n.name IN ('actor', 'proposer', 'reviewer', 'by', 'owner'))));
    GET DIAGNOSTICS erased = ROW_COUNT;
    disclosures := disclosures + erased;
    UPDATE review r SET reason = NULL, comments = NULL
     WHERE r.tenant_id = tenant AND (about IS NULL OR r.proposal_id = ANY (about))
       AND r.reviewer_id = erase_personal_data.principal AND (r.reason IS NOT NULL OR r.comments IS NOT NULL);
    GET DIAGNOSTICS erased = ROW_COUNT;
    reviews := reviews + erased;
    UPDATE decision d SET salt = ''
     WHERE d.tenant_id = tenant AND (about IS NULL OR d.proposal_id = ANY (about)) AND d.salt IS DISTINCT FROM ''
       AND (d.actor = erase_personal_data.principal
         OR jsonb_path_exists(d.details, 'strict $.** ? (@ == $whom)', jsonb_build_object('whom', whom))
         OR strpos(array_to_string(d.errors, ' '), whom::text) > 0);
    EXIT WHEN later IS NOT NULL;
    PERFORM hold_audit_head();
    SELECT coalesce(array_agg(e.id), '{}'), coalesce(array_agg(DISTINCT e.proposal_id) FILTER (WHERE e.proposal_id IS NOT NULL), '{}') INTO later, about
      FROM audit_entry e WHERE e.tenant_id = tenant AND e.seq > seen;
  END LOOP;
  counted := jsonb_build_object('disclosures', disclosures, 'reviews', reviews, 'proposals', proposals);
  PERFORM append_entries((entries - -1) || (own || jsonb_build_object('payload', canonical_facts((own ->> 'payload')::jsonb || counted))));
  RETURN counted;
END $$;
SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
