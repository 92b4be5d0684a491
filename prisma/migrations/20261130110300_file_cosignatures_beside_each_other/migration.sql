-- What is filed as a cosignature may be none: the relay's login files it. So a line takes no other's place, and is a line that a note can hold; whether it holds is looked at
-- by whoever serves it, and by the relay, which has a checkpoint cosigned of which no line holds.
SET LOCAL search_path = exequatur, pg_catalog;

ALTER TABLE audit_cosignature DROP CONSTRAINT audit_cosignature_pkey, ADD PRIMARY KEY (tenant_id, size, witness, line),
  ADD CONSTRAINT audit_cosignature_is_a_line CHECK (length(line) <= 400 AND line ~ '^\u2014 [^\s+]+ [A-Za-z0-9+/]{102}==\n$') NOT VALID;

GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;

-- The newest checkpoint of each log behind a tenant's, or of all, where something is filed under it as a witness's cosignature, with all of that.
CREATE FUNCTION filed_cosignatures(witness text, after uuid, lim int) RETURNS TABLE (tenant_id uuid, size bigint, note text, lines text[])
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT h.tenant_id, c.size, c.note, s.lines
    FROM audit_head h
   CROSS JOIN LATERAL (SELECT x.size, x.note FROM audit_checkpoint x WHERE x.tenant_id = h.tenant_id ORDER BY x.size DESC LIMIT 1) c
   CROSS JOIN LATERAL (SELECT array_agg(x.line) AS lines FROM audit_cosignature x
                        WHERE x.tenant_id = h.tenant_id AND x.size = c.size AND x.witness = filed_cosignatures.witness) s
   WHERE (after IS NULL OR h.tenant_id > after) AND s.lines IS NOT NULL ORDER BY h.tenant_id LIMIT lim
$$;
REVOKE EXECUTE ON FUNCTION filed_cosignatures(text, uuid, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION filed_cosignatures(text, uuid, int) TO {{relay}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};
