import type { JsonObject } from '../ontology/json.ts';
import type { Fault, SimulationOutcome } from '../ontology/plan.ts';
import type { Loosening, Setting } from '../ontology/setting-actions.ts';
import { ontologyCounter } from './definitions-in-force.ts';
import { notAllowed, questionOf } from './may-administer.ts';
import { planSetting } from './plan-setting.ts';
import type { ProposalRow } from './proposal-row.ts';
import { settingSimulation } from './setting-plan.ts';
import type { Tx } from './sql.ts';
import { readProposer } from './standing.ts';
import type { StoreDeps } from './store-deps.ts';

/** The plan of a change of what governs, against what is in force now. */
export async function simulateSetting(
  tx: Tx,
  setting: Setting,
  { proposal, parameters, asksPeople }: { proposal: ProposalRow; parameters: string; asksPeople: boolean },
  deps: StoreDeps,
): Promise<SimulationOutcome> {
  const proposer = await readProposer(tx, proposal.id);
  if (proposer === null) throw new Error('the directory does not know who proposed this');
  const invalid = (faults: Fault[]): SimulationOutcome => ({ kind: 'invalid', faults, readSet: { counters: {}, reads: [], queries: [] } });
  if (!deps.decide(questionOf(setting, proposer)).allowed) return invalid([notAllowed]);
  const question = { setting, parameters: JSON.parse(parameters) as JsonObject, revertOf: proposal.revertOf, proposer };
  const planned = await planSetting(tx, question, deps);
  if (planned.kind === 'invalid') return invalid(planned.faults);
  const current = await deps.ontologies.load(tx);
  if (current === null) throw new Error('before there is a document nothing is proposed');
  const { actionType, actionTypeVersion, revertOf } = proposal;
  const header = { tenant: tx.tenant, actionType, actionTypeVersion, parametersText: parameters, revertOf };
  const [said] = await tx.rows<{ loosens: boolean | null }>('SELECT p.loosens FROM exequatur.proposal p WHERE p.id = $1::uuid', [
    proposal.id,
  ]);
  const change = said?.loosens === false ? planned.change : { ...planned.change, loosens: orWhenProposed(planned.change.loosens) };
  const simulation = settingSimulation(header, change, current.ontology.document, asksPeople);
  simulation.readSet.counters[ontologyCounter] = current.version;
  return { kind: 'planned', simulation };
}

/** Who may change policies may have changed since it was proposed: the door goes by whichever of the two says that it loosens, and so do those who are asked. */
function orWhenProposed(loosens: readonly Loosening[]): Loosening[] {
  return loosens.length > 0 ? [...loosens] : [{ pointer: '', message: 'it loosened when it was proposed' }];
}
