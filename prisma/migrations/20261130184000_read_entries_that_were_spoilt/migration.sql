-- Of an entry whose bytes somebody with all rights made into what no entry is, the export goes on: whoever verifies it names the entry. An error would end it at the page before.
SET LOCAL search_path = exequatur, pg_catalog;

-- The text of a payload; null where its bytes are no text in UTF-8.
CREATE FUNCTION entry_text(payload bytea) RETURNS text LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN convert_from(payload, 'UTF8');
EXCEPTION WHEN character_not_in_repertoire THEN
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION entry_text(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION entry_text(bytea) TO {{api}};
