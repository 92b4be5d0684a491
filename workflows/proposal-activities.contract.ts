import type { ProposalStatus } from '../ontology/lifecycle.ts';
import type { ProposalStart } from './proposal.contract.ts';

/** What the workflow and its activities agree on. It is written into workflow histories, so fields are added, never renamed or given another meaning. */

/** The state that an activity committed or found: decisions, ids and digests, never parameters, plans or rows. */
export interface ProposalState {
  readonly status: ProposalStatus;
  readonly revision: number;
  readonly digest: string | null;
  readonly expiresAt: string;
  /** How long nothing happens by itself; null where the next step is the engine's. */
  readonly waitMs: number | null;
  /** What the timer is for, where it is neither the expiry nor a release: `review` after an emergency, also in a final state. Histories from before there were reminders lack it. */
  readonly waitsFor?: 'reminder' | 'escalation' | 'review';
  /** Which approvals are missing, in words. */
  readonly missing: string;
  /** What holds it until when, in words. Histories from before there were holds lack it. */
  readonly held?: string;
  readonly edits: number | null;
  readonly riskTier: string | null;
  /** A code of the catalogue of problems. */
  readonly failure: string | null;
  /** What is to be done next outside the database; `waitMs` is then how long until it is due. Histories from before there were effects lack it. */
  readonly next?: OutsideStep;
  /** That the next step is a check in its bake time: until when, and how often it was asked. Histories from before checks were asked again lack it. */
  readonly bakes?: { readonly until: string; readonly asked: number };
  /** Of `perform`: the number of the last attempt that was made, 0 where none was. Older histories lack it. */
  readonly tried?: number;
  /** In `needs_attention`: about which step a person is asked, and why. Older histories lack it. */
  readonly attention?: { readonly step: string; readonly why: string };
}

/** One step of an execution with effects, by its place in the plan. */
export interface OutsideStep {
  readonly kind: 'do' | 'undo';
  readonly ordinal: number;
  readonly name: string;
  /** Which plan's run has the step. Histories from before it was told lack it, and the next. */
  readonly of?: string;
  /** The database server that said that it comes next, which is another after each restart. */
  readonly server?: string;
}

export type PerformStart = ProposalStart & { readonly step: OutsideStep };

/**
 * Each activity is total: it does its step where the proposal's state calls for it, does nothing where it does not, and always returns the state that is now
 * committed. So any of them may run twice, at once, late, or in the wrong order.
 */
export interface ProposalActivities {
  simulate(start: ProposalStart): Promise<ProposalState>;
  settle(start: ProposalStart): Promise<ProposalState>;
  execute(start: ProposalStart): Promise<ProposalState>;
  /** Tries one step outside the database, or takes it back. Fails, to be tried again, for as long as that is worth it. */
  perform(start: PerformStart): Promise<ProposalState>;
  /** Ends a proposal whose simulation failed for good. */
  abandonSimulation(start: ProposalStart): Promise<ProposalState>;
}

/** Types of `ApplicationFailure`. Operators search for them and the workflow tells them apart by them. */
export const failureTypes = {
  /** PostgreSQL did not answer. Tried again without end, since nothing but its return helps. */
  databaseAway: 'DatabaseAway',
  policyEngineAway: 'PolicyEngineAway',
  /** The database holds no such proposal: the workflow was started for something that never was. */
  proposalNotFound: 'ProposalNotFound',
  /** A step outside is tried again: the receiver did not answer, or said that it will later. */
  effectNotDone: 'EffectNotDone',
  /** Temporal did not say what it knows of earlier attempts at a step that is not to be sent again blindly. */
  historyAway: 'HistoryAway',
  /** A defect, or a database that refuses what it never should. Tried a few times. */
  bug: 'Bug',
} as const;
