-- A revert may leave a part, and may itself be taken back; so what still stands of an execution follows from all reverts of it, from those of these, and so on. They are one family, in
-- which one revert comes after the other: only one of a family is open at a time, so that none is planned on what another is about to change, and no effect is taken back twice.
SET LOCAL search_path = exequatur, pg_catalog;

ALTER TABLE proposal
  -- The execution that the family began with.
  ADD COLUMN revert_root uuid,
  -- Which revert of the family it is.
  ADD COLUMN revert_number int,
  -- 1 takes the first execution back, 2 takes that back and so does again what the first did, and so on.
  ADD COLUMN revert_depth int;

-- Nobody else sees the table meanwhile.
ALTER TABLE proposal NO FORCE ROW LEVEL SECURITY, DISABLE TRIGGER USER;
ALTER TABLE execution NO FORCE ROW LEVEL SECURITY;
UPDATE proposal p SET revert_root = f.root, revert_number = f.number, revert_depth = f.depth
  FROM (
    WITH RECURSIVE family AS (
      SELECT v.tenant_id, v.id, v.revert_of AS root, 1 AS depth, v.created_at
        FROM proposal v JOIN execution x ON x.tenant_id = v.tenant_id AND x.id = v.revert_of JOIN proposal o ON o.tenant_id = x.tenant_id AND o.id = x.proposal_id
       WHERE o.revert_of IS NULL
      UNION ALL
      SELECT v.tenant_id, v.id, f.root, f.depth + 1, v.created_at
        FROM family f JOIN execution x ON x.tenant_id = f.tenant_id AND x.proposal_id = f.id JOIN proposal v ON v.tenant_id = x.tenant_id AND v.revert_of = x.id
    )
    SELECT f.*, row_number() OVER (PARTITION BY f.tenant_id, f.root ORDER BY f.created_at, f.depth, f.id) AS number FROM family f) f
 WHERE p.tenant_id = f.tenant_id AND p.id = f.id;
ALTER TABLE execution FORCE ROW LEVEL SECURITY;
ALTER TABLE proposal ENABLE TRIGGER USER, FORCE ROW LEVEL SECURITY;

DROP INDEX proposal_open_revert;
CREATE UNIQUE INDEX proposal_open_revert ON proposal (tenant_id, revert_root)
  WHERE revert_root IS NOT NULL AND status NOT IN ('invalid', 'rejected', 'expired', 'withdrawn', 'executed', 'failed');
CREATE UNIQUE INDEX proposal_of_family ON proposal (tenant_id, revert_root, revert_number) WHERE revert_root IS NOT NULL;

-- The database itself says where in its family a revert stands. Two that begin at once would have one number, and the index lets one of them in.
CREATE FUNCTION place_revert() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF (NEW.revert_root, NEW.revert_number, NEW.revert_depth) IS DISTINCT FROM (OLD.revert_root, OLD.revert_number, OLD.revert_depth) THEN
      RAISE EXCEPTION 'what a proposal is does not change' USING ERRCODE = 'XQ006';
    END IF;
    RETURN NEW;
  END IF;
  NEW.revert_root := NULL;
  NEW.revert_number := NULL;
  NEW.revert_depth := NULL;
  IF NEW.revert_of IS NULL THEN
    RETURN NEW;
  END IF;
  SELECT coalesce(o.revert_root, NEW.revert_of), coalesce(o.revert_depth, 0) + 1 INTO NEW.revert_root, NEW.revert_depth
    FROM execution x JOIN proposal o ON o.tenant_id = x.tenant_id AND o.id = x.proposal_id
   WHERE x.tenant_id = NEW.tenant_id AND x.id = NEW.revert_of AND o.status = 'executed';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'only what was executed is taken back' USING ERRCODE = 'XQ006';
  END IF;
  NEW.revert_number := 1 + coalesce((SELECT max(v.revert_number) FROM proposal v WHERE v.tenant_id = NEW.tenant_id AND v.revert_root = NEW.revert_root), 0);
  RETURN NEW;
END $$;
CREATE TRIGGER place_revert BEFORE INSERT OR UPDATE OF revert_root, revert_number, revert_depth ON proposal FOR EACH ROW EXECUTE FUNCTION place_revert();

-- What each of a family did, part by part: a property of an object, or `$` where the object was made or deleted; a link, by its other end; an effect that was done, by its name; a
-- change of what governs, as one. What was set to the value that it had is no part. `back` says whether something takes it back.
CREATE FUNCTION parts_of_family(root uuid) RETURNS TABLE (proposal_id uuid, execution_id uuid, number int, depth int, kind text, name text, id text, part text, back boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  WITH family AS MATERIALIZED (
    SELECT p.id AS proposal_id, x.id AS execution_id, 0 AS number, 0 AS depth, p.action_type FROM execution x JOIN proposal p ON p.tenant_id = x.tenant_id AND p.id = x.proposal_id
     WHERE x.tenant_id = current_tenant() AND x.id = root AND p.status = 'executed'
    UNION ALL
    SELECT p.id, x.id, p.revert_number, p.revert_depth, p.action_type FROM proposal p JOIN execution x ON x.tenant_id = p.tenant_id AND x.proposal_id = p.id
     WHERE p.tenant_id = current_tenant() AND p.revert_root = root AND p.status = 'executed'
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
  SELECT f.proposal_id, f.execution_id, f.number, f.depth, 'effect', t.name, '', '', t.state = 'done' AND (t.compensated OR f.depth % 2 = 1)
    FROM family f
   CROSS JOIN LATERAL (SELECT max(s.run) AS run FROM saga s WHERE s.tenant_id = current_tenant() AND s.proposal_id = f.proposal_id) n
    JOIN saga_step t ON t.tenant_id = current_tenant() AND t.proposal_id = f.proposal_id AND t.run = n.run AND t.phase <> 'check' AND t.state IN ('done', 'unknown')
  UNION ALL
  SELECT f.proposal_id, f.execution_id, f.number, f.depth, 'setting', f.action_type, '', '', true FROM family f WHERE governs(f.action_type)
$$;

-- The same with whether it stands. Whoever last did something to a part has it: what the first did, and what did it again, stands while the last one did that; what took it back while the last
-- one took it back.
CREATE FUNCTION standing_of_family(root uuid) RETURNS TABLE (proposal_id uuid, execution_id uuid, kind text, name text, id text, part text, back boolean, stands boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT p.proposal_id, p.execution_id, p.kind, p.name, p.id, p.part, p.back,
         first_value(p.depth) OVER (PARTITION BY p.kind, p.name, p.id, p.part ORDER BY p.number DESC) % 2 = p.depth % 2
    FROM parts_of_family(root) p
$$;

-- Of an execution what still stands, where a revert of its family was executed: nobody asks otherwise, since then all of it does.
CREATE FUNCTION standing_parts(execution uuid) RETURNS TABLE (name text, id text, part text) LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT s.name, s.id, s.part
    FROM execution x JOIN proposal o ON o.tenant_id = x.tenant_id AND o.id = x.proposal_id
   CROSS JOIN LATERAL standing_of_family(coalesce(o.revert_root, x.id)) s
   WHERE x.tenant_id = current_tenant() AND x.id = standing_parts.execution AND s.execution_id = x.id AND s.stands AND s.kind IN ('object', 'link')
$$;

-- How much each of a family did, how much of it stands, and whether something of that can be taken back.
CREATE FUNCTION count_standing(root uuid) RETURNS TABLE (proposal_id uuid, did bigint, stands bigint, is_left boolean) LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT s.proposal_id, count(*), count(*) FILTER (WHERE s.stands), bool_or(s.stands AND s.back) FROM standing_of_family(root) s GROUP BY s.proposal_id
$$;
REVOKE EXECUTE ON FUNCTION place_revert(), parts_of_family(uuid), standing_of_family(uuid), standing_parts(uuid), count_standing(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION parts_of_family(uuid), standing_of_family(uuid), standing_parts(uuid), count_standing(uuid) TO {{api}}, {{worker}}, {{door}};

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- A revert may restore before-images of the execution it takes back where what that wrote still is, and do nothing else; of what others of its family took back since, nothing.
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
  IF EXISTS (SELECT FROM proposal v WHERE v.tenant_id = p.tenant_id AND v.revert_root = p.revert_root AND v.status = 'executed') AND EXISTS (
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
