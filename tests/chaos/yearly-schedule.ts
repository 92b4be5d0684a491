import { expect } from 'vitest';
import type { Caller } from '../../ontology/authority.ts';
import type { JsonValue } from '../../ontology/json.ts';
import { createSchedule, triggerSchedule } from '../../store/schedules.ts';
import type { LampShop } from '../workflows/lamp-shop.ts';

const clerk: Caller = { id: 'clerk', kind: 'user', roles: ['clerk'], tokenIssuedAt: '2026-01-01T00:00:00.000Z' };

/** A schedule that never runs while a test does, but where it asks for that. */
export class YearlySchedule {
  readonly id: string;
  private readonly shop: LampShop;

  private constructor(shop: LampShop, id: string) {
    this.shop = shop;
    this.id = id;
  }

  static async open(shop: LampShop, actionType: string, parameters: JsonValue): Promise<YearlySchedule> {
    const wish = { actionType, parameters, justification: 'every year', timing: { cron: '0 6 1 1 *' }, skipWhileOpen: false, owner: clerk };
    const { id } = await shop.write((tx) => createSchedule(tx, wish, shop.deps));
    return new YearlySchedule(shop, id);
  }

  /** Asks for a run, which the relay begins. @returns its time */
  async trigger(): Promise<string> {
    const { triggered } = await this.shop.write((tx) => triggerSchedule(tx, { id: this.id, reason: 'now', by: clerk }, this.shop.deps));
    return triggered?.at ?? '';
  }

  /** What is on record of the run of this time, of which there is one at most. */
  async run(at: string): Promise<{ proposalId: string | null; refused: string | null } | undefined> {
    const [run] = await this.shop.query<{ proposalId: string | null; refused: string | null }>(
      `SELECT proposal_id::text AS "proposalId", refused FROM exequatur.schedule_run WHERE schedule_id = $1::uuid AND nominal_at = $2::timestamptz`,
      [this.id, at],
    );
    return run;
  }

  /** @returns the proposal that the run of this time made */
  async proposalOf(at: string): Promise<string> {
    await expect.poll(() => this.run(at).catch(() => undefined), { timeout: 60_000, interval: 50 }).toMatchObject({ refused: null });
    return (await this.run(at))?.proposalId ?? '';
  }
}
