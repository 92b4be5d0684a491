// Definitions over HTTP: their diff, their versions, and two authors at once. A database of its own: tests/support/database.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { building } from '../store/fixture.ts';
import { ApiScene } from './api-scene.ts';
import { enacted } from './enact.ts';

let scene: ApiScene;
const admin = () => scene.as({ id: 'ontology-admin-1' });
const changed = (change: (document: typeof building) => void) => {
  const document = structuredClone(building);
  change(document);
  return document;
};
const stricter = changed((document) => Object.assign(document.actionTypes.askFloor, { approvalPolicy: 'two-stage' }));
const withoutJoin = changed((document) => Reflect.deleteProperty(document.actionTypes, 'join'));

beforeAll(async () => {
  scene = await ApiScene.open({ simulationPatienceMs: 0 });
});
afterAll(() => scene?.close());

describe('PUT /v1/ontology', () => {
  it('answers the first document with all that is new, and nothing of it breaks anything', async () => {
    const { status, body, headers } = await admin().put('/v1/ontology', building);
    expect(status).toBe(201);
    expect(headers.get('etag')).toBe(`"${body.digest}"`);
    expect(body).toMatchObject({ version: 1, changed: true, accepted: true, dryRun: false, breaking: false, faults: [] });
    expect(body.changes).toContainEqual({
      pointer: '/objectTypes/room',
      kind: 'added',
      code: 'object_type_added',
      impact: 'compatible',
      message: 'a new object type',
    });
  });

  it('with dryRun=true answers the same and stores nothing', async () => {
    await scene.as({ id: 'keeper-1' }).propose('askFloor', { name: 'F1' });
    const { status, body, headers } = await admin().put('/v1/ontology?dryRun=true', stricter);
    expect({ status, etag: headers.get('etag') }).toEqual({ status: 200, etag: null });
    expect(body).toMatchObject({
      version: 2,
      dryRun: true,
      breaking: false,
      changes: [{ pointer: '/actionTypes/askFloor/approvalPolicy', kind: 'changed', code: 'behaviour_changed', impact: 'compatible' }],
      actionTypes: { askFloor: 2, addFloor: 1 },
      redefined: [{ name: 'askFloor', from: 1, to: 2, waiting: { simulatedAgain: 1, kept: 0, ended: 0 } }],
    });
    expect((await admin().get('/v1/ontology')).headers.get('exequatur-ontology-version')).toBe('1');
    expect((await admin().put('/v1/ontology?dryRun=perhaps', stricter)).status).toBe(400);
  });

  it('replaces only the document that the author names in If-Match', async () => {
    const put = (document: unknown, etag: string) => admin().call('PUT', '/v1/ontology', { body: document, headers: { 'if-match': etag } });
    const etag = (await admin().get('/v1/ontology')).headers.get('etag') ?? '';
    const answer = await enacted(scene, put(stricter, etag));
    expect(answer).toMatchObject({ status: 202, body: { version: 2, loosens: [], proposal: { status: 'simulating' } } });
    expect(answer.headers.get('location')).toBe(`/v1/proposals/${answer.body.proposal.id}`);
    expect(await put(withoutJoin, etag)).toMatchObject({ status: 412, body: { code: 'stale_ontology' } });
    expect(await put(withoutJoin, 'no tag')).toMatchObject({ status: 400 });
    const sent = enacted(scene, admin().put('/v1/ontology?justification=Nobody%20joins.', withoutJoin));
    expect(await sent).toMatchObject({ status: 202, body: { version: 3, breaking: true } });
  });
});

describe('versions', () => {
  it('are listed newest first, in pages', async () => {
    const first = await admin().get('/v1/ontology/versions?pageSize=2');
    expect(first.body.versions).toMatchObject([
      { version: 3, createdBy: 'ontology-admin-1' },
      { version: 2, createdBy: 'ontology-admin-1' },
    ]);
    const second = await admin().get(`/v1/ontology/versions?pageSize=2&pageToken=${first.body.nextPageToken}`);
    expect(second.body).toMatchObject({ versions: [{ version: 1 }], nextPageToken: null });
    expect((await admin().get('/v1/ontology/versions?pageToken=x')).body.code).toBe('invalid_page_token');
  });

  it('can be read back as they were accepted', async () => {
    const { body, headers } = await admin().get('/v1/ontology?version=1');
    expect(body).toEqual(building);
    const [, , first] = (await admin().get('/v1/ontology/versions')).body.versions;
    expect(headers.get('etag')).toBe(`"${first.digest}"`);
    expect((await admin().get('/v1/ontology?version=9')).status).toBe(404);
    expect((await admin().get('/v1/ontology?version=one')).status).toBe(400);
  });

  it('are compared in either direction', async () => {
    const { body } = await admin().get('/v1/ontology/diff?from=1&to=3');
    expect(body).toMatchObject({
      from: { version: 1 },
      to: { version: 3 },
      breaking: true,
      changes: [{ pointer: '/actionTypes/join', code: 'action_type_removed' }],
    });
    expect((await admin().get('/v1/ontology/diff?from=3&to=1')).body).toMatchObject({
      breaking: false,
      changes: [{ code: 'action_type_added' }],
    });
    expect((await admin().get('/v1/ontology/diff?from=1&to=1')).body).toMatchObject({ breaking: false, changes: [] });
    expect((await admin().get('/v1/ontology/diff?from=1&to=9')).status).toBe(404);
    expect((await admin().get('/v1/ontology/diff?from=1')).status).toBe(400);
  });
});
