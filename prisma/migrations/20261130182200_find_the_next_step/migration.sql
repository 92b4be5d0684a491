-- What comes next in a saga is found without reading its other steps: an index holds those alone that may be it. store/saga/saga-ahead.ts asks in these words.
SET LOCAL search_path = exequatur, pg_catalog;

CREATE INDEX saga_step_to_do ON saga_step (tenant_id, proposal_id, run, ordinal) WHERE state IN ('waiting', 'sending');
CREATE INDEX saga_step_failed ON saga_step (tenant_id, proposal_id, run, ordinal) WHERE state IN ('refused', 'unknown') AND NOT optional;
CREATE INDEX saga_step_to_undo ON saga_step (tenant_id, proposal_id, run, phase, ordinal)
  WHERE phase <> 'check' AND (state IN ('undoing', 'stuck') OR (state IN ('done', 'sending', 'unknown') AND (compensated OR NOT optional)));
