// What triggers ask of what is written: each with everything as it should be, and with one fact of it another.
import { describe } from 'vitest';
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
  review as reviewBy,
  typeVersion,
} from './crafted-rows.ts';

const { each, tenant } = craftedRows();

/** Written as by a login, whatever its grants are. */
const written = (table: string, row: Row, rows: Attempt['rows'] = {}, as?: Attempt['as']): Attempt => {
  const columns = Object.keys(row)
    .map((name) => `"${name}"`)
    .join();
  const call = `INSERT INTO exequatur.${table} (tenant_id, ${columns}) SELECT $1, ${columns} FROM jsonb_populate_record(NULL::exequatur.${table}, $2::jsonb)`;
  return { rows, call, values: [tenant(), JSON.stringify(row)], ...(as ? { as } : {}) };
};
const changed = (table: string, row: Row, set: string, rows: Attempt['rows'] = {}): Attempt => ({
  rows: { ...rows, [table]: [row] },
  call: `UPDATE exequatur.${table} SET ${set}`,
});

const inForce = {
  action_type: [{ name: 'send', current_version: 1, retired: false }],
  action_type_version: [typeVersion()],
  principal: [person('ann')],
};

describe('a proposal', () => {
  const taken = 'XQ006: only what was executed is taken back';
  const original = (status: string) => ({
    ...inForce,
    proposal: [proposal({ id: planId, status })],
    execution: [
      { id: executionId, proposal_id: planId, plan_id: planId, digest, edits: 1, started_at: past, executed_at: past, outcome: {} },
    ],
  });
  const begins = 'XQ006: a proposal begins in simulating, without a plan';
  const is = 'XQ006: what a proposal is does not change';
  const parameters = 'XQ006: parameters change only with a new revision';
  const fresh = (more: Row = {}) => proposal({ status: 'simulating', plan_id: null, plan_digest: null, failure: null, ...more });
  const reverting = (revert_root: string): Attempt => {
    const rows = original('executed');
    const other = proposal({ id: executionId, status: 'rejected', revert_of: revert_root, revert_root, revert_number: 7, revert_depth: 1 });
    return {
      ...written('proposal', fresh({ revert_of: executionId }), { ...rows, proposal: [...rows.proposal, other] }),
      look: `SELECT revert_number FROM exequatur.proposal WHERE id = '${proposalId}'`,
    };
  };
  each([
    ['begins', 'none', () => written('proposal', fresh(), inForce)],
    ...(
      [
        ['for nobody', '{}', {}, {}],
        ['for whom the directory names', '{bo}', {}, { acts_for: 'bo' }],
        ['for whom the directory names, who is known', '{}', { acts_for: 'bo' }, { acts_for: 'bo' }],
        ['for whom a token named', '{cy}', { acts_for: 'bo' }, { acts_for: 'bo', token_acts_for: 'cy' }],
        ['for whom the token at hand names as well', '{cy,di}', { revised_for: ['di'] }, { token_acts_for: 'cy' }],
        ['for itself', '{}', { revised_for: ['ann'] }, {}],
      ] as const
    ).map(
      ([name, answer, more, ann]) =>
        [
          `begins ${name}`,
          answer,
          () => ({
            ...written('proposal', fresh(more), { ...inForce, principal: [person('ann', ann), person('other', { acts_for: 'di' })] }),
            look: `SELECT revised_for::text FROM exequatur.proposal WHERE id = '${proposalId}'`,
          }),
        ] as const,
    ),
    ['takes back what was executed', 'none', () => written('proposal', fresh({ revert_of: executionId }), original('executed'))],
    ['takes back what was undone', taken, () => written('proposal', fresh({ revert_of: executionId }), original('failed'))],
    ['takes back what goes on', taken, () => written('proposal', fresh({ revert_of: executionId }), original('executing'))],
    ['takes back what is not there', taken, () => written('proposal', fresh({ revert_of: executionId }), inForce)],
    ['takes back what others took back', '8', () => reverting(executionId)],
    ['takes back first, whatever others took back elsewhere', '1', () => reverting(proposalId)],
    ['begins approved', begins, () => written('proposal', proposal({ status: 'approved' }), inForce)],
    ['begins as what awaits approval', begins, () => written('proposal', fresh({ status: 'awaiting_approval' }), inForce)],
    ['begins with a plan', begins, () => written('proposal', fresh({ plan_id: planId, plan_digest: digest }), inForce)],
    ['begins revised', begins, () => written('proposal', fresh({ revision: 2 }), inForce)],
    ['is touched', 'none', () => changed('proposal', fresh(), 'updated_at = now()')],
    ['is of another action type', is, () => changed('proposal', fresh(), "action_type = 'other'")],
    ['is of another proposer', is, () => changed('proposal', fresh(), "proposer_id = 'bo'")],
    ['was revised for one more', 'none', () => changed('proposal', fresh({ revised_for: ['bo'] }), "revised_for = '{bo,cy}'")],
    [
      'was not revised for one',
      'XQ006: whom a proposal was revised for does not change',
      () => changed('proposal', fresh({ revised_for: ['bo', 'cy'] }), "revised_for = '{cy}'"),
    ],
    ['takes something back', is, () => changed('proposal', fresh(), 'revert_of = id')],
    ['is of another family', is, () => changed('proposal', fresh(), 'revert_root = id')],
    ['is another of its family', is, () => changed('proposal', fresh(), 'revert_number = 1')],
    ['is further from what its family began with', is, () => changed('proposal', fresh(), 'revert_depth = 1')],
    ['has other parameters', parameters, () => changed('proposal', fresh(), "parameters = '[]'")],
    ['has other parameters in another revision', 'none', () => changed('proposal', fresh(), "parameters = '[]', revision = 2")],
    ['is of another version', parameters, () => changed('proposal', fresh(), 'action_type_version = 2')],
    ['has another plan', 'none', () => changed('proposal', fresh(), `plan_id = id, plan_digest = '${digest}'`)],
    [
      'has another plan while it waits',
      'XQ006: a plan changes only by simulation',
      () => changed('proposal', proposal({ status: 'awaiting_approval' }), 'plan_id = id'),
    ],
    [
      'is touched after its end',
      'XQ006: a proposal that has ended does not change',
      () => changed('proposal', proposal({ status: 'rejected' }), 'updated_at = now()'),
    ],
    [
      'is approved after its refusal',
      'XQ006: a proposal cannot go from changes_requested to approved',
      () => changed('proposal', proposal({ status: 'changes_requested' }), "status = 'approved'"),
    ],
    [
      'waits without its bytes',
      'XQ003: the stored bytes do not have the digest of the plan',
      () => changed('proposal', fresh({ plan_id: planId, plan_digest: digest }), "status = 'awaiting_approval'"),
    ],
    [
      'is executed by a login',
      'XQ006: only the door begins and ends an execution, and writes while it lasts',
      () => changed('proposal', proposal({ status: 'approved' }), "status = 'executing'"),
    ],
    [
      'is touched by a login while it is executed',
      'XQ006: only the door begins and ends an execution, and writes while it lasts',
      () => changed('proposal', proposal(), 'updated_at = now()'),
    ],
    [
      'is touched by a login while it is undone',
      'XQ006: only the door begins and ends an execution, and writes while it lasts',
      () => changed('proposal', proposal({ status: 'compensating' }), 'updated_at = now()'),
    ],
  ]);
});

describe('an execution', () => {
  const execution = {
    ...{ id: planId, proposal_id: proposalId, plan_id: planId, digest, edits: 0 },
    ...{ started_at: past, executed_at: past, outcome: {} },
  };
  const rows = { ...inForce, proposal: [proposal()] };
  const off = (scope: string) => ({ switch: [{ scope, name: 'all', off: true, reason: 'smoke', changed_by: 'op', changed_at: past }] });
  const held = (executeAfter: string): Attempt => ({
    rows: { proposal: [proposal({ status: 'scheduled', execute_after: executeAfter })] },
    call: 'SELECT exequatur.refuse_held(p) FROM exequatur.proposal p',
  });
  each([
    ['begins', 'none', () => written('execution', execution, { ...rows, ...off('agent') })],
    [
      'begins although everything is switched off',
      'XQ016: this is switched off',
      () => written('execution', execution, { ...rows, ...off('tenant') }),
    ],
    ['is not held any more', '', held(past)],
    ['is held', 'XQ018: it is not time for this', held(future)],
  ]);
});

describe('an emergency', () => {
  const lasts = 'XQ006: nobody reviews an emergency while it lasts';
  const record = 'XQ011: what is on record of an emergency does not change';
  const glass = (more: Row = {}): Row => ({
    id: planId,
    proposal_id: proposalId,
    revision: 1,
    digest,
    broken_by: 'bo',
    reason: 'fire',
    broken_at: past,
    ...more,
  });
  const reviewed = { reviewed_by: 'cy', verdict: 'justified', reviewed_at: past };
  const review = "reviewed_by = 'cy', verdict = 'justified', reviewed_at = now()";
  const executed = { proposal: [proposal({ status: 'executed' })] };
  const erased = (set: string, as?: 'door'): Attempt => ({
    ...changed('glass', glass({ ...reviewed, comment: 'so' }), set, executed),
    ...(as ? { as } : {}),
  });
  const failed = (times: Row) => ({ proposal: [proposal({ status: 'failed', status_timestamps: times })] });
  const otherDigest = `sha256:${'b'.repeat(64)}`;
  const begun = (more: Row = {}) => ({
    proposal: [proposal({ status: 'compensating' })],
    saga: [{ proposal_id: proposalId, run: 1, plan_id: planId, digest, begun_at: past, ...more }],
  });
  const sameAs = (bo: Row, cy: Row) => [person('bo', bo), person('cy', cy)];
  const soon = 'XQ006: an emergency is reviewed once its execution has begun';
  const own = 'XQ006: whoever had a part in an emergency has none in its review';
  each([
    ['begins', 'none', () => written('glass', glass(), { proposal: [proposal({ status: 'awaiting_approval' })] })],
    ['begins reviewed', lasts, () => written('glass', glass(reviewed), executed)],
    ['begins overdue', lasts, () => written('glass', glass({ overdue_at: past }), executed)],
    ['has another reason', record, () => changed('glass', glass(), "reason = 'other'", executed)],
    ['is of somebody else', record, () => changed('glass', glass(), "broken_by = 'di'", executed)],
    ['is reviewed', 'none', () => changed('glass', glass(), review, executed)],
    ['is reviewed too soon', soon, () => changed('glass', glass(), review, { proposal: [proposal({ status: 'approved' })] })],
    ['is reviewed where its execution failed', 'none', () => changed('glass', glass(), review, failed({ executing: past }))],
    [
      'is reviewed where an execution was sent back',
      soon,
      () => changed('glass', glass(), review, { proposal: [proposal({ status: 'approved', status_timestamps: { executing: past } })] }),
    ],
    ['is reviewed where nothing was executed', soon, () => changed('glass', glass(), review, failed({}))],
    [
      'is reviewed for another plan',
      soon,
      () => changed('glass', glass(), review, { proposal: [proposal({ status: 'executed', plan_digest: otherDigest })] }),
    ],
    [
      'is reviewed for another revision',
      soon,
      () => changed('glass', glass(), review, { proposal: [proposal({ status: 'executed', revision: 2 })] }),
    ],
    ['is reviewed while effects are undone', 'none', () => changed('glass', glass(), review, begun())],
    [
      'is reviewed once there is another plan',
      'none',
      () => changed('glass', glass(), review, { ...begun(), proposal: [proposal({ plan_digest: otherDigest })] }),
    ],
    ['is reviewed for effects of another plan', soon, () => changed('glass', glass(), review, begun({ digest: otherDigest }))],
    ['is reviewed for effects of before', soon, () => changed('glass', glass(), review, begun({ begun_at: '2019-01-01T00:00:00Z' }))],
    ['is reviewed for effects of another proposal', soon, () => changed('glass', glass(), review, begun({ proposal_id: executionId }))],
    [
      'is reviewed by who broke it, under another name',
      own,
      () => changed('glass', glass(), review, { ...executed, principal: sameAs({ person: 'b' }, { person: 'b' }) }),
    ],
    [
      'is reviewed by who acts for who broke it',
      own,
      () => changed('glass', glass(), review, { ...executed, principal: sameAs({}, { acts_for: 'bo' }) }),
    ],
    [
      'is reviewed by somebody else',
      'none',
      () => changed('glass', glass(), review, { ...executed, principal: sameAs({ person: 'b' }, { person: 'c' }) }),
    ],
    ...(
      [
        ['by who approved it', own, { review: [reviewBy('cy')] }],
        ['by who acts for who approved it', own, { review: [reviewBy('di')], principal: [person('di'), person('cy', { acts_for: 'di' })] }],
        ['by who had it approved by a delegate', own, { review: [reviewBy('di', { on_behalf_of: 'cy', delegation_id: executionId })] }],
        ['by a delegate who approved it', own, { review: [reviewBy('cy', { on_behalf_of: 'di', delegation_id: executionId })] }],
        [
          'by who took an approval back',
          own,
          { review: [reviewBy('cy'), reviewBy('cy', { decision: 'reject', created_at: '2020-01-03T00:00:00Z' })] },
        ],
        ['by who said no', 'none', { review: [reviewBy('cy', { decision: 'reject' })] }],
        ['by who approved another revision', 'none', { review: [reviewBy('cy', { revision: 2 })] }],
        ['by who approved another plan', 'none', { review: [reviewBy('cy', { digest: otherDigest })] }],
        ['by who approved another proposal', 'none', { review: [reviewBy('cy', { proposal_id: executionId })] }],
        ['by who proposed it', own, { proposal: [proposal({ status: 'executed', proposer_id: 'cy' })] }],
        ['by whom it was proposed for', own, { proposal: [proposal({ status: 'executed', acts_for: 'cy' })] }],
        ['by whom it was revised for', own, { proposal: [proposal({ status: 'executed', revised_for: ['cy'] })] }],
        [
          'by who proposed another',
          'none',
          { proposal: [...executed.proposal, proposal({ id: executionId, proposer_id: 'cy', status: 'executed' })] },
        ],
      ] as const
    ).map(
      ([name, answer, more]) =>
        [`is reviewed ${name}`, answer, () => changed('glass', glass(), review, { ...executed, ...more } as Attempt['rows'])] as const,
    ),
    ['is reviewed again', record, () => changed('glass', glass(reviewed), "verdict = 'unjustified'", executed)],
    ['has what was said in its review erased by the door', 'none', () => erased('comment = NULL', 'door')],
    ['has it erased by nobody else', record, () => erased('comment = NULL')],
    ['has it changed by nobody', record, () => erased("comment = 'other'", 'door')],
    ['is overdue', 'none', () => changed('glass', glass(), 'overdue_at = now()')],
    ['is overdue again', record, () => changed('glass', glass({ overdue_at: past }), 'overdue_at = now()')],
    ['is reviewed once it is overdue', 'none', () => changed('glass', glass({ overdue_at: past }), review, executed)],
    ['is overdue once it is reviewed', 'none', () => changed('glass', glass(reviewed), 'overdue_at = now()')],
  ]);
});

describe('what stays as it is', () => {
  const schedule = (more: Row = {}): Row => ({
    ...{
      id: planId,
      action_type: 'send',
      parameters: '{}',
      justification: 'because',
      timing: {},
      skip_while_open: false,
      owner_id: 'ann',
      request_hash: 'h',
    },
    ...{ state: 'active', state_by: 'ann', state_at: past, version: 2, created_at: past },
    ...more,
  });
  const stays = 'XQ011: a schedule that was deleted stays so';
  const secret = (more: Row = {}): Row => ({
    id: planId,
    endpoint: 'carrier',
    name: 'key',
    sealed: '\\x00',
    created_by: 'ann',
    created_at: past,
    ...more,
  });
  const longer = 'XQ011: a secret that retires is not kept longer';
  const policies = (version: number): Row => ({ version, policies: '{}', cases: '[]', digest, created_by: 'ann', created_at: past });
  const policiesInForce = "UPDATE exequatur.tenant_control SET policy_version = 7 WHERE tenant_id = current_setting('app.tenant')::uuid";
  const delegation = (more: Row = {}): Row => ({
    id: 'leave',
    delegator: 'ann',
    delegate: 'bo',
    starts_at: past,
    ends_at: '2020-02-01T00:00:00Z',
    reason: 'away',
    granted_by: 'ann',
    granted_at: past,
    ...more,
  });
  each([
    ['a schedule is paused', 'none', () => changed('schedule', schedule(), "state = 'paused', version = 3")],
    ['a schedule that was deleted runs', stays, () => changed('schedule', schedule({ state: 'deleted' }), "state = 'active'")],
    ['a schedule that was deleted is told of', 'none', () => changed('schedule', schedule({ state: 'deleted' }), 'told_version = 1')],
    ['a schedule has an earlier version', stays, () => changed('schedule', schedule(), 'version = 1')],
    ['a secret retires', 'none', () => changed('endpoint_secret', secret(), 'retires_at = now()')],
    ['a secret retires sooner', 'none', () => changed('endpoint_secret', secret({ retires_at: future }), 'retires_at = now()')],
    ['a secret retires later', longer, () => changed('endpoint_secret', secret({ retires_at: past }), 'retires_at = now()')],
    ['a secret never retires', longer, () => changed('endpoint_secret', secret({ retires_at: past }), 'retires_at = NULL')],
    ['a delegation is revoked', 'none', () => changed('delegation', delegation(), "revoked_by = 'bo', revoked_at = now()")],
    [
      'a delegation is revoked again',
      'XQ011: a delegation that was revoked stays so',
      () => changed('delegation', delegation({ revoked_by: 'bo', revoked_at: past }), 'revoked_by = NULL, revoked_at = NULL'),
    ],
    [
      'a version of the policies is in force',
      'none',
      () => ({
        rows: { policy_version: [policies(7)] },
        call: policiesInForce,
      }),
    ],
    [
      'a version of the policies is in force that there is not',
      'XQ006: there is no such version of the policies',
      () => ({ rows: { policy_version: [policies(6)] }, call: policiesInForce }),
    ],
    [
      'an audit entry is changed',
      'XQ011: audit_entry is append-only',
      () => ({
        rows: {
          audit_entry: [
            {
              seq: 1,
              id: planId,
              at: past,
              type: 'x',
              previous_hash: `\\x${'00'.repeat(32)}`,
              payload: '\\x7b7d',
              hash: `\\x${'00'.repeat(32)}`,
            },
          ],
        },
        call: 'DELETE FROM exequatur.audit_entry',
      }),
    ],
  ]);
});
