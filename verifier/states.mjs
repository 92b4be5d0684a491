// The states of a proposal, and what leads from one to another.
import { Mismatch } from './formats.mjs';
import { isText } from './kinds.mjs';

const ends = ['invalid', 'rejected', 'expired', 'withdrawn', 'executed', 'failed'];
const followers = {
  __proto__: null,
  simulating: ['awaiting_approval', 'invalid', 'failed', 'withdrawn', 'expired'],
  awaiting_approval: ['approved', 'rejected', 'expired', 'withdrawn', 'changes_requested', 'simulating'],
  changes_requested: ['simulating', 'withdrawn', 'expired'],
  approved: ['executing', 'scheduled', 'awaiting_approval', 'simulating', 'withdrawn', 'expired'],
  scheduled: ['executing', 'awaiting_approval', 'simulating', 'withdrawn', 'expired'],
  executing: ['executed', 'failed', 'compensating', 'simulating', 'awaiting_approval'],
  compensating: ['failed', 'simulating', 'needs_attention'],
  needs_attention: ['compensating', 'failed'],
};
/** The state that entries of a type bring a proposal into: no other type moves one. */
const reached = new Map([...Object.keys(followers), ...ends].map((status) => [`proposal.${status}`, status]));
reached.delete('proposal.awaiting_approval');
reached.set('proposal.simulated', 'awaiting_approval').set('proposal.revised', 'simulating');

/** Where nothing follows. */
export const isEnd = (status) => ends.includes(status);

/** The state that an entry leaves a proposal of this state in, by one edge of the lifecycle. @throws {Mismatch} */
export function stateAfter(seq, known, { type, from = type === 'proposal.executed' ? 'executing' : undefined, status }) {
  const to = reached.get(type);
  if (status !== to) throw new Mismatch(seq, `is ${type}, and says of the proposal that it is ${status}`);
  if (to === undefined) return known;
  if (from !== (known ?? from)) throw new Mismatch(seq, `tells of a proposal in ${from}, and it was in ${known}`);
  if (!isText(from) || followers[from]?.includes(to) !== true) throw new Mismatch(seq, `a proposal in ${from} cannot become ${to}`);
  return to;
}
