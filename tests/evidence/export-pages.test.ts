// What an export does while it is on its way: how much of it is held at once, and that it ends as it said it would. An API over a clone from tests/support/database.ts.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AskedLog, streamLog } from '../../api/stream-log.ts';
import { isRefusal } from '../../store/refusal.ts';
import { withTenant } from '../../store/sql.ts';
import { EvidenceScene } from './evidence-scene.ts';

let scene: EvidenceScene;
beforeAll(async () => {
  scene = await EvidenceScene.open();
});
afterAll(() => scene?.close());

async function pieces(asked: AskedLog): Promise<AsyncIterator<string>> {
  const { pool } = scene.api.context.resources;
  const answer = await streamLog(asked, {
    tenant: scene.api.tenant,
    witnesses: [],
    read: (work) => withTenant(pool, scene.api.tenant, work),
    onExport: () => {},
  });
  if (isRefusal(answer) || answer.stream === undefined) throw new Error(JSON.stringify(answer));
  return answer.stream[Symbol.asyncIterator]();
}

async function restOf(stream: AsyncIterator<string>): Promise<string> {
  let text = '';
  for (let next = await stream.next(); next.done !== true; next = await stream.next()) text += next.value;
  return text;
}

/** A day later, when of the checkpoints of an hour only the last is kept. */
async function forgetCheckpoints(): Promise<void> {
  await scene.tamper("UPDATE exequatur.audit_checkpoint SET created_at = created_at - interval '25 hours'");
  expect(await scene.thin()).toBeGreaterThan(0);
}

const sizes = async (): Promise<number[]> => {
  const { rows } = await scene.superuser.query('SELECT size::int FROM exequatur.audit_checkpoint WHERE tenant_id = $1 ORDER BY size', [
    scene.api.tenant,
  ]);
  return rows.map(({ size }) => size);
};

it('an export whose last checkpoint is forgotten while it is on its way ends in it all the same', async () => {
  for (let at = 0; at < 3; at++) {
    await scene.act();
    await scene.seal();
  }
  const [first = 0, to = 0] = await sizes();
  const whole = await pieces({ to });
  const header = (await whole.next()).value as string;
  const resumed = await pieces({ after: first, to });
  const atItsEnd = await pieces({ after: to, to });
  await forgetCheckpoints();
  expect(await sizes()).not.toContain(to);

  const text = header + (await restOf(whole));
  expect(await scene.verify(text)).toMatchObject({ code: 0, said: expect.stringContaining(`"to":${to}`) });
  const lines = text.split('\n');
  const behind = (seq: number) => lines.findIndex((line) => line.startsWith('{') && JSON.parse(line).seq === seq) + 1;
  expect(await scene.verify([...lines.slice(0, behind(first)), await restOf(resumed)].join('\n'))).toMatchObject({ code: 0 });
  expect(await scene.verify([...lines.slice(0, behind(to)), await restOf(atItsEnd)].join('\n'))).toMatchObject({ code: 0 });
});

it('however much its entries disclose, an export holds little of it at once', async () => {
  const entries = 40;
  const disclosed = '\u4e00'.repeat(200_000);
  for (let at = 0; at < entries; at++)
    await withTenant(scene.api.pool, scene.api.tenant, async (tx) => {
      tx.audit({
        type: 'decision.refused',
        facts: { action: 'principal:put', reason: 'forbidden' },
        personal: { actor: 'nobody-1', subject: disclosed },
      });
    });
  await scene.seal();
  const [from = 0, to = 0] = (await sizes()).slice(-2);
  const stream = await pieces({ after: from, to });
  let [largest, whole] = [0, 0];
  for (let next = await stream.next(); next.done !== true; next = await stream.next()) {
    const bytes = Buffer.byteLength(next.value);
    [largest, whole] = [Math.max(largest, bytes), whole + bytes];
  }
  const one = Buffer.byteLength(disclosed);
  expect(whole).toBeGreaterThan(entries * one);
  expect(largest).toBeLessThan(4 * one);
});
