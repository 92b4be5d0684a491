-- What an entry says is compared as whoever verifies it reads it, however it is spelled; and canonical text that is made here has its members in the order of RFC 8785.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{audit_writer}};
SET LOCAL ROLE {{audit_writer}};
SET LOCAL search_path = exequatur, pg_catalog;

-- As before, but that what needs no rows is asked without a query, as is whether the one decision that most entries commit to is there twice; and of the proposal's entries those are read that have the commitment in their bytes, or could have it spelled with escapes. Canonical text has those of control characters
-- alone, so of most entries the bytes are enough.
CREATE OR REPLACE FUNCTION are_new_decisions(tenant uuid, proposal uuid, decisions jsonb) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
  one text;
BEGIN
  IF jsonb_typeof(decisions) <> 'array' OR proposal IS NULL
     OR decisions @? 'strict $[*] ? (@.type() != "string" || !(@ like_regex "^[0-9a-f]{64}$"))' THEN
    RETURN false;
  END IF;
  IF jsonb_array_length(decisions) > 1 THEN
    IF (SELECT count(DISTINCT d) < count(*) FROM jsonb_array_elements(decisions) d) THEN
      RETURN false;
    END IF;
  END IF;
  FOR at IN 0 .. jsonb_array_length(decisions) - 1 LOOP
    one := decisions ->> at;
    IF EXISTS (SELECT FROM audit_entry e
                WHERE e.tenant_id = tenant AND e.proposal_id = are_new_decisions.proposal
                  AND (position(convert_to(one, 'UTF8') IN e.payload) > 0 OR position('\x5c75'::bytea IN e.payload) > 0)
                  AND convert_from(e.payload, 'UTF8')::jsonb -> 'decisions' ? one) THEN
      RETURN false;
    END IF;
  END LOOP;
  RETURN true;
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{audit_writer}};
GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- What names of members are put in order by, under COLLATE "C": RFC 8785 goes by UTF-16, where what lies beyond U+FFFF is written in units from U+D800 on, before U+E000 to U+FFFF.
-- So each of the latter is put behind the last character that there is, which gets the least one behind it to stay before them. A name in ASCII, as all are that an honest
-- server writes, is its own. By their numbers, since this becomes part of a query that is read with the settings of a session.
CREATE FUNCTION utf16_order(name text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN octet_length(name) = length(name) THEN name
              ELSE regexp_replace(replace(name, chr(1114111), chr(1114111) || chr(1)), '([' || chr(57344) || '-' || chr(65535) || '])', chr(1114111) || chr(92) || '1', 'g') END
$$;
REVOKE EXECUTE ON FUNCTION utf16_order(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION utf16_order(text) TO {{audit_writer}};

-- As before but for that order; and it calls itself for what has members alone, and not for a number or what is empty.
CREATE OR REPLACE FUNCTION canonical_facts(value jsonb) RETURNS text LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  CASE jsonb_typeof(value)
    WHEN 'object' THEN
      RETURN '{' || coalesce((SELECT string_agg(to_json(e.key)::text || ':' || CASE WHEN is_written_alike(e.value) THEN e.value::text ELSE canonical_facts(e.value) END,
                                                ',' ORDER BY utf16_order(e.key) COLLATE "C") FROM jsonb_each(value) e), '') || '}';
    WHEN 'array' THEN
      RETURN '[' || coalesce((SELECT string_agg(CASE WHEN is_written_alike(e.one) THEN e.one::text ELSE canonical_facts(e.one) END, ',' ORDER BY e.n)
                                FROM jsonb_array_elements(value) WITH ORDINALITY AS e(one, n)), '') || ']';
    WHEN 'number' THEN
      IF value::text !~ '^-?[0-9]{1,15}$' THEN
        RAISE EXCEPTION 'an audit entry holds whole numbers, not %', value USING ERRCODE = 'XQ015';
      END IF;
      RETURN value::text;
    ELSE
      RETURN value::text;
  END CASE;
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
