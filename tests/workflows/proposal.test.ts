import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProposalStart } from '../../workflows/proposal.contract.ts';
import { LampShop } from './lamp-shop.ts';
import type { Step } from './skipping-shop.ts';

let shop: LampShop;
/** How long each step has taken. */
const tookMs: number[] = [];
beforeAll(async () => {
  shop = await LampShop.open();
  const timed = (step: Step) => async (start: ProposalStart) => {
    const from = performance.now();
    return step(start).finally(() => tookMs.push(performance.now() - from));
  };
  await shop.startWorker({
    around: (steps) => ({ ...steps, simulate: timed(steps.simulate), settle: timed(steps.settle), execute: timed(steps.execute) }),
  });
  await shop.installed('hall', 'porch', 'attic');
});
afterAll(() => shop?.close());

const once = { executions: 1, history: 1, executedEvents: 1, plans: 1 };

describe('the workflow of a proposal', () => {
  it('answers with the committed simulation, waits, and executes what was approved', async () => {
    const id = await shop.proposed('dim', { lamp: 'hall', level: 40 });
    expect(await shop.status(id)).toBe('awaiting_approval');
    await shop.review(id);
    await shop.nudge(id);
    expect(await shop.outcome(id)).toBe('executed');
    expect(await shop.lampLevel('hall')).toBe(40);
    expect(await shop.traces(id)).toEqual(once);
  });

  it('proposes in one workflow task and goes from the nudge to executed in one more', async () => {
    let id: string;
    do {
      tookMs.length = 0;
      id = await shop.proposed('dim', { lamp: 'hall', level: 41 });
      await shop.review(id);
      await shop.nudge(id);
      await shop.outcome(id);
    } while (tookMs.some((ms) => ms > 1_000)); // On a machine too busy for that, steps become activities: trouble.test.ts.
    const { events } = await shop.handle(id).fetchHistory();
    expect(events?.filter((event) => event.workflowTaskCompletedEventAttributes).length).toBe(2);
    expect(events?.filter((event) => event.activityTaskScheduledEventAttributes).length).toBe(0);
  });

  it('carries ids and digests only: its whole history is small and names no parameter', async () => {
    const id = await shop.proposed('install', { names: ['a-telling-name'] });
    await shop.outcome(id);
    const text = JSON.stringify(await shop.handle(id).fetchHistory(), (_, value) =>
      value instanceof Uint8Array ? Buffer.from(value).toString() : value,
    );
    expect(text).not.toContain('a-telling-name');
    expect(text.length).toBeLessThan(20_000);
  });

  it('ends with the verdict that was committed, whatever it is', async () => {
    const rejected = await shop.proposed('dim', { lamp: 'porch', level: 1 });
    await shop.review(rejected, 'reject');
    await shop.signal(rejected, 'dim');
    expect(await shop.outcome(rejected)).toBe('rejected');

    const withdrawn = await shop.proposed('dim', { lamp: 'porch', level: 2 });
    await shop.withdraw(withdrawn);
    await shop.nudge(withdrawn);
    expect(await shop.outcome(withdrawn)).toBe('withdrawn');

    const invalid = await shop.proposed('dim', { lamp: 'porch', level: -1 });
    expect(await shop.outcome(invalid)).toBe('invalid');
    expect(await shop.lampLevel('porch')).toBe(100);
  });

  it('executes at once what policy alone approves', async () => {
    const id = await shop.propose('install', { names: ['cellar'] });
    await shop.simulated(id, 'install');
    expect(await shop.outcome(id)).toBe('executed');
    expect(await shop.lampLevel('cellar')).toBe(100);
  });

  it('makes the plan anew when the ontology moved before execution, and keeps approvals of an equal plan', async () => {
    const id = await shop.proposed('dimAll', { level: 7 });
    const other = await shop.proposed('install', { names: ['garage'] }); // Now dimAll's query selects one more lamp.
    await shop.outcome(other);
    const digest = async () =>
      (await shop.query<{ plan_digest: string }>('SELECT plan_digest FROM exequatur.proposal WHERE id = $1', [id]))[0]?.plan_digest;
    const before = await digest();
    await expect(shop.review(id)).rejects.toThrow('stale_plan');
    await shop.nudge(id);
    await expect.poll(digest).not.toBe(before);
    await expect.poll(() => shop.status(id)).toBe('awaiting_approval');
    await shop.review(id);
    await shop.nudge(id);
    expect(await shop.outcome(id)).toBe('executed');
    expect(await shop.lampLevel('garage')).toBe(7);
  });

  it('does nothing on nudges that mean nothing, also for a proposal that has ended', async () => {
    const id = await shop.proposed('dim', { lamp: 'attic', level: 3 });
    for (let i = 0; i < 5; i++) await (i % 2 === 0 ? shop.nudge(id) : shop.signal(id, 'dim'));
    expect(await shop.status(id)).toBe('awaiting_approval');
    await shop.review(id);
    await shop.nudge(id);
    await shop.outcome(id);
    await shop.signal(id, 'dim'); // Starts a second run, which finds nothing to do.
    expect(await shop.outcome(id)).toBe('executed');
    expect(await shop.traces(id)).toEqual(once);
  });

  it('tells an operator what it waits for', async () => {
    const id = await shop.proposed('dim', { lamp: 'attic', level: 4 });
    const attributes = async () => {
      const { typedSearchAttributes } = await shop.handle(id).describe();
      return Object.fromEntries(typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]));
    };
    // Temporal shows it a moment after the commit, with the end of the workflow task.
    const seen = { TenantId: shop.tenant, ActionType: 'dim', ProposalStatus: 'awaiting_approval', RiskTier: 'medium' };
    await expect.poll(attributes).toMatchObject({ ...seen, ExpiresAt: expect.any(Date) });
    expect(await (await shop.handle(id).describe()).staticSummary()).toContain('dim');
    expect(await shop.currentDetails(id)).toMatch(/awaiting_approval.*still missing/s);
  });

  it('tells an operator why it ended as it did', async () => {
    const invalid = await shop.proposed('dim', { lamp: 'porch', level: -1 });
    expect(await shop.outcome(invalid)).toBe('invalid');
    const described = await shop.handle(invalid).describe();
    const attributes = Object.fromEntries(described.typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]));
    expect(attributes).toMatchObject({ ProposalStatus: 'invalid' });
    expect(await shop.currentDetails(invalid)).toMatch(/invalid.*why: criteri/s);
  });

  it('fails for good when it was started for a proposal that never was', async () => {
    const nobody = '00000000-0000-4000-8000-000000000000';
    await shop.signal(nobody, 'dim');
    await expect(shop.outcome(nobody)).rejects.toThrow();
  });
});
