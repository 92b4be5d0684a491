-- The entry of an execution says which approvals it went by, and whoever verifies the log counts them again. They are those that the door counted and used up for it:
-- the login that writes the entry cannot name another.
SET LOCAL search_path = exequatur, pg_catalog;

CREATE FUNCTION refuse_uncounted_approvals() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  told jsonb := convert_from(NEW.payload, 'UTF8')::jsonb;
BEGIN
  IF EXISTS (SELECT FROM jsonb_path_query(told, '$.approvals[*].review') r
              WHERE NOT EXISTS (SELECT FROM review_consumption c WHERE c.tenant_id = NEW.tenant_id AND c.review_id = (r #>> '{}')::uuid
                                   AND c.execution_id = (told ->> 'executionId')::uuid)) THEN
    RAISE EXCEPTION 'an audit entry names an approval that the door did not count' USING ERRCODE = 'XQ015';
  END IF;
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION refuse_uncounted_approvals() FROM PUBLIC;
GRANT SELECT ON review_consumption TO {{audit_writer}};
-- That somebody reviewed is told once, and as it is stored.
CREATE FUNCTION refuse_other_reviews() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  told jsonb := convert_from(NEW.payload, 'UTF8')::jsonb;
BEGIN
  IF NOT EXISTS (SELECT FROM review r WHERE r.tenant_id = NEW.tenant_id AND r.id = (told ->> 'reviewId')::uuid AND r.proposal_id = NEW.proposal_id
                    AND r.decision = told ->> 'decision' AND r.digest = told ->> 'planDigest')
     OR EXISTS (SELECT FROM audit_entry e WHERE e.tenant_id = NEW.tenant_id AND e.proposal_id = NEW.proposal_id AND e.type = 'review.recorded'
                   AND convert_from(e.payload, 'UTF8')::jsonb ->> 'reviewId' = told ->> 'reviewId') THEN
    RAISE EXCEPTION 'an audit entry tells of another review than there is' USING ERRCODE = 'XQ015';
  END IF;
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION refuse_other_reviews() FROM PUBLIC;
GRANT SELECT (tenant_id, id, proposal_id, decision, digest) ON review TO {{audit_writer}};
CREATE TRIGGER reviews_are_told_as_stored BEFORE INSERT ON audit_entry FOR EACH ROW WHEN (NEW.type = 'review.recorded') EXECUTE FUNCTION refuse_other_reviews();

CREATE TRIGGER approvals_are_counted BEFORE INSERT ON audit_entry FOR EACH ROW WHEN (NEW.type IN ('proposal.executed', 'execution.applied'))
  EXECUTE FUNCTION refuse_uncounted_approvals();

-- As before; and what an entry discloses is what it committed to, so that no entry can make an export useless, or keep a person from being erased.
GRANT CREATE ON SCHEMA exequatur TO {{audit_writer}};
SET LOCAL ROLE {{audit_writer}};
SET LOCAL search_path = exequatur, pg_catalog;
CREATE OR REPLACE FUNCTION append_entries(entries jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
  head record;
  entry jsonb;
  now timestamptz;
  bytes bytea;
BEGIN
  IF tenant IS NULL THEN
    RAISE EXCEPTION 'no tenant is set' USING ERRCODE = 'XQ012';
  END IF;
  SELECT h.seq, h.hash INTO head FROM audit_head h WHERE h.tenant_id = tenant FOR UPDATE;
  IF NOT FOUND THEN
    INSERT INTO audit_head VALUES (tenant, 0, decode(repeat('00', 32), 'hex')) ON CONFLICT DO NOTHING;
    SELECT h.seq, h.hash INTO head FROM audit_head h WHERE h.tenant_id = tenant FOR UPDATE;
  END IF;
  FOR entry IN SELECT e FROM jsonb_array_elements(entries) WITH ORDINALITY AS x(e, n) ORDER BY n LOOP
    IF (entry ->> 'payload')::jsonb ->> 'type' IS DISTINCT FROM entry ->> 'type' OR (entry ->> 'payload')::jsonb ->> 'proposalId' IS DISTINCT FROM entry ->> 'proposalId' THEN
      RAISE EXCEPTION 'an audit entry has another type or proposal than its payload' USING ERRCODE = 'XQ015';
    END IF;
    IF EXISTS (SELECT FROM jsonb_array_elements(entry -> 'disclosures') d
                WHERE NOT coalesce(d ->> 'value' IS JSON, false)
                   OR (entry ->> 'payload')::jsonb -> 'commitments' ->> (d ->> 'name')
                      IS DISTINCT FROM encode(sha256(decode(d ->> 'salt', 'hex') || convert_to(d ->> 'value', 'UTF8')), 'hex')) THEN
      RAISE EXCEPTION 'an audit entry discloses what it did not commit to' USING ERRCODE = 'XQ015';
    END IF;
    now := clock();
    bytes := convert_to(entry ->> 'payload', 'UTF8');
    INSERT INTO audit_entry (tenant_id, seq, id, at, type, proposal_id, previous_hash, payload, hash)
    VALUES (tenant, head.seq + 1, (entry ->> 'id')::uuid, now, entry ->> 'type', (entry ->> 'proposalId')::uuid, head.hash, bytes,
            sha256(audit_frame(tenant, head.seq + 1, now, head.hash, bytes)))
    RETURNING seq, hash INTO head;
    INSERT INTO audit_disclosure (tenant_id, entry_id, name, salt, value)
    SELECT tenant, (entry ->> 'id')::uuid, d ->> 'name', d ->> 'salt', d ->> 'value' FROM jsonb_array_elements(entry -> 'disclosures') d;
  END LOOP;
  UPDATE audit_head h SET seq = head.seq, hash = head.hash WHERE h.tenant_id = tenant;
  RETURN head.seq;
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{audit_writer}};
