-- The review of an emergency is owed once its execution has begun, whatever that comes to: something outside may have happened. It was owed by what was executed alone.
SET LOCAL search_path = exequatur, pg_catalog;

-- What was done stays; the review and its lateness are added once, the review by nobody on the side of whoever broke the glass.
CREATE OR REPLACE FUNCTION guard_glass() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.reviewed_at IS NOT NULL OR NEW.overdue_at IS NOT NULL THEN
      RAISE EXCEPTION 'nobody reviews an emergency while it lasts' USING ERRCODE = 'XQ006';
    END IF;
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
    IF NEW.reviewed_by IN (SELECT stands_behind(NEW.broken_by, NULL)) THEN
      RAISE EXCEPTION 'whoever broke the glass has no part in its review' USING ERRCODE = 'XQ006';
    END IF;
  END IF;
  RETURN NEW;
END $$;

-- The relay starts anew what waits for its review, and counts: so it sees where executions with effects have begun.
CREATE POLICY across_tenants ON saga TO {{relay_reader}} USING (true);
GRANT SELECT (tenant_id, proposal_id, digest, begun_at) ON saga TO {{relay_reader}};
GRANT SELECT (broken_at) ON glass TO {{relay_reader}};
GRANT SELECT (status_timestamps) ON proposal TO {{relay_reader}};
GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;

CREATE OR REPLACE FUNCTION unreviewed_emergencies(lim int) RETURNS TABLE (tenant_id uuid, proposal_id uuid, action_type text)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT DISTINCT p.tenant_id, p.id, p.action_type FROM glass g JOIN proposal p ON p.tenant_id = g.tenant_id AND p.id = g.proposal_id
   WHERE g.reviewed_at IS NULL AND g.overdue_at IS NULL AND p.status IN ('executed', 'failed', 'invalid', 'rejected', 'expired', 'withdrawn', 'needs_attention')
     AND ((g.revision = p.revision AND g.digest = p.plan_digest AND (p.status = 'executed' OR (p.status = 'failed' AND p.status_timestamps ? 'executing')))
       OR EXISTS (SELECT FROM saga s WHERE s.tenant_id = g.tenant_id AND s.proposal_id = g.proposal_id AND s.digest = g.digest AND s.begun_at >= g.broken_at))
   ORDER BY 1, 2 LIMIT lim
$$;

CREATE OR REPLACE FUNCTION owed_reviews() RETURNS TABLE (due bigint, missed bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT count(*) FILTER (WHERE o.overdue_at IS NULL), count(o.overdue_at)
    FROM (SELECT max(g.overdue_at) AS overdue_at FROM glass g JOIN proposal p ON p.tenant_id = g.tenant_id AND p.id = g.proposal_id
           WHERE g.reviewed_at IS NULL
             AND ((g.revision = p.revision AND g.digest = p.plan_digest AND (p.status = 'executed' OR (p.status = 'failed' AND p.status_timestamps ? 'executing')))
               OR EXISTS (SELECT FROM saga s WHERE s.tenant_id = g.tenant_id AND s.proposal_id = g.proposal_id AND s.digest = g.digest AND s.begun_at >= g.broken_at))
           GROUP BY p.tenant_id, p.id) o
$$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};
