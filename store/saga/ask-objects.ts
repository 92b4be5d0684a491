import type { ChangeSetAction } from '../../ontology/change-set.ts';
import { judgeCheck } from '../../ontology/judge-check.ts';
import type { PlannedCheck } from '../../ontology/planned-effect.ts';
import type { LockedProposal } from '../proposal-row.ts';
import type { Tx } from '../sql.ts';
import { SqlSnapshot } from '../sql-snapshot.ts';
import type { StoreDeps } from '../store-deps.ts';
import { announceStep, type StepEnd } from './announce-step.ts';
import { askLater, bakeLeftMs } from './bake-time.ts';
import { judgeAsking } from './judge-asking.ts';
import type { KnownPlan } from './planned-steps.ts';
import type { SagaHead, StepRow } from './saga-rows.ts';
import { setStep } from './set-step.ts';

interface Asked {
  plan: KnownPlan;
  check: PlannedCheck;
}

/** Asks a check over objects, whose answer is known in the transaction that says what came of it. @returns how the check ended, where it did */
export async function askObjects(
  tx: Tx,
  proposal: LockedProposal,
  saga: SagaHead,
  step: StepRow,
  { plan, check }: Asked,
  deps: Pick<StoreDeps, 'ontologies'>,
): Promise<{ ended?: StepEnd }> {
  const holds = await judgeObjects(tx, proposal, plan, check, deps);
  const outcome = judgeAsking(holds, { bakes: bakeLeftMs(step, check, saga.now) > 0, isLast: true });
  setStep(tx, proposal.id, saga, step, { state: 'sending', counts: 'do', leasedMs: null });
  if (outcome.state === 'baking') {
    askLater(tx, proposal.id, saga, step, check, outcome.problem);
    return {};
  }
  if (outcome.state === 'again') throw new Error('objects always answer');
  setStep(tx, proposal.id, saga, step, { ...outcome, leasedMs: null });
  return { ended: announceStep(tx, proposal, saga, step, { kind: 'do', ...outcome }) };
}

/** Whether a check over objects holds on what is committed now. Plain reads, no locks: a repeat asks again, of what is committed then. */
async function judgeObjects(
  tx: Tx,
  proposal: LockedProposal,
  plan: KnownPlan,
  { holds = '', action: index }: PlannedCheck,
  deps: Pick<StoreDeps, 'ontologies'>,
): Promise<boolean> {
  const [loaded, [row]] = await Promise.all([
    deps.ontologies.load(tx, proposal.ontologyVersion),
    // Of a change set its one action alone.
    tx.rows<ChangeSetAction>(
      `SELECT CASE WHEN $2::int IS NULL THEN p.action_type ELSE g.action ->> 'actionType' END AS "actionType", CASE WHEN $2::int IS NULL THEN g.given ELSE g.action -> 'parameters' END AS parameters
         FROM exequatur.proposal p CROSS JOIN LATERAL (SELECT p.parameters::jsonb AS given, p.parameters::jsonb -> 'actions' -> $2::int AS action) g WHERE p.id = $1::uuid`,
      [proposal.id, index ?? null],
    ),
  ]);
  if (row === undefined) throw new Error('a saga names a proposal that is not there');
  const action = loaded?.ontology.actionTypes.get(row.actionType);
  if (!loaded || !action) throw new Error('a plan names definitions that are not there');
  const prefilled = index === undefined ? plan.prefilled : plan.actions?.[index]?.prefilled;
  const parameters = { ...row.parameters, ...prefilled };
  const proposer = { id: proposal.proposerId, kind: proposal.proposerKind, roles: proposal.proposerRoles };
  const instants = { proposer, evaluatedAt: proposal.evaluatedAt, now: proposal.now };
  return judgeCheck(loaded.ontology, action, holds, parameters, new SqlSnapshot(tx), instants);
}
