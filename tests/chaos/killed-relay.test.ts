import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LampService } from './lamp-service.ts';

// On the run's servers: tests/support/database.ts, tests/support/temporal.ts. The API cannot reach Temporal, so that everything depends on the relay.
let service: LampService;
beforeEach(async () => {
  service = await LampService.open({ apiReachesTemporal: false });
});
afterEach(() => service?.close());

const lamps = Array.from({ length: 20 }, (_, at) => `lamp-${at}`);

describe('a relay process killed with kill -9', () => {
  it('after it has told Temporal and before it could note so loses no proposal, and each is executed once', async () => {
    const { shop } = service;
    await shop.installed(...lamps);
    const proposed = await Promise.all(lamps.map((lamp, at) => service.propose(lamp, at)));
    for (const { status } of proposed) expect([201, 202]).toContain(status); // 201 where the relay was quicker than the answer.
    const ids = proposed.map(({ body }) => body.id as string);
    await killWhileItNotes(ids);
    await service.untilStatus(ids, 'awaiting_approval');

    const reviewed = await Promise.all(ids.map((id) => service.approve(id)));
    expect(reviewed.map(({ status }) => status)).toEqual(Array(lamps.length).fill(201));
    await killWhileItNotes(ids);
    await service.expectExecutedOnce(ids);
    for (const [at, lamp] of lamps.entries()) expect(await shop.lampLevel(lamp)).toBe(at);
    const undelivered = () => shop.query('SELECT FROM exequatur.nudge WHERE proposal_id = ANY ($1) AND delivered_at IS NULL', [ids]);
    await expect.poll(undelivered).toEqual([]);
    expect(service.relay.failures()).toBe(2);
  });
});

/** Of the nudges that wait, some get noted as delivered, and the relay dies while it notes the others. */
async function killWhileItNotes(proposalIds: readonly string[]): Promise<void> {
  const letGo = await service.hold('SELECT FROM exequatur.nudge WHERE proposal_id = ANY ($1) AND delivered_at IS NULL FOR UPDATE', [
    proposalIds.slice(-3),
  ]);
  await expect.poll(() => service.isHeld('exequatur-relay'), { interval: 20 }).toBe(true);
  service.relay.kill();
  await letGo();
}
