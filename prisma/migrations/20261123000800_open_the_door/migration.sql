-- The door: the one way in which objects, links and history change. Everything here belongs to {{door}}, which cannot log in and owns no table.
-- The rule behind it: what a run-time login can write may only take permission away; what adds permission is checked here.
-- Refusals carry an SQLSTATE of class XQ (store/door-refusals.ts).
CREATE TYPE exequatur.plan_edit AS (
  op text, type text, id text, set jsonb, unset text[], before jsonb, touched text[], from_id text, to_id text
);
-- What many edits have in common. A plan of 100,000 edits has a handful of shapes, so what can be asked of the shapes is asked of them and not of every edit.
CREATE TYPE exequatur.plan_shape AS (op text, type text, touched text[], edits int);
GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

CREATE FUNCTION current_tenant() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT nullif(current_setting('app.tenant', true), '')::uuid $$;

-- Locks the tenant's control row, shared: after a change of it has committed, no execution commits under what held before.
CREATE FUNCTION lock_control() RETURNS void LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT 1 FROM tenant_control c WHERE c.tenant_id = current_tenant() FOR SHARE
$$;

-- approved | scheduled -> executing. Locks the proposal's row. Writes no event: the caller announces it in the same transaction.
CREATE FUNCTION begin_execution(proposal uuid, execution uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp SET "TimeZone" = 'UTC' AS $$
DECLARE
  was text;
  expiry timestamptz;
BEGIN
  SELECT p.status, p.expires_at INTO was, expiry FROM proposal p WHERE p.tenant_id = current_tenant() AND p.id = begin_execution.proposal FOR UPDATE;
  -- The clock is asked after the lock, so a transaction that was held until the time had run out does not pass.
  IF was IS NULL OR was NOT IN ('approved', 'scheduled') OR expiry <= clock() THEN
    RAISE EXCEPTION 'an execution begins from approved or scheduled, in time, not from %', coalesce(was, 'nothing') USING ERRCODE = 'XQ006';
  END IF;
  UPDATE proposal p
     SET status = 'executing', updated_at = c.now, status_timestamps = p.status_timestamps || jsonb_build_object('executing', stamp(c.now))
    FROM (SELECT clock() AS now) c
   WHERE p.tenant_id = current_tenant() AND p.id = begin_execution.proposal;
END $$;

CREATE FUNCTION stamp(at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$ SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$;

-- executing -> simulating | awaiting_approval | failed, when nothing has been applied. Takes permission away only. The caller announces it.
CREATE FUNCTION leave_executing(proposal uuid, target text, problem jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp SET "TimeZone" = 'UTC' AS $$
BEGIN
  IF target NOT IN ('simulating', 'awaiting_approval', 'failed') THEN
    RAISE EXCEPTION 'an execution is left for simulating, awaiting_approval or failed' USING ERRCODE = 'XQ006';
  END IF;
  UPDATE proposal p
     SET status = target, failure = problem, updated_at = c.now, status_timestamps = p.status_timestamps || jsonb_build_object(target, stamp(c.now))
    FROM (SELECT clock() AS now) c
   WHERE p.tenant_id = current_tenant() AND p.id = leave_executing.proposal AND p.status = 'executing';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no such execution to leave' USING ERRCODE = 'XQ006';
  END IF;
END $$;

-- The stored bytes, hashed here. Refuses unless they are the plan that the proposal's approvers saw: its digest, its parameters, its action type.
CREATE FUNCTION approved_text(p proposal, plan uuid) RETURNS text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  bytes bytea;
  stored record;
  content text;
  header jsonb;
BEGIN
  SELECT x.digest, x.revision, x.edits, x.requirement INTO stored FROM plan x WHERE x.tenant_id = p.tenant_id AND x.id = plan AND x.proposal_id = p.id;
  IF NOT FOUND OR p.plan_id IS DISTINCT FROM plan OR stored.digest IS DISTINCT FROM p.plan_digest OR stored.revision <> p.revision THEN
    RAISE EXCEPTION 'this is not the approved plan of the proposal' USING ERRCODE = 'XQ003';
  END IF;
  SELECT string_agg(c.bytes, ''::bytea ORDER BY c.ordinal) INTO bytes FROM plan_chunk c WHERE c.tenant_id = p.tenant_id AND c.plan_id = plan;
  IF bytes IS NULL OR 'sha256:' || encode(sha256(bytes), 'hex') <> p.plan_digest THEN
    RAISE EXCEPTION 'the stored bytes do not have the approved digest' USING ERRCODE = 'XQ003';
  END IF;
  content := convert_from(bytes, 'UTF8');
  IF encode(sha256(convert_to(split_part(content, E'\n', 2), 'UTF8')), 'hex') <> p.parameters_hash THEN
    RAISE EXCEPTION 'the plan was made from other parameters' USING ERRCODE = 'XQ003';
  END IF;
  IF NOT split_part(content, E'\n', 1) IS JSON OBJECT WITH UNIQUE KEYS THEN
    RAISE EXCEPTION 'the plan has no readable header' USING ERRCODE = 'XQ003';
  END IF;
  header := split_part(content, E'\n', 1)::jsonb;
  IF header ->> 'format' IS DISTINCT FROM '1' OR header ->> 'tenant' IS DISTINCT FROM p.tenant_id::text OR header ->> 'actionType' IS DISTINCT FROM p.action_type
     OR (header ->> 'actionTypeVersion')::int IS DISTINCT FROM p.action_type_version OR header ->> 'revertOf' IS DISTINCT FROM p.revert_of::text THEN
    RAISE EXCEPTION 'the plan belongs to another action' USING ERRCODE = 'XQ003';
  END IF;
  IF header -> 'requirement' IS DISTINCT FROM stored.requirement THEN
    RAISE EXCEPTION 'reviewers were held to another requirement than the plan has' USING ERRCODE = 'XQ003';
  END IF;
  RETURN content;
END $$;

-- The edits, from the text whose hash was approved. Every line must be one JSON object without duplicate keys, or what is checked is not what was read; each is
-- parsed once and its parts are taken from the parsed value. Ids are of the length and the characters that index rows and fingerprints rely on. Most edits of a plan set the same properties, so those of the first are compared before any others are listed.
CREATE FUNCTION edits_of(content text) RETURNS plan_edit[] LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  edits plan_edit[];
  sound boolean;
  first text := split_part(content, E'\n', 3);
  common text[] := ARRAY(SELECT jsonb_object_keys(CASE WHEN first IS JSON OBJECT AND jsonb_typeof(first::jsonb -> 'set') = 'object' THEN first::jsonb -> 'set' ELSE '{}' END));
BEGIN
  SELECT array_agg(ROW(e.op, coalesce(e.type, e.link), e.id, coalesce(e.set, '{}'), e.unset, coalesce(e.before, '{}'),
                       CASE WHEN e.set IS NULL THEN e.unset
                            WHEN e.unset = '{}' AND e.set ?& common AND e.set - common = '{}' THEN common
                            ELSE ARRAY(SELECT jsonb_object_keys(e.set)) || e.unset END,
                       e.from_id, e.to_id)::plan_edit),
         bool_and(coalesce(CASE
           WHEN e.op = 'modify' THEN e.before IS NOT NULL AND (e.set IS NOT NULL OR e.unset <> '{}') AND e.link IS NULL AND e.type IS NOT NULL AND e.id IS NOT NULL
           WHEN e.op = 'create' THEN e.before IS NULL AND e.set IS NOT NULL AND e.unset = '{}' AND e.link IS NULL AND e.type IS NOT NULL AND length(e.id) BETWEEN 1 AND 256 AND e.id !~ '[\x01-\x1f\x7f]'
           WHEN e.op = 'delete' THEN e.before IS NOT NULL AND e.set IS NULL AND e.unset = '{}' AND e.link IS NULL AND e.type IS NOT NULL AND e.id IS NOT NULL
           WHEN e.op IN ('link', 'unlink') THEN e.type IS NULL AND e.link IS NOT NULL AND e.from_id IS NOT NULL AND e.to_id IS NOT NULL
         END, false))
    INTO edits, sound
    FROM (SELECT j ->> 'op' AS op, j ->> 'type' AS type, j ->> 'link' AS link, j ->> 'id' AS id, j ->> 'from' AS from_id, j ->> 'to' AS to_id,
                 CASE jsonb_typeof(j -> 'before') WHEN 'object' THEN j -> 'before' END AS before,
                 CASE jsonb_typeof(j -> 'set') WHEN 'object' THEN j -> 'set' END AS set,
                 CASE jsonb_typeof(j -> 'unset') WHEN 'array' THEN ARRAY(SELECT jsonb_array_elements_text(j -> 'unset')) ELSE '{}' END AS unset
            FROM (SELECT CASE WHEN l.line IS JSON OBJECT WITH UNIQUE KEYS THEN l.line::jsonb END AS j
                    FROM string_to_table(content, E'\n') WITH ORDINALITY AS l(line, n) WHERE l.n > 2 OFFSET 0) parsed OFFSET 0) e;
  IF NOT coalesce(sound, true) THEN
    RAISE EXCEPTION 'a line of the plan is no edit: an object with unique keys, of a known kind and with what that kind has' USING ERRCODE = 'XQ003';
  END IF;
  RETURN coalesce(edits, '{}');
END $$;

CREATE FUNCTION shapes_of(edits plan_edit[]) RETURNS plan_shape[] LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT coalesce(array_agg(ROW(s.op, s.type, s.touched, s.edits)::plan_shape), '{}')
    FROM (SELECT e.op, e.type, e.touched, count(*)::int AS edits FROM unnest(edits) e GROUP BY e.op, e.type, e.touched) s
$$;

-- One edit for each object, and in it each property once: who reads the plan must not have to know in which order the door goes. Edits of one operation on one
-- object are found by the count of what they change; this finds what the shapes can show, and what two operations on one type may hide.
CREATE FUNCTION refuse_doubles(edits plan_edit[], shapes plan_shape[]) RETURNS void LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  mixed text[] := ARRAY(SELECT s.type FROM unnest(shapes) s WHERE s.op IN ('create', 'modify', 'delete') GROUP BY s.type HAVING count(DISTINCT s.op) > 1);
BEGIN
  IF EXISTS (SELECT FROM unnest(shapes) s WHERE s.op = 'modify' AND (s.touched = '{}' OR cardinality(s.touched) > (SELECT count(DISTINCT t) FROM unnest(s.touched) t)))
     OR (mixed <> '{}' AND EXISTS (SELECT FROM unnest(edits) e WHERE e.type = ANY (mixed) AND e.id IS NOT NULL GROUP BY e.type, e.id HAVING count(*) > 1)) THEN
    RAISE EXCEPTION 'the plan touches something twice, or nothing' USING ERRCODE = 'XQ003';
  END IF;
END $$;

-- How many distinct people must have approved: the action type's first floor whose ceilings all hold, and no less than any touched object type asks for.
CREATE FUNCTION approvals_needed(p proposal, parameters jsonb, shapes plan_shape[]) RETURNS int LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  needed int;
  least int;
  edits bigint := (SELECT coalesce(sum(s.edits), 0) FROM unnest(shapes) s);
BEGIN
  SELECT (f ->> 'approvals')::int INTO needed
    FROM action_type_version v CROSS JOIN LATERAL jsonb_array_elements(v.floors) WITH ORDINALITY AS x(f, n)
   WHERE v.tenant_id = p.tenant_id AND v.name = p.action_type AND v.version = p.action_type_version
     AND coalesce(edits <= (f -> 'ceilings' ->> 'edits')::int, true)
     -- A parameter that is absent or not a number keeps no ceiling; a negative one counts by its size.
     AND NOT EXISTS (SELECT FROM jsonb_each(coalesce(f -> 'ceilings' -> 'parameters', '{}')) c
                      WHERE NOT coalesce(CASE WHEN jsonb_typeof(parameters -> c.key) = 'number' THEN abs((parameters ->> c.key)::numeric) <= (c.value #>> '{}')::numeric END, false))
   ORDER BY (f ->> 'approvals')::int LIMIT 1;
  SELECT max(t.minimum_approvals) INTO least FROM object_type t
   WHERE t.tenant_id = p.tenant_id AND (t.name = ANY (ARRAY(SELECT s.type FROM unnest(shapes) s))
      OR t.name = ANY (ARRAY(SELECT x FROM link_type l CROSS JOIN LATERAL unnest(ARRAY[l.from_type, l.to_type]) x
                              WHERE l.tenant_id = p.tenant_id AND l.name = ANY (ARRAY(SELECT s.type FROM unnest(shapes) s)))));
  -- greatest() ignores nulls: no floor that holds must not become no floor.
  RETURN CASE WHEN needed IS NOT NULL THEN greatest(needed, least) END;
END $$;

-- Newest review of each person on this digest (of two at one instant the one that does not approve), if it approves, is not used up, and the person may count at all: a human, not disabled, not the proposer nor whom
-- the proposer acts for.
CREATE FUNCTION counting_reviews(p proposal) RETURNS SETOF uuid LANGUAGE sql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
  SELECT newest.id
    FROM (SELECT DISTINCT ON (r.reviewer_id) r.id, r.reviewer_id, r.decision FROM review r
           WHERE r.tenant_id = p.tenant_id AND r.proposal_id = p.id AND r.revision = p.revision AND r.digest = p.plan_digest
           ORDER BY r.reviewer_id, r.created_at DESC, r.decision = 'approve') newest
    JOIN principal who ON who.tenant_id = p.tenant_id AND who.id = newest.reviewer_id
   WHERE newest.decision = 'approve' AND who.kind = 'user' AND NOT who.disabled AND newest.reviewer_id <> p.proposer_id
     AND newest.reviewer_id IS DISTINCT FROM p.acts_for
     AND NOT EXISTS (SELECT FROM review_consumption c WHERE c.tenant_id = p.tenant_id AND c.review_id = newest.id)
$$;

-- Which (type, operation, property) the action-type version may touch, and how much. A revert does the opposite instead (and a revert of a revert the same again), within what restore_only allows, and has as
-- many edits as what it takes back, which was within the ceilings then.
CREATE FUNCTION check_surface(p proposal, shapes plan_shape[]) RETURNS void LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  surface jsonb;
  ceilings jsonb;
  outside text;
BEGIN
  SELECT v.surface, v.ceilings INTO surface, ceilings FROM action_type_version v
   WHERE v.tenant_id = p.tenant_id AND v.name = p.action_type AND v.version = p.action_type_version;
  WITH allowed AS (
    SELECT s ->> 'type' AS type, s ->> 'operation' AS op, s -> 'properties' AS properties FROM jsonb_array_elements(surface) s WHERE p.revert_of IS NULL
    UNION ALL
    SELECT s ->> 'type', opposite.op, CASE WHEN s ->> 'operation' = 'modify' THEN s -> 'properties' END
      FROM jsonb_array_elements(surface) s
      JOIN (VALUES ('create', 'delete'), ('delete', 'create'), ('modify', 'modify'), ('link', 'unlink'), ('unlink', 'link'),
                    ('create', 'create'), ('delete', 'delete'), ('link', 'link'), ('unlink', 'unlink')) AS opposite(of, op) ON opposite.of = s ->> 'operation'
     WHERE p.revert_of IS NOT NULL
  )
  SELECT format('%s of %s', m.op, m.type) INTO outside FROM unnest(shapes) m
   WHERE NOT EXISTS (SELECT FROM allowed a WHERE a.type = m.type AND a.op = m.op)
      OR EXISTS (SELECT FROM unnest(m.touched) t(property) WHERE NOT EXISTS (
           SELECT FROM allowed a WHERE a.type = m.type AND a.op = m.op AND (a.properties ? t.property OR (p.revert_of IS NOT NULL AND a.op = 'create'))))
   LIMIT 1;
  IF outside IS NOT NULL THEN
    RAISE EXCEPTION '% is outside what % may touch', outside, p.action_type USING ERRCODE = 'XQ004';
  END IF;
  IF p.revert_of IS NULL AND EXISTS (
       SELECT FROM (SELECT s.type, sum(s.edits) AS edits FROM unnest(shapes) s GROUP BY GROUPING SETS ((), (s.type))) made
        WHERE made.edits > CASE WHEN made.type IS NULL THEN (ceilings ->> 'edits')::int ELSE (ceilings -> 'objects' ->> made.type)::int END) THEN
    RAISE EXCEPTION 'the plan has more edits than % may make', p.action_type USING ERRCODE = 'XQ005';
  END IF;
END $$;

-- A revert may restore before-images of the execution it takes back where what that wrote still is, and do nothing else.
CREATE FUNCTION restore_only(p proposal, edits plan_edit[]) RETURNS void LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
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
END $$;

-- One row per type, in the order of their names, before any object: exclusive for what is written, shared for what the plan had queried, for what written types refer
-- to, and for what refers to types from which something is deleted. So two executions never both miss what the other is about to commit, and objects need no locks of
-- their own: nothing but a door writes them.
CREATE FUNCTION lock_types(p proposal, plan uuid, shapes plan_shape[]) RETURNS void LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  name text;
  written text[] := ARRAY(SELECT DISTINCT s.type FROM unnest(shapes) s);
  deleted text[] := ARRAY(SELECT DISTINCT s.type FROM unnest(shapes) s WHERE s.op = 'delete');
BEGIN
  FOR name IN
    SELECT t FROM (
      SELECT unnest(written) AS t
      UNION
      SELECT jsonb_object_keys(r.counters) FROM (SELECT r.counters FROM read_set r WHERE r.tenant_id = p.tenant_id AND r.plan_id = plan ORDER BY r.simulation DESC LIMIT 1) r
      UNION
      -- Whose objects were read by id: what was read must stay so until this commits.
      SELECT r.type FROM read_set_reads r WHERE r.tenant_id = p.tenant_id AND r.plan_id = plan
      UNION
      SELECT coalesce(q ->> 'type', q ->> 'link') FROM read_set r CROSS JOIN LATERAL jsonb_array_elements(r.queries) q WHERE r.tenant_id = p.tenant_id AND r.plan_id = plan
      UNION
      SELECT CASE WHEN t.name = ANY (written) THEN r.value ELSE t.name END FROM object_type t CROSS JOIN LATERAL jsonb_each_text(t."references") r
       WHERE t.tenant_id = p.tenant_id AND (t.name = ANY (written) OR r.value = ANY (deleted))
      UNION
      SELECT x FROM link_type t CROSS JOIN LATERAL unnest(ARRAY[t.name, t.from_type, t.to_type]) x
       WHERE t.tenant_id = p.tenant_id AND t.cardinality = 'many-to-many' AND (t.name = ANY (written) OR t.from_type = ANY (deleted) OR t.to_type = ANY (deleted))
    ) x ORDER BY t COLLATE "C"
  LOOP
    IF name = ANY (written) THEN
      PERFORM FROM type_state s WHERE s.tenant_id = p.tenant_id AND s.type = name FOR UPDATE;
      IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no type %', name USING ERRCODE = 'XQ004';
      END IF;
    ELSE
      PERFORM FROM type_state s WHERE s.tenant_id = p.tenant_id AND s.type = name FOR SHARE;
    END IF;
  END LOOP;
END $$;
SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
