import type { Actor, Authority, AuthorityRequest } from '../ontology/authority.ts';
import { actionTypeIn } from '../ontology/change-set.ts';
import type { PolicyContext } from '../ontology/policy-engine.ts';
import { type ProblemCode, problems } from '../ontology/problems.ts';
import { approvalsCounted } from '../ontology/quorum.ts';
import { settingOf } from '../ontology/setting-actions.ts';
import { askPolicies } from './ask-policies.ts';
import { brokenGlassOf } from './glass-facts.ts';
import { questionOf } from './may-administer.ts';
import { reviewAsker } from './may-review.ts';
import { policyContextOf, policyQuestion, withFacts } from './policy-facts.ts';
import type { ProposalRow } from './proposal-row.ts';
import { type ProposalRecord, proposalFacts, revertQuestion } from './proposal-view.ts';
import type { Tx } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

export interface ActionPermission {
  allowed: boolean;
  /** A code of the catalogue, and the same in words. */
  reason?: ProblemCode;
  explanation?: string;
}

export type ProposalActions = Record<
  'review' | 'withdraw' | 'revise' | 'revert' | 'resolve' | 'cancel' | 'breakGlass' | 'reviewEmergency',
  ActionPermission
>;

/**
 * What this viewer may do with a proposal at this instant: whatever is allowed here the gate and the policies in force allow, and what is refused they refuse for the same
 * reason. It is asked of the same functions as the acts themselves, with what was read without a lock. Without a version of policies it is the gate's answer alone: what policies refuse is left to the act. `within` gives a transaction, for what has to be read for the answer.
 */
export async function proposalActions(
  { record, viewer, policyVersion }: { record: ProposalRecord; viewer: Actor; policyVersion: number | null },
  deps: StoreDeps,
  within: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>,
): Promise<ProposalActions> {
  const said = gateSays(record, viewer, deps);
  const settingReverted = said.revert.allowed && settingOf(record.proposal.actionType) !== null;
  const automaticReverted = said.revert.allowed && (record.plan?.requirement.automatic ?? false);
  if (settingReverted || automaticReverted) said.revert = await within((tx) => mayRevert(tx, record, viewer, deps));
  // The built-in policies say what the gate has said.
  const asked = (['review', 'revise', 'revert', 'breakGlass'] as const).filter((action) => said[action].allowed);
  if (policyVersion !== null && policyVersion !== 0 && asked.length > 0) {
    await within(async (tx) => {
      const ask = policyAsker(tx, deps, { record, viewer, version: policyVersion });
      for (const action of asked) if (!(await ask[action]())) said[action] = { allowed: false, reason: 'policy_forbids' };
    });
  }
  return Object.fromEntries(
    Object.entries(said).map(([action, authority]) => [action, permission(authority)]),
  ) as unknown as ProposalActions;
}

function permission(authority: Authority): ActionPermission {
  return authority.allowed
    ? { allowed: true }
    : { allowed: false, reason: authority.reason, explanation: problems[authority.reason].title };
}

function gateSays(record: ProposalRecord, actor: Actor, { decide }: Pick<StoreDeps, 'decide'>): Record<keyof ProposalActions, Authority> {
  const { plan, counted: reviews, glass, owed, saga } = record;
  const proposal = { ...proposalFacts(record.proposal), status: statusNow(record) };
  const requirement = plan?.requirement ?? null;
  const digest = record.proposal.planDigest ?? '';
  const ask = (request: AuthorityRequest) => decide(request);
  const underWay = proposal.status === 'executing' && saga?.direction === 'forward' && saga.cancelled === null;
  return {
    review: ask({ action: 'proposal:review', actor, proposal, digest, requirement, reviews, held: record.held }),
    withdraw: ask({ action: 'proposal:withdraw', actor, proposal }),
    revise: ask({ action: 'proposal:revise', actor, proposal, isRevert: record.proposal.revertOf !== null }),
    revert: ask(revertQuestion(record, actor, null)),
    resolve: ask({ action: 'proposal:resolve', actor, proposal }),
    cancel: ask({ action: 'proposal:cancel', actor, proposal, underWay }),
    breakGlass: ask({ action: 'proposal:break_glass', actor, proposal, digest, requirement, reviews, glass: brokenGlassOf(glass) }),
    reviewEmergency: ask({
      action: 'proposal:review_emergency',
      actor,
      proposal,
      owed,
    }),
  };
}

/** Whoever acts on a proposal whose time is over finds it expired. */
function statusNow({ proposal, now }: ProposalRecord): ProposalRow['status'] {
  return proposal.status === 'awaiting_approval' && now >= proposal.expiresAt ? 'expired' : proposal.status;
}

async function mayRevert(tx: Tx, record: ProposalRecord, actor: Actor, deps: Pick<StoreDeps, 'decide' | 'ontologies'>): Promise<Authority> {
  const { actionType, ontologyVersion } = record.proposal;
  const setting = settingOf(actionType);
  if (setting !== null) return deps.decide(questionOf(setting, actor));
  const loaded = await deps.ontologies.load(tx, ontologyVersion);
  return deps.decide(revertQuestion(record, actor, (loaded && actionTypeIn(loaded.ontology, actionType))?.definition.proposers ?? null));
}

/** The questions that the acts themselves ask of the policies in force. */
function policyAsker(
  tx: Tx,
  deps: StoreDeps,
  { record, viewer: actor, version }: { record: ProposalRecord; viewer: Actor; version: number },
) {
  const { proposal, now, plan, counted } = record;
  const allowed = async (
    action: 'propose' | 'override',
    context: (goesBy: Parameters<typeof policyContextOf>[2]) => Promise<PolicyContext>,
  ) => {
    const { allowed } = await askPolicies(tx, deps, {
      actor,
      ...policyQuestion(action, proposal.actionType),
      version,
      context: ({ goesBy }) => context({ now, goesBy }),
    });
    return allowed;
  };
  return {
    review: async () => (await reviewAsker(tx, deps, { proposal, now, version })(actor)).allowed,
    revise: () => allowed('propose', async () => withFacts(proposal, { now, revert: false }, {})),
    revert: () => allowed('propose', async () => withFacts(proposal, { now, revert: true }, {})),
    breakGlass: () =>
      allowed('override', async (of) => ({
        ...(await policyContextOf(tx, proposal, of, deps)),
        approvals: plan === null ? 0 : approvalsCounted(plan.requirement, counted, proposal.behind),
      })),
  };
}
