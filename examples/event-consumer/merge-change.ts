import type { EventData } from './apply-event.ts';

/** What is known of an object. A change that was held back comes behind later ones, and each change has only what it set: so it is remembered of each property which was the last. */
export interface Copy {
  /** The greatest that was heard of. */
  version: number;
  /** Of the last deletion, 0 without one: the object is there where another change followed. */
  deleted: number;
  properties: Record<string, unknown>;
  /** By property the version that last set or unset it. */
  changed: Record<string, number>;
}

export const unknownObject: Copy = { version: 0, deleted: 0, properties: {}, changed: {} };

/** The copy with one more change, the same in whatever order changes come. */
export function merged(copy: Copy, type: string, { version = 0, set = {}, unset = [] }: EventData): Copy {
  const deleted = type === 'object.deleted' ? Math.max(copy.deleted, version) : copy.deleted;
  const next: Copy = { version: Math.max(copy.version, version), deleted, properties: {}, changed: {} };
  const isNew = (name: string) => version > deleted && version > (copy.changed[name] ?? 0);
  const touched = [...Object.keys(set), ...unset].filter(isNew);
  for (const [name, at] of Object.entries(copy.changed)) {
    if (at <= deleted || touched.includes(name)) continue;
    next.changed[name] = at;
    if (Object.hasOwn(copy.properties, name)) next.properties[name] = copy.properties[name];
  }
  for (const name of touched) {
    next.changed[name] = version;
    if (Object.hasOwn(set, name)) next.properties[name] = set[name];
  }
  return next;
}
