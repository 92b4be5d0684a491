-- An approved plan that is not executed has a decision that says why: it is held, or goes back to people or to its simulation.
ALTER TABLE exequatur.decision DROP CONSTRAINT decision_outcome_check, DROP CONSTRAINT decision_check,
  ADD CONSTRAINT decision_outcome_check CHECK (outcome IN ('allowed', 'refused', 'asked', 'held')),
  ADD CONSTRAINT decision_reason_check CHECK ((outcome IN ('refused', 'held')) = (reason IS NOT NULL));
