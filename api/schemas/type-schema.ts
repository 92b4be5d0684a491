import { z } from 'zod';
import { component } from './components.ts';
import { json, nameText } from './text-schema.ts';

/** Definitions are described once, by the schema of the document they come from. */
const definition = z.record(z.string(), json).describe('As in the ontology document; see /schemas/ontology.json.');

export const objectTypesSchema = component(
  'ObjectTypes',
  z.strictObject({
    objectTypes: z.array(
      z.strictObject({
        name: z.string(),
        definition,
        links: z.record(z.string(), definition).describe('Link types that start or end here.'),
        masked: z.array(z.string()).describe('Sensitive properties whose values the caller sees masked.'),
      }),
    ),
  }),
);

export const actionTypeSchema = component(
  'ActionType',
  z.strictObject({
    name: z.string(),
    version: z.int().describe('Rises only when the meaning of the definition changes.'),
    definition,
    approvalPolicy: definition,
    riskTier: z.enum(['low', 'medium', 'high']),
    reversible: z.boolean(),
    masked: z.array(z.string()).describe('Sensitive parameters whose values the caller sees masked.'),
    parametersSchema: z.record(z.string(), json).describe('JSON Schema (2020-12) of `parameters`.'),
  }),
);

export const actionTypesSchema = component('ActionTypes', z.strictObject({ actionTypes: z.array(actionTypeSchema) }));

export const actionTypeParams = z.strictObject({ name: nameText });

export const simulationBody = component('SimulationRequest', z.strictObject({ parameters: z.record(z.string(), json) }));
