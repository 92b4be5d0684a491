-- What a type of entry says by itself is an expression, which becomes part of what asks: as functions with variables these took a twentieth of a small transaction.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{audit_writer}};
SET LOCAL ROLE {{audit_writer}};
SET LOCAL search_path = exequatur, pg_catalog;

-- As it was in `types_told_by`; null for what is no login.
CREATE FUNCTION types_of_login(login text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE login
    WHEN 'api' THEN '{
    audit.exported,decision.refused,delegation.changed,endpoint.secret_changed,event.hold_resolved,evidence.read,freeze_window.changed,
    login.refused,ontology.changed,ontology.migration_ended,ontology.migration_started,policies.changed,principal.changed,proposal.approved,
    proposal.cancelling,proposal.changes_requested,proposal.compensating,proposal.created,proposal.emergency_reviewed,proposal.executing,
    proposal.expired,proposal.failed,proposal.glass_broken,proposal.invalid,proposal.needs_attention,proposal.rejected,proposal.revised,
    proposal.scheduled,proposal.simulated,proposal.simulating,proposal.withdrawn,review.recorded,schedule.changed,sensitive.read,
    subscription.changed,switch.changed}'::text[]
    WHEN 'worker' THEN '{
    delegation.changed,effect.ended,effect.message,ontology.changed,ontology.migration_ended,ontology.migration_started,policies.changed,
    principal.changed,proposal.approved,proposal.changes_requested,proposal.compensating,proposal.created,proposal.emergency_unreviewed,
    proposal.escalated,proposal.executing,proposal.expired,proposal.failed,proposal.invalid,proposal.needs_attention,proposal.raised,
    proposal.rejected,proposal.reminded,proposal.scheduled,proposal.simulated,proposal.simulating,proposal.withdrawn,schedule.run_refused,
    subscription.changed,switch.changed}'::text[]
    WHEN 'relay' THEN '{subscription.disabled}'::text[]
  END
$$;

-- As before.
CREATE OR REPLACE FUNCTION types_told_by(teller text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE teller
    WHEN 'door' THEN '{execution.applied,execution.undone,principal.erased,proposal.executed}'::text[]
    WHEN 'system' THEN '{audit.exported,login.failed,login.suppressed}'::text[]
    WHEN 'migration' THEN '{log.format_changed}'::text[]
    ELSE coalesce(exequatur.types_of_login(teller), exequatur.types_of_login('api') || exequatur.types_of_login('worker') || exequatur.types_of_login('relay'))
  END
$$;

-- As before.
CREATE OR REPLACE FUNCTION reached_by(type text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN type IN ('proposal.created', 'proposal.revised') THEN 'simulating'
           WHEN type = 'proposal.simulated' THEN 'awaiting_approval'
           WHEN type = ANY ('{proposal.simulating,proposal.invalid,proposal.changes_requested,proposal.rejected,proposal.expired,proposal.withdrawn,proposal.approved,proposal.scheduled,proposal.executing,proposal.compensating,proposal.needs_attention,proposal.executed,proposal.failed}')
             THEN substr(type, 10) END
$$;

-- As before.
CREATE OR REPLACE FUNCTION is_too_deep(value text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT length(value) > 1000 AND jsonb_path_exists(value::jsonb, 'strict $.**{100}')
$$;

REVOKE EXECUTE ON FUNCTION types_of_login(text) FROM PUBLIC;
SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{audit_writer}};
