import type { Actor } from '../ontology/authority.ts';
import { durationMs } from '../ontology/duration.ts';
import { announceAndNudge } from './nudges.ts';
import type { PrismaTx, Tx } from './sql.ts';

export interface ProposalToInsert {
  id: string;
  actionType: string;
  actionTypeVersion: number;
  ontologyVersion: number;
  /** RFC 8785 text; its hash is what the door compares the plan's parameters with. */
  parameters: string;
  parametersHash: string;
  justification: string;
  proposer: Actor;
  revisionSeed: string;
  /** The database's time, ISO text: what rules see as `evaluatedAt` for the whole revision. */
  now: string;
  /** ISO 8601 duration. */
  expiresAfter: string;
  /** The execution this proposal takes back. */
  revertOf: string | null;
  skipsConflicts?: boolean;
  /** RFC 3339. */
  executeAfter?: string;
  /** Of changes of what governs, and of nothing else: whether more can happen afterwards. */
  loosens?: boolean;
  /** Of the same: what they put in force, so that the worker can put nothing else there. */
  settingDigest?: string;
}

/** Writes a proposal in `simulating` with its event, its audit entry and the nudge that starts its workflow. */
export async function insertProposal(tx: PrismaTx, proposal: ProposalToInsert): Promise<void> {
  const now = new Date(proposal.now);
  const { proposer } = proposal;
  await tx.prisma.proposal.create({
    select: { id: true },
    data: {
      tenantId: tx.tenant,
      id: proposal.id,
      status: 'simulating',
      actionType: proposal.actionType,
      actionTypeVersion: proposal.actionTypeVersion,
      ontologyVersion: proposal.ontologyVersion,
      parameters: proposal.parameters,
      parametersHash: proposal.parametersHash,
      justification: proposal.justification,
      proposerId: proposer.id,
      proposerKind: proposer.kind,
      proposerRoles: [...proposer.roles],
      actsFor: proposer.actsFor,
      revisedFor: proposer.tokenActsFor === undefined ? [] : [proposer.tokenActsFor], // The database adds whom it knows.
      revision: 1,
      revisionSeed: proposal.revisionSeed,
      evaluatedAt: now,
      expiresAt: new Date(now.getTime() + durationMs(proposal.expiresAfter)),
      revertOf: proposal.revertOf,
      skipsConflicts: proposal.skipsConflicts ?? false,
      executeAfter: proposal.executeAfter === undefined ? null : new Date(proposal.executeAfter),
      loosens: proposal.loosens ?? null,
      settingDigest: proposal.settingDigest ?? null,
      statusTimestamps: { simulating: proposal.now },
      createdAt: now,
      updatedAt: now,
    },
  });
  announceCreated(tx, proposal);
}

/** That a proposal was accepted: its audit entry, its event, and the nudge that starts its workflow. */
export function announceCreated(
  tx: Tx,
  proposal: Pick<
    ProposalToInsert,
    | 'id'
    | 'actionType'
    | 'actionTypeVersion'
    | 'ontologyVersion'
    | 'parametersHash'
    | 'justification'
    | 'proposer'
    | 'revertOf'
    | 'executeAfter'
    | 'loosens'
  >,
): void {
  const { proposer } = proposal;
  const auditEntryId = tx.audit({
    type: 'proposal.created',
    proposalId: proposal.id,
    facts: {
      actionType: proposal.actionType,
      actionTypeVersion: proposal.actionTypeVersion,
      ontologyVersion: proposal.ontologyVersion,
      parametersHash: proposal.parametersHash,
      revision: 1,
      ...(proposal.revertOf === null ? {} : { revertOf: proposal.revertOf }),
      ...(proposal.executeAfter === undefined ? {} : { executeAfter: proposal.executeAfter }),
      ...(proposal.loosens === undefined ? {} : { loosens: proposal.loosens }),
    },
    personal: { proposer: proposer.id, actsFor: proposer.actsFor ?? undefined, justification: proposal.justification },
  });
  const data = { proposalId: proposal.id, actionType: proposal.actionType, status: 'simulating', revision: 1 };
  announceAndNudge(tx, { type: 'proposal.created', proposalId: proposal.id, data, auditEntryId });
}
