-- Every answer that shows a proposal asks whether a revert of its execution was executed. Without this it walks all proposals that there are.
SET LOCAL search_path = exequatur, pg_catalog;
CREATE INDEX proposal_of_revert ON proposal (tenant_id, revert_of) WHERE revert_of IS NOT NULL;
