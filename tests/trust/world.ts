import type { JsonValue } from '../../ontology/json.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import type { Settled } from '../../store/settle.ts';
import { type Fixture, keeper1, openFixture, simulated } from '../store/fixture.ts';
import type { RandomAction } from './random-world.ts';
import { differencesFromSerial } from './sequential-model.ts';

const mostAttempts = 40; // Each of so many at once may be made stale by the others, one after another.

/** A tenant whose actions are carried out many at once, by the functions and logins that do it in production. */
export class World {
  readonly fixture: Fixture;
  /** How proposals ended, counted. */
  readonly ends: Record<string, number> = {};
  /** How often a plan was found stale. */
  stale = 0;
  private readonly document: JsonValue;

  private constructor(fixture: Fixture, document: JsonValue) {
    this.fixture = fixture;
    this.document = document;
  }

  static async open(document: JsonValue): Promise<World> {
    return new World(await openFixture(document), document);
  }

  /** All are planned and approved over one state; then all are executed at once, and what is stale is planned anew meanwhile. What cannot be proposed is left out. */
  async allAtOnce(actions: readonly RandomAction[]): Promise<void> {
    const plans = await Promise.all(actions.map((action) => this.plan(action)));
    await Promise.all(plans.map((plan) => (plan === null ? undefined : this.carryOut(plan))));
  }

  /** How this world differs from one in which the same was done one after another: not at all, it is hoped. */
  differences(): Promise<string[]> {
    return this.fixture.inWorker((sql) => differencesFromSerial(sql, this.fixture.tenant, this.document));
  }

  close(): Promise<void> {
    return this.fixture.close();
  }

  private async plan({ actionType, parameters }: RandomAction): Promise<Settled | null> {
    const proposed = await this.fixture.propose(actionType, parameters);
    return 'refused' in proposed ? null : this.approve(await simulated(this.fixture, proposed.proposalId));
  }

  private async carryOut(plan: Settled): Promise<void> {
    let at = plan;
    for (let attempt = 0; at.status === 'approved' || at.status === 'simulating' || at.status === 'awaiting_approval'; attempt++) {
      if (attempt === mostAttempts) throw new Error(`${at.actionType} is ${at.status} after ${attempt} attempts`);
      at = at.status === 'approved' ? await this.execute(at) : await this.approve(await simulated(this.fixture, at.proposalId));
    }
    this.ends[at.status] = (this.ends[at.status] ?? 0) + 1;
  }

  private async execute({ proposalId }: Settled): Promise<Settled> {
    const settled = await executeProposal(this.fixture.worker, this.fixture.tenant, proposalId, this.fixture.deps);
    if (settled === null) throw new Error('no such proposal');
    if (settled.status === 'simulating') this.stale++;
    return settled;
  }

  private async approve(plan: Settled): Promise<Settled> {
    if (plan.status !== 'awaiting_approval') return plan;
    const answer = await this.fixture.review(plan, keeper1);
    if (!('refused' in answer)) return answer.settled;
    if (answer.settled === undefined) throw new Error(JSON.stringify(answer));
    this.stale++;
    return answer.settled;
  }
}
