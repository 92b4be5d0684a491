import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { OntologyDocument } from '../../ontology/definition.ts';
import { tokenOf } from '../../scripts/dev/load-network.ts';
import { expectGood, type RestClient, restClient } from '../../scripts/rest/rest-client.ts';
import { type Stack, startStack } from '../../scripts/stack/start-stack.ts';

export interface Waiting {
  proposals: number;
  proposingS: number;
  /** Resident, in MiB, before there was any proposal, and with all of them waiting. */
  memory: { part: string; before: number; waiting: number }[];
  /** From the end of the window to the last execution, by the database's clock. */
  releaseS: number;
}

/** Each makes an object of its own, and policy alone approves it: so nothing but the window holds them. */
const document: OntologyDocument = {
  objectTypes: { note: { key: 'code', properties: { code: { type: 'string', required: true } } } },
  actionTypes: {
    write: {
      parameters: { code: { type: 'string', required: true } },
      rules: [{ rule: 'create', type: 'note', set: { code: 'code' } }],
      approvalPolicy: 'alone',
    },
  },
  approvalPolicies: {
    alone: {
      stages: [{ name: 'people', thresholds: [{ needed: 1, reviewers: 'true' }] }],
      expiresAfter: 'P7D',
      automatic: { condition: 'true', ceilings: { edits: 1 } },
    },
  },
};

const atOnce = 20;
const patienceS = 3_600;

/**
 * That many proposals on the whole product, all held by one freeze window, each by a workflow with a timer for the window's end. The window stays open for `frozenS` from the
 * beginning: where not all wait by then, this says so and measures nothing.
 */
export async function measureWaiting(proposals: number, frozenS: number): Promise<Waiting> {
  const directory = resolve('.exequatur', 'bench', 'waiting');
  const tenants = [{ slug: 'bench', name: 'Bench' }];
  const stack = await startStack({ directory, tenants, temporal: 'dev', fresh: true, env: { LOG_LEVEL: 'error' } });
  const database = new pg.Client({ connectionString: stack.postgresUrls.superuser });
  await database.connect();
  const count = async (status: string) =>
    Number((await database.query<{ n: string }>('SELECT count(*) AS n FROM exequatur.proposal WHERE status = $1', [status])).rows[0]?.n);
  try {
    const tenant = stack.tenants[0];
    if (tenant === undefined) throw new Error('the stack has no tenant');
    const client = (principal: string) => restClient(stack.apiUrl, tokenOf(tenant, principal));
    expectGood(await client('ontology-admin-1').put('/v1/ontology', document), 'uploading the document');
    const endsAt = Date.now() + frozenS * 1_000;
    const window = { reason: 'benchmark', once: { from: new Date(0).toISOString(), until: new Date(endsAt).toISOString() } };
    expectGood(await client('operator').put('/v1/freeze-windows/bench', window), 'setting the window');
    const before = residentOf(stack, directory);
    const from = performance.now();
    await proposeAll(client('ops-agent'), proposals);
    while ((await count('scheduled')) < proposals && Date.now() < endsAt) await sleep(500);
    const proposingS = (performance.now() - from) / 1_000;
    if (Date.now() >= endsAt)
      throw new Error(`${await count('scheduled')} of ${proposals} waited when the window ended: give --frozen-s more than ${frozenS}`);
    const waiting = residentOf(stack, directory);
    for (const end = endsAt + patienceS * 1_000; (await count('executed')) < proposals; await sleep(250))
      if (Date.now() > end) throw new Error(`after ${patienceS} s ${await count('executed')} were executed`);
    const last = await database.query<{ s: number }>(
      'SELECT extract(epoch FROM max(x.executed_at) - w.ends_at)::float8 AS s FROM exequatur.execution x, exequatur.freeze_window w GROUP BY w.ends_at',
    );
    const memory = Object.keys(before).map((part) => ({ part, before: before[part] ?? 0, waiting: waiting[part] ?? 0 }));
    return { proposals, proposingS, memory, releaseS: last.rows[0]?.s ?? Number.NaN };
  } finally {
    await database.end();
    await stack.stop();
  }
}

async function proposeAll(agent: RestClient, proposals: number): Promise<void> {
  let next = 0;
  const one = async () => {
    for (let at = next++; at < proposals; at = next++) {
      const request = { actionType: 'write', parameters: { code: `note-${at}` }, justification: 'benchmark' };
      expectGood(await agent.post('/v1/proposals', request, { 'idempotency-key': randomUUID() }), 'proposing');
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

/** Of the worker, and of the Temporal server over this very directory, which another process may have started with the same words. Linux only: elsewhere there is none to read. */
function residentOf(stack: Stack, directory: string): Record<string, number> {
  const temporal = processIds().filter((pid) => commandOf(pid).includes(join(directory, 'temporal.db')));
  const worker = [stack.processes.worker.pid()].flatMap((pid) => (pid === undefined ? [] : [`${pid}`]));
  const parts = Object.entries({ worker, Temporal: temporal }).filter(([, pids]) => pids.length > 0);
  return Object.fromEntries(parts.map(([part, pids]) => [part, Math.round(Math.max(...pids.map(residentKb)) / 1_024)]));
}

function residentKb(pid: string): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(textOf(`/proc/${pid}/status`))?.[1] ?? 0);
}

function processIds(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

const commandOf = (pid: string) => textOf(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // Not this system, or it ended.
  }
}
