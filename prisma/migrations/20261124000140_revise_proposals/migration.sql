-- The proposer revises a proposal whose reviewers asked for changes: another revision, with parameters of its own and no approval that counts.
GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- changes_requested -> simulating. Locks the proposal's row. The action type is the same, in the version in force, and the plan is gone until a simulation stores
-- another. Returns the new revision. The caller has asked the gate, and announces it.
CREATE FUNCTION revise_proposal(proposal uuid, parameters text, justification text, seed text, expires timestamptz) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp SET "TimeZone" = 'UTC' AS $$
DECLARE
  p proposal;
  latest int;
  at timestamptz;
BEGIN
  SELECT x.* INTO p FROM proposal x WHERE x.tenant_id = current_tenant() AND x.id = revise_proposal.proposal FOR UPDATE;
  at := clock();
  IF p.status IS DISTINCT FROM 'changes_requested' OR p.revert_of IS NOT NULL OR p.expires_at <= at THEN
    RAISE EXCEPTION 'a proposal is revised after changes were requested, in time, and a revert never' USING ERRCODE = 'XQ006';
  END IF;
  IF NOT revise_proposal.parameters IS JSON OBJECT WITH UNIQUE KEYS OR expires <= at THEN
    RAISE EXCEPTION 'a revision has parameters, and time' USING ERRCODE = 'XQ006';
  END IF;
  SELECT a.current_version INTO latest FROM action_type a WHERE a.tenant_id = p.tenant_id AND a.name = p.action_type AND NOT a.retired;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the action type is retired' USING ERRCODE = 'XQ006';
  END IF;
  -- In two steps, since a plan changes only in `simulating`.
  UPDATE proposal x SET status = 'simulating', status_timestamps = x.status_timestamps || jsonb_build_object('simulating', stamp(at))
   WHERE x.tenant_id = p.tenant_id AND x.id = p.id;
  UPDATE proposal x
     SET revision = p.revision + 1, parameters = revise_proposal.parameters,
         parameters_hash = encode(sha256(convert_to(revise_proposal.parameters, 'UTF8')), 'hex'), justification = revise_proposal.justification, revision_seed = seed,
         action_type_version = latest, ontology_version = (SELECT max(o.version) FROM ontology_version o WHERE o.tenant_id = p.tenant_id),
         plan_id = NULL, plan_digest = NULL, failure = NULL, evaluated_at = at, expires_at = expires, updated_at = at
   WHERE x.tenant_id = p.tenant_id AND x.id = p.id;
  RETURN p.revision + 1;
END $$;
REVOKE EXECUTE ON FUNCTION revise_proposal(uuid, text, text, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION revise_proposal(uuid, text, text, text, timestamptz) TO {{api}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
