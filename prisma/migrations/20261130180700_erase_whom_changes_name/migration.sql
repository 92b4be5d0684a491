-- Whom an agent acts for, and whose identities are linked, is told of others too: what the directory was told of them is erased with whoever is named in it.
GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Only of somebody whom the directory has disabled: of all others something new would be written the next moment, and open proposals still ask who approved. Reads the
-- tenant's disclosures once. Returns how much was erased.
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
  UPDATE principal p SET name = NULL WHERE p.tenant_id = tenant AND p.id = erase_personal_data.principal AND p.name IS NOT NULL;
  RETURN jsonb_build_object('disclosures', disclosures, 'reviews', reviews, 'proposals', proposals);
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
