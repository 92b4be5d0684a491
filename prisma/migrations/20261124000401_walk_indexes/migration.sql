-- Reading through object_index: what may be looked up there is looked up there whatever the statistics say, pages walk it in its own order, and keys of longs and
-- decimals are exact. The functions run as their caller, under the caller's row-level security.
SET LOCAL search_path = exequatur, pg_catalog;

-- What an index row holds for a value: text that sorts as the value does. Only long text is cut, so its key is followed by a look at the value itself.
-- Written without a sub-select, since PostgreSQL inlines no function that has one, and this one is called for every index row.
CREATE OR REPLACE FUNCTION index_key(kind text, value jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    -- The bits of a double, with the sign turned over for positive numbers and all bits for negative ones, sort as the numbers do; adding 0 makes -0 a 0.
    WHEN kind IN ('integer', 'double') THEN
      lpad(to_hex((CASE WHEN (value #>> '{}')::float8 >= 0
        THEN ('x' || encode(float8send((value #>> '{}')::float8 + 0), 'hex'))::bit(64) # B'1000000000000000000000000000000000000000000000000000000000000000'
        ELSE ~('x' || encode(float8send((value #>> '{}')::float8 + 0), 'hex'))::bit(64) END)::bigint), 16, '0')
    -- Twenty digits, counted from the smallest long. A literal that is none is brought to its neighbour, which a comparison of the values themselves then corrects.
    WHEN kind = 'long' THEN
      lpad((least(greatest(floor((value #>> '{}')::numeric), -9223372036854775808), 9223372036854775807) + 9223372036854775808)::text, 20, '0')
    -- How many digits stand before the point, and then the digits: with as many before the point, decimals sort as their text does. Negative ones have every digit
    -- turned over, and an end that sorts behind everything, since of two with one beginning the longer one is the smaller.
    WHEN kind = 'decimal' THEN CASE WHEN (value #>> '{}')::numeric >= 0
      THEN 'p' || lpad(length(trunc((value #>> '{}')::numeric)::text)::text, 3, '0') || trim_scale((value #>> '{}')::numeric)::text
      ELSE 'n' || translate(lpad(length(trunc(-(value #>> '{}')::numeric)::text)::text, 3, '0') || trim_scale(-(value #>> '{}')::numeric)::text, '0123456789', '9876543210') || '~' END
    ELSE left(value #>> '{}', 256)
  END
$$;

-- Rows written with the keys of before are made again. The owner sees every tenant's rows only while row-level security is not forced upon it.
ALTER TABLE object NO FORCE ROW LEVEL SECURITY;
ALTER TABLE object_index NO FORCE ROW LEVEL SECURITY;
ALTER TABLE object_type NO FORCE ROW LEVEL SECURITY;
CREATE TEMPORARY TABLE rekeyed ON COMMIT DROP AS
  SELECT t.tenant_id, t.name, i.property, t.definition -> 'properties' -> i.property AS definition FROM object_type t CROSS JOIN LATERAL unnest(t.indexed) i(property)
   WHERE coalesce(t.definition #>> ARRAY['properties', i.property, 'items', 'type'], t.definition #>> ARRAY['properties', i.property, 'type']) IN ('long', 'decimal');
DELETE FROM object_index i USING rekeyed x WHERE i.tenant_id = x.tenant_id AND i.type = x.name AND i.property = x.property;
INSERT INTO object_index (tenant_id, type, property, key, object_id)
SELECT o.tenant_id, o.type, x.property, k.key, o.id
  FROM rekeyed x JOIN object o ON o.tenant_id = x.tenant_id AND o.type = x.name AND o.alive AND o.properties ? x.property
  CROSS JOIN LATERAL index_keys(x.definition, o.properties -> x.property) k(key);
ALTER TABLE object FORCE ROW LEVEL SECURITY;
ALTER TABLE object_index FORCE ROW LEVEL SECURITY;
ALTER TABLE object_type FORCE ROW LEVEL SECURITY;

-- One comparison of the value itself; two-valued, so that NOT of a comparison with an absent property is true.
DROP FUNCTION comparison_sql(text, jsonb, boolean, jsonb);
CREATE FUNCTION comparison_sql(definition jsonb, c jsonb) RETURNS text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  property text := c ->> 'property';
  op text := c ->> 'op';
  kind text := CASE WHEN property = 'id' THEN 'string' ELSE coalesce(definition ->> 'type', 'string') END;
  sign text := CASE op WHEN 'eq' THEN '=' WHEN 'lt' THEN '<' WHEN 'le' THEN '<=' WHEN 'gt' THEN '>' WHEN 'ge' THEN '>=' END;
  held text := value_sql(kind, property);
BEGIN
  -- Every object has an id, and its index answers only what stands alone.
  IF property = 'id' AND sign IS NOT NULL THEN
    RETURN format('(o.id %s %L)', sign, c ->> 'value');
  ELSIF property = 'id' AND op = 'startsWith' THEN
    RETURN format('(o.id >= %L AND o.id <= %L)', c ->> 'value', (c ->> 'value') || repeat(chr(1114111), 256));
  END IF;
  CASE op
    WHEN 'present' THEN RETURN CASE WHEN property = 'id' THEN 'true' ELSE format('(o.properties ? %L)', property) END;
    WHEN 'contains' THEN RETURN format('coalesce(o.properties -> %L @> jsonb_build_array(%L::jsonb), false)', property, c -> 'value');
    WHEN 'containsAny' THEN
      RETURN format('coalesce(o.properties -> %L ?| %L::text[], false)', property, ARRAY(SELECT jsonb_array_elements_text(c -> 'values')));
    WHEN 'startsWith' THEN RETURN format('coalesce(starts_with(%s, %L), false)', held, c ->> 'value');
    WHEN 'endsWith' THEN RETURN format('coalesce(right(%1$s, length(%2$L)) = %2$L, false)', held, c ->> 'value');
    WHEN 'includes' THEN RETURN format('coalesce(strpos(%s, %L) > 0, false)', held, c ->> 'value');
    WHEN 'in' THEN
      RETURN coalesce((SELECT format('coalesce(%s IN (%s), false)', held, string_agg(literal_sql(kind, v), ', ')) FROM jsonb_array_elements(c -> 'values') v HAVING count(*) > 0), 'false');
    WHEN 'ne' THEN RETURN format('coalesce(%s <> %s, true)', held, literal_sql(kind, c -> 'value'));
    ELSE
      IF sign IS NULL THEN
        RAISE EXCEPTION 'unknown comparison' USING ERRCODE = 'XQ013';
      END IF;
      RETURN format('coalesce(%s %s %s, false)', held, sign, literal_sql(kind, c -> 'value'));
  END CASE;
END $$;

-- What the condition asks of the object row `o` itself, without any index.
CREATE OR REPLACE FUNCTION condition_sql(object_type text, c jsonb) RETURNS text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF c ? 'all' THEN
    RETURN coalesce((SELECT '(' || string_agg(condition_sql(object_type, x), ' AND ') || ')' FROM jsonb_array_elements(c -> 'all') x), 'true');
  ELSIF c ? 'any' THEN
    RETURN coalesce((SELECT '(' || string_agg(condition_sql(object_type, x), ' OR ') || ')' FROM jsonb_array_elements(c -> 'any') x), 'false');
  ELSIF c ? 'not' THEN
    RETURN format('(NOT %s)', condition_sql(object_type, c -> 'not'));
  END IF;
  RETURN comparison_sql((SELECT t.definition -> 'properties' -> (c ->> 'property') FROM object_type t WHERE t.name = object_type), c);
END $$;

-- Whether index rows of the property are complete. While they are being made, nothing is looked up in them.
CREATE FUNCTION is_walkable(object_type text, property text) RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT EXISTS (SELECT FROM object_type t WHERE t.name = object_type AND property = ANY (t.indexed) AND NOT property = ANY (t.building))
$$;

-- Which index rows `i` of one property a comparison leaves: SQL about i.key, one text per key where they can be told one by one. No row: the index cannot say.
-- Keys may be cut, so a strict order becomes an inclusive one; whoever reads through them asks the condition itself behind.
CREATE FUNCTION key_sql(definition jsonb, c jsonb) RETURNS SETOF text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  kind text := coalesce(definition ->> 'type', 'string');
  op text := c ->> 'op';
  beginning text;
BEGIN
  CASE
    WHEN op = 'eq' THEN RETURN NEXT format('i.key = %L', index_key(kind, c -> 'value'));
    WHEN op = 'contains' THEN RETURN NEXT format('i.key = %L', index_key(definition -> 'items' ->> 'type', c -> 'value'));
    WHEN op = 'containsAny' THEN RETURN QUERY SELECT DISTINCT format('i.key = %L', index_key('string', v)) FROM jsonb_array_elements(c -> 'values') v;
    WHEN op = 'in' THEN RETURN QUERY SELECT DISTINCT format('i.key = %L', index_key(kind, v)) FROM jsonb_array_elements(c -> 'values') v;
    WHEN op IN ('lt', 'le') THEN RETURN NEXT format('i.key <= %L', index_key(kind, c -> 'value'));
    WHEN op IN ('gt', 'ge') THEN RETURN NEXT format('i.key >= %L', index_key(kind, c -> 'value'));
    WHEN op = 'startsWith' THEN
      beginning := left(c ->> 'value', 256);
      -- Up to the last text of a key's length that begins so.
      RETURN NEXT format('i.key >= %L AND i.key <= %L', beginning, beginning || repeat(chr(1114111), 256 - length(beginning)));
    WHEN op = 'present' AND kind <> 'array' THEN RETURN NEXT 'true';
    ELSE NULL;
  END CASE;
END $$;

-- How to find candidates in the index: {"rank", "points", "found": [SQL that selects ids as object_id, ...]}; the lower the rank, the fewer are to be expected.
-- `points` says that each part is the rows of one key, which stand in the order of ids. Null: no index leads to what the condition selects.
CREATE FUNCTION candidates(object_type text, c jsonb) RETURNS jsonb LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
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
  SELECT array_agg(k) INTO keys FROM exequatur.object_type t CROSS JOIN LATERAL key_sql(t.definition -> 'properties' -> property, c) k WHERE t.name = candidates.object_type;
  RETURN part_of_index(object_type, property, CASE WHEN c ->> 'op' IN ('eq', 'contains') THEN 1 WHEN c ->> 'op' IN ('in', 'containsAny') THEN 2 WHEN c ->> 'op' = 'present' THEN 4 ELSE 3 END, keys);
END $$;

CREATE FUNCTION part_of_index(object_type text, property text, rank int, keys text[]) RETURNS jsonb LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT jsonb_build_object('rank', rank, 'points', rank < 3 AND cardinality(keys) <= 20,
    'found', to_jsonb(ARRAY(SELECT format('SELECT i.object_id FROM exequatur.object_index i WHERE i.tenant_id = (SELECT current_setting(''app.tenant'')::uuid) AND i.type = %L AND i.property = %L AND %s',
                                          object_type, property, k) FROM unnest(keys) k)))
   WHERE cardinality(keys) > 0
$$;

-- FROM and WHERE for the live objects `o` that the condition selects, to be ordered by c.object_id. Candidates come first and each is then looked up by its key: OFFSET 0
-- keeps the planner from turning that around, which it does whenever the statistics are older than the data. `behind` is SQL to begin behind an id, for instance `> 'x'`.
CREATE FUNCTION selected_sql(object_type text, condition jsonb, leads jsonb, direction text DEFAULT 'ASC', behind text DEFAULT 'IS NOT NULL') RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT CASE WHEN leads IS NULL THEN
    format('FROM (SELECT o AS object, o.* FROM exequatur.object o WHERE %s AND o.id %s) o CROSS JOIN LATERAL (SELECT o.id AS object_id) c WHERE true', asked, behind)
  ELSE
    format('FROM (SELECT DISTINCT c.object_id FROM (%s) c WHERE c.object_id %s ORDER BY c.object_id %s) c CROSS JOIN LATERAL (SELECT o AS object, o.* FROM exequatur.object o WHERE %s AND o.id = c.object_id OFFSET 0) o WHERE true',
           (SELECT string_agg(f, ' UNION ALL ') FROM jsonb_array_elements_text(leads -> 'found') f), behind, direction, asked)
  END
  FROM (SELECT format('o.tenant_id = (SELECT current_setting(''app.tenant'')::uuid) AND o.type = %L AND o.alive AND %s', object_type, condition_sql(object_type, condition)) AS asked) a
$$;

-- Live objects that the condition selects, in the order of their ids' bytes.
CREATE OR REPLACE FUNCTION query_objects(object_type text, condition jsonb) RETURNS SETOF object LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp SET enable_seqscan = off AS $$
BEGIN
  RETURN QUERY EXECUTE format('SELECT (o.object).* %s ORDER BY c.object_id', selected_sql(object_type, condition, candidates(object_type, condition)));
END $$;

-- How many the condition selects, counted no further than one above `lim`.
CREATE FUNCTION count_objects(object_type text, condition jsonb, lim int) RETURNS bigint LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp SET enable_seqscan = off AS $$
DECLARE
  counted bigint;
BEGIN
  EXECUTE format('SELECT count(*) FROM (SELECT %s LIMIT %s) o', selected_sql(object_type, condition, candidates(object_type, condition)), lim + 1) INTO counted;
  RETURN counted;
END $$;

-- What a query of a read set selects now, as the hash that the read set holds.
CREATE OR REPLACE FUNCTION query_fingerprint(query jsonb) RETURNS text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp SET enable_seqscan = off AS $$
DECLARE
  found text;
BEGIN
  IF query ->> 'kind' = 'objects' THEN
    EXECUTE format('SELECT string_agg(o.id, E''\n'' ORDER BY o.id) %s', selected_sql(query ->> 'type', query -> 'where', candidates(query ->> 'type', query -> 'where'))) INTO found;
  ELSE
    SELECT string_agg(l.from_id || E'\t' || l.to_id, E'\n' ORDER BY l.from_id, l.to_id) INTO found FROM link l
     WHERE l.link = query ->> 'link' AND l.alive
       AND CASE WHEN query ->> 'end' = 'from' THEN l.from_id ELSE l.to_id END = ANY (ARRAY(SELECT jsonb_array_elements_text(query -> 'ids')));
  END IF;
  RETURN encode(sha256(convert_to(coalesce(found, ''), 'UTF8')), 'hex');
END $$;

-- Whether at least `lim` index rows lead to what the condition selects: then it is cheaper to walk the order that was asked for than to gather and sort them.
CREATE FUNCTION is_many(leads jsonb, lim int) RETURNS boolean LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp SET enable_seqscan = off AS $$
DECLARE
  counted bigint;
BEGIN
  IF leads IS NULL THEN
    RETURN true;
  END IF;
  EXECUTE format('SELECT count(*) FROM (SELECT FROM (%s) c LIMIT %s) c', (SELECT string_agg(f, ' UNION ALL ') FROM jsonb_array_elements_text(leads -> 'found') f), lim) INTO counted;
  RETURN counted >= lim;
END $$;

-- One page, ordered by a property and then by id, both turned by `descending`; absent values come last. After a given value and id, so that a later page costs what
-- the first does.
CREATE OR REPLACE FUNCTION list_objects(object_type text, condition jsonb, order_property text, descending boolean, after_value jsonb, after_id text, lim int) RETURNS SETOF object
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp SET enable_seqscan = off AS $$
DECLARE
  gathered constant int := 5000; -- So many objects are fetched and sorted within some ten milliseconds; more than that, and the order's own index is walked.
  leads jsonb := candidates(object_type, condition);
  definition jsonb;
  value text;
  sign text := CASE WHEN descending THEN '<' ELSE '>' END;
  direction text := CASE WHEN descending THEN 'DESC' ELSE 'ASC' END;
  after text := '';
BEGIN
  IF coalesce(order_property, 'id') = 'id' THEN
    RETURN QUERY SELECT * FROM list_by_id(object_type, condition, leads, descending, after_id, lim);
    RETURN;
  END IF;
  SELECT t.definition -> 'properties' -> order_property INTO definition FROM object_type t WHERE t.name = object_type;
  -- A range over the very property that orders begins the walk; what else leads to few objects is gathered.
  IF is_walkable(object_type, order_property) AND definition ->> 'type' <> 'array'
     AND (coalesce((leads -> 'rank')::int >= 3 AND cardinality(order_bounds(condition, order_property, definition)) > 0, false) OR is_many(leads, gathered)) THEN
    RETURN QUERY SELECT * FROM list_by_index(object_type, condition, order_property, definition, descending, after_value, after_id, lim);
    RETURN;
  END IF;
  value := value_sql(definition ->> 'type', order_property);
  IF after_id IS NOT NULL AND coalesce(jsonb_typeof(after_value), 'null') <> 'null' THEN
    after := format(' AND (%1$s %2$s %3$s OR (%1$s = %3$s AND o.id %2$s %4$L) OR %1$s IS NULL)', value, sign, literal_sql(definition ->> 'type', after_value), after_id);
  ELSIF after_id IS NOT NULL THEN
    after := format(' AND %s IS NULL AND o.id %s %L', value, sign, after_id);
  END IF;
  RETURN QUERY EXECUTE format('SELECT (o.object).* %s%s ORDER BY %s %s NULLS LAST, o.id %s LIMIT %s',
                              selected_sql(object_type, condition, leads), after, value, direction, direction, lim);
END $$;

-- By id. The rows of one key stand in the order of ids and are walked, from several keys side by side; other candidates are gathered, unless they are too many.
CREATE FUNCTION list_by_id(object_type text, condition jsonb, leads jsonb, descending boolean, after_id text, lim int) RETURNS SETOF object
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
  gathered constant int := 20000; -- Ids alone, out of the index: sorted within some ten milliseconds.
  direction text := CASE WHEN descending THEN 'DESC' ELSE 'ASC' END;
  behind text := CASE WHEN after_id IS NULL THEN 'IS NOT NULL' ELSE format('%s %L', CASE WHEN descending THEN '<' ELSE '>' END, after_id) END;
BEGIN
  IF (leads -> 'points')::boolean THEN
    RETURN QUERY EXECUTE (
      SELECT format('SELECT (o.object).* FROM (SELECT DISTINCT ON (o.id) o.id, o.object FROM (%s) o ORDER BY o.id %s) o ORDER BY o.id %s LIMIT %s', string_agg(part, ' UNION ALL '), direction, direction, lim)
        FROM (SELECT format('(SELECT o.id, o.object FROM (%s AND i.object_id %s) c
                               CROSS JOIN LATERAL (SELECT o AS object, o.id FROM exequatur.object o WHERE o.tenant_id = (SELECT current_setting(''app.tenant'')::uuid) AND o.type = %L AND o.id = c.object_id AND o.alive AND %s OFFSET 0) o
                              ORDER BY c.object_id %s LIMIT %s)', f, behind, object_type, condition_sql(object_type, condition), direction, lim) AS part
                FROM jsonb_array_elements_text(leads -> 'found') f) p);
  ELSE
    RETURN QUERY EXECUTE format('SELECT (o.object).* %s ORDER BY c.object_id %s LIMIT %s',
      selected_sql(object_type, condition, CASE WHEN is_many(leads, gathered) THEN NULL ELSE leads END, direction, behind), direction, lim);
  END IF;
END $$;

-- Where among the keys of the order's property everything lies that the condition selects.
CREATE FUNCTION order_bounds(condition jsonb, order_property text, definition jsonb) RETURNS text[] LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT ARRAY(SELECT k FROM jsonb_array_elements(CASE WHEN condition ? 'all' THEN condition -> 'all' ELSE jsonb_build_array(condition) END) c CROSS JOIN LATERAL key_sql(definition, c) k
                WHERE c ->> 'property' = order_property AND c ->> 'op' IN ('eq', 'lt', 'le', 'gt', 'ge', 'startsWith', 'present'))
$$;

-- By an indexed property, along its index rows: within one key by id, but for keys that are cut, whose few objects are sorted by the whole text.
CREATE FUNCTION list_by_index(object_type text, condition jsonb, order_property text, definition jsonb, descending boolean, after_value jsonb, after_id text, lim int) RETURNS SETOF object
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
  kind text := definition ->> 'type';
  value text := value_sql(kind, order_property);
  sign text := CASE WHEN descending THEN '<' ELSE '>' END;
  direction text := CASE WHEN descending THEN 'DESC' ELSE 'ASC' END;
  bounds text[] := order_bounds(condition, order_property, definition);
  -- Whether the condition may select objects without the property at all.
  is_open boolean := NOT EXISTS (SELECT FROM jsonb_array_elements(CASE WHEN condition ? 'all' THEN condition -> 'all' ELSE jsonb_build_array(condition) END) c
                                  WHERE c ->> 'property' = order_property AND c ->> 'op' <> 'ne');
  asked text := format('o.tenant_id = (SELECT current_setting(''app.tenant'')::uuid) AND o.type = %L AND o.alive AND %s', object_type, condition_sql(object_type, condition));
  rows text := format('FROM exequatur.object_index i CROSS JOIN LATERAL (SELECT o AS object, %s AS value FROM exequatur.object o WHERE %s AND o.id = i.object_id OFFSET 0) o
                       WHERE i.tenant_id = (SELECT current_setting(''app.tenant'')::uuid) AND i.type = %L AND i.property = %L', value, asked, object_type, order_property);
  at_key text := CASE WHEN after_id IS NOT NULL AND coalesce(jsonb_typeof(after_value), 'null') <> 'null' THEN index_key(kind, after_value) END;
  at_id text := after_id;
  is_cut boolean := kind IN ('string', 'enum') AND length(at_key) = 256;
  remaining int := lim;
  seen int;
  r record;
  one object;
BEGIN
  -- A page that begins among absent values has no values behind it.
  WHILE remaining > 0 AND (after_id IS NULL OR at_key IS NOT NULL) LOOP
    IF is_cut THEN
      RETURN QUERY EXECUTE format('SELECT (o.object).* %s AND i.key = %L %s ORDER BY o.value %s, i.object_id %s LIMIT %s', rows, at_key,
        CASE WHEN at_id IS NULL THEN '' ELSE format('AND (o.value, i.object_id) %s (%L COLLATE "C", %L)', sign, after_value #>> '{}', at_id) END, direction, direction, remaining);
      GET DIAGNOSTICS seen = ROW_COUNT;
      remaining := remaining - seen;
      at_id := NULL;
      EXIT WHEN remaining <= 0;
    END IF;
    is_cut := false;
    FOR r IN EXECUTE format('SELECT i.key, o.object %s %s %s ORDER BY i.key %s, i.object_id %s LIMIT %s', rows,
      CASE WHEN at_key IS NULL THEN '' WHEN at_id IS NULL THEN format('AND i.key %s %L', sign, at_key) ELSE format('AND (i.key, i.object_id) %s (%L, %L)', sign, at_key, at_id) END,
      (SELECT string_agg(' AND ' || b, '') FROM unnest(bounds) b), direction, direction, remaining)
    LOOP
      is_cut := kind IN ('string', 'enum') AND length(r.key) = 256;
      at_key := r.key;
      EXIT WHEN is_cut;
      one := r.object;
      RETURN NEXT one;
      remaining := remaining - 1;
    END LOOP;
    at_id := NULL;
    EXIT WHEN NOT is_cut;
  END LOOP;
  IF remaining > 0 AND is_open THEN
    RETURN QUERY EXECUTE format('SELECT o.* FROM exequatur.object o WHERE %s AND NOT o.properties ? %L %s ORDER BY o.id %s LIMIT %s', asked, order_property,
      CASE WHEN after_id IS NULL OR coalesce(jsonb_typeof(after_value), 'null') <> 'null' THEN '' ELSE format('AND o.id %s %L', sign, after_id) END, direction, remaining);
  END IF;
END $$;

DO $$
DECLARE f regprocedure;
BEGIN
  FOR f IN SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'exequatur'::regnamespace
             AND p.proname IN ('comparison_sql', 'is_walkable', 'key_sql', 'candidates', 'part_of_index', 'selected_sql', 'count_objects', 'is_many', 'list_by_id', 'list_by_index', 'order_bounds') LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO {{api}}, {{worker}}, {{door}}', f);
  END LOOP;
END $$;
