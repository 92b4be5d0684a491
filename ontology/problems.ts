/**
 * The catalogue of everything the product refuses. A code is a wire contract: clients match on it, so it is declared here once and never renamed. `title` is
 * the only text about an error that reaches a client, beside the faults of its own input.
 */
export type ProblemKind =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'gone'
  | 'precondition_required'
  | 'precondition_failed'
  | 'unprocessable'
  | 'too_large'
  | 'unsupported_media_type'
  | 'method_not_allowed'
  | 'too_many'
  | 'unavailable'
  | 'bug';

export interface Problem {
  kind: ProblemKind;
  title: string;
}

export const problems = {
  malformed_request: { kind: 'invalid', title: 'The request cannot be read.' },
  unknown_field: { kind: 'invalid', title: 'The request carries a field that is not known here.' },
  idempotency_key_required: { kind: 'invalid', title: 'An Idempotency-Key header is required.' },
  invalid_filter: { kind: 'invalid', title: 'The filter cannot be used.' },
  invalid_page_token: { kind: 'invalid', title: 'The page token cannot be used.' },
  invalid_parameters: { kind: 'unprocessable', title: 'The parameters do not fit the action type.' },
  unknown_reference: { kind: 'unprocessable', title: 'A reference names an object that does not exist.' },
  unknown_action_type: { kind: 'unprocessable', title: 'There is no such action type.' },
  action_type_superseded: { kind: 'conflict', title: 'The action type has another version now; propose again.' },
  unknown_object_type: { kind: 'not_found', title: 'There is no such object type.' },
  unknown_link_type: { kind: 'not_found', title: 'There is no such link type.' },
  not_found: { kind: 'not_found', title: 'There is nothing here by that name.' },
  plan_altered: { kind: 'conflict', title: 'The plan is not what its digest says: somebody altered it in the database.' },
  schedule_not_changed: { kind: 'conflict', title: 'The schedule was deleted.' },
  schedule_not_active: { kind: 'conflict', title: 'The schedule is paused or was deleted.' },
  schedule_missed: { kind: 'unavailable', title: 'The run could not begin for so long that it is not made up for.' },
  schedule_skipped: { kind: 'conflict', title: 'The proposal of an earlier run is still open.' },
  revert_too_late: { kind: 'conflict', title: 'The execution is longer ago than actions may be reverted.' },
  replay_too_early: { kind: 'conflict', title: 'The subscription does not go back so far; remove it, and set another that begins there.' },
  events_not_kept: {
    kind: 'gone',
    title: 'Events from so long ago are not kept any more; begin later, and see the audit log for what was.',
  },
  too_many_subscriptions: { kind: 'conflict', title: 'There are as many subscriptions as a tenant may have.' },
  subscription_off: { kind: 'conflict', title: 'The subscription is switched off: nothing is sent.' },
  not_sealed: { kind: 'conflict', title: 'This is not under a signed checkpoint yet; a moment later it is.' },
  idempotency_key_reused: { kind: 'unprocessable', title: 'The idempotency key was used with another request.' },
  unexplained_changes: { kind: 'unprocessable', title: 'Whoever asks for changes says which: a reason, or a comment.' },
  unknown_anchor: { kind: 'unprocessable', title: 'A comment is anchored to what is no edit of this plan.' },
  not_revisable: { kind: 'conflict', title: 'A proposal can be revised while changes are requested of it, and a revert never.' },
  invalid_ontology: { kind: 'unprocessable', title: 'The ontology document is not valid.' },
  migration_open: { kind: 'conflict', title: 'Objects are being migrated for another ontology document.' },
  migration_ended: { kind: 'conflict', title: 'The migration has ended.' },
  invalid_policies: { kind: 'unprocessable', title: 'The policies are not valid, or one of their cases does not come out as expected.' },
  policy_forbids: { kind: 'forbidden', title: 'A policy of the tenant forbids this.' },
  ontology_breaks_data: { kind: 'conflict', title: 'Objects that exist do not fit the new ontology.' },
  unauthenticated: { kind: 'unauthenticated', title: 'A valid bearer token is required.' },
  forbidden: { kind: 'forbidden', title: 'This principal may not do that.' },
  self_administration: { kind: 'forbidden', title: 'Nobody changes their own standing.' },
  invalid_delegation: { kind: 'unprocessable', title: 'Such a delegation cannot be granted.' },
  delegation_exists: { kind: 'conflict', title: 'There is another delegation of that name; what was granted is revoked, never changed.' },
  unknown_principal: { kind: 'unprocessable', title: 'The directory does not know this principal.' },
  principal_active: { kind: 'conflict', title: 'Personal data is erased of principals who are disabled.' },
  self_review: { kind: 'forbidden', title: 'Nobody reviews their own proposal.' },
  agent_may_not_review: { kind: 'forbidden', title: 'Only people review proposals.' },
  not_delegated: { kind: 'forbidden', title: 'No delegation in force lets this principal review on that behalf.' },
  not_eligible: { kind: 'forbidden', title: 'The open approval stage does not ask this reviewer.' },
  not_proposer: { kind: 'forbidden', title: 'Only the proposer may do that.' },
  sensitive_property: { kind: 'forbidden', title: 'The values of a sensitive property are not for this principal.' },
  window_exists: { kind: 'conflict', title: 'There is another freeze window of that name; remove it, or choose another name.' },
  execute_after_expiry: { kind: 'unprocessable', title: 'By then the proposal will have expired.' },
  switched_off: { kind: 'conflict', title: 'This has been switched off.' },
  proposer_not_allowed: { kind: 'forbidden', title: 'The action type does not admit this proposer.' },
  already_decided: { kind: 'conflict', title: 'This reviewer has already decided so.' },
  not_awaiting_approval: { kind: 'conflict', title: 'The proposal is not awaiting approval.' },
  no_emergency: { kind: 'forbidden', title: 'The approval policy lets nobody break the glass.' },
  not_for_emergencies: { kind: 'forbidden', title: 'The approval policy asks others for this.' },
  own_emergency: {
    kind: 'forbidden',
    title: 'Nobody breaks the glass for a proposal of their own, or reviews an emergency that they proposed, approved or declared.',
  },
  emergency_unapproved: { kind: 'conflict', title: 'More people must approve this plan, in an emergency as well.' },
  already_broken: { kind: 'conflict', title: 'The glass has been broken for this plan already.' },
  no_review_owed: { kind: 'conflict', title: 'No review after an emergency is owed.' },
  not_withdrawable: { kind: 'conflict', title: 'The proposal can no longer be withdrawn.' },
  secrets_unavailable: { kind: 'unavailable', title: 'This deployment has no key to keep secrets with.' },
  not_cancellable: { kind: 'conflict', title: 'There is no execution under way that could be cancelled.' },
  nothing_to_retry: { kind: 'conflict', title: 'Nothing takes this step back, so there is nothing to try again.' },
  own_execution: { kind: 'forbidden', title: 'Whoever stands behind a proposal does not decide how its execution goes on.' },
  not_resolvable: { kind: 'conflict', title: 'The proposal does not need attention.' },
  not_revertible: { kind: 'conflict', title: 'The proposal cannot be reverted.' },
  already_reverted: { kind: 'conflict', title: 'The execution has been reverted already: nothing of it is left that could be taken back.' },
  revert_open: {
    kind: 'conflict',
    title: 'A revert of this execution, of one of its reverts, or of what it took back itself is already open.',
  },
  revert_conflict: { kind: 'conflict', title: 'Objects were changed or referred to since the execution.' },
  stale_plan: { kind: 'conflict', title: 'What the plan depends on has changed; it is being simulated again.' },
  setting_changed: { kind: 'conflict', title: 'What this would change was changed since; look at it and send the change again.' },
  stale_ontology: { kind: 'precondition_failed', title: 'Another ontology is in force than the one named in If-Match.' },
  stale_digest: { kind: 'precondition_failed', title: 'The plan is no longer the one named in If-Match.' },
  stale_asking: { kind: 'precondition_failed', title: 'Something else is asked by now than what is named in If-Match.' },
  if_match_required: { kind: 'precondition_required', title: 'An If-Match header that names what was looked at is required.' },
  constraint_failed: { kind: 'unprocessable', title: 'A parameter is not as the action type asks.' },
  criteria_failed: { kind: 'unprocessable', title: 'A submission criterion is not met.' },
  conflicting_rules: { kind: 'unprocessable', title: 'Two rules write different values to one property.' },
  conflicting_edits: { kind: 'unprocessable', title: 'Two rules want contrary things of one object or link.' },
  limit_exceeded: { kind: 'unprocessable', title: 'The plan is larger than the action type allows.' },
  evaluation_failed: { kind: 'unprocessable', title: 'An expression of the action type cannot be computed.' },
  invalid_value: { kind: 'unprocessable', title: 'A computed value does not fit its property.' },
  object_exists: { kind: 'unprocessable', title: 'An object that would be created exists already.' },
  object_missing: { kind: 'unprocessable', title: 'An object that would be changed does not exist.' },
  still_referenced: { kind: 'unprocessable', title: 'An object that would be deleted is still referred to.' },
  required_link_missing: { kind: 'unprocessable', title: 'An object would be left without a link that it must have.' },
  not_unique: { kind: 'unprocessable', title: 'Two objects would hold one value of a unique property.' },
  outside_surface: { kind: 'unprocessable', title: 'A function wants to write what its rule does not declare.' },
  function_failed: { kind: 'unprocessable', title: 'A function of the action type failed.' },
  execution_failed: { kind: 'conflict', title: 'The execution was refused by the database.' },
  unsupported_media_type: { kind: 'unsupported_media_type', title: 'The request body must be JSON, sent as application/json.' },
  method_not_allowed: { kind: 'method_not_allowed', title: 'This address does not answer that method; see Allow.' },
  payload_too_large: { kind: 'too_large', title: 'The request body is too large.' },
  too_many_requests: { kind: 'too_many', title: 'Too many calls of this tenant wait already; nothing was done, come back.' },
  too_many_attempts: { kind: 'too_many', title: 'Too many tests and redeliveries were asked for within a minute; come back.' },
  too_many_streams: { kind: 'too_many', title: 'Too many streams of events are open; come back, or read them in pages.' },
  unknown_position: { kind: 'invalid', title: 'The log of this tenant has not come to this position.' },
  overloaded: { kind: 'unavailable', title: 'There is more to do than can be done now; nothing was done, come back.' },
  temporarily_unavailable: { kind: 'unavailable', title: 'A service that is needed is away; try again.' },
  internal: { kind: 'bug', title: 'Something went wrong on our side.' },
} as const satisfies Record<string, Problem>;

export type ProblemCode = keyof typeof problems;

export function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(problems, code);
}
