import { canonicalText, sha256Hex } from './canonical-json.ts';
import type { JsonObject } from './json.ts';
import type { ResolvedRequirement } from './plan.ts';

/** A requirement as the entry of its plan has it: whole, or its digest where an entry has no room for it. */
export function tellRequirement(requirement: ResolvedRequirement): JsonObject {
  const text = canonicalText(requirement as unknown as JsonObject);
  return Buffer.byteLength(text) <= mostBytes
    ? { requirement: requirement as unknown as JsonObject }
    : { requirementDigest: `sha256:${sha256Hex(text)}` };
}

const mostBytes = 32_768; // Half of what an entry holds, and the door's bound too; a policy of ten stages with ordinary conditions has a tenth of it.
