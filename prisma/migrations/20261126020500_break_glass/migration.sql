-- Emergencies: a person of a role that the approval policy names has a plan executed with fewer approvals, and somebody else says afterwards whether that was right.
-- What is needed even then stands in the floors of the action type's version, so a row here does nothing where no policy provides for it.
SET LOCAL search_path = exequatur, pg_catalog;

CREATE TABLE glass (
  tenant_id   uuid NOT NULL REFERENCES tenant,
  id          uuid NOT NULL,
  proposal_id uuid NOT NULL,
  -- The plan for which it was broken.
  revision    int NOT NULL,
  digest      text NOT NULL,
  broken_by   text NOT NULL,
  reason      text NOT NULL CHECK (length(reason) > 0),
  broken_at   timestamptz NOT NULL,
  -- The review that is owed once the plan has been executed, and when it was found missing.
  reviewed_by text,
  verdict     text CHECK (verdict IN ('justified', 'unjustified')),
  comment     text,
  reviewed_at timestamptz,
  overdue_at  timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, proposal_id) REFERENCES proposal (tenant_id, id),
  CHECK ((reviewed_by IS NULL) = (verdict IS NULL) AND (reviewed_by IS NULL) = (reviewed_at IS NULL) AND (comment IS NULL OR reviewed_by IS NOT NULL)),
  CHECK (reviewed_by <> broken_by)
);
CREATE INDEX glass_of_proposal ON glass (tenant_id, proposal_id, broken_at);
CREATE INDEX glass_unreviewed ON glass (tenant_id, proposal_id) WHERE reviewed_at IS NULL;
ALTER TABLE glass ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON glass USING (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid))
                              WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid));
GRANT SELECT ON glass TO {{api}}, {{worker}}, {{door}};
GRANT INSERT ON glass TO {{api}};
GRANT UPDATE (reviewed_by, verdict, comment, reviewed_at) ON glass TO {{api}};
GRANT UPDATE (overdue_at) ON glass TO {{worker}};

-- What was done stays; the review and its lateness are added once.
CREATE FUNCTION guard_glass() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
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
  IF NEW.reviewed_at IS NOT NULL AND OLD.reviewed_at IS NULL
     AND NOT EXISTS (SELECT FROM proposal p WHERE p.tenant_id = NEW.tenant_id AND p.id = NEW.proposal_id AND p.status = 'executed') THEN
    RAISE EXCEPTION 'an emergency is reviewed after the execution' USING ERRCODE = 'XQ006';
  END IF;
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION guard_glass() FROM PUBLIC;
CREATE TRIGGER guard_glass BEFORE INSERT OR UPDATE ON glass FOR EACH ROW EXECUTE FUNCTION guard_glass();
CREATE TRIGGER never_deleted BEFORE DELETE ON glass FOR EACH ROW EXECUTE FUNCTION refuse_change();

ALTER TABLE decision DROP CONSTRAINT decision_action_check,
  ADD CONSTRAINT decision_action_check CHECK (action IN ('propose', 'revise', 'revert', 'withdraw', 'review', 'stage', 'execute', 'override'));

-- What the action type's version lets a broken glass do, where one holds for the plan that the proposal has now: broken since the plan last became the proposal's, not
-- lapsed, by a person who is not disabled, holds one of the roles now, and stands on the proposer's side only where that is allowed. With the person who broke it. Else null.
CREATE FUNCTION glass_in_force(p proposal) RETURNS jsonb LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
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
       AND EXISTS (SELECT FROM exequatur.standing_role s
                    WHERE s.tenant_id = w.tenant_id AND s.principal_id = w.id AND s.removed_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > exequatur.clock())
                      AND f.floor -> 'glass' -> 'roles' ? s.role)
       AND (coalesce((f.floor -> 'glass' ->> 'byProposer')::boolean, false)
            OR coalesce(w.person, w.id) NOT IN (SELECT exequatur.stands_behind(p.proposer_id, p.acts_for)))
     ORDER BY g.broken_at DESC LIMIT 1);
END $$;

-- What holds an approved proposal at this instant. Freeze windows do not, where a glass is broken that passes them.
CREATE FUNCTION holds(p proposal) RETURNS TABLE (what text, until timestamptz) LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF coalesce((exequatur.glass_in_force(p) ->> 'passesFreezeWindows')::boolean, false) THEN
    RETURN QUERY SELECT 'executeAfter', p.execute_after WHERE p.execute_after > exequatur.clock();
  ELSE
    RETURN QUERY SELECT h.what, h.until FROM exequatur.held_by(p.action_type, p.execute_after) h;
  END IF;
END $$;
REVOKE EXECUTE ON FUNCTION glass_in_force(proposal), holds(proposal) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION glass_in_force(proposal), holds(proposal) TO {{api}}, {{worker}}, {{door}};

CREATE OR REPLACE FUNCTION refuse_held() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM proposal p, holds(p) WHERE p.tenant_id = NEW.tenant_id AND p.id = NEW.proposal_id) THEN
    RAISE EXCEPTION 'it is not time for this' USING ERRCODE = 'XQ018';
  END IF;
  RETURN NEW;
END $$;

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- How many people must have approved where a glass is broken: those that the policy asks for then, beside whoever broke it, and never more than without.
CREATE FUNCTION approvals_behind_glass(p proposal, needed int) RETURNS int LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  rule jsonb := glass_in_force(p);
BEGIN
  IF rule IS NULL THEN
    RETURN needed;
  END IF;
  RETURN least(needed, (rule ->> 'approvals')::int + (
    SELECT count(*)::int FROM review r
      LEFT JOIN principal w ON w.tenant_id = r.tenant_id AND w.id = r.reviewer_id
      LEFT JOIN principal o ON o.tenant_id = r.tenant_id AND o.id = r.on_behalf_of
     WHERE r.tenant_id = p.tenant_id AND r.id IN (SELECT counting_reviews(p)) AND rule ->> 'person' IN (coalesce(w.person, r.reviewer_id), coalesce(o.person, r.on_behalf_of))));
END $$;
REVOKE EXECUTE ON FUNCTION approvals_behind_glass(proposal, int) FROM PUBLIC;

-- How many distinct people must have approved: the action type's first floor whose ceilings all hold, fewer where a glass is broken, and no less than any touched object
-- type asks for.
CREATE OR REPLACE FUNCTION approvals_needed(p proposal, parameters jsonb, shapes plan_shape[]) RETURNS int LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  needed int;
  least int;
  edits bigint := (SELECT coalesce(sum(s.edits), 0) FROM unnest(shapes) s);
BEGIN
  SELECT (f ->> 'approvals')::int INTO needed
    FROM action_type_version v CROSS JOIN LATERAL jsonb_array_elements(v.floors) WITH ORDINALITY AS x(f, n)
   WHERE v.tenant_id = p.tenant_id AND v.name = p.action_type AND v.version = p.action_type_version
     AND f ? 'approvals'
     AND coalesce(edits <= (f -> 'ceilings' ->> 'edits')::int, true)
     -- A parameter that is absent or not a number keeps no ceiling; a negative one counts by its size.
     AND NOT EXISTS (SELECT FROM jsonb_each(coalesce(f -> 'ceilings' -> 'parameters', '{}')) c
                      WHERE NOT coalesce(CASE WHEN jsonb_typeof(parameters -> c.key) = 'number' THEN abs((parameters ->> c.key)::numeric) <= (c.value #>> '{}')::numeric END, false))
     -- A revert restores what its original touched, and nothing else: restore_only has seen to that.
     AND ((f ->> 'approvals')::int > 0 OR p.revert_of IS NOT NULL OR NOT touches_sensitive(p, shapes, coalesce(f -> 'ceilings' -> 'sensitive', '[]')))
   ORDER BY (f ->> 'approvals')::int LIMIT 1;
  SELECT max(t.minimum_approvals) INTO least FROM object_type t
   WHERE t.tenant_id = p.tenant_id AND (t.name = ANY (ARRAY(SELECT s.type FROM unnest(shapes) s))
      OR t.name = ANY (ARRAY(SELECT x FROM link_type l CROSS JOIN LATERAL unnest(ARRAY[l.from_type, l.to_type]) x
                              WHERE l.tenant_id = p.tenant_id AND l.name = ANY (ARRAY(SELECT s.type FROM unnest(shapes) s)))));
  -- greatest() ignores nulls: no floor that holds must not become no floor.
  RETURN CASE WHEN needed IS NOT NULL THEN greatest(approvals_behind_glass(p, needed), least) END;
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};

-- The relay finds emergencies whose review is owed, so that a workflow that Temporal lost is started anew and tells when it is late.
CREATE POLICY across_tenants ON glass TO {{relay_reader}} USING (true);
GRANT SELECT (tenant_id, proposal_id, revision, digest, reviewed_at, overdue_at) ON glass TO {{relay_reader}};
GRANT SELECT (revision, plan_digest) ON proposal TO {{relay_reader}};
GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;

CREATE FUNCTION unreviewed_emergencies(lim int) RETURNS TABLE (tenant_id uuid, proposal_id uuid, action_type text)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT DISTINCT p.tenant_id, p.id, p.action_type FROM glass g
    JOIN proposal p ON p.tenant_id = g.tenant_id AND p.id = g.proposal_id AND p.revision = g.revision AND p.plan_digest = g.digest
   WHERE g.reviewed_at IS NULL AND g.overdue_at IS NULL AND p.status = 'executed'
   ORDER BY 1, 2 LIMIT lim
$$;
REVOKE EXECUTE ON FUNCTION unreviewed_emergencies(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION unreviewed_emergencies(int) TO {{relay}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};
