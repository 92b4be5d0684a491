// Values beside the log that are gone: those that an entry says were erased, and those that somebody took. No database: tests/evidence/signed-log.ts.
import { expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../ontology/json.ts';
import { saidOf, signedExport, verdictOn, type Written } from './signed-log.ts';

const said = (erased: readonly string[] = []): Written => ({
  type: 'switch.changed',
  proposalId: null,
  personal: { actor: 'keeper-1', reason: 'fire' },
  erased,
});
const erasure = (disclosures: JsonValue, own: readonly string[] = []): Written => ({
  type: 'principal.erased',
  proposalId: null,
  facts: { disclosures, reviews: 0, proposals: 0 },
  personal: { actor: 'access-admin-1', reason: 'request 17' },
  erased: own,
});
const both = ['actor', 'reason'];

it.each<[string, Written[], JsonObject]>([
  ['nothing is gone', [said(), said()], { erased: 0, undisclosed: 0 }],
  ['an entry behind says that it was erased', [said(both), said(), erasure(2)], { erased: 2, undisclosed: 0 }],
  ['twice', [said(both), erasure(2, both), said(['actor']), erasure(3)], { erased: 5, undisclosed: 0 }],
  ['no entry does', [said(both), said(['reason'])], { erased: 3, undisclosed: 3 }],
  ['it says so of fewer', [said(both), said(both), erasure(2)], { erased: 4, undisclosed: 2 }],
  ['the entry that says so is before', [said(both), erasure(2), said(both)], { erased: 4, undisclosed: 2 }],
  ['what it says of itself is gone', [said(both), erasure(2, both)], { erased: 4, undisclosed: 2 }],
])('what is gone is counted where %s', async (_, log, counts) => {
  expect(await verdictOn(log)).toMatchObject(counts);
});

it('an erasure may be of entries before an export', async () => {
  expect(await saidOf(await signedExport([said(both), said(), erasure(2), said(['actor'])], { from: 2 }))).toMatchObject({
    erased: 1,
    undisclosed: 1,
  });
});

it.each<[string, Written[], string]>([
  ['more than there are', [said(both), erasure(1_000)], 'entry 2: tells that 1000 values of entries before it were erased, and 2 are gone'],
  ['more than are gone', [said(['actor']), erasure(2)], 'entry 2: tells that 2 values of entries before it were erased, and 1 are gone'],
  ['what goes later', [said(), erasure(2), said(both)], 'entry 2: tells that 2 values of entries before it were erased, and 0 are gone'],
  ['the same again', [said(both), erasure(2), erasure(2)], 'entry 3: tells that 2 values of entries before it were erased, and 0 are gone'],
])('nobody accounts in a whole log for %s', async (_, log, verdict) => {
  expect(await verdictOn(log)).toBe(`${verdict} that no other tells of`);
});

it('erasures are counted, for whoever knows how many there were', async () => {
  expect(await verdictOn([said(both), erasure(1), erasure(1), said()])).toMatchObject({ erasures: 2, undisclosed: 0 });
});

it.each<JsonValue>([null, '2', -1, 0.5])('broken is an erasure of %j values', async (disclosures) => {
  expect(await verdictOn([said(both), erasure(disclosures)])).toBe('entry 2: tells that somebody was erased, and not how much of them');
});
