// What auditors are given, checked by the verifier as another process: tests/evidence/evidence-scene.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readVerifierKey } from '../../audit/note-keys.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { readCheckpoint, readWitnessedCheckpoint } from '../../store/read-log.ts';
import { simulateProposal } from '../../store/simulate-proposal.ts';
import { type Sql, withTenant } from '../../store/sql.ts';
import { building } from '../store/fixture.ts';
import { EvidenceScene, newSigner } from './evidence-scene.ts';

let scene: EvidenceScene;
const acts: string[] = [];
beforeAll(async () => {
  scene = await EvidenceScene.open();
  for (let at = 0; at < 3; at++) {
    acts.push(await scene.act());
    expect(await scene.seal()).toEqual({ sealed: 1, more: false, rewritten: [] });
  }
});
afterAll(() => scene?.close());

const linesOf = (text: string) => text.trimEnd().split('\n');

/** Has something happen right behind the first statement that names a table, before the one who sent it sends another. */
function meanwhile(table: string, happen: () => Promise<void>): <T>(read: () => Promise<T>) => Promise<T> {
  const { resources } = scene.api.context;
  const { pool } = resources;
  let happened: Promise<void> | undefined;
  const connect = async () => {
    const client = await pool.connect();
    let held: Promise<void> | undefined;
    const query = (asked: string | { text: string }) => {
      if (held !== undefined) return held.then(() => client.query(asked));
      const answer = client.query(asked);
      if (happened === undefined && (typeof asked === 'string' ? asked : asked.text).includes(table)) {
        held = answer.then(happen);
        happened = held;
      }
      return answer;
    };
    return happened === undefined ? Object.create(client, { query: { value: query } }) : client;
  };
  return async (read) => {
    resources.pool = Object.create(pool, { connect: { value: connect } });
    try {
      return await read();
    } finally {
      resources.pool = pool;
    }
  };
}

describe('an export of the audit log', () => {
  it('is whole by the verifier, which knows the key and nothing else', async () => {
    const text = await scene.export();
    const { code, said } = await scene.verify(text);
    expect({ code, said }).toMatchObject({ code: 0, said: expect.stringMatching(/^whole /) });
    const found = JSON.parse(said.slice('whole '.length));
    expect(found).toMatchObject({
      tenant: scene.api.tenant,
      from: 1,
      proposals: 3,
      executions: 3,
      unjudged: 0,
      conditionsUnjudged: 0,
      reviews: 6,
      erased: 0,
    });
    expect(linesOf(text).filter((line) => line.includes('"checkpoint"'))).toHaveLength(3);
    expect(found.to).toBe(linesOf(text).length - 5);
  });

  it('that broke off is noticed, and resumed from where it broke off', async () => {
    const text = await scene.export();
    const entries = linesOf(text).length - 5;
    expect((await scene.verify(`${linesOf(text).slice(0, -4).join('\n')}\n`)).said).toContain('the export ends too early');
    for (const from of [2, Math.ceil(entries / 2), entries]) {
      const { code, said } = await scene.verify(await scene.export(`?from=${from}`));
      expect(code, said).toBe(0);
      expect(JSON.parse(said.slice('whole '.length))).toMatchObject({ from, to: entries });
    }
  });

  it('ends where a checkpoint was signed', async () => {
    const text = await scene.export('?to=3');
    expect(linesOf(text).at(-2)).toContain('checkpoint');
    expect((await scene.verify(text)).code).toBe(0);
    expect((await scene.auditor.get('/v1/audit/export?from=100000')).body).toMatchObject({ code: 'not_sealed' });
  });

  it('is signed by nobody else', async () => {
    expect(await scene.verify(await scene.export(), { key: newSigner().verifierKey })).toMatchObject({
      code: 1,
      said: expect.stringContaining('signed by nobody whose key was given'),
    });
  });

  it('stays whole when personal data is erased, which is then gone', async () => {
    await scene.act();
    await scene.seal();
    const before = JSON.parse((await scene.verify(await scene.export())).said.slice('whole '.length));
    await scene.tamper(`DELETE FROM exequatur.audit_disclosure WHERE value LIKE '%keeper-1%'`);
    const text = await scene.export();
    expect(text).not.toContain('keeper-1');
    const after = await scene.verify(text);
    expect(after.code, after.said).toBe(0);
    const found = JSON.parse(after.said.slice('whole '.length));
    expect(found.root).toBe(before.root);
    expect(found.erased).toBeGreaterThan(0);
    expect(found.undisclosed).toBe(found.erased); // No entry says so.
  });

  it('is for auditors and administrators, and no agent', async () => {
    for (const [who, status] of [
      [{ id: 'keeper-2' }, 403],
      [{ id: 'agent-2', kind: 'agent' as const, roles: ['auditor'] }, 403],
      [{ id: 'access-admin-1' }, 200],
    ] as const)
      expect((await scene.api.as(who).get('/v1/audit/export')).status).toBe(status);
  });
});

describe('a checkpoint', () => {
  it('is found by an index, the last as the first over so many entries, however many there are', async () => {
    const plans: string[] = [];
    await withTenant(scene.api.pool, scene.api.tenant, async (tx) => {
      await tx.rows('SET LOCAL enable_sort = off'); // Of so few rows PostgreSQL would sort rather: it does where there is no other way.
      await tx.rows('SET LOCAL enable_seqscan = off');
      const explained: Sql = {
        rows: async (text, values) => {
          const lines = await tx.rows<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, values);
          plans.push(lines.map((line) => line['QUERY PLAN']).join('\n'));
          return tx.rows(text, values);
        },
      };
      const last = await readCheckpoint(explained, []);
      const first = await readCheckpoint(explained, [], 1);
      expect(last?.size).toBeGreaterThan(first?.size ?? Number.POSITIVE_INFINITY);
      await readWitnessedCheckpoint(explained, [newSigner().verifierKey].map(readVerifierKey));
    });
    expect(plans).toHaveLength(3);
    for (const plan of plans) {
      expect(plan).toContain('audit_checkpoint_pkey');
      expect(plan).not.toContain('Sort');
    }
  });
});

describe('the evidence of one action', () => {
  it('is verified alone: entries, plan, and that enough people approved exactly it', async () => {
    const { status, body } = await scene.auditor.get(`/v1/proposals/${acts[1]}/evidence`);
    expect(status).toBe(200);
    const { code, said } = await scene.verify(JSON.stringify(body));
    expect(code, said).toBe(0);
    const found = JSON.parse(said.slice('whole '.length));
    expect(found).toMatchObject({ proposalId: acts[1], status: 'executed', isJudged: true });
    expect(found.approvedBy).toHaveLength(2);
  });

  it('of which anything is altered, or left out, is noticed', async () => {
    const { body } = await scene.auditor.get(`/v1/proposals/${acts[2]}/evidence`);
    const altered = async (change: (copy: typeof body) => void) => {
      const copy = structuredClone(body);
      change(copy);
      return (await scene.verify(JSON.stringify(copy))).said;
    };
    expect(await altered((copy) => (copy.entries[1].at = '1'))).toMatch(/^BROKEN entry \d+: is not in the log that was signed/);
    expect(await altered((copy) => copy.entries[0].proof.pop())).toMatch(/^BROKEN/);
    expect(await altered((copy) => (copy.entries.at(-1).payload = copy.entries.at(-1).payload.replace('executed', 'rejected')))).toMatch(
      /^BROKEN/,
    );
    expect(await altered((copy) => (copy.plan.bytes = Buffer.from('{}').toString('base64')))).toContain(
      'the plan is not the one that its digest names',
    );
    const fewer = await altered((copy) => {
      copy.entries = copy.entries.filter((entry: { payload: string }) => !entry.payload.includes('review.recorded'));
    });
    expect(fewer).toMatch(/was executed, but the approval \S+ is void, or was never given/);
    expect(await altered((copy) => (copy.entries[0].disclosures[0].value = '"mallory"'))).toContain('not what was committed to');
  });

  it('holds the plan only for whoever sees every value', async () => {
    const document = structuredClone(building);
    Object.assign(document.objectTypes.room.properties.note, { sensitive: true });
    const other = await EvidenceScene.open(document);
    const id = await other.act();
    await other.seal();
    const planFor = async (...roles: string[]) =>
      (await other.api.as({ id: 'auditor-1', roles: ['auditor', ...roles] }).get(`/v1/proposals/${id}/evidence`)).body.plan;
    expect(await planFor()).toBeNull();
    expect(await planFor('sensitive-reader')).toMatchObject({ digest: expect.stringMatching(/^sha256:/) });
    await other.superuser.query('ALTER TABLE exequatur.plan_chunk RENAME TO out_of_reach');
    expect(await planFor()).toBeNull(); // Nor is it read for anybody else.
    await other.close();
  });

  it.each([
    ['the bundle', 'exequatur.plan_chunk', 'application/json'],
    ['the page', 'exequatur.decision d', 'text/html'],
  ])('is of one moment, whatever becomes of the proposal while it is read: %s', async (_what, table, accept) => {
    const { deps } = scene.api.context.resources;
    const agent = scene.api.as({ id: 'agent-1', kind: 'agent', roles: ['agent'] });
    const { id } = (await agent.propose('askFloorTwice', { name: `before ${accept}` })).body;
    const plan = async () => ({ id, planDigest: (await simulateProposal(scene.worker, scene.api.tenant, id, deps))?.digest ?? null });
    const first = await plan();
    await scene.seal();
    let executed: string | undefined;
    const read = meanwhile(table, async () => {
      await scene.api.as({ id: 'keeper-1' }).review(first, 'request_changes');
      await agent.post(`/v1/proposals/${id}/revisions`, { parameters: { name: `after ${accept}` } });
      const second = await plan();
      for (const who of ['keeper-1', 'officer-1']) await scene.api.as({ id: who }).review(second);
      executed = (await executeProposal(scene.worker, scene.api.tenant, id, deps))?.status;
      await scene.seal();
    });
    const { status, body } = await read(() => scene.auditor.get(`/v1/proposals/${id}/evidence`, { headers: { accept } }));
    expect({ status, executed }).toEqual({ status: 200, executed: 'executed' });
    if (accept === 'text/html') return expect(body).not.toMatch(/erased|altered/);
    expect((await scene.verify(JSON.stringify(body))).said).toMatch(/^whole .*"status":"awaiting_approval"/);
  });

  it('waits for the seal', async () => {
    const id = await scene.act();
    expect((await scene.auditor.get(`/v1/proposals/${id}/evidence`)).body).toMatchObject({ code: 'not_sealed' });
    await scene.seal();
    expect((await scene.auditor.get(`/v1/proposals/${id}/evidence`)).status).toBe(200);
  });
});
