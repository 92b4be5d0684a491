import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Edit, ReadSet } from '../../ontology/plan.ts';
import { lockWaits } from '../support/lock-waits.ts';
import { apply, begin, move, openScene, type Planned, refusalOf, type Scene } from './door-scene.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await openScene();
  await scene.carry('populate', [
    { op: 'create', type: 'airport', id: 'ATL', set: { name: 'Atlanta', status: 'open' } },
    { op: 'create', type: 'airport', id: 'ORD', set: { name: "O'Hare", status: 'open' } },
    ...Array.from(
      { length: 40 },
      (_, at): Edit => ({ op: 'create', type: 'flight', id: `f${at}`, set: { origin: at % 2 === 0 ? 'ORD' : 'ATL', delay: 0 } }),
    ),
  ]);
});
afterAll(() => scene.close());

async function approved(action: 'rename' | 'populate', edits: Edit[], readSet?: ReadSet): Promise<Planned> {
  const planned = await scene.plan(await scene.propose(action), edits, readSet === undefined ? {} : { readSet });
  await scene.review(planned, 'reviewer');
  await scene.approve(planned);
  return planned;
}
const nameOf = async (id: string) =>
  (
    await scene.as('api', (client) =>
      client.query<{ name: string }>(`SELECT properties ->> 'name' AS name FROM exequatur.object WHERE type = 'airport' AND id = $1`, [id]),
    )
  ).rows[0]?.name as string;
const renaming = async (id: string, name: string): Promise<Edit> => ({
  op: 'modify',
  type: 'airport',
  id,
  set: { name },
  before: { name: await nameOf(id) },
});
const execute = (planned: Planned, executionId: string = randomUUID()) => refusalOf(scene.execute(planned, executionId));

/** What a worker does on a retry: apply when it has begun already, else begin. */
async function executeOrRepeat(planned: Planned, executionId: string): Promise<string> {
  return refusalOf(
    scene.as('worker', async (client) => {
      const { rows } = await client.query<{ status: string }>('SELECT status FROM exequatur.proposal WHERE id = $1 FOR UPDATE', [
        planned.id,
      ]);
      const earlier = rows[0]?.status === 'approved' ? [await begin(client, planned, executionId)] : [];
      return apply(client, planned, executionId, earlier);
    }),
  );
}

describe('at the same instant', () => {
  it('copies of one execution have one effect, and each gets its outcome', async () => {
    const planned = await approved('rename', [await renaming('ORD', 'once')]);
    const executionId = randomUUID();
    expect(await Promise.all(Array.from({ length: 5 }, () => executeOrRepeat(planned, executionId)))).toEqual(Array(5).fill('none'));
    const { rows } = await scene.as('api', (client) =>
      client.query(
        `SELECT (SELECT count(*)::int FROM exequatur.object_history WHERE execution_id = $1) AS history, (SELECT count(*)::int FROM exequatur.execution WHERE proposal_id = $2) AS executions,
                (SELECT count(*)::int FROM exequatur.outbox WHERE proposal_id = $2 AND type = 'object.changes') AS changes`,
        [executionId, planned.id],
      ),
    );
    expect(rows).toEqual([{ history: 1, executions: 1, changes: 1 }]);
  });

  it('two execution ids of one proposal: one wins, the other is refused', async () => {
    const planned = await approved('rename', [await renaming('ORD', 'twice')]);
    const outcomes = await Promise.all([executeOrRepeat(planned, randomUUID()), executeOrRepeat(planned, randomUUID())]);
    expect(outcomes.sort()).toEqual(['XQ009', 'none']);
  });

  it('many plans over the same objects in any order never deadlock, and exactly one of each set of rivals passes', async () => {
    for (let round = 0; round < 3; round++) {
      const [atl, ord] = [await nameOf('ATL'), await nameOf('ORD')];
      const rival = (suffix: string): Edit[] => [
        { op: 'modify', type: 'airport', id: 'ATL', set: { name: `a${round}${suffix}` }, before: { name: atl } },
        { op: 'modify', type: 'airport', id: 'ORD', set: { name: `o${round}${suffix}` }, before: { name: ord } },
      ];
      const plans = await Promise.all(['w', 'x', 'y', 'z'].map((suffix) => approved('rename', rival(suffix))));
      const outcomes = await Promise.all(plans.map((planned) => execute(planned)));
      expect(outcomes.sort()).toEqual(['XQ007', 'XQ007', 'XQ007', 'none']);
    }
  });
});

describe('two executions that each read what the other writes', () => {
  const hash = (ids: string[]) => createHash('sha256').update(ids.join('\n')).digest('hex');

  it('do not both pass: what one’s query selected includes what the other creates (a phantom)', async () => {
    const onTime = Array.from({ length: 40 }, (_, at) => `f${at}`).sort();
    const readSet: ReadSet = {
      counters: { flight: await counterOf('flight') },
      reads: [],
      queries: [{ kind: 'objects', type: 'flight', where: { property: 'delay', op: 'eq', value: 0 }, found: hash(onTime) }],
    };
    const adding = (id: string): Edit => ({ op: 'create', type: 'flight', id, set: { origin: 'ATL', delay: 0 } });
    const plans = await Promise.all(['p1', 'p2', 'p3'].map((id) => approved('populate', [adding(id)], readSet)));
    expect((await Promise.all(plans.map((planned) => execute(planned)))).sort()).toEqual(['XQ001', 'XQ001', 'none']);
  });

  it('do not both pass: each reads by id what the other modifies (write skew)', async () => {
    for (let round = 0; round < 5; round++) {
      const reading = async (id: string): Promise<ReadSet> => ({
        counters: {},
        reads: [{ type: 'airport', ids: [id], properties: ['name'], versions: [await versionOf(id)] }],
        queries: [],
      });
      const first = await approved('rename', [await renaming('ATL', `s${round}`)], await reading('ORD'));
      const second = await approved('rename', [await renaming('ORD', `t${round}`)], await reading('ATL'));
      expect((await Promise.all([execute(first), execute(second)])).sort()).toEqual(['XQ001', 'none']);
    }
  });

  it('do not both pass across types: one refers to what the other deletes', async () => {
    for (let round = 0; round < 5; round++) {
      const id = `gone${round}`;
      await scene.carry('populate', [{ op: 'create', type: 'airport', id, set: {} }]);
      const refer = await approved('populate', [{ op: 'create', type: 'flight', id: `to-${id}`, set: { origin: id, delay: 1 } }]);
      const remove = await approved('populate', [{ op: 'delete', type: 'airport', id, before: {} }]);
      expect((await Promise.all([execute(refer), execute(remove)])).sort()).toEqual(['XQ008', 'none']);
    }
  });

  it('both pass when they touch different properties of one object', async () => {
    const { rows } = await scene.as('api', (client) =>
      client.query<{ status: string }>(
        `SELECT properties ->> 'status' AS status FROM exequatur.object WHERE type = 'airport' AND id = 'ORD'`,
      ),
    );
    const rename = await approved('rename', [await renaming('ORD', 'aside')]);
    const close = await scene.plan(await scene.propose('close'), [
      { op: 'modify', type: 'airport', id: 'ORD', set: { status: 'closed' }, before: { status: rows[0]?.status as string } },
    ]);
    for (const reviewer of ['anna', 'ben']) await scene.review(close, reviewer);
    await scene.approve(close);
    expect(await Promise.all([execute(rename), execute(close)])).toEqual(['none', 'none']);
  });

  async function counterOf(type: string): Promise<number> {
    const { rows } = await scene.as('api', (client) =>
      client.query<{ counter: number }>('SELECT counter::int FROM exequatur.type_state WHERE type = $1', [type]),
    );
    return rows[0]?.counter as number;
  }
  async function versionOf(id: string): Promise<number> {
    const { rows } = await scene.as('api', (client) =>
      client.query<{ v: number }>(
        `SELECT exequatur.property_version(property_versions, 'name')::int AS v FROM exequatur.object WHERE type = 'airport' AND id = $1`,
        [id],
      ),
    );
    return rows[0]?.v as number;
  }
});

describe('a transaction opened before', () => {
  it('a withdrawal does not execute after it, and the same without the withdrawal does', async () => {
    const [withdrawn, kept] = [
      await approved('rename', [await renaming('ORD', 'never')]),
      await approved('rename', [await renaming('ATL', 'indeed')]),
    ];
    const executing = (planned: Planned, between: () => Promise<void>) =>
      refusalOf(
        scene.as('worker', async (client) => {
          await client.query('SELECT status FROM exequatur.proposal WHERE id = $1', [planned.id]);
          await between();
          const executionId = randomUUID();
          return apply(client, planned, executionId, [await begin(client, planned, executionId)]);
        }),
      );
    expect(await executing(withdrawn, () => scene.as('api', (client) => move(client, withdrawn.id, 'withdrawn')))).toBe('XQ006');
    expect(await executing(kept, async () => {})).toBe('none');
  });

  it('an approval was taken back does not count it', async () => {
    const planned = await approved('rename', [await renaming('ORD', 'doubted')]);
    const executing = refusalOf(
      scene.as('worker', async (client) => {
        await client.query('SELECT 1 FROM exequatur.review WHERE proposal_id = $1', [planned.id]);
        await scene.review(planned, 'reviewer', { decision: 'reject' });
        const executionId = randomUUID();
        return apply(client, planned, executionId, [await begin(client, planned, executionId)]);
      }),
    );
    expect(await executing).toBe('XQ002');
    await scene.review(planned, 'reviewer');
    expect(await execute(planned)).toBe('none');
  });

  it('the tenant’s control row was taken waits, and no execution commits while it is held', async () => {
    const planned = await approved('rename', [await renaming('ORD', 'waited')]);
    let ended = false;
    let executing: Promise<string> = Promise.resolve('');
    await scene.as('api', async (client) => {
      await client.query('SELECT 1 FROM exequatur.tenant_control FOR UPDATE');
      executing = execute(planned).finally(() => {
        ended = true;
      });
      await untilSomebodyWaits();
      expect(ended).toBe(false);
    });
    expect(await executing).toBe('none');
  });

  async function untilSomebodyWaits(): Promise<void> {
    for (;;) {
      if ((await scene.as('superuser', (client) => lockWaits(client))).length > 0) return;
    }
  }
});

describe('the audit chain', () => {
  it('has no gap and no fork after many transactions at once, and each hash covers the frame before it', async () => {
    const plans = await Promise.all(
      Array.from({ length: 8 }, (_, at) =>
        approved('populate', [{ op: 'create', type: 'flight', id: `c${at}`, set: { origin: 'ATL', delay: 2 } }]),
      ),
    );
    expect(await Promise.all(plans.map((planned) => execute(planned)))).toEqual(Array(8).fill('none'));
    const { rows } = await scene.as('api', (client) =>
      client.query<{ seq: string; micros: string; previous_hash: Buffer; payload: Buffer; hash: Buffer }>(
        'SELECT seq, (extract(epoch FROM at) * 1000000)::bigint AS micros, previous_hash, payload, hash FROM exequatur.audit_entry ORDER BY seq',
      ),
    );
    expect(rows.length).toBeGreaterThan(16);
    let previous: Buffer = Buffer.alloc(32);
    for (const [at, row] of rows.entries()) {
      expect(Number(row.seq)).toBe(at + 1);
      expect(row.previous_hash).toEqual(previous);
      expect(
        createHash('sha256')
          .update(frame(BigInt(row.seq), BigInt(row.micros), previous, row.payload))
          .digest(),
      ).toEqual(row.hash);
      previous = row.hash;
    }
  });

  /** Written out again here, so that a verifier in another language has something to be compared with. */
  function frame(sequence: bigint, micros: bigint, previous: Buffer, payload: Buffer): Buffer {
    const int8 = (value: bigint) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64BE(value);
      return bytes;
    };
    const behindLength = (bytes: Buffer) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return Buffer.concat([length, bytes]);
    };
    const tenant = Buffer.from(scene.tenant.replaceAll('-', ''), 'hex');
    return Buffer.concat([Buffer.from('EXQ1'), ...[tenant, int8(sequence), int8(micros), previous, payload].map(behindLength)]);
  }
});
