-- Whoever is stopped by a switch on themselves, or on an agent of theirs, does not approve that it is on again.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- As before; and of a switch on a principal or an agent, on the side of whom it stops.
CREATE OR REPLACE FUNCTION concerned_by(edit plan_edit) RETURNS SETOF text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  RETURN QUERY
  SELECT b.id FROM unnest(CASE edit.type
           WHEN '$delegation' THEN ARRAY[edit.set ->> 'delegator', edit.set ->> 'delegate']
           WHEN '$principal' THEN edit.id || ARRAY(SELECT jsonb_array_elements_text(edit.set -> 'change' -> 'linkedIdentities'))
           WHEN '$switch' THEN ARRAY(SELECT substring(edit.id FROM '^(?:principal|agent)/(.*)$')) END) c(id)
    CROSS JOIN LATERAL stands_behind(c.id, NULL) b(id);
END $$;
SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
