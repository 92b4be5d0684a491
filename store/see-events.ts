import type { Actor } from '../ontology/authority.ts';
import type { CloudEvent } from '../ontology/cloud-event.ts';
import { hiddenProposals } from './see-proposal.ts';
import type { Tx } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

type Told = Pick<CloudEvent, 'type' | 'data'>;

/** Of what a proposal did, and not of the proposal: whoever sees the tenant sees that. */
const outcomes = ['object.', 'link.', 'message.'];

/** The proposal that an event tells of, or null. */
export function toldProposal({ type, data }: Told): string | null {
  const id = data?.proposalId;
  return typeof id === 'string' && !outcomes.some((prefix) => type.startsWith(prefix)) ? id : null;
}

/** These events without those of proposals that policies keep from this principal. Asks once for each proposal among them. @throws PolicyEngineAway */
export async function withoutHidden<T extends Told>(
  tx: Tx,
  deps: Pick<StoreDeps, 'policies'>,
  viewer: Actor,
  events: readonly T[],
): Promise<T[]> {
  const told = events.map(toldProposal);
  const hidden = await hiddenProposals(
    tx,
    deps,
    viewer,
    told.filter((id) => id !== null),
  );
  return events.filter((_, at) => !hidden.has(told[at] ?? ''));
}
