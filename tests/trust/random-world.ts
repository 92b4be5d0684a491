import type { JsonObject, JsonValue } from '../../ontology/json.ts';
import type { Dice } from './random-numbers.ts';

/** An action with its parameters, as somebody would propose it. */
export interface RandomAction {
  actionType: string;
  parameters: JsonObject;
}

const types = ['ant', 'bee', 'cow'] as const;
const states = ['on', 'off', 'new'];
/** Few, so that actions meet on the same objects, and a name that was deleted is created again. */
const codes = Array.from({ length: 4 }, (_, at) => `k${at}`);
const labels = ['red', 'green'];

/**
 * A small random ontology in which actions get in each other's way: by counters, by queries over one type that write another, by links of both kinds walked from
 * one or several starts, by what is unique, by references and what their deletion entails, by what is not there.
 */
export function randomOntology(dice: Dice): JsonValue {
  const objectTypes: JsonObject = {};
  const linkTypes: JsonObject = {};
  const actionTypes: JsonObject = {};
  for (const type of types) {
    const [boss, friend, other] = [dice.pick(types), dice.pick(types), dice.pick(types)];
    objectTypes[type] = {
      key: 'code',
      properties: {
        code: { type: 'string', required: true },
        state: { type: 'enum', values: states, required: true, default: 'on', indexed: dice.chance(50) },
        count: { type: 'integer', required: true, default: 0 },
        note: { type: 'string' },
        label: { type: 'string', unique: true },
        boss: { type: 'reference', to: boss },
      },
    };
    linkTypes[`team_${type}`] = { from: boss, to: type, cardinality: 'one-to-many', via: 'boss', onDelete: dice.pick(onDelete) };
    linkTypes[`friends_${type}`] = { from: type, to: friend, cardinality: 'many-to-many', onDelete: dice.pick(onDelete) };
    Object.assign(actionTypes, actionsOf(type, { boss, friend, other }));
  }
  for (const action of Object.values(actionTypes)) (action as JsonObject).approvalPolicy = dice.pick(['by-itself', 'one-keeper']);
  return { objectTypes, linkTypes, actionTypes, approvalPolicies };
}

const onDelete = ['refuse', 'unlink', 'delete'];
const keepers = [{ name: 'keepers', thresholds: [{ needed: 1, reviewers: "'keeper' in reviewer.roles" }] }];
const approvalPolicies = {
  'by-itself': { stages: keepers, expiresAfter: 'PT1H', automatic: { condition: 'true', ceilings: { edits: 1000 } } },
  'one-keeper': { stages: keepers, expiresAfter: 'PT1H' },
};

const reference = (to: string) => ({ type: 'reference', to, required: true });
const text = { type: 'string' };
const needed = { type: 'string', required: true };
const bump = (type: string) => ({ rule: 'modify', type, object: 'x', set: { count: 'x.count + 1' } });

function actionsOf(type: string, { boss, friend, other }: { boss: string; friend: string; other: string }): JsonObject {
  const change = (set: JsonObject) => [{ rule: 'modify', type, object: 'object', set }];
  return {
    [`add_${type}`]: {
      parameters: { code: needed, state: needed, label: text, boss: { type: 'reference', to: boss } },
      rules: [{ rule: 'create', type, set: { code: 'code', state: 'state', label: 'label', boss: 'boss' } }],
    },
    [`remove_${type}`]: { parameters: { object: reference(type) }, rules: [{ rule: 'delete', type, object: 'object' }] },
    [`bump_${type}`]: { parameters: { object: reference(type) }, rules: change({ count: 'object.count + 1' }) },
    [`label_${type}`]: { parameters: { object: reference(type), label: needed }, rules: change({ label: 'label' }) },
    [`boss_${type}`]: { parameters: { object: reference(type), boss: reference(boss) }, rules: change({ boss: 'boss' }) },
    [`close_${type}`]: {
      parameters: { object: reference(type) },
      criteria: [{ condition: "object.state == 'on'", message: 'It is not on.' }],
      rules: change({ state: "'off'" }),
    },
    // Written for what has one state is another, so that two of these at once could swap what one after the other would merge.
    [`turn_${type}`]: {
      parameters: { was: needed, becomes: needed },
      rules: [
        {
          rule: 'forEach',
          as: 'x',
          in: { query: { type, where: 'x.state == was' } },
          do: [{ rule: 'modify', type, object: 'x', set: { state: 'becomes' } }],
        },
      ],
    },
    // Creates in one type for what is selected of another: rows that no two executions share.
    [`copy_${type}`]: {
      parameters: { was: needed, suffix: needed },
      rules: [
        {
          rule: 'forEach',
          as: 'x',
          in: { query: { type: other, where: 'x.state == was && x.count < 3' } },
          do: [{ rule: 'create', type, set: { code: 'x.code + suffix', state: 'was', count: 'x.count + 1' } }],
        },
      ],
    },
    [`visit_${type}`]: {
      parameters: { bosses: { type: 'array', items: { type: 'reference', to: boss }, required: true } },
      rules: [
        {
          rule: 'forEach',
          as: 'b',
          in: { list: 'bosses' },
          do: [
            {
              rule: 'forEach',
              as: 'x',
              in: { link: `team_${type}`, of: 'b' },
              do: [{ rule: 'modify', type, object: 'x', set: { note: 'b.code' } }],
            },
          ],
        },
      ],
    },
    // Creates or changes, whichever the state asks for.
    [`keep_${type}`]: {
      parameters: { code: needed, note: needed },
      rules: [{ rule: 'createOrModify', type, set: { code: 'code', note: 'note' }, create: { state: "'new'" } }],
    },
    [`choose_${type}`]: {
      parameters: { chosen: { type: 'objectSet', of: type, required: true }, from: { type: 'string', prefill: 'proposer.id' } },
      rules: [
        { rule: 'forEach', as: 'x', in: { list: 'chosen' }, do: [bump(type)] },
        {
          rule: 'forEach',
          as: 'b',
          in: { list: 'chosen' },
          do: [
            {
              rule: 'if',
              condition: 'b.label == null',
              // biome-ignore lint/suspicious/noThenProperty: the rule's word.
              then: [{ rule: 'modify', type, object: 'b', set: { note: 'from' } }],
              else: [{ rule: 'modify', type, object: 'b', set: { note: 'b.label' } }],
            },
          ],
        },
      ],
    },
    // Several hops from several starts.
    [`spread_${type}`]: {
      parameters: { boss: reference(boss) },
      rules: [
        {
          rule: 'forEach',
          as: 'x',
          in: { path: [{ link: `team_${type}` }, { link: `friends_${type}` }], of: 'boss' },
          do: [bump(friend)],
        },
      ],
    },
    [`befriend_${type}`]: {
      parameters: { a: reference(type), b: reference(friend) },
      rules: [{ rule: 'link', link: `friends_${type}`, from: 'a', to: 'b' }],
    },
    [`estrange_${type}`]: {
      parameters: { a: reference(type), b: reference(friend) },
      rules: [{ rule: 'unlink', link: `friends_${type}`, from: 'a', to: 'b' }],
    },
    [`greet_${type}`]: {
      parameters: { object: reference(type) },
      rules: [{ rule: 'forEach', as: 'x', in: { link: `friends_${type}`, of: 'object' }, do: [bump(friend)] }],
    },
  };
}

/** Parameters may name what is not there: that is refused, or the object comes in time. */
export function randomAction(dice: Dice): RandomAction {
  const type = dice.pick(types);
  const parameters: Record<string, () => JsonObject> = {
    add: () => ({
      code: dice.pick(codes),
      state: dice.pick(states),
      ...(dice.chance(40) ? { label: dice.pick(labels) } : {}),
      ...(dice.chance(50) ? { boss: dice.pick(codes) } : {}),
    }),
    remove: () => ({ object: dice.pick(codes) }),
    bump: () => ({ object: dice.pick(codes) }),
    label: () => ({ object: dice.pick(codes), label: dice.pick(labels) }),
    boss: () => ({ object: dice.pick(codes), boss: dice.pick(codes) }),
    close: () => ({ object: dice.pick(codes) }),
    turn: () => ({ was: dice.pick(states), becomes: dice.pick(states) }),
    copy: () => ({ was: dice.pick(states), suffix: dice.pick(['a', 'b']) }),
    visit: () => ({ bosses: dice.some(codes, 2) }),
    keep: () => ({ code: dice.pick(codes), note: dice.pick(labels) }),
    choose: () => ({ chosen: { filter: dice.pick(["state == 'on'", 'count > 0 && count < 4', 'label != null', "note == 'red'"]) } }),
    spread: () => ({ boss: dice.pick(codes) }),
    befriend: () => ({ a: dice.pick(codes), b: dice.pick(codes) }),
    estrange: () => ({ a: dice.pick(codes), b: dice.pick(codes) }),
    greet: () => ({ object: dice.pick(codes) }),
  };
  const verb = dice.pick(Object.keys(parameters));
  return { actionType: `${verb}_${type}`, parameters: (parameters[verb] as () => JsonObject)() };
}

/** What puts something there to begin with. */
export function firstActions(): RandomAction[] {
  return types.flatMap((type) => codes.map((code) => ({ actionType: `add_${type}`, parameters: { code, state: 'on' } })));
}
