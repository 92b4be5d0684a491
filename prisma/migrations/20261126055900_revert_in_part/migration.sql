-- A revert may leave out what others changed since, where its proposer says so. The door lets a revert restore any part of what was changed, and nothing else.
SET LOCAL search_path = exequatur, pg_catalog;
ALTER TABLE proposal ADD COLUMN skips_conflicts boolean NOT NULL DEFAULT false, ADD CHECK (NOT skips_conflicts OR revert_of IS NOT NULL);
