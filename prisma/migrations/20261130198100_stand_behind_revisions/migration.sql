-- Whom the proposer acted for when it revised a proposal stands behind it, like whom it acted for when it made it, whatever its tokens say later.
SET LOCAL search_path = exequatur, pg_catalog;
ALTER TABLE proposal ADD COLUMN revised_for text[] NOT NULL DEFAULT '{}';
GRANT UPDATE (revised_for) ON proposal TO {{door}};

-- As before, and whom it was revised for stays.
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

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Ids and persons on the proposer's side, with those whom a proposal was made and revised for.
CREATE FUNCTION stands_behind_proposal(proposer text, acts_for text, revised_for text[]) RETURNS SETOF text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  RETURN QUERY SELECT b FROM stands_behind(stands_behind_proposal.proposer, stands_behind_proposal.acts_for) b
               UNION
               SELECT b FROM unnest(stands_behind_proposal.revised_for) f(id), stands_behind(f.id, NULL) b;
END $$;
REVOKE EXECUTE ON FUNCTION stands_behind_proposal(text, text, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION stands_behind_proposal(text, text, text[]) TO {{api}}, {{worker}};

-- As before, and it keeps whom the proposer acts for: whom its token names, as the caller says, and whom the directory says, also of tokens before.
DROP FUNCTION revise_proposal(uuid, text, text, text, timestamptz);
CREATE FUNCTION revise_proposal(proposal uuid, parameters text, justification text, seed text, expires timestamp with time zone, named text DEFAULT NULL)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $$
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
         plan_id = NULL, plan_digest = NULL, failure = NULL, evaluated_at = at, expires_at = expires, updated_at = at,
         revised_for = ARRAY(SELECT DISTINCT f.id FROM unnest(p.revised_for || revise_proposal.named || (SELECT ARRAY[w.acts_for, w.token_acts_for] FROM principal w
                                                               WHERE w.tenant_id = p.tenant_id AND w.id = p.proposer_id)) f(id) WHERE f.id IS NOT NULL ORDER BY f.id)
   WHERE x.tenant_id = p.tenant_id AND x.id = p.id;
  RETURN p.revision + 1;
END $$;
REVOKE EXECUTE ON FUNCTION revise_proposal(uuid, text, text, text, timestamptz, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION revise_proposal(uuid, text, text, text, timestamptz, text) TO {{api}};

-- As before, and asking for those too.
CREATE OR REPLACE FUNCTION counting_reviews(p exequatur.proposal)
 RETURNS SETOF uuid
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH given AS (
    SELECT r.id, r.decision, r.created_at, r.reviewer_id, r.on_behalf_of, r.delegation_id,
           CASE WHEN r.on_behalf_of IS NULL THEN ARRAY[coalesce(w.person, w.id)] ELSE ARRAY[coalesce(w.person, w.id), coalesce(o.person, r.on_behalf_of)] END AS parties,
           w.kind = 'user' AND NOT w.disabled AND (r.on_behalf_of IS NULL OR coalesce(o.kind = 'user' AND NOT o.disabled, false))
             AND NOT EXISTS (SELECT FROM principal z WHERE z.tenant_id = r.tenant_id AND z.person IN (w.person, o.person) AND z.disabled) AS is_fit
      FROM review r JOIN principal w ON w.tenant_id = r.tenant_id AND w.id = r.reviewer_id
      LEFT JOIN principal o ON o.tenant_id = r.tenant_id AND o.id = r.on_behalf_of
     WHERE r.tenant_id = p.tenant_id AND r.proposal_id = p.id AND r.revision = p.revision AND r.digest = p.plan_digest AND r.created_at >= counted_since(p.plan_id)
  )
  SELECT g.id FROM given g
   WHERE g.decision = 'approve' AND g.is_fit AND g.created_at > approvals_since(p.plan_id)
     AND NOT EXISTS (SELECT FROM given n WHERE n.id <> g.id AND n.parties && g.parties
                        AND (n.created_at > g.created_at OR (n.created_at = g.created_at AND (n.decision <> 'approve' OR n.id > g.id))))
     AND NOT g.parties && ARRAY(SELECT exequatur.stands_behind_proposal(p.proposer_id, p.acts_for, p.revised_for))
     AND (g.delegation_id IS NULL OR delegation_holds(g.delegation_id, g.on_behalf_of, g.reviewer_id, p.action_type))
     AND (SELECT c.review_id FROM review_consumption c WHERE c.tenant_id = p.tenant_id AND c.review_id = g.id) IS NULL
     -- Whose review it is has the role, and has handed it over where a delegate gave it.
     AND (NOT governs(p.action_type) OR EXISTS (
           SELECT FROM standing_role s LEFT JOIN delegation x ON x.tenant_id = s.tenant_id AND x.id = g.delegation_id
            WHERE s.tenant_id = p.tenant_id AND s.principal_id = coalesce(g.on_behalf_of, g.reviewer_id) AND s.role = role_that_governs(p.action_type)
              AND s.removed_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > clock()) AND (x.roles IS NULL OR s.role = ANY (x.roles))));
END $$;

CREATE OR REPLACE FUNCTION denying_reviews(p exequatur.proposal)
 RETURNS SETOF uuid
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $$
#variable_conflict use_column
BEGIN
  IF NOT EXISTS (SELECT FROM review r WHERE r.tenant_id = p.tenant_id AND r.proposal_id = p.id AND r.decision = 'reject') THEN
    RETURN;
  END IF;
  RETURN QUERY
  WITH given AS (
    SELECT r.id, r.decision, r.created_at, r.reviewer_id, r.on_behalf_of, r.delegation_id,
           CASE WHEN r.on_behalf_of IS NULL THEN ARRAY[coalesce(w.person, w.id)] ELSE ARRAY[coalesce(w.person, w.id), coalesce(o.person, r.on_behalf_of)] END AS parties,
           w.kind = 'user' AND NOT w.disabled AND (r.on_behalf_of IS NULL OR coalesce(o.kind = 'user' AND NOT o.disabled, false))
             AND NOT EXISTS (SELECT FROM principal z WHERE z.tenant_id = r.tenant_id AND z.person IN (w.person, o.person) AND z.disabled) AS is_fit
      FROM review r JOIN principal w ON w.tenant_id = r.tenant_id AND w.id = r.reviewer_id
      LEFT JOIN principal o ON o.tenant_id = r.tenant_id AND o.id = r.on_behalf_of
     WHERE r.tenant_id = p.tenant_id AND r.proposal_id = p.id AND r.revision = p.revision AND r.digest = p.plan_digest AND r.created_at >= counted_since(p.plan_id)
  )
  SELECT g.id FROM given g
   WHERE g.decision = 'reject' AND g.is_fit
     AND NOT EXISTS (SELECT FROM given n WHERE n.id <> g.id AND n.parties && g.parties
                        AND (n.created_at > g.created_at OR (n.created_at = g.created_at AND n.decision <> 'approve' AND n.id > g.id)))
     AND NOT g.parties && ARRAY(SELECT exequatur.stands_behind_proposal(p.proposer_id, p.acts_for, p.revised_for))
     AND (g.delegation_id IS NULL OR delegation_holds(g.delegation_id, g.on_behalf_of, g.reviewer_id, p.action_type));
END $$;

CREATE OR REPLACE FUNCTION glass_in_force(p exequatur.proposal)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM exequatur.glass g WHERE g.tenant_id = p.tenant_id AND g.proposal_id = p.id) THEN
    RETURN NULL;
  END IF;
  RETURN (
    SELECT (f.floor -> 'glass') || jsonb_build_object('person', coalesce(w.person, w.id))
      FROM exequatur.glass g
      JOIN exequatur.principal w ON w.tenant_id = g.tenant_id AND w.id = g.broken_by
      JOIN exequatur.action_type_version v ON v.tenant_id = p.tenant_id AND v.name = p.action_type AND v.version = p.action_type_version
      CROSS JOIN LATERAL jsonb_array_elements(v.floors) f(floor)
     WHERE g.tenant_id = p.tenant_id AND g.proposal_id = p.id AND g.revision = p.revision AND g.digest = p.plan_digest
       AND g.broken_at >= exequatur.counted_since(p.plan_id) AND g.broken_at > exequatur.approvals_since(p.plan_id)
       AND f.floor ? 'glass' AND w.kind = 'user' AND NOT w.disabled
       AND NOT EXISTS (SELECT FROM exequatur.principal z WHERE z.tenant_id = w.tenant_id AND z.person = w.person AND z.disabled)
       AND EXISTS (SELECT FROM exequatur.standing_role s
                    WHERE s.tenant_id = w.tenant_id AND s.principal_id = w.id AND s.removed_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > exequatur.clock())
                      AND f.floor -> 'glass' -> 'roles' ? s.role)
       AND (coalesce((f.floor -> 'glass' ->> 'byProposer')::boolean, false)
            OR coalesce(w.person, w.id) NOT IN (SELECT exequatur.stands_behind_proposal(p.proposer_id, p.acts_for, p.revised_for)))
     ORDER BY g.broken_at DESC LIMIT 1);
END $$;

CREATE OR REPLACE FUNCTION tell_approvals(p exequatur.proposal, content text, approving uuid[])
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $$
DECLARE
  asked jsonb := split_part(content, E'\n', 1)::jsonb -> 'requirement';
  conditions text := coalesce((SELECT string_agg(c.one #>> '{}', E'\n') FROM (
    SELECT jsonb_path_query(asked, '$.stages[*].thresholds[*].reviewers') UNION ALL SELECT jsonb_path_query(asked, '$.stages[*].afterEscalation')) c(one)), '');
  by_team boolean := asked @? '$.stages[*].teams';
  behind text[] := ARRAY(SELECT exequatur.stands_behind_proposal(p.proposer_id, p.acts_for, p.revised_for));
  rule jsonb := CASE WHEN asked ? 'breakGlass' THEN glass_in_force(p) END;
  people text[];
  reviewed jsonb;
  outcome jsonb;
BEGIN
  SELECT coalesce(jsonb_agg(to_jsonb(g) || jsonb_build_object('approves', g.review = ANY (approving))), '[]') INTO reviewed
    FROM given_reviews(p, approving || ARRAY(SELECT denying_reviews(p)), conditions, by_team) g;
  people := ARRAY(SELECT w.who FROM (
      SELECT x.who, min(g.n) AS first FROM jsonb_array_elements(reviewed) WITH ORDINALITY AS g(one, n), unnest(ARRAY[g.one ->> 'person', g.one ->> 'delegate']) x(who)
       WHERE x.who <> ALL (behind) GROUP BY x.who) w ORDER BY w.first, w.who);
  IF rule IS NOT NULL AND rule ->> 'person' <> ALL (people || behind) THEN
    people := people || (rule ->> 'person');
  END IF;
  SELECT jsonb_build_object('approvals', coalesce(jsonb_agg(t.told ORDER BY t.n) FILTER (WHERE t.approves), '[]'))
      || CASE WHEN bool_or(NOT t.approves) THEN jsonb_build_object('denials', jsonb_agg(t.told ORDER BY t.n) FILTER (WHERE NOT t.approves)) ELSE '{}' END INTO outcome
    FROM (SELECT g.n, (g.one ->> 'approves')::boolean AS approves,
                 jsonb_build_object('review', g.one -> 'review', 'person', coalesce(array_position(people, g.one ->> 'person'), 0), 'roles', g.one -> 'roles')
                 || CASE WHEN g.one ->> 'delegate' IS NULL THEN '{}' ELSE jsonb_build_object('delegate', coalesce(array_position(people, g.one ->> 'delegate'), 0)) END
                 || CASE WHEN by_team THEN jsonb_build_object('teams', g.one -> 'speaks_for') ELSE '{}' END AS told
            FROM jsonb_array_elements(reviewed) WITH ORDINALITY AS g(one, n)) t;
  IF asked ? 'escalate' AND EXISTS (SELECT FROM prompt t WHERE t.tenant_id = p.tenant_id AND t.plan_id = p.plan_id AND t.kind = 'escalation' AND t.sent_at >= counted_since(p.plan_id)) THEN
    outcome := outcome || '{"escalated": true}';
  END IF;
  IF rule IS NOT NULL THEN
    outcome := outcome || jsonb_build_object('emergency', jsonb_build_object('person', coalesce(array_position(people, rule ->> 'person'), 0), 'roles', to_jsonb(ARRAY(
      SELECT DISTINCT s.role COLLATE "C" FROM principal w JOIN standing_role s ON s.tenant_id = w.tenant_id AND s.principal_id = w.id
       WHERE w.tenant_id = p.tenant_id AND coalesce(w.person, w.id) = rule ->> 'person' AND s.removed_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > clock())
         AND asked -> 'breakGlass' -> 'roles' ? s.role ORDER BY 1))));
  END IF;
  -- An entry has 65,447 bytes: some hundred approvals beside the largest requirement. The text that a value has by itself is never shorter than the canonical one.
  IF octet_length(outcome::text) > 30000 AND octet_length(canonical_facts(outcome)) > 30000 THEN
    outcome := '{"approvals": null}';
  END IF;
  RETURN outcome || CASE WHEN octet_length(asked::text) <= 32768 OR octet_length(canonical_facts(asked)) <= 32768 THEN jsonb_build_object('requirement', asked)
    ELSE jsonb_build_object('requirementDigest', 'sha256:' || encode(sha256(convert_to(canonical_facts(asked), 'UTF8')), 'hex')) END;
END $$;
SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
