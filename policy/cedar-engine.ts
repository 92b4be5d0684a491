import type { PolicyDecision, PolicyEngine, PolicyRequest, PolicySet } from '../ontology/policy-engine.ts';
import { cedarQuestion } from './cedar-call.ts';
import { type CedarModule, freshCedar } from './cedar-module.ts';

const preparedSets = 100; // Sets in use at once over all tenants. Cedar keeps what it parsed until another set takes its name, so the names are used again.

/**
 * Decides with Cedar. Cedar itself leaves a policy out that it cannot compute, and goes on with the others; a forbidding one would so be lost, so here any error is a
 * deny. Pure but for what it remembers of texts that it has parsed.
 */
export class CedarEngine implements PolicyEngine {
  private cedar: CedarModule | null = null;
  /** A set's key to the name under which Cedar has it, in the order of use. */
  private readonly prepared = new Map<string, string>();
  /** Names that no set has: of one that could not be parsed, and of what was thrown away. */
  private readonly free = freeNames();

  decide(set: PolicySet, request: PolicyRequest): PolicyDecision {
    try {
      return this.ask(set, request);
    } catch (error) {
      // It trapped: this instance answers nobody any more.
      this.cedar = null;
      this.prepared.clear();
      this.free.splice(0, Number.POSITIVE_INFINITY, ...freeNames());
      return denied(`the engine failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  private ask(set: PolicySet, request: PolicyRequest): PolicyDecision {
    this.cedar ??= freshCedar();
    const name = this.prepare(this.cedar, set);
    if (name === null) return denied('the policies cannot be parsed');
    const answer = this.cedar.statefulIsAuthorized({ ...cedarQuestion(request), preparsedPolicySetId: name });
    if (answer.type === 'failure') return denied(...answer.errors.map(({ message }) => message));
    const { decision, diagnostics } = answer.response;
    const errors = diagnostics.errors.map(({ policyId, error }) => `${policyId}: ${error.message}`);
    if (errors.length > 0) return { decision: 'deny', policies: diagnostics.errors.map(({ policyId }) => policyId).sort(), errors };
    return { decision, policies: [...diagnostics.reason].sort(), errors };
  }

  /** The name under which Cedar has the set; null where it has no such texts. */
  private prepare(cedar: CedarModule, { key, policies }: PolicySet): string | null {
    const known = this.prepared.get(key);
    if (known !== undefined) {
      this.prepared.delete(key);
      this.prepared.set(key, known);
      return known;
    }
    const name = this.freeName();
    if (cedar.preparsePolicySet(name, { staticPolicies: { ...policies } }).type === 'failure') {
      this.free.push(name); // Or a name that another set has would be given out next.
      return null;
    }
    this.prepared.set(key, name);
    return name;
  }

  private freeName(): string {
    const unused = this.free.pop();
    if (unused !== undefined) return unused;
    const oldest = this.prepared.entries().next();
    if (oldest.done) throw new Error('names of sets were lost');
    const [key, name] = oldest.value;
    this.prepared.delete(key);
    return name;
  }
}

function freeNames(): string[] {
  return Array.from({ length: preparedSets }, (_, at) => `set-${at}`);
}

function denied(...errors: string[]): PolicyDecision {
  return { decision: 'deny', policies: [], errors };
}
