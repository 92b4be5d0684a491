// What is erased of a person, and what is not: rows with everything as it should be, and with one fact of it another.
import { randomUUID } from 'node:crypto';
import { describe } from 'vitest';
import { auditEntry } from '../../audit/entry.ts';
import {
  type Attempt,
  type Case,
  craftedRows,
  digest,
  logUpTo,
  past,
  planId,
  proposal,
  proposalId,
  type Row,
  review,
} from './crafted-rows.ts';

const { each } = craftedRows();

describe('what is erased of a person', () => {
  const ann = { id: 'ann', kind: 'user', name: 'Ann', disabled: true, first_seen_at: past, updated_at: past, teams: [], sources: {} };
  const entry = (number: number, values: Record<string, unknown>) =>
    Object.entries(values).map(
      ([name, value]): Row => ({ entry_id: `00000000-0000-4000-8000-0000000000a${number}`, name, salt: 's', value: JSON.stringify(value) }),
    );
  const explained = (reviewer: string, more: Row = {}) => review(reviewer, { created_at: past, reason: 'so', ...more });
  const proposed = (more: Row = {}) => proposal({ id: randomUUID(), status: 'executed', ...more });
  const decided = (number: number, more: Row): Row => ({
    ...{ id: `00000000-0000-4000-8000-0000000000d${number}`, proposal_id: proposalId, at: past, actor: 'bo', action: 'propose' },
    ...{ outcome: 'allowed', revision: 1, policy_version: 0, policies: [], errors: [], details: {}, salt: `\\x${'00'.repeat(16)}` },
    ...more,
  });
  const ended = '00000000-0000-4000-8000-0000000000b1';
  const going = '00000000-0000-4000-8000-0000000000b2';
  const saga = (proposal_id: string, by: string, run: number): Row => ({
    ...{ proposal_id, run, plan_id: planId, digest, begun_at: past, ended_at: past },
    ...{ cancelled_at: past, cancelled_by: by, cancel_reason: `${by} stops ${proposal_id === ended ? 'what has ended' : 'what goes on'}` },
  });
  const step = (proposal_id: string, by: string, ordinal: number): Row => ({
    ...{ proposal_id, run: 1, ordinal, name: 'tell', phase: 'sideEffect', optional: false, compensated: false, asks_person: false },
    ...{ decision: 'skip', decided_by: by, changed_at: past },
    decision_reason: `${by} skips ${proposal_id === ended ? 'what has ended' : 'what goes on'}`,
  });
  const glass = (by: string): Row => ({
    ...{ id: randomUUID(), proposal_id: randomUUID(), revision: 1, digest, broken_by: 'cy', reason: 'fire', broken_at: past },
    ...{ reviewed_by: by, verdict: 'justified', comment: `${by} looked`, reviewed_at: past },
  });
  const migration = (by: string, state: string): Row => ({
    ...{ id: randomUUID(), state, document: '{}', digest, target: {}, restore: {}, rules: [], base_version: 1, started_by: 'cy' },
    ...{ proposer_kind: 'user', proposer_roles: [], started_at: past, ended_by: by, ended_at: past, reason: `${by}: ${state}` },
  });
  const erase = (more: Row = {}, look?: string, told = 'principal.erased', of?: string): Attempt => ({
    rows: {
      principal: [{ ...ann, ...more }],
      audit_disclosure: [
        ...entry(1, { principal: 'ann', change: { teams: [] }, actor: 'op', reason: 'theirs' }),
        ...entry(2, { actor: 'ann', reason: 'mine', comments: [], note: 'n' }),
        ...entry(3, { reviewers: ['ann', 'bo'], watchers: ['ann'] }),
        ...entry(4, { reviewers: ['bo'], change: {}, actor: 'bo', reason: 'theirs' }),
        ...entry(6, { justification: 'standing of ann' }),
        ...entry(5, { target: 'ann', actor: 'bo', reason: 'theirs', change: {} }),
        ...entry(7, { justification: 'standing of bo' }),
      ],
      decision: [
        decided(1, { actor: 'ann' }),
        decided(2, { details: { stages: [{ by: 'ann' }] } }),
        decided(3, { errors: ['policy "ann": none'] }),
        decided(4, { details: { by: 'anna' }, errors: ['policy "anna": none'] }),
      ],
      review: [explained('ann'), explained('ann', { reason: null, comments: [] }), explained('ann', { reason: null }), explained('bo')],
      proposal: [
        proposed({ proposer_id: 'ann' }),
        proposed({ proposer_id: 'ann', justification: '' }),
        proposed({ proposer_id: 'ann', status: 'approved' }),
        proposed({ proposer_id: 'bo' }),
        proposed({ proposer_id: 'bo', justification: 'standing of ann' }),
        proposed({ proposer_id: 'bo', id: ended }),
        proposed({ proposer_id: 'bo', id: going, status: 'compensating' }),
      ],
      saga: [saga(ended, 'ann', 1), saga(ended, 'bo', 2), saga(going, 'ann', 1)],
      saga_step: [step(ended, 'ann', 0), step(ended, 'bo', 1), step(going, 'ann', 0)],
      glass: [glass('ann'), glass('bo')],
      ontology_migration: [migration('ann', 'cancelled'), migration('bo', 'cancelled'), migration('ann', 'failed')],
    },
    call: "SELECT exequatur.erase_personal_data('ann', $1::jsonb)",
    values: [JSON.stringify([auditEntry({ type: told, ...(of ? { proposalId: of } : {}), facts: {}, personal: { actor: 'op' } })])],
    ...(look === undefined ? {} : { look }),
  });
  const left =
    "SELECT string_agg(right(d.entry_id::text, 1) || d.name, ' ' ORDER BY d.entry_id, d.name) FROM exequatur.audit_disclosure d WHERE d.salt = 's'";
  const words = `SELECT string_agg(w.said, '; ' ORDER BY w.said)
     FROM (SELECT cancel_reason FROM exequatur.saga UNION ALL SELECT decision_reason FROM exequatur.saga_step
           UNION ALL SELECT comment FROM exequatur.glass UNION ALL SELECT reason FROM exequatur.ontology_migration) w(said) WHERE w.said <> ''`;
  each([
    ['is told', '{"reviews":2,"proposals":2,"disclosures":8}', () => erase()],
    [
      'is nothing of others',
      '1actor 1reason 2note 3watchers 4actor 4change 4reason 4reviewers 5actor 5change 5reason 7justification',
      () => erase({}, left),
    ],
    [
      'is what they said of what has ended, and nothing that others said',
      'ann skips what goes on; ann stops what goes on; ann: failed; bo looked; bo skips what has ended; bo stops what has ended; bo: cancelled',
      () => erase({}, words),
    ],
    [
      'is nothing of somebody who is not disabled',
      'XQ006: the directory has not disabled this principal',
      () => erase({ disabled: false }),
    ],
    ['is told as that', 'XQ015: the audit entry tells of something else', () => erase({}, undefined, 'principal.changed')],
    [
      'is told of no proposal',
      'XQ015: the audit entry tells of something else',
      () => {
        const { rows, ...attempt } = erase({}, undefined, 'principal.erased', proposalId);
        return { ...attempt, rows: { ...rows, ...logUpTo('proposal.created') } };
      },
    ],
    ...[
      ['is told with something else', 'switch.changed', '{"reviews":2,"proposals":2,"disclosures":8}'],
      [
        'is told by a login with what a migration tells',
        'log.format_changed',
        'XQ015: the log does not take log.format_changed from this login',
      ],
    ].map(
      ([name = '', type = '', answer = '']): Case => [
        name,
        answer,
        () => ({
          ...erase(),
          as: 'api',
          values: [JSON.stringify([auditEntry({ type, facts: {} }), ...JSON.parse(String(erase().values?.[0]))])],
        }),
      ],
    ),
    [
      'is what decisions say of whoever it is',
      '1 2 3',
      () => erase({}, "SELECT string_agg(right(id::text, 1), ' ' ORDER BY id) FROM exequatur.decision WHERE salt = ''"),
    ],
    ['is the name', 'null', () => erase({}, "SELECT name FROM exequatur.principal WHERE id = 'ann'")],
  ]);
});
