import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalText } from './canonical-json.ts';
import { readPlan, sortEdits, writePlan } from './canonical-plan.ts';
import { compareText, type JsonValue } from './json.ts';
import type { Edit, Plan } from './plan.ts';

const header: Plan['header'] = {
  format: 1,
  tenant: 't',
  actionType: 'a',
  actionTypeVersion: 1,
  functions: {},
  effects: [],
  requirement: { policy: 'p', automatic: true, stages: [], distinctReviewers: true, expiresAfter: 'PT1H' },
  policies: ['p'],
};

const text = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((one) => !one.includes('\u0000') && one.isWellFormed());
const name = fc.stringMatching(/^[a-z][a-zA-Z0-9]{0,8}$/).filter((one) => !(one in Object.prototype));
const value: fc.Arbitrary<JsonValue> = fc.oneof(
  text,
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (number === 0 ? 0 : number)),
  fc.boolean(),
  fc.array(text, { maxLength: 3 }),
);
const values = fc.dictionary(name, value, { maxKeys: 5, noNullPrototype: true });
const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({ op: fc.constant('create' as const), type: name, id: text, set: values }),
  fc.record({
    op: fc.constant('modify' as const),
    type: name,
    id: text,
    set: values,
    unset: fc.array(name, { maxLength: 2 }),
    before: values,
  }),
  fc.record({ op: fc.constant('delete' as const), type: name, id: text, before: values }),
  fc.record({ op: fc.constantFrom('link' as const, 'unlink' as const), link: name, from: text, to: text }),
);
const plans: fc.Arbitrary<Plan> = fc.record({
  header: fc.constant(header),
  parametersText: values.map(canonicalText),
  edits: fc.array(edit, { maxLength: 20 }).map(sortEdits),
});

describe('canonical bytes', () => {
  it('come back as the plan they were written from', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        expect(readPlan(writePlan(plan).chunks)).toEqual(plan);
      }),
    );
  });

  it('are the same for equal plans, whatever the order of keys and of the edits that were merged', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const turned = {
          edits: sortEdits([...plan.edits].reverse().map(turn)),
          parametersText: plan.parametersText,
          header: turn(plan.header),
        };
        fc.pre(new Set(sameKeys(plan.edits)).size === plan.edits.length); // As in every plan: one edit per object and link row.
        expect(writePlan(turned).digest).toBe(writePlan(plan).digest);
      }),
    );
  });

  it('differ for plans that differ', () => {
    fc.assert(
      fc.property(plans, plans, (one, other) => {
        const areEqual = JSON.stringify(linesOf(one)) === JSON.stringify(linesOf(other));
        expect(writePlan(one).digest === writePlan(other).digest).toBe(areEqual);
      }),
    );
  });

  it('are JSON lines split at line ends, hashed as a whole, with no newline at the end', () => {
    const edits = Array.from(
      { length: 9000 },
      (_, at): Edit => ({ op: 'create', type: 'a', id: String(at), set: { text: `ü\n${'x'.repeat(100)}` } }),
    );
    const written = writePlan({ header, parametersText: '{}', edits: sortEdits(edits) });
    const whole = Buffer.concat(written.chunks);
    expect(written.chunks.length).toBeGreaterThan(3);
    expect(written.bytes).toBe(whole.length);
    expect(written.digest).toBe(`sha256:${createHash('sha256').update(whole).digest('hex')}`);
    expect(written.chunks.slice(0, -1).every((chunk) => chunk.at(-1) === 10)).toBe(true);
    expect(whole.at(-1)).not.toBe(10);
    const lines = whole.toString('utf8').split('\n');
    expect(lines.length).toBe(9002);
    for (const [at, { first, count }] of written.chunkEdits.entries()) {
      const mine = Buffer.from(written.chunks[at] as Uint8Array)
        .toString('utf8')
        .split('\n')
        .filter((line) => line !== '');
      expect(mine.slice(at === 0 ? 2 : 0)).toEqual(lines.slice(2 + first, 2 + first + count));
    }
  });

  it('never hold text that PostgreSQL cannot store', () => {
    for (const bad of ['\u0000', '\ud800', '\udc00x']) {
      expect(() => writePlan({ header, parametersText: '{}', edits: [{ op: 'create', type: 'a', id: 'x', set: { y: [bad] } }] })).toThrow();
    }
    expect(() =>
      writePlan({ header, parametersText: '{}', edits: [{ op: 'create', type: 'a', id: 'x', set: { y: '\\u0000 \\ud800' } }] }),
    ).not.toThrow();
  });
});

describe('text order', () => {
  it('is that of UTF-8 bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (left, right) => {
        expect(Math.sign(compareText(left, right))).toBe(Buffer.compare(Buffer.from(left), Buffer.from(right)));
      }),
    );
  });
});

function turn<T extends object>(object: T): T {
  return Object.fromEntries(
    Object.entries(object)
      .reverse()
      .map(([key, inner]) => [key, typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? turn(inner as object) : inner]),
  ) as T;
}

function linesOf(plan: Plan): unknown[] {
  return [plan.parametersText, ...plan.edits.map(canonicalText)];
}

function sameKeys(edits: readonly Edit[]): string[] {
  return edits.map((one) => ('link' in one ? `${one.link}\t${one.from}\t${one.to}\t${one.op}` : `${one.type}\t${one.id}`));
}
