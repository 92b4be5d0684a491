// What a stolen login may have consumers hear, on a clone from tests/support/database.ts.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditEntry } from '../../audit/entry.ts';
import type { Tx } from '../../store/sql.ts';
import { tell } from '../events/event-scene.ts';
import { type Fixture, openFixture } from '../store/fixture.ts';

let fixture: Fixture;
let old: { id: string; proposal: string };
beforeAll(async () => {
  fixture = await openFixture();
  const { proposalId } = await fixture.done('addFloor', { name: 'F1', rooms: [] });
  const [entry] = await fixture.inApi((tx) =>
    tx.rows<{ id: string }>("SELECT id FROM exequatur.audit_entry WHERE type = 'proposal.approved' AND proposal_id = $1::uuid", [
      proposalId,
    ]),
  );
  old = { id: entry?.id ?? '', proposal: proposalId };
});
afterAll(() => fixture?.close());

interface Forged {
  entry: string;
  type: string;
  proposal?: string | null;
}

const insert = (tx: Tx, { entry, type, proposal = null }: Forged) =>
  tx.rows(
    `INSERT INTO exequatur.outbox (tenant_id, id, audit_entry_id, type, subject, proposal_id, data, created_at)
     VALUES ((SELECT current_setting('app.tenant')::uuid), $1::uuid, $2::uuid, $3, 'forged', $4::uuid, '{}', now())`,
    [randomUUID(), entry, type, proposal],
  );
const append = (tx: Tx, entry: unknown) => tx.rows('SELECT exequatur.append_audit($1::jsonb)', [JSON.stringify([entry])]);
const count = async () => (await fixture.inApi((tx) => tx.rows<{ n: number }>('SELECT count(*)::int AS n FROM exequatur.outbox')))[0]?.n;

describe.each(['api', 'worker'] as const)('the login of the %s', (login) => {
  const write = <T>(work: (tx: Tx) => Promise<T>) => (login === 'api' ? fixture.inApi(work) : fixture.inWorker(work));

  it('tells of what it enters in the log in the same transaction', async () => {
    const before = await count();
    await write(async (tx) => tell(tx, 'mine', { turn: 1 }));
    expect(await count()).toBe((before ?? 0) + 1);
  });

  it('tells of it also behind a savepoint', async () => {
    await write(async (tx) => {
      await tx.rows('SAVEPOINT asking');
      tell(tx, 'mine', { turn: 2 });
    });
  });

  it('tells nothing of an entry that was there before', async () => {
    const before = await count();
    const forged = { entry: old.id, type: 'proposal.approved', proposal: old.proposal };
    await expect(write((tx) => insert(tx, forged))).rejects.toMatchObject({ code: 'XQ015' });
    await expect(
      write(async (tx) => {
        await insert(tx, forged);
        tx.audit({ type: 'switch.changed', facts: {} });
      }),
    ).rejects.toMatchObject({ code: 'XQ015' });
    await expect(
      write(async (tx) => {
        await tx.rows('SAVEPOINT asking');
        await insert(tx, forged);
      }),
    ).rejects.toMatchObject({ code: 'XQ015' });
    expect(await count()).toBe(before);
  });

  it('tells nothing of an entry that does not come, so none can be put under it later', async () => {
    const entry = randomUUID();
    await expect(write((tx) => insert(tx, { entry, type: 'switch.changed' }))).rejects.toMatchObject({ code: 'XQ015' });
  });

  it('tells nothing else than its entry does', async () => {
    const entry = () => auditEntry({ type: 'switch.changed', facts: {} });
    const forge = (more: Omit<Forged, 'entry'>) =>
      write(async (tx) => {
        const one = entry();
        await insert(tx, { entry: one.id, ...more });
        await append(tx, one);
      });
    await expect(forge({ type: 'policies.changed' })).rejects.toMatchObject({ code: 'XQ015' });
    await expect(forge({ type: 'switch.changed', proposal: old.proposal })).rejects.toMatchObject({ code: 'XQ015' });
    await expect(forge({ type: 'message.paid' })).rejects.toMatchObject({ code: 'XQ015' });
    await forge({ type: 'switch.changed' });
  });
});
