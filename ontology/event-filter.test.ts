import { describe, expect, it } from 'vitest';
import type { CloudEvent } from './cloud-event.ts';
import { cloudEvent } from './cloud-event.ts';
import { compileEventFilter, type EventFilter, filterLoosens } from './event-filter.ts';

const event = (type: string, subject: string, data = {}): CloudEvent =>
  cloudEvent({
    tenant: 't',
    seq: 1,
    ordinal: 1,
    at: '2026-01-01T00:00:00.000Z',
    id: 'i',
    type,
    subject,
    key: 'k',
    data,
    traceparent: null,
  });

function wanted(filter: EventFilter, one: CloudEvent): boolean {
  const compiled = compileEventFilter(filter);
  if ('fault' in compiled) throw new Error(compiled.fault.message);
  return compiled.matches(one);
}

const closed = event('object.modified', 'object/room/A', { type: 'room', set: { status: 'closed', seats: 4 } });
const approved = event('proposal.approved', 'proposal/1', { proposalId: '1', revision: 2 });

describe('a filter', () => {
  it.each<[string, EventFilter, boolean, boolean]>([
    ['without parts admits all', {}, true, true],
    ['takes types as they are', { types: ['proposal.approved'] }, false, true],
    ['takes beginnings of types', { types: ['object.*', 'link.*'] }, true, false],
    ['takes no beginning without a star', { types: ['proposal'] }, false, false],
    ['takes a star for everything', { types: ['*'] }, true, true],
    ['takes subjects', { subjects: ['proposal/1'] }, false, true],
    ['takes beginnings of subjects', { subjects: ['object/room/*'] }, true, false],
    ['takes types of objects', { objectTypes: ['room'] }, true, false],
    ['takes no other types of objects', { objectTypes: ['roo'] }, false, false],
    ['asks all of its parts', { types: ['object.*'], subjects: ['proposal/*'] }, false, false],
    ['asks a condition', { condition: "event.data.set.status == 'closed'" }, true, false],
    ['asks numbers', { condition: 'event.data.revision == 2' }, false, true],
    ['asks whether something is there', { condition: 'has(event.data.proposalId)' }, false, true],
    ['wants nothing of which a condition makes no sense', { condition: 'event.nothing.at.all' }, false, false],
  ])('%s', (_, filter, ofObject, ofProposal) => {
    expect([wanted(filter, closed), wanted(filter, approved)]).toEqual([ofObject, ofProposal]);
  });

  it('is refused where its condition is no condition', () => {
    for (const condition of ['event.', 'nobody.knows', '1 + 1', "'text'"])
      expect(compileEventFilter({ condition }), condition).toMatchObject({
        fault: { code: 'invalid_filter', pointer: '/filter/condition' },
      });
  });
});

describe('another filter', () => {
  it.each<[EventFilter, EventFilter, string[]]>([
    [{}, { types: ['a'] }, []],
    [{ types: ['a'] }, {}, ['/filter/types']],
    [{ types: ['proposal.*'] }, { types: ['proposal.approved', 'proposal.exec*'] }, []],
    [{ types: ['proposal.approved'] }, { types: ['proposal.*'] }, ['/filter/types']],
    [{ types: ['a', 'b'] }, { types: ['b', 'c'] }, ['/filter/types']],
    [{ subjects: ['object/*'] }, { subjects: ['object/room/*'], objectTypes: ['room'] }, []],
    [{ objectTypes: ['room'] }, { objectTypes: ['room', 'floor'] }, ['/filter/objectTypes']],
    [{}, { condition: 'true' }, []],
    [{ condition: 'true' }, {}, ['/filter/condition']],
    [{ condition: 'a' }, { condition: 'a && b' }, ['/filter/condition']],
  ])('%j then %j admits more by %j', (before, after, pointers) => {
    expect(filterLoosens(before, after).map(({ pointer }) => pointer)).toEqual(pointers);
  });
});
