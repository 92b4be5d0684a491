import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditEntry, commitmentTo } from '../../audit/entry.ts';
import { eventOfStatus } from '../../ontology/events.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { withdrawProposal } from '../../store/withdraw-proposal.ts';
import { agent, caller, type Fixture, keeper1, officer, openFixture } from '../store/fixture.ts';
import type {} from '../support/database.ts'; // Names the file, so that the run starts a server.

let fixture: Fixture;

beforeAll(async () => {
  fixture = await openFixture();
  await fixture.done('addFloor', { name: 'ground', rooms: [{ code: 'G1', seats: 4 }, { code: 'G2' }] });
});
afterAll(() => fixture.close());

interface Entry {
  seq: string;
  id: string;
  type: string;
  proposal_id: string | null;
  micros: string;
  previous_hash: Buffer;
  payload: Buffer;
  hash: Buffer;
}
const entries = () =>
  fixture.inWorker((tx) =>
    tx.rows<Entry>(
      'SELECT seq, id, type, proposal_id, (extract(epoch FROM at) * 1000000)::bigint AS micros, previous_hash, payload, hash FROM exequatur.audit_entry ORDER BY seq',
    ),
  );
const append = (...made: unknown[]) =>
  fixture.inWorker((tx) => tx.rows('SELECT exequatur.append_audit($1::jsonb)', [JSON.stringify(made)]));
const entry = (facts: Record<string, string> = {}, type = 'switch.changed') => auditEntry({ type, facts });

/** As the migration's comment has it. */
function frameOf({ seq, micros, previous_hash, payload }: Entry): Buffer {
  const int8 = (text: string) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64BE(BigInt(text));
    return bytes;
  };
  const parts = [Buffer.from(fixture.tenant.replaceAll('-', ''), 'hex'), int8(seq), int8(micros), previous_hash, payload];
  const lengths = parts.map(({ length }) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(length);
    return bytes;
  });
  return Buffer.concat([Buffer.from('EXQ1'), ...parts.flatMap((part, at) => [lengths[at] as Buffer, part])]);
}

async function expectWhole(): Promise<Entry[]> {
  const all = await entries();
  let previous: Buffer = Buffer.alloc(32);
  for (const [at, one] of all.entries()) {
    expect(Number(one.seq)).toBe(at + 1);
    expect(one.previous_hash).toEqual(previous);
    expect(createHash('sha256').update(frameOf(one)).digest()).toEqual(one.hash);
    previous = one.hash;
  }
  return all;
}

describe('the chain', () => {
  it('has no gap after twenty transactions at once of which every third is undone', async () => {
    const before = (await entries()).length;
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, at) =>
        fixture.inWorker(async (tx) => {
          await tx.rows('SELECT exequatur.append_audit($1::jsonb)', [
            JSON.stringify([entry({ at: `${at}` }), entry({ at: `${at} again` })]),
          ]);
          if (at % 3 === 0) throw new Error('undone');
        }),
      ),
    );
    const kept = outcomes.filter(({ status }) => status === 'fulfilled').length;
    expect(kept).toBe(13);
    expect((await expectWhole()).length).toBe(before + 2 * kept);
  });

  it('begins with the first entry also when two transactions of a new tenant make it at once', async () => {
    const tenant = await fixture.database.createTenant();
    const insert = async () => {
      const client = await fixture.worker.connect();
      try {
        await client.query(`BEGIN; SET LOCAL app.tenant = '${tenant}'`);
        await client.query('SELECT exequatur.append_audit($1::jsonb)', [JSON.stringify([entry()])]);
        await client.query('COMMIT');
      } finally {
        client.release();
      }
    };
    await Promise.all([insert(), insert(), insert(), insert()]);
    const client = await fixture.api.connect();
    try {
      await client.query(`BEGIN; SET LOCAL app.tenant = '${tenant}'`);
      const { rows } = await client.query('SELECT seq::int FROM exequatur.audit_entry ORDER BY seq');
      expect(rows).toEqual([1, 2, 3, 4].map((seq) => ({ seq })));
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
  });

  it('takes a payload that fits a bundle of tlog-tiles and none that is larger', async () => {
    const { payload } = entry({ text: '' });
    const text = (bytes: number) => 'é'.repeat(Math.floor((bytes - payload.length) / 2)) + 'x'.repeat((bytes - payload.length) % 2);
    await append(entry({ text: text(65_447) }));
    await expect(append(entry({ text: text(65_448) }))).rejects.toMatchObject({ code: '23514' });
    await expectWhole();
  });

  it('takes an id once, and no entry without a tenant', async () => {
    const one = entry();
    await append(one);
    await expect(append(one)).rejects.toMatchObject({ code: '23505' });
    await expect(fixture.worker.query('SELECT exequatur.append_audit($1::jsonb)', [JSON.stringify([entry()])])).rejects.toMatchObject({
      code: 'XQ012',
    });
    await expectWhole();
  });

  it('is told of executions by the door alone, and in columns nothing but what the hash covers', async () => {
    for (const type of ['proposal.executed', 'execution.applied', 'execution.undone'])
      await expect(append(entry({ executionId: randomUUID() }, type))).rejects.toMatchObject({ code: 'XQ015' });
    await expect(append({ ...entry(), type: 'proposal.approved' })).rejects.toMatchObject({ code: 'XQ015' });
    await expect(append({ ...entry(), proposalId: randomUUID() })).rejects.toMatchObject({ code: 'XQ015' });
    await expect(
      fixture.inWorker((tx) => tx.rows('SELECT exequatur.append_entries($1::jsonb)', [JSON.stringify([entry()])])),
    ).rejects.toMatchObject({ code: '42501' });
    for (const type of ['proposal.executed', 'object.changes', 'review.recorded']) {
      const announced = fixture.inWorker((tx) =>
        tx.rows(
          `INSERT INTO exequatur.outbox (tenant_id, id, audit_entry_id, type, subject, data, created_at)
           VALUES ((SELECT current_setting('app.tenant')::uuid), $1::uuid, $1::uuid, $2, 'x', '{}', exequatur.clock())`,
          [randomUUID(), type],
        ),
      );
      await expect(announced).rejects.toMatchObject({ code: type === 'review.recorded' ? 'XQ015' : '42501' });
    }
  });
});

describe('a proposal’s life', () => {
  const told = (proposalId: string) =>
    fixture.inWorker(async (tx) => ({
      audit: (
        await tx.rows<{ type: string }>('SELECT type FROM exequatur.audit_entry WHERE proposal_id = $1::uuid ORDER BY seq', [proposalId])
      ).map(({ type }) => type),
      events: (
        await tx.rows<{ type: string }>(
          `SELECT o.type FROM exequatur.outbox o JOIN exequatur.audit_entry e ON e.tenant_id = o.tenant_id AND e.id = o.audit_entry_id AND e.proposal_id = o.proposal_id
            WHERE o.proposal_id = $1::uuid AND o.type <> 'object.changes' ORDER BY e.seq`,
          [proposalId],
        )
      ).map(({ type }) => type),
      orphans: await tx.rows(
        'SELECT 1 FROM exequatur.outbox o LEFT JOIN exequatur.audit_entry e ON e.tenant_id = o.tenant_id AND e.id = o.audit_entry_id WHERE o.proposal_id = $1::uuid AND e.id IS NULL',
        [proposalId],
      ),
    }));
  const steps = (...statuses: Parameters<typeof eventOfStatus>[0][]) => statuses.map((status) => eventOfStatus(status));

  it('to its execution is told once for each step, to the log and to the outbox alike', async () => {
    const plan = await fixture.planned('closeRoom', { room: 'G1' });
    await fixture.review(plan, keeper1);
    await fixture.review(plan, officer);
    expect((await executeProposal(fixture.worker, fixture.tenant, plan.proposalId, fixture.deps))?.status).toBe('executed');
    await executeProposal(fixture.worker, fixture.tenant, plan.proposalId, fixture.deps);
    const { audit, events, orphans } = await told(plan.proposalId);
    expect(audit).toEqual([
      'proposal.created',
      ...steps('awaiting_approval'),
      'review.recorded',
      'review.recorded',
      ...steps('approved', 'executing', 'executed'),
    ]);
    expect(events).toEqual(audit);
    expect(orphans).toEqual([]);
    await expectWhole();
  });

  it('to its withdrawal or refusal as well', async () => {
    const refused = await fixture.planned('closeRoom', { room: 'G2' });
    await fixture.review(refused, keeper1, 'reject');
    const taken = await fixture.planned('closeRoom', { room: 'G2' });
    await fixture.inApi((tx) => withdrawProposal(tx, { proposalId: taken.proposalId, by: agent }, fixture.deps));
    expect((await told(refused.proposalId)).audit).toEqual([
      'proposal.created',
      ...steps('awaiting_approval'),
      'review.recorded',
      ...steps('rejected'),
    ]);
    for (const { proposalId } of [refused, taken]) {
      const { audit, events, orphans } = await told(proposalId);
      expect(events).toEqual(audit);
      expect(orphans).toEqual([]);
    }
  });

  it('names nobody and gives no reasons where they could not be erased', async () => {
    const plan = await fixture.planned(
      'closeRoom',
      { room: 'G2', note: 'secret-note' },
      caller('agent-nora', ['agent'], { kind: 'agent' }),
    );
    await fixture.review(plan, caller('keeper-mary', ['keeper']));
    const all = await fixture.inWorker((tx) =>
      tx.rows<{ payload: Buffer }>('SELECT payload FROM exequatur.audit_entry WHERE proposal_id = $1::uuid', [plan.proposalId]),
    );
    const text = all.map(({ payload }) => Buffer.from(payload).toString()).join('\n');
    expect(text).not.toMatch(/nora|mary|because|secret-note/);
    const disclosed = await fixture.inWorker((tx) =>
      tx.rows<{ name: string; salt: string; value: string; payload: Buffer }>(
        'SELECT d.name, d.salt, d.value, e.payload FROM exequatur.audit_disclosure d JOIN exequatur.audit_entry e ON e.tenant_id = d.tenant_id AND e.id = d.entry_id WHERE e.proposal_id = $1::uuid',
        [plan.proposalId],
      ),
    );
    expect(disclosed.length).toBeGreaterThan(1);
    for (const { name, salt, value, payload } of disclosed)
      expect(JSON.parse(Buffer.from(payload).toString()).commitments[name]).toBe(commitmentTo(salt, value));
  });
});

it('an id that an index row could not hold is refused at simulation, not by the door', async () => {
  for (const name of ['n'.repeat(257), '']) {
    const plan = await fixture.planned('askFloor', { name });
    expect(plan.status).toBe('invalid');
  }
});
