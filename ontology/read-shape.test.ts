import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { compileOntology } from './compile-ontology.ts';
import { quotedWords } from './quoted-words.ts';
import { readShape } from './read-shape.ts';

/** How the library would say it, in English. */
const borrowed = /^(?:Invalid |Too (?:big|small)|Unrecognized key)/;

function faultsOf(schema: z.ZodType, sent: unknown): string[] {
  const outcome = readShape(schema, sent, 'malformed_request');
  if ('value' in outcome) throw new Error('it fits');
  return outcome.faults.map(({ code, pointer, message }) => `${code} ${pointer}: ${message}`);
}

const kinds = z.discriminatedUnion('type', [z.strictObject({ type: z.literal('cat') }), z.strictObject({ type: z.literal('dog') })]);
const lower = z.string().regex(/^[a-z]+$/, 'must be of lower-case letters');

/** Each code of the library: the compiler asks for a case of one that it adds. */
const cases: Record<z.core.$ZodIssue['code'], [schema: z.ZodType, sent: unknown, fault: string][]> = {
  invalid_type: [
    [z.string(), null, ': must be text'],
    [z.int(), 1.5, ': must be a whole number'],
    [z.strictObject({ name: z.string() }), {}, '/name: is missing, and must be text'],
    [z.record(z.string(), z.int()), [], ': must be an object'],
    [z.strictObject({ of: z.array(z.boolean()) }), { of: [true, 'yes'] }, '/of/1: must be true or false'],
  ],
  too_big: [
    [z.string().max(3), 'abcd', ': must have at most 3 characters'],
    [z.array(z.int()).max(1), [1, 2], ': must have at most 1 item'],
    [z.int().max(20), 21, ': must be at most 20'],
    [z.number().lt(20), 20, ': must be less than 20'],
    [z.string().length(2), 'abc', ': must have exactly 2 characters'],
  ],
  too_small: [
    [z.string().min(1), '', ': must have at least 1 character'],
    [z.array(z.int()).min(2), [1], ': must have at least 2 items'],
    [z.int().positive(), 0, ': must be more than 0'],
    [z.int().min(1), 0, ': must be at least 1'],
  ],
  invalid_format: [
    [z.guid(), 'x', ': must be a UUID, written with 32 hexadecimal digits and four hyphens'],
    [z.iso.datetime(), 'yesterday', ': must be a time in UTC of RFC 3339, such as 2026-01-31T09:00:00Z'],
    [z.url(), 'here', ': must be an absolute URL'],
    [z.string().regex(/^a$/), 'b', ': must match the pattern /^a$/'],
    [z.string().startsWith('a'), 'b', ': must start with "a"'],
    [lower, 'B', ': must be of lower-case letters'],
  ],
  not_multiple_of: [[z.int().multipleOf(5), 6, ': must be a multiple of 5']],
  unrecognized_keys: [[z.strictObject({ a: z.strictObject({}) }), { a: { 'b/c': 1 } }, '/a/b~1c: is not known here']],
  invalid_union: [
    [kinds, { type: 'cow' }, '/type: must be one of "cat", "dog"'],
    [z.union([z.string(), z.array(z.string())]), 7, ': must be text or a list'],
    [z.union([z.string(), z.strictObject({ a: z.int(), b: z.int() })]), { a: 1, b: 'x' }, ': must be text'],
    [
      z.union([z.strictObject({ a: z.int(), b: z.int() }), z.strictObject({ c: z.int() })]),
      { a: 1 },
      '/b: is missing, and must be a number',
    ],
    [z.xor([z.string(), z.string()]), 'a', ': fits more than one of the shapes that are accepted here'],
  ],
  invalid_key: [[z.record(lower, z.int()), { B: 1 }, '/B: is a name that cannot stand here: a name must be of lower-case letters']],
  invalid_element: [
    [z.map(z.date(), z.int()), new Map([[new Date(), 'b']]), ': has an entry that cannot stand here: an entry must be a number'],
  ],
  invalid_value: [
    [z.enum(['a', 'b']), 'c', ': must be one of "a", "b"'],
    [z.literal('a'), 'b', ': must be "a"'],
    [z.strictObject({ op: z.enum(['a', 'b']) }), {}, '/op: is missing, and must be one of "a", "b"'],
  ],
  custom: [
    [z.custom(() => false), 1, ': cannot stand here'],
    [z.string().refine(() => false), 'a', ': cannot stand here'],
    [z.string().refine(() => false, 'must be something else'), 'a', ': must be something else'],
    [z.strictObject({ a: z.custom((value) => value !== undefined) }), {}, '/a: is missing'],
  ],
};

describe('what does not fit a shape is said in words of ours', () => {
  it.each(Object.entries(cases).flatMap(([code, all]) => all.map(([schema, sent, fault]) => [code, fault, schema, sent] as const)))(
    '%s%s',
    (code, fault, schema, sent) => {
      const parsed = schema.safeParse(sent);
      expect(parsed.error?.issues.map((issue) => issue.code)).toContain(code);
      const [said, ...more] = faultsOf(schema, sent);
      expect(more).toEqual([]);
      expect(said).toBe(`${code === 'unrecognized_keys' ? 'unknown_field' : 'malformed_request'} ${fault}`);
      expect(said?.slice(said.indexOf(': ') + 2)).not.toMatch(borrowed);
    },
  );

  it('which name as many accepted values as there is room for, and count the rest', () => {
    const many = Array.from({ length: 200 }, (_, at) => `value-${at}`);
    const [fault = ''] = faultsOf(z.enum(many), 'none');
    expect(fault).toMatch(/^malformed_request : must be one of "value-0", "value-1", .* and \d+ more$/);
    expect(fault.length).toBeLessThan(420);
  });
});

describe('what is not ours is quoted', () => {
  it('as the words of who says it, and no longer than there is use for', () => {
    expect(quotedWords('Cedar', 'no')).toBe('Cedar says: no');
    expect(quotedWords('Cedar', 'x'.repeat(10_000))).toBe(`Cedar says: ${'x'.repeat(300)}…`);
  });

  it('where an expression of a document cannot be parsed', () => {
    const outcome = compileOntology({ objectTypes: {}, actionTypes: {}, sensitiveReaders: `reader.id in [${'x'.repeat(3_000)}` });
    if (outcome.ok) throw new Error('it was accepted');
    const [fault] = outcome.faults;
    expect(fault?.pointer).toBe('/sensitiveReaders');
    expect(fault?.message).toMatch(/^the expression language says: /);
    expect(fault?.message.length).toBeLessThan(400);
  });
});
