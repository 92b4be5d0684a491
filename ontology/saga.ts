// What an execution with effects does next. Pure: the database holds the state, workers do the steps, and this says which.
//
// | step          | do                     | undo                       | key                                    | after a crash in the middle                    |
// |---------------|------------------------|----------------------------|----------------------------------------|------------------------------------------------|
// | write-back n  | its request            | its compensation           | proposal, plan, run, n, `do` or `undo` | `lostAnswer`: sent again, probed, or a person  |
// | edits         | apply_plan             | undo_execution             | the execution's id                     | a repeat finds the stored outcome              |
// | side effect n | its request            | its compensation           | as a write-back                        | as a write-back                                |
// | check n       | its probe, or CEL      | nothing to undo            | as a write-back, and which asking      | asked again                                    |
//
// Forward from top to bottom, back from bottom to top. That a step is tried is on record before it is tried, and so is its compensation, in the plan.

export type StepState =
  /** Not tried. */
  | 'waiting'
  /** An attempt was begun; its answer is not known yet. */
  | 'sending'
  | 'done'
  /** For good, and surely not done. */
  | 'refused'
  /** It may have happened or not, and nothing more is tried. */
  | 'unknown'
  | 'undoing'
  | 'undone'
  /** The undo was refused for good. */
  | 'stuck'
  /** An operator has seen to it. */
  | 'skipped';

export type EditsState = 'waiting' | 'applied' | 'undone' | 'stuck' | 'skipped';

export interface SagaStep {
  ordinal: number;
  name: string;
  phase: 'writeBack' | 'sideEffect' | 'check';
  optional: boolean;
  state: StepState;
  /** Whether the plan says how to take it back. */
  hasCompensation: boolean;
  /** A person decides about an unknown outcome, even where there is a compensation. */
  asksPerson: boolean;
  /** Of a check: when it is asked next; null where it has yet to be looked at. In a form whose texts are in the order of their times. */
  dueAt: string | null;
}

export interface Saga<S extends SagaStep = SagaStep> {
  direction: 'forward' | 'back';
  edits: EditsState;
  steps: readonly S[];
}

export type NextStep<S extends SagaStep = SagaStep> =
  | { kind: 'do' | 'undo'; step: S }
  | { kind: 'apply' | 'undoEdits' }
  /** Forward is over, for good or because a step failed: `failed` names it. */
  | { kind: 'finish' }
  | { kind: 'turnBack'; failed: S }
  /** Back is over. */
  | { kind: 'end' }
  /** A person decides about this step, or about the edits. */
  | { kind: 'attention'; step: S | 'edits' };

/** `steps` MAY be some of them alone, as long as those are among them that `store/saga/saga-ahead.ts` names. */
export function nextStep<S extends SagaStep>(saga: Saga<S>): NextStep<S> {
  return saga.direction === 'forward' ? forward(saga) : back(saga);
}

function forward<S extends SagaStep>({ edits, steps }: Saga<S>): NextStep<S> {
  const failed = steps.find((step) => hasFailed(step));
  if (failed !== undefined) return { kind: 'turnBack', failed };
  const next = steps.find((step) => step.phase !== 'check' && isToDo(step)) ?? nextCheck(steps);
  if (edits === 'waiting' && next?.phase !== 'writeBack') return { kind: 'apply' };
  return next === undefined ? { kind: 'finish' } : { kind: 'do', step: next };
}

function isToDo({ state }: SagaStep): boolean {
  return state === 'waiting' || state === 'sending';
}

/** Checks bake side by side: next is whichever is due first. */
function nextCheck<S extends SagaStep>(steps: readonly S[]): S | undefined {
  return steps
    .filter((step) => step.phase === 'check' && isToDo(step))
    .reduce<S | undefined>((first, step) => (first === undefined || (step.dueAt ?? '') < (first.dueAt ?? '') ? step : first), undefined);
}

/** An optional side effect that failed is told, and undoes nothing. */
function hasFailed({ state, optional }: SagaStep): boolean {
  return !optional && (state === 'refused' || state === 'unknown');
}

function back<S extends SagaStep>({ edits, steps }: Saga<S>): NextStep<S> {
  const reversed = [...steps].reverse();
  const after = reversed.filter(({ phase }) => phase !== 'writeBack');
  const before = reversed.filter(({ phase }) => phase === 'writeBack');
  return undoOf(after) ?? undoEdits(edits) ?? undoOf(before) ?? { kind: 'end' };
}

function undoOf<S extends SagaStep>(reversed: readonly S[]): NextStep<S> | undefined {
  for (const step of reversed) {
    const next = undoStep(step);
    if (next !== undefined) return next;
  }
  return undefined;
}

function undoStep<S extends SagaStep>(step: S): NextStep<S> | undefined {
  const { state, phase, optional, hasCompensation, asksPerson } = step;
  if (phase === 'check') return undefined;
  switch (state) {
    case 'waiting':
    case 'refused':
    case 'undone':
    case 'skipped':
      return undefined;
    case 'undoing':
      return { kind: 'undo', step };
    case 'stuck':
      return { kind: 'attention', step };
    case 'done':
      if (hasCompensation) return { kind: 'undo', step };
      return optional ? undefined : { kind: 'attention', step };
    case 'sending':
    case 'unknown':
      if (hasCompensation && !asksPerson) return { kind: 'undo', step };
      return optional && !hasCompensation ? undefined : { kind: 'attention', step };
  }
}

function undoEdits(edits: EditsState): NextStep<never> | undefined {
  if (edits === 'applied') return { kind: 'undoEdits' };
  return edits === 'stuck' ? { kind: 'attention', step: 'edits' } : undefined;
}

export type OperatorDecision = 'retry' | 'skip' | 'abort';

/** Whether there is something to try again: without a compensation nothing takes the step back. */
export function mayRetry(step: SagaStep | 'edits'): boolean {
  return step === 'edits' || step.hasCompensation;
}

/** What people call a step, or the edits. */
export function nameOfStep(step: SagaStep | 'edits'): string {
  return step === 'edits' ? 'edits' : step.name;
}
