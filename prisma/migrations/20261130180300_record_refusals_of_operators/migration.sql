-- Whoever wants to stop an execution, decide how it goes on, or look back at an emergency is answered on record as well.
ALTER TABLE exequatur.decision DROP CONSTRAINT decision_action_check,
  ADD CONSTRAINT decision_action_check CHECK (action IN ('propose', 'revise', 'revert', 'withdraw', 'review', 'stage', 'execute', 'override', 'cancel', 'resolve', 'look back'));
