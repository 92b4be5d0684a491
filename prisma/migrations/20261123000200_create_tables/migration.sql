-- Every table leads with tenant_id, in its primary key, its unique keys and its foreign keys, so that the schema shards by tenant.
SET LOCAL search_path = exequatur, pg_catalog;

CREATE TABLE tenant (
  tenant_id  uuid PRIMARY KEY,
  slug       text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  name       text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE tenant_control (
  tenant_id      uuid PRIMARY KEY REFERENCES tenant,
  policy_version bigint NOT NULL DEFAULT 0,
  updated_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE principal (
  tenant_id     uuid NOT NULL REFERENCES tenant,
  id            text NOT NULL CHECK (length(id) BETWEEN 1 AND 256),
  kind          text NOT NULL CHECK (kind IN ('user', 'agent', 'service')),
  name          text,
  acts_for      text,
  disabled      boolean NOT NULL DEFAULT false,
  first_seen_at timestamptz NOT NULL,
  updated_at    timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE TABLE standing_role (
  tenant_id       uuid NOT NULL,
  principal_id    text NOT NULL,
  role            text NOT NULL,
  source          text NOT NULL CHECK (source IN ('token', 'administrator')),
  fed_at          timestamptz NOT NULL,
  expires_at      timestamptz,
  removed_at      timestamptz,
  token_issued_at timestamptz,
  PRIMARY KEY (tenant_id, principal_id, role),
  FOREIGN KEY (tenant_id, principal_id) REFERENCES principal
);
CREATE TABLE ontology_version (
  tenant_id  uuid NOT NULL REFERENCES tenant,
  version    int NOT NULL CHECK (version > 0),
  document   text NOT NULL,
  digest     text NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, version)
);
CREATE TABLE object_type (
  tenant_id         uuid NOT NULL REFERENCES tenant,
  name              text NOT NULL,
  ontology_version  int NOT NULL,
  definition        jsonb NOT NULL,
  "references"      jsonb NOT NULL DEFAULT '{}',
  indexed           text[] NOT NULL DEFAULT '{}',
  unique_properties text[] NOT NULL DEFAULT '{}',
  key_property      text,
  minimum_approvals int NOT NULL DEFAULT 0 CHECK (minimum_approvals >= 0),
  PRIMARY KEY (tenant_id, name),
  FOREIGN KEY (tenant_id, ontology_version) REFERENCES ontology_version
);
CREATE TABLE link_type (
  tenant_id   uuid NOT NULL REFERENCES tenant,
  name        text NOT NULL,
  definition  jsonb NOT NULL,
  cardinality text NOT NULL CHECK (cardinality IN ('one-to-one', 'one-to-many', 'many-to-many')),
  from_type   text NOT NULL,
  to_type     text NOT NULL,
  via         text,
  PRIMARY KEY (tenant_id, name),
  FOREIGN KEY (tenant_id, from_type) REFERENCES object_type,
  FOREIGN KEY (tenant_id, to_type) REFERENCES object_type,
  CHECK ((cardinality = 'many-to-many') = (via IS NULL))
);
CREATE TABLE action_type_version (
  tenant_id        uuid NOT NULL REFERENCES tenant,
  name             text NOT NULL,
  version          int NOT NULL CHECK (version > 0),
  ontology_version int NOT NULL,
  definition       text NOT NULL,
  digest           text NOT NULL,
  surface          jsonb NOT NULL,
  floors           jsonb NOT NULL,
  ceilings         jsonb NOT NULL,
  created_at       timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, name, version),
  FOREIGN KEY (tenant_id, ontology_version) REFERENCES ontology_version
);
CREATE TABLE action_type (
  tenant_id       uuid NOT NULL REFERENCES tenant,
  name            text NOT NULL,
  current_version int NOT NULL,
  retired         boolean NOT NULL DEFAULT false,
  PRIMARY KEY (tenant_id, name),
  FOREIGN KEY (tenant_id, name, current_version) REFERENCES action_type_version
);
-- One row per object type and many-to-many link type: what executions lock, first and in order, so that a phantom can't slip in between two of them.
CREATE TABLE type_state (
  tenant_id uuid NOT NULL REFERENCES tenant,
  type      text COLLATE "C" NOT NULL,
  counter   bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant_id, type)
);
-- Written by the door alone, for a tenant that has a proposal: a foreign key to the tenant would ask that again for each of thousands of objects.
-- Half of each page is left free: an execution often changes every object on a page, and then the new versions find room beside the old and no index is touched.
-- Dead objects stay, so that versions never restart. property_versions holds the version that last wrote each property, and existence under '$'.
CREATE TABLE object (
  tenant_id         uuid NOT NULL,
  type              text COLLATE "C" NOT NULL,
  -- No longer than what an index row holds of a value, so that a reference is found by its key alone.
  id                text COLLATE "C" NOT NULL CHECK (length(id) BETWEEN 1 AND 256),
  version           bigint NOT NULL,
  alive             boolean NOT NULL,
  properties        jsonb NOT NULL,
  property_versions jsonb NOT NULL,
  PRIMARY KEY (tenant_id, type, id)
) WITH (fillfactor = 50);
CREATE TABLE object_index (
  tenant_id uuid NOT NULL,
  type      text COLLATE "C" NOT NULL,
  property  text COLLATE "C" NOT NULL,
  key       text COLLATE "C" NOT NULL,
  object_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, type, property, key, object_id)
);
CREATE TABLE link (
  tenant_id uuid NOT NULL REFERENCES tenant,
  link      text COLLATE "C" NOT NULL,
  from_type text COLLATE "C" NOT NULL,
  from_id   text COLLATE "C" NOT NULL,
  to_type   text COLLATE "C" NOT NULL,
  to_id     text COLLATE "C" NOT NULL,
  version   bigint NOT NULL,
  alive     boolean NOT NULL,
  PRIMARY KEY (tenant_id, link, from_id, to_id),
  FOREIGN KEY (tenant_id, from_type, from_id) REFERENCES object,
  FOREIGN KEY (tenant_id, to_type, to_id) REFERENCES object
);
CREATE INDEX link_to ON link (tenant_id, link, to_id, from_id);

CREATE TABLE lifecycle_edge (
  from_status text NOT NULL,
  to_status   text NOT NULL,
  PRIMARY KEY (from_status, to_status)
);
CREATE TABLE proposal (
  tenant_id           uuid NOT NULL REFERENCES tenant,
  id                  uuid NOT NULL,
  status              text NOT NULL,
  action_type         text NOT NULL,
  action_type_version int NOT NULL,
  ontology_version    int NOT NULL,
  parameters          text NOT NULL,
  parameters_hash     text NOT NULL,
  justification       text NOT NULL,
  proposer_id         text NOT NULL,
  proposer_kind       text NOT NULL CHECK (proposer_kind IN ('user', 'agent', 'service')),
  proposer_roles      text[] NOT NULL,
  acts_for            text,
  revision            int NOT NULL DEFAULT 1 CHECK (revision > 0),
  revision_seed       text NOT NULL,
  evaluated_at        timestamptz NOT NULL,
  plan_id             uuid,
  plan_digest         text,
  expires_at          timestamptz NOT NULL,
  revert_of           uuid,
  failure             jsonb,
  status_timestamps   jsonb NOT NULL,
  created_at          timestamptz NOT NULL,
  updated_at          timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, action_type, action_type_version) REFERENCES action_type_version,
  FOREIGN KEY (tenant_id, proposer_id) REFERENCES principal,
  CHECK ((plan_id IS NULL) = (plan_digest IS NULL)),
  CHECK (status NOT IN ('awaiting_approval', 'approved', 'scheduled', 'executing', 'compensating', 'needs_attention', 'executed') OR plan_id IS NOT NULL),
  CHECK (status NOT IN ('failed', 'invalid') OR failure IS NOT NULL)
);
CREATE INDEX proposal_newest ON proposal (tenant_id, created_at DESC, id DESC);
CREATE INDEX proposal_status ON proposal (tenant_id, status, created_at DESC, id DESC);
-- At most one open revert per execution.
CREATE UNIQUE INDEX proposal_open_revert ON proposal (tenant_id, revert_of)
  WHERE revert_of IS NOT NULL AND status NOT IN ('invalid', 'rejected', 'expired', 'withdrawn', 'executed', 'failed');
CREATE TABLE idempotency_key (
  tenant_id    uuid NOT NULL,
  principal_id text NOT NULL,
  operation    text NOT NULL,
  key          text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
  request_hash text NOT NULL,
  proposal_id  uuid NOT NULL,
  created_at   timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, principal_id, operation, key)
);
CREATE TABLE plan (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  proposal_id uuid NOT NULL,
  revision    int NOT NULL,
  digest      text NOT NULL CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
  bytes       bigint NOT NULL,
  edits       int NOT NULL CHECK (edits >= 0),
  summary     jsonb NOT NULL,
  requirement jsonb NOT NULL,
  created_at  timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, proposal_id) REFERENCES proposal
);
CREATE INDEX plan_of_proposal ON plan (tenant_id, proposal_id);
CREATE TABLE plan_chunk (
  tenant_id  uuid NOT NULL,
  plan_id    uuid NOT NULL,
  ordinal    int NOT NULL CHECK (ordinal >= 0),
  bytes      bytea NOT NULL,
  first_edit int NOT NULL,
  edits      int NOT NULL,
  PRIMARY KEY (tenant_id, plan_id, ordinal),
  FOREIGN KEY (tenant_id, plan_id) REFERENCES plan
);
CREATE TABLE read_set (
  tenant_id  uuid NOT NULL,
  plan_id    uuid NOT NULL,
  simulation int NOT NULL,
  counters   jsonb NOT NULL,
  queries    jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, plan_id, simulation),
  FOREIGN KEY (tenant_id, plan_id) REFERENCES plan
);
CREATE TABLE read_set_reads (
  tenant_id  uuid NOT NULL,
  plan_id    uuid NOT NULL,
  simulation int NOT NULL,
  type       text COLLATE "C" NOT NULL,
  ids        text[] NOT NULL,
  properties text[] NOT NULL,
  versions   bigint[] NOT NULL,
  PRIMARY KEY (tenant_id, plan_id, simulation, type),
  FOREIGN KEY (tenant_id, plan_id, simulation) REFERENCES read_set
);
CREATE TABLE review (
  tenant_id      uuid NOT NULL,
  id             uuid NOT NULL,
  proposal_id    uuid NOT NULL,
  revision       int NOT NULL,
  digest         text NOT NULL,
  decision       text NOT NULL CHECK (decision IN ('approve', 'reject', 'request_changes')),
  reason         text,
  comments       jsonb,
  reviewer_id    text NOT NULL,
  reviewer_kind  text NOT NULL CHECK (reviewer_kind <> 'agent'),
  reviewer_roles text[] NOT NULL,
  stage          text NOT NULL,
  signature      bytea,
  created_at     timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, proposal_id) REFERENCES proposal,
  FOREIGN KEY (tenant_id, reviewer_id) REFERENCES principal
);
CREATE INDEX review_of_proposal ON review (tenant_id, proposal_id, created_at);
CREATE TABLE execution (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  proposal_id uuid NOT NULL,
  plan_id     uuid NOT NULL,
  digest      text NOT NULL,
  edits       int NOT NULL,
  started_at  timestamptz NOT NULL,
  executed_at timestamptz NOT NULL,
  outcome     jsonb NOT NULL,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, proposal_id),
  FOREIGN KEY (tenant_id, proposal_id) REFERENCES proposal
);
ALTER TABLE proposal ADD FOREIGN KEY (tenant_id, revert_of) REFERENCES execution;
-- One row per edit of an object. before holds what the touched properties were (for a delete: all of them); written from the locked row, not from the plan.
CREATE TABLE object_history (
  tenant_id    uuid NOT NULL,
  type         text COLLATE "C" NOT NULL,
  object_id    text COLLATE "C" NOT NULL,
  version      bigint NOT NULL,
  op           text NOT NULL CHECK (op IN ('create', 'modify', 'delete')),
  before       jsonb NOT NULL,
  set          jsonb NOT NULL,
  unset        text[] NOT NULL,
  execution_id uuid NOT NULL,
  proposal_id  uuid NOT NULL,
  at           timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, type, object_id, version)
);
CREATE INDEX object_history_of_execution ON object_history (tenant_id, execution_id);
CREATE TABLE link_history (
  tenant_id    uuid NOT NULL,
  link         text COLLATE "C" NOT NULL,
  from_id      text COLLATE "C" NOT NULL,
  to_id        text COLLATE "C" NOT NULL,
  version      bigint NOT NULL,
  op           text NOT NULL CHECK (op IN ('link', 'unlink')),
  execution_id uuid NOT NULL,
  proposal_id  uuid NOT NULL,
  at           timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, link, from_id, to_id, version)
);
CREATE INDEX link_history_of_execution ON link_history (tenant_id, execution_id);
CREATE TABLE review_consumption (
  tenant_id    uuid NOT NULL,
  review_id    uuid NOT NULL,
  execution_id uuid NOT NULL,
  PRIMARY KEY (tenant_id, review_id),
  FOREIGN KEY (tenant_id, review_id) REFERENCES review,
  FOREIGN KEY (tenant_id, execution_id) REFERENCES execution
);
CREATE TABLE audit_head (
  tenant_id uuid PRIMARY KEY REFERENCES tenant,
  seq       bigint NOT NULL,
  hash      bytea NOT NULL CHECK (length(hash) = 32)
);
CREATE TABLE audit_entry (
  tenant_id     uuid NOT NULL,
  seq           bigint NOT NULL CHECK (seq > 0),
  id            uuid NOT NULL,
  at            timestamptz NOT NULL,
  type          text NOT NULL,
  proposal_id   uuid,
  previous_hash bytea NOT NULL CHECK (length(previous_hash) = 32),
  payload       bytea NOT NULL CHECK (length(payload) <= 65536),
  hash          bytea NOT NULL CHECK (length(hash) = 32),
  PRIMARY KEY (tenant_id, seq),
  UNIQUE (tenant_id, id)
);
CREATE INDEX audit_entry_of_proposal ON audit_entry (tenant_id, proposal_id, seq) WHERE proposal_id IS NOT NULL;
-- What a salted commitment in an entry's payload stands for. Erasable: the entry's hash does not cover it.
CREATE TABLE audit_disclosure (
  tenant_id uuid NOT NULL,
  entry_id  uuid NOT NULL,
  name      text NOT NULL,
  salt      text NOT NULL,
  value     text NOT NULL,
  PRIMARY KEY (tenant_id, entry_id, name)
);
CREATE TABLE outbox (
  tenant_id      uuid NOT NULL,
  id             uuid NOT NULL,
  audit_entry_id uuid NOT NULL,
  type           text NOT NULL,
  subject        text NOT NULL,
  proposal_id    uuid,
  data           jsonb NOT NULL,
  created_at     timestamptz NOT NULL,
  published_at   timestamptz,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX outbox_unpublished ON outbox (tenant_id, created_at) WHERE published_at IS NULL;
CREATE TABLE nudge (
  tenant_id    uuid NOT NULL,
  id           uuid NOT NULL,
  proposal_id  uuid NOT NULL,
  created_at   timestamptz NOT NULL,
  delivered_at timestamptz,
  attempts     int NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, proposal_id) REFERENCES proposal
);
CREATE INDEX nudge_undelivered ON nudge (created_at) WHERE delivered_at IS NULL;

-- Makes a tenant, or finds it: its id is derived from its slug, so a repeat is the same tenant. Granted to no run-time login.
CREATE FUNCTION ensure_tenant(tenant_slug text, tenant_name text) RETURNS uuid LANGUAGE plpgsql SET search_path = pg_catalog, exequatur, pg_temp AS $$
DECLARE
  tenant uuid := md5('exequatur tenant ' || tenant_slug)::uuid;
  before text := coalesce(current_setting('app.tenant', true), '');
BEGIN
  PERFORM set_config('app.tenant', tenant::text, true);
  INSERT INTO tenant (tenant_id, slug, name) VALUES (tenant, tenant_slug, tenant_name) ON CONFLICT DO NOTHING;
  INSERT INTO tenant_control (tenant_id) VALUES (tenant) ON CONFLICT DO NOTHING;
  PERFORM set_config('app.tenant', before, true);
  RETURN tenant;
END $$;
