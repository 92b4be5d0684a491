-- The state machine of ontology/lifecycle.ts, as rows (a test compares the two), and the trigger that refuses every step that is not among them.
SET LOCAL search_path = exequatur, pg_catalog;

INSERT INTO lifecycle_edge VALUES
  ('simulating', 'invalid'), ('simulating', 'awaiting_approval'), ('simulating', 'failed'), ('simulating', 'withdrawn'), ('simulating', 'expired'),
  ('awaiting_approval', 'changes_requested'), ('awaiting_approval', 'rejected'), ('awaiting_approval', 'expired'), ('awaiting_approval', 'withdrawn'),
  ('awaiting_approval', 'simulating'), ('awaiting_approval', 'approved'),
  ('changes_requested', 'simulating'), ('changes_requested', 'withdrawn'), ('changes_requested', 'expired'),
  ('approved', 'scheduled'), ('approved', 'executing'), ('approved', 'awaiting_approval'), ('approved', 'simulating'), ('approved', 'withdrawn'), ('approved', 'expired'),
  ('scheduled', 'executing'), ('scheduled', 'awaiting_approval'), ('scheduled', 'simulating'), ('scheduled', 'withdrawn'), ('scheduled', 'expired'),
  ('executing', 'executed'), ('executing', 'compensating'), ('executing', 'simulating'), ('executing', 'awaiting_approval'), ('executing', 'failed'),
  ('compensating', 'failed'), ('compensating', 'simulating'), ('compensating', 'needs_attention'),
  ('needs_attention', 'compensating'), ('needs_attention', 'failed');

ALTER TABLE proposal ADD CHECK (status IN ('simulating', 'invalid', 'awaiting_approval', 'changes_requested', 'rejected', 'expired', 'withdrawn', 'approved',
  'scheduled', 'executing', 'compensating', 'needs_attention', 'executed', 'failed'));

-- Are the proposal's plan and its digest what is stored? Asked before anybody is asked to approve: reviewers are shown these chunks, page by page, and could not
-- tell. Chunks can't change afterwards, and with any added the door refuses the plan.
CREATE FUNCTION stored_whole(p proposal) RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT coalesce((
    SELECT 'sha256:' || encode(sha256(string_agg(c.bytes, ''::bytea ORDER BY c.ordinal)), 'hex') = p.plan_digest AND sum(length(c.bytes)) = x.bytes
       AND sum(c.edits) = x.edits AND bool_and(c.first_edit = c.before)
      FROM (SELECT k.plan_id, k.ordinal, k.bytes, k.edits, k.first_edit, coalesce(sum(k.edits) OVER (ORDER BY k.ordinal ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
              FROM plan_chunk k WHERE k.tenant_id = p.tenant_id AND k.plan_id = p.plan_id) c
      JOIN plan x ON x.tenant_id = p.tenant_id AND x.id = p.plan_id AND x.proposal_id = p.id AND x.digest = p.plan_digest AND x.revision = p.revision
     GROUP BY x.bytes, x.edits), false)
$$;
GRANT EXECUTE ON FUNCTION stored_whole(proposal) TO {{api}}, {{worker}}, {{door}};

-- Runs as whoever updates, so current_user says whether a door does it: inside a definer function it is the function's owner.
CREATE FUNCTION guard_proposal() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.status <> 'simulating' OR NEW.plan_id IS NOT NULL OR NEW.revision <> 1 THEN
      RAISE EXCEPTION 'a proposal begins in simulating, without a plan' USING ERRCODE = 'XQ006';
    END IF;
    RETURN NEW;
  END IF;
  IF (NEW.tenant_id, NEW.id, NEW.action_type, NEW.proposer_id, NEW.proposer_kind, NEW.acts_for, NEW.revert_of, NEW.created_at)
     IS DISTINCT FROM (OLD.tenant_id, OLD.id, OLD.action_type, OLD.proposer_id, OLD.proposer_kind, OLD.acts_for, OLD.revert_of, OLD.created_at) THEN
    RAISE EXCEPTION 'what a proposal is does not change' USING ERRCODE = 'XQ006';
  END IF;
  IF NEW.revision = OLD.revision AND (NEW.parameters, NEW.parameters_hash, NEW.revision_seed, NEW.action_type_version)
     IS DISTINCT FROM (OLD.parameters, OLD.parameters_hash, OLD.revision_seed, OLD.action_type_version) THEN
    RAISE EXCEPTION 'parameters change only with a new revision' USING ERRCODE = 'XQ006';
  END IF;
  IF (NEW.plan_id, NEW.plan_digest) IS DISTINCT FROM (OLD.plan_id, OLD.plan_digest) AND OLD.status <> 'simulating' THEN
    RAISE EXCEPTION 'a plan changes only by simulation' USING ERRCODE = 'XQ006';
  END IF;
  IF current_user <> {{door_literal}} AND NOT EXISTS (SELECT FROM lifecycle_edge WHERE from_status = OLD.status) THEN
    RAISE EXCEPTION 'a proposal that has ended does not change' USING ERRCODE = 'XQ006';
  END IF;
  IF NEW.status <> OLD.status THEN
    IF NOT EXISTS (SELECT FROM lifecycle_edge WHERE from_status = OLD.status AND to_status = NEW.status) THEN
      RAISE EXCEPTION 'a proposal cannot go from % to %', OLD.status, NEW.status USING ERRCODE = 'XQ006';
    END IF;
    IF NEW.status = 'awaiting_approval' AND OLD.status = 'simulating' AND NOT stored_whole(NEW) THEN
      RAISE EXCEPTION 'the stored bytes do not have the digest of the plan' USING ERRCODE = 'XQ003';
    END IF;
  END IF;
  IF (OLD.status IN ('executing', 'compensating') OR NEW.status IN ('executing', 'compensating')) AND current_user <> {{door_literal}} THEN
    RAISE EXCEPTION 'only the door begins and ends an execution, and writes while it lasts' USING ERRCODE = 'XQ006';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_proposal BEFORE INSERT OR UPDATE ON proposal FOR EACH ROW EXECUTE FUNCTION guard_proposal();

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'XQ011';
END $$;
DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['object_history', 'link_history', 'review', 'review_consumption', 'execution', 'audit_entry', 'plan', 'plan_chunk', 'read_set',
                              'read_set_reads', 'ontology_version', 'action_type_version'] LOOP
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()', name);
    EXECUTE format('CREATE TRIGGER never_truncated BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name);
  END LOOP;
END $$;

-- The one clock of the engine. Test databases alone replace it by one with an offset.
CREATE FUNCTION clock() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT clock_timestamp()';
