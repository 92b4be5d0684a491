import { canonicalText } from '../ontology/canonical-json.ts';
import type { JsonObject } from '../ontology/json.ts';

/** A decision as it was taken. When it was is the time of the entry that commits to it. */
export interface TakenDecision {
  id: string;
  proposalId: string;
  actor: string;
  action: string;
  outcome: string;
  /** Null where it was allowed. */
  reason: string | null;
  revision: number;
  digest: string | null;
  policyVersion: number;
  policies: readonly string[];
  errors: readonly string[];
  details: JsonObject;
}

/**
 * What the log commits to of a decision, as it is recorded and as its row says it later: RFC 8785 text of all that the row has. A member more or less is another format of evidence,
 * and fails for what was recorded before.
 */
export function decisionText(decision: TakenDecision): string {
  const { id, proposalId, actor, action, outcome, reason, revision, digest, policyVersion, details } = decision;
  const [policies, errors] = [[...decision.policies], [...decision.errors]];
  return canonicalText({ id, proposalId, actor, action, outcome, reason, revision, digest, policyVersion, policies, errors, details });
}
