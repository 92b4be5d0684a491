-- Is what a plan read still so? Asked by the API at each approval, by the worker, and by the door under its locks.
SET LOCAL search_path = exequatur, pg_catalog;

-- The version that last wrote a property: its own, or else that of the object's last creation or deletion, which wrote them all. 0: there never was such an object.
CREATE FUNCTION property_version(versions jsonb, property text) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce((versions ->> property)::bigint, (versions ->> '$')::bigint, 0)
$$;

-- The newest read set of the plan against the state that this statement sees. Only types whose counter moved are looked into: nothing of the others has changed since
-- the simulation's snapshot. The counters are coarse: a moved one means no more than "look again". A type without a recorded counter is always looked into.
CREATE FUNCTION stale_reads(plan uuid, lim int) RETURNS TABLE (kind text, type text, id text, property text)
-- Objects are looked up by their keys, whatever the statistics say: right after a bulk load they say the table is empty, and reading it whole for each of 10,000 reads takes a minute.
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
  newest record;
BEGIN
  SELECT r.simulation, r.counters, r.queries INTO newest FROM read_set r WHERE r.tenant_id = tenant AND r.plan_id = plan ORDER BY r.simulation DESC LIMIT 1;
  IF NOT FOUND THEN
    RETURN QUERY SELECT 'unread'::text, NULL::text, NULL::text, NULL::text;
    RETURN;
  END IF;
  RETURN QUERY
    SELECT 'property'::text, r.type::text, x.id, x.property
      FROM read_set_reads r CROSS JOIN LATERAL unnest(r.ids, r.properties, r.versions) AS x(id, property, version)
      LEFT JOIN object o ON o.tenant_id = tenant AND o.type = r.type AND o.id = x.id COLLATE "C"
     WHERE r.tenant_id = tenant AND r.plan_id = plan AND r.simulation = newest.simulation
       -- Where the type's counter has not moved, nothing of the type has.
       AND NOT EXISTS (SELECT FROM type_state s WHERE s.tenant_id = tenant AND s.type = r.type AND s.counter = (newest.counters ->> r.type)::bigint)
       AND property_version(o.property_versions, x.property) IS DISTINCT FROM x.version
     LIMIT lim;
  RETURN QUERY
    SELECT 'query'::text, coalesce(q ->> 'type', q ->> 'link'), NULL::text, NULL::text
      FROM jsonb_array_elements(newest.queries) q
      LEFT JOIN type_state s ON s.tenant_id = tenant AND s.type = coalesce(q ->> 'type', q ->> 'link') COLLATE "C"
     WHERE coalesce(s.counter, -1) IS DISTINCT FROM (newest.counters ->> coalesce(q ->> 'type', q ->> 'link'))::bigint
       AND query_fingerprint(q) IS DISTINCT FROM q ->> 'found'
     LIMIT lim;
END $$;

-- One hash over everything that is, but not over versions: what proves that a revert restored the state to the byte.
CREATE FUNCTION state_hash() RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT encode(sha256(
    coalesce((SELECT string_agg(sha256(convert_to(o.type || E'\t' || o.id || E'\t' || o.properties::text, 'UTF8')), ''::bytea ORDER BY o.type, o.id)
                FROM object o WHERE o.tenant_id = (SELECT current_setting('app.tenant')::uuid) AND o.alive), ''::bytea)
    || coalesce((SELECT string_agg(sha256(convert_to(l.link || E'\t' || l.from_id || E'\t' || l.to_id, 'UTF8')), ''::bytea ORDER BY l.link, l.from_id, l.to_id)
                   FROM link l WHERE l.tenant_id = (SELECT current_setting('app.tenant')::uuid) AND l.alive), ''::bytea)), 'hex')
$$;

REVOKE EXECUTE ON FUNCTION property_version(jsonb, text), stale_reads(uuid, int), state_hash() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION property_version(jsonb, text), stale_reads(uuid, int), state_hash() TO {{api}}, {{worker}}, {{door}};
