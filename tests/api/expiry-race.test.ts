import { describe, expect, it } from 'vitest';
import { executeProposal } from '../../store/execute-proposal.ts';
import { executionGraceMs } from '../../store/proposal-row.ts';
import { settle } from '../../store/settle.ts';
import { simulateProposal } from '../../store/simulate-proposal.ts';
import { withTenant } from '../../store/sql.ts';
import type { Answer } from './api-scene.ts';
import { deps, idleScene } from './idle-scene.ts';

// A database of its own, whose clock can be moved: tests/support/database.ts. No worker runs: the test takes its steps, so that they come when they hurt.
const opened = idleScene();

const reviewers = ['keeper-1', 'keeper-2', 'keeper-3', 'keeper-4'];
const decisions = ['approve', 'reject', 'approve', 'reject'];
let names = 0;

interface Raced {
  id: string;
  answers: Answer[];
  /** What the workflow found. */
  settled: string | undefined;
}

async function planned(): Promise<{ id: string; planDigest: string | null }> {
  names += 1;
  const proposed = await opened.scene
    .as({ id: 'agent-1', kind: 'agent', roles: ['agent'] })
    .propose('askFloor', { name: `floor-${names}` });
  const simulated = await simulateProposal(opened.worker, opened.scene.tenant, proposed.body.id, deps);
  return { id: proposed.body.id, planDigest: simulated?.digest ?? null };
}

/** Four reviews and the workflow's own look at the clock, all at once, when the proposal has this much time left. */
async function race(leftMs: number): Promise<Raced> {
  const shown = await planned();
  const { id } = shown;
  await setTimeLeft(id, leftMs);
  const settling = withTenant(opened.worker, opened.scene.tenant, (tx) => settle(tx, id));
  const answers = await Promise.all(reviewers.map((reviewer, at) => opened.scene.as({ id: reviewer }).review(shown, decisions[at])));
  return { id, answers, settled: (await settling)?.status };
}

async function setTimeLeft(id: string, leftMs: number): Promise<void> {
  await opened.superuser.query(
    `UPDATE test_clock.moved SET by = (SELECT expires_at FROM exequatur.proposal WHERE id = $1) - make_interval(secs => $2::float8 / 1000) - clock_timestamp()`,
    [id, leftMs],
  );
}

/** One outcome, which every reviewer was told and every reader sees, also after the workflow has gone on. */
async function expectOneOutcome({ id, answers, settled }: Raced): Promise<string> {
  const stored = answers.filter(({ status }) => status === 201);
  const refused = answers.filter(({ status }) => status !== 201);
  expect(refused).toMatchObject(refused.map(() => ({ status: 409, body: { code: 'not_awaiting_approval' } })));
  expect(stored.length).toBeLessThanOrEqual(1);
  const [winner] = stored;
  const decided = winner === undefined ? 'expired' : winner.body.decision === 'approve' ? 'approved' : 'rejected';
  if (winner !== undefined) expect(winner.body.proposal.status).toBe(decided);

  // Whoever approved in the last moment was told so, and it is executed, although its time is over by then: at the latest when the clock is moved past it.
  if (settled === 'expired') expect(decided).toBe('expired');
  await setTimeLeft(id, -30_000);
  await executeProposal(opened.worker, opened.scene.tenant, id, deps);
  const end = decided === 'approved' ? 'executed' : decided;
  for (const reviewer of reviewers) {
    const { body } = await opened.scene.as({ id: reviewer }).get(`/v1/proposals/${id}`);
    expect(body).toMatchObject({ status: end, reviews: stored.map((answer) => ({ id: answer.body.id })) });
    const verdicts = Object.keys(body.statusTimestamps).filter((status) => ['expired', 'rejected', 'approved'].includes(status));
    expect(verdicts).toEqual([decided]);
  }
  return decided;
}

describe('reviews over HTTP at the instant of expiry', () => {
  it('all come too late when the time is over at that very instant', async () => {
    expect(await expectOneOutcome(await race(0))).toBe('expired');
  });

  it('have one that decides while there is time', async () => {
    expect(['approved', 'rejected']).toContain(await expectOneOutcome(await race(60_000)));
  });

  it('have one outcome that every reviewer learns, however close the two come', async () => {
    let leftMs = 64; // Moved towards the instant at which both outcomes are as likely, wherever that is on this machine.
    let stepMs = 32;
    for (let round = 0; round < 20; round++) {
      const outcome = await expectOneOutcome(await race(leftMs));
      leftMs = Math.max(0, outcome === 'expired' ? leftMs + stepMs : leftMs - stepMs);
      stepMs = Math.max(1, stepMs / 2);
    }
  });

  it('let what was approved in time be executed for a minute after it, and no longer, nor does anybody take that minute for approving', async () => {
    const [inTime, tooLate, unanswered] = [await planned(), await planned(), await planned()];
    const keeper = opened.scene.as({ id: 'keeper-1' });
    for (const shown of [inTime, tooLate]) {
      await setTimeLeft(shown.id, 30_000);
      expect((await keeper.review(shown)).body.proposal).toMatchObject({ status: 'approved' });
    }
    await setTimeLeft(unanswered.id, -1);
    expect(await keeper.review(unanswered)).toMatchObject({ status: 409, body: { code: 'not_awaiting_approval' } });
    await setTimeLeft(tooLate.id, 30_000 - executionGraceMs);
    expect(await withTenant(opened.worker, opened.scene.tenant, (tx) => settle(tx, tooLate.id))).toMatchObject({ status: 'approved' });
    await setTimeLeft(inTime.id, 30_000 - executionGraceMs);
    expect(await executeProposal(opened.worker, opened.scene.tenant, inTime.id, deps)).toMatchObject({ status: 'executed' });
    await setTimeLeft(tooLate.id, -executionGraceMs);
    expect(await executeProposal(opened.worker, opened.scene.tenant, tooLate.id, deps)).toMatchObject({ status: 'expired' });
  });

  it('and the database means the same minute', async () => {
    const { rows } = await opened.superuser.query('SELECT extract(epoch FROM exequatur.execution_grace())::float8 * 1000 AS ms');
    expect(rows).toEqual([{ ms: executionGraceMs }]);
  });
});
