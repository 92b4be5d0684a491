import { readEvidence } from '../../store/read-log.ts';
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
    const found = await context.auditAs(caller, async (tx, mask) =>
      answered(await readEvidence(tx, params.proposalId), (evidence) => {
        const plan = mask.hidesNothing() ? evidence.plan : null;
        // Not of the proposal itself: reading its evidence would else make it unsealed.
        tx.audit({ type: 'evidence.read', facts: { evidenceOf: params.proposalId, plan: plan !== null }, personal: { reader: caller.id } });
        return { ...evidence, plan };
      }),
    );
    return answered(found, ({ checkpoint, entries, plan }) => ({
      status: 200,
      body: {
        exequatur: 'evidence',
        format: 1,
        tenant: caller.tenant,
        proposalId: params.proposalId,
        checkpoint: checkpoint.note,
        entries,
        plan,
      },
    }));
  },
});
