-- A busy log is sealed twice a second, and each later checkpoint says all that the ones before it did. So of one log a checkpoint is told in ten seconds, and of those in between the
-- newest once they are over: the last one is always told.
SET LOCAL search_path = exequatur, pg_catalog;

ALTER TABLE event_feed ADD COLUMN told_at timestamptz, ADD COLUMN untold boolean NOT NULL DEFAULT false;
CREATE INDEX event_feed_untold ON event_feed (tenant_id) WHERE untold;

GRANT CREATE ON SCHEMA exequatur TO {{relay_reader}};
SET LOCAL ROLE {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Tells of a checkpoint where the log ends. The caller holds the row of the feed, which is locked before the log's: whoever waits for it keeps no writer waiting.
CREATE FUNCTION place_checkpoint(checkpoint audit_checkpoint) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  before text := coalesce(current_setting('app.tenant', true), '');
  head bigint;
BEGIN
  PERFORM set_config('app.tenant', checkpoint.tenant_id::text, true);
  head := hold_audit_head();
  INSERT INTO outbox (tenant_id, id, audit_entry_id, type, subject, data, created_at)
  SELECT e.tenant_id, gen_random_uuid(), e.id, 'audit.checkpoint', 'audit/checkpoint', jsonb_build_object('size', checkpoint.size, 'note', checkpoint.note), clock()
    FROM audit_entry e WHERE e.tenant_id = checkpoint.tenant_id AND e.seq = head;
  IF FOUND THEN
    UPDATE event_feed f SET checkpoints = CASE WHEN f.head_seq = head THEN f.checkpoints + 1 ELSE 1 END, head_seq = head WHERE f.tenant_id = checkpoint.tenant_id;
  END IF;
  UPDATE event_feed f SET told_at = clock(), untold = false WHERE f.tenant_id = checkpoint.tenant_id;
  PERFORM set_config('app.tenant', before, true);
END $$;

-- Tells of the newest checkpoint of one log that has waited long enough; of which nobody else tells at this moment. False where there is none.
CREATE FUNCTION tell_due_checkpoint() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  tenant uuid;
  newest audit_checkpoint;
BEGIN
  SELECT f.tenant_id INTO tenant FROM event_feed f WHERE f.untold AND f.told_at <= clock() - interval '10 seconds' LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  SELECT c.* INTO newest FROM audit_checkpoint c WHERE c.tenant_id = tenant ORDER BY c.size DESC LIMIT 1;
  PERFORM place_checkpoint(newest);
  RETURN true;
END $$;
REVOKE EXECUTE ON FUNCTION place_checkpoint(audit_checkpoint), tell_due_checkpoint() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tell_due_checkpoint() TO {{relay}};

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{relay_reader}};
SET LOCAL search_path = exequatur, pg_catalog;

CREATE OR REPLACE FUNCTION tell_checkpoint() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  told timestamptz;
BEGIN
  INSERT INTO event_feed (tenant_id) VALUES (NEW.tenant_id) ON CONFLICT DO NOTHING;
  SELECT f.told_at INTO told FROM event_feed f WHERE f.tenant_id = NEW.tenant_id FOR UPDATE;
  IF told > NEW.created_at - interval '10 seconds' THEN
    UPDATE event_feed f SET untold = true WHERE f.tenant_id = NEW.tenant_id;
  ELSE
    PERFORM place_checkpoint(NEW);
  END IF;
  RETURN NULL;
END $$;
