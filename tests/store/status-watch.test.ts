import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openPool } from '../../store/connect.ts';
import { FirstLook } from '../../store/first-look.ts';
import { StatusWatch } from '../../store/status-watch.ts';
import { withdrawProposal } from '../../store/withdraw-proposal.ts';
import { agent, expectDone, type Fixture, openFixture } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture?.close());

const limitMs = 60_000;

async function proposed(): Promise<string> {
  return expectDone(await fixture.propose('addFloor', { name: randomUUID(), rooms: [] })).proposalId;
}

const withdrawn = (proposalId: string) => fixture.inApi((tx) => withdrawProposal(tx, { proposalId, by: agent }, fixture.deps));

describe('a watch over statuses', () => {
  it('tells everyone who waits, each of the own proposal, with few looks', async () => {
    const proposals = await Promise.all(Array.from({ length: 20 }, proposed));
    const pool = openPool(fixture.database.urls.api, { max: 2 });
    const looks = vi.spyOn(pool, 'connect');
    const watch = new StatusWatch(pool);
    const seen = Promise.all(proposals.map((proposalId) => watch.until(fixture.tenant, { proposalId, awaited: 'end', limitMs })));
    for (const proposalId of proposals) await withdrawn(proposalId);
    expect(await seen).toEqual(proposals.map(() => ({ status: 'withdrawn', revision: 1, planDigest: null })));
    expect(looks.mock.calls.length).toBeLessThan(20 * 5);
    await pool.end();
  });

  it('tells at once of what has happened already', async () => {
    const proposalId = await proposed();
    await withdrawn(proposalId);
    const watch = new StatusWatch(fixture.api);
    expect(await watch.until(fixture.tenant, { proposalId, awaited: 'end', limitMs })).toMatchObject({ status: 'withdrawn' });
  });

  it('ends without news when the time is over, when it is given up, and for a proposal that is not there', async () => {
    const proposalId = await proposed();
    const watch = new StatusWatch(fixture.api);
    const until = (more: object) => watch.until(fixture.tenant, { proposalId, awaited: 'end', limitMs, ...more });
    expect(await until({ limitMs: 20 })).toBeNull();
    expect(await until({ signal: AbortSignal.abort() })).toBeNull();
    const giveUp = new AbortController();
    const waiting = until({ signal: giveUp.signal });
    giveUp.abort();
    expect(await waiting).toBeNull();
    expect(await until({ proposalId: randomUUID() })).toBeNull();
  });

  it('takes one look for all, also after somebody gave up while it looked', async () => {
    const proposals = await Promise.all(Array.from({ length: 2 }, proposed));
    const done = await proposed();
    await withdrawn(done);
    const pool = openPool(fixture.database.urls.api, { max: 2 });
    const watch = new StatusWatch(pool);
    const until = (proposalId: string, more = {}) => watch.until(fixture.tenant, { proposalId, awaited: 'end', limitMs, ...more });
    let arrive = (_: unknown) => {};
    const connect = pool.connect.bind(pool);
    const looks = vi.spyOn(pool, 'connect').mockImplementationOnce((async () => {
      await new Promise((resolve) => {
        arrive = resolve;
      });
      return connect();
    }) as never);
    const giveUp = new AbortController();
    const early = until(done, { signal: giveUp.signal });
    await expect.poll(() => looks.mock.calls.length).toBe(1);
    giveUp.abort();
    expect(await early).toBeNull();
    const [first, look] = [until(proposals[0] ?? ''), looks.mock.results[0]?.value];
    arrive(undefined);
    await look;
    await expect.poll(() => looks.mock.calls.length).toBeGreaterThan(1);
    const second = until(proposals[1] ?? '');
    expect(watch.watched).toBe(1);
    for (const proposalId of proposals) await withdrawn(proposalId);
    expect(await Promise.all([first, second])).toMatchObject([{ status: 'withdrawn' }, { status: 'withdrawn' }]);
    expect(watch.watched).toBe(0);
    await pool.end();
  });

  it('lets the next wait go by how long this one took, unless nothing came of it', async () => {
    const [proposalId, other] = [await proposed(), await proposed()];
    const noted = vi.spyOn(FirstLook.prototype, 'note');
    const watch = new StatusWatch(fixture.api);
    const until = (id: string, more = {}) => watch.until(fixture.tenant, { proposalId: id, awaited: 'end', limitMs, ...more });
    await until(other, { limitMs: 40 });
    await until(randomUUID());
    expect(noted).not.toHaveBeenCalled();
    const from = performance.now();
    const waiting = until(proposalId);
    await withdrawn(proposalId);
    await waiting;
    expect(noted).toHaveBeenCalledTimes(1);
    const [tookMs = Number.NaN] = noted.mock.calls[0] ?? [];
    expect(tookMs).toBeGreaterThan(0);
    expect(tookMs).toBeLessThanOrEqual(performance.now() - from);
    noted.mockRestore();
  });

  it('sees nothing of another tenant', async () => {
    const proposalId = await proposed();
    await withdrawn(proposalId);
    const watch = new StatusWatch(fixture.api);
    expect(await watch.until(randomUUID(), { proposalId, awaited: 'end', limitMs })).toBeNull();
  });

  it('fails for whoever waits when the database cannot be asked, and goes on for the next', async () => {
    const proposalId = await proposed();
    const pool = openPool(fixture.database.urls.api, { max: 1 });
    const watch = new StatusWatch(pool);
    vi.spyOn(pool, 'connect').mockRejectedValueOnce(new Error('away') as never);
    await expect(watch.until(fixture.tenant, { proposalId, awaited: 'end', limitMs })).rejects.toMatchObject({
      cause: { message: 'away' },
    });
    await withdrawn(proposalId);
    expect(await watch.until(fixture.tenant, { proposalId, awaited: 'end', limitMs })).toMatchObject({ status: 'withdrawn' });
    await pool.end();
  });
});
