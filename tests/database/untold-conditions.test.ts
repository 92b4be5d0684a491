// What the log must tell of rows that change: each with everything as it should be, and with one fact of it another.
import { describe } from 'vitest';
import { commitmentTo } from '../../audit/entry.ts';
import { decisionText, type TakenDecision } from '../../store/decision-text.ts';
import {
  type Attempt,
  craftedRows,
  digest,
  executionId,
  past,
  person,
  planId,
  proposal,
  proposalId,
  type Row,
  type Rows,
  review,
} from './crafted-rows.ts';
import { entryRow } from './log-rows.ts';

const { each, tenant } = craftedRows();

/** Where the transaction ends. */
const look = 'SET CONSTRAINTS ALL IMMEDIATE';
const written = (table: string, row: Row, rows: Rows): Attempt => {
  const columns = Object.keys(row)
    .map((name) => `"${name}"`)
    .join();
  const call = `INSERT INTO exequatur.${table} (tenant_id, ${columns}) SELECT $1, ${columns} FROM jsonb_populate_record(NULL::exequatur.${table}, $2::jsonb)`;
  return { rows, call, values: [tenant(), JSON.stringify(row)], look };
};

describe('somebody whose standing changes', () => {
  const untold = 'XQ015: no audit entry tells of what changed in principal';
  const entry = (type = 'principal.changed', name = 'principal', value: unknown = 'bo'): Rows => ({
    audit_entry: [entryRow(1, type, {}, { id: planId, proposal_id: null })],
    audit_disclosure: [{ entry_id: planId, name, salt: 's', value: JSON.stringify(value) }],
  });
  const disabled = (rows: Rows = entry(), head = 1, earlier?: Rows): Attempt => ({
    rows: { principal: [person('bo')], audit_head: [{ seq: head, hash: `\\x${'00'.repeat(32)}` }], ...rows },
    ...(earlier ? { earlier } : {}),
    call: 'UPDATE exequatur.principal SET disabled = true',
    look,
  });
  each([
    ['is told', 'none', disabled()],
    ['is not told', untold, disabled({})],
    ['is told as something else', untold, disabled(entry('switch.changed'))],
    ['is told of somebody else', untold, disabled(entry('principal.changed', 'principal', 'cy'))],
    ['is told as whoever did it', untold, disabled(entry('principal.changed', 'actor'))],
    ['is told as one of one person', 'none', disabled(entry('principal.changed', 'change', { linkedIdentities: ['bo'] }))],
    ['is told as none of one person', untold, disabled(entry('principal.changed', 'change', { linkedIdentities: ['cy'] }))],
    ['was told in an earlier transaction', untold, disabled({}, 1, entry())],
    ['is told among the last thousand entries', 'none', disabled(entry(), 1_000)],
    ['is told before the last thousand entries', untold, disabled(entry(), 1_001)],
  ]);
});

describe('what is put on record of an approval', () => {
  const untold = (table: string) => `XQ015: no audit entry tells of what was put into ${table}`;
  const entry = (type: string, payload: object = {}): Rows => ({ audit_entry: [entryRow(1, type, payload)] });
  const glass = (rows: Rows, earlier?: Rows): Attempt => ({
    ...written(
      'glass',
      { id: planId, proposal_id: proposalId, revision: 1, digest, broken_by: 'bo', reason: 'fire', broken_at: past },
      rows,
    ),
    ...(earlier ? { earlier } : {}),
  });
  const prompt = (plan: string, kind = 'escalation'): Attempt =>
    written(
      'prompt',
      { plan_id: plan, kind, since: past, number: 1, sent_at: past },
      { proposal: [proposal({ status: 'awaiting_approval' })], ...entry('proposal.escalated') },
    );
  const given = (rows: Rows): Attempt => written('review', review('bo', { id: planId }), rows);
  each([
    ['a glass that is told', 'none', () => glass(entry('proposal.glass_broken'))],
    ['a glass that is told as another thing', untold('glass'), () => glass(entry('proposal.reminded'))],
    ['a glass of which another was told before', untold('glass'), () => glass({}, entry('proposal.glass_broken'))],
    ['an escalation that is told', 'none', () => prompt(planId)],
    ['an escalation of another plan than is told', untold('prompt'), () => prompt(executionId)],
    ['a reminder, whatever is told', 'none', () => prompt(executionId, 'reminder')],
    ['a review that is told', 'none', () => given(entry('review.recorded', { reviewId: planId }))],
    ['a review where another is told', untold('review'), () => given(entry('review.recorded', { reviewId: executionId }))],
  ]);
});

describe('a decision', () => {
  const untold = 'XQ015: no audit entry commits to a decision';
  const salt = '00'.repeat(16);
  const decision: TakenDecision = {
    ...{ id: planId, proposalId, actor: 'ann', action: 'propose', outcome: 'allowed', reason: null, revision: 1, digest: null },
    ...{ policyVersion: 0, policies: [], errors: [], details: {} },
  };
  const committed = commitmentTo(salt, decisionText(decision));
  const { proposalId: proposal_id, policyVersion: policy_version, ...rest } = decision;
  const entry = (...decisions: string[]): Rows => ({ audit_entry: [entryRow(1, 'proposal.created', { decisions })] });
  const taken = (rows: Rows, earlier?: Rows): Attempt => ({
    ...written('decision', { ...rest, proposal_id, policy_version, at: past, salt: `\\x${salt}` }, rows),
    ...(earlier ? { earlier } : {}),
  });
  each([
    ['to which an entry commits', 'none', () => taken(entry(committed))],
    ['where an entry commits to another', untold, () => taken(entry('ab'.repeat(32)))],
    ['to which an entry of an earlier transaction commits', untold, () => taken({}, entry(committed))],
  ]);
});

describe('a proposal', () => {
  const astray = 'XQ015: a proposal stands where no audit entry says';
  const unrevised = 'XQ015: a proposal has a revision that no audit entry tells of';
  const changed = (set: string, status: string, ...entries: Row[]): Attempt => ({
    rows: { proposal: [proposal({ status })], audit_entry: [entryRow(1, 'proposal.created'), ...entries] },
    call: `UPDATE exequatur.proposal SET ${set}`,
    look,
  });
  const withdrawn = (type: string) => changed("status = 'withdrawn'", 'awaiting_approval', entryRow(2, type));
  const revised = (type: string, revision: number) =>
    changed('revision = 2', 'simulating', entryRow(2, type, { revision }), entryRow(3, 'proposal.simulating'));
  each([
    ['that is withdrawn', 'none', withdrawn('proposal.withdrawn')],
    ['that is told to wait, and is withdrawn', astray, withdrawn('proposal.simulated')],
    ['that is raised', 'none', revised('proposal.raised', 2)],
    ['that is revised', 'none', revised('proposal.revised', 2)],
    ['that was raised before', unrevised, revised('proposal.raised', 1)],
    ['whose revision something else tells of', unrevised, revised('proposal.simulating', 2)],
  ]);
});
