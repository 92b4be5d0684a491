// What stops a proposal, who is behind it, and whose word takes two: each with everything as it should be, and with one fact of it another.
import { describe } from 'vitest';
import { type Attempt, craftedRows, future, past, person, type Row, type Rows, robot } from './crafted-rows.ts';

const { each } = craftedRows();

describe('what stops it', () => {
  const off = (scope: string, name: string, more: Row = {}): Row => ({
    scope,
    name,
    off: true,
    reason: 'smoke',
    changed_by: 'op',
    changed_at: past,
    ...more,
  });
  const stop = (rows: Rows, type = 'send', proposer = 'robot', kind = 'agent', actsFor: string | null = 'ann'): Attempt => ({
    rows,
    call: "SELECT scope || '/' || name FROM exequatur.stopped_by($1, $2, $3, $4)",
    values: [type, proposer, kind, actsFor],
  });
  /** The proposer acts for an agent that acts for ann, of which the proposal says nothing. */
  const hops = (rows: Rows, ann: Row = {}): Attempt =>
    stop(
      { ...rows, principal: [robot('robot', { acts_for: 'relay' }), robot('relay', { acts_for: 'ann' }), person('ann', ann)] },
      ...(['send', 'robot', 'agent', null] as const),
    );
  const linked = [person('ann', { person: 'anna' }), person('ann-home', { person: 'anna' }), person('bo', { person: 'bob' })];
  each([
    ['nothing', 'none', stop({})],
    ['a switch of everything', 'tenant/all', stop({ switch: [off('tenant', 'all')] })],
    ['a switch that is on', 'none', stop({ switch: [off('tenant', 'all', { off: false })] })],
    ['a switch of everything, where rules are changed', 'none', stop({ switch: [off('tenant', 'all')] }, '$ontology')],
    ['a switch of this', 'actionType/send', stop({ switch: [off('actionType', 'send')] })],
    ['a switch of a member', 'actionType/send', stop({ switch: [off('actionType', 'send')] }, 'lend+send')],
    ['a switch of something else', 'none', stop({ switch: [off('actionType', 'lend')] })],
    ['a switch of agents', 'agent/all', stop({ switch: [off('agent', 'all')] })],
    ['a switch of this agent', 'agent/robot', stop({ switch: [off('agent', 'robot')] })],
    ['a switch of another agent', 'none', stop({ switch: [off('agent', 'other')] })],
    ['a switch of agents, where people propose', 'none', stop({ switch: [off('agent', 'all')] }, 'send', 'ann', 'user', null)],
    ['a switch of the proposer', 'principal/robot', stop({ switch: [off('principal', 'robot')] })],
    ['a switch of whom the proposer acts for', 'principal/ann', stop({ switch: [off('principal', 'ann')] })],
    [
      'a switch of that person under another name',
      'principal/ann-home',
      stop({ switch: [off('principal', 'ann-home')], principal: linked }),
    ],
    ['a switch of another person', 'none', stop({ switch: [off('principal', 'bo')], principal: linked })],
    ['that the proposer is disabled', 'principal/robot', stop({ principal: [robot('robot', { disabled: true })] })],
    ['that the person is disabled', 'principal/ann', stop({ principal: [person('ann', { disabled: true })] })],
    [
      'that the person is disabled under another name',
      'principal/ann',
      stop({ principal: [person('ann', { person: 'anna' }), person('ann-home', { person: 'anna', disabled: true })] }),
    ],
    [
      'that somebody else is disabled under another name',
      'none',
      stop({ principal: [person('ann', { person: 'anna' }), person('bo', { person: 'bob', disabled: true })] }),
    ],
    ['that somebody else is disabled', 'none', stop({ principal: [person('bo', { disabled: true }), person('ann')] })],
    ['nothing, over hops', 'none', hops({ switch: [off('principal', 'bo'), off('agent', 'other')] })],
    ['a switch of whom the directory says, over hops', 'principal/ann', hops({ switch: [off('principal', 'ann')] })],
    ['a switch of an agent in between', 'agent/relay', hops({ switch: [off('agent', 'relay')] })],
    ['that a person over hops is disabled', 'principal/ann', hops({}, { disabled: true })],
    [
      'a switch of whom the person acts for whom the proposal says',
      'principal/bo',
      stop({ switch: [off('principal', 'bo')], principal: [person('ann', { acts_for: 'bo' })] }),
    ],
    [
      'a switch of agents, where a service proposes for one',
      'agent/all',
      stop({ switch: [off('agent', 'all')], principal: [robot('relay')] }, 'send', 'monitor', 'service', 'relay'),
    ],
    [
      'a switch of an agent that acts for the proposer',
      'none',
      stop(
        { switch: [off('agent', 'robot')], principal: [robot('robot', { acts_for: 'ann' }), person('ann')] },
        'send',
        'ann',
        'user',
        null,
      ),
    ],
    [
      'that somebody is disabled whom only a token names',
      'none',
      stop({ principal: [robot('robot', { acts_for: null, token_acts_for: 'bo' }), person('bo', { disabled: true })] }),
    ],
    [
      'a switch of one of two who act for each other',
      'principal/bo',
      stop({ switch: [off('principal', 'bo')], principal: [person('ann', { acts_for: 'bo' }), person('bo', { acts_for: 'ann' })] }),
    ],
  ]);
});

describe('who is behind it', () => {
  const behind = (principal: Row[], proposer = 'robot', actsFor: string | null = null): Attempt => ({
    rows: { principal },
    call: "SELECT string_agg(coalesce(b, 'nobody'), ' ' ORDER BY b) FROM exequatur.stands_behind($1, $2) b",
    values: [proposer, actsFor],
  });
  each([
    ['the proposer', 'robot', behind([robot('robot')])],
    ['whom the proposal says', 'ann robot', behind([robot('robot'), person('ann')], 'robot', 'ann')],
    ['whom the proposer acts for', 'ann robot', behind([robot('robot', { acts_for: 'ann' }), person('ann')])],
    ['whom they act for', 'ann bo robot', behind([robot('robot', { acts_for: 'bo' }), robot('bo', { acts_for: 'ann' }), person('ann')])],
    [
      'the person under each name',
      'ann ann-home anna',
      behind([person('ann', { person: 'anna' }), person('ann-home', { person: 'anna' })], 'ann'),
    ],
    ['a person who acts for the proposer', 'ann robot', behind([robot('robot'), person('ann', { acts_for: 'robot' })])],
    ['an agent of the proposer alone', 'ann', behind([person('ann'), robot('robot', { acts_for: 'ann' })], 'ann')],
    [
      'somebody who acts for an agent of the proposer',
      'ann bo robot',
      behind([person('ann'), robot('robot', { acts_for: 'ann' }), person('bo', { acts_for: 'robot' })], 'ann'),
    ],
    [
      'an agent of the proposer that has another name',
      'ann r robot',
      behind([person('ann'), robot('robot', { acts_for: 'ann', person: 'r' })], 'ann'),
    ],
    ['whom its token names', 'ann robot', behind([robot('robot', { token_acts_for: 'ann' }), person('ann')])],
    [
      'whom its token names beside whom an administrator says',
      'ann bo robot',
      behind([robot('robot', { acts_for: 'bo', token_acts_for: 'ann' }), person('ann'), person('bo')]),
    ],
    ['a person whose token names the proposer', 'ann robot', behind([robot('robot'), person('ann', { token_acts_for: 'robot' })])],
    [
      'somebody whose token names an agent whose token names the proposer',
      'ann bo robot',
      behind([person('ann'), robot('robot', { token_acts_for: 'ann' }), person('bo', { token_acts_for: 'robot' })], 'ann'),
    ],
    ['nobody else', 'ann', behind([person('ann'), person('bo'), person('cy', { person: 'c' })], 'ann')],
  ]);
});

describe('removing a freeze window', () => {
  const ago = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString();
  const window = (more: Row = {}): Row => ({
    ...{
      name: 'fair',
      reason: 'fair',
      starts_at: past,
      ends_at: future,
      created_by: 'op',
      created_at: past,
      removal_asked_by: 'ann',
      removal_asked_at: ago(23),
    },
    ...more,
  });
  const remove = (more: Row = {}, principal: Row[] = [person('ann'), person('bo')], by = 'bo'): Attempt => ({
    rows: { freeze_window: [window(more)], principal },
    call: "SELECT exequatur.remove_freeze_window('fair', $1)",
    values: [by],
  });
  const two = 'XQ002: to remove a freeze window takes two people';
  each([
    ['by two', '', remove()],
    ['that nobody asked for', two, remove({ removal_asked_by: null, removal_asked_at: null })],
    ['that somebody asked for more than a day ago', two, remove({ removal_asked_at: ago(25) })],
    ['by one', two, remove({}, [person('ann')], 'ann')],
    ['by one under two names', two, remove({}, [person('ann', { person: 'anna' }), person('bo', { person: 'anna' })])],
    ['by one who acts for the other', two, remove({}, [person('ann'), person('bo', { acts_for: 'ann' })])],
    ['by one for whom the other acts', two, remove({}, [person('ann', { acts_for: 'bo' }), person('bo')])],
    ['asked for by an agent', two, remove({}, [robot('ann'), person('bo')])],
    ['asked for by one disabled since', two, remove({}, [person('ann', { disabled: true }), person('bo')])],
    ['by an agent', two, remove({}, [person('ann'), robot('bo')])],
    ['by one disabled', two, remove({}, [person('ann'), person('bo', { disabled: true })])],
    [
      'asked for by one disabled under another name',
      two,
      remove({}, [person('ann', { person: 'anna' }), person('ann-home', { person: 'anna', disabled: true }), person('bo')]),
    ],
    [
      'by one disabled under another name',
      two,
      remove({}, [person('ann'), person('bo', { person: 'bob' }), person('bo-home', { person: 'bob', disabled: true })]),
    ],
    [
      'by two, where others are disabled',
      '',
      remove({}, [person('ann', { person: 'anna' }), person('bo', { person: 'bob' }), person('cy', { person: 'cyd', disabled: true })]),
    ],
    ['by a stranger', two, remove({}, [person('ann')], 'bo')],
    ['that is over', '', remove({ ends_at: '2020-01-02T00:00:00Z', removal_asked_by: null, removal_asked_at: null })],
  ]);
});
