import { afterEach, describe, expect, it } from 'vitest';
import { bookCarrier, tellDepot } from '../../effects/parcel-domain.ts';
import { losingEach } from '../losing-each.ts';
import { lastRefused, ParcelService } from '../parcel-service.ts';

// On the run's servers: tests/support/database.ts, tests/support/temporal.ts.
let service: ParcelService;
const limitMs = 600_000; // A worker that was killed is missed after seconds, at each commit.
afterEach(() => service?.close());

interface Expected {
  status: string;
  parcel: object;
  done: string[];
  executions: number;
  /** Whether the worker is killed at that instant, instead of hearing that its connection broke. */
  kills: boolean;
}

/** Hands parcels over, one after another, each with another commit lost. */
async function handingOver({ kills, ...expected }: Expected): Promise<void> {
  const { shop, carrier, proxy, worker } = service;
  const commitsLost = await losingEach({
    proxy,
    worker,
    kills,
    async ready(nth) {
      expect(await shop.outcome(await shop.proposed('receive', { code: `P${nth}`, weight: 7 }))).toBe('executed');
    },
    async act(nth) {
      const code = `P${nth}`;
      const label = `the answer to commit ${nth} was lost`;
      const before = carrier.done.length;
      const proposal = await service.handOver(code);
      expect(await service.ended(proposal), label).toBe(expected.status);
      expect(
        carrier.done.slice(before).map(({ method, path }) => `${method} ${path.replace(/B\d+$/, 'B')}`),
        label,
      ).toEqual(expected.done);
      expect(await service.parcel(code), label).toEqual({ code, weight: 7, ...expected.parcel });
      const { executions, history, executedEvents } = await shop.traces(proposal);
      expect({ executions, history, executedEvents }, label).toEqual({
        executions: expected.executions,
        history: expected.status === 'executed' ? 1 : 2, // Done, and undone.
        executedEvents: expected.status === 'executed' ? 1 : 0,
      });
    },
  });
  expect(commitsLost).toBeGreaterThan(4);
  console.log(JSON.stringify({ commitsLost, workersKilled: kills ? commitsLost : 0, ended: expected.status }));
}

describe.each([
  ['is lost', false],
  ['is lost with the worker, killed with kill -9 after it was stored and before anybody heard of it', true],
])('the answer to a COMMIT, at each commit of the worker in turn, that %s', { timeout: limitMs }, (_words, kills) => {
  it('repeats nothing of an execution', async () => {
    service = await ParcelService.open({ parcels: 0 });
    const done = ['POST /bookings', 'POST /depots/north/arrivals'];
    await handingOver({ status: 'executed', parcel: { depot: 'north', status: 'away' }, done, executions: 1, kills });
  });

  it('repeats nothing of an execution that is undone', async () => {
    service = await ParcelService.open({ parcels: 0, effects: [bookCarrier, tellDepot, lastRefused] });
    service.carrier.behaviour = ({ path }) => (path === '/close' ? { status: 409 } : undefined);
    const done = ['POST /bookings', 'POST /depots/north/arrivals', 'POST /depots/north/cancellations', 'DELETE /bookings/B'];
    await handingOver({ status: 'failed', parcel: { status: 'here' }, done, executions: 1, kills });
  });
});
