import { expect, it } from 'vitest';
import { wrongInFaults } from './fault-check.ts';

const documented = { query: ['pageToken'], path: ['type'], header: ['If-Match'] };
const sent = { url: 'http://here/v1/x?page=1', headers: { 'content-encoding': 'gzip' }, content: '{"a":{"b":[1]}}' };
const wrong = (place: string, pointer: string, detail = 'must be text') =>
  wrongInFaults(documented, sent, [{ in: place, pointer, detail }]);

it.each([
  ['body', ''],
  ['body', '/a/b/0'],
  ['body', '/a/missing'],
  ['query', '/page'],
  ['query', '/pageToken'],
  ['path', '/type'],
  ['header', '/Content-Encoding'],
  ['header', '/If-Match'],
  ['actionType', '/criteria/1'],
  ['actionType', '/actions/2/rules/0'],
  ['ontology', '/linkTypes/holds/requiredEnds'],
])('a fault in %s at "%s" is somewhere', (place, pointer) => {
  expect(wrong(place, pointer)).toBeNull();
});

it.each([
  ['body', '/c/d'],
  ['body', '/a/b/0/c'],
  ['body', '/actionTypes/x/rules/0'],
  ['query', '/filter'],
  ['header', '/ifMatch'],
  ['path', '/name'],
  ['actionType', '/actionTypes/x/rules/0'],
])('a fault in %s at "%s" is nowhere', (place, pointer) => {
  expect(wrong(place, pointer)).toContain('leads nowhere');
});

it('none at all is not enough, nor is one in the words of the library', () => {
  expect(wrongInFaults(documented, sent, [])).toBe('without a fault');
  expect(wrong('body', '', 'Invalid input: expected object, received null')).toContain('in words of the library');
  expect(wrong('body', '', 'Too big: expected string to have <=4000 characters')).toContain('in words of the library');
});
