/** What stands in the way of putting an object or a property back; or, where nobody foresaw it, why the database takes none of them back. */
export type UndoConflict = ObjectConflict | { code: string };

export interface ObjectConflict {
  type: string;
  /** Of a link both ends. */
  id: string;
  /** `$` where it is the object or the link itself. */
  property: string;
  /** Absent of those from before it was told; then it was changed. */
  because?: 'changed' | 'not_unique' | 'unknown_reference' | 'still_referenced' | 'defined_otherwise';
  /** Who has the unique value, what is gone, or what refers to it; and through which property of the object it would refer to what is gone. */
  by?: { type: string; id: string; property?: string; through?: string };
}
