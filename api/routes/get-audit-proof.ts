import { readProof } from '../../store/read-proof.ts';
import { answered } from '../api-context.ts';
import { route } from '../route.ts';
import { auditProofSchema, proofQuery } from '../schemas/audit-schema.ts';

export const getAuditProof = route({
  name: 'getAuditProof',
  method: 'get',
  path: '/v1/audit/proof',
  tag: 'audit',
  summary: 'Read a proof about the audit log',
  description:
    'With `entry`, that this one is in the tree over the first `size`; with `oldSize`, that the tree over so many is the beginning of it. Hashes alone, which say nothing of who, so this is no entry itself.',
  permission: 'audit:read',
  request: { query: proofQuery },
  responses: { 200: { description: 'The proof.', schema: auditProofSchema } },
  problems: ['not_sealed'],
  async handle({ query, caller }, context) {
    const found = await context.auditAs(caller, (tx) => readProof(tx, context.resources.witnesses, query));
    return answered(found, (body) => ({ status: 200, body }));
  },
});
