import type { Authority, AuthorityRequest } from '../ontology/authority.ts';
import { decideBreakGlass } from './decide-break-glass.ts';
import { decideCancel } from './decide-cancel.ts';
import { decideChangeSchedule } from './decide-change-schedule.ts';
import { decideDeleteDelegation } from './decide-delete-delegation.ts';
import { decidePropose } from './decide-propose.ts';
import { decidePutDelegation } from './decide-put-delegation.ts';
import { decidePutOntology } from './decide-put-ontology.ts';
import { decidePutPolicies } from './decide-put-policies.ts';
import { decidePutPrincipal } from './decide-put-principal.ts';
import { decidePutSwitch } from './decide-put-switch.ts';
import { decideRead } from './decide-read.ts';
import { decideReadAudit } from './decide-read-audit.ts';
import { decideReadSensitive } from './decide-read-sensitive.ts';
import { decideResolve } from './decide-resolve.ts';
import { decideRevert } from './decide-revert.ts';
import { decideReview } from './decide-review.ts';
import { decideReviewEmergency } from './decide-review-emergency.ts';
import { decideRevise } from './decide-revise.ts';
import { decideWithdraw } from './decide-withdraw.ts';
import { refuse } from './verdict.ts';

/**
 * The gate. API and execution ask the same function, so what is legal at one is legal at the other. It is pure and total: an error inside is a refusal.
 * A policy engine will replace the bodies behind it; the facts it is given stay.
 */
export function decide(request: AuthorityRequest): Authority {
  try {
    return answer(request);
  } catch {
    return refuse('forbidden');
  }
}

function answer(request: AuthorityRequest): Authority {
  switch (request.action) {
    case 'read':
      return decideRead(request);
    case 'audit:read':
      return decideReadAudit(request);
    case 'schedule:change':
      return decideChangeSchedule(request);
    case 'sensitive:read':
      return decideReadSensitive(request);
    case 'ontology:put':
      return decidePutOntology(request);
    case 'policies:put':
      return decidePutPolicies(request);
    case 'switch:put':
      return decidePutSwitch(request);
    case 'principal:put':
      return decidePutPrincipal(request);
    case 'delegation:put':
      return decidePutDelegation(request);
    case 'delegation:delete':
      return decideDeleteDelegation(request);
    case 'proposal:create':
      return decidePropose(request);
    case 'proposal:review':
      return decideReview(request);
    case 'proposal:break_glass':
      return decideBreakGlass(request);
    case 'proposal:review_emergency':
      return decideReviewEmergency(request);
    case 'proposal:withdraw':
      return decideWithdraw(request);
    case 'proposal:cancel':
      return decideCancel(request);
    case 'proposal:resolve':
      return decideResolve(request);
    case 'proposal:revise':
      return decideRevise(request);
    case 'proposal:revert':
      return decideRevert(request);
    default:
      return unknownAction(request);
  }
}

/** Unreachable while the switch is exhaustive, which the compiler checks here; a request from untyped code is refused. */
function unknownAction(_request: never): Authority {
  return refuse('forbidden');
}
