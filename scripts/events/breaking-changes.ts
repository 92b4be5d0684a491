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
for (const word of [...atLeast, ...atMost, 'propertyNames']) judged.add(word);

export function breakingChanges(before: Schema, after: Schema, at = ''): string[] {
  const unknown = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((word) => !words.has(word) && !judged.has(word));
  if (unknown.length > 0) return [`${at || '/'}: cannot be judged (${unknown.join(', ')})`];
  const [old, now] = [branches(before), branches(after)];
  if (old.length > 1 || now.length > 1) return breaksOfBranches(old, now, at);
  const isAnything = Object.keys(before).every((word) => words.has(word));
  if (isAnything) return [];
  return [
    ...breaksOfValue(before, after, at),
    ...breaksOfFields(before, after, at),
    ...breaksInside(before, after, 'items', `${at}/[]`),
    ...breaksInside(before, after, 'propertyNames', `${at}/{names}`),
    ...breaksOfOthers(before, after, at),
  ];
}

/** What is one of several is given as a list; types with null among them are such a list too. */
function branches(schema: Schema): Schema[] {
  if (Array.isArray(schema.anyOf)) return (schema.anyOf as Schema[]).flatMap(branches);
  if (Array.isArray(schema.type)) return (schema.type as string[]).map((type) => ({ ...schema, type }));
  return [schema];
}

function breaksOfBranches(old: readonly Schema[], now: readonly Schema[], at: string): string[] {
  return now.flatMap((branch) => {
    const tried = old.map((one) => breakingChanges(one, branch, at));
    if (tried.some((breaks) => breaks.length === 0)) return [];
    // Told of the branch that it is nearest to.
    return tried.sort((left, right) => left.length - right.length)[0] ?? [];
  });
}

function valuesOf({ enum: values, const: value }: Schema): unknown[] | null {
  if (Array.isArray(values)) return values;
  return value === undefined ? null : [value];
}

function breaksOfValue(before: Schema, after: Schema, at: string): string[] {
  const found: string[] = [];
  const isNarrower = before.type === 'number' && after.type === 'integer';
  if (before.type !== undefined && before.type !== after.type && !isNarrower)
    found.push(`${at || '/'}: ${before.type} became ${after.type ?? 'anything'}`);
  const [old, now] = [valuesOf(before), valuesOf(after)];
  const more = old === null ? [] : (now?.filter((value) => !old.includes(value)) ?? ['anything']);
  if (more.length > 0) found.push(`${at || '/'}: may be ${more.join(', ')} as well`);
  for (const word of ['pattern', 'format']) {
    if (before[word] !== undefined && now === null && before[word] !== after[word])
      found.push(`${at || '/'}: ${word} ${before[word]} is not kept`);
  }
  const isLooser = (word: string, least: boolean) => {
    if (before[word] === undefined || now !== null) return false;
    return (
      after[word] === undefined ||
      (least ? (after[word] as number) < (before[word] as number) : (after[word] as number) > (before[word] as number))
    );
  };
  for (const word of atLeast) if (isLooser(word, true)) found.push(`${at || '/'}: ${word} was lowered`);
  for (const word of atMost) if (isLooser(word, false)) found.push(`${at || '/'}: ${word} was raised`);
  return found;
}

function breaksOfFields(before: Schema, after: Schema, at: string): string[] {
  const [old, now] = [(before.properties ?? {}) as Record<string, Schema>, (after.properties ?? {}) as Record<string, Schema>];
  const required = (after.required ?? []) as string[];
  return [
    ...((before.required ?? []) as string[])
      .filter((name) => name in now && !required.includes(name))
      .map((name) => `${at}/${name}: may be missing now`),
    ...Object.entries(old).flatMap(([name, field]) => {
      const other = now[name];
      return other === undefined ? [`${at}/${name}: is gone`] : breakingChanges(field, other, `${at}/${name}`);
    }),
  ];
}

function breaksInside(before: Schema, after: Schema, word: 'items' | 'propertyNames', at: string): string[] {
  if (before[word] === undefined) return [];
  return after[word] === undefined ? [`${at}: may be anything now`] : breakingChanges(before[word] as Schema, after[word] as Schema, at);
}

/** Fields without a name of their own. */
function breaksOfOthers(before: Schema, after: Schema, at: string): string[] {
  const [old, now] = [before.additionalProperties ?? {}, after.additionalProperties ?? {}];
  if (old === true || (typeof old === 'object' && Object.keys(old as object).length === 0)) return [];
  if (now === false) return [];
  if (old === false) return [`${at || '/'}: fields may be added that were excluded`];
  return breakingChanges(old as Schema, now === true ? {} : (now as Schema), `${at}/*`);
}

/** Of all schemas by type: a type that is no longer told breaks whoever waits for it. */
export function breakingChangesOfAll(before: Readonly<Record<string, Schema>>, after: Readonly<Record<string, Schema>>): string[] {
  return Object.entries(before).flatMap(([type, schema]) => {
    const now = after[type];
    return now === undefined ? [`${type}: is gone`] : breakingChanges(schema, now).map((words) => `${type} ${words}`);
  });
}
