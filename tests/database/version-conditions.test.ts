// Which version of an action type is in force, for what was proposed with it: with everything as it should be, and with one fact of it another.
import { describe } from 'vitest';
import { type Attempt, craftedRows, type Row, typeVersion } from './crafted-rows.ts';

const { each } = craftedRows();

describe('which version is in force', () => {
  const type = (name: string, current_version: number, more: Row = {}): Row => ({ name, current_version, retired: false, ...more });
  const text = (more: Row = {}) => ({
    actionType: { whenRedefined: 'keepVersion' },
    approvalPolicy: {},
    objectTypes: { t: { key: 'a', properties: { a: 1 } } },
    linkTypes: { l: 1 },
    ...more,
  });
  const version = (name: string, number: number, definition: unknown) =>
    typeVersion({ name, version: number, ontology_version: number, definition: JSON.stringify(definition) });
  const ask = (types: Row[], versions: Row[], of: readonly [string, number]): Attempt => ({
    rows: { action_type: types, action_type_version: versions },
    call: 'SELECT exequatur.in_force($1, $2)',
    values: of,
  });
  const kept = (now: unknown, ...between: unknown[]): Attempt => {
    const all = [text({ actionType: {} }), ...between, now];
    return ask(
      [type('send', all.length)],
      all.map((one, at) => version('send', at + 1, one)),
      ['send', 1],
    );
  };
  const set = (types: Row[], members: Row = { lend: 1, send: 2 }, of: readonly [string, number] = ['lend+send', 1]): Attempt =>
    ask(types, [version('lend+send', 1, { members }), version('lend+send', 2, { members: {} })], of);
  const two = [version('send', 1, text()), version('send', 2, text())];
  const keeps = (types: Row[], versions = two): Attempt => ({
    ...ask(types, versions, ['send', 1]),
    call: 'SELECT exequatur.keeps_version($1, $2)',
  });
  each([
    ['one that is kept, by itself', 'true', keeps([type('send', 2)])],
    ['one that nothing took the place of is kept by none', 'false', keeps([type('send', 1)])],
    ['one that is kept and retired, by itself', 'false', keeps([type('send', 2, { retired: true })])],
    [
      'one that is kept, whatever came after what is in force',
      'true',
      keeps([type('send', 2)], [...two, version('send', 3, text({ actionType: {} }))]),
    ],
    ['the current one', 'true', ask([type('send', 1)], [], ['send', 1])],
    [
      'another one',
      'false',
      ask([type('send', 2)], [version('send', 1, text()), version('send', 2, text({ actionType: {} }))], ['send', 1]),
    ],
    ['one that is retired', 'false', ask([type('send', 1, { retired: true })], [], ['send', 1])],
    ['one that there is not', 'false', ask([], [], ['send', 1])],
    ['one that is kept', 'true', kept(text())],
    [
      'one that is kept and retired',
      'false',
      ask([type('send', 2, { retired: true })], [version('send', 1, text()), version('send', 2, text())], ['send', 1]),
    ],
    ['one that a version in between does not keep', 'false', kept(text(), text({ actionType: {} }))],
    ['one that a version in between keeps', 'true', kept(text(), text())],
    ['one that the next does not keep', 'false', kept(text({ actionType: { whenRedefined: 'simulateAgain' } }))],
    ['one of other objects', 'false', kept(text({ objectTypes: { t: { key: 'b', properties: { a: 1 } } } }))],
    ['one of objects with another property', 'false', kept(text({ objectTypes: { t: { key: 'a', properties: { a: 2 } } } }))],
    ['one of objects with one more property', 'true', kept(text({ objectTypes: { t: { key: 'a', properties: { a: 1, b: 1 } } } }))],
    ['one of objects that are gone', 'false', kept(text({ objectTypes: {} }))],
    ['one of other links', 'false', kept(text({ linkTypes: { l: 2 } }))],
    ['one with one more link', 'true', kept(text({ linkTypes: { l: 1, m: 1 } }))],
    ['one of other functions', 'false', kept(text({ functions: {} }))],
    ['one that is to come', 'false', ask([type('send', 1)], [version('send', 1, text()), version('send', 2, text())], ['send', 2])],
    ['of a set, those of its members', 'true', set([type('lend', 1), type('send', 2)])],
    ['of a set, one that there is not', 'false', set([type('lend', 1), type('send', 2)], { lend: 1, send: 2 }, ['lend+send', 3])],
    ['of a set with another version of a member', 'false', set([type('lend', 1), type('send', 3)])],
    ['of a set with a member that is retired', 'false', set([type('lend', 1), type('send', 2, { retired: true })])],
    ['of a set with a member that is gone', 'false', set([type('lend', 1)])],
  ]);
});
