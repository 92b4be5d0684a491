import type { JsonObject } from '../../ontology/json.ts';

const text = { type: 'string' };
const needed = { type: 'string', required: true };
const to = (type: string) => ({ type: 'reference', to: type, required: true });
const item = (set: JsonObject) => [{ rule: 'modify', type: 'item', object: 'item', set }];

/** Each asks for two keepers, so that one review can come before and one after the other action. */
const asked: Record<string, JsonObject> = {
  paint: { parameters: { item: to('item'), colour: needed }, rules: item({ colour: 'colour' }) },
  paintOpen: {
    parameters: { item: to('item'), colour: needed },
    criteria: [{ condition: "item.state != 'closed'", message: 'It is closed.' }],
    rules: item({ colour: 'colour' }),
  },
  paintLike: {
    parameters: { item: to('item'), model: to('item'), colour: { ...text, prefill: 'model.colour' } },
    rules: item({ note: 'colour' }),
  },
  paintBelow: {
    parameters: { item: { ...to('item'), constraints: [{ condition: 'item.count < 9', message: 'That is enough.' }] } },
    rules: item({ note: "'few'" }),
  },
  paintSet: {
    parameters: { items: { type: 'objectSet', of: 'item', required: true } },
    rules: [
      { rule: 'forEach', as: 'x', in: { list: 'items' }, do: [{ rule: 'modify', type: 'item', object: 'x', set: { note: "'chosen'" } }] },
    ],
  },
  paintAll: {
    parameters: { state: needed },
    rules: [
      {
        rule: 'forEach',
        as: 'x',
        in: { query: { type: 'item', where: 'x.state == state' } },
        do: [{ rule: 'modify', type: 'item', object: 'x', set: { note: "'all'" } }],
      },
    ],
  },
  fill: {
    parameters: { shelves: { type: 'array', items: { type: 'reference', to: 'shelf' }, required: true } },
    rules: [
      {
        rule: 'forEach',
        as: 's',
        in: { list: 'shelves' },
        do: [
          {
            rule: 'forEach',
            as: 'x',
            in: { link: 'stands', of: 's' },
            do: [{ rule: 'modify', type: 'item', object: 'x', set: { note: 's.name' } }],
          },
        ],
      },
    ],
  },
  tellFriends: {
    parameters: { shelf: to('shelf') },
    rules: [
      {
        rule: 'forEach',
        as: 'x',
        in: { path: [{ link: 'stands' }, { link: 'friends' }], of: 'shelf' },
        do: [{ rule: 'modify', type: 'item', object: 'x', set: { note: "'told'" } }],
      },
    ],
  },
  make: {
    parameters: { code: needed, shelf: { type: 'reference', to: 'shelf' } },
    rules: [{ rule: 'create', type: 'item', set: { code: 'code', shelf: 'shelf' } }],
  },
  tag: { parameters: { item: to('item'), tag: needed }, rules: item({ tag: 'tag' }) },
  move: { parameters: { item: to('item'), shelf: to('shelf') }, rules: item({ shelf: 'shelf' }) },
  remove: { parameters: { item: to('item') }, rules: [{ rule: 'delete', type: 'item', object: 'item' }] },
  removeShelf: { parameters: { shelf: to('shelf') }, rules: [{ rule: 'delete', type: 'shelf', object: 'shelf' }] },
  leaveBoth: {
    parameters: { a: to('member'), b: to('member'), club: to('club') },
    rules: ['a', 'b'].map((object) => ({ rule: 'modify', type: 'member', object, set: { club: 'club' } })),
  },
  befriend: { parameters: { a: to('item'), b: to('item') }, rules: [{ rule: 'link', link: 'friends', from: 'a', to: 'b' }] },
  estrange: { parameters: { a: to('item'), b: to('item') }, rules: [{ rule: 'unlink', link: 'friends', from: 'a', to: 'b' }] },
};

/** The same by themselves, and what only prepares. */
const immediate: Record<string, JsonObject> = {
  set: {
    parameters: { item: to('item'), colour: text, state: text, count: { type: 'integer' } },
    rules: (['colour', 'state', 'count'] as const).map((property) => ({
      rule: 'modify',
      type: 'item',
      object: 'item',
      set: { [property]: property },
      when: `${property} != null`,
    })),
  },
  addShelf: { parameters: { name: needed }, rules: [{ rule: 'create', type: 'shelf', set: { name: 'name' } }] },
  found: {
    parameters: { name: needed, first: needed },
    rules: [
      { rule: 'create', type: 'club', set: { name: 'name' } },
      { rule: 'create', type: 'member', set: { name: 'first', club: 'name' } },
    ],
  },
  enlist: {
    parameters: { member: needed, club: to('club') },
    rules: [{ rule: 'create', type: 'member', set: { name: 'member', club: 'club' } }],
  },
  join: {
    parameters: { member: to('member'), club: to('club') },
    rules: [{ rule: 'modify', type: 'member', object: 'member', set: { club: 'club' } }],
  },
};

const stages = [{ name: 'keepers', thresholds: [{ needed: 2, reviewers: "'keeper' in reviewer.roles" }] }];
/** Items on shelves, with friends, and members of clubs: `paint` waits for people, `paintNow` does the same by itself. */
export const conflictsDocument = {
  objectTypes: {
    shelf: { key: 'name', properties: { name: needed } },
    item: {
      key: 'code',
      properties: {
        code: needed,
        colour: text,
        state: { ...text, default: 'open', indexed: true },
        count: { type: 'integer', default: 0 },
        note: text,
        tag: { ...text, unique: true },
        shelf: { type: 'reference', to: 'shelf' },
      },
    },
    club: { key: 'name', properties: { name: needed } },
    member: { key: 'name', properties: { name: needed, club: { type: 'reference', to: 'club' } } },
  },
  linkTypes: {
    stands: { from: 'shelf', to: 'item', cardinality: 'one-to-many', via: 'shelf' },
    friends: { from: 'item', to: 'item', cardinality: 'many-to-many', onDelete: 'unlink' },
    members: { from: 'club', to: 'member', cardinality: 'one-to-many', via: 'club', requiredEnds: ['from'] },
  },
  actionTypes: {
    ...Object.fromEntries(Object.entries(asked).map(([name, action]) => [name, { ...action, approvalPolicy: 'two-keepers' }])),
    ...Object.fromEntries(
      Object.entries({ ...asked, ...immediate }).map(([name, action]) => [`${name}Now`, { ...action, approvalPolicy: 'by-itself' }]),
    ),
  },
  approvalPolicies: {
    'two-keepers': { stages, expiresAfter: 'PT1H' },
    'by-itself': { stages, expiresAfter: 'PT1H', automatic: { condition: 'true', ceilings: { edits: 100 } } },
  },
};
