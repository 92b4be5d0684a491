import type { CloudEvent } from './cloud-event.ts';
import { covers } from './event-filter.ts';

/** Which events somebody wants; what is left out does not matter. */
export interface WantedEvents {
  /** A type, or a prefix such as `proposal.*`. */
  type?: string;
  subject?: string;
  /** The proposal's own events, and those of what its execution did. */
  proposalId?: string;
}

export function isWanted({ type, subject, data }: CloudEvent, wanted: WantedEvents): boolean {
  return (
    (wanted.type === undefined || covers(wanted.type, type)) &&
    (wanted.subject === undefined || subject === wanted.subject) &&
    (wanted.proposalId === undefined || data?.proposalId === wanted.proposalId)
  );
}
