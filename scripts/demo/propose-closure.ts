import { randomUUID } from 'node:crypto';
import { propose, until } from '../rest/carry-proposal.ts';
import type { Edit, Proposal } from '../rest/proposal.ts';
import { expectGood } from '../rest/rest-client.ts';
import type { Cast } from './cast.ts';
import { heading, shortDigest, show, table, text } from './page.ts';

export interface ProposedClosure {
  proposal: Proposal;
  /** Of its first revision: what an approver who does not look again still holds. */
  outdatedDigest: string | null;
}

/** The agent proposes to close O'Hare, is asked for a better reason, and revises; the second plan is what people will decide about. */
export async function proposeClosure({ agent, dutyManager }: Cast): Promise<ProposedClosure> {
  heading("An agent proposes to close Chicago O'Hare");
  const parameters = (reason: string) => ({ airport: 'ORD', reason });
  const justification = 'Forecast of 40 cm of snow until Thursday noon; all runways affected.';
  const startedAt = performance.now();
  const first = await propose(agent, { actionType: 'closeAirport', parameters: parameters('Snow'), justification }, randomUUID());
  const tookMs = performance.now() - startedAt;
  const wish = { decision: 'request_changes', reason: 'Passengers read this: say what the snow does.' };
  expectGood(
    await dutyManager.post(`/v1/proposals/${first.id}/reviews`, wish, { 'if-match': `"${first.planDigest}"` }),
    'Asking for another reason',
  );
  const revision = { parameters: parameters('Blizzard: all runways closed') };
  expectGood(await agent.post(`/v1/proposals/${first.id}/revisions`, revision, { 'idempotency-key': randomUUID() }), 'Revising');
  const proposal = await until(agent, first.id, (status) => status !== 'simulating');
  text(
    `ops-agent        proposes it as "Snow"; simulated on the live data in ${tookMs.toFixed(0)} ms`,
    `duty-manager-1   asks for changes: "${wish.reason}"`,
    `ops-agent        revises it: "${revision.parameters.reason}"`,
    `Nothing has changed yet: the proposal now is ${proposal.status}.`,
    '',
  );
  printSummary(proposal);
  await printSample(proposal, agent);
  return { proposal, outdatedDigest: first.planDigest };
}

export function printSummary(proposal: Proposal): void {
  const summary = proposal.planSummary;
  if (!summary) throw new Error('The proposal has no plan');
  const total = Object.values(summary.edits).reduce((sum, edits) => sum + edits, 0);
  const perType = Object.entries(summary.objectTypes).sort(([, a], [, b]) => a - b);
  table([['object type', 'edits'], ...perType, ['altogether', total]]);
  const stages = proposal.approval?.stages ?? [];
  const needs = stages.map(({ name, thresholds }) => `${thresholds.map((one) => `${one.needed} ${one.name}`).join(' and ')} (${name})`);
  text(
    `plan digest      ${shortDigest(proposal.planDigest)}`,
    `who must approve ${needs.join(', then ') || 'nobody: policy alone'}`,
    `until            ${proposal.approval?.expiresAt ?? '-'}, then it expires`,
    `risk             ${summary.riskTier}; it ${summary.revertible ? 'can' : 'cannot'} be reverted afterwards`,
    '',
  );
}

/** One edit of each object type, property by property. */
async function printSample(proposal: Proposal, client: Cast['agent']): Promise<void> {
  const rows: (string | number)[][] = [['sample', 'property', 'before', 'after']];
  for (const edit of await onePerType(proposal, client)) {
    for (const [property, after] of Object.entries(edit.set ?? {})) {
      rows.push([`${edit.type} ${edit.id}`, property, show(edit.before?.[property]), show(after)]);
    }
  }
  table(rows);
}

async function onePerType(proposal: Proposal, client: Cast['agent']): Promise<Edit[]> {
  const found = new Map<string, Edit>();
  const wanted = Object.keys(proposal.planSummary?.objectTypes ?? {}).length;
  let token: string | undefined = '';
  while (token !== undefined && found.size < wanted) {
    const path = `/v1/proposals/${proposal.id}/plan?pageSize=1000${token ? `&pageToken=${encodeURIComponent(token)}` : ''}`;
    const page: { edits: Edit[]; nextPageToken?: string | null } = expectGood(await client.get(path), 'Reading the plan');
    for (const edit of page.edits) if (edit.type && !found.has(edit.type)) found.set(edit.type, edit);
    token = page.nextPageToken || undefined;
  }
  return [...found.values()];
}
