-- Where events go is told by the transaction that changes it, like every other setting: a subscription that is there, is another, or is gone; that the relay gave one up; and
-- that somebody had one begin elsewhere, back to what was sent already or past what was not. So is that somebody stopped an execution, which moves the proposal only later.
SET LOCAL search_path = exequatur, pg_catalog;

CREATE CONSTRAINT TRIGGER told AFTER INSERT OR DELETE ON subscription DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_untold('subscription.changed');
CREATE CONSTRAINT TRIGGER told_where_changed AFTER UPDATE ON subscription DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN ((OLD.id, OLD.name, OLD.url, OLD.filter, OLD.description, OLD.enabled, OLD.starts_seq, OLD.starts_ordinal, OLD.changed_by, OLD.changed_at)
        IS DISTINCT FROM (NEW.id, NEW.name, NEW.url, NEW.filter, NEW.description, NEW.enabled, NEW.starts_seq, NEW.starts_ordinal, NEW.changed_by, NEW.changed_at))
  EXECUTE FUNCTION refuse_untold('subscription.changed');
CREATE CONSTRAINT TRIGGER told_where_given_up AFTER UPDATE ON subscription DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (OLD.disabled_at IS NULL AND NEW.disabled_at IS NOT NULL) EXECUTE FUNCTION refuse_untold('subscription.disabled');
-- A relay moves lanes on, event by event, and no further than it may; the API moves one where somebody asks for it.
CREATE CONSTRAINT TRIGGER told_where_replayed AFTER UPDATE ON event_lane DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN ((OLD.seq, OLD.ordinal) IS DISTINCT FROM (NEW.seq, NEW.ordinal) AND coalesce(nullif(current_setting('role', true), 'none'), session_user) = {{api_literal}})
  EXECUTE FUNCTION refuse_untold('subscription.changed');
CREATE CONSTRAINT TRIGGER told_where_cancelled AFTER UPDATE ON saga DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.cancelled_at IS NOT NULL AND OLD.cancelled_at IS DISTINCT FROM NEW.cancelled_at) EXECUTE FUNCTION refuse_untold_approvals('proposal.cancelling');
-- And how a step outside ended, by whoever carries it out; what an operator decides of one is told as that.
CREATE CONSTRAINT TRIGGER told_where_ended AFTER UPDATE ON saga_step DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (OLD.state IS DISTINCT FROM NEW.state AND NEW.state IN ('done', 'refused', 'unknown', 'undone', 'stuck') AND current_user = {{worker_literal}})
  EXECUTE FUNCTION refuse_untold_approvals('effect.ended');
