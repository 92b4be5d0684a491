// What the API shows of proposals, on a clone from tests/support/database.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listProposals } from '../../store/list-proposals.ts';
import { readPlan } from '../../store/read-plan.ts';
import { readTimeline } from '../../store/read-timeline.ts';
import { simulateAction } from '../../store/simulate-action.ts';
import { withTenantPrisma } from '../../store/sql.ts';
import { resolveActor } from '../../store/standing.ts';
import { agent, expectDone, type Fixture, keeper1, keeper2, openFixture } from './fixture.ts';

let fixture: Fixture;
const rooms = Array.from({ length: 25 }, (_, at) => ({ code: `R${String(at).padStart(2, '0')}` }));

beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture.close());

describe('a plan', () => {
  it('is read in pages that hold every edit once, in order', async () => {
    const { proposalId, digest } = await fixture.planned('addFloor', { name: 'A', rooms });
    const ids: string[] = [];
    for (let pageToken: string | undefined, pages = 0; pages < 10; pages++) {
      const page = expectDone(
        await fixture.inApi((tx) => readPlan(tx, proposalId, { pageSize: 10, ...(pageToken === undefined ? {} : { pageToken }) })),
      );
      expect(page).toMatchObject({ digest, totalEdits: 26, actionType: { name: 'addFloor', version: 1 }, revertOf: null });
      ids.push(...page.edits.map((edit) => ('id' in edit ? edit.id : '')));
      if (page.nextPageToken === null) break;
      pageToken = page.nextPageToken;
    }
    expect(ids).toEqual(['A', ...rooms.map(({ code }) => code)]);
  });

  it('is the same as the dry run showed', async () => {
    const request = { actionType: 'addFloor', parameters: { name: 'B', rooms: [{ code: 'B1' }] }, proposer: agent };
    const dry = expectDone(await simulateAction(fixture.api, fixture.tenant, request, fixture.deps));
    const plan = await fixture.planned('addFloor', request.parameters);
    expect(dry).toMatchObject({ planDigest: plan.digest, totalEdits: 2, truncated: false });
  });

  it('refuses tokens that are not its own', async () => {
    const { proposalId } = await fixture.planned('addFloor', { name: 'C', rooms });
    expect(await fixture.inApi((tx) => readPlan(tx, proposalId, { pageToken: 'bm9wZQ' }))).toEqual({ refused: 'invalid_page_token' });
    const other = await fixture.planned('addFloor', { name: 'D', rooms });
    const page = expectDone(await fixture.inApi((tx) => readPlan(tx, other.proposalId, { pageSize: 2 })));
    expect(await fixture.inApi((tx) => readPlan(tx, proposalId, { pageToken: page.nextPageToken ?? '' }))).toEqual({
      refused: 'invalid_page_token',
    });
  });
});

describe('a list of proposals', () => {
  it('shows each once, newest first, over pages, and by status, type and proposer', async () => {
    for (let at = 0; at < 7; at++) await fixture.propose('askFloor', { name: `L${at}` }, { proposer: keeper2 });
    const list = (more: object) => fixture.inApi(async (tx) => listProposals(tx, more, await resolveActor(tx, keeper1), fixture.deps));
    const seen: string[] = [];
    let pageToken: string | undefined;
    do {
      const page = expectDone(await list({ proposer: 'keeper-2', pageSize: 3, ...(pageToken === undefined ? {} : { pageToken }) }));
      seen.push(...page.proposals.map(({ parameters }) => (parameters as { name: string }).name));
      pageToken = page.nextPageToken ?? undefined;
    } while (pageToken !== undefined);
    expect(seen).toEqual(['L6', 'L5', 'L4', 'L3', 'L2', 'L1', 'L0']);
    const waiting = expectDone(await list({ status: 'simulating', actionType: 'askFloor' }));
    expect(waiting.proposals).toHaveLength(7);
    expect(waiting.proposals[0]).toMatchObject({
      approval: null,
      planDigest: null,
      actions: { review: { allowed: false, reason: 'not_awaiting_approval' } },
    });
    expect(expectDone(await list({ status: 'executed' })).proposals).toEqual([]);
    expect(await list({ pageToken: 'x' })).toEqual({ refused: 'invalid_page_token' });
  });
});

describe('a timeline', () => {
  it('says who did what when, in the order of commits, with what may be erased beside it', async () => {
    const plan = await fixture.planned('askFloor', { name: 'T' });
    await fixture.review(plan, keeper1);
    const entries = expectDone(await fixture.inApi((tx) => readTimeline(tx, plan.proposalId)));
    expect(entries.map(({ type }) => type)).toEqual(['proposal.created', 'proposal.simulated', 'review.recorded', 'proposal.approved']);
    expect(entries[0]?.personal).toMatchObject({ proposer: 'agent-1', justification: 'because' });
    expect(entries[2]).toMatchObject({ facts: { decision: 'approve', planDigest: plan.digest }, personal: { reviewer: 'keeper-1' } });
  });
});

describe('another tenant', () => {
  it('sees nothing of it', async () => {
    const plan = await fixture.planned('askFloor', { name: 'U' });
    const other = await fixture.database.createTenant();
    await withTenantPrisma(fixture.api, other, async (tx) => {
      const actor = await resolveActor(tx, keeper1);
      expect(expectDone(await listProposals(tx, {}, actor, fixture.deps)).proposals).toEqual([]);
      expect(await readPlan(tx, plan.proposalId)).toEqual({ refused: 'not_found' });
      expect(await readTimeline(tx, plan.proposalId)).toEqual({ refused: 'not_found' });
    });
  });
});
