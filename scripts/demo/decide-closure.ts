import { review, untilExecuted } from '../rest/carry-proposal.ts';
import type { Proposal } from '../rest/proposal.ts';
import { type Answer, expectGood, type Problem, type RestClient } from '../rest/rest-client.ts';
import type { Cast } from './cast.ts';
import { count, heading, shortDigest, table, text } from './page.ts';
import type { ProposedClosure } from './propose-closure.ts';

export async function showRefusals({ agent, dutyManager }: Cast, { proposal, outdatedDigest }: ProposedClosure): Promise<void> {
  heading('Who may not approve it');
  const byAgent = await review(agent, proposal, 'approve', 'I am sure of it.');
  const withOldDigest = await review(
    dutyManager,
    { id: proposal.id, planDigest: outdatedDigest },
    'approve',
    'I read the plan this morning.',
  );
  table([
    ['who', 'holding the digest', 'answer', 'code', 'in words'],
    ['ops-agent (proposed it)', shortDigest(proposal.planDigest), ...refusal(byAgent, 403)],
    ['duty-manager-1', shortDigest(outdatedDigest), ...refusal(withOldDigest, 412)],
  ]);
}

/** Both stages in turn; the last approval is what makes the engine execute. */
export async function approveAndExecute(
  approvers: readonly { who: string; client: RestClient; reason: string }[],
  proposal: Proposal,
): Promise<Proposal> {
  let sentAt = 0;
  for (const { who, client, reason } of approvers) {
    sentAt = performance.now();
    expectGood(await review(client, proposal, 'approve', reason), `The approval by ${who}`);
    text(`${who.padEnd(16)} approves exactly ${shortDigest(proposal.planDigest)}: "${reason}"`);
  }
  const last = approvers.at(-1)?.client as RestClient;
  const executed = await untilExecuted(last, proposal.id);
  const seenMs = performance.now() - sentAt;
  text(
    '',
    `executed: ${count(executed.execution?.edits ?? 0)} edits in one transaction, ${ownMs(executed)}; seen ${seenMs.toFixed(0)} ms after the last approval was sent.`,
  );
  return executed;
}

/** From the approval that settled it to the committed execution, by the database's clock. */
function ownMs({ statusTimestamps }: Proposal): string {
  const from = Date.parse(statusTimestamps.approved ?? '');
  const to = Date.parse(statusTimestamps.executed ?? '');
  return Number.isNaN(to - from) ? 'at once' : `${to - from} ms after it was approved`;
}

function refusal(answer: Answer<unknown>, expected: number): [string, string, string] {
  const problem = answer.body as Problem;
  if (answer.status !== expected)
    throw new Error(`Expected a refusal with ${expected}, got ${answer.status}: ${JSON.stringify(answer.body)}`);
  return [String(answer.status), problem.code ?? '', problem.detail ?? problem.title ?? ''];
}
