-- Conditions (ontology/condition.ts) become SQL here and nowhere else: simulation, lists and the door ask the same function.
SET LOCAL search_path = exequatur, pg_catalog;

-- The helpers below run as their caller and pin no search_path, so that PostgreSQL can inline them.
-- What an index row holds for a value: text that sorts as the value does. Long text is cut, so a comparison through the index is followed by one on the value itself.
CREATE FUNCTION index_key(kind text, value jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    -- The bits of a double, with the sign turned over for positive numbers and all bits for negative ones, sort as the numbers do; adding 0 makes -0 a 0.
    -- Written without a sub-select, since PostgreSQL inlines no function that has one, and this one is called for every index row.
    WHEN kind IN ('integer', 'double', 'long', 'decimal') THEN
      lpad(to_hex((CASE WHEN (value #>> '{}')::float8 >= 0
        THEN ('x' || encode(float8send((value #>> '{}')::float8 + 0), 'hex'))::bit(64) # B'1000000000000000000000000000000000000000000000000000000000000000'
        ELSE ~('x' || encode(float8send((value #>> '{}')::float8 + 0), 'hex'))::bit(64) END)::bigint), 16, '0')
    ELSE left(value #>> '{}', 256)
  END
$$;

-- All keys of one property of one object: one per element for a list.
CREATE FUNCTION index_keys(definition jsonb, value jsonb) RETURNS SETOF text LANGUAGE sql IMMUTABLE AS $$
  SELECT DISTINCT exequatur.index_key(definition -> 'items' ->> 'type', e) FROM jsonb_array_elements(CASE WHEN jsonb_typeof(value) = 'array' THEN value ELSE '[]' END) e
  UNION ALL
  SELECT exequatur.index_key(definition ->> 'type', value) WHERE jsonb_typeof(value) NOT IN ('array', 'null')
$$;

CREATE FUNCTION value_sql(kind text, property text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN property = 'id' THEN 'o.id'
    WHEN kind IN ('integer', 'double', 'long', 'decimal') THEN format('(o.properties ->> %L)::numeric', property)
    WHEN kind = 'boolean' THEN format('(o.properties ->> %L)::boolean', property)
    ELSE format('(o.properties ->> %L) COLLATE "C"', property)
  END
$$;

CREATE FUNCTION literal_sql(kind text, value jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN kind IN ('integer', 'double', 'long', 'decimal') THEN format('%L::numeric', value #>> '{}')
    WHEN kind = 'boolean' THEN format('%L::boolean', value #>> '{}')
    ELSE format('%L', value #>> '{}')
  END
$$;

-- One comparison; two-valued, so that NOT of a comparison with an absent property is true. Through the index where there is one.
CREATE FUNCTION comparison_sql(object_type text, definition jsonb, is_indexed boolean, c jsonb) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  property text := c ->> 'property';
  op text := c ->> 'op';
  kind text := CASE WHEN property = 'id' THEN 'string' ELSE coalesce(definition ->> 'type', 'string') END;
  sign text := CASE op WHEN 'eq' THEN '=' WHEN 'lt' THEN '<' WHEN 'le' THEN '<=' WHEN 'gt' THEN '>' WHEN 'ge' THEN '>=' END;
  -- The indexed key may be cut or rounded, so a strict order becomes an inclusive one.
  key_sign text := CASE op WHEN 'eq' THEN '=' WHEN 'lt' THEN '<=' WHEN 'le' THEN '<=' WHEN 'gt' THEN '>=' WHEN 'ge' THEN '>=' END;
  exact text;
  keys text;
BEGIN
  IF op = 'present' THEN
    RETURN CASE WHEN property = 'id' THEN 'true' ELSE format('(o.properties ? %L)', property) END;
  ELSIF op = 'contains' THEN
    exact := format('coalesce(o.properties -> %L @> jsonb_build_array(%L::jsonb), false)', property, c -> 'value');
    keys := format('i.key = %L', index_key(definition -> 'items' ->> 'type', c -> 'value'));
  ELSIF op = 'containsAny' THEN
    IF jsonb_array_length(c -> 'values') = 0 THEN
      RETURN 'false';
    END IF;
    exact := (SELECT format('coalesce(o.properties -> %L ?| ARRAY[%s], false)', property, string_agg(format('%L', v), ', ')) FROM jsonb_array_elements_text(c -> 'values') v);
    keys := (SELECT format('i.key IN (%s)', string_agg(format('%L', index_key('string', to_jsonb(v))), ', ')) FROM jsonb_array_elements_text(c -> 'values') v);
  ELSIF op = 'startsWith' THEN
    RETURN format('coalesce(starts_with(%s, %L), false)', value_sql(kind, property), c ->> 'value');
  ELSIF op = 'in' THEN
    IF jsonb_array_length(c -> 'values') = 0 THEN
      RETURN 'false';
    END IF;
    exact := (SELECT format('coalesce(%s IN (%s), false)', value_sql(kind, property), string_agg(literal_sql(kind, v), ', ')) FROM jsonb_array_elements(c -> 'values') v);
    keys := (SELECT format('i.key IN (%s)', string_agg(format('%L', index_key(kind, v)), ', ')) FROM jsonb_array_elements(c -> 'values') v);
  ELSIF op = 'ne' THEN
    RETURN format('coalesce(%s <> %s, true)', value_sql(kind, property), literal_sql(kind, c -> 'value'));
  ELSIF sign IS NULL THEN
    RAISE EXCEPTION 'unknown comparison' USING ERRCODE = 'XQ013';
  ELSE
    exact := format('coalesce(%s %s %s, false)', value_sql(kind, property), sign, literal_sql(kind, c -> 'value'));
    keys := format('i.key %s %L', key_sign, index_key(kind, c -> 'value'));
  END IF;
  IF NOT is_indexed THEN
    RETURN exact;
  END IF;
  RETURN format('(o.id IN (SELECT i.object_id FROM exequatur.object_index i WHERE i.tenant_id = (SELECT current_setting(''app.tenant'')::uuid) AND i.type = %L AND i.property = %L AND %s) AND %s)',
                object_type, property, keys, exact);
END $$;

CREATE FUNCTION condition_sql(object_type text, c jsonb) RETURNS text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  known record;
BEGIN
  IF c ? 'all' THEN
    RETURN coalesce((SELECT '(' || string_agg(condition_sql(object_type, x), ' AND ') || ')' FROM jsonb_array_elements(c -> 'all') x), 'true');
  ELSIF c ? 'any' THEN
    RETURN coalesce((SELECT '(' || string_agg(condition_sql(object_type, x), ' OR ') || ')' FROM jsonb_array_elements(c -> 'any') x), 'false');
  ELSIF c ? 'not' THEN
    RETURN format('(NOT %s)', condition_sql(object_type, c -> 'not'));
  END IF;
  SELECT t.definition -> 'properties' -> (c ->> 'property') AS definition, (c ->> 'property') = ANY (t.indexed) AS is_indexed INTO known
    FROM object_type t WHERE t.name = object_type;
  RETURN comparison_sql(object_type, known.definition, coalesce(known.is_indexed, false), c);
END $$;

-- Live objects that the condition selects, in the order of their ids' bytes. Runs as the caller, under the caller's row-level security.
CREATE FUNCTION query_objects(object_type text, condition jsonb) RETURNS SETOF object LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  RETURN QUERY EXECUTE format('SELECT o.* FROM exequatur.object o WHERE o.tenant_id = (SELECT current_setting(''app.tenant'')::uuid) AND o.type = %L AND o.alive AND %s ORDER BY o.id',
                              object_type, condition_sql(object_type, condition));
END $$;

-- One page, ordered by a property (absent values last) and then by id, after a given value and id; the keyset makes later pages as cheap as the first.
CREATE FUNCTION list_objects(object_type text, condition jsonb, order_property text, descending boolean, after_value jsonb, after_id text, lim int) RETURNS SETOF object
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  kind text;
  value text;
  after text := 'true';
BEGIN
  SELECT t.definition -> 'properties' -> order_property ->> 'type' INTO kind FROM object_type t WHERE t.name = object_type;
  value := value_sql(coalesce(kind, 'string'), coalesce(order_property, 'id'));
  IF coalesce(order_property, 'id') = 'id' THEN
    IF after_id IS NOT NULL THEN
      after := format('o.id %s %L', CASE WHEN descending THEN '<' ELSE '>' END, after_id);
    END IF;
  ELSIF after_id IS NOT NULL AND jsonb_typeof(after_value) IS DISTINCT FROM 'null' AND after_value IS NOT NULL THEN
    after := format('(%1$s %2$s %3$s OR (%1$s = %3$s AND o.id > %4$L) OR %1$s IS NULL)', value, CASE WHEN descending THEN '<' ELSE '>' END, literal_sql(kind, after_value), after_id);
  ELSIF after_id IS NOT NULL THEN
    after := format('(%s IS NULL AND o.id > %L)', value, after_id);
  END IF;
  RETURN QUERY EXECUTE format(
    'SELECT o.* FROM exequatur.object o WHERE o.tenant_id = (SELECT current_setting(''app.tenant'')::uuid) AND o.type = %L AND o.alive AND %s AND %s ORDER BY %s %s NULLS LAST, o.id LIMIT %s',
    object_type, condition_sql(object_type, condition), after, value, CASE WHEN descending THEN 'DESC' ELSE 'ASC' END, lim);
END $$;

-- What a query of a read set selects now, as the hash that the read set holds.
CREATE FUNCTION query_fingerprint(query jsonb) RETURNS text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  found text;
BEGIN
  IF query ->> 'kind' = 'objects' THEN
    EXECUTE format('SELECT string_agg(o.id, E''\n'' ORDER BY o.id) FROM exequatur.object o WHERE o.tenant_id = (SELECT current_setting(''app.tenant'')::uuid) AND o.type = %L AND o.alive AND %s',
                   query ->> 'type', condition_sql(query ->> 'type', query -> 'where')) INTO found;
  ELSE
    SELECT string_agg(l.from_id || E'\t' || l.to_id, E'\n' ORDER BY l.from_id, l.to_id) INTO found FROM link l
     WHERE l.link = query ->> 'link' AND l.alive
       AND CASE WHEN query ->> 'end' = 'from' THEN l.from_id ELSE l.to_id END = ANY (ARRAY(SELECT jsonb_array_elements_text(query -> 'ids')));
  END IF;
  RETURN encode(sha256(convert_to(coalesce(found, ''), 'UTF8')), 'hex');
END $$;

DO $$
DECLARE f regprocedure;
BEGIN
  FOR f IN SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'exequatur'::regnamespace
             AND p.proname IN ('index_key', 'index_keys', 'value_sql', 'literal_sql', 'comparison_sql', 'condition_sql', 'query_objects', 'list_objects', 'query_fingerprint') LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO {{api}}, {{worker}}, {{door}}', f);
  END LOOP;
END $$;
