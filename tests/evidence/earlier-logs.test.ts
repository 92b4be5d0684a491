// Logs that an earlier version began, whose entries do not say whose approval a plan needs or by whose it ran: what the verifier makes of them, and of whoever would like to
// write such entries still. An API over a clone from tests/support/database.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditEntry } from '../../audit/entry.ts';
import { migrate } from '../../store/migrate.ts';
import { withTenant } from '../../store/sql.ts';
import { EvidenceScene } from './evidence-scene.ts';

const { Story } = await import(String(new URL('../../verifier/story.mjs', import.meta.url)));

const marking = '20261130110200_mark_where_the_log_changed';

let scene: EvidenceScene;
let before: string;
let after: string;
beforeAll(async () => {
  scene = await EvidenceScene.open();
  before = await scene.act();
  await asEarlier(before);
  await scene.tamper(
    `DELETE FROM public._prisma_migrations WHERE migration_name = '${marking}'`,
    'DROP INDEX exequatur.audit_entry_format_changed',
  );
  const { urls, rolePrefix } = scene.api.database;
  const passwords = { api: 'api', worker: 'worker', relay: 'relay' };
  expect((await migrate({ url: urls.superuser, passwords, rolePrefix })).applied).toEqual([marking]);
  after = await scene.act();
  await scene.seal();
});
afterAll(() => scene?.close());

/** Rewrites a proposal's entries as they were before they told of approvals, and the chain behind them. */
async function asEarlier(proposalId: string): Promise<void> {
  const { tenant } = scene.api;
  await scene.tamper(
    `UPDATE exequatur.audit_entry SET payload = convert_to((convert_from(payload, 'UTF8')::jsonb - ARRAY['requirement', 'approvals'])::text, 'UTF8')
      WHERE tenant_id = '${tenant}' AND proposal_id = '${proposalId}' AND type IN ('proposal.simulated', 'proposal.executed')`,
    `DO $$ DECLARE e record; last bytea := decode(repeat('00', 32), 'hex');
     BEGIN
       FOR e IN SELECT * FROM exequatur.audit_entry WHERE tenant_id = '${tenant}' ORDER BY seq LOOP
         UPDATE exequatur.audit_entry SET previous_hash = last, hash = sha256(exequatur.audit_frame(e.tenant_id, e.seq, e.at, last, e.payload))
          WHERE tenant_id = e.tenant_id AND seq = e.seq RETURNING hash INTO last;
       END LOOP;
       UPDATE exequatur.audit_head SET hash = last WHERE tenant_id = '${tenant}';
     END $$`,
  );
}

const found = (said: string) => JSON.parse(said.slice('whole '.length));

describe('a log that an earlier version began', () => {
  it('verifies, and says how many executions could not be judged, and until where', async () => {
    const { code, said } = await scene.verify(await scene.export());
    expect(code, said).toBe(0);
    const { rows } = await scene.superuser.query("SELECT seq::int FROM exequatur.audit_entry WHERE type = 'log.format_changed'");
    expect(rows).toHaveLength(1);
    expect(found(said)).toMatchObject({ executions: 2, unjudged: 0, unjudgedBefore: 1, formatChangedAt: rows[0].seq });
  });

  it('gives evidence of an action from before, which verifies by itself', async () => {
    const evidence = async (id: string) => JSON.stringify((await scene.auditor.get(`/v1/proposals/${id}/evidence`)).body);
    const { code, said } = await scene.verify(await evidence(before));
    expect(code, said).toBe(0);
    expect(found(said)).toMatchObject({ executions: 1, unjudgedBefore: 1, isJudged: false });
    const { formatChanged, ...without } = JSON.parse(await evidence(before));
    expect(formatChanged.payload).toContain('log.format_changed');
    expect(await scene.verify(JSON.stringify(without))).toMatchObject({ code: 1, said: expect.stringContaining('no entry after it says') });
    const other = JSON.parse(await evidence(after));
    expect(other).not.toHaveProperty('formatChanged');
    expect(await scene.verify(JSON.stringify({ ...without, formatChanged: other.entries[0] }))).toMatchObject({ code: 1 });
  });

  it('has to be exported on to where it says so', async () => {
    const { formatChangedAt } = found((await scene.verify(await scene.export())).said);
    const text = (await scene.export()).split('\n').slice(0, formatChangedAt);
    const cut = `${[text[0]?.replace(/"to":\d+/, `"to":${formatChangedAt - 1}`), ...text.slice(1), `{"end":${formatChangedAt - 1}}`].join('\n')}\n`;
    expect(await scene.verify(cut)).toMatchObject({ code: 1, said: expect.stringContaining('no entry after it says') });
  });

  it('takes no such entry any more: not from a login, and not behind that entry', async () => {
    const changed = auditEntry({ type: 'log.format_changed', facts: {} });
    const append = withTenant(scene.worker, scene.api.tenant, (tx) =>
      tx.rows('SELECT exequatur.append_audit($1::jsonb)', [JSON.stringify([changed])]),
    );
    await expect(append).rejects.toMatchObject({ code: 'XQ015' });
    await scene.tamper(`DELETE FROM exequatur.audit_checkpoint WHERE tenant_id = '${scene.api.tenant}'`);
    await asEarlier(after);
    await scene.seal();
    expect((await scene.verify(await scene.export())).said).toMatch(/^BROKEN entry \d+: does not say whose approval its plan needs$/);
  });
});

describe('the verifier takes what is lacking', () => {
  /** Of entries in a word each: what it says, or how many executions it did not judge. */
  function judged(...entries: ('told' | 'lacking' | 'changed')[]): string | number {
    const story = new Story();
    let seq = 0;
    const tell = (facts: object) => story.tell({ seq: ++seq, at: String(seq), facts, disclosures: [] });
    const requirement = { automatic: true, stages: [] };
    try {
      for (const [at, entry] of entries.entries()) {
        const of = { proposalId: `0b5d2b04-9c62-4c0e-8f0c-${String(at).padStart(12, '0')}`, planDigest: 'd' };
        if (entry === 'changed') tell({ type: 'log.format_changed' });
        else {
          tell({ ...of, type: 'proposal.created' });
          const simulated = { type: 'proposal.simulated', from: 'simulating', status: 'awaiting_approval' };
          tell({ ...of, ...simulated, ...(entry === 'told' ? { requirement } : {}) });
          tell({ ...of, type: 'proposal.approved', from: 'awaiting_approval', status: 'approved' });
          tell({ ...of, type: 'proposal.executing', from: 'approved', status: 'executing' });
          tell({ ...of, type: 'execution.applied', executionId: `x${at}`, ...(entry === 'told' ? { requirement, approvals: [] } : {}) });
        }
      }
      story.end();
      return story.counts.unjudgedBefore ?? 0;
    } catch (error) {
      return (error as Error).message;
    }
  }

  it('before the one entry that says so, and where nothing was told yet', () => {
    expect(judged('told', 'told')).toBe(0);
    expect(judged('lacking', 'lacking', 'changed', 'told')).toBe(2);
    expect(judged('lacking', 'told', 'changed', 'told')).toBe(1);
  });

  it('and nowhere else', () => {
    expect(judged('lacking')).toMatch(/^entry 2: .* and no entry after it says/);
    expect(judged('lacking', 'told')).toMatch(/^entry 2: .* and no entry after it says/);
    expect(judged('lacking', 'changed', 'lacking')).toMatch(/^entry 8: does not say whose approval/);
    expect(judged('told', 'lacking', 'changed')).toMatch(/^entry 7: does not say whose approval/);
    expect(judged('lacking', 'changed', 'told', 'changed')).toMatch(/^entry 12: says once more/);
  });
});
