// This file imports nothing: workflow code runs in a sandbox and takes the state machine from here.

export const proposalStatuses = [
  'simulating',
  'invalid',
  'awaiting_approval',
  'changes_requested',
  'rejected',
  'expired',
  'withdrawn',
  'approved',
  'scheduled',
  'executing',
  'compensating',
  'needs_attention',
  'executed',
  'failed',
] as const;

export type ProposalStatus = (typeof proposalStatuses)[number];
export type FinalStatus = 'invalid' | 'rejected' | 'expired' | 'withdrawn' | 'executed' | 'failed';
export type OpenStatus = Exclude<ProposalStatus, FinalStatus>;

export const finalStatuses: readonly FinalStatus[] = ['invalid', 'rejected', 'expired', 'withdrawn', 'executed', 'failed'];

/**
 * Every step a proposal may take, with what must have happened for it. The database refuses any edge that is not here, and lets only its doors take the edges
 * into and out of `executing` and `compensating`.
 */
export const lifecycle: Readonly<Record<ProposalStatus, Readonly<Partial<Record<ProposalStatus, string>>>>> = {
  simulating: {
    invalid: 'a submission criterion failed, or the rules contradict each other or the state',
    awaiting_approval: 'a plan was stored',
    failed: 'the simulation cannot be computed',
    withdrawn: 'the proposer took it back',
    expired: 'its time ran out before a plan was stored',
  },
  awaiting_approval: {
    changes_requested: 'a reviewer asked for changes',
    rejected: 'more denials than a threshold tolerates',
    expired: 'its time ran out',
    withdrawn: 'the proposer took it back',
    simulating: 'the plan is stale',
    approved: 'quorum, or policy alone',
  },
  changes_requested: {
    simulating: 'the proposer revised it',
    withdrawn: 'the proposer took it back',
    expired: 'its time ran out',
  },
  approved: {
    scheduled: 'not yet: executeAfter, a freeze window, or a switch that is off',
    executing: 'the door began the execution',
    awaiting_approval: 'standing was lost, or policy became stricter',
    simulating: 'the plan is stale',
    withdrawn: 'the proposer took it back',
    expired: 'its time ran out',
  },
  scheduled: {
    executing: 'the door began the execution',
    awaiting_approval: 'standing was lost, or policy became stricter',
    simulating: 'the plan is stale',
    withdrawn: 'the proposer took it back',
    expired: 'its time ran out',
  },
  executing: {
    executed: 'edits, history, events and the execution row committed together',
    compensating: 'a step failed, a switch was thrown, or the plan went stale after an effect was sent',
    simulating: 'the plan is stale and no effect was sent',
    awaiting_approval: 'a stricter answer came and no effect was sent',
    failed: 'a step failed and there is nothing to undo',
  },
  compensating: {
    failed: 'every earlier step is undone',
    simulating: 'every earlier step is undone and the plan was stale',
    needs_attention: 'an undo was refused for good, or the outcome of an effect is unknown',
  },
  needs_attention: {
    compensating: 'an operator chose retry or skip',
    failed: 'an operator chose abort',
  },
  invalid: {},
  rejected: {},
  expired: {},
  withdrawn: {},
  executed: {},
  failed: {},
};

/** The same table as pairs, in the order of `proposalStatuses`; the database's `lifecycle_edge` holds exactly these rows. */
export const lifecycleEdges: readonly (readonly [from: ProposalStatus, to: ProposalStatus])[] = proposalStatuses.flatMap((from) =>
  proposalStatuses.filter((to) => lifecycle[from][to] !== undefined).map((to) => [from, to] as const),
);

export function isFinal(status: ProposalStatus): status is FinalStatus {
  return (finalStatuses as readonly ProposalStatus[]).includes(status);
}

export function mayBecome(from: ProposalStatus, to: ProposalStatus): boolean {
  return lifecycle[from][to] !== undefined;
}

/** Edges that only a door in the database may take. */
export function isDoorEdge(from: ProposalStatus, to: ProposalStatus): boolean {
  const guarded: readonly ProposalStatus[] = ['executing', 'compensating'];
  return guarded.includes(from) || guarded.includes(to);
}
