import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { OntologyDocument } from '../../ontology/definition.ts';
import { tokenOf } from '../../scripts/dev/load-network.ts';
import { expectGood, type RestClient, restClient } from '../../scripts/rest/rest-client.ts';
import { type Stack, startStack } from '../../scripts/stack/start-stack.ts';

export interface Waiting {
  proposals: number;
  proposingS: number;
  /** From the last of them that was held to the end of the window. */
  idleS: number;
  /** How many windows it took: more than one where proposing was slower than foreseen. */
  windows: number;
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
const overloaded = 503; // Nothing was done, and whoever sent it comes back with the same key.
const comeBackMs = 500;
const patienceS = 3_600;
const pilot = 100; // Proposed and executed first: how long a window has to be is seen by them.
const margin = 1.3; // What waits is timed, reminded of and indexed as well, so later ones come more slowly.

/**
 * That many proposals on the whole product, all held by one freeze window, each by a workflow with a timer for the window's end. The window lasts as long as proposing should take by
 * a first few that nothing holds, at most `longestS`; where that does not suffice another is set beside it in time.
 */
export async function measureWaiting(proposals: number, longestS: number, temporal: 'production' | 'dev'): Promise<Waiting> {
  const directory = resolve('.exequatur', 'bench', 'waiting');
  const tenants = [{ slug: 'bench', name: 'Bench' }];
  const stack = await startStack({ directory, tenants, temporal, fresh: true, env: { LOG_LEVEL: 'error' } });
  const database = new pg.Client({ connectionString: stack.postgresUrls.superuser });
  await database.connect();
  const count = async (status: string) =>
    Number((await database.query<{ n: string }>('SELECT count(*) AS n FROM exequatur.proposal WHERE status = $1', [status])).rows[0]?.n);
  try {
    const tenant = stack.tenants[0];
    if (tenant === undefined) throw new Error('the stack has no tenant');
    const client = (principal: string) => restClient(stack.apiUrl, tokenOf(tenant, principal));
    expectGood(await client('ontology-admin-1').put('/v1/ontology', document), 'uploading the document');
    const before = residentOf(stack);
    const eachS = await secondsEach(client('ops-agent'), () => count('executed'));
    const freeze = new Freeze(client('operator'));
    await freeze.open(Math.min(longestS, 30 + proposals * eachS * margin));
    const from = performance.now();
    let isProposed = false;
    const proposing = proposeAll(client('ops-agent'), 'note', proposals).then(() => {
      isProposed = true;
    });
    for (let held = 0; held < proposals; held = await count('scheduled')) {
      await Promise.race([sleep(500), ...(isProposed ? [] : [proposing])]);
      if (freeze.leftS() < 15) await freeze.open(30 + (proposals - held) * eachS * margin);
    }
    await proposing;
    const proposingS = (performance.now() - from) / 1_000;
    const waiting = residentOf(stack);
    const idleS = freeze.leftS();
    for (const end = freeze.endsAt + patienceS * 1_000; (await count('executed')) < pilot + proposals; await sleep(250))
      if (Date.now() > end) throw new Error(`after ${patienceS} s ${await count('executed')} were executed`);
    const last = await database.query<{ s: number }>(
      'SELECT extract(epoch FROM max(x.executed_at) - (SELECT max(w.ends_at) FROM exequatur.freeze_window w))::float8 AS s FROM exequatur.execution x',
    );
    const memory = Object.keys(before).map((part) => ({ part, before: before[part] ?? 0, waiting: waiting[part] ?? 0 }));
    return { proposals, proposingS, idleS, windows: freeze.windows, memory, releaseS: last.rows[0]?.s ?? Number.NaN };
  } finally {
    await database.end();
    await stack.stop();
  }
}

/** Windows that begin at once. None is changed; another is set beside it. */
class Freeze {
  endsAt = 0;
  windows = 0;
  private readonly operator: RestClient;

  constructor(operator: RestClient) {
    this.operator = operator;
  }

  async open(seconds: number): Promise<void> {
    this.endsAt = Date.now() + seconds * 1_000;
    this.windows += 1;
    const once = { from: new Date(0).toISOString(), until: new Date(this.endsAt).toISOString() };
    expectGood(await this.operator.put(`/v1/freeze-windows/bench-${this.windows}`, { reason: 'benchmark', once }), 'setting the window');
  }

  leftS(): number {
    return (this.endsAt - Date.now()) / 1_000;
  }
}

/** What a proposal takes to its execution, of those that run at once. */
async function secondsEach(agent: RestClient, executed: () => Promise<number>): Promise<number> {
  const from = performance.now();
  await proposeAll(agent, 'pilot', pilot);
  while ((await executed()) < pilot) await sleep(100);
  return (performance.now() - from) / 1_000 / pilot;
}

async function proposeAll(agent: RestClient, name: string, proposals: number): Promise<void> {
  let next = 0;
  const one = async () => {
    for (let at = next++; at < proposals; at = next++) {
      const request = { actionType: 'write', parameters: { code: `${name}-${at}` }, justification: 'benchmark' };
      const key = { 'idempotency-key': randomUUID() };
      let answer = await agent.post('/v1/proposals', request, key);
      for (; answer.status === overloaded; answer = await agent.post('/v1/proposals', request, key)) await sleep(comeBackMs);
      expectGood(answer, 'proposing');
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

/** Of the worker, and of the Temporal server that this process has started. Linux only: elsewhere there is none to read. */
function residentOf(stack: Stack): Record<string, number> {
  const temporal = processIds().filter((pid) => /^\S*temporal/.test(commandOf(pid)) && isOurs(pid));
  const worker = [stack.processes.worker.pid()].flatMap((pid) => (pid === undefined ? [] : [`${pid}`]));
  const parts = Object.entries({ worker, Temporal: temporal }).filter(([, pids]) => pids.length > 0);
  return Object.fromEntries(parts.map(([part, pids]) => [part, Math.round(Math.max(...pids.map(residentKb)) / 1_024)]));
}

function isOurs(pid: string): boolean {
  const parent = /^PPid:\s+(\d+)$/m.exec(textOf(`/proc/${pid}/status`))?.[1];
  return parent === `${process.pid}` || (parent !== undefined && parent !== '0' && isOurs(parent));
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
