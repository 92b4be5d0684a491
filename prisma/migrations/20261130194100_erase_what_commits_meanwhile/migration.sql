-- Nothing that commits before the entry of an erasure keeps what it erases; and a value that somebody spoilt keeps nobody from being erased.
SET LOCAL search_path = exequatur, pg_catalog;

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
