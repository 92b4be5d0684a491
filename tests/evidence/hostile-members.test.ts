// Payloads whose members are named as what an entry says of itself: they are facts like any other, and take no field's place. No database: tests/evidence/signed-log.ts.
import { expect, it } from 'vitest';
import type { JsonObject } from '../../ontology/json.ts';
import { verdictOn, type Written } from './signed-log.ts';
import { asks, begun, created, digest, plain, ran, review, simulated, threshold, told } from './written-proposal.ts';

const requirement = asks([{ name: 'keepers', thresholds: [threshold('keeper')] }], { approvalsLast: 'PT10M' });
const executed: Written = ran('proposal.executed', { requirement, approvals: [{ review: 'r1', person: 1, roles: ['keeper'] }] });
const later = 10_000; // Seconds.

/** A review of which the payload says this too, long before the execution. */
const lapsed = (facts: JsonObject): Written[] => [
  created,
  simulated(digest, { requirement }),
  { ...review('r1', 'keeper-1', facts), at: 10 },
  ...begun.map((entry, at) => ({ ...entry, at: later + at })),
  { ...executed, at: later + 10 },
];
/** The same, taken back. */
const takenBack = (facts: JsonObject): Written[] => [
  created,
  simulated(digest, { requirement }),
  review('r1', 'keeper-1', facts),
  review('r2', 'keeper-1', { decision: 'reject' }),
  ...begun,
  executed,
];

it.each<JsonObject>([{}, { at: String((1_790_000_000 + later) * 1_000_000) }])(
  'an approval lapses, with %j in its payload',
  async (facts) => {
    expect(await verdictOn(lapsed(facts))).toBe('entry 6: was executed, but the approval r1 had lapsed');
  },
);

it.each<JsonObject>([{}, { seq: 1_000_000 }])('an approval is taken back, with %j in its payload', async (facts) => {
  expect(await verdictOn(takenBack(facts))).toBe('entry 7: was executed, but the approval r1 was taken back');
});

it('an honest log with such members says what it says without them', async () => {
  const strange = { seq: -1, at: 'noon', previousHash: 7, payload: null, disclosures: {}, proof: [], tenant: 'x', end: 1, checkpoint: 'x' };
  expect(await verdictOn(plain.map((entry) => ({ ...entry, ...told(entry, strange) })))).toEqual({
    ...((await verdictOn(plain)) as JsonObject),
    root: expect.any(String),
  });
});
