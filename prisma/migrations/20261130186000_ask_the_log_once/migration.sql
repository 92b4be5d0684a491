-- The log asks what it asked before, without two conditions for which others beside them answer.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{audit_writer}};
SET LOCAL ROLE {{audit_writer}};
SET LOCAL search_path = exequatur, pg_catalog;

-- As before; that a commitment is text, and that it is this text, is one comparison.
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
       OR told -> 'commitments' -> (one ->> 'name') IS DISTINCT FROM to_jsonb(encode(sha256(decode(one ->> 'salt', 'hex') || convert_to(one ->> 'value', 'UTF8')), 'hex'))
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

-- As before; where it was is NULL only of an entry that does not say it.
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
    RETURN told -> 'status' = to_jsonb(reached) AND coalesce(told -> 'from' = to_jsonb(stands), kind = 'proposal.executed')
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
