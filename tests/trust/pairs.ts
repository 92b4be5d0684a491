import type { JsonObject, JsonValue } from '../../ontology/json.ts';
import type { RandomAction } from './random-world.ts';

/** Pairs of actions of which each reads what the other writes, and no row is written by both: what before-values alone would let through. */
type Pair = (round: number, at: number) => [RandomAction, RandomAction];

const reference = (to: string) => ({ type: 'reference', to, required: true });
const needed = { type: 'string', required: true };
const sides = ['left', 'right'] as const;

const type = (other: string): JsonObject => ({
  key: 'code',
  properties: {
    code: { type: 'string', required: true },
    mark: { type: 'string', indexed: true },
    on: { type: 'boolean', required: true, default: true },
    partner: { type: 'reference', to: other },
  },
});

const actions = (mine: string, other: string): JsonObject => ({
  [`add_${mine}`]: {
    parameters: { code: needed, mark: { type: 'string' }, partner: { type: 'reference', to: other } },
    rules: [{ rule: 'create', type: mine, set: { code: 'code', mark: 'mark', partner: 'partner' } }],
  },
  [`remove_${mine}`]: { parameters: { object: reference(mine) }, rules: [{ rule: 'delete', type: mine, object: 'object' }] },
  [`mirror_${mine}`]: {
    parameters: { mark: needed },
    rules: [
      {
        rule: 'forEach',
        as: 'x',
        in: { query: { type: other, where: 'x.mark == mark' } },
        do: [{ rule: 'create', type: mine, set: { code: `x.code + '${mine}'`, mark: 'mark' } }],
      },
    ],
  },
  [`leave_${mine}`]: {
    parameters: { object: reference(mine), other: reference(other) },
    criteria: [{ condition: 'other.on', message: 'One must stay on.' }],
    rules: [{ rule: 'modify', type: mine, object: 'object', set: { on: 'false' } }],
  },
});

export const pairsOntology: JsonValue = {
  objectTypes: { left: type('right'), right: type('left') },
  actionTypes: Object.fromEntries(
    Object.entries({ ...actions('left', 'right'), ...actions('right', 'left') }).map(([name, action]) => [
      name,
      { ...(action as JsonObject), approvalPolicy: 'by-itself' },
    ]),
  ),
  approvalPolicies: {
    'by-itself': {
      stages: [{ name: 'keepers', thresholds: [{ needed: 1, reviewers: "'keeper' in reviewer.roles" }] }],
      expiresAfter: 'PT1H',
      automatic: { condition: 'true', ceilings: { edits: 1000 } },
    },
  },
};

const name = (round: number, at: number) => `${round}-${at}`;

/** What a round's pairs are about: one object on either side with a mark of their own. */
export function prepared(round: number, pairs: number): RandomAction[] {
  return Array.from({ length: pairs }, (_, at) =>
    sides.map((side) => ({ actionType: `add_${side}`, parameters: { code: name(round, at), mark: name(round, at) } })),
  ).flat();
}

export const mirrors: Pair = (round, at) => [
  { actionType: 'mirror_left', parameters: { mark: name(round, at) } },
  { actionType: 'mirror_right', parameters: { mark: name(round, at) } },
];

export const leavers: Pair = (round, at) => [
  { actionType: 'leave_left', parameters: { object: name(round, at), other: name(round, at) } },
  { actionType: 'leave_right', parameters: { object: name(round, at), other: name(round, at) } },
];

/** One deletes what the other would refer to. */
export const referrers: Pair = (round, at) => [
  { actionType: 'add_left', parameters: { code: `new-${name(round, at)}`, partner: name(round, at) } },
  { actionType: 'remove_right', parameters: { object: name(round, at) } },
];

export function allOf(pair: Pair, round: number, pairs: number): RandomAction[] {
  return Array.from({ length: pairs }, (_, at) => pair(round, at)).flat();
}
