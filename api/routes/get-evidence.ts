import { readDecisions } from '../../store/read-decisions.ts';
import { type Evidence, readEvidence, readPlanChunk } from '../../store/read-log.ts';
import { isRefusal } from '../../store/refusal.ts';
import { answered } from '../api-context.ts';
import { evidencePage } from '../evidence-page.ts';
import { altered, printedPlan } from '../printed-plan.ts';
import { route } from '../route.ts';
import { evidenceSchema } from '../schemas/audit-schema.ts';
import { proposalParams } from '../schemas/proposal-schema.ts';
import { streamEvidence } from '../stream-evidence.ts';

const mostEdits = 200; // Of a page that people read; the plan's bytes have all.

export const getEvidence = route({
  name: 'getEvidence',
  method: 'get',
  path: '/v1/proposals/{proposalId}/evidence',
  tag: 'audit',
  summary: 'Read what proves one action',
  description:
    'All its entries in the audit log with proofs that the checkpoint covers them, what was decided on it, and the plan; `exequatur-verify` checks it offline. Whoever accepts `text/html` rather is given a page of it to print. That it was read is an entry.',
  permission: 'audit:read',
  request: { params: proposalParams },
  responses: {
    200: {
      description: 'The evidence.',
      schema: evidenceSchema,
      others: { 'text/html': null },
      headers: { Vary: 'Accept: as JSON, or as a page.' },
    },
  },
  problems: ['not_found', 'not_sealed'],
  async handle({ params: { proposalId }, caller, prefers }, context) {
    const wantsPage = prefers(['application/json', 'text/html']) === 'text/html';
    const { tenant } = caller;
    const { deps, witnesses } = context.resources;
    const found = await context.auditSnapshotAs(
      caller,
      async (tx, seesAll) => {
        const evidence = await readEvidence(tx, witnesses, { proposalId, withPlan: seesAll || wantsPage }); // The page shows its edits, masked.
        if (isRefusal(evidence) || !wantsPage) return isRefusal(evidence) ? evidence : { evidence, printed: null };
        const plan = await printedPlan(evidence, (of, ordinal) => readPlanChunk(tx, of, ordinal), mostEdits);
        return { evidence: { ...evidence, plan: null }, printed: { told: await readDecisions(tx, proposalId, deps), plan } };
      },
      ({ evidence: read, printed }, tx, mask) => {
        const evidence = mask.hidesNothing() ? read : { ...read, plan: null };
        // Not of the proposal itself: reading its evidence would else make it unsealed.
        tx.audit({
          type: 'evidence.read',
          facts: { evidenceOf: proposalId, plan: evidence.plan !== null },
          personal: { reader: caller.id },
        });
        if (printed === null) return { evidence, page: null };
        const { told, plan } = printed;
        const masked = plan === null || plan === altered ? plan : { ...plan, edits: plan.edits.map((edit) => mask.edit(edit)) };
        const page = evidencePage({
          ...evidence,
          ...{ tenant, proposalId, plan: masked, decisions: isRefusal(told) ? [] : told.decisions, committed: evidence.decisions },
          printedAt: new Date().toISOString(),
        });
        return { evidence, page };
      },
      proposalId,
    );
    return answered(found, ({ evidence, page }) => {
      const headers = { vary: 'accept' };
      if (page !== null) return { status: 200, body: page, mediaType: 'text/html', headers };
      const stream = streamEvidence(bundle(tenant, proposalId, evidence), evidence.plan, async (plan, ordinal) => {
        const read = await context.auditAs(caller, async (tx) => ({ chunk: await readPlanChunk(tx, plan, ordinal) }), proposalId);
        if (isRefusal(read)) throw new Error('whoever reads the evidence is no longer allowed to'); // The answer breaks off.
        if (read.chunk === null) throw new Error('a plan lacks one of its chunks');
        return read.chunk.bytes;
      });
      return { status: 200, mediaType: 'application/json', stream, headers };
    });
  },
});

function bundle(tenant: string, proposalId: string, { checkpoint, entries, formatChanged, decisions }: Evidence): object {
  const changed = formatChanged === null ? {} : { formatChanged };
  return { exequatur: 'evidence', format: 1, tenant, proposalId, checkpoint: checkpoint.note, entries, ...changed, decisions };
}
