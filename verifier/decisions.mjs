// What was decided on a proposal: entries commit to decisions, evidence shows them.
import { Mismatch, sha256 } from './formats.mjs';
import { faultIn, isSalt, isText } from './kinds.mjs';

const shownKinds = { salt: (value) => value === null || isSalt(value), value: isText };

/** What an entry commits to of decisions, in a proposal's own memory; entries of earlier versions say nothing of them. @returns how many. @throws {Mismatch} */
export function commit(seq, known, { decisions = [] }) {
  known.decisions ??= new Map();
  for (const commitment of decisions) {
    if (known.decisions.has(commitment)) throw new Mismatch(seq, 'commits to a decision once more');
    known.decisions.set(commitment, seq);
  }
  return decisions.length;
}

/**
 * Each decision that is shown is one that an entry committed to, as it was then. One from before entries did has no salt: nothing is said of it, and of a proposal that was created
 * with a decision there is none. @throws {Mismatch}
 */
export function judgeDecisions(shown, { decisions: told = new Map(), tellsDecisions }, proposalId) {
  const missing = new Map(told);
  const strange = [];
  const values = new Set();
  let unsaid = 0;
  for (const one of shown) {
    const fault = faultIn(shownKinds, one);
    if (fault !== null) throw new Mismatch(null, `a decision is not shown as decisions are: ${fault}`);
    const { salt, value } = one;
    if (JSON.parse(value).proposalId !== proposalId) throw new Mismatch(null, 'a decision is shown that is not of the proposal');
    if (values.has(value)) throw new Mismatch(null, 'a decision is shown twice');
    values.add(value);
    if (salt === null && tellsDecisions)
      throw new Mismatch(null, 'a decision is shown without its salt, though entries commit to all of this proposal');
    if (salt === null) unsaid++;
    else if (!missing.delete(sha256(Buffer.from(salt, 'hex'), value).toString('hex'))) strange.push(JSON.parse(value));
  }
  const [one] = strange;
  if (one === undefined) return { decisionsShown: shown.length - unsaid, decisionsUnsaid: unsaid };
  const [entry = null] = missing.size === 1 ? missing.values() : []; // Where all others are there it is this one that was altered.
  throw new Mismatch(entry, `the decision on ${one.action} by ${one.actor}, ${one.outcome}, is not one that was committed to`);
}
