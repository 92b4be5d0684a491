import { expect, it } from 'vitest';
import { Mask } from '../ontology/mask.ts';
import { SensitiveFields } from '../ontology/sensitive-fields.ts';
import type { SagaView } from '../store/saga/saga-view.ts';
import { maskConflicts } from './mask-conflicts.ts';

const text = { type: 'string' } as const;
const fields = new SensitiveFields(
  {
    objectTypes: {
      person: {
        properties: {
          name: text,
          badge: { ...text, unique: true, sensitive: true },
          superior: { type: 'reference', to: 'person', sensitive: true },
        },
      },
    },
    actionTypes: {},
  },
  [],
);
type Conflicts = NonNullable<NonNullable<SagaView['attention']>['conflicts']>;
const saga = (conflicts: Conflicts): SagaView => ({
  ...{ run: 1, direction: 'back', edits: 'stuck', steps: [], cancelled: null },
  attention: { id: 'x.edits', step: 'edits', choices: ['retry', 'skip', 'abort'], conflicts, conflictCount: conflicts.length },
  left: { conflicts, conflictCount: conflicts.length },
});
const conflicts: Conflicts = [
  { type: 'person', id: 'A', property: 'badge', because: 'not_unique', by: { type: 'person', id: 'B', property: 'badge' } },
  { type: 'person', id: 'A', property: '$', because: 'not_unique', by: { type: 'person', id: 'B', property: 'badge' } },
  { type: 'person', id: 'A', property: '$', because: 'unknown_reference', by: { type: 'person', id: 'B', through: 'superior' } },
  { type: 'person', id: 'A', property: '$', because: 'still_referenced', by: { type: 'person', id: 'B', property: 'superior' } },
  { type: 'person', id: 'A', property: 'name', because: 'not_unique', by: { type: 'person', id: 'B', property: 'name' } },
  { code: 'not_unique' },
];

it('does not say whose a sensitive value is by now, nor where one leads, to who may not see it', () => {
  const { attention, left } = maskConflicts(saga(conflicts), new Mask(fields, () => false));
  for (const shown of [attention?.conflicts ?? [], left?.conflicts ?? []]) {
    expect(shown.map((one) => 'by' in one)).toEqual([false, false, false, false, true, false]);
    expect(shown.map((one) => ('id' in one ? one.id : one.code))).toEqual(['A', 'A', 'A', 'A', 'A', 'not_unique']);
  }
});

it('says it to who may', () => {
  expect(maskConflicts(saga(conflicts), new Mask(fields, () => true))).toEqual(saga(conflicts));
});
