-- Indexed properties whose rows are still being made: the door keeps them up, and no query looks things up in them yet.
SET LOCAL search_path = exequatur, pg_catalog;
ALTER TABLE object_type ADD COLUMN building text[] NOT NULL DEFAULT '{}';
