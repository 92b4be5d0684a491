import { describe, expect, it } from 'vitest';
import type { Lost } from './policy-engine.ts';
import { type KnownStanding, type PrincipalChange, standingLoosens } from './standing-loosens.ts';

const known: KnownStanding = {
  kind: 'agent',
  roles: ['keeper'],
  teams: ['day'],
  disabled: false,
  actsFor: 'ann',
  actsForIsSet: true,
  linkedIdentities: ['home'],
};
const byToken = { ...known, actsForIsSet: false };
const free = { ...byToken, actsFor: null };
const pointersOf = (
  before: KnownStanding | null,
  change: PrincipalChange,
  linked: [string, string[]][] = [],
  gains: (lost: Lost) => boolean = () => false,
) => standingLoosens(before, change, 'me', new Map(linked), gains).map(({ pointer }) => pointer);

describe('a change of the directory', () => {
  it.each<[string, KnownStanding | null, PrincipalChange]>([
    ['nothing', known, {}],
    ['another name', known, { name: 'Me' }],
    ['roles that it has', known, { roles: ['keeper'] }],
    ['fewer roles and teams', known, { roles: [], teams: [] }],
    ['to disable', known, { disabled: true }],
    ['to enable whoever is enabled', known, { disabled: false }],
    ['the kind that it is', known, { kind: 'agent' }],
    ['whom administrators say it acts for already', known, { actsFor: 'ann' }],
    ['nobody to act for, as administrators have said already', { ...known, actsFor: null }, { actsFor: null }],
    ['the identities that it has', known, { linkedIdentities: ['home'] }],
    ['somebody new without a role', null, { name: 'New', disabled: true, kind: 'user' }],
  ])('tightens, or changes nothing, with %s', (_, before, change) => {
    expect(pointersOf(before, change)).toEqual([]);
  });

  it.each<[string, KnownStanding | null, PrincipalChange, string[]]>([
    ['a role more', known, { roles: ['keeper', 'officer'] }, ['/roles/1']],
    ['a team more', known, { teams: ['night'] }, ['/teams/0']],
    ['to be enabled again', { ...known, disabled: true }, { disabled: false }, ['/disabled']],
    ['to be a person', known, { kind: 'user' }, ['/kind']],
    ['to be an agent', { ...known, kind: 'user' }, { kind: 'agent' }, ['/kind']],
    ['to be another kind than a person, before any token has said so', null, { kind: 'service' }, ['/kind']],
    ['to act for nobody', known, { actsFor: null }, ['/actsFor']],
    ['to act for another', known, { actsFor: 'ben' }, ['/actsFor']],
    ['to act for nobody, whatever tokens come to say', free, { actsFor: null }, ['/actsFor']],
    ['to act for somebody, whatever tokens come to say', free, { actsFor: 'ann' }, ['/actsFor']],
    ['to act for whom its tokens name, whatever they come to say', byToken, { actsFor: 'ann' }, ['/actsFor']],
    ['to act for somebody, before any token has said whom for', null, { actsFor: 'ben' }, ['/actsFor']],
    ['an identity that goes', known, { linkedIdentities: [] }, ['/linkedIdentities']],
    ['an identity more', known, { linkedIdentities: ['home', 'phone'] }, ['/linkedIdentities/1']],
    ['an identity of somebody new', null, { linkedIdentities: ['phone'] }, ['/linkedIdentities/0']],
    ['somebody new with a role', null, { roles: ['keeper'] }, ['/roles/0']],
  ])('loosens with %s', (_, before, change, pointers) => {
    expect(pointersOf(before, change)).toEqual(pointers);
  });

  it('loosens where an identity is taken away from whoever it went with', () => {
    expect(pointersOf(known, { linkedIdentities: ['home', 'phone'] }, [['phone', ['desk']]])).toEqual([
      '/linkedIdentities/1',
      '/linkedIdentities',
    ]);
    expect(pointersOf(known, { linkedIdentities: ['home', 'phone', 'desk'] }, [['phone', ['desk']]])).not.toContain('/linkedIdentities');
  });

  it('loosens with a role or a team less where what is in force may allow more without it', () => {
    const only = (name: string) => (lost: Lost) => lost.name === name && lost.kind === (name === 'day' ? 'team' : 'role');
    const change = { roles: ['officer'], teams: [] };
    const officer = { ...known, roles: ['keeper', 'officer'] };
    expect(pointersOf(officer, change, [], only('keeper'))).toEqual(['/roles']);
    expect(pointersOf(officer, change, [], only('day'))).toEqual(['/teams']);
    expect(pointersOf(officer, change, [], only('officer'))).toEqual([]);
    expect(pointersOf(officer, { disabled: true }, [], () => true)).toEqual([]);
    expect(pointersOf(null, { roles: [] }, [], () => true)).toEqual([]);
  });
});
