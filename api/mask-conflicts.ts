import type { Mask } from '../ontology/mask.ts';
import type { SagaView } from '../store/saga/saga-view.ts';
import type { UndoConflict } from '../store/saga/undo-conflict.ts';

/** What stands in the way of putting edits back, and what was left of them, as this reader sees it: who has a value, and where one leads, tells of the value. */
export function maskConflicts(saga: SagaView, mask: Mask): SagaView {
  const isHidden = (type: string, property: string | undefined) => property !== undefined && mask.hides('objectTypes', type, property);
  const shown = (conflict: UndoConflict): UndoConflict => {
    if ('code' in conflict || conflict.by === undefined) return conflict;
    const { by, ...rest } = conflict;
    const isTelling = isHidden(rest.type, rest.property) || isHidden(rest.type, by.through) || isHidden(by.type, by.property);
    return isTelling ? rest : conflict;
  };
  const { attention, left } = saga;
  return {
    ...saga,
    attention: attention && { ...attention, conflicts: attention.conflicts?.map(shown) ?? null },
    left: left && { ...left, conflicts: left.conflicts.map(shown) },
  };
}
