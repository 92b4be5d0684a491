-- Why somebody cancelled an execution stands in a place of its own, where it is erased with them. It stood in the words of the failure as well, where nothing took it out.
SET LOCAL search_path = exequatur, pg_catalog;

CREATE FUNCTION pg_temp.without_reason(failure jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT jsonb_set(failure, '{faults}', (
    SELECT jsonb_agg(CASE WHEN f.one ->> 'code' = 'cancelled' THEN f.one || '{"message": "It was cancelled."}' ELSE f.one END ORDER BY f.n)
      FROM jsonb_array_elements(failure -> 'faults') WITH ORDINALITY AS f(one, n)))
$$;

-- Nobody else sees the tables meanwhile.
ALTER TABLE proposal NO FORCE ROW LEVEL SECURITY, DISABLE TRIGGER USER;
ALTER TABLE saga NO FORCE ROW LEVEL SECURITY, DISABLE TRIGGER USER;
UPDATE proposal p SET failure = pg_temp.without_reason(p.failure) WHERE p.failure @> '{"faults": [{"code": "cancelled"}]}';
UPDATE saga s SET failure = pg_temp.without_reason(s.failure) WHERE s.failure @> '{"faults": [{"code": "cancelled"}]}';
ALTER TABLE saga ENABLE TRIGGER USER, FORCE ROW LEVEL SECURITY;
ALTER TABLE proposal ENABLE TRIGGER USER, FORCE ROW LEVEL SECURITY;
DROP FUNCTION pg_temp.without_reason(jsonb);
