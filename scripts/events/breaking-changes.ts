import { isDeepStrictEqual } from 'node:util';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

export type Schema = Record<string, unknown>;

/**
 * Both ways in which a change of a JSON Schema breaks somebody. `readers` were written by the old one: nothing may come that it does not allow, and nothing be told no
 * more. `records` were sent under the old one and name the address at which the new one is now: whoever validates what is kept, or is replayed, must find that it fits.
 */
type Way = 'readers' | 'records';

const words = new Set(['$schema', 'description', 'examples', 'title']);
const judged = new Set(['type', 'properties', 'required', 'additionalProperties', 'items', 'enum', 'const', 'anyOf', 'pattern', 'format']);
const atLeast = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems'];
const atMost = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems'];
const ofValues = new Set([...words, 'enum', 'const']);
for (const word of [...atLeast, ...atMost, 'propertyNames']) judged.add(word);

/**
 * What of a new JSON Schema would break readers or records. So an optional field may be added; a field may not go, become required, optional, null or of another type, nor
 * an enumeration get a value more or less, nor a bound move. What cannot be judged counts as a break.
 */
export function breakingChanges(before: Schema, after: Schema): string[] {
  const forReaders = misfits(before, after, '', 'readers');
  const told = new Set(forReaders.map(placeOf));
  const places = new Set(misfits(after, before, '', 'records').map(placeOf));
  return [...forReaders, ...[...places].filter((at) => !told.has(at)).map((at) => `${at}: what was sent before may not fit it`)];
}

function placeOf(words: string): string {
  return words.slice(0, words.indexOf(': '));
}

/** What data of the schema `after` could be that `before` does not allow; for readers also what they are told no more. */
function misfits(before: Schema, after: Schema, at: string, way: Way): string[] {
  if (isAnything(before)) return [];
  const unknown = [...new Set([before, after].flatMap(wordsOf))].filter((word) => !words.has(word) && !judged.has(word));
  if (unknown.length > 0) return [`${at || '/'}: cannot be judged (${unknown.join(', ')})`];
  const [old, now] = [branches(before), branches(after)];
  const [one] = old;
  const [other] = now;
  if (one !== undefined && other !== undefined && old.length + now.length === 2 && !isUnion(before) && !isUnion(after))
    return breaksOfOne(one, other, at, way);
  // What stands beside a union holds for each of its branches.
  const beside = isUnion(before) ? misfits(withoutUnion(before), withoutUnion(after), at, way) : [];
  return [...beside, ...breaksOfBranches(old, now, at, way)];
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

function breaksOfBranches(old: readonly Schema[], now: readonly Schema[], at: string, way: Way): string[] {
  const breaks = now.flatMap((branch) => {
    const tried = old.map((one) => misfits(one, branch, at, way));
    if (tried.some((found) => found.length === 0)) return [];
    // Told of the branch that it is nearest to.
    return tried.sort((left, right) => left.length - right.length)[0] ?? [`${at || '/'}: may be something now`];
  });
  return breaks.length > 0 || way === 'records' ? breaks : branchesGone(old, now, at);
}

/** A value that does not come any more breaks nobody, nor does null; a form of which all that came is gone does. */
function branchesGone(old: readonly Schema[], now: readonly Schema[], at: string): string[] {
  return old
    .filter((one) => one.type !== 'null' && valuesOf(one) === null && !isAnything(one))
    .filter((one) => !now.some((branch) => misfits(one, branch, at, 'readers').length === 0))
    .map(({ type }) => `${at || '/'}: ${type ?? 'one of its forms'} is gone`);
}

function breaksOfOne(before: Schema, after: Schema, at: string, way: Way): string[] {
  return [
    ...breaksOfValue(before, after, at),
    ...breaksOfFields(before, after, at, way),
    ...breaksInside(before, after, 'items', `${at}/[]`, way),
    ...breaksInside(before, after, 'propertyNames', `${at}/{names}`, way),
    ...breaksOfOthers(before, after, at, way),
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

function breaksOfFields(before: Schema, after: Schema, at: string, way: Way): string[] {
  const [old, now] = [(before.properties ?? {}) as Record<string, Schema>, (after.properties ?? {}) as Record<string, Schema>];
  const required = (after.required ?? []) as string[];
  const gone = way === 'readers' ? Object.keys(old).filter((name) => !Object.hasOwn(now, name)) : [];
  return [
    ...((before.required ?? []) as string[])
      .filter((name) => !gone.includes(name) && !required.includes(name))
      .map((name) => `${at}/${name}: may be missing now`),
    ...gone.map((name) => `${at}/${name}: is gone`),
    ...Object.entries(now).flatMap(([name, field]) =>
      Object.hasOwn(old, name)
        ? misfits(old[name] as Schema, field, `${at}/${name}`, way)
        : breaksOfOther(before.additionalProperties, field, `${at}/${name}`, way),
    ),
  ];
}

function breaksInside(before: Schema, after: Schema, word: 'items' | 'propertyNames', at: string, way: Way): string[] {
  if (before[word] === undefined) return [];
  return after[word] === undefined ? [`${at}: may be anything now`] : misfits(before[word] as Schema, after[word] as Schema, at, way);
}

/** Fields without a name of their own. */
function breaksOfOthers({ additionalProperties: old }: Schema, { additionalProperties: now = {} }: Schema, at: string, way: Way): string[] {
  if (now === false) return [];
  return breaksOfOther(old, now as Schema, old === false ? at || '/' : `${at}/*`, way);
}

/** A field that had no name of its own before. */
function breaksOfOther(old: unknown, now: Schema, at: string, way: Way): string[] {
  if (old === false) return [`${at}: fields may be added that were excluded`];
  return misfits((old ?? {}) as Schema, now, at, way);
}

/** Of all schemas by type: a type that is no longer told breaks whoever waits for it. */
export function breakingChangesOfAll(before: Readonly<Record<string, Schema>>, after: Readonly<Record<string, Schema>>): string[] {
  return Object.entries(before).flatMap(([type, schema]) => {
    const now = after[type];
    return now === undefined ? [`${type}: is gone`] : breakingChanges(schema, now).map((words) => `${type} ${words}`);
  });
}
