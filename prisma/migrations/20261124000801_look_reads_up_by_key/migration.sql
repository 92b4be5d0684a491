-- Reads of a plan are looked up one by one, by the object's whole key.
SET LOCAL search_path = exequatur, pg_catalog;

-- The newest read set of the plan against the state that this statement sees. Only types whose counter moved are looked into: nothing of the others has changed since
-- the simulation's snapshot. The counters are coarse: a moved one means no more than "look again". A type without a recorded counter is always looked into.
CREATE OR REPLACE FUNCTION stale_reads(plan uuid, lim int) RETURNS TABLE (kind text, type text, id text, property text)
-- No statistics speak of an array's elements, and those of a table are old right after a bulk load: left to choose, the planner has read all objects of the type for
-- each read, or all reads for each object. What is LATERAL with a LIMIT can't be joined in any other way than read by read.
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
      LEFT JOIN LATERAL (SELECT o.property_versions FROM object o WHERE o.tenant_id = tenant AND o.type = r.type AND o.id = x.id COLLATE "C" LIMIT 1) now ON true
     WHERE r.tenant_id = tenant AND r.plan_id = plan AND r.simulation = newest.simulation
       -- Where the type's counter has not moved, nothing of the type has.
       AND NOT EXISTS (SELECT FROM type_state s WHERE s.tenant_id = tenant AND s.type = r.type AND s.counter = (newest.counters ->> r.type)::bigint)
       AND property_version(now.property_versions, x.property) IS DISTINCT FROM x.version
     LIMIT lim;
  RETURN QUERY
    SELECT 'query'::text, coalesce(q ->> 'type', q ->> 'link'), NULL::text, NULL::text
      FROM jsonb_array_elements(newest.queries) q
      LEFT JOIN type_state s ON s.tenant_id = tenant AND s.type = coalesce(q ->> 'type', q ->> 'link') COLLATE "C"
     WHERE coalesce(s.counter, -1) IS DISTINCT FROM (newest.counters ->> coalesce(q ->> 'type', q ->> 'link'))::bigint
       AND query_fingerprint(q) IS DISTINCT FROM q ->> 'found'
     LIMIT lim;
END $$;
