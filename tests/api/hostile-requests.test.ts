import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { building } from '../store/fixture.ts';
import { type Answer, ApiScene } from './api-scene.ts';

// A database of its own: tests/support/database.ts.
let scene: ApiScene;
let keeper: ReturnType<ApiScene['as']>;

beforeAll(async () => {
  scene = await ApiScene.open();
  keeper = scene.as({ id: 'keeper-1' });
  expect((await scene.as({ id: 'ontology-admin-1' }).put('/v1/ontology', building)).status).toBe(201);
});
afterAll(() => scene?.close());

const proposal = (more = '') => `{"actionType":"addFloor","justification":"x","parameters":{"name":"F1","rooms":[]}${more}}`;

function expectProblem(answer: Answer, status: number, code: string): void {
  expect(answer).toMatchObject({
    status,
    mediaType: 'application/problem+json',
    body: { status, code, type: `https://exequatur.dev/problems/${code}` },
  });
  expect(answer.headers.get('x-request-id')).toBe(answer.body.requestId);
}

const post = (raw: string | Uint8Array, headers: Record<string, string> = {}) => keeper.call('POST', '/v1/proposals', { raw, headers });

describe('a hostile body', () => {
  it.each([
    ['that is not JSON', '{', 400, 'malformed_request', ''],
    ['that is a list', '[]', 400, 'malformed_request', ''],
    ['that is null', 'null', 400, 'malformed_request', ''],
    ['with an unknown field', proposal(',"approved":true'), 400, 'unknown_field', '/approved'],
    ['with a prototype in it', proposal(',"__proto__":{"admin":true}'), 400, 'unknown_field', '/__proto__'],
    [
      'with a prototype among its parameters',
      proposal().replace('"name"', '"__proto__":{},"name"'),
      400,
      'unknown_field',
      '/parameters/__proto__',
    ],
    ['with a constructor', proposal(',"constructor":{"prototype":{"x":1}}'), 400, 'unknown_field', '/constructor'],
    ['that says a thing twice', proposal(',"justification":"y"'), 400, 'malformed_request', '/justification'],
    ['with a list for an object', proposal().replace('{"name":"F1","rooms":[]}', '[]'), 400, 'malformed_request', '/parameters'],
    ['with a number for text', proposal().replace('"x"', '7'), 400, 'malformed_request', '/justification'],
    ['with a number beyond doubles', proposal().replace('"F1"', '1e999'), 400, 'malformed_request', '/parameters/name'],
    ['with U+0000', proposal().replace('F1', 'F\\u0000'), 400, 'malformed_request', '/parameters/name'],
    ['with half a surrogate pair', proposal().replace('F1', '\\ud800'), 400, 'malformed_request', '/parameters/name'],
    [
      'with half a surrogate pair in a name',
      proposal().replace('"name"', '"\\udc00":1,"name"'),
      400,
      'malformed_request',
      '/parameters/\ufffd',
    ],
    ['that nests deeply', proposal().replace('[]', `${'['.repeat(100_000)}${']'.repeat(100_000)}`), 400, 'malformed_request', undefined],
    ['with an unknown parameter', proposal().replace('"name"', '"nmae":"F1","name"'), 422, 'invalid_parameters', '/parameters/nmae'],
    ['with parameters of the wrong kind', proposal().replace('"F1"', '{"a":1}'), 422, 'invalid_parameters', '/parameters/name'],
    ['that leaves out what is required', proposal().replace('"name":"F1",', ''), 422, 'invalid_parameters', '/parameters/name'],
  ])('%s is refused with a pointer', async (_, raw, status, code, pointer) => {
    const answer = await post(raw);
    expectProblem(answer, status, code);
    if (pointer !== undefined) expect(answer.body.errors[0].pointer).toBe(pointer);
    expect(answer.body.errors[0].in).toBe('body');
  });

  it('that is not UTF-8 is refused', async () => {
    expectProblem(await post(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])), 400, 'malformed_request');
  });

  it('of more than 4 MiB is refused, also when it was small before it was unpacked', async () => {
    expectProblem(await post(proposal().replace('F1', 'x'.repeat(4 * 1024 * 1024))), 413, 'payload_too_large');
    const { gzipSync } = await import('node:zlib');
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, ' '));
    expectProblem(await post(bomb, { 'content-encoding': 'gzip' }), 413, 'payload_too_large');
    expectProblem(await post('not gzip', { 'content-encoding': 'gzip' }), 400, 'malformed_request');
  });

  it('of just under 4 MiB is read', async () => {
    const answer = await post(proposal().replace('F1', 'x'.repeat(4 * 1024 * 1024 - 500)));
    expect(answer.status).toBe(202); // Temporal is away here, so that nothing simulates it.
  });

  it('of another media type is refused', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=latin1', 'application/jsonp']) {
      expectProblem(await post(proposal(), { 'content-type': type }), 415, 'unsupported_media_type');
    }
    expectProblem(await post(proposal(), { 'content-encoding': 'zstd-x' }), 415, 'unsupported_media_type');
  });

  it('does not make faults by the thousand', async () => {
    const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`f${at}`, at]));
    const answer = await keeper.post('/v1/proposals', { actionType: 'addFloor', justification: 'x', parameters: {}, ...many });
    expectProblem(answer, 400, 'unknown_field');
    expect(answer.body.errors.length).toBeLessThanOrEqual(100);
    expect(JSON.stringify(answer.body).length).toBeLessThan(100_000);
  });

  it('for the ontology is refused with a pointer for each fault', async () => {
    const broken = { ...building, objectTypes: { ...building.objectTypes, car: { propertys: {} } } };
    const answer = await scene.as({ id: 'ontology-admin-1' }).put('/v1/ontology', broken);
    expectProblem(answer, 422, 'invalid_ontology');
    expect(answer.body.errors.map((error: { pointer: string }) => error.pointer)).toContain('/objectTypes/car/propertys');
    expectProblem(await scene.as({ id: 'ontology-admin-1' }).put('/v1/ontology', []), 400, 'malformed_request');
  });
});

describe('a hostile address', () => {
  it.each([
    ['/v1/nothing', 404, 'not_found'],
    ['/v1/proposals/', 404, 'not_found'],
    ['/V1/proposals', 404, 'not_found'],
    ['/v1/proposals/not-a-uuid', 400, 'malformed_request'],
    ['/v1/proposals/00000000-0000-0000-0000-000000000000', 404, 'not_found'],
    ['/v1/proposals?status=done', 400, 'malformed_request'],
    ['/v1/proposals?stauts=executed', 400, 'unknown_field'],
    ['/v1/proposals?pageSize=-1', 400, 'malformed_request'],
    ['/v1/proposals?pageSize=1&pageSize=2', 400, 'malformed_request'],
    ['/v1/proposals?proposer[]=x', 400, 'unknown_field'],
    ['/v1/proposals?pageToken=made-up', 400, 'invalid_page_token'],
    ['/v1/proposals?proposer=%00', 400, 'malformed_request'],
    ['/v1/object-types?x=1', 400, 'unknown_field'],
    ['/v1/objects/room/%00', 400, 'malformed_request'],
    ['/v1/objects/room/%zz', 400, 'malformed_request'],
    ['/v1/objects/__proto__/x', 404, 'unknown_object_type'],
    ['/v1/objects/constructor', 404, 'unknown_object_type'],
    ['/v1/objects/room/..%2f..%2fetc', 404, 'not_found'],
    ["/v1/objects/room/' or 1=1 --", 404, 'not_found'],
    ['/v1/objects/room?filter=seats%20%3E', 400, 'invalid_filter'],
    ['/v1/objects/room?filter=matches(note,"(a%2B)%2B$")', 400, 'invalid_filter'],
    ['/v1/objects/room?orderBy=seats;drop', 400, 'malformed_request'],
    ['/v1/objects/floor/F1/links/nothing', 404, 'unknown_link_type'],
    ['/v1/action-types/nothing', 404, 'not_found'],
    ['/v1/action-types/__proto__', 404, 'not_found'],
  ])('%s is %i %s', async (path, status, code) => {
    expectProblem(await keeper.get(path), status, code);
  });

  it('asked with another method names the ones it answers', async () => {
    const answer = await keeper.call('DELETE', '/v1/proposals');
    expectProblem(answer, 405, 'method_not_allowed');
    expect(answer.headers.get('allow')).toBe('POST, GET, HEAD');
    expectProblem(await keeper.call('PUT', '/v1/proposals/x/reviews', { body: {} }), 405, 'method_not_allowed');
  });
});

describe('what is refused as a whole', () => {
  const said = ({ body }: Answer) => body.errors.map((error: { in: string; pointer: string }) => `${error.in} ${error.pointer}`);

  it('says what of the request it is about', async () => {
    expect(said(await keeper.get('/v1/proposals?pageToken=made-up'))).toEqual(['query /pageToken']);
    expect(said(await keeper.get('/v1/objects/room/%zz'))).toEqual(['path ']);
    expect(said(await post('not gzip', { 'content-encoding': 'gzip' }))).toEqual(['header /Content-Encoding']);
    const twice = await keeper.propose('addFloor+addFloor', { name: 'F1', rooms: [] });
    expectProblem(twice, 422, 'unknown_action_type');
    expect(said(twice)).toEqual(['body /actionType']);
    const key = { 'idempotency-key': 'once' };
    expect((await keeper.propose('addFloor', { name: 'K1', rooms: [] }, key)).status).toBe(202);
    const reused = await keeper.propose('addFloor', { name: 'K2', rooms: [] }, key);
    expectProblem(reused, 422, 'idempotency_key_reused');
    expect(said(reused)).toEqual(['header /Idempotency-Key']);
  });
});

describe('preconditions and keys', () => {
  const reviews = '/v1/proposals/00000000-0000-0000-0000-000000000000/reviews';
  it('a review without If-Match is told to send one', async () => {
    expectProblem(await keeper.post(reviews, { decision: 'approve' }), 428, 'if_match_required');
    expectProblem(await keeper.post(reviews, { decision: 'approve' }, { 'if-match': '*' }), 400, 'malformed_request');
    expectProblem(await keeper.post(reviews, { decision: 'approve' }, { 'if-match': '"a", "b"' }), 400, 'malformed_request');
  });

  it('so is a decision about an execution that needs attention', async () => {
    const resolve = reviews.replace('reviews', 'resolve');
    const skip = { choice: 'skip', reason: 'x' };
    expectProblem(await keeper.post(resolve, skip), 428, 'if_match_required');
    expectProblem(await keeper.post(resolve, skip, { 'if-match': '*' }), 400, 'malformed_request');
  });

  it('an idempotency key that is no key is refused', async () => {
    const answer = await keeper.propose('addFloor', { name: 'F1', rooms: [] }, { 'idempotency-key': 'x'.repeat(201) });
    expectProblem(answer, 400, 'malformed_request');
    expect(answer.body.errors[0]).toMatchObject({ in: 'header', pointer: '/Idempotency-Key' });
  });
});

describe('every answer', () => {
  it('carries the caller’s request id, or one of ours in place of what is no id', async () => {
    expect((await keeper.get('/v1/object-types', { headers: { 'x-request-id': 'abc-123' } })).headers.get('x-request-id')).toBe('abc-123');
    expect((await keeper.get('/v1/object-types', { headers: { 'x-request-id': 'a b"<script>' } })).headers.get('x-request-id')).toMatch(
      /^[0-9a-f-]{36}$/,
    );
  });

  it('is not to be kept, framed or sniffed', async () => {
    const { headers } = await keeper.get('/v1/object-types');
    expect(headers.get('cache-control')).toContain('no-store');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(headers.get('x-powered-by')).toBeNull();
  });
});
