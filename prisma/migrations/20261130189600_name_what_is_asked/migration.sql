-- A decision is about what was shown to whoever takes it: each asking has a name, and one that comes late, or a second time, decides nothing of the next.
SET LOCAL search_path = exequatur, pg_catalog;

-- Of this saga the newest asking. What is asked already as this begins needs none of its own: the next one has another.
ALTER TABLE saga ADD COLUMN asking uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

CREATE OR REPLACE FUNCTION need_attention(proposal uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp SET "TimeZone" = 'UTC' AS $$
BEGIN
  UPDATE proposal p SET status = 'needs_attention', updated_at = c.now, status_timestamps = p.status_timestamps || jsonb_build_object('needs_attention', stamp(c.now))
    FROM (SELECT clock() AS now) c WHERE p.tenant_id = current_tenant() AND p.id = need_attention.proposal AND p.status = 'compensating';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'nothing is being undone here' USING ERRCODE = 'XQ006';
  END IF;
  UPDATE saga s SET asking = gen_random_uuid() WHERE s.tenant_id = current_tenant() AND s.proposal_id = need_attention.proposal AND s.ended_at IS NULL;
END $$;

-- `asking` is the name as store/saga/asking-id.ts makes it: of this asking, about this step, in the state in which it was shown.
DROP FUNCTION resolve_attention(uuid, int, text, text, text);
CREATE FUNCTION resolve_attention(proposal uuid, ordinal int, decision text, who text, why text, asking text) RETURNS text
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
           decision_reason = why, changed_at = now, leased_until = NULL
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
REVOKE EXECUTE ON FUNCTION resolve_attention(uuid, int, text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION resolve_attention(uuid, int, text, text, text, text) TO {{api}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
