-- Reminders and escalations that were sent: each is an event once, however often the step that sends it is repeated. Under the proposal's row lock.
SET LOCAL search_path = exequatur, pg_catalog;

CREATE TABLE prompt (
  tenant_id uuid NOT NULL REFERENCES tenant,
  plan_id   uuid NOT NULL,
  kind      text NOT NULL CHECK (kind IN ('reminder', 'escalation')),
  -- Since when the plan awaited approval: the beginning from which they are counted.
  since     timestamptz NOT NULL,
  number    int NOT NULL CHECK (number > 0),
  sent_at   timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, plan_id, kind, since, number),
  FOREIGN KEY (tenant_id, plan_id) REFERENCES plan (tenant_id, id)
);
ALTER TABLE prompt ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON prompt USING (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid))
                               WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::uuid));
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON prompt FOR EACH ROW EXECUTE FUNCTION refuse_change();
GRANT SELECT ON prompt TO {{api}}, {{worker}};
-- An escalation widens whom the gate takes approvals of. How many people must have approved is the door's to count, and stays what it is.
GRANT INSERT ON prompt TO {{worker}};
