-- Whoever sends what an effect asks for holds the attempt, and says every second that it is alive: so one that died is missed within seconds, and not only when its request's time is over.
SET LOCAL search_path = exequatur, pg_catalog;

-- Unless it is moved on, whoever holds the attempt is dead then. Null where nobody says: then `leased_until` alone tells.
ALTER TABLE saga_step ADD COLUMN held_until timestamptz;
GRANT UPDATE (held_until) ON saga_step TO {{worker}};

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

CREATE OR REPLACE FUNCTION resolve_attention(proposal uuid, ordinal int, decision text, who text, why text, asking text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp SET "TimeZone" = 'UTC' AS $$
DECLARE
  s saga;
  now timestamptz;
  target text := CASE decision WHEN 'abort' THEN 'failed' ELSE 'compensating' END;
BEGIN
  PERFORM FROM proposal p WHERE p.tenant_id = current_tenant() AND p.id = resolve_attention.proposal AND p.status = 'needs_attention' FOR UPDATE;
  IF FOUND THEN
    SELECT x.* INTO s FROM saga x WHERE x.tenant_id = current_tenant() AND x.proposal_id = resolve_attention.proposal AND x.ended_at IS NULL FOR UPDATE;
  END IF;
  IF s.proposal_id IS NULL OR decision IS NULL OR decision NOT IN ('retry', 'skip', 'abort') OR coalesce(why, '') = '' OR coalesce(who, '') = '' THEN
    RAISE EXCEPTION 'there is nothing to decide here, or no reason is given' USING ERRCODE = 'XQ006';
  END IF;
  now := clock();
  IF ordinal IS NULL THEN
    -- What stands in the way of some properties leaves the others to be put back; what stands in the way of all of them (`code`, by stick_edits) leaves nothing.
    UPDATE saga x SET edits = CASE WHEN decision = 'abort' THEN x.edits WHEN decision = 'skip' AND x.conflicts -> 0 ? 'code' THEN 'skipped' ELSE 'applied' END,
           skips_conflicts = decision = 'skip'
     WHERE x.tenant_id = s.tenant_id AND x.proposal_id = s.proposal_id AND x.run = s.run AND x.edits = 'stuck'
       AND resolve_attention.asking = x.asking || '.edits';
  ELSE
    UPDATE saga_step t SET state = CASE resolve_attention.decision WHEN 'retry' THEN 'undoing' WHEN 'skip' THEN 'skipped' ELSE t.state END, decision = resolve_attention.decision, decided_by = who,
           decision_reason = why, changed_at = now, leased_until = NULL, held_until = NULL,
           -- What was sent may still be at work at the other side: an undo that overtook it would find nothing.
           due_at = CASE resolve_attention.decision WHEN 'retry' THEN t.leased_until END
     WHERE t.tenant_id = s.tenant_id AND t.proposal_id = s.proposal_id AND t.run = s.run AND t.ordinal = resolve_attention.ordinal AND t.state IN ('stuck', 'unknown', 'sending', 'done')
       AND (t.compensated OR resolve_attention.decision <> 'retry') AND resolve_attention.asking = s.asking || '.' || t.ordinal || '.' || t.state;
  END IF;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'nobody is asked this' USING ERRCODE = 'XQ006';
  END IF;
  IF decision = 'abort' THEN
    UPDATE saga x SET ended_at = now WHERE x.tenant_id = s.tenant_id AND x.proposal_id = s.proposal_id AND x.run = s.run;
  END IF;
  UPDATE proposal p SET status = target, failure = CASE target WHEN 'failed' THEN coalesce(s.failure, left_by_operator()) END, updated_at = now, status_timestamps = p.status_timestamps || jsonb_build_object(target, stamp(now))
   WHERE p.tenant_id = s.tenant_id AND p.id = s.proposal_id;
  RETURN target;
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
