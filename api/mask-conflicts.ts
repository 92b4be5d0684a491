import type { Mask } from '../ontology/mask.ts';
import type { SagaView } from '../store/saga/saga-view.ts';

/** What stands in the way of putting edits back, as this reader sees it: who has a value, and where one leads, tells of the value. */
export function maskConflicts(saga: SagaView, mask: Mask): SagaView {
  const conflicts = saga.attention?.conflicts;
  if (saga.attention === null || !conflicts) return saga;
  const isHidden = (type: string, property: string | undefined) => property !== undefined && mask.hides('objectTypes', type, property);
  const shown = conflicts.map((conflict) => {
    if ('code' in conflict || conflict.by === undefined) return conflict;
    const { by, ...rest } = conflict;
    const isTelling = isHidden(rest.type, rest.property) || isHidden(rest.type, by.through) || isHidden(by.type, by.property);
    return isTelling ? rest : conflict;
  });
  return { ...saga, attention: { ...saga.attention, conflicts: shown } };
}
