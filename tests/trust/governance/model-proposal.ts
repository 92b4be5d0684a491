/** What the model keeps of a proposal, and of what was put in force. */
import type { Decision, Grant } from './commands.ts';

export interface Principal {
  roles: readonly string[];
  teams: readonly string[];
  disabled: boolean;
  actsFor: string | null;
  /** Whoever has the same number is the same person. */
  person: number;
}

export interface Review {
  by: string;
  /** Given on somebody's behalf, and by which delegation. */
  behalf: string | null;
  delegation: Delegation | null;
  decision: Decision;
  at: number;
  /** Those that counted for it once it was given, and all that came since. */
  roles: readonly string[];
}

export interface Delegation {
  delegator: string;
  delegate: string;
  role: string | null;
  action: string | null;
  from: number;
  until: number;
  revoked: boolean;
}

/** Of which plan of which revision; it no longer counts once the plan was another in between. */
export interface Glass {
  by: string;
  at: number;
  of: string;
  counts: boolean;
  lookedAt: boolean;
}

/** What was proposed to be put in force, and against what. */
export type Setting =
  | { on: string; thrown: number }
  | { policies: number; base: number }
  | { grant: Grant; start: number | null; until: number };

export interface Proposal {
  by: string;
  /** For whom the proposer acted when it was made. */
  behalf: string | null;
  action: string;
  size: number;
  revision: number;
  status: string;
  after: number | null;
  expires: number;
  reviews: Review[];
  /** Sets of policies that refused which plan of it, until somebody reviews it again. */
  refusedBy: Set<string>;
  /** Policy alone would approve it, and policies refused to execute it: people are asked. */
  asked: boolean;
  /** What its plan does; null until it has one. */
  plan: Effect | null;
  /** How often the box had been filled when it was planned. */
  seen: number;
  /** Of a revert, what it takes back. */
  revertOf: Proposal | null;
  glasses: Glass[];
  /** Who ever approved which plan of which revision, also where it does not count any more. */
  approvers: { ids: string[]; of: string }[];
  /** Of a change of what governs. */
  setting: Setting | null;
}

/** A slot that is made or goes, another filling of the box, or a setting: a switch, a set of policies that replaces a version, by an earlier version perhaps, or a delegation. */
export type Effect =
  | { slot: string; made: boolean }
  | { from: string; to: string }
  | { on: string; thrown: number }
  | { set: number; base: number; version: number | null }
  | { granted: Grant; start: number | null; until: number };

export const over = ['invalid', 'rejected', 'expired', 'withdrawn', 'executed', 'failed'];

export function keyOf(plan: Effect): string {
  return JSON.stringify(plan);
}

export function planKey({ revision, plan }: Proposal): string {
  return `${revision}/${plan === null ? '' : keyOf(plan)}`;
}

export function actionOf(setting: Setting): string {
  return 'on' in setting ? '$switchOn' : 'policies' in setting ? '$changePolicies' : '$delegate';
}

/** What a family of reverts began with. */
export function firstOf(proposal: Proposal): Proposal {
  return proposal.revertOf === null ? proposal : firstOf(proposal.revertOf);
}

/** How many reverts it is away from that. */
export function depthOf({ revertOf }: Proposal): number {
  return revertOf === null ? 0 : 1 + depthOf(revertOf);
}

export function isOpen({ status }: Proposal): boolean {
  return !over.includes(status);
}
