import { createHash } from 'node:crypto';
import type { PolicyDecision, PolicyEngine, PolicyRequest, PolicySet } from '../ontology/policy-engine.ts';

const patienceMs = 1_000; // Somebody waits for an answer, perhaps with rows locked.

/**
 * Decides with OPA, which runs beside us and is asked over HTTP. A policy is the body of a Rego module that says `permit` or `forbid`, over `input`: the question as the
 * port has it. As with Cedar, one that forbids wins, and any error is a deny. Each policy is a package of its own, so that the answer says which determined it.
 */
export class OpaEngine implements PolicyEngine {
  private readonly url: string;
  private readonly kept = new Set<string>();

  constructor(url: string) {
    this.url = url;
  }

  async decide(set: PolicySet, request: PolicyRequest): Promise<PolicyDecision> {
    try {
      const name = packageOf(set);
      if (!this.kept.has(name)) await this.keep(name, set);
      return decisionOf(await this.ask(name, request));
    } catch (error) {
      return { decision: 'deny', policies: [], errors: [`the engine failed: ${error instanceof Error ? error.message : String(error)}`] };
    }
  }

  private async keep(name: string, { policies }: PolicySet): Promise<void> {
    for (const [id, text] of Object.entries(policies)) {
      const module = `package exequatur.${name}[${JSON.stringify(id)}]\n\nimport rego.v1\n\n${text}\n`;
      await this.call('PUT', `/v1/policies/${name}/${encodeURIComponent(id)}`, module, 'text/plain');
    }
    this.kept.add(name);
  }

  /** Strict: a builtin that fails is an error and not merely without a result. */
  private async ask(name: string, input: PolicyRequest): Promise<Record<string, Verdict>> {
    const body = JSON.stringify({ input });
    const answer = (await this.call('POST', `/v1/data/exequatur/${name}?strict-builtin-errors=true`, body, 'application/json')) as {
      result?: Record<string, Verdict>;
    };
    if (answer.result === undefined) throw new Error('the policies are not there');
    return answer.result;
  }

  private async call(method: string, path: string, body: string, type: string): Promise<unknown> {
    const answer = await fetch(`${this.url}${path}`, {
      method,
      body,
      headers: { 'content-type': type },
      signal: AbortSignal.timeout(patienceMs),
    });
    const content = (await answer.json()) as { message?: string };
    if (!answer.ok) throw new Error(content.message ?? `OPA answered ${answer.status}`);
    return content;
  }
}

interface Verdict {
  permit?: unknown;
  forbid?: unknown;
}

function decisionOf(verdicts: Record<string, Verdict>): PolicyDecision {
  const saying = (word: keyof Verdict) =>
    Object.keys(verdicts)
      .filter((id) => verdicts[id]?.[word] === true)
      .sort();
  const forbidding = saying('forbid');
  if (forbidding.length > 0) return { decision: 'deny', policies: forbidding, errors: [] };
  const permitting = saying('permit');
  return { decision: permitting.length > 0 ? 'allow' : 'deny', policies: permitting, errors: [] };
}

/** A name for these very texts: what OPA was told once stays true. */
function packageOf({ key, policies }: PolicySet): string {
  return `set_${createHash('sha256')
    .update(JSON.stringify([key, policies]))
    .digest('hex')
    .slice(0, 32)}`;
}
