import { Counter, type Registry } from 'prom-client';
import type { StepEnd } from '../store/saga/announce-step.ts';

export type EndedEffects = Counter<'way' | 'state' | 'optional'>;

/** How often what is done outside the database was done, refused or undone, or is unknown: what an optional effect came to stops nothing, so nobody else would ask. */
export function countEndedEffects(registry: Registry): EndedEffects {
  return new Counter({
    name: 'exequatur_effects_ended_total',
    help: 'Steps outside of executions that came to an end, by way (do, undo), state, and whether they were optional.',
    labelNames: ['way', 'state', 'optional'],
    registers: [registry],
  });
}

export function countEnd(counter: EndedEffects, { way, state, optional }: StepEnd): void {
  counter.inc({ way, state, optional: String(optional) });
}
