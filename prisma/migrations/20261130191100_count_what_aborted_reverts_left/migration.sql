-- A revert that an operator ended in its middle has taken back what it took back, though it failed: another revert takes what is left, and finds nothing of that in its way.
SET LOCAL search_path = exequatur, pg_catalog;

-- As before, and of reverts that failed what was left of them: their edits, where these stayed, and their effects, as store/saga/read-done-effects.ts counts them.
CREATE OR REPLACE FUNCTION parts_of_family(root uuid) RETURNS TABLE (proposal_id uuid, execution_id uuid, number int, depth int, kind text, name text, id text, part text, back boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  WITH family AS MATERIALIZED (
    SELECT p.id AS proposal_id, x.id AS execution_id, 0 AS number, 0 AS depth, p.action_type FROM execution x JOIN proposal p ON p.tenant_id = x.tenant_id AND p.id = x.proposal_id
     WHERE x.tenant_id = current_tenant() AND x.id = root AND p.status = 'executed'
    UNION ALL
    SELECT p.id, x.id, p.revert_number, p.revert_depth, p.action_type FROM proposal p JOIN execution x ON x.tenant_id = p.tenant_id AND x.proposal_id = p.id
     WHERE p.tenant_id = current_tenant() AND p.revert_root = root AND p.status = 'executed'
    UNION ALL
    SELECT p.id, CASE WHEN s.edits IN ('applied', 'stuck', 'skipped') THEN x.id END, p.revert_number, p.revert_depth, p.action_type
      FROM proposal p
     CROSS JOIN LATERAL (SELECT n.edits FROM saga n WHERE n.tenant_id = p.tenant_id AND n.proposal_id = p.id ORDER BY n.run DESC LIMIT 1) s
      LEFT JOIN execution x ON x.tenant_id = p.tenant_id AND x.proposal_id = p.id
     WHERE p.tenant_id = current_tenant() AND p.revert_root = root AND p.status = 'failed'
  )
  SELECT f.proposal_id, f.execution_id, f.number, f.depth, 'object', h.type, h.object_id, k.part, true
    FROM family f JOIN object_history h ON h.tenant_id = current_tenant() AND h.execution_id = f.execution_id
   CROSS JOIN LATERAL (
     SELECT '$' AS part WHERE h.op <> 'modify'
     UNION ALL
     SELECT t.property FROM (SELECT jsonb_object_keys(h.set) UNION ALL SELECT unnest(h.unset)) t(property) WHERE h.op = 'modify' AND h.set -> t.property IS DISTINCT FROM h.before -> t.property) k
  UNION ALL
  SELECT f.proposal_id, f.execution_id, f.number, f.depth, 'link', h.link, h.from_id, h.to_id, true
    FROM family f JOIN link_history h ON h.tenant_id = current_tenant() AND h.execution_id = f.execution_id
  UNION ALL
  SELECT f.proposal_id, f.execution_id, f.number, f.depth, 'effect', t.name, '', '', t.state IN ('done', 'stuck') AND (t.compensated OR f.depth % 2 = 1)
    FROM family f
   CROSS JOIN LATERAL (SELECT max(s.run) AS run FROM saga s WHERE s.tenant_id = current_tenant() AND s.proposal_id = f.proposal_id) n
    JOIN saga_step t ON t.tenant_id = current_tenant() AND t.proposal_id = f.proposal_id AND t.run = n.run AND t.phase <> 'check' AND t.state IN ('done', 'stuck', 'unknown', 'sending')
  UNION ALL
  SELECT f.proposal_id, f.execution_id, f.number, f.depth, 'setting', f.action_type, '', '', true FROM family f WHERE governs(f.action_type)
$$;

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- As before, and nothing that a revert which failed has taken back.
CREATE OR REPLACE FUNCTION restore_only(p proposal, edits plan_edit[]) RETURNS void LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM execution x JOIN proposal o ON o.tenant_id = x.tenant_id AND o.id = x.proposal_id
                  WHERE x.tenant_id = p.tenant_id AND x.id = p.revert_of AND o.action_type = p.action_type AND o.action_type_version = p.action_type_version) THEN
    RAISE EXCEPTION 'a revert asks for the approvals of the action that it takes back' USING ERRCODE = 'XQ004';
  END IF;
  IF EXISTS (
    SELECT FROM unnest(edits) e LEFT JOIN object_history h ON h.tenant_id = p.tenant_id AND h.execution_id = p.revert_of AND h.type = e.type AND h.object_id = e.id
     WHERE e.op IN ('create', 'modify', 'delete') AND NOT coalesce(CASE e.op
             WHEN 'modify' THEN h.op = 'modify' AND (h.before || e.set) = h.before AND NOT h.before ?| e.unset AND (h.set || (SELECT coalesce(jsonb_object_agg(u, ''), '{}') FROM unnest(h.unset) u)) ?& e.touched
                  AND (h.set || e.before) = h.set AND e.before ?& ARRAY(SELECT t FROM unnest(e.touched) t WHERE h.set ? t)
             WHEN 'create' THEN h.op = 'delete' AND h.before = e.set
             ELSE h.op = 'create' AND h.set = e.before END, false))
  OR EXISTS (
    SELECT FROM unnest(edits) e LEFT JOIN link_history h ON h.tenant_id = p.tenant_id AND h.execution_id = p.revert_of AND h.link = e.type AND h.from_id = e.from_id AND h.to_id = e.to_id
     WHERE e.op IN ('link', 'unlink') AND coalesce(h.op, e.op) = e.op) THEN
    RAISE EXCEPTION 'a revert may only restore what the execution had changed' USING ERRCODE = 'XQ004';
  END IF;
  IF EXISTS (SELECT FROM proposal v WHERE v.tenant_id = p.tenant_id AND v.revert_root = p.revert_root AND v.status IN ('executed', 'failed')) AND EXISTS (
    WITH standing AS MATERIALIZED (SELECT s.name, s.id, s.part FROM standing_parts(p.revert_of) s)
    SELECT FROM unnest(edits) e
     CROSS JOIN LATERAL unnest(CASE WHEN e.op = 'modify' THEN e.touched WHEN e.op IN ('create', 'delete') THEN ARRAY['$'] ELSE ARRAY[e.to_id] END) t(part)
      LEFT JOIN standing s ON s.name = e.type AND s.id = coalesce(e.id, e.from_id) AND s.part = t.part
     -- What is set to the value that it has is no part of anything, and changes nothing.
     WHERE s.name IS NULL AND NOT (e.op = 'modify' AND e.set -> t.part IS NOT DISTINCT FROM e.before -> t.part)) THEN
    RAISE EXCEPTION 'a revert may not take back what was taken back already' USING ERRCODE = 'XQ004';
  END IF;
END $$;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
