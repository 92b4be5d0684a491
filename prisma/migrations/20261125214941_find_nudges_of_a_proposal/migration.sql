-- Every step notes which nudges of its proposal it has seen. Without this it walks all that are undelivered, which after an hour without Temporal are many.
SET LOCAL search_path = exequatur, pg_catalog;
CREATE INDEX nudge_undelivered_of_proposal ON nudge (tenant_id, proposal_id) WHERE delivered_at IS NULL;
