import { setImmediate as turn } from 'node:timers/promises';
import type { PolicyDecision, PolicyEngine, PolicyRequest, PolicySet } from '../ontology/policy-engine.ts';

const turnMs = 20; // With a thousand policies a decision takes some milliseconds; nobody else shall wait for more than a few of them.

/** Lets others have their turn between the decisions of one caller who asks many. */
export class PatientEngine implements PolicyEngine {
  private readonly engine: PolicyEngine;
  private since = performance.now();

  constructor(engine: PolicyEngine) {
    this.engine = engine;
  }

  async decide(set: PolicySet, request: PolicyRequest): Promise<PolicyDecision> {
    if (performance.now() - this.since > turnMs) {
      await turn();
      this.since = performance.now();
    }
    return this.engine.decide(set, request);
  }
}
