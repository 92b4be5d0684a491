import { randomUUID } from 'node:crypto';
import type { JsonObject } from '../../ontology/json.ts';
import type { StepState } from '../../ontology/saga.ts';
import type { ProposalRow } from '../proposal-row.ts';
import type { Tx } from '../sql.ts';
import type { SagaHead, StepRow } from './saga-rows.ts';

interface StepOutcome {
  kind: 'do' | 'undo';
  state: StepState;
  problem?: { code: string; message: string };
}

/** What is counted of a step that came to an end, once that is committed. */
export interface StepEnd {
  way: 'do' | 'undo';
  state: StepState;
  optional: boolean;
}

/** That a step came to an end, for the log and for whoever listens. What was sent and answered is in neither. */
export function announceStep(tx: Tx, proposal: ProposalRow, saga: SagaHead, step: StepRow, { kind, state, problem }: StepOutcome): StepEnd {
  const facts: JsonObject = {
    effect: step.name,
    optional: step.optional,
    ordinal: step.ordinal,
    run: saga.run,
    way: kind,
    state,
    attempts: kind === 'do' ? step.attempts : step.undoAttempts,
    planDigest: proposal.planDigest,
    ...(problem === undefined ? {} : { problem: problem.code }),
  };
  const entry = tx.audit({ type: 'effect.ended', proposalId: proposal.id, facts });
  tx.send(
    `INSERT INTO exequatur.outbox (tenant_id, id, audit_entry_id, type, subject, proposal_id, data, created_at)
     VALUES ((SELECT current_setting('app.tenant')::uuid), $1::uuid, $2::uuid, 'effect.ended', 'proposal/' || $3::text, $3::text::uuid, $4::jsonb, exequatur.clock())`,
    [randomUUID(), entry, proposal.id, JSON.stringify({ proposalId: proposal.id, actionType: proposal.actionType, ...facts })],
  );
  return { way: kind, state, optional: step.optional };
}
