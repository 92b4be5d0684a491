-- A list of more values than a page is read from is one look into the index. A query of a part for each of ten thousand values was deeper than PostgreSQL's stack.
SET LOCAL search_path = exequatur, pg_catalog;

CREATE OR REPLACE FUNCTION candidates(object_type text, c jsonb) RETURNS jsonb LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  property text := c ->> 'property';
  most_parts constant int := 20; -- A page is read from each part; with more it is cheaper to gather the ids.
  parts jsonb;
  keys text[];
BEGIN
  IF c ? 'all' THEN
    RETURN (
      SELECT x.found FROM (
        SELECT candidates(object_type, e) AS found FROM jsonb_array_elements(c -> 'all') e
        UNION ALL
        -- Bounds of one property, told together.
        SELECT part_of_index(object_type, b.property, 3, ARRAY[b.bounds])
          FROM (SELECT e ->> 'property' AS property, string_agg(k, ' AND ') AS bounds
                  FROM jsonb_array_elements(c -> 'all') e
                  JOIN exequatur.object_type t ON t.name = candidates.object_type
                  CROSS JOIN LATERAL key_sql(t.definition -> 'properties' -> (e ->> 'property'), e) k
                 WHERE e ->> 'op' IN ('lt', 'le', 'gt', 'ge') AND is_walkable(candidates.object_type, e ->> 'property')
                 GROUP BY 1 HAVING count(*) > 1) b
      ) x WHERE x.found IS NOT NULL ORDER BY (x.found -> 'rank')::int, length(x.found -> 'found' ->> 0) DESC LIMIT 1);
  ELSIF c ? 'any' THEN
    SELECT jsonb_agg(candidates(object_type, e)) INTO parts FROM jsonb_array_elements(c -> 'any') e;
    IF parts IS NULL OR parts @> '[null]' THEN
      RETURN NULL;
    END IF;
    RETURN (
      SELECT jsonb_build_object('rank', greatest(2, max((p -> 'rank')::int)), 'found', jsonb_path_query_array(parts, '$[*].found[*]'),
                                'points', bool_and((p -> 'points')::boolean) AND jsonb_array_length(jsonb_path_query_array(parts, '$[*].found[*]')) <= most_parts)
        FROM jsonb_array_elements(parts) p);
  ELSIF property = 'id' AND c ->> 'op' IN ('eq', 'in') THEN
    RETURN jsonb_build_object('rank', 0, 'points', false, 'found', jsonb_build_array(
      format('SELECT i.object_id FROM (SELECT unnest(%L::text[]) COLLATE "C" AS object_id) i WHERE true',
             ARRAY(SELECT v #>> '{}' FROM jsonb_array_elements(coalesce(c -> 'values', jsonb_build_array(c -> 'value'))) v))));
  ELSIF property IS NULL OR NOT is_walkable(object_type, property) THEN
    RETURN NULL;
  END IF;
  IF jsonb_array_length(CASE WHEN c ->> 'op' IN ('in', 'containsAny') THEN c -> 'values' ELSE '[]' END) > most_parts THEN
    RETURN (
      SELECT jsonb_build_object('rank', 2, 'points', false, 'found', part_of_index(object_type, property, 2, ARRAY[format('i.key = ANY (%L::text[])', k.keys)]) -> 'found')
        FROM (SELECT array_agg(DISTINCT index_key(coalesce(CASE WHEN c ->> 'op' = 'in' THEN t.definition #>> ARRAY['properties', property, 'type'] END, 'string'), v)) AS keys
                FROM exequatur.object_type t CROSS JOIN LATERAL jsonb_array_elements(c -> 'values') v WHERE t.name = candidates.object_type) k);
  END IF;
  SELECT array_agg(k) INTO keys FROM exequatur.object_type t CROSS JOIN LATERAL key_sql(t.definition -> 'properties' -> property, c) k WHERE t.name = candidates.object_type;
  RETURN part_of_index(object_type, property, CASE WHEN c ->> 'op' IN ('eq', 'contains') THEN 1 WHEN c ->> 'op' IN ('in', 'containsAny') THEN 2 WHEN c ->> 'op' = 'present' THEN 4 ELSE 3 END, keys);
END $$;
