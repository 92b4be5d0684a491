import type { z } from 'zod';

const typeWords: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  map: 'an object',
  never: 'absent',
  null: 'null',
  number: 'a number',
  object: 'an object',
  record: 'an object',
  string: 'text',
};

/** `minimum` and `maximum` count these. Characters are code points, as JSON Schema counts them. */
const unitWords: Readonly<Record<string, [one: string, more: string]>> = {
  array: ['item', 'items'],
  file: ['byte', 'bytes'],
  map: ['entry', 'entries'],
  record: ['entry', 'entries'],
  set: ['entry', 'entries'],
  string: ['character', 'characters'],
};

const formatWords: Readonly<Record<string, string>> = {
  base64: 'base64',
  base64url: 'base64 in its alphabet for URLs',
  date: 'a date, such as 2026-01-31',
  datetime: 'a time in UTC of RFC 3339, such as 2026-01-31T09:00:00Z',
  duration: 'an ISO 8601 duration, such as PT1H',
  email: 'an email address',
  guid: 'a UUID, written with 32 hexadecimal digits and four hyphens',
  ipv4: 'an IPv4 address',
  ipv6: 'an IPv6 address',
  json_string: 'JSON',
  time: 'a time of day, such as 09:00:00',
  url: 'an absolute URL',
  uuid: 'a UUID, written with 32 hexadecimal digits and four hyphens',
};

const longestList = 350; // A fault's words are cut at 500.

/**
 * What a shape says of a value that does not fit it, in words of the product's own: clients show them, and the library may choose other words at any time. Hand it to
 * every parse whose faults reach a client; a rule that has words of its own keeps them. They say what is accepted and quote nothing of the value.
 */
export function shapeWords(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? `is missing, and must be ${typeOf(issue.expected)}` : `must be ${typeOf(issue.expected)}`;
    case 'invalid_value':
      return issue.input === undefined ? `is missing, and ${oneOf(issue.values)}` : oneOf(issue.values);
    case 'too_big':
      return most(issue.origin, issue.maximum, issue);
    case 'too_small':
      return least(issue.origin, issue.minimum, issue);
    case 'invalid_format':
      return formatted(issue);
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'unrecognized_keys':
      return 'has fields that are not known here';
    case 'invalid_union':
      return chosen(issue);
    case 'invalid_key':
      return `is a name that cannot stand here: a name ${issue.issues[0]?.message ?? 'must fit'}`;
    case 'invalid_element':
      return `has an entry that cannot stand here: an entry ${issue.issues[0]?.message ?? 'must fit'}`;
    case 'custom':
      return issue.input === undefined ? 'is missing' : 'cannot stand here';
  }
}

/** A type in words. */
export function typeOf(expected: string): string {
  return typeWords[expected] ?? `of type ${expected}`;
}

/** The values that are accepted, as many as there is room for. */
function oneOf(values: readonly z.core.util.Primitive[]): string {
  const written = values.map((value) => (typeof value === 'string' ? JSON.stringify(value) : String(value)));
  if (written.length === 1) return `must be ${written[0]}`;
  const named: string[] = [];
  for (let room = longestList; named.length < written.length; ) {
    const next = written[named.length] as string;
    room -= next.length + 2;
    if (room < 0) break;
    named.push(next);
  }
  const rest = written.length - named.length;
  return `must be one of ${named.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

interface Limit {
  exact?: boolean | undefined;
  inclusive?: boolean | undefined;
}

function most(origin: string, maximum: number | bigint, { exact, inclusive }: Limit): string {
  if (!(origin in unitWords)) return `must be ${inclusive === false ? 'less than' : 'at most'} ${maximum}`;
  return `must have ${exact ? 'exactly' : inclusive === false ? 'fewer than' : 'at most'} ${counted(origin, maximum)}`;
}

function least(origin: string, minimum: number | bigint, { exact, inclusive }: Limit): string {
  if (!(origin in unitWords)) return `must be ${inclusive === false ? 'more than' : 'at least'} ${minimum}`;
  return `must have ${exact ? 'exactly' : inclusive === false ? 'more than' : 'at least'} ${counted(origin, minimum)}`;
}

function counted(origin: string, number: number | bigint): string {
  const [one, many] = unitWords[origin] as [string, string];
  return `${number} ${Number(number) === 1 ? one : many}`;
}

function formatted(issue: z.core.$ZodRawIssue<z.core.$ZodIssueInvalidStringFormat>): string {
  const { format, pattern, prefix, suffix, includes } = issue as typeof issue & { prefix?: string; suffix?: string; includes?: string };
  if (format === 'regex') return `must match the pattern ${pattern}`;
  if (format === 'starts_with') return `must start with ${JSON.stringify(prefix)}`;
  if (format === 'ends_with') return `must end with ${JSON.stringify(suffix)}`;
  if (format === 'includes') return `must contain ${JSON.stringify(includes)}`;
  return `must be ${formatWords[format] ?? `text of the format ${format}`}`;
}

/** Which of several shapes: by a field that names it, or whichever fits. */
function chosen(issue: z.core.$ZodRawIssue<z.core.$ZodIssueInvalidUnion>): string {
  if (issue.inclusive === false) return 'fits more than one of the shapes that are accepted here';
  const { options } = issue as { options?: readonly z.core.util.Primitive[] };
  return options === undefined || options.length === 0 ? 'fits none of the shapes that are accepted here' : oneOf(options);
}
