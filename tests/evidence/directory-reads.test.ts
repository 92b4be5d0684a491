// Who looked up what the directory says of others, and of whom they stand in for: on record, once for each request. What is read beside it leaves nothing: docs/decisions/0063.
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { JsonObject } from '../../ontology/json.ts';
import { simulateProposal } from '../../store/simulate-proposal.ts';
import { enacted } from '../api/enact.ts';
import { EvidenceScene } from './evidence-scene.ts';

let scene: EvidenceScene;
let acted: string;
beforeAll(async () => {
  scene = await EvidenceScene.open();
  acted = await scene.act();
  const admin = scene.api.as({ id: 'access-admin-1' });
  await scene.api.as({ id: 'keeper-2' }).get('/v1/object-types'); // So that the directory knows them.
  for (const [id, change] of [
    ['keeper-2', { linkedIdentities: ['keeper-1'] }],
    ['agent-1', { actsFor: 'officer-1' }],
  ] as const)
    await enacted(scene.api, admin.put(`/v1/principals/${id}`, change), 'access-admin-2');
  const endsAt = new Date(Date.now() + 86_400_000).toISOString();
  await enacted(
    scene.api,
    scene.api.as({ id: 'officer-1' }).put('/v1/delegations/leave', { delegate: 'keeper-1', endsAt, reason: 'an operation' }),
    'access-admin-2',
  );
});
afterAll(() => scene?.close());

let last: number;
const entries = async (): Promise<{ facts: JsonObject; reader: string }[]> => {
  const { rows } = await scene.superuser.query(
    `SELECT e.seq::int AS seq, convert_from(e.payload, 'UTF8')::jsonb - 'commitments' AS facts, (SELECT d.value::jsonb #>> '{}' FROM exequatur.audit_disclosure d WHERE d.tenant_id = e.tenant_id AND d.entry_id = e.id) AS reader
       FROM exequatur.audit_entry e WHERE e.tenant_id = $1 AND e.seq > $2 ORDER BY e.seq`,
    [scene.api.tenant, last],
  );
  return rows.map(({ facts, reader }) => ({ facts, reader }));
};
const lookFromHere = async () => {
  const { rows } = await scene.superuser.query('SELECT h.seq::int AS seq FROM exequatur.audit_head h WHERE h.tenant_id = $1', [
    scene.api.tenant,
  ]);
  last = rows[0].seq;
};
beforeEach(lookFromHere);
const read = (reader: string, fields: JsonObject) => ({ facts: { type: 'sensitive.read', fields }, reader });

it.each<[string, string, JsonObject]>([
  ['access-admin-1', '/v1/principals/keeper-1', { principals: 1 }],
  ['auditor-1', '/v1/principals/agent-1', { principals: 1 }],
  ['keeper-1', '/v1/principals/officer-1', { principals: 1 }],
  ['access-admin-1', '/v1/delegations', { delegations: 1 }],
  ['access-admin-1', '/v1/delegations/leave', { delegations: 1 }],
])('%s reads %s of others, which is an entry', async (id, path, fields) => {
  expect((await scene.api.as({ id }).get(path)).status).toBe(200);
  expect(await entries()).toEqual([read(id, fields)]);
});

it('a page is one entry, with how many others are on it', async () => {
  const { body } = await scene.api.as({ id: 'access-admin-1' }).get('/v1/principals?pageSize=4');
  const shown = body.principals.map(({ id }: { id: string }) => id);
  expect(shown).toHaveLength(4);
  expect(await entries()).toEqual([read('access-admin-1', { principals: shown.filter((id: string) => id !== 'access-admin-1').length })]);
});

it.each<[string, string, number]>([
  ['keeper-1', '/v1/principals/keeper-1', 200],
  ['keeper-1', '/v1/principals/keeper-2', 200], // The same person.
  ['officer-1', '/v1/principals/agent-1', 200], // Acts for them.
  ['officer-1', '/v1/delegations', 200],
  ['keeper-1', '/v1/delegations/leave', 200],
  ['access-admin-1', '/v1/principals/nobody-known', 404],
  ['access-admin-1', '/v1/principals?role=unheard-of', 200],
])('%s reads %s, which is nobody else’s, and no entry', async (id, path, status) => {
  expect((await scene.api.as({ id }).get(path)).status).toBe(status);
  expect(await entries()).toEqual([]);
});

it.each(['', '/timeline', '/decisions', '/reviewers', '/plan'])(
  'what a proposal names people for is read without an entry: %s',
  async (part) => {
    expect((await scene.api.as({ id: 'auditor-1' }).get(`/v1/proposals/${acted}${part}`)).status).toBe(200);
    expect(await entries()).toEqual([]);
  },
);

it('whom to ask for a review is told by id and name, without what the directory says of them', async () => {
  const { body } = await scene.api.as({ id: 'agent-1', kind: 'agent', roles: ['agent'] }).propose('askFloorTwice', { name: 'R' });
  await simulateProposal(scene.worker, scene.api.tenant, body.id, scene.api.context.resources.deps);
  await lookFromHere();
  const { reviewers } = (await scene.api.as({ id: 'auditor-1' }).get(`/v1/proposals/${body.id}/reviewers`)).body;
  expect(reviewers).toContainEqual({ id: 'keeper-1', name: null, onBehalfOf: null });
  expect([...new Set(reviewers.flatMap(Object.keys))]).toEqual(['id', 'name', 'onBehalfOf']);
  expect(await entries()).toEqual([]);
});
