import { describe, expect, it } from 'vitest';
import type { OntologyDocument } from '../../ontology/definition.ts';
import type { Edit } from '../../ontology/plan.ts';
import { type Entry, replay } from './sequential-replay.ts';

const document: OntologyDocument = {
  objectTypes: { parcel: { key: 'code', properties: { code: { type: 'string', required: true }, weight: { type: 'integer' } } } },
};
const plan = (...edits: Edit[]) => Buffer.from(['{}', '{}', ...edits.map((edit) => JSON.stringify(edit))].join('\n'));
const weigh = (before: number, weight: number) =>
  plan({ op: 'modify', type: 'parcel', id: 'P1', set: { weight }, before: { weight: before } });
const entry = (type: Entry['type'], execution: string, bytes: Buffer, more: Partial<Entry> = {}): Entry => {
  return { type, execution, bytes, atMs: 0, told: null, refused: [], skipped: false, left: false, ...more };
};
const received = entry('proposal.executed', 'received', plan({ op: 'create', type: 'parcel', id: 'P1', set: { code: 'P1', weight: 1 } }));
const applied = (more?: Partial<Entry>) => entry('execution.applied', 'x', weigh(1, 2), more);
const undone = (more?: Partial<Entry>) => entry('execution.undone', 'x', weigh(1, 2), more);
const others = entry('proposal.executed', 'others', weigh(2, 3));
const changed: Entry['told'] = [{ type: 'parcel', id: 'P1', property: 'weight', because: 'changed' }];

describe('what an audit log tells of executions', () => {
  it.each<[string, Entry[], number]>([
    ['was executed in the end', [applied(), entry('proposal.executed', 'x', weigh(1, 2))], 2],
    ['was taken back', [applied(), undone()], 1],
    ['was taken back but for what others changed, as an operator said', [applied(), others, undone({ told: changed, skipped: true })], 3],
    ['was left by an operator', [applied({ left: true })], 2],
  ])('is found whole where what was applied %s', (_words, entries, weight) => {
    const { objects, faults } = replay([received, ...entries], document);
    expect(faults).toEqual([]);
    expect(objects.get('parcel P1')).toMatchObject({ weight });
  });

  it.each<[string, Entry[], RegExp]>([
    ['neither stayed nor was taken back', [applied()], /x was applied, and neither executed nor undone/],
    ['found another value than the plan says', [others], /found {"weight":2}, not/],
    ['was taken back over what others changed', [applied(), others, undone()], /weight of parcel P1 changed, and not nothing/],
    [
      'was not taken back where nothing was in the way',
      [applied(), undone({ told: changed, skipped: true })],
      /x: nothing, and not weight/,
    ],
    ['was taken back in part, and nobody said so', [applied(), others, undone({ told: changed })], /in part, and nobody said so/],
  ])('is found broken where something %s', (_words, entries, fault) => {
    expect(replay([received, ...entries], document).faults.join()).toMatch(fault);
  });
});
