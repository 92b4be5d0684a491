import { pointerTo } from './json.ts';
import type { Fault } from './plan.ts';

/** Gathers what is wrong with a document, so that an author sees all of it at once. */
export class FaultList {
  readonly faults: Fault[] = [];

  add(pointer: string, message: string): void {
    this.faults.push({ code: 'invalid_ontology', pointer, message });
  }

  addAt(base: string, steps: readonly (string | number)[], message: string): void {
    this.add(pointerTo(base, ...steps), message);
  }

  /** Takes the result of a compilation apart: the fault is kept here, the rest is returned. */
  take<T extends object>(outcome: T | { fault: Fault }): T | undefined {
    if ('fault' in outcome) {
      this.faults.push(outcome.fault);
      return undefined;
    }
    return outcome;
  }

  get isEmpty(): boolean {
    return this.faults.length === 0;
  }
}
