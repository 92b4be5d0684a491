import { type NextStep, nameOfStep } from '../../ontology/saga.ts';
import type { StepRow } from './saga-rows.ts';

/** What a person is asked about: which step, and why, in words of ours that hold nothing of the plan. */
export interface Attention {
  step: string;
  why: string;
}

/** Null where the saga goes on by itself. */
export function attentionOf(next: NextStep<StepRow>): Attention | null {
  if (next.kind !== 'attention') return null;
  const { step } = next;
  if (step === 'edits') return { step: nameOfStep(step), why: 'objects were changed or referred to since' };
  const problem = step.problem?.message;
  if (step.state === 'unknown' || step.state === 'sending')
    return { step: step.name, why: `its outcome is unknown: ${problem ?? 'no answer'}` };
  return { step: step.name, why: step.hasCompensation ? (problem ?? 'its undo was refused') : 'nothing takes it back' };
}
