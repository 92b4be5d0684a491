-- The schema, and what each role may do at all. The migrator creates the roles before this runs: {{owner}}, {{door}}, {{audit_writer}} and {{relay_reader}} cannot log in;
-- {{api}}, {{worker}} and {{relay}} can. None has BYPASSRLS. Everything from here on is created as {{owner}}.
CREATE SCHEMA exequatur;
GRANT USAGE ON SCHEMA exequatur TO {{door}}, {{audit_writer}}, {{relay_reader}}, {{api}}, {{worker}}, {{relay}};
-- PostgreSQL lets everybody execute a new function; here nobody may unless granted.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
