import type { Saga } from '../../ontology/saga.ts';

/** Optional effects that an execution went on without: of those whose outcome is unknown nobody knows whether they happened. */
export interface NotDone {
  failedEffects: string[];
  unknownEffects: string[];
}

export function notDone({ steps }: Pick<Saga, 'steps'>): NotDone {
  const inState = (wanted: string) => steps.filter(({ state }) => state === wanted).map(({ name }) => name);
  return { failedEffects: inState('refused'), unknownEffects: inState('unknown') };
}
