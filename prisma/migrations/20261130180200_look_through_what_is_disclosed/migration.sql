-- What an entry has nothing of is not looked through: most disclose nothing. And what is asked of every entry and every event is asked as an expression, where it was a statement
-- of its own inside a function.
SET LOCAL search_path = exequatur, pg_catalog;

CREATE OR REPLACE FUNCTION audit_frame(tenant uuid, seq bigint, at timestamptz, previous_hash bytea, payload bytea) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN convert_to('EXQ1', 'UTF8')
      || int4send(16) || uuid_send(tenant)
      || int4send(8) || int8send(seq)
      || int4send(8) || int8send((extract(epoch FROM at) * 1000000)::bigint)
      || int4send(32) || previous_hash
      || int4send(length(payload)) || payload;
END $$;

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
  discloses boolean;
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
    discloses := jsonb_array_length(entry -> 'disclosures') > 0;
    IF discloses THEN
      IF EXISTS (SELECT FROM jsonb_array_elements(entry -> 'disclosures') d
                  WHERE NOT coalesce(d ->> 'value' IS JSON, false)
                     OR (entry ->> 'payload')::jsonb -> 'commitments' ->> (d ->> 'name')
                        IS DISTINCT FROM encode(sha256(decode(d ->> 'salt', 'hex') || convert_to(d ->> 'value', 'UTF8')), 'hex')) THEN
        RAISE EXCEPTION 'an audit entry discloses what it did not commit to' USING ERRCODE = 'XQ015';
      END IF;
    END IF;
    now := clock();
    bytes := convert_to(entry ->> 'payload', 'UTF8');
    INSERT INTO audit_entry (tenant_id, seq, id, at, type, proposal_id, previous_hash, payload, hash)
    VALUES (tenant, head.seq + 1, (entry ->> 'id')::uuid, now, entry ->> 'type', (entry ->> 'proposalId')::uuid, head.hash, bytes,
            sha256(audit_frame(tenant, head.seq + 1, now, head.hash, bytes)))
    RETURNING seq, hash INTO head;
    IF discloses THEN
      INSERT INTO audit_disclosure (tenant_id, entry_id, name, salt, value)
      SELECT tenant, (entry ->> 'id')::uuid, d ->> 'name', d ->> 'salt', d ->> 'value' FROM jsonb_array_elements(entry -> 'disclosures') d;
    END IF;
  END LOOP;
  UPDATE audit_head h SET seq = head.seq, hash = head.hash WHERE h.tenant_id = tenant;
  RETURN head.seq;
END $$;

CREATE OR REPLACE FUNCTION append_audit(entries jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF entries @? '$[*].type ? (@ == "proposal.executed" || @ == "execution.applied" || @ == "execution.undone")' THEN
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

-- As before; and a row that has the number of this transaction is written here, whatever else may be.
CREATE OR REPLACE FUNCTION refuse_unlogged_events() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM audit_entry e WHERE e.tenant_id = NEW.tenant_id AND e.id = NEW.audit_entry_id
                    AND (e.xmin = pg_current_xact_id()::xid OR is_written_here(e.xmin))
                    AND e.proposal_id IS NOT DISTINCT FROM NEW.proposal_id
                    AND CASE WHEN NEW.type = 'object.changes' THEN e.type IN ('proposal.executed', 'execution.applied', 'execution.undone')
                             WHEN NEW.type LIKE 'message.%' THEN e.type = 'effect.message' ELSE e.type = NEW.type END) THEN
    RAISE EXCEPTION 'an event tells of what is not entered in the log with it' USING ERRCODE = 'XQ015';
  END IF;
  RETURN NULL;
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{audit_writer}};
