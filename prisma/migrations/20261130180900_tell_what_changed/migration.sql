-- What changes is told by the transaction that changes it: asked at its end, since entries are appended last. A stolen login can still change what it may change, and cannot
-- do it in silence. Of proposals, and of what executions are judged by, the log then says what the rows say; of settings, that somebody changed them, and which.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{audit_writer}};
SET LOCAL ROLE {{audit_writer}};
SET LOCAL search_path = exequatur, pg_catalog;

-- A proposal stands where the log says, in the revision that it says. Entries go from state to state, so that all steps are told where the last is.
CREATE FUNCTION refuse_untold_proposals() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF (SELECT p.status FROM proposal p WHERE p.tenant_id = NEW.tenant_id AND p.id = NEW.id) IS DISTINCT FROM told_status(NEW.tenant_id, NEW.id) THEN
    RAISE EXCEPTION 'a proposal stands where no audit entry says' USING ERRCODE = 'XQ015';
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION refuse_untold_revisions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM audit_entry e WHERE e.tenant_id = NEW.tenant_id AND e.proposal_id = NEW.id AND e.type IN ('proposal.revised', 'proposal.raised')
                    AND convert_from(e.payload, 'UTF8')::jsonb -> 'revision' = to_jsonb(NEW.revision)) THEN
    RAISE EXCEPTION 'a proposal has a revision that no audit entry tells of' USING ERRCODE = 'XQ015';
  END IF;
  RETURN NULL;
END $$;

-- By which approvals an execution goes is told where they are given: a review, an emergency, and that others are asked as well.
CREATE FUNCTION refuse_untold_approvals() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  row_now jsonb := to_jsonb(NEW);
  proposal uuid := coalesce((row_now ->> 'proposal_id')::uuid,
                            (SELECT p.id FROM proposal p WHERE p.tenant_id = NEW.tenant_id AND p.plan_id = (row_now ->> 'plan_id')::uuid));
BEGIN
  IF NOT EXISTS (SELECT FROM audit_entry e WHERE e.tenant_id = NEW.tenant_id AND e.proposal_id = proposal AND e.type = TG_ARGV[0]
                    AND (e.xmin = pg_current_xact_id()::xid OR is_written_here(e.xmin))
                    AND CASE TG_TABLE_NAME WHEN 'review' THEN convert_from(e.payload, 'UTF8')::jsonb ->> 'reviewId' = row_now ->> 'id' ELSE true END) THEN
    RAISE EXCEPTION 'no audit entry tells of what was put into %', TG_TABLE_NAME USING ERRCODE = 'XQ015';
  END IF;
  RETURN NULL;
END $$;

-- Entries of this transaction are the last of the log, whose head it holds. `about`: what one of them has to disclose as its principal, or to name among those linked; or null.
CREATE FUNCTION is_told_here(tenant uuid, types text[], about text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN EXISTS (
    SELECT FROM audit_entry e
     WHERE e.tenant_id = tenant AND e.seq > (SELECT h.seq FROM audit_head h WHERE h.tenant_id = tenant) - 1000 AND e.type = ANY (types) AND is_written_here(e.xmin)
       AND (about IS NULL OR EXISTS (
         SELECT FROM audit_disclosure d WHERE d.tenant_id = tenant AND d.entry_id = e.id
            AND ((d.name = 'principal' AND d.value::jsonb = to_jsonb(about)) OR (d.name = 'change' AND d.value::jsonb -> 'linkedIdentities' ? about)))));
END $$;

CREATE FUNCTION refuse_untold() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  row_now jsonb := to_jsonb(coalesce(NEW, OLD));
BEGIN
  IF NOT is_told_here((row_now ->> 'tenant_id')::uuid, TG_ARGV, CASE TG_TABLE_NAME WHEN 'principal' THEN row_now ->> 'id' WHEN 'standing_role' THEN row_now ->> 'principal_id' END) THEN
    RAISE EXCEPTION 'no audit entry tells of what changed in %', TG_TABLE_NAME USING ERRCODE = 'XQ015';
  END IF;
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION refuse_untold_proposals(), refuse_untold_revisions(), refuse_untold_approvals(), refuse_untold(), is_told_here(uuid, text[], text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION refuse_untold_proposals(), refuse_untold_revisions(), refuse_untold_approvals(), refuse_untold() TO {{owner}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{audit_writer}};
GRANT SELECT ON audit_disclosure TO {{audit_writer}};

CREATE CONSTRAINT TRIGGER told_where_created AFTER INSERT ON proposal DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_untold_proposals();
CREATE CONSTRAINT TRIGGER told_where_moved AFTER UPDATE ON proposal DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status)
  EXECUTE FUNCTION refuse_untold_proposals();
CREATE CONSTRAINT TRIGGER told_where_revised AFTER UPDATE ON proposal DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.revision IS DISTINCT FROM NEW.revision)
  EXECUTE FUNCTION refuse_untold_revisions();
CREATE CONSTRAINT TRIGGER told AFTER INSERT ON review DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_untold_approvals('review.recorded');
CREATE CONSTRAINT TRIGGER told AFTER INSERT ON glass DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_untold_approvals('proposal.glass_broken');
CREATE CONSTRAINT TRIGGER told_where_reviewed AFTER UPDATE ON glass DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.reviewed_at IS DISTINCT FROM NEW.reviewed_at)
  EXECUTE FUNCTION refuse_untold_approvals('proposal.emergency_reviewed');
CREATE CONSTRAINT TRIGGER told_where_overdue AFTER UPDATE ON glass DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.overdue_at IS DISTINCT FROM NEW.overdue_at)
  EXECUTE FUNCTION refuse_untold_approvals('proposal.emergency_unreviewed');
CREATE CONSTRAINT TRIGGER told AFTER INSERT ON prompt DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind = 'escalation')
  EXECUTE FUNCTION refuse_untold_approvals('proposal.escalated');

-- What an administrator says of somebody. What a token says of them, and feeds, is told by whoever issued it: a kind, a name, whom an agent acts for, roles for a month.
CREATE CONSTRAINT TRIGGER told_where_known AFTER INSERT ON principal DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.disabled OR NEW.teams <> '{}' OR NEW.person IS NOT NULL OR NEW.sources @? '$.* ? (@.source != "token")') EXECUTE FUNCTION refuse_untold('principal.changed');
CREATE CONSTRAINT TRIGGER told_where_changed AFTER UPDATE ON principal DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN ((OLD.disabled, OLD.teams, OLD.person) IS DISTINCT FROM (NEW.disabled, NEW.teams, NEW.person) OR OLD.sources - 'actsFor' IS DISTINCT FROM NEW.sources - 'actsFor'
    OR (NEW.sources #>> '{actsFor,source}' IS DISTINCT FROM 'token' AND (OLD.sources -> 'actsFor' IS DISTINCT FROM NEW.sources -> 'actsFor' OR OLD.acts_for IS DISTINCT FROM NEW.acts_for))
    OR (OLD.sources #>> '{actsFor,source}' = 'administrator' AND NEW.sources #>> '{actsFor,source}' IS DISTINCT FROM 'administrator'))
  EXECUTE FUNCTION refuse_untold('principal.changed');
CREATE CONSTRAINT TRIGGER told_where_given AFTER INSERT ON standing_role DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.source <> 'token' OR NEW.removed_at IS NOT NULL) EXECUTE FUNCTION refuse_untold('principal.changed');
CREATE CONSTRAINT TRIGGER told_where_changed AFTER UPDATE ON standing_role DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (OLD.source IS DISTINCT FROM NEW.source OR (OLD.source = 'administrator' AND to_jsonb(OLD) IS DISTINCT FROM to_jsonb(NEW)) OR (NEW.removed_at IS NOT NULL AND OLD.removed_at IS DISTINCT FROM NEW.removed_at))
  EXECUTE FUNCTION refuse_untold('principal.changed');

CREATE CONSTRAINT TRIGGER told AFTER UPDATE ON event_hold DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.resolution IS NOT NULL AND (OLD.resolution, OLD.resolved_at) IS DISTINCT FROM (NEW.resolution, NEW.resolved_at)) EXECUTE FUNCTION refuse_untold('event.hold_resolved');
CREATE CONSTRAINT TRIGGER told AFTER INSERT OR UPDATE OR DELETE ON switch DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_untold('switch.changed');
CREATE CONSTRAINT TRIGGER told AFTER INSERT OR UPDATE OR DELETE ON freeze_window DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_untold('freeze_window.changed');
CREATE CONSTRAINT TRIGGER told AFTER INSERT OR UPDATE OR DELETE ON delegation DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_untold('delegation.changed');
CREATE CONSTRAINT TRIGGER told AFTER INSERT OR UPDATE OR DELETE ON endpoint_secret DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  EXECUTE FUNCTION refuse_untold('endpoint.secret_changed', 'subscription.changed', 'proposal.created');
CREATE CONSTRAINT TRIGGER told AFTER INSERT ON schedule DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_untold('schedule.changed');
CREATE CONSTRAINT TRIGGER told_where_changed AFTER UPDATE ON schedule DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN ((OLD.state, OLD.triggered_at) IS DISTINCT FROM (NEW.state, NEW.triggered_at)) EXECUTE FUNCTION refuse_untold('schedule.changed');
CREATE CONSTRAINT TRIGGER told AFTER INSERT ON ontology_version DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  EXECUTE FUNCTION refuse_untold('ontology.changed', 'ontology.migration_started', 'ontology.migration_ended');
CREATE CONSTRAINT TRIGGER told AFTER UPDATE ON tenant_control DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.policy_version IS DISTINCT FROM NEW.policy_version)
  EXECUTE FUNCTION refuse_untold('policies.changed');
