// Who counts for what: each with everything as it should be, and with one fact of it another.
import { randomUUID } from 'node:crypto';
import { describe } from 'vitest';
import { type Setting, settingActions, settingRoles } from '../../ontology/setting-actions.ts';
import {
  type Attempt,
  craftedRows,
  digest,
  executionId,
  future,
  past,
  person,
  planId,
  proposal,
  proposalId,
  type Row,
  type Rows,
  review,
  robot,
  typeVersion,
} from './crafted-rows.ts';

const { each } = craftedRows();

const plan = (more: Row = {}): Row => ({
  id: planId,
  proposal_id: proposalId,
  revision: 1,
  digest,
  bytes: 1,
  edits: 0,
  summary: {},
  requirement: {},
  created_at: past,
  ...more,
});
const readSet = (plan_id: string, created_at: string, simulation = 0): Row => ({
  plan_id,
  simulation,
  counters: {},
  queries: [],
  created_at,
});
const delegation = (more: Row = {}): Row => ({
  ...{
    id: 'leave',
    delegator: 'cy',
    delegate: 'bo',
    starts_at: '2026-01-01T00:00:00Z',
    ends_at: '2026-03-01T00:00:00Z',
    reason: 'away',
    granted_by: 'cy',
    granted_at: past,
  },
  ...more,
});
const current = () => ({
  starts_at: new Date(Date.now() - 86_400_000).toISOString(),
  ends_at: new Date(Date.now() + 86_400_000).toISOString(),
});

describe('which approvals count', () => {
  const count = (reviews: Row[], more: Rows = {}): Attempt => ({
    rows: {
      proposal: [proposal({ status: 'awaiting_approval' })],
      plan: [plan()],
      principal: [person('ann'), person('bo'), person('cy')],
      review: reviews,
      ...more,
    },
    call: 'SELECT count(*) FROM exequatur.proposal p, exequatur.counting_reviews(p)',
  });
  const onBehalf = (more: Row = {}) => review('bo', { on_behalf_of: 'cy', delegation_id: 'leave', ...more });
  const later = '2020-01-03T00:00:00Z';
  const at = '2020-01-02T00:00:00Z';
  const withPrincipals = (...principal: Row[]) => ({ principal });
  const lasting = plan({ requirement: { approvalsLast: 'P1D' } });
  const other = randomUUID();
  const earlier = randomUUID();
  const held = (principal_id: string, role: string, more: Row = {}): Row => ({
    principal_id,
    role,
    source: 'token',
    fed_at: past,
    ...more,
  });
  const governed = (action_type: string): Rows => ({ proposal: [proposal({ status: 'awaiting_approval', action_type, loosens: true })] });
  const withRole = (action_type: string, role: string, more: Row = {}): Rows => ({
    ...governed(action_type),
    standing_role: [held('bo', role, more), held('cy', 'keeper')],
  });
  const governing: [name: string, expected: string, rows: Rows][] = [
    ...Object.entries(settingRoles).map(([setting, role]): [string, string, Rows] => [
      `of ${setting} one by somebody with its role`,
      '1',
      withRole(settingActions[setting as Setting], role),
    ]),
    ...Object.keys(settingRoles).map((setting): [string, string, Rows] => [
      `of ${setting} none by somebody without its role`,
      '0',
      withRole(settingActions[setting as Setting], 'auditor'),
    ]),
    ['of what governs none by somebody whose role is over', '0', withRole('$switchOn', 'operator', { expires_at: past })],
    ['of what governs one by somebody whose role is not over', '1', withRole('$switchOn', 'operator', { expires_at: future })],
    ['of what governs none by somebody from whom its role was taken', '0', withRole('$switchOn', 'operator', { removed_at: past })],
  ];
  const [one, two] = ['00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b'];
  each([
    ['one', '1', count([review('bo')])],
    ['of two', '2', count([review('bo'), review('cy')])],
    ['no refusal', '0', count([review('bo', { decision: 'reject' })])],
    ['none of another revision', '0', count([review('bo', { revision: 2 })])],
    ['none of another plan', '0', count([review('bo', { digest: `sha256:${'b'.repeat(64)}` })])],
    ['none of another proposal', '0', count([review('bo', { proposal_id: randomUUID() })])],
    ['none of a stranger', '0', count([review('di')])],
    ['none of an agent', '0', count([review('bo')], withPrincipals(person('ann'), robot('bo')))],
    ['none of one disabled', '0', count([review('bo')], withPrincipals(person('ann'), person('bo', { disabled: true })))],
    [
      'none of one disabled under another name',
      '0',
      count([review('bo')], withPrincipals(person('ann'), person('bo', { person: 'b' }), person('cy', { person: 'b', disabled: true }))),
    ],
    [
      'one where somebody else is disabled under another name',
      '1',
      count([review('bo')], withPrincipals(person('ann'), person('bo', { person: 'b' }), person('cy', { person: 'c', disabled: true }))),
    ],
    ['none of the proposer', '0', count([review('ann')])],
    [
      'none of the proposer under another name',
      '0',
      count([review('bo')], withPrincipals(person('ann', { person: 'anna' }), person('bo', { person: 'anna' }))),
    ],
    ['none that was taken back', '0', count([review('bo'), review('bo', { decision: 'reject', created_at: later })])],
    ['one that was given again', '1', count([review('bo', { decision: 'reject' }), review('bo', { created_at: later })])],
    [
      'none that was taken back under another name',
      '0',
      count(
        [review('bo'), review('cy', { decision: 'reject', created_at: later })],
        withPrincipals(person('ann'), person('bo', { person: 'b' }), person('cy', { person: 'b' })),
      ),
    ],
    [
      'none that was refused at once',
      '0',
      count([review('bo', { id: two, created_at: at }), review('bo', { id: one, decision: 'reject', created_at: at })]),
    ],
    ['one of two at once', '1', count([review('bo', { id: one }), review('bo', { id: two })])],
    [
      'none from before the plan came back',
      '0',
      count([review('bo')], {
        plan: [plan(), plan({ id: other })],
        read_set: [readSet(other, '2020-01-05T00:00:00Z'), readSet(planId, '2020-01-06T00:00:00Z')],
      }),
    ],
    [
      'one since the plan came back',
      '1',
      count([review('bo', { created_at: '2020-01-07T00:00:00Z' })], {
        plan: [plan(), plan({ id: other })],
        read_set: [readSet(other, '2020-01-05T00:00:00Z'), readSet(planId, '2020-01-06T00:00:00Z')],
      }),
    ],
    [
      'one, whatever other proposals planned',
      '1',
      count([review('bo')], {
        plan: [plan(), plan({ id: other, proposal_id: randomUUID() })],
        read_set: [readSet(other, '2020-01-05T00:00:00Z'), readSet(planId, '2020-01-06T00:00:00Z')],
      }),
    ],
    [
      'one, however often the plan was found anew, and another proposal planned in between',
      '1',
      count([review('bo')], {
        plan: [plan(), plan({ id: earlier }), plan({ id: other, proposal_id: randomUUID() })],
        read_set: [
          readSet(earlier, '2020-01-01T00:00:00Z'),
          readSet(planId, '2020-01-03T00:00:00Z'),
          readSet(other, '2020-01-04T00:00:00Z'),
          readSet(planId, '2020-01-05T00:00:00Z', 1),
        ],
      }),
    ],
    [
      'one, whatever was planned later',
      '1',
      count([review('bo')], {
        plan: [plan(), plan({ id: other })],
        read_set: [readSet(planId, '2020-01-01T00:00:00Z'), readSet(other, '2020-01-06T00:00:00Z')],
      }),
    ],
    ['none that has lapsed', '0', count([review('bo')], { plan: [lasting] })],
    ['one that has not lapsed', '1', count([review('bo', { created_at: new Date().toISOString() })], { plan: [lasting] })],
    [
      'none that is used up',
      '0',
      count([review('bo', { id: one })], { review_consumption: [{ review_id: one, execution_id: executionId }] }),
    ],
    [
      'one where another is used up',
      '1',
      count([review('bo', { id: one })], { review_consumption: [{ review_id: two, execution_id: executionId }] }),
    ],
    ['one on behalf of another', '1', count([onBehalf()], { delegation: [delegation(current())] })],
    [
      'none on behalf of another that was revoked',
      '0',
      count([onBehalf()], { delegation: [delegation({ ...current(), revoked_at: past, revoked_by: 'cy' })] }),
    ],
    [
      'none of one whom it was revised for',
      '0',
      count([review('bo')], { proposal: [proposal({ status: 'awaiting_approval', revised_for: ['cy', 'bo'] })] }),
    ],
    [
      'none of one for whom somebody acts whom it was revised for',
      '0',
      count([review('bo')], {
        proposal: [proposal({ status: 'awaiting_approval', revised_for: ['cy'] })],
        principal: [person('ann'), person('bo'), person('cy', { acts_for: 'bo' })],
      }),
    ],
    [
      'none on behalf of whoever is behind it',
      '0',
      count([onBehalf({ on_behalf_of: 'ann' })], { delegation: [delegation({ ...current(), delegator: 'ann' })] }),
    ],
    [
      'none on behalf of an agent',
      '0',
      count([onBehalf()], { delegation: [delegation(current())], ...withPrincipals(person('ann'), person('bo'), robot('cy')) }),
    ],
    [
      'none on behalf of one disabled',
      '0',
      count([onBehalf()], {
        delegation: [delegation(current())],
        ...withPrincipals(person('ann'), person('bo'), person('cy', { disabled: true })),
      }),
    ],
    ...governing.map(([name, expected, rows]): [string, string, Attempt] => [name, expected, count([review('bo')], rows)]),
    [
      'of what governs one on behalf of somebody with its role',
      '1',
      count([onBehalf()], { ...governed('$delegate'), delegation: [delegation(current())], standing_role: [held('cy', 'access-admin')] }),
    ],
    [
      'of what governs none on behalf of somebody who has handed over another role',
      '0',
      count([onBehalf()], {
        ...governed('$delegate'),
        delegation: [delegation({ ...current(), roles: ['keeper'] })],
        standing_role: [held('cy', 'access-admin')],
      }),
    ],
    [
      'of what governs none by a delegate with its role on behalf of somebody without',
      '0',
      count([onBehalf()], { ...governed('$delegate'), delegation: [delegation(current())], standing_role: [held('bo', 'access-admin')] }),
    ],
    [
      'none on behalf of one disabled under another name',
      '0',
      count([onBehalf()], {
        delegation: [delegation(current())],
        ...withPrincipals(person('ann'), person('bo'), person('cy', { person: 'c' }), person('di', { person: 'c', disabled: true })),
      }),
    ],
    ['one of both who take part', '1', count([onBehalf(), review('cy', { created_at: later })], { delegation: [delegation(current())] })],
  ]);
});

describe('which denials count', () => {
  const denied = (more: Row = {}, by = 'bo') => review(by, { decision: 'reject', ...more });
  const onBehalf = (more: Row = {}) => denied({ on_behalf_of: 'cy', delegation_id: 'leave', ...more });
  const later = '2020-01-03T00:00:00Z';
  const people = [person('ann'), person('bo'), person('cy')];
  const rowsOf = (reviews: Row[], more: Rows): Rows => ({
    ...{ proposal: [proposal({ status: 'awaiting_approval' })], plan: [plan()], principal: people, review: reviews },
    ...more,
  });
  const count = (reviews: Row[], more: Rows = {}): Attempt => ({
    rows: rowsOf(reviews, more),
    call: 'SELECT count(*) FROM exequatur.proposal p, exequatur.denying_reviews(p)',
  });
  /** By which roles, of those that are asked about. */
  const told = (given: Row, role: Row, more: Rows = {}): Attempt => {
    const standing_role = [{ principal_id: 'bo', role: 'keeper', source: 'token', fed_at: past, ...role }];
    return {
      rows: rowsOf([given], { standing_role, ...more }),
      call: `SELECT g.roles FROM exequatur.proposal p, exequatur.given_reviews(p, ARRAY(SELECT r.id FROM exequatur.review r), '''keeper''', false) g`,
    };
  };
  each([
    ['one', '1', count([denied()])],
    ['no approval', '0', count([review('bo')])],
    ['one of somebody disabled since', '1', count([denied()], { principal: [person('ann'), person('bo', { disabled: true })] })],
    ['none of what turned out to be an agent', '0', count([denied()], { principal: [person('ann'), robot('bo')] })],
    ['one by a delegation that has ended', '1', count([onBehalf()], { delegation: [delegation()] })],
    [
      'none on behalf of what turned out to be an agent',
      '0',
      count([onBehalf()], { principal: [person('ann'), person('bo'), robot('cy')], delegation: [delegation(current())] }),
    ],
    ['none that was taken back', '0', count([denied(), review('bo', { created_at: later })])],
    ['none that was taken back by whose it was', '0', count([onBehalf(), review('cy', { created_at: later })])],
    ['none of the proposer', '0', count([denied({}, 'ann')])],
    ['none of another plan', '0', count([denied({ digest: `sha256:${'b'.repeat(64)}` })])],
    ['by a role that its reviewer has', '["keeper"]', told(denied(), {})],
    ['by a role that was taken away since', '["keeper"]', told(denied(), { removed_at: later })],
    ['not by one that was taken away before', '[]', told(denied(), { removed_at: past })],
    ['by a role that ended since', '["keeper"]', told(denied(), { expires_at: later })],
    ['not by one that had ended before', '[]', told(denied(), { expires_at: past })],
    [
      'by a role that the delegator lost since',
      '["keeper"]',
      told(onBehalf(), { principal_id: 'cy', removed_at: later }, { delegation: [delegation()] }),
    ],
    [
      'not by one that was not delegated',
      '[]',
      told(onBehalf(), { principal_id: 'cy' }, { delegation: [delegation({ roles: ['officer'] })] }),
    ],
    ['not by a role of the delegate', '[]', told(onBehalf(), {}, { delegation: [delegation()] })],
    ['of an approval no role that was taken away since', '[]', told(review('bo'), { removed_at: later })],
    ['of an approval none that ended since', '[]', told(review('bo'), { expires_at: later })],
    ['of an approval a role that lasts', '["keeper"]', told(review('bo'), { expires_at: future })],
  ]);
});

describe('a delegation', () => {
  const holds = (more: Row = {}, of: readonly string[] = ['leave', 'cy', 'bo', 'send']): Attempt => ({
    rows: { delegation: [delegation({ ...current(), ...more })] },
    call: 'SELECT exequatur.delegation_holds($1, $2, $3, $4)',
    values: of,
  });
  const soon = () => ({
    starts_at: new Date(Date.now() + 3_600_000).toISOString(),
    ends_at: new Date(Date.now() + 7_200_000).toISOString(),
  });
  const over = () => ({
    starts_at: new Date(Date.now() - 7_200_000).toISOString(),
    ends_at: new Date(Date.now() - 3_600_000).toISOString(),
  });
  each([
    ['holds', 'true', holds()],
    ['of another id', 'false', holds({}, ['other', 'cy', 'bo', 'send'])],
    ['of another', 'false', holds({}, ['leave', 'ann', 'bo', 'send'])],
    ['to another', 'false', holds({}, ['leave', 'cy', 'ann', 'send'])],
    ['that was revoked', 'false', holds({ revoked_at: past, revoked_by: 'cy' })],
    ['that has not begun', 'false', holds(soon())],
    ['that is over', 'false', holds(over())],
    ['for this', 'true', holds({ action_types: ['send'] })],
    ['for something else', 'false', holds({ action_types: ['lend'] })],
    ['for a part of it', 'false', holds({ action_types: ['send'] }, ['leave', 'cy', 'bo', 'lend+send'])],
  ]);
});

describe('a broken glass', () => {
  const glass = (more: Row = {}): Row => ({
    id: executionId,
    proposal_id: proposalId,
    revision: 1,
    digest,
    broken_by: 'bo',
    reason: 'fire',
    broken_at: '2020-01-02T00:00:00Z',
    ...more,
  });
  const role = (more: Row = {}): Row => ({ principal_id: 'bo', role: 'keeper', source: 'token', fed_at: past, ...more });
  const floors = (more: Row = {}) => [{ approvals: 2 }, { glass: { roles: ['keeper'], approvals: 0, ...more } }];
  const version = (rule: unknown) => typeVersion({ floors: rule });
  const inForce = (more: Rows = {}): Attempt => ({
    rows: {
      ...{
        proposal: [proposal({ status: 'approved' })],
        plan: [plan()],
        principal: [person('ann'), person('bo')],
        glass: [glass()],
        standing_role: [role()],
      },
      action_type_version: [version(floors())],
      ...more,
    },
    call: "SELECT exequatur.glass_in_force(p) ->> 'person' FROM exequatur.proposal p",
  });
  const other = randomUUID();
  const again = {
    plan: [plan(), plan({ id: other })],
    read_set: [readSet(other, '2020-01-05T00:00:00Z'), readSet(planId, '2020-01-06T00:00:00Z')],
  };
  each([
    ['holds', 'bo', inForce()],
    ['that is none', 'null', inForce({ glass: [] })],
    ['of another proposal', 'null', inForce({ glass: [glass({ proposal_id: randomUUID() })] })],
    ['of another revision', 'null', inForce({ glass: [glass({ revision: 2 })] })],
    ['of another plan', 'null', inForce({ glass: [glass({ digest: `sha256:${'b'.repeat(64)}` })] })],
    ['from before the plan came back', 'null', inForce(again)],
    ['since the plan came back', 'bo', inForce({ ...again, glass: [glass({ broken_at: '2020-01-07T00:00:00Z' })] })],
    ['that has lapsed', 'null', inForce({ plan: [plan({ requirement: { approvalsLast: 'P1D' } })] })],
    ['where nothing provides for it', 'null', inForce({ action_type_version: [version([{ approvals: 2 }])] })],
    [
      'where another version provides for it',
      'null',
      inForce({ action_type_version: [version([{ approvals: 2 }]), { ...version(floors()), version: 2 }] }),
    ],
    [
      'of one who is known by another name as well',
      'bob',
      inForce({ principal: [person('ann', { person: 'anna' }), person('bo', { person: 'bob' })] }),
    ],
    ['by one whom it was revised for', 'null', inForce({ proposal: [proposal({ status: 'approved', revised_for: ['bo'] })] })],
    ['by an agent', 'null', inForce({ principal: [person('ann'), robot('bo')] })],
    ['by one disabled', 'null', inForce({ principal: [person('ann'), person('bo', { disabled: true })] })],
    [
      'by one disabled under another name',
      'null',
      inForce({ principal: [person('ann'), person('bo', { person: 'bob' }), person('cy', { person: 'bob', disabled: true })] }),
    ],
    [
      'by one where somebody else is disabled under another name',
      'bob',
      inForce({ principal: [person('ann'), person('bo', { person: 'bob' }), person('cy', { person: 'cyd', disabled: true })] }),
    ],
    ['by one in another role', 'null', inForce({ standing_role: [role({ role: 'clerk' })] })],
    ['by one who lost the role', 'null', inForce({ standing_role: [role({ removed_at: past })] })],
    ['by one whose role is over', 'null', inForce({ standing_role: [role({ expires_at: past })] })],
    ['by one whose role is not over', 'bo', inForce({ standing_role: [role({ expires_at: future })] })],
    ['by one where another has the role', 'null', inForce({ standing_role: [role({ principal_id: 'ann' })] })],
    ['by the proposer', 'null', inForce({ glass: [glass({ broken_by: 'ann' })], standing_role: [role({ principal_id: 'ann' })] })],
    [
      'by the proposer, where that is provided for',
      'ann',
      inForce({
        glass: [glass({ broken_by: 'ann' })],
        standing_role: [role({ principal_id: 'ann' })],
        action_type_version: [version(floors({ byProposer: true }))],
      }),
    ],
  ]);
});
