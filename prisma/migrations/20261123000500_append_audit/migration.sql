-- The tamper-evident log's writer. One call per transaction, the last statement before COMMIT: the head's row lock makes the sequence the commit order, and taken
-- earlier it would deadlock against object locks and hold up every other transaction of the tenant.
SET LOCAL search_path = exequatur, pg_catalog;

-- frame = 'EXQ1', then each of tenant (16 bytes), sequence (8), microseconds since 1970 (8), previous hash (32) and payload behind its length (4 bytes, big-endian).
CREATE FUNCTION audit_frame(tenant uuid, seq bigint, at timestamptz, previous_hash bytea, payload bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT convert_to('EXQ1', 'UTF8')
      || int4send(16) || uuid_send(tenant)
      || int4send(8) || int8send(seq)
      || int4send(8) || int8send((extract(epoch FROM at) * 1000000)::bigint)
      || int4send(32) || previous_hash
      || int4send(length(payload)) || payload
$$;

GRANT EXECUTE ON FUNCTION audit_frame(uuid, bigint, timestamptz, bytea, bytea) TO {{audit_writer}}, {{api}}, {{worker}};
GRANT CREATE ON SCHEMA exequatur TO {{audit_writer}};
SET LOCAL ROLE {{audit_writer}};

-- Locks the tenant's head. entries: [{id, type, proposalId, payload, disclosures: [{name, salt, value}]}]. A repeat with an id already there fails on its key.
-- Type and proposal are columns for looking entries up; the hash covers the payload alone, so they must say what it says.
CREATE FUNCTION append_entries(entries jsonb) RETURNS bigint
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

-- What the logins may append: anything but that a plan was executed, which the door alone says.
CREATE FUNCTION append_audit(entries jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM jsonb_array_elements(entries) e WHERE e ->> 'type' = 'proposal.executed') THEN
    RAISE EXCEPTION 'the door alone says that a plan was executed' USING ERRCODE = 'XQ015';
  END IF;
  RETURN append_entries(entries);
END $$;
REVOKE EXECUTE ON FUNCTION append_entries(jsonb), append_audit(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION append_audit(jsonb) TO {{api}}, {{worker}};
GRANT EXECUTE ON FUNCTION append_entries(jsonb) TO {{door}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{audit_writer}};
