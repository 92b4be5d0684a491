import type { Caller } from '../../ontology/authority.ts';
import type { JsonValue } from '../../ontology/json.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { type OntologyOutcome, putOntology, type UploadWishes } from '../../store/put-ontology.ts';
import { isRefusal, type Refusal } from '../../store/refusal.ts';
import type { Settled } from '../../store/settle.ts';
import type { StoreDeps } from '../../store/store-deps.ts';
import { admin, caller, expectDone, type Fixture, simulated } from './fixture.ts';

/** Another person for each setting. */
export const admin2 = caller('ontology-admin-2');

/** Puts in force what was proposed: simulates it, has it approved by a second person where it asks for one, and executes it. */
export async function carriedOut(fixture: Fixture, proposalId: string, second: Caller = admin2): Promise<Settled | null> {
  const plan = await simulated(fixture, proposalId);
  if (plan.status === 'awaiting_approval') expectDone(await fixture.review(plan, second));
  return executeProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);
}

/** A document with all that has to happen until it is in force. */
export async function uploaded(
  fixture: Fixture,
  document: JsonValue,
  { by = admin, deps = fixture.deps, ...wishes }: UploadWishes & { by?: Caller; deps?: StoreDeps } = {},
): Promise<OntologyOutcome | Refusal> {
  const outcome = await fixture.inApi((tx) => putOntology(tx, document, by, deps, wishes));
  if (isRefusal(outcome) || outcome.proposalId === null) return outcome;
  const settled = await carriedOut(fixture, outcome.proposalId);
  if (settled?.status !== 'executed') throw new Error(`expected executed, found ${JSON.stringify(settled)}`);
  return outcome;
}
