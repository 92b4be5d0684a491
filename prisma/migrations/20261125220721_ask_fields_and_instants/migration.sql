-- Conditions ask about fields of structs, about the coordinates of points and about the size of lists, none of which has index rows. Instants finer than milliseconds sort
-- as they lie. The functions run as their caller, under the caller's row-level security.
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
    -- Digits behind the milliseconds come behind the Z, which otherwise sorts behind every digit; instants with milliseconds alone are their own key.
    WHEN kind = 'timestamp' THEN left(value #>> '{}', 23) || 'Z' || rtrim(substr(value #>> '{}', 24), 'Z')
    ELSE left(value #>> '{}', 256)
  END
$$;

-- SQL text that gives a stored value's text, as SQL that compares as the value does.
CREATE FUNCTION typed_sql(kind text, held text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN kind IN ('integer', 'double', 'long', 'decimal') THEN format('(%s)::numeric', held)
    WHEN kind = 'boolean' THEN format('(%s)::boolean', held)
    WHEN kind = 'timestamp' THEN format('(left(%1$s, 23) || ''Z'' || rtrim(substr(%1$s, 24), ''Z'')) COLLATE "C"', held)
    ELSE format('(%s) COLLATE "C"', held)
  END
$$;

CREATE OR REPLACE FUNCTION value_sql(kind text, property text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN property = 'id' THEN 'o.id' ELSE exequatur.typed_sql(kind, format('(o.properties ->> %L)', property)) END
$$;

CREATE OR REPLACE FUNCTION literal_sql(kind text, value jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN kind IN ('integer', 'double', 'long', 'decimal') THEN format('%L::numeric', value #>> '{}')
    WHEN kind = 'boolean' THEN format('%L::boolean', value #>> '{}')
    WHEN kind = 'timestamp' THEN format('%L', left(value #>> '{}', 23) || 'Z' || rtrim(substr(value #>> '{}', 24), 'Z'))
    ELSE format('%L', value #>> '{}')
  END
$$;

-- One comparison of the value itself; two-valued, so that NOT of a comparison with an absent property is true.
CREATE OR REPLACE FUNCTION comparison_sql(definition jsonb, c jsonb) RETURNS text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  property text := c ->> 'property';
  op text := c ->> 'op';
  path text[] := ARRAY(SELECT jsonb_array_elements_text(coalesce(c -> 'path', '[]')));
  field text;
  kind text;
  sign text := CASE coalesce(c ->> 'is', op) WHEN 'eq' THEN '=' WHEN 'lt' THEN '<' WHEN 'le' THEN '<=' WHEN 'gt' THEN '>' WHEN 'ge' THEN '>=' END;
  json text;
  held text;
BEGIN
  -- A field of a struct is described there; a point holds two doubles.
  FOREACH field IN ARRAY path LOOP
    definition := CASE WHEN definition ->> 'type' = 'geopoint' THEN '{"type": "double"}' ELSE definition -> 'properties' -> field END;
  END LOOP;
  kind := CASE WHEN property = 'id' THEN 'string' ELSE coalesce(definition ->> 'type', 'string') END;
  json := CASE WHEN cardinality(path) = 0 THEN format('(o.properties -> %L)', property) ELSE format('(o.properties #> %L::text[])', property || path) END;
  held := CASE WHEN cardinality(path) = 0 THEN value_sql(kind, property) ELSE typed_sql(kind, format('(o.properties #>> %L::text[])', property || path)) END;
  -- Every object has an id, and its index answers only what stands alone.
  IF property = 'id' AND sign IS NOT NULL THEN
    RETURN format('(o.id %s %L)', sign, c ->> 'value');
  ELSIF property = 'id' AND op = 'startsWith' THEN
    RETURN format('(o.id >= %L AND o.id <= %L)', c ->> 'value', (c ->> 'value') || repeat(chr(1114111), 256));
  END IF;
  CASE op
    WHEN 'present' THEN RETURN CASE WHEN property = 'id' THEN 'true' WHEN cardinality(path) > 0 THEN format('(%s IS NOT NULL)', json) ELSE format('(o.properties ? %L)', property) END;
    -- The CASE keeps what is no list from being measured.
    WHEN 'size' THEN RETURN format('coalesce(CASE jsonb_typeof(%1$s) WHEN ''array'' THEN jsonb_array_length(%1$s) END %2$s %3$L::numeric, %4$s)', json, coalesce(sign, '<>'), c ->> 'value', (sign IS NULL)::text);
    WHEN 'contains' THEN RETURN format('coalesce(%s @> jsonb_build_array(%L::jsonb), false)', json, c -> 'value');
    WHEN 'containsAny' THEN
      RETURN format('coalesce(%s ?| %L::text[], false)', json, ARRAY(SELECT jsonb_array_elements_text(c -> 'values')));
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

REVOKE EXECUTE ON FUNCTION typed_sql(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION typed_sql(text, text) TO {{api}}, {{worker}}, {{door}};
