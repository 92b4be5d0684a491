-- A check with a bake time is asked again and again until that is over: store/saga/bake-time.ts.
SET LOCAL search_path = exequatur, pg_catalog;

ALTER TABLE saga_step
  -- Until when it is asked; set when it is first asked.
  ADD COLUMN bakes_until timestamptz,
  -- How many of its attempts belong to askings that are over: what nobody answers is given up by the attempts of one asking.
  ADD COLUMN earlier_attempts int NOT NULL DEFAULT 0,
  ADD CONSTRAINT saga_step_earlier_attempts_check CHECK (earlier_attempts BETWEEN 0 AND attempts);
GRANT UPDATE (bakes_until, earlier_attempts) ON saga_step TO {{worker}};

-- Checks bake side by side, so which is next is a matter of when they are due, and not of their place. store/saga/saga-ahead.ts asks in these words.
DROP INDEX saga_step_to_do;
CREATE INDEX saga_step_to_do ON saga_step (tenant_id, proposal_id, run, ordinal) WHERE phase <> 'check' AND state IN ('waiting', 'sending');
CREATE INDEX saga_step_to_ask ON saga_step (tenant_id, proposal_id, run, due_at NULLS FIRST, ordinal) WHERE phase = 'check' AND state IN ('waiting', 'sending');
