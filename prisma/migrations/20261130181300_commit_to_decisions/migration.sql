-- The entry of what was decided commits to the decision: SHA-256 over this salt and the text of the row, which the row's columns are written as again where it is shown. Null in
-- rows from before; empty once somebody whom the decision names was erased.
SET LOCAL search_path = exequatur, pg_catalog;

ALTER TABLE decision ADD COLUMN salt bytea, ADD CONSTRAINT decision_salt_check CHECK (octet_length(salt) IN (0, 16));

-- Decisions stay append-only but for this.
DROP TRIGGER append_only ON decision;
CREATE TRIGGER append_only BEFORE DELETE ON decision FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER salts_are_only_erased BEFORE UPDATE ON decision FOR EACH ROW
  WHEN (NEW.salt IS DISTINCT FROM '' OR to_jsonb(NEW) - 'salt' IS DISTINCT FROM to_jsonb(OLD) - 'salt')
  EXECUTE FUNCTION refuse_change();
GRANT UPDATE (salt) ON decision TO {{door}};

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- As before; and what the log committed to of decisions by this principal, or with its id in them, is shown to nobody any more.
CREATE OR REPLACE FUNCTION erase_personal_data(principal text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
#variable_conflict use_column
DECLARE
  tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
  whom jsonb := to_jsonb(erase_personal_data.principal);
  disclosures bigint;
  reviews bigint;
  proposals bigint;
BEGIN
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
   WHERE p.tenant_id = tenant AND p.proposer_id = erase_personal_data.principal AND p.justification <> ''
     AND NOT EXISTS (SELECT FROM lifecycle_edge e WHERE e.from_status = p.status);
  GET DIAGNOSTICS proposals = ROW_COUNT;
  UPDATE decision d SET salt = ''
   WHERE d.tenant_id = tenant AND d.salt IS DISTINCT FROM ''
     AND (d.actor = erase_personal_data.principal
       OR jsonb_path_exists(d.details, 'strict $.** ? (@ == $whom)', jsonb_build_object('whom', whom))
       OR strpos(array_to_string(d.errors, ' '), whom::text) > 0);
  UPDATE principal p SET name = NULL WHERE p.tenant_id = tenant AND p.id = erase_personal_data.principal AND p.name IS NOT NULL;
  RETURN jsonb_build_object('disclosures', disclosures, 'reviews', reviews, 'proposals', proposals);
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
