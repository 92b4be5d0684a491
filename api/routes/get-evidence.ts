import { readEvidence } from '../../store/read-log.ts';
import { isRefusal } from '../../store/refusal.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { evidenceSchema } from '../schemas/audit-schema.ts';
import { proposalParams } from '../schemas/proposal-schema.ts';

export const getEvidence = route({
  name: 'getEvidence',
  method: 'get',
  path: '/v1/proposals/{proposalId}/evidence',
  tag: 'audit',
  summary: 'Read what proves one action',
  description:
    'All its entries in the audit log with proofs that the checkpoint covers them, and the plan; `exequatur-verify` checks it offline.',
  permission: 'audit:read',
  request: { params: proposalParams },
  responses: { 200: { description: 'The evidence.', schema: evidenceSchema } },
  problems: ['not_found', 'not_sealed'],
  async handle({ params, caller }, context) {
    const found = await context.auditAs(caller, (tx) => readEvidence(tx, params.proposalId));
    const mask = await context.maskOf(caller);
    return answered(found, ({ checkpoint, entries, plan }) => ({
      status: 200,
      body: {
        exequatur: 'evidence',
        format: 1,
        tenant: caller.tenant,
        proposalId: params.proposalId,
        checkpoint: checkpoint.note,
        entries,
        plan: !isRefusal(mask) && mask.hidesNothing() ? plan : null,
      },
    }));
  },
});
