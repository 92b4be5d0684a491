import type { CloudEvent } from './cloud-event.ts';

/** Which events somebody wants; what is left out does not matter. */
export interface EventFilter {
  /** A type, or a prefix such as `proposal.*`. */
  type?: string;
  subject?: string;
  /** The proposal's own events, and those of what its execution did. */
  proposalId?: string;
}

export function isWanted({ type, subject, data }: CloudEvent, wanted: EventFilter): boolean {
  return (
    (wanted.type === undefined || isOfType(type, wanted.type)) &&
    (wanted.subject === undefined || subject === wanted.subject) &&
    (wanted.proposalId === undefined || data?.proposalId === wanted.proposalId)
  );
}

function isOfType(type: string, wanted: string): boolean {
  return wanted.endsWith('*') ? type.startsWith(wanted.slice(0, -1)) : type === wanted;
}
