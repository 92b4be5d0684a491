import { expect } from 'vitest';
import { compileOntology } from '../../ontology/compile-ontology.ts';
import type { CompiledOntology } from '../../ontology/compiled-ontology.ts';
import { evaluate } from '../../ontology/evaluate.ts';
import { evaluateRevert } from '../../ontology/evaluate-revert.ts';
import { type AppliedChange, MemorySnapshot } from '../../ontology/memory-snapshot.ts';
import { parseParameters } from '../../ontology/parameters.ts';
import type { Simulation, SimulationOutcome } from '../../ontology/plan.ts';

/** A tenant in memory, for tests of what actions mean. It checks after everything it does that it can be taken back to the byte, and done again. */
export class MemoryTenant {
  readonly ontology: CompiledOntology;
  readonly snapshot: MemorySnapshot;
  roles: string[] = [];
  evaluatedAt = '2026-01-01T00:00:00.000Z';

  constructor(document: unknown) {
    const outcome = compileOntology(structuredClone(document));
    if (!outcome.ok) {
      throw new Error(JSON.stringify(outcome.faults, null, 2));
    }
    this.ontology = outcome.ontology;
    this.snapshot = new MemorySnapshot(this.ontology);
  }

  /** Faults of the shape are thrown; those of the simulation are in the outcome. */
  async propose(actionType: string, json: unknown, now?: string): Promise<SimulationOutcome> {
    const parsed = parseParameters(this.ontology, actionType, json);
    if (!parsed.ok) {
      throw new Error(JSON.stringify(parsed.faults));
    }
    return evaluate(this.ontology, actionType, parsed.parameters, this.snapshot, {
      tenant: 't',
      actionTypeVersion: 1,
      evaluatedAt: this.evaluatedAt,
      ...(now === undefined ? {} : { now }),
      proposer: { id: 'anna', kind: 'user', roles: this.roles },
      revisionSeed: 'seed',
    });
  }

  async plan(actionType: string, json: unknown): Promise<Simulation> {
    return planned(await this.propose(actionType, json));
  }

  async faults(actionType: string, json: unknown, now?: string): Promise<string[]> {
    const outcome = await this.propose(actionType, json, now);
    return outcome.kind === 'invalid' ? outcome.faults.map(({ code, pointer, message }) => `${code} ${pointer ?? ''}: ${message}`) : [];
  }

  async execute(actionType: string, json: unknown): Promise<Simulation> {
    const before = this.snapshot.describe();
    const simulation = await this.plan(actionType, json);
    const changes = this.snapshot.apply(simulation.plan.edits);
    const after = this.snapshot.describe();
    const undo = planned(await this.#revert(simulation, changes));
    const undone = this.snapshot.apply(undo.plan.edits);
    expect(this.snapshot.describe()).toBe(before);
    this.snapshot.apply(planned(await this.#revert(undo, undone)).plan.edits);
    expect(this.snapshot.describe()).toBe(after);
    return simulation;
  }

  object(type: string, id: string) {
    return this.snapshot.objects.get(type)?.get(id)?.properties;
  }

  #revert({ plan }: Simulation, changes: AppliedChange[]): Promise<SimulationOutcome> {
    const { actionType, actionTypeVersion, requirement } = plan.header;
    const history = changes.map(({ edit, versionAfter }) =>
      'link' in edit ? edit : { before: null, set: null, unset: null, ...edit, versionAfter },
    );
    const execution = {
      executionId: 'e',
      actionType,
      actionTypeVersion,
      requirement,
      parametersText: plan.parametersText,
      changes: history as never,
    };
    return evaluateRevert(this.ontology, this.ontology, execution, this.snapshot, {
      tenant: 't',
      proposer: { id: 'anna', kind: 'user', roles: this.roles },
    });
  }
}

function planned(outcome: SimulationOutcome): Simulation {
  if (outcome.kind === 'invalid') {
    throw new Error(JSON.stringify(outcome.faults));
  }
  return outcome.simulation;
}
