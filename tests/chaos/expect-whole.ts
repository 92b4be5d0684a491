import { expect } from 'vitest';
import type { OntologyDocument } from '../../ontology/definition.ts';
import { verifyLog } from '../evidence/verify-log.ts';
import { believedSteps, messagesOf } from './believed-steps.ts';
import { faultsOfCarrier } from './judge-carrier.ts';
import { deedOf } from './mixed-parcels.ts';
import type { ParcelDeployment } from './parcel-deployment.ts';
import { differencesOf, objectsOf, replayed } from './sequential-replay.ts';

/** Every proposal is in a final state, the receiver's log equals the engine's, and the objects equal those of a sequential model that is fed with the executed plans in the order of their commits. */
export async function expectWhole({ shop, carrier }: Pick<ParcelDeployment, 'shop' | 'carrier'>): Promise<void> {
  const open = await shop.query(
    "SELECT id, status FROM exequatur.proposal WHERE status NOT IN ('executed', 'failed', 'invalid', 'rejected', 'expired', 'withdrawn')",
  );
  expect(open).toEqual([]);
  const steps = await believedSteps(shop);
  expect(steps.length).toBeGreaterThan(0);
  const { received, done } = carrier;
  expect(faultsOfCarrier(steps, received, done, (one) => deedOf(one, done))).toEqual([]);
  const { expected, found } = await messagesOf(shop);
  expect(found).toEqual(expected);
  const kept = await shop.query(
    `SELECT t.proposal_id, t.name, t.state FROM exequatur.saga_step t JOIN exequatur.proposal p ON p.tenant_id = t.tenant_id AND p.id = t.proposal_id
      WHERE t.run = (SELECT max(s.run) FROM exequatur.saga s WHERE s.tenant_id = t.tenant_id AND s.proposal_id = t.proposal_id)
        AND (CASE WHEN p.status = 'executed' THEN t.state <> 'done' AND NOT (t.optional AND t.state IN ('refused', 'unknown'))
                  ELSE t.state = 'done' AND t.phase <> 'check' AND NOT (t.optional AND NOT t.compensated)
                       AND NOT EXISTS (SELECT FROM exequatur.audit_entry e WHERE e.tenant_id = t.tenant_id AND e.proposal_id = t.proposal_id AND e.type = 'proposal.failed'
                                          AND convert_from(e.payload, 'UTF8')::jsonb ->> 'choice' = 'abort') END)`,
  );
  expect(kept).toEqual([]);
  const { objects, faults } = await replayed(shop, shop.document as unknown as OntologyDocument);
  expect(faults).toEqual([]);
  expect(differencesOf(await objectsOf(shop), objects)).toEqual([]);
  const [chain] = await shop.query<{ entries: number; last: number }>(
    'SELECT count(*)::int AS entries, max(seq)::int AS last FROM exequatur.audit_entry',
  );
  expect(chain?.entries).toBe(chain?.last);
  const said = await verifyLog(shop.database, shop.tenant);
  expect(said).toMatch(/^whole /);
  expect(JSON.parse(said.slice('whole '.length))).toMatchObject({ unjudged: 0, conditionsUnjudged: 0 });
}
