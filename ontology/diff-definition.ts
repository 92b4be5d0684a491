import { Decimal } from './decimal.ts';
import {
  change,
  type Difference,
  deep,
  diffNames,
  flag,
  isObject,
  type Judge,
  type Judges,
  members,
  named,
  type OntologyChange,
  one,
} from './diff-walk.ts';
import { nanosecondsOf, readInstant } from './instant.ts';
import type { JsonObject, JsonValue } from './json.ts';

/** Where values of a definition come from: they lie in the database, or a client sends them each time. */
export type Place = 'stored' | 'given';

/** What differs between two definitions of one property, field or parameter. */
export function diffDefinition(before: JsonObject, after: JsonObject, pointer: string, place: Place): OntologyChange[] {
  if (before.type !== after.type) {
    const types = `${String(before.type)} was, ${String(after.type)} is`;
    return [change('type_changed', { pointer, before, after }, types)]; // Constraints of two types cannot be compared.
  }
  return diffNames(before, after, pointer, judgesOf(place));
}

/** Properties of object types and interfaces, and fields of structs. */
export function fields(place: Place): Judge {
  return named(
    (difference) => [change(mustHaveValue(difference.after, place) ? 'required_property_added' : 'property_added', difference)],
    one('property_removed'),
    (before, after, pointer) => diffDefinition(before, after, pointer, place),
  );
}

export const parameters: Judge = named(
  (difference) => [change(mustHaveValue(difference.after, 'given') ? 'required_parameter_added' : 'parameter_added', difference)],
  one('parameter_removed'),
  (before, after, pointer) => diffDefinition(before, after, pointer, 'given'),
);

export const words: Judges = { title: one('words_changed'), description: one('words_changed') };

/** A default is taken where a client gives nothing, and by new objects; objects that are there do not get it. */
function mustHaveValue(definition: JsonValue | undefined, place: Place): boolean {
  if (!isObject(definition)) return true;
  return place === 'stored' ? definition.required === true : isRequired(definition) && definition.default === undefined;
}

function isRequired(definition: JsonObject): boolean {
  return definition.required === true || definition.requiredWhen !== undefined;
}

function shared(place: Place): Judges {
  return {
    ...words,
    unit: (difference) => [
      change(difference.before === undefined || difference.after === undefined ? 'unit_named' : 'unit_changed', difference),
    ],
    indexed: flag('indexed_changed', 'indexed_changed'),
    unique: flag('unique_added', 'unique_removed'),
    sensitive: flag('sensitive_added', 'sensitive_removed'),
    nullable: flag('nullable_added', 'nullable_removed'),
    distinct: flag('constraint_narrowed', 'constraint_widened'),
    minimum: bound(1),
    minLength: bound(1),
    minItems: bound(1),
    maximum: bound(-1),
    maxLength: bound(-1),
    maxItems: bound(-1),
    // Of two patterns it cannot be told which allows more.
    pattern: (difference) => {
      if (difference.after === undefined) return [change('constraint_widened', difference)];
      return [change(difference.before === undefined ? 'constraint_narrowed' : 'pattern_changed', difference)];
    },
    oneOf: (difference) =>
      difference.before === undefined
        ? [change('constraint_narrowed', difference)]
        : difference.after === undefined
          ? [change('constraint_widened', difference)]
          : members('value_added', 'value_removed')(difference),
    values: members('value_added', 'value_removed'),
    to: one('reference_retargeted'),
    of: one('reference_retargeted'),
    items: ({ before, after, pointer }) =>
      isObject(before) && isObject(after)
        ? diffDefinition(before, after, pointer, place)
        : [change('definition_changed', { pointer, before, after })],
    properties: (difference) => fields(place)(difference),
    constraints: condition,
    visibleWhen: condition,
    requiredWhen: condition,
    prefill: one('prefill_changed'),
  };
}

const condition: Judge = (difference) =>
  deep(difference.after === undefined ? 'parameter_condition_removed' : 'parameter_condition_changed')(difference);

/** `narrower` is the sign of a change that allows less. */
const bound =
  (narrower: 1 | -1): Judge =>
  (difference) => {
    const { before, after } = difference;
    if (before === undefined) return [change('constraint_narrowed', difference, `now ${String(after)}`)];
    if (after === undefined) return [change('constraint_widened', difference, `was ${String(before)}`)];
    const sign = Math.sign(compareBounds(difference, after) - compareBounds(difference, before)) || compareExactly(difference);
    if (sign === 0) return [];
    return [
      change(sign === narrower ? 'constraint_narrowed' : 'constraint_widened', difference, `was ${String(before)}, is ${String(after)}`),
    ];
  };

/** Numbers by size; days and instants by time. Digits that a double cannot hold are compared once more, exactly. */
function compareBounds({ within }: Difference, value: JsonValue): number {
  if (typeof value === 'number') return value;
  return within.after.type === 'date' || within.after.type === 'timestamp' ? Date.parse(String(value)) : 0;
}

function compareExactly({ before, after }: Difference): number {
  const [former, latter] = [readInstant(String(before)), readInstant(String(after))];
  if (former && latter) return Number(nanosecondsOf(latter) - nanosecondsOf(former));
  const [earlier, later] = [Decimal.parse(String(before)), Decimal.parse(String(after))];
  return earlier && later ? Math.sign(later.compare(earlier)) : 0;
}

const storedJudges: Judges = { ...shared('stored'), required: flag('required_added', 'required_removed'), default: one('default_changed') };
const givenJudges: Judges = {
  ...shared('given'),
  required: (difference) =>
    difference.after === true && difference.before !== true && difference.within.after.default !== undefined
      ? [change('restated', difference, 'a default is taken')]
      : flag('required_added', 'required_removed')(difference),
  default: (difference) => {
    const isNeeded = difference.after === undefined && isRequired(difference.within.after);
    return [change(isNeeded ? 'default_needed' : 'default_changed', difference)];
  },
};

function judgesOf(place: Place): Judges {
  return place === 'stored' ? storedJudges : givenJudges;
}
