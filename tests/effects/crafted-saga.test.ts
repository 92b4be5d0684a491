// What a login could call out of turn while an execution with effects is under way. Each attack stands beside the same call done rightly, by the store, right after.
import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { auditEntry } from '../../audit/entry.ts';
import { executionIdOf } from '../../store/execute-proposal.ts';
import { refusalOf } from '../database/door-scene.ts';
import { type Depot, openDepot } from './parcel-depot.ts';
import { bookCarrier, tellDepot } from './parcel-domain.ts';

let depot: Depot;
afterEach(() => depot?.close());

const byWorker = (sql: string, ...values: unknown[]) => refusalOf(depot.fixture.inWorker((tx) => tx.rows(sql, values)));
const byApi = (sql: string, ...values: unknown[]) => refusalOf(depot.fixture.inApi((tx) => tx.rows(sql, values)));

/** As the API decides about what is asked, whatever that is. */
const resolution = `SELECT exequatur.resolve_attention($1, $2, $3, $4, $5, (
  SELECT s.asking || coalesce((SELECT '.' || t.ordinal || '.' || t.state FROM exequatur.saga_step t WHERE t.proposal_id = s.proposal_id AND t.run = s.run AND t.ordinal = $2), '.edits')
    FROM exequatur.saga s WHERE s.proposal_id = $1 AND s.ended_at IS NULL))`;
const resolved = (...said: [id: string, ordinal: number | null, choice: string | null, who: string | null, why: string | null]) =>
  byApi(resolution, ...said);

/** As the worker tells of its own, unless something of it is said otherwise. */
async function entries(proposalId: string, type: string, { of = proposalId, execution = executionIdOf(proposalId), digest = '' } = {}) {
  const { planDigest } = await depot.fixture.read(proposalId);
  return JSON.stringify([
    auditEntry({
      type,
      proposalId: of,
      facts: { ...(type === 'proposal.executed' ? { status: 'executed' } : {}), executionId: execution, planDigest: digest || planDigest },
    }),
  ]);
}

const calls: Record<string, (id: string) => Promise<string>> = {
  begin: (id) => byWorker('SELECT exequatur.begin_saga($1)', id),
  finish: async (id) => byWorker('SELECT exequatur.finish_saga($1, $2::jsonb)', id, await entries(id, 'proposal.executed')),
  turnBack: (id) => byWorker("SELECT exequatur.turn_back($1, 'simulating', NULL)", id),
  undo: async (id) => byWorker('SELECT exequatur.undo_execution($1, $2::jsonb)', id, await entries(id, 'execution.undone')),
  stick: (id) => byWorker(`SELECT exequatur.stick_edits($1, '{"code": "x"}')`, id),
  end: (id) => byWorker('SELECT exequatur.end_saga($1)', id),
  needAttention: (id) => byWorker('SELECT exequatur.need_attention($1)', id),
  leave: (id) => byWorker("SELECT exequatur.leave_executing($1, 'failed', NULL)", id),
  cancel: (id) => byApi("SELECT exequatur.cancel_execution($1, 'ann', 'because')", id),
  resolve: (id) => resolved(id, null, 'skip', 'ann', 'because'),
};

/** What each of these calls is refused with. */
async function refusalsOf(proposalId: string, names: readonly string[]): Promise<Record<string, string>> {
  const refusals: Record<string, string> = {};
  for (const name of names) refusals[name] = (await calls[name]?.(proposalId)) ?? 'no such call';
  return refusals;
}

const all = (names: readonly string[], code: string) => Object.fromEntries(names.map((name) => [name, code]));

async function opened(): Promise<string> {
  depot = await openDepot([bookCarrier, tellDepot]);
  return depot.handOver();
}

describe('out of turn', () => {
  it('nothing is begun, undone, ended or decided before the execution', async () => {
    const id = await opened();
    expect(await refusalsOf(id, Object.keys(calls))).toEqual(all(Object.keys(calls), 'XQ006'));
    expect((await depot.drive(id)).status).toBe('executed');
    expect(await refusalsOf(id, Object.keys(calls))).toEqual(all(Object.keys(calls), 'XQ006'));
  });

  it('nothing is applied before its write-backs are done, finished before all is done, or undone while it goes on', async () => {
    const id = await opened();
    const apply = async (type = 'execution.applied') => {
      const [row] = await depot.fixture.inWorker((tx) =>
        tx.rows<{ plan: string }>('SELECT p.plan_id::text AS plan FROM exequatur.proposal p WHERE p.id = $1', [id]),
      );
      return byWorker('SELECT exequatur.apply_plan($1, $2, $3::jsonb)', row?.plan, executionIdOf(id), await entries(id, type));
    };
    const never = ['finish', 'undo', 'stick', 'end', 'needAttention', 'resolve'];
    const seen: string[] = [];
    await depot.drive(id, async ({ status, next }) => {
      if (status !== 'executing') return;
      const at = next?.name ?? (seen.includes('tell') ? 'done' : 'booked');
      seen.push(at);
      expect(await refusalsOf(id, at === 'done' ? never.slice(1) : never), at).toEqual(
        all(at === 'done' ? never.slice(1) : never, 'XQ006'),
      );
      if (at === 'book') expect(await apply()).toBe('XQ006');
      if (at === 'booked') expect(await apply('proposal.executed')).toBe('XQ003');
      if (at === 'booked' || at === 'tell') expect(await calls.leave?.(id), at).toBe('XQ006');
      if (at === 'tell' || at === 'done') expect(await calls.turnBack?.(id), at).toBe('XQ006');
      if (at === 'tell' || at === 'done') expect(await apply(), at).toMatch(/^(XQ009|none)$/);
    });
    expect(seen).toEqual(['book', 'booked', 'tell', 'done']);
    expect(await depot.parcel()).toMatchObject({ status: 'away' });
  });

  it('is begun twice by nobody', async () => {
    const id = await opened();
    let refused = '';
    const ended = await depot.drive(id, async ({ next }) => {
      if (next?.name === 'book') refused = (await calls.begin?.(id)) ?? '';
    });
    expect(refused).not.toBe('none');
    expect(ended.status).toBe('executed');
  });
});

describe('what is said of it', () => {
  it('at its end is of this execution, this plan and this proposal, and what it is', async () => {
    const id = await opened();
    const finish = async (...said: Parameters<typeof entries> extends [string, ...infer Rest] ? Rest : never) =>
      byWorker('SELECT exequatur.finish_saga($1, $2::jsonb)', id, await entries(id, ...said));
    let asked = 0;
    const ended = await depot.drive(id, async ({ status, next }) => {
      if (status !== 'executing' || next !== undefined || (await depot.parcel()).status !== 'away') return;
      asked += 1;
      expect(await finish('proposal.executing')).toBe('XQ003');
      expect(await finish('proposal.executed', { execution: randomUUID() })).toBe('XQ003');
      expect(await finish('proposal.executed', { digest: `sha256:${'0'.repeat(64)}` })).toBe('XQ003');
      expect(await finish('proposal.executed', { of: randomUUID() })).toBe('XQ003');
    });
    expect([asked, ended.status]).toEqual([1, 'executed']);
  });

  it('when it is taken back is of this execution and this proposal, and what it is', async () => {
    const id = await opened();
    depot.carrier.behaviour = ({ path }) => (path.endsWith('arrivals') ? { status: 409 } : undefined);
    const undo = async (...said: Parameters<typeof entries> extends [string, ...infer Rest] ? Rest : never) =>
      byWorker('SELECT exequatur.undo_execution($1, $2::jsonb)', id, await entries(id, ...said));
    let asked = 0;
    const ended = await depot.drive(id, async ({ status, next }) => {
      if (status !== 'compensating' || next !== undefined || (await depot.parcel()).status !== 'away') return;
      asked += 1;
      expect(await undo('execution.applied')).toMatch(/^XQ0(03|15)$/);
      expect(await undo('execution.undone', { execution: randomUUID() })).toBe('XQ003');
      expect(await undo('execution.undone', { of: randomUUID() })).toBe('XQ003');
      expect(await refusalsOf(id, ['end', 'finish', 'turnBack', 'leave', 'cancel', 'resolve', 'begin'])).toEqual(
        all(['end', 'finish', 'turnBack', 'leave', 'cancel', 'resolve', 'begin'], 'XQ006'),
      );
    });
    expect([asked, ended.status]).toEqual([1, 'failed']);
    expect(await depot.parcel()).toMatchObject({ status: 'here' });
  });
});

describe('a step', () => {
  const set = (id: string, what: string) => byWorker(`UPDATE exequatur.saga_step SET ${what} WHERE proposal_id = $1 AND ordinal = 0`, id);

  it('goes the way that steps go, stays what it is, and what is on record of it as well', async () => {
    const id = await opened();
    let asked = 0;
    await depot.drive(id, async ({ status, next }) => {
      if (status !== 'executing') return;
      if (next?.name === 'book') {
        expect(await set(id, "state = 'done'")).toBe('XQ006');
        expect(await set(id, "state = 'undoing'")).toBe('XQ006');
        const ended = depot.fixture.inWorker(async (tx) => {
          for (const state of ['sending', 'done'])
            await tx.rows('UPDATE exequatur.saga_step SET state = $2 WHERE proposal_id = $1 AND ordinal = 0', [id, state]);
        });
        expect(await refusalOf(ended)).toBe('XQ015'); // It is told where it ends.
      }
      if (next?.name !== 'tell') return;
      asked += 1;
      expect(await set(id, "state = 'waiting'")).toBe('XQ006');
      expect(await set(id, 'attempts = 0')).toBe('XQ006');
      expect(await set(id, `slots = '{"booking": "B9"}'`)).toBe('XQ006');
      expect(await set(id, 'state = state')).toBe('none');
    });
    expect(asked).toBe(1);
    expect(await set(id, 'attempts = attempts')).toBe('XQ006');
  });
});

describe('an operator’s decision', () => {
  it('has an author, a reason and a choice, and is of a step that somebody is asked about', async () => {
    const id = await opened();
    depot.carrier.behaviour = ({ method, path }, n) =>
      (method === 'DELETE' && n === 0) || path.endsWith('arrivals') ? { status: 409 } : undefined;
    expect((await depot.drive(id)).status).toBe('needs_attention');
    const resolve = (...said: [number | null, string | null, string | null, string | null]) => resolved(id, ...said);
    expect(await resolve(0, 'skip', 'ann', '')).toBe('XQ006');
    expect(await resolve(0, 'skip', 'ann', null)).toBe('XQ006');
    expect(await resolve(0, 'skip', '', 'because')).toBe('XQ006');
    expect(await resolve(0, 'forget', 'ann', 'because')).toBe('XQ006');
    expect(await resolve(0, null, 'ann', 'because')).toBe('XQ006');
    expect(await resolve(7, 'skip', 'ann', 'because')).toBe('XQ006');
    expect(await resolve(null, 'skip', 'ann', 'because')).toBe('XQ006');
    expect(await refusalsOf(id, ['end', 'finish', 'turnBack', 'undo', 'stick', 'leave', 'cancel', 'needAttention'])).toEqual(
      all(['end', 'finish', 'turnBack', 'undo', 'stick', 'leave', 'cancel', 'needAttention'], 'XQ006'),
    );
    expect(await resolve(0, 'skip', 'ann', 'because')).toBe('XQ015'); // Nobody is told of it.
    const told = depot.fixture.inApi(async (tx) => {
      const facts = { from: 'needs_attention', status: 'compensating' };
      tx.audit({ type: 'proposal.compensating', proposalId: id, facts });
      await tx.rows(resolution, [id, 0, 'skip', 'ann', 'because']);
    });
    expect(await refusalOf(told)).toBe('none');
    expect((await depot.drive(id)).status).toBe('failed');
  });
});
