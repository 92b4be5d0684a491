import { openPool } from '../../store/connect.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { simulateProposal } from '../../store/simulate-proposal.ts';
import type { ApiScene } from './api-scene.ts';

type Answer = Awaited<ReturnType<ApiScene['call']>>;

/** Carries out what an answer says is proposed, as a worker would, with the approval of a second administrator where that is asked for. Returns the answer. */
export async function enacted(scene: ApiScene, answering: Promise<Answer>, approver = 'ontology-admin-2'): Promise<Answer> {
  const answer = await answering;
  const id: string | undefined = answer.body?.proposal?.id;
  if (answer.status !== 202 || id === undefined) return answer;
  const worker = openPool(scene.database.urls.worker);
  const { deps } = scene.context.resources;
  const plan = await simulateProposal(worker, scene.tenant, id, deps);
  if (plan?.status === 'awaiting_approval') await scene.as({ id: approver }).review({ id, planDigest: plan.digest });
  const settled = await executeProposal(worker, scene.tenant, id, deps);
  await worker.end();
  if (settled?.status !== 'executed') throw new Error(`expected executed, found ${JSON.stringify(settled)}`);
  return answer;
}
