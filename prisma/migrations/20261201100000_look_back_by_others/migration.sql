-- Whoever approved a plan, and whoever stands behind them or the proposer, does not look back at the emergency in which it was executed.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Ids and persons who had a part in an emergency: on the side of whoever broke the glass, of the proposer, and of whoever ever approved that plan, themselves or in the place
-- of another. Also of whoever took it back: an execution that has begun may wait once more, and what was said then is no way to judge what was done before.
CREATE FUNCTION behind_emergency(g glass) RETURNS SETOF text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  RETURN QUERY
  SELECT b FROM stands_behind(g.broken_by, NULL) b
  UNION
  SELECT b FROM proposal p, stands_behind_proposal(p.proposer_id, p.acts_for, p.revised_for) b WHERE p.tenant_id = g.tenant_id AND p.id = g.proposal_id
  UNION
  SELECT b FROM (SELECT DISTINCT x.id FROM review r CROSS JOIN LATERAL unnest(ARRAY[r.reviewer_id, r.on_behalf_of]) x(id)
                  WHERE r.tenant_id = g.tenant_id AND r.proposal_id = g.proposal_id AND r.revision = g.revision AND r.digest = g.digest
                    AND r.decision = 'approve' AND x.id IS NOT NULL) a, stands_behind(a.id, NULL) b;
END $$;
REVOKE EXECUTE ON FUNCTION behind_emergency(glass) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION behind_emergency(glass) TO {{api}}, {{worker}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- As before, by all of those.
CREATE OR REPLACE FUNCTION guard_glass()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'exequatur', 'pg_temp'
AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.reviewed_at IS NOT NULL OR NEW.overdue_at IS NOT NULL THEN
      RAISE EXCEPTION 'nobody reviews an emergency while it lasts' USING ERRCODE = 'XQ006';
    END IF;
    RETURN NEW;
  END IF;
  IF current_user = {{door_literal}} AND NEW.comment IS NULL AND to_jsonb(NEW) - 'comment' = to_jsonb(OLD) - 'comment' THEN
    RETURN NEW;
  END IF;
  IF (NEW.tenant_id, NEW.id, NEW.proposal_id, NEW.revision, NEW.digest, NEW.broken_by, NEW.reason, NEW.broken_at)
       IS DISTINCT FROM (OLD.tenant_id, OLD.id, OLD.proposal_id, OLD.revision, OLD.digest, OLD.broken_by, OLD.reason, OLD.broken_at)
     OR (OLD.reviewed_at IS NOT NULL AND (NEW.reviewed_by, NEW.verdict, NEW.comment, NEW.reviewed_at) IS DISTINCT FROM (OLD.reviewed_by, OLD.verdict, OLD.comment, OLD.reviewed_at))
     OR (OLD.overdue_at IS NOT NULL AND NEW.overdue_at IS DISTINCT FROM OLD.overdue_at) THEN
    RAISE EXCEPTION 'what is on record of an emergency does not change' USING ERRCODE = 'XQ011';
  END IF;
  IF NEW.reviewed_at IS NOT NULL AND OLD.reviewed_at IS NULL THEN
    IF NOT EXISTS (SELECT FROM proposal p WHERE p.tenant_id = NEW.tenant_id AND p.id = NEW.proposal_id
                      AND ((NEW.revision = p.revision AND NEW.digest = p.plan_digest AND (p.status = 'executed' OR (p.status = 'failed' AND p.status_timestamps ? 'executing')))
                        OR EXISTS (SELECT FROM saga s WHERE s.tenant_id = NEW.tenant_id AND s.proposal_id = NEW.proposal_id AND s.digest = NEW.digest AND s.begun_at >= NEW.broken_at))) THEN
      RAISE EXCEPTION 'an emergency is reviewed once its execution has begun' USING ERRCODE = 'XQ006';
    END IF;
    IF NEW.reviewed_by IN (SELECT behind_emergency(NEW)) THEN
      RAISE EXCEPTION 'whoever had a part in an emergency has none in its review' USING ERRCODE = 'XQ006';
    END IF;
  END IF;
  RETURN NEW;
END $$;
