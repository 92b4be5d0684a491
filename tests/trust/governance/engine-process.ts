/** One step of the engine at a time, in a process of its own, which a test kills. Asked over IPC, answers when the step is done. */

import { cedar } from '../../../policy/cedar.ts';
import { decide } from '../../../policy/decide.ts';
import { openPool } from '../../../store/connect.ts';
import { OntologyCache } from '../../../store/load-ontology.ts';
import { PolicySets } from '../../../store/policy-sets.ts';
import { type EngineStep, runStep } from './engine-step.ts';

const [url = ''] = process.argv.slice(2);
const pool = openPool(url, { max: 2 });
const deps = { decide, ontologies: new OntologyCache([]), policies: new PolicySets(cedar) };

process.on('message', async (step: EngineStep) => {
  await runStep(pool, step, deps);
  process.send?.('done');
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
