import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ProposalStart } from '../../workflows/proposal.contract.ts';
import type { ProposalActivities, ProposalState } from '../../workflows/proposal-activities.contract.ts';
import { LampShop } from './lamp-shop.ts';

type Step = (start: ProposalStart) => Promise<ProposalState>;

let shop: LampShop;
beforeEach(async () => {
  shop = await LampShop.open();
});
afterEach(() => shop?.close());

const once = { executions: 1, history: 1, executedEvents: 1, plans: 1 };

function everyStep(change: (step: Step) => Step): (activities: ProposalActivities) => ProposalActivities {
  return ({ simulate, settle, execute, perform, abandonSimulation }) => ({
    perform,
    simulate: change(simulate),
    settle: change(settle),
    execute: change(execute),
    abandonSimulation: change(abandonSimulation),
  });
}

/** One proposal by policy alone and one by a keeper's approval. */
async function liveThroughAll(): Promise<void> {
  const installed = await shop.propose('install', { names: ['hall'] });
  await shop.simulated(installed, 'install');
  expect(await shop.outcome(installed)).toBe('executed');
  expect(await shop.traces(installed)).toEqual(once);
  const dimmed = await shop.proposed('dim', { lamp: 'hall', level: 12 });
  await shop.review(dimmed);
  await shop.nudge(dimmed);
  expect(await shop.outcome(dimmed)).toBe('executed');
  expect(await shop.traces(dimmed)).toEqual(once);
  expect(await shop.lampLevel('hall')).toBe(12);
}

describe('every step of a proposal has one effect', () => {
  it('when it is done twice', async () => {
    await shop.startWorker({
      around: everyStep((step) => async (start) => {
        await step(start);
        return step(start);
      }),
    });
    await liveThroughAll();
  });

  it('when two copies run at the same instant', async () => {
    await shop.startWorker({
      around: everyStep((step) => async (start) => (await Promise.all([step(start), step(start), step(start)]))[2]),
    });
    await liveThroughAll();
  });

  it('when it dies after it committed', async () => {
    const died = new Set<string>();
    await shop.startWorker({ around: everyStep((step) => dieOnce(died, step, async (start) => void (await step(start)))) });
    await liveThroughAll();
    expect(died.size).toBeGreaterThan(0);
  });

  it('when it dies before it did anything', async () => {
    const died = new Set<string>();
    await shop.startWorker({ around: everyStep((step) => dieOnce(died, step, async () => {})) });
    await liveThroughAll();
    expect(died.size).toBeGreaterThan(0);
  });

  it('when no workflow is ever cached, so that each task replays the whole history', async () => {
    await shop.startWorker({ options: { maxCachedWorkflows: 0 } });
    await liveThroughAll();
  });
});

/** The first attempt at each step of each proposal ends in an error, after `first`. */
function dieOnce(died: Set<string>, step: Step, first: (start: ProposalStart) => Promise<void>): Step {
  const identity = `${died.size}/${Math.random()}`;
  return async (start) => {
    const key = `${identity}/${start.proposalId}`;
    if (died.has(key)) return step(start);
    died.add(key);
    await first(start);
    throw new Error('killed, as it were');
  };
}
