import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LampShop } from './lamp-shop.ts';

let shop: LampShop;
beforeAll(async () => {
  shop = await LampShop.open();
  await shop.startWorker();
  await shop.installed('hall', 'porch');
});
afterAll(() => shop?.close());

// A defect is played by taking away what the database must have: it answers, but not as it should.
describe('a defect', () => {
  it('in the execution asks for attention, and a nudge goes on once it is mended', async () => {
    const id = await shop.proposed('dim', { lamp: 'hall', level: 3 });
    await shop.review(id);
    await shop.query('ALTER FUNCTION exequatur.apply_plan RENAME TO apply_plan_mislaid');
    await shop.nudge(id);
    await expect.poll(() => needsAttention(id), { interval: 250 }).toBe(true);
    expect(await shop.currentDetails(id)).toContain('keeps failing');
    expect(await shop.status(id)).toBe('approved');

    await shop.query('ALTER FUNCTION exequatur.apply_plan_mislaid RENAME TO apply_plan');
    await shop.nudge(id);
    expect(await shop.outcome(id)).toBe('executed');
    expect(await shop.lampLevel('hall')).toBe(3);
    expect(await needsAttention(id)).toBe(false);
  });

  it('in the simulation fails the proposal after a few attempts, not the workflow', async () => {
    await shop.query('ALTER TABLE exequatur.plan_chunk RENAME TO plan_chunk_mislaid');
    try {
      const id = await shop.started('dim', { lamp: 'porch', level: 4 });
      expect(await shop.outcome(id)).toBe('failed');
      const [row] = await shop.query<{ failure: { code: string } }>('SELECT failure FROM exequatur.proposal WHERE id = $1', [id]);
      expect(row?.failure.code).toBe('internal');
    } finally {
      await shop.query('ALTER TABLE exequatur.plan_chunk_mislaid RENAME TO plan_chunk');
    }
  });
});

describe('a step that takes longer than a workflow task should', () => {
  it('goes on as a regular activity, while its first copy may still be at it, and has one effect', async () => {
    const id = await shop.proposed('dim', { lamp: 'porch', level: 5 });
    await shop.review(id);
    const letGo = await shop.hold(id);
    await shop.signal(id, 'dim');
    await expect.poll(() => shop.pendingActivity(id)).toMatchObject({ name: 'execute' });
    await letGo();
    expect(await shop.outcome(id)).toBe('executed');
    expect(await shop.traces(id)).toEqual({ executions: 1, history: 1, executedEvents: 1, plans: 1 });
  });
});

async function needsAttention(id: string): Promise<unknown> {
  const { typedSearchAttributes } = await shop.handle(id).describe();
  return typedSearchAttributes.getAll().find(({ key }) => key.name === 'NeedsAttention')?.value;
}
