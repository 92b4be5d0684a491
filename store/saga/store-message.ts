import { randomUUID } from 'node:crypto';
import type { PlannedRequest } from '../../ontology/planned-effect.ts';
import { toldRequest } from '../../ontology/told-request.ts';
import type { LockedProposal } from '../proposal-row.ts';
import type { Tx } from '../sql.ts';
import type { PlannedStep } from './planned-steps.ts';
import type { SagaHead, StepRow } from './saga-rows.ts';

type Message = Extract<PlannedRequest, { kind: 'message' }>;

/** In the same transaction as the record that it was done, so it can be neither lost nor told twice. */
export function storeMessage(
  tx: Tx,
  proposal: LockedProposal,
  saga: SagaHead,
  step: StepRow,
  planned: PlannedStep,
  request: Message,
): void {
  // As its plan shows it; one from before plans did shows more than is told.
  const { data } = toldRequest(request, 'effect' in planned ? planned.effect.sensitive : []);
  const entry = tx.audit({
    type: 'effect.message',
    proposalId: proposal.id,
    facts: { effect: step.name, run: saga.run, message: request.type },
  });
  tx.send(
    `INSERT INTO exequatur.outbox (tenant_id, id, audit_entry_id, type, subject, proposal_id, data, created_at)
     VALUES ((SELECT current_setting('app.tenant')::uuid), $1::uuid, $2::uuid, $3, 'proposal/' || $4::text, $4::text::uuid, $5::jsonb, exequatur.clock())`,
    [
      randomUUID(),
      entry,
      `message.${request.type}`,
      proposal.id,
      JSON.stringify({ proposalId: proposal.id, actionType: proposal.actionType, data }),
    ],
  );
}
