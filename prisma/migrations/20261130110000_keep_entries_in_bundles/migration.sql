-- C2SP's tlog-tiles has the length of an entry in two bytes, and an entry is its payload and 88 bytes. Longer ones that are there already stay, and are in exports.
SET LOCAL search_path = exequatur, pg_catalog;

ALTER TABLE audit_entry ADD CONSTRAINT audit_entry_fits_bundle CHECK (length(payload) <= 65447) NOT VALID;
