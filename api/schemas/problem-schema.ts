import { z } from 'zod';
import { component } from './components.ts';

/** The objects that a fault is about. */
export const concernedObjects = {
  objects: z.array(z.strictObject({ type: z.string(), id: z.string(), property: z.string().optional() })).optional(),
  count: z.int().optional().describe('How many objects are concerned, where `objects` names the first alone.'),
};

/** RFC 9457, as `api/problem.ts` writes it. */
export const problemSchema = component(
  'Problem',
  z.strictObject({
    type: z.url().describe('A stable address that ends with the code.'),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string().describe('The path that was asked; where the request could not be read that far, a URN made of the request id.'),
    code: z.string().describe('Stable; match on this.'),
    errors: z.array(
      z.strictObject({
        in: z
          .enum(['body', 'query', 'path', 'header', 'actionType', 'ontology'])
          .describe(
            'Where the pointer begins: in a part of the request or, for what is found in a definition, in that of the action type (of a change set behind `/actions/{index}`) or in the ontology document.',
          ),
        pointer: z
          .string()
          .describe(
            'RFC 6901, from the root of that place; headers, parameters of the path and of the query by their names here. Empty where the whole is meant. The last step may name what is missing.',
          ),
        code: z.string(),
        detail: z.string(),
        ...concernedObjects,
      }),
    ),
    errorCount: z.int().optional().describe('How many there are, where `errors` are the first alone.'),
    requestId: z.string(),
    traceId: z.string().optional(),
  }),
  'Why a request was refused.',
);
