import { isDeepStrictEqual } from 'node:util';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

/**
 * What of a new JSON Schema would break whoever reads data by the old one: everything that data which fit the new one could be, and the old one does not allow, and
 * everything that is no longer told. So a field may be added, and a required one stay so; a field may not go, nor become optional, null or of another type, nor an
 * enumeration get a value more. What cannot be judged counts as a break.
 */
export type Schema = Record<string, unknown>;

const words = new Set(['$schema', 'description', 'examples', 'title']);
const judged = new Set(['type', 'properties', 'required', 'additionalProperties', 'items', 'enum', 'const', 'anyOf', 'pattern', 'format']);
const atLeast = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems'];
const atMost = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems'];
const ofValues = new Set([...words, 'enum', 'const']);
for (const word of [...atLeast, ...atMost, 'propertyNames']) judged.add(word);

export function breakingChanges(before: Schema, after: Schema, at = ''): string[] {
  if (isAnything(before)) return [];
  const unknown = [...new Set([before, after].flatMap(wordsOf))].filter((word) => !words.has(word) && !judged.has(word));
  if (unknown.length > 0) return [`${at || '/'}: cannot be judged (${unknown.join(', ')})`];
  const [old, now] = [branches(before), branches(after)];
  const [one] = old;
  const [other] = now;
  if (one !== undefined && other !== undefined && old.length + now.length === 2 && !isUnion(before) && !isUnion(after))
    return breaksOfOne(one, other, at);
  // What stands beside a union holds for each of its branches.
  const beside = isUnion(before) ? breakingChanges(withoutUnion(before), withoutUnion(after), at) : [];
  return [...beside, ...breaksOfBranches(old, now, at)];
}

function wordsOf(schema: Schema | boolean): string[] {
  return schema === false ? ['false'] : Object.keys(schema);
}

function isAnything(schema: Schema): boolean {
  return wordsOf(schema).every((word) => words.has(word));
}

function isUnion({ anyOf }: Schema): boolean {
  return Array.isArray(anyOf);
}

function withoutUnion({ anyOf: _, ...beside }: Schema): Schema {
  return beside;
}

/** What is one of several is given as a list; types with null among them are such a list too. */
function branches(schema: Schema): Schema[] {
  if (isUnion(schema))
    return (schema.anyOf as Schema[]).flatMap((branch) =>
      isUnion(branch) && !isAnything(withoutUnion(branch)) ? [branch] : branches(branch),
    );
  if (Array.isArray(schema.type)) return (schema.type as string[]).map((type) => ({ ...schema, type }));
  return [schema];
}

function breaksOfBranches(old: readonly Schema[], now: readonly Schema[], at: string): string[] {
  const breaks = now.flatMap((branch) => {
    const tried = old.map((one) => breakingChanges(one, branch, at));
    if (tried.some((found) => found.length === 0)) return [];
    // Told of the branch that it is nearest to.
    return tried.sort((left, right) => left.length - right.length)[0] ?? [`${at || '/'}: may be something now`];
  });
  return breaks.length > 0 ? breaks : branchesGone(old, now, at);
}

/** A value that does not come any more breaks nobody, nor does null; a form of which all that came is gone does. */
function branchesGone(old: readonly Schema[], now: readonly Schema[], at: string): string[] {
  return old
    .filter((one) => one.type !== 'null' && valuesOf(one) === null && !isAnything(one))
    .filter((one) => !now.some((branch) => breakingChanges(one, branch).length === 0))
    .map(({ type }) => `${at || '/'}: ${type ?? 'one of its forms'} is gone`);
}

function breaksOfOne(before: Schema, after: Schema, at: string): string[] {
  return [
    ...breaksOfValue(before, after, at),
    ...breaksOfFields(before, after, at),
    ...breaksInside(before, after, 'items', `${at}/[]`),
    ...breaksInside(before, after, 'propertyNames', `${at}/{names}`),
    ...breaksOfOthers(before, after, at),
  ];
}

function valuesOf({ enum: values, const: value }: Schema): unknown[] | null {
  if (Array.isArray(values)) return values;
  return value === undefined ? null : [value];
}

// A format that it does not know it refuses to judge by.
const ajv = new Ajv2020({ strictTypes: false, strictRequired: false });
addFormats.default(ajv);

function allows(schema: Schema, value: unknown): boolean {
  const values = valuesOf(schema);
  if (values !== null && !values.some((one) => isDeepStrictEqual(one, value))) return false;
  // Compiling a schema takes a while, and of most there is nothing more to ask.
  const isSaid =
    values !== null && Object.keys(schema).every((word) => ofValues.has(word) || (word === 'type' && schema.type === typeof value));
  return isSaid || ajv.validate(schema, value);
}

function breaksOfValue(before: Schema, after: Schema, at: string): string[] {
  const values = valuesOf(after);
  if (values !== null) {
    const more = values.filter((value) => !allows(before, value) && allows(after, value));
    return more.length === 0 ? [] : [`${at || '/'}: may be ${more.map(said).join(', ')} as well`];
  }
  const found: string[] = [];
  const isNarrower = before.type === 'number' && after.type === 'integer';
  if (before.type !== undefined && before.type !== after.type && !isNarrower)
    found.push(`${at || '/'}: ${before.type} became ${after.type ?? 'anything'}`);
  if (valuesOf(before) !== null) found.push(`${at || '/'}: may be anything as well`);
  for (const word of ['pattern', 'format']) {
    if (before[word] !== undefined && before[word] !== after[word]) found.push(`${at || '/'}: ${word} ${before[word]} is not kept`);
  }
  const [lowered, raised] = [atLeast, atMost].map((bounds) => bounds.filter((word) => before[word] !== undefined));
  for (const word of lowered ?? []) if (!(Number(after[word]) >= Number(before[word]))) found.push(`${at || '/'}: ${word} was lowered`);
  for (const word of raised ?? []) if (!(Number(after[word]) <= Number(before[word]))) found.push(`${at || '/'}: ${word} was raised`);
  return found;
}

function said(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function breaksOfFields(before: Schema, after: Schema, at: string): string[] {
  const [old, now] = [(before.properties ?? {}) as Record<string, Schema>, (after.properties ?? {}) as Record<string, Schema>];
  const required = (after.required ?? []) as string[];
  const gone = Object.keys(old).filter((name) => !Object.hasOwn(now, name));
  return [
    ...((before.required ?? []) as string[])
      .filter((name) => !gone.includes(name) && !required.includes(name))
      .map((name) => `${at}/${name}: may be missing now`),
    ...gone.map((name) => `${at}/${name}: is gone`),
    ...Object.entries(now).flatMap(([name, field]) =>
      Object.hasOwn(old, name)
        ? breakingChanges(old[name] as Schema, field, `${at}/${name}`)
        : breaksOfOther(before.additionalProperties, field, `${at}/${name}`),
    ),
  ];
}

function breaksInside(before: Schema, after: Schema, word: 'items' | 'propertyNames', at: string): string[] {
  if (before[word] === undefined) return [];
  return after[word] === undefined ? [`${at}: may be anything now`] : breakingChanges(before[word] as Schema, after[word] as Schema, at);
}

/** Fields without a name of their own. */
function breaksOfOthers({ additionalProperties: old }: Schema, { additionalProperties: now = {} }: Schema, at: string): string[] {
  if (now === false) return [];
  return breaksOfOther(old, now as Schema, old === false ? at || '/' : `${at}/*`);
}

/** A field that had no name of its own before. */
function breaksOfOther(old: unknown, now: Schema, at: string): string[] {
  if (old === false) return [`${at}: fields may be added that were excluded`];
  return breakingChanges((old ?? {}) as Schema, now, at);
}

/** Of all schemas by type: a type that is no longer told breaks whoever waits for it. */
export function breakingChangesOfAll(before: Readonly<Record<string, Schema>>, after: Readonly<Record<string, Schema>>): string[] {
  return Object.entries(before).flatMap(([type, schema]) => {
    const now = after[type];
    return now === undefined ? [`${type}: is gone`] : breakingChanges(schema, now).map((words) => `${type} ${words}`);
  });
}
