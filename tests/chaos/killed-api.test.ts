import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HeardAnswer } from '../support/api-processes.ts';
import { LampService } from './lamp-service.ts';

// On the run's servers: tests/support/database.ts, tests/support/temporal.ts.
let service: LampService;
beforeEach(async () => {
  service = await LampService.open();
});
afterEach(() => service?.close());

const lamps = Array.from({ length: 20 }, (_, at) => `lamp-${at}`);

describe('an API process killed with kill -9', () => {
  it('while proposals and reviews are in flight loses none of them, and each proposal is executed once', async () => {
    const { shop } = service;
    await shop.installed(...lamps);
    const proposed = await killedInBetween(lamps.map((lamp, at) => () => service.propose(lamp, at)));
    for (const { status } of proposed) expect([201, 202]).toContain(status);
    const ids = proposed.map(({ body }) => body.id as string);
    expect(new Set(ids).size).toBe(lamps.length);
    expect(await shop.query(`SELECT count(*)::int FROM exequatur.proposal WHERE action_type = 'dim'`)).toEqual([{ count: lamps.length }]);
    await service.untilStatus(ids, 'awaiting_approval');

    // Three of the reviews stand in the middle of their transaction when the process dies, whatever else is under way.
    const letGo = await service.hold('SELECT FROM exequatur.proposal WHERE id = ANY ($1) FOR UPDATE', [ids.slice(0, 3)]);
    const reviewed = await killedInBetween(
      ids.map((id) => () => service.approve(id)),
      letGo,
    );
    for (const { status, body, unheard } of reviewed) {
      if (unheard === 0) expect({ status, body }).toMatchObject({ status: 201, body: { proposal: { status: 'approved' } } });
      else if (status !== 201) expect({ status, body }).toMatchObject({ status: 409, body: { code: 'not_awaiting_approval' } }); // The first was stored.
    }
    expect(reviewed.slice(0, 3)).toMatchObject(Array(3).fill({ status: 201, unheard: expect.toSatisfy((times) => times > 0) }));

    await service.expectExecutedOnce(ids);
    for (const [at, lamp] of lamps.entries()) expect(await shop.lampLevel(lamp)).toBe(at);
    expect(service.api.failures()).toBe(2);
  });
});

/** Makes all the calls at once, and kills the process as soon as a few have been answered. */
async function killedInBetween(calls: (() => Promise<HeardAnswer>)[], letGo = async () => {}): Promise<HeardAnswer[]> {
  let answered = 0;
  return Promise.all(
    calls.map(async (call) => {
      const answer = await call();
      answered += 1;
      if (answered === 5) {
        service.api.kill();
        await letGo();
      }
      return answer;
    }),
  );
}
