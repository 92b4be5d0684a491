import type pg from 'pg';
import type { ActionCeilings, ApprovalFloor, SurfaceRow } from '../../ontology/compiled-ontology.ts';

interface SceneAction {
  surface: SurfaceRow[];
  floors: ApprovalFloor[];
  ceilings?: ActionCeilings;
}

const approvals = (needed: number): ApprovalFloor[] => [{ approvals: needed, ceilings: {} }];
const airport = ['name', 'status', 'closedBy'];
const flight = ['origin', 'twin', 'delay'];

const actions = {
  /** Makes and removes everything, without anybody's approval: what tests begin from. */
  populate: {
    surface: [
      { type: 'airport', operation: 'create', properties: airport },
      { type: 'flight', operation: 'create', properties: flight },
      { type: 'alternates', operation: 'link' },
      { type: 'alternates', operation: 'unlink' },
      { type: 'airport', operation: 'delete' },
      { type: 'flight', operation: 'delete' },
      { type: 'flight', operation: 'modify', properties: flight },
    ],
    floors: approvals(0),
    ceilings: { edits: 100_000, objects: {} },
  },
  rename: { surface: [{ type: 'airport', operation: 'modify', properties: ['name'] }], floors: approvals(1) },
  close: { surface: [{ type: 'airport', operation: 'modify', properties: ['status', 'closedBy'] }], floors: approvals(2) },
  delay: {
    surface: [{ type: 'flight', operation: 'modify', properties: ['delay'] }],
    floors: [
      { approvals: 0, ceilings: { edits: 1, parameters: { minutes: 30 } } },
      { approvals: 1, ceilings: {} },
    ],
    ceilings: { edits: 3, objects: { flight: 2 } },
  },
  guard: { surface: [{ type: 'vault', operation: 'modify', properties: ['content'] }], floors: approvals(0) },
  fillVault: { surface: [{ type: 'vault', operation: 'create', properties: ['content'] }], floors: approvals(0) },
} as const satisfies Record<string, SceneAction>;

export type ActionName = keyof typeof actions;
export const versions = Object.fromEntries(Object.keys(actions).map((name) => [name, 1])) as Record<ActionName, number>;

const types = [
  {
    name: 'airport',
    definition: {
      properties: {
        name: { type: 'string' },
        status: { type: 'string', indexed: true },
        closedBy: { type: 'array', items: { type: 'string' } },
      },
    },
    references: {},
    indexed: ['status'],
    unique: [],
    minimumApprovals: 0,
  },
  {
    name: 'flight',
    definition: {
      properties: {
        origin: { type: 'reference', to: 'airport' },
        twin: { type: 'reference', to: 'flight' },
        delay: { type: 'integer', indexed: true },
      },
    },
    references: { origin: 'airport', twin: 'flight' },
    indexed: ['origin', 'twin', 'delay'],
    unique: ['twin'],
    minimumApprovals: 0,
  },
  {
    name: 'vault',
    definition: { properties: { content: { type: 'string' } } },
    references: {},
    indexed: [],
    unique: [],
    minimumApprovals: 1,
  },
];

/** What is there once a document is in force. */
export async function defineTypes(client: pg.PoolClient): Promise<void> {
  const tenant = "(SELECT current_setting('app.tenant')::uuid)";
  await client.query(
    `INSERT INTO exequatur.ontology_version (tenant_id, version, document, digest, created_by, created_at) VALUES (${tenant}, 1, '{}', 'd', 'admin', exequatur.clock())`,
  );
  for (const type of types) {
    await client.query(
      `INSERT INTO exequatur.object_type (tenant_id, name, ontology_version, definition, "references", indexed, unique_properties, minimum_approvals)
       VALUES (${tenant}, $1, 1, $2, $3, $4, $5, $6)`,
      [type.name, JSON.stringify(type.definition), JSON.stringify(type.references), type.indexed, type.unique, type.minimumApprovals],
    );
  }
  await client.query(
    `INSERT INTO exequatur.link_type (tenant_id, name, definition, cardinality, from_type, to_type) VALUES (${tenant}, 'alternates', '{}', 'many-to-many', 'airport', 'airport')`,
  );
  await client.query(`INSERT INTO exequatur.type_state (tenant_id, type, counter) SELECT ${tenant}, unnest($1::text[]), 0`, [
    [...types.map(({ name }) => name), 'alternates'],
  ]);
  for (const [name, action] of Object.entries<SceneAction>(actions)) {
    await client.query(
      `INSERT INTO exequatur.action_type_version (tenant_id, name, version, ontology_version, definition, digest, surface, floors, ceilings, created_at)
       VALUES (${tenant}, $1, 1, 1, '{}', 'd', $2, $3, $4, exequatur.clock())`,
      [
        name,
        JSON.stringify(action.surface),
        JSON.stringify(action.floors),
        JSON.stringify(action.ceilings ?? { edits: 10_000, objects: {} }),
      ],
    );
    await client.query(`INSERT INTO exequatur.action_type (tenant_id, name, current_version) VALUES (${tenant}, $1, 1)`, [name]);
  }
}
