-- Whoever a change of standing or a delegation is about does not approve it, and that somebody asked for a freeze window to go counts for a day.
SET LOCAL search_path = exequatur, pg_catalog;

GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE {{door}};
SET LOCAL search_path = exequatur, pg_catalog;

-- Ids and persons on the side of those whom this edit of a setting is about, as the directory has them before it.
CREATE FUNCTION concerned_by(edit plan_edit) RETURNS SETOF text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  RETURN QUERY
  SELECT b.id FROM unnest(CASE edit.type
           WHEN '$delegation' THEN ARRAY[edit.set ->> 'delegator', edit.set ->> 'delegate']
           WHEN '$principal' THEN edit.id || ARRAY(SELECT jsonb_array_elements_text(edit.set -> 'change' -> 'linkedIdentities')) END) c(id)
    CROSS JOIN LATERAL stands_behind(c.id, NULL) b(id);
END $$;

-- Those of these reviews in which nobody had a part whom the edit is about.
CREATE FUNCTION disinterested(reviews uuid[], edit plan_edit) RETURNS uuid[] LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  tenant uuid := current_tenant();
  concerned text[] := ARRAY(SELECT concerned_by(edit));
BEGIN
  RETURN ARRAY(SELECT r.id FROM review r
                WHERE r.tenant_id = tenant AND r.id = ANY (reviews)
                  AND NOT EXISTS (SELECT FROM principal w WHERE w.tenant_id = tenant AND w.id IN (r.reviewer_id, r.on_behalf_of)
                                     AND ARRAY[w.id, coalesce(w.person, w.id)] && concerned));
END $$;

-- As before; and of what governs no review of those counts who gain by it.
CREATE OR REPLACE FUNCTION approving_reviews(p proposal, content text, edits plan_edit[], shapes plan_shape[]) RETURNS uuid[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  needed int;
  reviews uuid[];
BEGIN
  PERFORM check_slots(p, content, edits), refuse_doubles(edits, shapes), check_surface(p, shapes);
  IF p.revert_of IS NULL AND is_change_set(p.action_type) THEN
    PERFORM check_members(p, split_part(content, E'\n', 2)::jsonb, shapes);
  END IF;
  IF p.revert_of IS NOT NULL AND NOT governs(p.action_type) THEN
    PERFORM restore_only(p, edits);
  END IF;
  needed := approvals_needed(p, split_part(content, E'\n', 2)::jsonb, shapes);
  reviews := ARRAY(SELECT counting_reviews(p));
  IF governs(p.action_type) THEN
    needed := greatest(needed, second_people(p, edits));
    reviews := disinterested(reviews, edits[1]);
  END IF;
  IF needed IS NULL OR cardinality(reviews) < needed THEN
    RAISE EXCEPTION '% of % needed people have approved this digest', cardinality(reviews), coalesce(needed::text, 'unknown') USING ERRCODE = 'XQ002';
  END IF;
  IF cardinality(reviews) = 0 THEN
    IF NOT EXISTS (SELECT FROM standing_role s
                    WHERE s.tenant_id = p.tenant_id AND s.principal_id = p.proposer_id AND s.removed_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > clock())
                      AND s.role <> 'auditor')
       AND glass_in_force(p) IS NULL AND NOT EXISTS (SELECT FROM migration_batch b WHERE b.tenant_id = p.tenant_id AND b.proposal_id = p.id) THEN
      RAISE EXCEPTION 'nobody approved this, and who proposed it may propose nothing now' USING ERRCODE = 'XQ002';
    END IF;
  END IF;
  RETURN reviews;
END $$;

-- As before; and somebody asked for it within the day. Equal to removalLasts in store/freeze-windows.ts.
CREATE OR REPLACE FUNCTION remove_freeze_window(name text, by text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, exequatur, pg_temp AS $$
BEGIN
  DELETE FROM freeze_window f
   WHERE f.tenant_id = current_tenant() AND f.name = remove_freeze_window.name
     AND (f.ends_at <= clock()
          OR (f.removal_asked_at > clock() - interval '1 day'
              AND EXISTS (SELECT FROM principal a JOIN principal b ON b.tenant_id = a.tenant_id AND b.id = remove_freeze_window.by
                           WHERE a.tenant_id = f.tenant_id AND a.id = f.removal_asked_by AND a.kind = 'user' AND NOT a.disabled AND b.kind = 'user' AND NOT b.disabled
                             AND NOT EXISTS (SELECT FROM principal z WHERE z.tenant_id = a.tenant_id AND z.person IN (a.person, b.person) AND z.disabled)
                             AND NOT ARRAY[b.id, coalesce(b.person, b.id), coalesce(b.acts_for, b.id)] && ARRAY(SELECT stands_behind(a.id, a.acts_for)))));
  IF NOT FOUND THEN
    RAISE EXCEPTION 'to remove a freeze window takes two people' USING ERRCODE = 'XQ002';
  END IF;
END $$;

REVOKE EXECUTE ON FUNCTION concerned_by(plan_edit), disinterested(uuid[], plan_edit) FROM PUBLIC;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
