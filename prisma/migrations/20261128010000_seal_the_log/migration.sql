-- Each tenant's log as a Merkle tree: hashes in tiles of 256, and checkpoints that were signed over its root. Written by the relay, which seals, through functions that
-- only append; whether they are right is for whoever verifies an export.
SET LOCAL search_path = exequatur, pg_catalog;

CREATE TABLE audit_tile (
  tenant_id uuid NOT NULL REFERENCES tenant,
  level     int NOT NULL CHECK (level >= 0),
  tile      bigint NOT NULL CHECK (tile >= 0),
  hashes    bytea NOT NULL CHECK (length(hashes) = 256 * 32),
  PRIMARY KEY (tenant_id, level, tile)
);
CREATE TABLE audit_checkpoint (
  tenant_id  uuid NOT NULL REFERENCES tenant,
  size       bigint NOT NULL CHECK (size > 0),
  root       bytea NOT NULL CHECK (length(root) = 32),
  note       text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, size)
);
ALTER TABLE audit_tile ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_checkpoint ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON audit_tile USING (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid))
  WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid));
CREATE POLICY tenant ON audit_checkpoint USING (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid))
  WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid));
CREATE POLICY across_tenants ON audit_tile TO {{relay_reader}} USING (true) WITH CHECK (true);
CREATE POLICY across_tenants ON audit_checkpoint TO {{relay_reader}} USING (true) WITH CHECK (true);
CREATE POLICY across_tenants ON audit_entry TO {{relay_reader}} USING (true);
CREATE POLICY across_tenants ON audit_head TO {{relay_reader}} USING (true);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_tile FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON audit_tile FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_checkpoint FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON audit_checkpoint FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT ON audit_tile, audit_checkpoint TO {{api}};
GRANT SELECT, INSERT ON audit_tile, audit_checkpoint TO {{relay_reader}};
GRANT SELECT ON audit_entry, audit_head TO {{relay_reader}};
GRANT EXECUTE ON FUNCTION audit_frame(uuid, bigint, timestamptz, bytea, bytea) TO {{relay_reader}};

GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Tenants whose log is longer than its last checkpoint, those that have waited for most entries first.
CREATE FUNCTION logs_to_seal(lim int) RETURNS TABLE (tenant_id uuid, head bigint, sealed bigint, root bytea)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT h.tenant_id, h.seq, coalesce(c.size, 0), c.root
    FROM audit_head h
    LEFT JOIN LATERAL (SELECT x.size, x.root FROM audit_checkpoint x WHERE x.tenant_id = h.tenant_id ORDER BY x.size DESC LIMIT 1) c ON true
   WHERE h.seq > coalesce(c.size, 0) ORDER BY h.seq - coalesce(c.size, 0) DESC, h.tenant_id LIMIT lim
$$;

-- Leaves number `first` to before `beyond`, from 0, in order. A leaf is over the frame, as the entry's own hash is.
CREATE FUNCTION log_leaves(tenant uuid, first bigint, beyond bigint) RETURNS SETOF bytea
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT sha256('\x00'::bytea || audit_frame(e.tenant_id, e.seq, e.at, e.previous_hash, e.payload))
    FROM audit_entry e WHERE e.tenant_id = log_leaves.tenant AND e.seq > first AND e.seq <= beyond ORDER BY e.seq
$$;

CREATE FUNCTION log_tile(tenant uuid, level int, tile bigint) RETURNS bytea
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT t.hashes FROM audit_tile t WHERE t.tenant_id = log_tile.tenant AND t.level = log_tile.level AND t.tile = log_tile.tile
$$;

-- False where another sealer has come as far already. tiles: [{level, tile, hashes (hex)}].
CREATE FUNCTION store_checkpoint(tenant uuid, size bigint, root bytea, note text, tiles jsonb) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(store_checkpoint.tenant::text, 2));
  IF EXISTS (SELECT FROM audit_checkpoint c WHERE c.tenant_id = store_checkpoint.tenant AND c.size >= store_checkpoint.size) THEN
    RETURN false;
  END IF;
  INSERT INTO audit_tile (tenant_id, level, tile, hashes)
  SELECT store_checkpoint.tenant, (t ->> 'level')::int, (t ->> 'tile')::bigint, decode(t ->> 'hashes', 'hex') FROM jsonb_array_elements(tiles) t ON CONFLICT DO NOTHING;
  INSERT INTO audit_checkpoint (tenant_id, size, root, note, created_at) VALUES (store_checkpoint.tenant, store_checkpoint.size, store_checkpoint.root, store_checkpoint.note, clock());
  RETURN true;
END $$;

REVOKE EXECUTE ON FUNCTION logs_to_seal(int), log_leaves(uuid, bigint, bigint), log_tile(uuid, int, bigint), store_checkpoint(uuid, bigint, bytea, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION logs_to_seal(int), log_leaves(uuid, bigint, bigint), log_tile(uuid, int, bigint), store_checkpoint(uuid, bigint, bytea, text, jsonb) TO {{relay}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};
