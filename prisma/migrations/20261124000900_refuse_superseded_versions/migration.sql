-- A plan made under a version of its action type that is no longer in force executes only where `keepVersion` says so: an older version may have asked for less.
-- A revert carries the version of what it takes back, whatever came since.
SET LOCAL search_path = exequatur, pg_catalog;
GRANT EXECUTE ON FUNCTION keeps_version(text, int) TO {{door}};

CREATE FUNCTION refuse_superseded() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM proposal p JOIN action_type a ON a.tenant_id = p.tenant_id AND a.name = p.action_type
                  WHERE p.tenant_id = NEW.tenant_id AND p.id = NEW.proposal_id
                    AND (p.revert_of IS NOT NULL OR NOT a.retired AND (a.current_version = p.action_type_version OR keeps_version(p.action_type, p.action_type_version)))) THEN
    RAISE EXCEPTION 'the action type has another version' USING ERRCODE = 'XQ017';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER refuse_superseded BEFORE INSERT ON execution FOR EACH ROW EXECUTE FUNCTION refuse_superseded();
