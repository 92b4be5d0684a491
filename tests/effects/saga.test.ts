import { afterEach, describe, expect, it } from 'vitest';
import type { CheckDefinition, EffectDefinition } from '../../ontology/effect-definition.ts';
import type { Settled } from '../../store/settle.ts';
import { verifyLog } from '../evidence/verify-log.ts';
import { shareDatabase } from '../store/fixture.ts';
import { type Depot, openDepot } from './parcel-depot.ts';
import { bookCarrier, tellDepot } from './parcel-domain.ts';

shareDatabase();
let depot: Depot;
const isWhole = /^whole .*"unjudged":0/;
afterEach(async () => {
  // What all this left in the log is judged again by whoever has nothing else.
  if (depot !== undefined) expect(await verifyLog(depot.fixture.database, depot.fixture.tenant)).toMatch(isWhole);
  await depot?.close();
});

async function opened(effects: EffectDefinition[] = [bookCarrier, tellDepot], checks?: CheckDefinition[]): Promise<Depot> {
  depot = await openDepot(effects, checks);
  return depot;
}

const before = { code: 'P1', status: 'here', weight: 7 };
const after = { code: 'P1', status: 'away', weight: 7, depot: 'north' };
const paths = () => depot.carrier.done.map(({ method, path }) => `${method} ${path}`);

describe('an execution with effects', () => {
  it('does write-backs, edits and side effects in this order, each once, and is executed only then', async () => {
    await opened();
    const proposal = await depot.handOver();
    const seen: string[] = [];
    const ended = await depot.drive(proposal, async ({ status, next }) => {
      seen.push(`${status} ${next?.name ?? '-'} ${(await depot.parcel()).status}`);
    });
    expect(ended.status).toBe('executed');
    expect(seen).toEqual(['executing book here', 'executing - here', 'executing tell away', 'executing - away', 'executed - away']);
    expect(await depot.parcel()).toEqual(after);
    expect(depot.carrier.done.map(({ path, body }) => [path, body])).toEqual([
      ['/bookings', { parcel: 'P1', to: 'north', weight: 7 }],
      ['/depots/north/arrivals', { parcel: 'P1', booking: 'B1' }],
    ]);
    expect(new Set(depot.carrier.received.map(({ key }) => key)).size).toBe(2);
  });

  it('may have effects and no edits', async () => {
    await opened();
    expect((await depot.drive(await depot.handOver())).status).toBe('executed');
    const again = await depot.handOver();
    expect((await depot.fixture.read(again)).planSummary).toMatchObject({ edits: { modify: 0 }, effects: 2 });
    expect((await depot.drive(again)).status).toBe('executed');
    expect(await depot.parcel()).toEqual(after);
  });

  it('stays where it is while a person is asked, however often it is looked at', async () => {
    await opened([{ ...bookCarrier, lostAnswer: 'none' }]);
    depot.carrier.behaviour = () => ({ reset: 'after' });
    const proposal = await depot.handOver();
    expect((await depot.drive(proposal)).status).toBe('needs_attention');
    expect(await depot.step(proposal, { next: undefined } as never)).toMatchObject({ status: 'needs_attention' });
  });

  it('changes nothing where a write-back is refused', async () => {
    await opened();
    depot.carrier.behaviour = () => ({ status: 422 });
    const ended = await depot.drive(await depot.handOver());
    expect(ended).toMatchObject({
      status: 'failed',
      failure: { code: 'execution_failed', faults: [{ code: 'effect_refused', message: 'book: answered 422' }] },
    });
    expect(await depot.parcel()).toEqual(before);
    expect(paths()).toEqual([]);
  });

  it('is undone in reverse, edits included, where a required side effect is refused', async () => {
    await opened();
    depot.carrier.behaviour = ({ path }) => (path.endsWith('arrivals') ? { status: 409 } : undefined);
    const seen: string[] = [];
    const ended = await depot.drive(await depot.handOver(), async ({ status, next }) => {
      seen.push(`${status} ${next?.kind ?? '-'} ${next?.name ?? '-'} ${(await depot.parcel()).status}`);
    });
    expect(ended).toMatchObject({ status: 'failed', failure: { faults: [{ message: 'tell: answered 409' }] } });
    expect(seen.slice(-4)).toEqual(['compensating - - away', 'compensating undo book here', 'compensating - - here', 'failed - - here']);
    expect(await depot.parcel()).toEqual(before);
    expect(paths()).toEqual(['POST /bookings', 'DELETE /bookings/B1']);
  });

  it('goes on past an optional side effect that fails, and tells', async () => {
    const { compensation: _none, ...lasting } = tellDepot;
    await opened([bookCarrier, { ...lasting, optional: true }]);
    depot.carrier.behaviour = ({ path }) => (path.endsWith('arrivals') ? { status: 400 } : undefined);
    expect(await depot.drive(await depot.handOver())).toMatchObject({ status: 'executed' });
    expect(await depot.parcel()).toEqual(after);
  });

  it('tries again where the receiver says later, does not answer, or dies after it has done it, with one key', async () => {
    await opened();
    depot.carrier.behaviour = ({ path }, n) => {
      if (path === '/bookings') return [{ status: 503 }, { reset: 'after' as const }, { status: 500 }][n];
      return undefined;
    };
    expect(await depot.drive(await depot.handOver())).toMatchObject({ status: 'executed' });
    expect(paths()).toEqual(['POST /bookings', 'POST /depots/north/arrivals']);
    expect(new Set(depot.carrier.requests('POST', '/bookings').map(({ key }) => key)).size).toBe(1);
  });

  it('takes back what it may have done where nobody answers in the end', async () => {
    await opened([
      { ...bookCarrier, attempts: 2, compensation: { webhook: { endpoint: 'carrier', path: ["'cancel'"] }, lostAnswer: 'key' } },
    ]);
    depot.carrier.behaviour = ({ path }) => (path === '/bookings' ? { reset: 'after' } : undefined);
    expect(await depot.drive(await depot.handOver())).toMatchObject({
      status: 'failed',
      failure: { faults: [{ code: 'effect_unknown' }] },
    });
    expect(paths()).toEqual(['POST /bookings', 'POST /cancel']);
    expect(await depot.parcel()).toEqual(before);
  });

  it('asks a person, and never sends again, where an answer is lost that nobody can ask about', async () => {
    await opened([{ ...bookCarrier, lostAnswer: 'none' }]);
    depot.carrier.behaviour = () => ({ reset: 'after' });
    const ended = await depot.drive(await depot.handOver());
    expect(ended.status).toBe('needs_attention');
    expect(depot.carrier.received).toHaveLength(1);
    expect(await depot.parcel()).toEqual(before);
  });

  it.each<[string, boolean, string[]]>([
    ['does not send again what a probe finds done', true, ['POST /bookings']],
    ['sends again what a probe finds not done', false, ['POST /bookings']],
  ])('%s', async (_title, isDone, expected) => {
    const probe = { webhook: { endpoint: 'carrier', path: ["'bookings'", 'parcel.id'] }, done: 'answer.status == 200' };
    await opened([{ ...bookCarrier, lostAnswer: 'probe', probe, slots: {}, compensation: { ...tellDepot.compensation } as never }]);
    depot.carrier.behaviour = ({ method, path }, n) => {
      if (method === 'GET') return { status: depot.carrier.done.length > 0 ? 200 : 404, body: {} };
      return path === '/bookings' && n === 0 ? { reset: isDone ? 'after' : 'before' } : undefined;
    };
    expect(await depot.drive(await depot.handOver())).toMatchObject({ status: 'executed' });
    expect(paths()).toEqual(expected);
    expect(depot.carrier.requests('POST', '/bookings')).toHaveLength(isDone ? 1 : 2);
    expect(depot.carrier.requests('GET', '/bookings/P1')).toHaveLength(1);
  });

  it('is simulated again, its write-backs undone, where the plan went stale after them', async () => {
    await opened();
    const proposal = await depot.handOver();
    let changed = false;
    const ended = await depot.drive(proposal, async ({ status, next }) => {
      if (status === 'executing' && next === undefined && !changed) {
        changed = true;
        await depot.fixture.done('relabel', { parcel: 'P1', depot: 'south' });
      }
    });
    expect(ended.status).toBe('simulating');
    expect(paths()).toEqual(['POST /bookings', 'DELETE /bookings/B1']);
    const again = await depot.fixture.planned('handOver', { parcel: 'P1', depot: 'east' });
    expect((await depot.drive(again.proposalId)).status).toBe('executed');
  });

  it('is undone where a check does not hold after its time', async () => {
    const probe = { webhook: { endpoint: 'carrier', path: ["'bookings'", { slot: 'booking' }] }, done: "answer.body.state == 'kept'" };
    await opened([bookCarrier], [{ name: 'kept', after: 'PT10M', probe }]);
    depot.carrier.behaviour = ({ method }) => (method === 'GET' ? { body: { state: 'lost' } } : undefined);
    const waits: (number | null)[] = [];
    const ended = await depot.drive(await depot.handOver(), ({ next, waitMs }) => {
      if (next?.name === 'kept') waits.push(waitMs);
    });
    expect(ended).toMatchObject({ status: 'failed', failure: { faults: [{ code: 'check_failed' }] } });
    expect(Math.max(...waits.map((ms) => ms ?? 0))).toBeGreaterThan(590_000);
    expect(await depot.parcel()).toEqual(before);
    expect(paths()).toEqual(['POST /bookings', 'DELETE /bookings/B1']);
  });
});

describe('what others changed since', () => {
  const failing: EffectDefinition[] = [bookCarrier, { ...tellDepot, attempts: 1 }];

  async function stuck(): Promise<{ proposal: string; ended: Settled }> {
    await opened(failing);
    depot.carrier.behaviour = ({ path }) => (path.endsWith('arrivals') ? { status: 409 } : undefined);
    const proposal = await depot.handOver();
    const ended = await depot.drive(proposal, async ({ next }) => {
      if (next?.name === 'tell') await depot.fixture.done('relabel', { parcel: 'P1', depot: 'south' });
    });
    return { proposal, ended };
  }

  it('is never overwritten by an undo: a person decides', async () => {
    const { ended } = await stuck();
    expect(ended.status).toBe('needs_attention');
    expect(await depot.parcel()).toEqual({ ...after, depot: 'south' });
    expect(paths()).toEqual(['POST /bookings']);
  });

  it('is left as it is, and the rest undone, where an operator says so', async () => {
    const { proposal } = await stuck();
    await depot.fixture.inApi((tx) => {
      const facts = { from: 'needs_attention', status: 'compensating' };
      tx.audit({ type: 'proposal.compensating', proposalId: proposal, facts });
      return tx.rows(
        "SELECT exequatur.resolve_attention(s.proposal_id, NULL, 'skip', 'ann', 'the label is right', s.asking || '.edits') FROM exequatur.saga s WHERE s.proposal_id = $1",
        [proposal],
      );
    });
    expect(await depot.drive(proposal)).toMatchObject({ status: 'failed' });
    expect(await depot.parcel()).toEqual({ ...before, depot: 'south' });
    expect(paths()).toEqual(['POST /bookings', 'DELETE /bookings/B1']);
  });
});
