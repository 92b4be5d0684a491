-- A plan may have effects and no edits. Its first edit was read as JSON although it is not there: a condition in the same expression does not keep PostgreSQL from computing the
-- rest of it beforehand, a statement of its own does.
GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

CREATE OR REPLACE FUNCTION edits_of(content text) RETURNS plan_edit[] LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  edits plan_edit[];
  sound boolean;
  first text := split_part(content, E'\n', 3);
  common text[] := '{}';
BEGIN
  IF first IS JSON OBJECT THEN
    common := ARRAY(SELECT jsonb_object_keys(CASE WHEN jsonb_typeof(first::jsonb -> 'set') = 'object' THEN first::jsonb -> 'set' ELSE '{}' END));
  END IF;
  SELECT array_agg(ROW(e.op, coalesce(e.type, e.link), e.id, coalesce(e.set, '{}'), e.unset, coalesce(e.before, '{}'),
                       CASE WHEN e.set IS NULL THEN e.unset
                            WHEN e.unset = '{}' AND e.set ?& common AND e.set - common = '{}' THEN common
                            ELSE ARRAY(SELECT jsonb_object_keys(e.set)) || e.unset END,
                       e.from_id, e.to_id)::plan_edit),
         bool_and(coalesce(CASE
           WHEN e.op = 'modify' THEN e.before IS NOT NULL AND (e.set IS NOT NULL OR e.unset <> '{}') AND e.link IS NULL AND e.type IS NOT NULL AND e.id IS NOT NULL
           WHEN e.op = 'create' THEN e.before IS NULL AND e.set IS NOT NULL AND e.unset = '{}' AND e.link IS NULL AND e.type IS NOT NULL AND length(e.id) BETWEEN 1 AND 256 AND e.id !~ '[\x01-\x1f\x7f]'
           WHEN e.op = 'delete' THEN e.before IS NOT NULL AND e.set IS NULL AND e.unset = '{}' AND e.link IS NULL AND e.type IS NOT NULL AND e.id IS NOT NULL
           WHEN e.op IN ('link', 'unlink') THEN e.type IS NULL AND e.link IS NOT NULL AND e.from_id IS NOT NULL AND e.to_id IS NOT NULL
         END, false))
    INTO edits, sound
    FROM (SELECT j ->> 'op' AS op, j ->> 'type' AS type, j ->> 'link' AS link, j ->> 'id' AS id, j ->> 'from' AS from_id, j ->> 'to' AS to_id,
                 CASE jsonb_typeof(j -> 'before') WHEN 'object' THEN j -> 'before' END AS before,
                 CASE jsonb_typeof(j -> 'set') WHEN 'object' THEN j -> 'set' END AS set,
                 CASE jsonb_typeof(j -> 'unset') WHEN 'array' THEN ARRAY(SELECT jsonb_array_elements_text(j -> 'unset')) ELSE '{}' END AS unset
            FROM (SELECT CASE WHEN l.line IS JSON OBJECT WITH UNIQUE KEYS THEN l.line::jsonb END AS j
                    FROM string_to_table(content, E'\n') WITH ORDINALITY AS l(line, n) WHERE l.n > 2 OFFSET 0) parsed OFFSET 0) e;
  IF NOT coalesce(sound, true) THEN
    RAISE EXCEPTION 'a line of the plan is no edit: an object with unique keys, of a known kind and with what that kind has' USING ERRCODE = 'XQ003';
  END IF;
  RETURN coalesce(edits, '{}');
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
