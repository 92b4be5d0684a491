-- The proposer revises a change of what governs as any other proposal, and how many reviews are owed after emergencies is told.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT UPDATE (loosens, setting_digest) ON proposal TO {{door}};
GRANT CREATE ON SCHEMA exequatur TO {{door}}, {{relay_reader}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- As revise_proposal, with what the API worked out of the new parameters: whether they loosen, and what they put in force. Execution asks about both again.
CREATE FUNCTION revise_setting(proposal uuid, parameters text, justification text, seed text, expires timestamptz, loosens boolean, setting_digest text) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp SET "TimeZone" = 'UTC' AS $$
DECLARE
  revised int;
BEGIN
  revised := revise_proposal(revise_setting.proposal, revise_setting.parameters, revise_setting.justification, seed, expires);
  UPDATE proposal x SET loosens = revise_setting.loosens, setting_digest = revise_setting.setting_digest
   WHERE x.tenant_id = current_tenant() AND x.id = revise_setting.proposal AND governs(x.action_type);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'this changes nothing that governs' USING ERRCODE = 'XQ006';
  END IF;
  RETURN revised;
END $$;
REVOKE EXECUTE ON FUNCTION revise_setting(uuid, text, text, text, timestamptz, boolean, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION revise_setting(uuid, text, text, text, timestamptz, boolean, text) TO {{api}};

SET LOCAL ROLE {{owner}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Of all tenants, without names: how many executed emergencies await their review, and how many of them longer than their policy says.
CREATE FUNCTION owed_reviews() RETURNS TABLE (due bigint, missed bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT count(*) FILTER (WHERE o.overdue_at IS NULL), count(o.overdue_at)
    FROM (SELECT max(g.overdue_at) AS overdue_at FROM glass g
            JOIN proposal p ON p.tenant_id = g.tenant_id AND p.id = g.proposal_id AND p.revision = g.revision AND p.plan_digest = g.digest
           WHERE g.reviewed_at IS NULL AND p.status = 'executed' GROUP BY p.tenant_id, p.id) o
$$;
REVOKE EXECUTE ON FUNCTION owed_reviews() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION owed_reviews() TO {{relay}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}}, {{relay_reader}};
