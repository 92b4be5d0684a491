import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { expect, it } from 'vitest';
import { answerError } from '../../api/answer-error.ts';
import { logRequests } from '../../api/request-log.ts';
import { PolicyEngineAway } from '../../ontology/policy-engine.ts';
import { openPool } from '../../store/connect.ts';
import { openLogger } from '../../telemetry/logger.ts';
import { createTestDatabase } from '../support/database.ts';

it.each([
  ['a policy engine that is away', new PolicyEngineAway('OPA did not answer'), 503, 'temporarily_unavailable'],
  ['anything else while the database is there', new Error('OPA did not answer'), 500, 'internal'],
])('%s is answered with a code of the catalogue and none of its words', async (_, error, status, code) => {
  const database = await createTestDatabase();
  const pool = openPool(database.urls.api);
  const app = express();
  app.use(logRequests(openLogger('test-api')));
  app.get('/', () => Promise.reject(error));
  app.use(answerError(pool));
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const text = await answer.text();
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([status, status === 503 ? '1' : null]);
    expect(JSON.parse(text)).toMatchObject({ code });
    expect(text).not.toContain('OPA');
  } finally {
    await new Promise((resolve) => server.close(resolve));
    await pool.end();
    await database.drop();
  }
});
