import type { PolicyDecision, PolicyEngine, PolicyRequest, PolicySet } from '../ontology/policy-engine.ts';
import { RecentlyUsed } from '../ontology/recently-used.ts';
import { cedarQuestion } from './cedar-call.ts';
import { type CedarModule, freshCedar } from './cedar-module.ts';
import { CedarSlices, type Slice } from './cedar-slices.ts';
import { PreparedSlices } from './prepared-slices.ts';

const preparedSets = 100; // Sets in use at once over all tenants.
const preparedSlices = 400; // Of those, each for some of the questions.
const preparedForSome = 200; // Of those again, each for some of the principals: cheap to parse, and so many that they have names of their own.

/**
 * Decides with Cedar. Cedar itself leaves a policy out that it cannot compute, and goes on with the others; a forbidding one would so be lost, so here any error is a
 * deny. Of a set it computes those policies alone that the question can be about (see {@link CedarSlices}). Pure but for what it remembers of texts that it has parsed.
 */
export class CedarEngine implements PolicyEngine {
  private cedar: CedarModule | null = null;
  /** By a set's key; null of one that Cedar cannot parse. */
  private readonly sets = new RecentlyUsed<CedarSlices | null>(preparedSets);
  private readonly forAll = new PreparedSlices('all', preparedSlices);
  private readonly forSome = new PreparedSlices('some', preparedForSome);

  decide(set: PolicySet, request: PolicyRequest): PolicyDecision {
    try {
      return this.ask(set, request);
    } catch (error) {
      // It trapped: this instance answers nobody any more.
      this.cedar = null;
      this.sets.clear();
      this.forAll.forgetAll();
      this.forSome.forgetAll();
      return denied(`the engine failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  private ask(set: PolicySet, request: PolicyRequest): PolicyDecision {
    this.cedar ??= freshCedar();
    const slices = this.slicesOf(this.cedar, set);
    const name = slices === null ? null : this.prepare(this.cedar, set.key, slices.for(request));
    if (name === null) return denied('the policies cannot be parsed');
    const answer = this.cedar.statefulIsAuthorized({ ...cedarQuestion(request), preparsedPolicySetId: name });
    if (answer.type === 'failure') return denied(...answer.errors.map(({ message }) => message));
    const { decision, diagnostics } = answer.response;
    const errors = diagnostics.errors.map(({ policyId, error }) => `${policyId}: ${error.message}`);
    if (errors.length > 0) return { decision: 'deny', policies: diagnostics.errors.map(({ policyId }) => policyId).sort(), errors };
    return { decision, policies: [...diagnostics.reason].sort(), errors };
  }

  private slicesOf(cedar: CedarModule, set: PolicySet): CedarSlices | null {
    const known = this.sets.get(set.key);
    if (known !== undefined) return known;
    const slices = CedarSlices.of(cedar, set);
    this.sets.set(set.key, slices);
    return slices;
  }

  private prepare(cedar: CedarModule, of: string, { name, policies, isForSome }: Slice): string | null {
    return (isForSome ? this.forSome : this.forAll).nameOf(cedar, JSON.stringify([of, name]), policies);
  }
}

function denied(...errors: string[]): PolicyDecision {
  return { decision: 'deny', policies: [], errors };
}
