// How a proposal is carried to its end. Every step is an activity that commits what came of it; which comes next is said by the state that it returns.
//
// | step         | do                                 | undo                        | key                           | after a crash in the middle                 |
// |--------------|------------------------------------|-----------------------------|-------------------------------|---------------------------------------------|
// | simulate     | `simulate` makes the plan          | nothing to undo             | the proposal and its revision | finds the plan that was stored, or makes it |
// | wait         | a timer, ended by a nudge          | nothing to undo             | none                          | the database says how long is left          |
// | execute      | `execute`, all that happens inside | the same, going back        | `executionIdOf`               | finds what was committed, and goes on       |
// | step outside | `perform`: an effect, or a check   | `perform`: its compensation | `keyOf`                       | `performStep` has it                        |
//
// Lost altogether it is started anew, and finds in the database where it was.

import {
  ActivityFailure,
  ApplicationFailure,
  allHandlersFinished,
  condition,
  continueAsNew,
  isCancellation,
  patched,
  workflowInfo,
} from '@temporalio/workflow';
import { type FinalStatus, isFinal, type OpenStatus } from '../ontology/lifecycle.ts';
import { type Inbox, nudgeOrAfter, openInbox } from './inbox.ts';
import type { ProposalStart } from './proposal.contract.ts';
import type { OutsideStep, ProposalState } from './proposal-activities.contract.ts';
import { publishState, publishTrouble } from './publish-state.ts';
import { execute, isForGood, perform, settle, simulate } from './steps.ts';

/**
 * Drives one proposal to a final state. MUST NOT decide anything: every verdict comes back from an activity that committed it. So it may be lost at any instant
 * and started anew in whatever state the proposal stands.
 */
export async function proposal(start: ProposalStart): Promise<FinalStatus> {
  const inbox = openInbox();

  // Asked for before anyone has looked: a step does nothing in a state that does not call for it, and looking first would be a second transaction.
  let at = await simulate(start);
  while (!isOver(at)) {
    if (workflowInfo().continueAsNewSuggested) await startOver(start);
    at = await takeStep(start, at, inbox);
  }
  publishState(at);
  await condition(allHandlersFinished);
  return at.status as FinalStatus;
}

/** An executed proposal whose emergency awaits its review is not over: somebody has to tell when nobody gives it. */
function isOver(at: ProposalState): boolean {
  return isFinal(at.status) && at.waitsFor !== 'review';
}

type Step = (start: ProposalStart, at: ProposalState, inbox: Inbox) => Promise<ProposalState>;

const steps: Record<OpenStatus, Step> = {
  simulating: (start, at) => simulate(start, at.edits),
  awaiting_approval: (start, at, inbox) => untilNudged(start, at, inbox, at.waitsFor ?? 'expiry'),
  changes_requested: (start, at, inbox) => untilNudged(start, at, inbox, 'expiry'),
  approved: (start, at) => execute(start, at.edits),
  scheduled: untilReleased,
  executing: underWay,
  compensating: underWay,
  needs_attention: (start, at, inbox) => untilNudged(start, at, inbox, 'look again'),
};

/** People are asked, and reminded by whatever settles once the timer has fired. Whoever nudges has settled the verdict already, so execution is asked for at once: it settles again, and executes only what is approved. */
async function untilNudged(start: ProposalStart, at: ProposalState, inbox: Inbox, timer: string): Promise<ProposalState> {
  publishState(at);
  const nudged = await nudgeOrAfter(inbox, at.waitMs, timer);
  inbox.nudged = false;
  return nudged ? execute(start, at.edits) : settle(start);
}

/** Executed in an emergency. Whatever wakes it, settling finds that it was reviewed, or that this is overdue, and tells. */
async function untilReviewed(start: ProposalStart, at: ProposalState, inbox: Inbox): Promise<ProposalState> {
  publishState(at);
  await nudgeOrAfter(inbox, at.waitMs, 'review after an emergency');
  inbox.nudged = false;
  return settle(start);
}

/** Held. Whatever wakes it, execution is asked for: it finds what else holds, or that the time is over. */
async function untilReleased(start: ProposalStart, at: ProposalState, inbox: Inbox): Promise<ProposalState> {
  publishState(at);
  await nudgeOrAfter(inbox, at.waitMs, 'held: released, or expiry');
  inbox.nudged = false;
  return execute(start, at.edits);
}

/** Of an execution with effects one step after another: outside steps in activities of their own, the rest by asking for the execution, which does what comes next. */
async function underWay(start: ProposalStart, at: ProposalState, inbox: Inbox): Promise<ProposalState> {
  publishState(at);
  if (at.next === undefined) return execute(start, at.edits);
  if (at.waitMs === null) return perform(start, at.next);
  const nudged = await nudgeOrAfter(inbox, at.waitMs, `check ${at.next.name}`);
  inbox.nudged = false;
  return !nudged && patched(askedWhenDue) ? perform(start, at.next) : execute(start, at.edits);
}

/** A check whose time has come is asked at once, which finds out itself whether anything stands against it. Workflows from before asked for the execution first. */
const askedWhenDue = 'asked-when-due';

const idleMs = 2_000; // A step that left everything as it was (somebody else is at it) is not asked again at once.
const troubleMs = 5 * 60_000; // Long enough that a defect does not fill the history before somebody looks, short enough to need no one once it is mended.

async function takeStep(start: ProposalStart, at: ProposalState, inbox: Inbox): Promise<ProposalState> {
  try {
    const step = isFinal(at.status) ? untilReviewed : steps[at.status];
    const next = await step(start, at, inbox);
    if (!isOver(next) && next.status === at.status && next.waitMs === null && isSameStep(at.next, next.next))
      await nudgeOrAfter(inbox, idleMs, 'nothing happened: try again');
    return next;
  } catch (failure) {
    if (isCancellation(failure) || isForGood(failure)) throw failure;
    publishTrouble(at, failureTypeOf(failure));
    await nudgeOrAfter(inbox, troubleMs, 'trouble: try again');
    inbox.nudged = true; // Whatever the step had been woken for is still to be done.
    return at;
  }
}

function isSameStep(one: OutsideStep | undefined, other: OutsideStep | undefined): boolean {
  return one?.kind === other?.kind && one?.ordinal === other?.ordinal;
}

function failureTypeOf(failure: unknown): string {
  const cause = failure instanceof ActivityFailure ? failure.cause : failure;
  return cause instanceof ApplicationFailure ? (cause.type ?? 'unknown') : cause instanceof Error ? cause.name : 'unknown';
}

/** A fresh history: nothing is carried over, since everything is in the database. */
async function startOver(start: ProposalStart): Promise<never> {
  await condition(allHandlersFinished);
  return continueAsNew<typeof proposal>(start);
}
