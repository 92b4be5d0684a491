-- Whoever hears that a plan was executed hears which optional effects were refused, and of which nobody knows whether they happened: by what is on record of the steps.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

CREATE OR REPLACE FUNCTION finish_saga(proposal uuid, entries jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp SET "TimeZone" = 'UTC' AS $$
DECLARE
  p proposal;
  s saga;
  x execution;
  own jsonb := entries -> -1;
  now timestamptz;
BEGIN
  SELECT y.* INTO p FROM proposal y WHERE y.tenant_id = current_tenant() AND y.id = finish_saga.proposal AND y.status = 'executing' FOR UPDATE;
  SELECT y.* INTO s FROM saga y WHERE y.tenant_id = p.tenant_id AND y.proposal_id = p.id AND y.ended_at IS NULL FOR UPDATE;
  SELECT y.* INTO x FROM execution y WHERE y.tenant_id = p.tenant_id AND y.proposal_id = p.id;
  IF s.cancelled_at IS NOT NULL THEN
    RAISE EXCEPTION 'a cancellation of this execution was accepted' USING ERRCODE = 'XQ006';
  END IF;
  IF s.direction IS DISTINCT FROM 'forward' OR s.edits IS DISTINCT FROM 'applied' OR x.id IS NULL
     OR EXISTS (SELECT FROM saga_step t WHERE t.tenant_id = s.tenant_id AND t.proposal_id = s.proposal_id AND t.run = s.run AND t.state <> 'done' AND NOT (t.optional AND t.state IN ('refused', 'unknown'))) THEN
    RAISE EXCEPTION 'not every step is done' USING ERRCODE = 'XQ006';
  END IF;
  IF (own ->> 'payload')::jsonb ->> 'executionId' IS DISTINCT FROM x.id::text OR (own ->> 'payload')::jsonb ->> 'planDigest' IS DISTINCT FROM p.plan_digest
     OR own ->> 'type' IS DISTINCT FROM 'proposal.executed' OR own ->> 'proposalId' IS DISTINCT FROM p.id::text THEN
    RAISE EXCEPTION 'the audit entry tells of something else' USING ERRCODE = 'XQ003';
  END IF;
  now := clock();
  UPDATE saga y SET ended_at = now WHERE y.tenant_id = s.tenant_id AND y.proposal_id = s.proposal_id AND y.run = s.run;
  UPDATE proposal y SET status = 'executed', updated_at = now, status_timestamps = y.status_timestamps || jsonb_build_object('executed', stamp(now)) WHERE y.tenant_id = p.tenant_id AND y.id = p.id;
  INSERT INTO outbox (tenant_id, id, audit_entry_id, type, subject, proposal_id, data, created_at)
  VALUES (p.tenant_id, gen_random_uuid(), (own ->> 'id')::uuid, 'proposal.executed', 'proposal/' || p.id, p.id,
          jsonb_build_object('proposalId', p.id, 'actionType', p.action_type, 'from', 'executing', 'status', 'executed', 'revision', p.revision, 'planDigest', p.plan_digest, 'executionId', x.id)
            || coalesce((SELECT jsonb_object_agg(n.said, n.names)
                           FROM (SELECT CASE t.state WHEN 'refused' THEN 'failedEffects' ELSE 'unknownEffects' END AS said, jsonb_agg(t.name ORDER BY t.ordinal) AS names
                                   FROM saga_step t WHERE t.tenant_id = s.tenant_id AND t.proposal_id = s.proposal_id AND t.run = s.run AND t.state <> 'done' GROUP BY 1) n), '{}'), now);
  PERFORM append_entries(entries);
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
