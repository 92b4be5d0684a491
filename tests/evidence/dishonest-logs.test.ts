// A log whose keeper holds its key and says what is not so: what the verifier makes of it. On a clone from tests/support/database.ts.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditEntry } from '../../audit/entry.ts';
import { checkpointText, signNote } from '../../audit/signed-note.ts';
import { withTenant } from '../../store/sql.ts';
import { EvidenceScene } from './evidence-scene.ts';

let scene: EvidenceScene;
let kept: string;
let size: number;
beforeAll(async () => {
  scene = await EvidenceScene.open();
  await scene.act();
  await scene.seal();
  ({ note: kept, size } = (await scene.auditor.get('/v1/audit/checkpoint')).body);
  await scene.act();
  await scene.seal();
});
afterAll(() => scene?.close());

const lines = (text: string) => text.trimEnd().split('\n');

describe('the verifier', () => {
  it('takes no checkpoint that says it covers more entries than stand before it', async () => {
    const text = await scene.export();
    const header = JSON.parse(lines(text)[0] ?? '{}');
    const [origin = '', , root = ''] = kept.split('\n');
    const lying = await signNote(checkpointText(origin, 1_000_000, Buffer.from(root, 'base64')), [scene.signer]);
    const forged = lines(text).map((line) =>
      line.includes(JSON.stringify(kept).slice(1, 40)) ? JSON.stringify({ checkpoint: lying }) : line,
    );
    expect(forged.join('\n')).toContain('1000000');
    expect(header.exequatur).toBe('audit-export');
    expect(await scene.verify(`${forged.join('\n')}\n`)).toMatchObject({
      code: 1,
      said: expect.stringContaining('covers 1000000 entries'),
    });
    expect(await scene.verify(text)).toMatchObject({ code: 0 });
  });

  it('passes over no checkpoint that was kept, wherever the export begins', async () => {
    const behind = await scene.export(`?from=${size + 1}`);
    expect(await scene.verify(behind, { kept })).toMatchObject({ code: 0 });
    const header = JSON.parse(lines(behind)[0] ?? '{}');
    const rewritten = { ...header, subtrees: header.subtrees.map((hash: string) => hash.replace(/^../, 'ff')) };
    const forged = [JSON.stringify(rewritten), ...lines(behind).slice(1)].join('\n');
    expect(await scene.verify(`${forged}\n`, { kept })).toMatchObject({ code: 1 });
    const later = await scene.export(`?from=${size + 2}`);
    expect(await scene.verify(later, { kept })).toMatchObject({ code: 2, said: expect.stringContaining('the export must begin there') });
  });
});

describe('no login', () => {
  const append = (entries: unknown[]) =>
    withTenant(scene.worker, scene.api.tenant, (tx) => tx.rows('SELECT exequatur.append_audit($1::jsonb)', [JSON.stringify(entries)]));

  it('tells of a review that there is not, or once more of one that there is', async () => {
    const [{ id, proposal_id: proposalId, decision, digest } = { id: '', proposal_id: '', decision: '', digest: '' }] = await withTenant(
      scene.worker,
      scene.api.tenant,
      (tx) =>
        tx.rows<{ id: string; proposal_id: string; decision: string; digest: string }>(
          'SELECT id, proposal_id, decision, digest FROM exequatur.review LIMIT 1',
        ),
    );
    const told = (reviewId: string) =>
      auditEntry({
        type: 'review.recorded',
        proposalId,
        facts: { reviewId, decision, planDigest: digest },
        personal: { reviewer: 'somebody' },
      });
    await expect(append([told(id)])).rejects.toMatchObject({ code: 'XQ015' });
    await expect(append([told('00000000-0000-4000-8000-000000000000')])).rejects.toMatchObject({ code: 'XQ015' });
  });

  it('discloses what an entry did not commit to, or what is no JSON', async () => {
    const entry = auditEntry({ type: 'switch.changed', facts: {}, personal: { actor: 'operator-1' } });
    const other = { ...entry, disclosures: [{ name: 'actor', salt: '00', value: '"somebody"' }] };
    await expect(append([other])).rejects.toMatchObject({ code: 'XQ015' });
    await expect(append([{ ...entry, disclosures: [{ name: 'x', salt: '00', value: '{' }] }])).rejects.toMatchObject({ code: 'XQ015' });
    await expect(append([entry])).resolves.toHaveLength(1);
  });

  it('writes into the log of the installation under another spelling of its id', async () => {
    const entry = auditEntry({ type: 'login.failed', facts: {} });
    const client = await scene.worker.connect();
    try {
      await client.query('BEGIN');
      await client.query("SELECT set_config('app.tenant', '{00000000-0000-0000-0000-000000000000}', true)");
      const answer = client.query('SELECT exequatur.append_audit($1::jsonb)', [JSON.stringify([entry])]);
      await expect(answer).rejects.toMatchObject({ code: 'XQ015' });
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
  });

  it.each([
    ['', 0],
    ['of which a character is escaped at first', 0],
    ['of which one is escaped the second time', 1],
  ])('commits to a decision once more %s', async (spelling, escaped) => {
    const proposalId = await scene.act();
    const commitment = `a${randomBytes(32).toString('hex').slice(1)}`; // An escaped digit would end with itself.
    const read = (at: number) => {
      const entry = auditEntry({ type: 'sensitive.read', proposalId, facts: { fields: {} }, decisions: [commitment] });
      if (spelling === '' || at !== escaped) return entry;
      return { ...entry, payload: entry.payload.replace(commitment, `\\u0061${commitment.slice(1)}`) };
    };
    const tell = (at: number) =>
      withTenant(scene.api.pool, scene.api.tenant, (tx) =>
        tx.rows('SELECT exequatur.append_audit($1::jsonb)', [JSON.stringify([read(at)])]),
      );
    await expect(tell(0)).resolves.toHaveLength(1);
    await expect(tell(1)).rejects.toMatchObject({ code: 'XQ015' });
    await scene.seal();
    const { code, said } = await scene.verify(await scene.export());
    expect(code, said).toBe(0);
  });

  it('tells once more that a proposal was created, so that nobody stands behind it whom the log did not name at first', async () => {
    const [row] = await withTenant(scene.worker, scene.api.tenant, (tx) =>
      tx.rows<{ id: string }>('SELECT id FROM exequatur.proposal LIMIT 1'),
    );
    const again = auditEntry({ type: 'proposal.created', proposalId: row?.id ?? '', facts: {}, personal: { proposer: 'somebody' } });
    await expect(append([again])).rejects.toMatchObject({ code: 'XQ015' });
    await scene.seal();
    expect(await scene.verify(await scene.export())).toMatchObject({ code: 0 });
  });
});
