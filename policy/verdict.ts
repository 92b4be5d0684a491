import type { Authority } from '../ontology/authority.ts';
import type { ProblemCode } from '../ontology/problems.ts';

export function permit(): Authority {
  return { allowed: true };
}

export function refuse(reason: ProblemCode): Authority {
  return { allowed: false, reason };
}
