import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openApiDocument } from '../../api/open-api.ts';
import { routes } from '../../api/routes.ts';
import { openPool } from '../../store/connect.ts';
import { startTracing, type Tracing } from '../../telemetry/tracing.ts';
import { temporalAddress } from '../support/temporal.ts';
import { startTraceCollector, type TraceCollector } from '../support/trace-collector.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process.ts';
import { type Answer, ApiScene } from './api-scene.ts';
import { enacted } from './enact.ts';
import { secrets, staff } from './staff.ts';

// A database of its own: tests/support/database.ts. The worker is the real one, in a process of its own.
const taskQueue = `sensitive-${randomUUID()}`;
const logLines: string[] = [];
let collector: TraceCollector;
let tracing: Tracing;
let scene: ApiScene;
let worker: WorkerProcess;
let superuser: pg.Pool;
type Person = ReturnType<ApiScene['as']>;
let outsider: Person;
let confidant: Person;
let keeper: Person;
let admin: Person;
/** Proposals by what they were for. */
const made: Record<string, string> = {};

beforeAll(async () => {
  const temporal = temporalAddress();
  collector = await startTraceCollector();
  tracing = startTracing('api', collector.endpoint);
  scene = await ApiScene.open({
    temporal,
    taskQueue,
    simulationPatienceMs: 20_000,
    onLogLine: (line) => logLines.push(JSON.stringify(line)),
  });
  scene.context.resources.logger.level = 'trace';
  worker = await startWorkerProcess({
    databaseUrl: scene.database.urls.worker,
    temporal,
    taskQueue,
    more: { LOG_LEVEL: 'trace', OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint },
    onLine: (line) => logLines.push(line),
  });
  await worker.ready();
  superuser = openPool(scene.database.urls.superuser, { max: 1 });
  outsider = scene.as({ id: 'clerk-1', roles: ['keeper'] });
  confidant = scene.as({ id: 'anna', roles: ['confidant', 'keeper'] });
  keeper = scene.as({ id: 'keeper-1' });
  admin = scene.as({ id: 'ontology-admin-1' });
  expect((await admin.put('/v1/ontology', staff)).status).toBe(201);
  await done('hire', { code: 'BOSS' });
  const { tag, ...told } = secrets;
  made.hired = await done('hire', { code: 'P1', ...told, tags: [tag], superior: 'BOSS' });
  await done('hire', { code: 'P2', note: 'nothing', superior: 'BOSS' });
  await done('hire', { code: 'P3', note: secrets.note });
  made.annotated = await done('annotate', { person: 'P1', note: `${secrets.note}!` });
  made.dismissed = await done('dismiss', { person: 'P3' });
  made.waiting = await waiting('annotate', { person: 'P1', note: secrets.note });
  made.replaced = await replaced();
  made.kept = await waiting('keepNote', { person: 'P1' });
  made.reckoned = await invalid('reckon', { person: 'P1' });
  made.doubled = await invalid('doubleNote', { person: 'P1' });
  made.shared = await invalid('shareBadge', { person: 'P2', other: 'P1' });
});
afterAll(async () => {
  await worker?.stop();
  await superuser?.end();
  await scene?.close();
  await tracing?.stop();
  await collector?.close();
});

async function waiting(actionType: string, parameters: object): Promise<string> {
  const { body } = await outsider.propose(actionType, parameters as never);
  expect(body.status, JSON.stringify(body.failure)).toBe('awaiting_approval');
  return body.id;
}

/** A proposal whose plan another took the place of: what it would write over was written meanwhile. */
async function replaced(): Promise<string> {
  const id = await waiting('keepNote', { person: 'P2' });
  const { body } = await keeper.get(`/v1/proposals/${id}`);
  await done('annotate', { person: 'P2', note: secrets.note });
  expect((await keeper.review(body)).status).toBe(409);
  await scene.until(id, 'awaiting_approval');
  await done('annotate', { person: 'P2', note: 'nothing' });
  return id;
}

async function done(actionType: string, parameters: object): Promise<string> {
  const id = await waiting(actionType, parameters);
  const { body } = await keeper.get(`/v1/proposals/${id}`);
  expect((await keeper.review(body)).status).toBe(201);
  await scene.until(id, 'executed');
  return id;
}

/** What is asked of a proposal with a secret that is executed; then things are as they were. */
async function inEmergency(ask: (id: string, planDigest: string) => Promise<Answer>): Promise<Answer> {
  const { body } = await admin.propose('annotate', { person: 'P2', note: secrets.note });
  const answer = await ask(body.id, body.planDigest);
  await scene.until(body.id, 'executed');
  await done('annotate', { person: 'P2', note: 'nothing' });
  return answer;
}

async function invalid(actionType: string, parameters: object): Promise<string> {
  const { body } = await outsider.propose(actionType, parameters as never);
  expect(body.status).toBe('invalid');
  return body.id;
}

const mask = { $masked: true };
const everySecret = Object.values(secrets);

function secretsIn(text: string): string[] {
  return everySecret.filter((secret) => text.includes(secret));
}

const proposing = (actionType: string, parameters: object) => ({ actionType, parameters, justification: 'because' });

type Ask = (person: Person) => Promise<Answer>;
const get =
  (path: string): Ask =>
  (person) =>
    person.get(path);

const weekly = { actionType: 'annotate', parameters: { person: 'P2', note: secrets.note }, justification: 'x', timing: { every: 'P7D' } };
const scheduled = async (person: Person): Promise<string> => (await person.post('/v1/schedules', weekly)).body.id;

/** How each route is asked so that it would show values if it could, and whether it shows some to whoever may see them. A route without a row fails. */
const rows: Record<string, { asks: Ask[]; shows: boolean } | 'holds no values'> = {
  putOntology: 'holds no values',
  getOntology: { asks: [get('/v1/ontology')], shows: false },
  listOntologyVersions: { asks: [get('/v1/ontology/versions')], shows: false },
  diffOntology: { asks: [get('/v1/ontology/diff?from=1&to=1')], shows: false },
  listIndexes: { asks: [get('/v1/ontology/indexes')], shows: false },
  listMigrations: { asks: [get('/v1/ontology/migrations')], shows: false },
  getMigration: 'holds no values',
  cancelMigration: 'holds no values',
  getOntologySchema: 'holds no values',
  listObjectTypes: { asks: [get('/v1/object-types')], shows: false },
  listActionTypes: { asks: [get('/v1/action-types')], shows: false },
  getActionType: { asks: [get('/v1/action-types/hire')], shows: false },
  simulateAction: {
    asks: [
      (person) => person.post('/v1/action-types/dismiss/simulate', { parameters: { person: 'P1' } }),
      (person) => person.post('/v1/action-types/annotate/simulate', { parameters: { person: 'P1', note: 'x' } }),
      (person) => person.post('/v1/action-types/reckon/simulate', { parameters: { person: 'P1' } }),
      (person) => person.post('/v1/action-types/doubleNote/simulate', { parameters: { person: 'P1' } }),
      (person) => person.post('/v1/action-types/keepNote/simulate', { parameters: { person: 'P1' } }),
      (person) => person.post('/v1/action-types/shareBadge/simulate', { parameters: { person: 'P2', other: 'P1' } }),
    ],
    shows: true,
  },
  simulateChangeSet: {
    asks: [
      (person) => {
        const actions = [
          { actionType: 'annotate', parameters: { person: 'P2', note: secrets.note } },
          { actionType: 'reckon', parameters: { person: 'P1' } },
        ];
        return person.post('/v1/proposals:simulate', { changeSet: { actions } });
      },
      (person) =>
        person.post('/v1/proposals:simulate', { changeSet: { actions: [{ actionType: 'dismiss', parameters: { person: 'P1' } }] } }),
    ],
    shows: true,
  },
  createProposal: {
    asks: [
      (person) => person.post('/v1/proposals', proposing('annotate', { person: 'P2', note: secrets.note })),
      (person) => person.post('/v1/proposals', proposing('shareBadge', { person: 'P2', other: 'P1' })),
      (person) => person.post('/v1/proposals', proposing('keepNote', { person: 'P1' })),
    ],
    shows: true,
  },
  listProposals: {
    asks: [get('/v1/proposals?pageSize=1000'), get('/v1/proposals?status=invalid'), get('/v1/proposals?needsReview=false')],
    shows: true,
  },
  getProposal: {
    asks: ['hired', 'annotated', 'waiting', 'kept', 'reckoned', 'doubled', 'shared'].map(
      (name): Ask =>
        (person) =>
          person.get(`/v1/proposals/${made[name]}`),
    ),
    shows: true,
  },
  getPlan: {
    asks: ['hired', 'annotated', 'waiting', 'kept', 'dismissed'].map(
      (name): Ask =>
        (person) =>
          person.get(`/v1/proposals/${made[name]}/plan`),
    ),
    shows: true,
  },
  getPlanDifference: { asks: [(person) => person.get(`/v1/proposals/${made.replaced}/plan/difference`)], shows: true },
  reviewProposal: {
    asks: [
      async (person) => {
        const { body } = await admin.propose('annotate', { person: 'P2', note: secrets.note });
        return person.review(body, 'reject');
      },
    ],
    shows: false,
  },
  reviseProposal: {
    asks: [
      async (person) => {
        const { body } = await person.propose('annotate', { person: 'P2', note: 'x' });
        expect((await keeper.review(body, 'request_changes')).status).toBe(201);
        return person.post(`/v1/proposals/${body.id}/revisions`, { parameters: { person: 'P2', note: secrets.note } });
      },
    ],
    shows: true,
  },
  breakGlass: {
    asks: [(person) => inEmergency((id, planDigest) => person.post(`/v1/proposals/${id}/break-glass`, { planDigest, reason: 'x' }))],
    shows: true,
  },
  reviewEmergency: {
    asks: [
      (person) =>
        inEmergency(async (id, planDigest) => {
          await keeper.post(`/v1/proposals/${id}/break-glass`, { planDigest, reason: 'x' });
          await scene.until(id, 'executed');
          return person.post(`/v1/proposals/${id}/post-review`, { verdict: 'justified', comment: 'x' });
        }),
    ],
    shows: true,
  },
  createProposals: {
    asks: [
      (person) => {
        const actions = [{ actionType: 'annotate', parameters: { person: 'P2', note: secrets.note } }];
        return person.post(
          '/v1/proposals:batch',
          { changeSet: { actions, justification: 'x' } },
          { 'idempotency-key': `${Math.random()}` },
        );
      },
    ],
    shows: true,
  },
  createSchedule: { asks: [(person) => person.post('/v1/schedules', weekly)], shows: true },
  listSchedules: { asks: [get('/v1/schedules')], shows: true },
  getSchedule: { asks: [async (person) => person.get(`/v1/schedules/${await scheduled(person)}`)], shows: true },
  pauseSchedule: { asks: [async (person) => person.post(`/v1/schedules/${await scheduled(person)}/pause`, { reason: 'x' })], shows: true },
  resumeSchedule: {
    asks: [async (person) => person.post(`/v1/schedules/${await scheduled(person)}/resume`, { reason: 'x' })],
    shows: true,
  },
  triggerSchedule: {
    asks: [async (person) => person.post(`/v1/schedules/${await scheduled(person)}/trigger`, { reason: 'x' })],
    shows: true,
  },
  deleteSchedule: { asks: [async (person) => person.call('DELETE', `/v1/schedules/${await scheduled(person)}`)], shows: true },
  listEndpoints: 'holds no values',
  putEndpointSecret: 'holds no values',
  deleteEndpointSecret: 'holds no values',
  // Of what has no effects they answer with a problem; what of effects is shown is asked of the mask.
  cancelProposal: { asks: [(person) => person.post(`/v1/proposals/${made.waiting}/cancel`, { reason: 'x' })], shows: false },
  resolveProposal: {
    asks: [(person) => person.post(`/v1/proposals/${made.waiting}/resolve`, { choice: 'skip', reason: 'x' }, { 'if-match': '"x"' })],
    shows: false,
  },
  withdrawProposal: {
    asks: [
      async (person) => {
        const { body } = await person.propose('annotate', { person: 'P2', note: secrets.note });
        return person.post(`/v1/proposals/${body.id}/withdraw`, {});
      },
    ],
    shows: true,
  },
  revertProposal: {
    asks: [
      async (person) => {
        const answer = await person.post(`/v1/proposals/${made.annotated}/revert`, {});
        await person.post(`/v1/proposals/${answer.body.id}/withdraw`, {});
        return answer;
      },
    ],
    shows: true,
  },
  listReviewers: { asks: [(person) => person.get(`/v1/proposals/${made.waiting}/reviewers`)], shows: false },
  listPrincipals: 'holds no values',
  getPrincipal: 'holds no values',
  putPrincipal: 'holds no values',
  erasePrincipal: 'holds no values',
  putPolicies: 'holds no values',
  listPolicies: 'holds no values',
  getPolicies: 'holds no values',
  activatePolicies: 'holds no values',
  getDecisions: 'holds no values',
  listSubscriptions: 'holds no values',
  getSubscription: 'holds no values',
  putSubscription: 'holds no values',
  deleteSubscription: 'holds no values',
  putSubscriptionSecret: 'holds no values',
  testSubscription: 'holds no values',
  replaySubscription: 'holds no values',
  listDeadLetters: 'holds no values',
  redeliverDeadLetter: 'holds no values',
  listFreezeWindows: 'holds no values',
  putFreezeWindow: 'holds no values',
  deleteFreezeWindow: 'holds no values',
  listDelegations: 'holds no values',
  getDelegation: 'holds no values',
  putDelegation: 'holds no values',
  deleteDelegation: 'holds no values',
  listSwitches: 'holds no values',
  listHeldEvents: 'holds no values',
  resolveHeldEvent: 'holds no values',
  putSwitch: 'holds no values',
  getCheckpoint: 'holds no values',
  exportAudit: { asks: [get('/v1/audit/export')], shows: false },
  listAuditEntries: { asks: [get('/v1/audit/entries?pageSize=1000')], shows: false },
  getAuditProof: 'holds no values',
  exportSystemAudit: 'holds no values',
  getSystemCheckpoint: 'holds no values',
  getLogCheckpoint: 'holds no values',
  getLogTile: 'holds no values',
  getSystemLogCheckpoint: 'holds no values',
  getSystemLogTile: 'holds no values',
  // Its plan is in base64: tests/evidence asks who is given it.
  getEvidence: { asks: [(person) => person.get(`/v1/proposals/${made.hired}/evidence`)], shows: false },
  listEvents: {
    asks: [
      get('/v1/events?pageSize=1000'),
      get('/v1/events?type=object.*&pageSize=1000'),
      (person) => person.get(`/v1/events?proposalId=${made.hired}`),
    ],
    shows: false, // Nor to whoever may see them: everybody hears the same.
  },
  getEvent: {
    asks: [
      async (person) => {
        const { body } = await person.get(`/v1/events?proposalId=${made.hired}&type=object.*`);
        expect(body.events[0].data.masked.length).toBeGreaterThan(0);
        return person.get(`/v1/events/${body.events[0].sequence}`);
      },
    ],
    shows: false,
  },
  getTimeline: { asks: [(person) => person.get(`/v1/proposals/${made.hired}/timeline`)], shows: false },
  listObjects: {
    asks: [
      get('/v1/objects/person'),
      get(`/v1/objects/person?filter=${encodeURIComponent(`note.startsWith("${secrets.note.slice(0, 4)}")`)}`),
      get('/v1/objects/person?orderBy=salary&pageSize=1'),
      get('/v1/objects/person?expand=reports'),
    ],
    shows: true,
  },
  getObject: { asks: [get('/v1/objects/person/P1')], shows: true },
  getHistory: { asks: [get('/v1/objects/person/P1/history'), get('/v1/objects/person/P3/history')], shows: true },
  getLinks: { asks: [get('/v1/objects/person/BOSS/links/reports')], shows: true },
  getLiveness: 'holds no values',
  getReadiness: 'holds no values',
  getMetrics: { asks: [get('/metrics')], shows: false },
  getOpenApi: 'holds no values',
  getAsyncApi: 'holds no values',
  getEventSchema: 'holds no values',
  getDocs: 'holds no values',
};

/** To whom the log says that sensitive values were shown. */
async function readersOnRecord(): Promise<string[]> {
  const { rows: found } = await superuser.query<{ reader: string }>(
    `SELECT d.value::jsonb #>> '{}' AS reader FROM exequatur.audit_disclosure d JOIN exequatur.audit_entry e ON e.tenant_id = d.tenant_id AND e.id = d.entry_id
      WHERE e.type = 'sensitive.read' AND d.name = 'reader'`,
  );
  return found.map(({ reader }) => reader);
}

describe('every route', () => {
  it('has a row in this table, and the document describes no other', () => {
    expect(Object.keys(rows).sort()).toEqual(routes.map(({ name }) => name).sort());
    const described = Object.values((openApiDocument(routes) as { paths: Record<string, Record<string, { operationId: string }>> }).paths);
    expect(described.flatMap((path) => Object.values(path).map(({ operationId }) => operationId)).sort()).toEqual(Object.keys(rows).sort());
  });

  for (const [name, row] of Object.entries(rows)) {
    if (row === 'holds no values') continue;
    it(`${name} shows no sensitive value to whoever may not see it${row.shows ? ', and does to whoever may' : ''}`, async () => {
      await superuser.query("DELETE FROM exequatur.audit_disclosure WHERE name = 'reader'"); // Of what was asked before.
      for (const ask of row.asks) {
        const answer = await ask(outsider);
        expect(answer.status).not.toBe(500);
        expect(secretsIn(JSON.stringify(answer.body)), JSON.stringify(answer.body)).toEqual([]);
        expect(secretsIn(Buffer.from(answer.body.nextPageToken ?? '', 'base64url').toString())).toEqual([]);
      }
      const shown = [];
      for (const ask of row.asks) shown.push(...secretsIn(JSON.stringify((await ask(confidant)).body)));
      expect(shown.length > 0).toBe(row.shows);
      const readers = await readersOnRecord();
      expect(readers).not.toContain('clerk-1');
      if (row.shows) expect(readers).toContain('anna');
    });
  }
});

describe('a masked value', () => {
  it('is a marker in its place, whole also where it is a list or a struct, and what is absent stays absent', async () => {
    const { body } = await outsider.get('/v1/objects/person/P1');
    expect(body.properties).toEqual({ code: 'P1', note: mask, salary: mask, badge: mask, tags: mask, contact: mask, superior: mask });
    expect((await outsider.get('/v1/objects/person/P2')).body.properties).toEqual({
      code: 'P2',
      note: mask,
      superior: mask,
      contact: mask,
    });
    const seen = (await confidant.get('/v1/objects/person/P1')).body.properties;
    expect(seen).toMatchObject({ tags: [secrets.tag], contact: { email: secrets.email }, superior: 'BOSS' });
  });

  it('stands in plans, history and parameters, on both sides of a change', async () => {
    const plan = (await outsider.get(`/v1/proposals/${made.annotated}/plan`)).body;
    expect(plan.edits).toEqual([{ op: 'modify', type: 'person', id: 'P1', before: { note: mask }, set: { note: mask } }]);
    expect((await confidant.get(`/v1/proposals/${made.annotated}/plan`)).body).toMatchObject({
      digest: plan.digest,
      edits: [{ before: { note: secrets.note }, set: { note: `${secrets.note}!` } }],
    });
    expect((await outsider.get('/v1/objects/person/P1/history')).body.history[0]).toMatchObject({
      before: { note: mask },
      set: { note: mask },
    });
    expect((await outsider.get(`/v1/proposals/${made.annotated}`)).body.parameters).toEqual({ person: 'P1', note: mask });
  });

  it('stands for what a simulation filled in, and the members of a sensitive set are left out', async () => {
    const summary = async (person: Person) => (await person.get(`/v1/proposals/${made.kept}/plan`)).body.summary;
    expect((await summary(outsider)).prefilled).toEqual({ note: mask });
    expect((await summary(confidant)).prefilled).toEqual({ note: `${secrets.note}!` });
    const { from, to } = (await outsider.get(`/v1/proposals/${made.replaced}/plan/difference`)).body;
    expect([from.summary.prefilled, to.summary.prefilled]).toEqual([{ note: mask }, { note: mask }]);
    const everybody = { filter: 'true' };
    const { body } = await outsider.post('/v1/action-types/reseatAll/simulate', { parameters: { people: everybody, secretly: everybody } });
    expect(body.planSummary.objectSets).toEqual({ people: { count: 3, ids: ['BOSS', 'P1', 'P2'] } });
  });

  it('is told of with the type, and to whom it is masked', async () => {
    const masked = async (person: Person) => (await person.get('/v1/object-types')).body.objectTypes[0].masked;
    expect(await masked(outsider)).toEqual(['badge', 'contact', 'note', 'salary', 'superior', 'tags']);
    expect(await masked(confidant)).toEqual([]);
    const { body } = await outsider.get('/v1/action-types/annotate');
    expect(body).toMatchObject({ masked: ['note'], parametersSchema: { properties: { note: { type: 'string', 'x-sensitive': true } } } });
  });

  it('is not told by what is wrong with it, though the objects are', async () => {
    const faultOf = async (person: Person, name: string) => (await person.get(`/v1/proposals/${made[name]}`)).body.failure.errors[0];
    expect(await faultOf(outsider, 'shared')).toMatchObject({
      code: 'not_unique',
      detail: 'badge: sensitive, so what is wrong with it is not shown',
      objects: expect.arrayContaining([expect.objectContaining({ id: 'P1' }), expect.objectContaining({ id: 'P2' })]),
    });
    expect((await faultOf(outsider, 'doubled')).detail).toBe('note: sensitive, so what is wrong with it is not shown');
    expect((await faultOf(confidant, 'doubled')).detail).toBe('note of person P1 must be at most 60 characters long');
    expect((await faultOf(confidant, 'reckoned')).detail).toBe('decimal(): the text is no decimal number of at most 100 characters');
  });
});

describe('a question that would tell a sensitive value', () => {
  it('is not answered by a plan for a guess: it has the same edits whether the guess is right or wrong', async () => {
    const guessed = async (note: string) => {
      const { body } = await outsider.post('/v1/action-types/annotate/simulate', { parameters: { person: 'P1', note } });
      return { status: body.status, summary: body.planSummary, edits: body.edits };
    };
    const right = await guessed(`${secrets.note}!`);
    expect(right).toEqual(await guessed('something else'));
    expect(right.summary.edits.modify).toBe(1);
    const id = await done('annotate', { person: 'P1', note: `${secrets.note}!` });
    expect((await outsider.get('/v1/objects/person/P1/history')).body.history[0]).toMatchObject({
      before: { note: mask },
      set: { note: mask },
    });
    await scene.until((await outsider.post(`/v1/proposals/${id}/revert`, {})).body.id, 'awaiting_approval');
  });

  it.each([
    ['a filter', '/v1/objects/person?filter=note%20%3D%3D%20%22x%22', '/filter'],
    [
      'a filter inside others',
      '/v1/objects/person?filter=desk%20%3D%3D%20%22x%22%20%7C%7C%20!(salary%20%3E%20decimal(%221%22))',
      '/filter',
    ],
    ['a filter that asks for presence', '/v1/objects/person?filter=has(object.badge)', '/filter'],
    ['a filter over a list', '/v1/objects/person?filter=%22x%22%20in%20tags', '/filter'],
    ['an order', '/v1/objects/person?orderBy=salary%20desc', '/orderBy'],
    ['a walk over a sensitive reference', '/v1/objects/person/BOSS/links/reports', '/link'],
    ['the same walk backwards', '/v1/objects/person/P1/links/reports?reverse=true', '/link'],
  ])('is refused: %s', async (_, path, pointer) => {
    const { status, body } = await outsider.get(path);
    expect({ status, code: body.code, pointers: body.errors.map((error: { pointer: string }) => error.pointer) }).toEqual({
      status: 403,
      code: 'sensitive_property',
      pointers: [pointer],
    });
    expect((await confidant.get(path)).status).toBe(200);
  });

  it('is refused as the filter of an object set, proposed or tried, whoever asks: a plan is the same for all', async () => {
    const parameters = { people: { filter: `note.startsWith("${secrets.note.slice(0, 4)}")` } };
    const refused = { status: 422, body: { code: 'invalid_parameters', errors: [{ in: 'body', pointer: '/parameters/people/filter' }] } };
    for (const person of [outsider, confidant]) {
      expect(await person.propose('reseatAll', parameters)).toMatchObject(refused);
      expect(await person.post('/v1/action-types/reseatAll/simulate', { parameters })).toMatchObject(refused);
    }
    expect((await outsider.propose('reseatAll', { people: { filter: 'desk == "x"' } })).status).toBe(201);
  });

  it('is answered in pages whose tokens hold no value, also while the value changes', async () => {
    const ids: string[] = [];
    let token = '';
    for (let page = 0; page < 4; page++) {
      const { body } = await confidant.get(`/v1/objects/person?orderBy=note&pageSize=1${token && `&pageToken=${token}`}`);
      ids.push(...body.objects.map(({ id }: { id: string }) => id));
      token = body.nextPageToken;
      expect(secretsIn(Buffer.from(token ?? '', 'base64url').toString())).toEqual([]);
      if (page === 0) await done('annotate', { person: ids[0], note: 'zzz' });
      if (token === null) break;
    }
    expect(ids).toEqual(['P1', 'P2', 'P1', 'BOSS']); // What moved behind the page is met again there; nothing else is skipped or repeated.
    await done('annotate', { person: 'P1', note: secrets.note });
  });
});

describe('behind the API', () => {
  /** Where values are: what executes them, what they are looked up by, and what was read for a plan. Nobody reads these but the store. */
  const holders = ['object', 'object_history', 'object_index', 'plan', 'plan_chunk', 'proposal', 'read_set', 'schedule'];

  it('no other table holds a sensitive value: not the outbox, not the audit log', async () => {
    const { rows: tables } = await superuser.query<{ name: string }>(
      `SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = 'exequatur'::regnamespace AND c.relkind IN ('r', 'p')`,
    );
    await superuser.query("SET bytea_output = 'escape'");
    const found = new Set<string>();
    for (const { name } of tables) {
      for (const secret of everySecret) {
        const { rowCount } = await superuser.query(`SELECT 1 FROM exequatur.${name} t WHERE strpos(t::text, $1) > 0 LIMIT 1`, [secret]);
        if (rowCount) found.add(name);
      }
    }
    expect([...found].filter((name) => !holders.includes(name))).toEqual([]);
    expect([...found]).toEqual(expect.arrayContaining(['object', 'plan_chunk', 'proposal']));
    const { rows: told } = await superuser.query(
      `SELECT (SELECT count(*)::int FROM exequatur.outbox) AS outbox, (SELECT string_agg(failure::text, ' ') FROM exequatur.proposal) AS failures`,
    );
    expect(told[0].outbox).toBeGreaterThan(10);
    expect(secretsIn(told[0].failures)).toEqual([]);
  });

  it('no log line, span or metric holds one', async () => {
    expect(logLines.some((line) => line.includes(made.hired as string))).toBe(true);
    expect(secretsIn(logLines.join('\n'))).toEqual([]);
    await expect.poll(() => collector.spans.some(({ name }) => name.startsWith('RunActivity:execute'))).toBe(true);
    expect(secretsIn(collector.texts.join('\n'))).toEqual([]);
    expect(secretsIn(await (await fetch(`${worker.metricsUrl}/metrics`)).text())).toEqual([]);
  });

  it('no workflow history, search attribute, memo or detail in Temporal holds one', async () => {
    const connection = await Connection.connect({ address: temporalAddress() });
    const client = new Client({ connection });
    for (const proposalId of Object.values(made)) {
      const handle = client.workflow.getHandle(`proposal/${proposalId}`);
      const [history, description] = [await handle.fetchHistory(), await handle.describe()];
      const text = JSON.stringify([history, description.raw], (_, value) => {
        if (value instanceof Uint8Array) return Buffer.from(value).toString();
        return typeof value === 'bigint' ? String(value) : value;
      });
      expect(text).toContain(proposalId);
      expect(secretsIn(text)).toEqual([]);
    }
    await connection.close();
  });
});

/** The document with the definitions of some properties of a person replaced, or taken out where null, and the actions that would then name what is gone. */
function staffWith(changes: Record<string, object | null>, more: object = {}): object {
  const document = structuredClone(staff) as unknown as {
    objectTypes: { person: { properties: Record<string, object> } };
    actionTypes: Record<string, unknown>;
  };
  for (const [name, definition] of Object.entries(changes)) {
    if (definition === null) delete document.objectTypes.person.properties[name];
    else document.objectTypes.person.properties[name] = definition;
  }
  return { ...document, ...more };
}

describe('the definition in force', () => {
  const put = async (document: object) => {
    const { status, body } = await enacted(scene, admin.put('/v1/ontology', document));
    expect([200, 202], JSON.stringify(body)).toContain(status); // With a worker at hand what tightens is in force with the answer.
  };

  const historyOf = async (id: string, person = outsider) => JSON.stringify((await person.get(`/v1/objects/person/${id}/history`)).body);
  const planOf = async (name: string, person = outsider) => JSON.stringify((await person.get(`/v1/proposals/${made[name]}/plan`)).body);

  it('masks what it calls sensitive in plans and history of before, and shows what it does not', async () => {
    made.reseated = await done('reseat', { person: 'P2', desk: 'by the window' });
    expect(await planOf('reseated')).toContain('by the window');
    const text = { type: 'string' };
    await put(staffWith({ desk: { ...text, sensitive: true }, salary: { type: 'decimal', indexed: true } }));
    expect(await planOf('reseated')).not.toContain('by the window');
    expect(await historyOf('P2')).not.toContain('by the window');
    expect(await historyOf('P2', confidant)).toContain('by the window');
    expect((await outsider.get(`/v1/proposals/${made.reseated}`)).body.parameters).toEqual({ person: 'P2', desk: 'by the window' }); // Another field, of the action.
    expect(await planOf('hired')).toContain(secrets.salary);
    expect(secretsIn(await planOf('hired'))).toEqual([secrets.salary]);
  });

  it('says who may see, for each type', async () => {
    const nobody = { sensitiveReaders: "'nobody' in reader.roles" };
    await put({ ...staff, ...nobody });
    expect(secretsIn(await historyOf('P1', confidant))).toEqual([]);
    const { person } = staff.objectTypes;
    const own = { ...staff, ...nobody, objectTypes: { person: { ...person, sensitiveReaders: "reader.id == 'anna'" } } };
    await put(own);
    expect(secretsIn(await historyOf('P1', confidant))).not.toEqual([]);
    expect((await confidant.get(`/v1/proposals/${made.annotated}`)).body.parameters.note).toEqual(mask);
    await put(staff);
  });

  it('goes on masking what was sensitive when it is removed', async () => {
    await outsider.post(`/v1/proposals/${made.waiting}/withdraw`, {});
    for (const id of ['P1', 'P2']) await done('annotate', { person: id });
    const { annotate, reckon, doubleNote, hire, keepNote, ...rest } = staff.actionTypes;
    const removed = staffWith({ note: null }, { actionTypes: rest });
    await put(removed);
    expect(await planOf('annotated')).toContain(JSON.stringify(mask));
    for (const text of [await planOf('annotated'), await planOf('hired'), await historyOf('P1'), await historyOf('P3')]) {
      expect(secretsIn(text)).toEqual([]);
    }
    expect(await planOf('annotated', confidant)).toContain(secrets.note);
    expect((await outsider.get(`/v1/proposals/${made.annotated}`)).body.parameters.note).toEqual(mask);
    expect((await confidant.get(`/v1/proposals/${made.annotated}`)).body.parameters.note).toBe(`${secrets.note}!`);
    expect([annotate, reckon, doubleNote, hire, keepNote]).toHaveLength(5);
  });
});
