-- Whoever erases a person says so in the log in the same call: a stolen login cannot do it in silence. And what somebody was refused that is about no proposal is on record,
-- so many times an hour. And a decision is committed to by an entry of the transaction that takes it.
SET LOCAL search_path = exequatur, pg_catalog;

-- How often somebody was refused lately, and how many of these the log was not told of, which the next one that it is told of says.
CREATE TABLE refusal_window (
  tenant_id    uuid NOT NULL REFERENCES tenant,
  principal_id text NOT NULL,
  started_at   timestamptz NOT NULL,
  told         int NOT NULL CHECK (told > 0),
  untold       bigint NOT NULL CHECK (untold >= 0),
  PRIMARY KEY (tenant_id, principal_id)
);
ALTER TABLE refusal_window ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON refusal_window USING (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid))
                                  WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid));
GRANT SELECT, INSERT, UPDATE (started_at, told, untold) ON refusal_window TO {{api}};
GRANT SELECT, DELETE ON refusal_window TO {{door}};

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;
DROP FUNCTION erase_personal_data(text);

-- `entries`: as of apply_plan; the last says that somebody was erased, and what there was of it is added to it here. Only of somebody whom the directory has disabled: of all others something new would be written the next moment, and open proposals still ask who approved. Reads the
-- tenant's disclosures once. Returns how much was erased.
CREATE FUNCTION erase_personal_data(principal text, entries jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
#variable_conflict use_column
DECLARE
  tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
  whom jsonb := to_jsonb(erase_personal_data.principal);
  disclosures bigint;
  reviews bigint;
  proposals bigint;
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
  -- The id wherever it stands, lists that it is in, what the directory was told of it, or of others with its id in it (an agent that acts for it, a linked identity), and what
  -- it wrote itself.
  WITH named AS MATERIALIZED (
    SELECT d.entry_id, d.name FROM audit_disclosure d WHERE d.tenant_id = tenant AND d.value::jsonb = whom
  )
  DELETE FROM audit_disclosure d
   WHERE d.tenant_id = tenant
     AND (d.value::jsonb = whom
       OR (d.name = 'justification' AND d.value::jsonb = to_jsonb(as_setting))
       OR (d.name = 'reviewers' AND d.value::jsonb @> jsonb_build_array(whom))
       OR (d.name = 'change'
           AND (EXISTS (SELECT FROM named n WHERE n.entry_id = d.entry_id AND n.name = 'principal')
             OR jsonb_path_exists(d.value::jsonb, 'strict $.** ? (@ == $whom)', jsonb_build_object('whom', whom))))
       OR (d.name IN ('reason', 'justification', 'comment', 'comments')
           AND EXISTS (SELECT FROM named n WHERE n.entry_id = d.entry_id AND n.name IN ('actor', 'proposer', 'reviewer', 'by', 'owner'))));
  GET DIAGNOSTICS disclosures = ROW_COUNT;
  UPDATE review r SET reason = NULL, comments = NULL
   WHERE r.tenant_id = tenant AND r.reviewer_id = erase_personal_data.principal AND (r.reason IS NOT NULL OR r.comments IS NOT NULL);
  GET DIAGNOSTICS reviews = ROW_COUNT;
  UPDATE proposal p SET justification = ''
   WHERE p.tenant_id = tenant AND (p.proposer_id = erase_personal_data.principal OR p.justification = as_setting) AND p.justification <> ''
     AND NOT EXISTS (SELECT FROM lifecycle_edge e WHERE e.from_status = p.status);
  GET DIAGNOSTICS proposals = ROW_COUNT;
  UPDATE decision d SET salt = ''
   WHERE d.tenant_id = tenant AND d.salt IS DISTINCT FROM ''
     AND (d.actor = erase_personal_data.principal
       OR jsonb_path_exists(d.details, 'strict $.** ? (@ == $whom)', jsonb_build_object('whom', whom))
       OR strpos(array_to_string(d.errors, ' '), whom::text) > 0);
  UPDATE principal p SET name = NULL WHERE p.tenant_id = tenant AND p.id = erase_personal_data.principal AND p.name IS NOT NULL;
  DELETE FROM refusal_window w WHERE w.tenant_id = tenant AND w.principal_id = erase_personal_data.principal;
  counted := jsonb_build_object('disclosures', disclosures, 'reviews', reviews, 'proposals', proposals);
  PERFORM append_entries((entries - -1) || (own || jsonb_build_object('payload', canonical_facts((own ->> 'payload')::jsonb || counted))));
  RETURN counted;
END $$;

REVOKE EXECUTE ON FUNCTION erase_personal_data(text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_personal_data(text, jsonb) TO {{api}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;
-- The commitment to a decision, over the text that store/decision-text.ts makes of its row, as entries have it.
CREATE FUNCTION commitment_to(d decision) RETURNS text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  RETURN encode(sha256(d.salt || convert_to(canonical_facts(jsonb_build_object('id', d.id, 'proposalId', d.proposal_id, 'actor', d.actor, 'action', d.action, 'outcome', d.outcome,
    'reason', d.reason, 'revision', d.revision, 'digest', d.digest, 'policyVersion', d.policy_version, 'policies', to_jsonb(d.policies), 'errors', to_jsonb(d.errors), 'details', d.details)), 'UTF8')), 'hex');
END $$;

REVOKE EXECUTE ON FUNCTION commitment_to(decision) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION commitment_to(decision) TO {{audit_writer}};
SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
GRANT CREATE ON SCHEMA exequatur TO {{audit_writer}};
SET LOCAL ROLE {{audit_writer}};
SET LOCAL search_path = exequatur, pg_catalog;
CREATE FUNCTION refuse_untold_decisions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM audit_entry e WHERE e.tenant_id = NEW.tenant_id AND e.proposal_id = NEW.proposal_id AND (e.xmin = pg_current_xact_id()::xid OR is_written_here(e.xmin))
                    AND convert_from(e.payload, 'UTF8')::jsonb -> 'decisions' ? commitment_to(NEW)) THEN
    RAISE EXCEPTION 'no audit entry commits to a decision' USING ERRCODE = 'XQ015';
  END IF;
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION refuse_untold_decisions() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION refuse_untold_decisions() TO {{owner}};
SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{audit_writer}};
CREATE CONSTRAINT TRIGGER told AFTER INSERT ON decision DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_untold_decisions();
