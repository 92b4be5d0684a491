-- Whomever the proposer acted for when it made a proposal stands behind it for its life, by the directory and by its tokens, whatever either says later. One column names all of them
-- beside `acts_for`: whom it was made for and whom it was revised for.
SET LOCAL search_path = exequatur, pg_catalog;

-- As before, and whoever inserts a proposal, those whom the directory knows are named; the caller adds whom the token at hand names.
CREATE OR REPLACE FUNCTION guard_proposal()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.status <> 'simulating' OR NEW.plan_id IS NOT NULL OR NEW.revision <> 1 THEN
      RAISE EXCEPTION 'a proposal begins in simulating, without a plan' USING ERRCODE = 'XQ006';
    END IF;
    NEW.revised_for := ARRAY(
      SELECT DISTINCT f.id FROM unnest(NEW.revised_for || (SELECT ARRAY[w.acts_for, w.token_acts_for] FROM principal w WHERE w.tenant_id = NEW.tenant_id AND w.id = NEW.proposer_id)) f(id)
       WHERE f.id <> NEW.proposer_id AND f.id IS DISTINCT FROM NEW.acts_for ORDER BY f.id);
    RETURN NEW;
  END IF;
  IF (NEW.tenant_id, NEW.id, NEW.action_type, NEW.proposer_id, NEW.proposer_kind, NEW.acts_for, NEW.revert_of, NEW.created_at)
     IS DISTINCT FROM (OLD.tenant_id, OLD.id, OLD.action_type, OLD.proposer_id, OLD.proposer_kind, OLD.acts_for, OLD.revert_of, OLD.created_at) THEN
    RAISE EXCEPTION 'what a proposal is does not change' USING ERRCODE = 'XQ006';
  END IF;
  IF NOT NEW.revised_for @> OLD.revised_for THEN
    RAISE EXCEPTION 'whom a proposal was revised for does not change' USING ERRCODE = 'XQ006';
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
