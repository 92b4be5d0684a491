import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { WorkerOptions } from '@temporalio/worker';
import type { ProposalStart } from '../../workflows/proposal.contract.ts';
import type { ProposalState } from '../../workflows/proposal-activities.contract.ts';
import { LampShop } from './lamp-shop.ts';

export type Step = (start: ProposalStart) => Promise<ProposalState>;

/**
 * A shop on a Temporal whose clock skips ahead while a workflow's end is awaited and nothing else happens, and stands still otherwise, however long the machine takes. It moves
 * Temporal's clock alone; the database's is moved along before each step.
 */
export class SkippingShop {
  readonly shop: LampShop;
  private readonly environment: TestWorkflowEnvironment;
  private movedMs = 0;

  private constructor(shop: LampShop, environment: TestWorkflowEnvironment) {
    this.shop = shop;
    this.environment = environment;
  }

  static async open(environment: TestWorkflowEnvironment): Promise<SkippingShop> {
    const shop = await LampShop.open({ temporal: environment.address, client: environment.client });
    const skipping = new SkippingShop(shop, environment);
    await skipping.catchUp();
    return skipping;
  }

  /** `change` stands around each step. */
  async startWorker(change: (step: Step) => Step = (step) => step, options: Partial<WorkerOptions> = {}): Promise<void> {
    const inTime = (step: Step) => {
      const changed = change(step);
      return async (start: ProposalStart) => {
        await this.catchUp();
        return changed(start);
      };
    };
    await this.shop.startWorker({
      around: (steps) => ({ ...steps, simulate: inTime(steps.simulate), settle: inTime(steps.settle), execute: inTime(steps.execute) }),
      options,
    });
  }

  private async catchUp(): Promise<void> {
    const aheadMs = (await this.environment.currentTimeMs()) - Date.now() - this.movedMs;
    if (aheadMs <= 1_000) return;
    this.movedMs += aheadMs;
    await this.shop.database.advanceClock(aheadMs);
  }
}
