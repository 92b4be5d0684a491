-- What witnesses elsewhere say of checkpoints, and which checkpoints may be forgotten.
SET LOCAL search_path = exequatur, pg_catalog;

-- A signature line of a witness, named <name>+<key id>, under a checkpoint. Whether it holds is for whoever verifies.
CREATE TABLE audit_cosignature (
  tenant_id   uuid NOT NULL,
  size        bigint NOT NULL,
  witness     text NOT NULL,
  line        text NOT NULL,
  cosigned_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, size, witness),
  FOREIGN KEY (tenant_id, size) REFERENCES audit_checkpoint ON DELETE CASCADE
);
CREATE INDEX audit_cosignature_of_witness ON audit_cosignature (tenant_id, witness, size);
CREATE INDEX audit_checkpoint_made ON audit_checkpoint (tenant_id, created_at);
ALTER TABLE audit_cosignature ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON audit_cosignature USING (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid))
  WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid));
CREATE POLICY across_tenants ON audit_cosignature TO {{relay_reader}} USING (true) WITH CHECK (true);
GRANT SELECT ON audit_cosignature TO {{api}};
GRANT SELECT, INSERT ON audit_cosignature TO {{relay_reader}};
GRANT DELETE ON audit_checkpoint TO {{relay_reader}};

-- After a day one checkpoint an hour is enough: a later one of the same hour takes its place if each witness that cosigned this one cosigned a later one of that hour
-- too. So the last of each hour stays, and the last that each witness cosigned in it; of those one may take the place of another in turn.
CREATE FUNCTION is_superseded(checkpoint audit_checkpoint) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  over timestamptz := date_trunc('hour', checkpoint.created_at, 'UTC') + interval '1 hour';
BEGIN
  RETURN checkpoint.created_at < clock() - interval '1 day'
     AND EXISTS (SELECT FROM audit_checkpoint n WHERE n.tenant_id = checkpoint.tenant_id AND n.size > checkpoint.size AND n.created_at >= checkpoint.created_at AND n.created_at < over)
     AND NOT EXISTS (
       SELECT FROM audit_cosignature s WHERE s.tenant_id = checkpoint.tenant_id AND s.size = checkpoint.size AND NOT EXISTS (
         SELECT FROM audit_cosignature l JOIN audit_checkpoint n ON n.tenant_id = l.tenant_id AND n.size = l.size
          WHERE l.tenant_id = s.tenant_id AND l.witness = s.witness AND l.size > s.size AND n.created_at < over));
END $$;
REVOKE EXECUTE ON FUNCTION is_superseded(audit_checkpoint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION is_superseded(audit_checkpoint) TO {{relay_reader}};

CREATE FUNCTION refuse_to_forget() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF NOT is_superseded(OLD) THEN
    RAISE EXCEPTION 'a checkpoint is kept until a later one takes its place' USING ERRCODE = 'XQ011';
  END IF;
  RETURN OLD;
END $$;
-- A cosignature goes with its checkpoint and never before: when the foreign key takes it along the checkpoint is gone already.
CREATE FUNCTION refuse_to_forget_cosignature() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM audit_checkpoint c WHERE c.tenant_id = OLD.tenant_id AND c.size = OLD.size) THEN
    RAISE EXCEPTION 'a cosignature stays as long as its checkpoint' USING ERRCODE = 'XQ011';
  END IF;
  RETURN OLD;
END $$;
REVOKE EXECUTE ON FUNCTION refuse_to_forget(), refuse_to_forget_cosignature() FROM PUBLIC;
DROP TRIGGER append_only ON audit_checkpoint;
CREATE TRIGGER append_only BEFORE UPDATE ON audit_checkpoint FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER kept BEFORE DELETE ON audit_checkpoint FOR EACH ROW EXECUTE FUNCTION refuse_to_forget();
CREATE TRIGGER append_only BEFORE UPDATE ON audit_cosignature FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER kept BEFORE DELETE ON audit_cosignature FOR EACH ROW EXECUTE FUNCTION refuse_to_forget_cosignature();
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON audit_cosignature FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;

-- As before; of entries that there are.
CREATE OR REPLACE FUNCTION store_checkpoint(tenant uuid, size bigint, root bytea, note text, tiles jsonb) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(store_checkpoint.tenant::text, 2));
  IF EXISTS (SELECT FROM audit_checkpoint c WHERE c.tenant_id = store_checkpoint.tenant AND c.size >= store_checkpoint.size)
     OR NOT EXISTS (SELECT FROM audit_head h WHERE h.tenant_id = store_checkpoint.tenant AND h.seq >= store_checkpoint.size) THEN
    RETURN false;
  END IF;
  INSERT INTO audit_tile (tenant_id, level, tile, hashes)
  SELECT store_checkpoint.tenant, (t ->> 'level')::int, (t ->> 'tile')::bigint, decode(t ->> 'hashes', 'hex') FROM jsonb_array_elements(tiles) t ON CONFLICT DO NOTHING;
  INSERT INTO audit_checkpoint (tenant_id, size, root, note, created_at) VALUES (store_checkpoint.tenant, store_checkpoint.size, store_checkpoint.root, store_checkpoint.note, clock());
  RETURN true;
END $$;

-- The newest checkpoint of each log that a witness has not cosigned, those first that have waited longest; `passed` are left out.
CREATE FUNCTION checkpoints_to_cosign(witness text, passed uuid[], lim int) RETURNS TABLE (tenant_id uuid, size bigint, note text, cosigned bigint)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT h.tenant_id, c.size, c.note, coalesce(s.size, 0)
    FROM audit_head h
   CROSS JOIN LATERAL (SELECT x.size, x.note, x.created_at FROM audit_checkpoint x WHERE x.tenant_id = h.tenant_id ORDER BY x.size DESC LIMIT 1) c
    LEFT JOIN LATERAL (SELECT x.size FROM audit_cosignature x WHERE x.tenant_id = h.tenant_id AND x.witness = checkpoints_to_cosign.witness ORDER BY x.size DESC LIMIT 1) s ON true
   WHERE c.size > coalesce(s.size, 0) AND h.tenant_id <> ALL (passed) ORDER BY c.created_at, h.tenant_id LIMIT lim
$$;

CREATE FUNCTION last_checkpoint(tenant uuid) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT coalesce(max(c.size), 0) FROM audit_checkpoint c WHERE c.tenant_id = last_checkpoint.tenant
$$;

-- Two relays may bring the same one.
CREATE FUNCTION store_cosignature(tenant uuid, size bigint, witness text, line text, cosigned_at timestamptz) RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  WITH stored AS (
    INSERT INTO audit_cosignature (tenant_id, size, witness, line, cosigned_at)
    VALUES (store_cosignature.tenant, store_cosignature.size, store_cosignature.witness, store_cosignature.line, store_cosignature.cosigned_at) ON CONFLICT DO NOTHING RETURNING 1)
  SELECT EXISTS (SELECT FROM stored)
$$;

-- Forgets superseded checkpoints made since a time; of all times where that is null. Returns how many.
CREATE FUNCTION thin_checkpoints(since timestamptz, lim int) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  until timestamptz := clock() - interval '1 day';
  gone bigint;
BEGIN
  DELETE FROM audit_checkpoint c USING (
    SELECT x.tenant_id, x.size FROM audit_head h
     CROSS JOIN LATERAL (SELECT a.tenant_id, a.size, a AS whole FROM audit_checkpoint a
                          WHERE a.tenant_id = h.tenant_id AND a.created_at < until AND a.created_at >= coalesce(since, '-infinity')) x
     WHERE is_superseded(x.whole) LIMIT lim) d
   WHERE c.tenant_id = d.tenant_id AND c.size = d.size;
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END $$;

REVOKE EXECUTE ON FUNCTION checkpoints_to_cosign(text, uuid[], int), last_checkpoint(uuid), store_cosignature(uuid, bigint, text, text, timestamptz),
  thin_checkpoints(timestamptz, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION checkpoints_to_cosign(text, uuid[], int), last_checkpoint(uuid), store_cosignature(uuid, bigint, text, text, timestamptz),
  thin_checkpoints(timestamptz, int) TO {{relay}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};
