-- What a process is asked at /readyz: whether the database is there and has room to write. It sorts a mebibyte, for which it has no memory, so that it needs as much of the disk for a moment; where
-- there is none it is refused with 53100, as what wants to be stored is.
SET LOCAL search_path = exequatur, pg_catalog;

CREATE FUNCTION has_room() RETURNS boolean LANGUAGE sql VOLATILE SET search_path = pg_catalog, exequatur, pg_temp SET work_mem = '64kB' AS $$
  SELECT count(*) = 1000 FROM (SELECT n, repeat('x', 1000) AS room FROM generate_series(1, 1000) AS n ORDER BY n DESC OFFSET 0) s WHERE s.room <> ''
$$;
REVOKE EXECUTE ON FUNCTION has_room() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION has_room() TO {{api}}, {{worker}}, {{relay}};
