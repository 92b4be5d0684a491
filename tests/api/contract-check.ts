import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { openApiDocument } from '../../api/open-api.ts';
import { routes } from '../../api/routes.ts';
import { type Sent, wrongInFaults } from './fault-check.ts';

interface Operation {
  operationId: string;
  parameters?: { name: string; in: string }[];
  responses: Record<string, { content?: Record<string, { schema?: unknown }> }>;
}

interface Described {
  paths: Record<string, Record<string, Operation>>;
}

const document = openApiDocument(routes) as unknown as Described;
const ajv = new Ajv2020({ strict: false, allErrors: true, inlineRefs: false });
addFormats.default(ajv);
ajv.addSchema({ ...document, $id: 'openapi' });

/** Compiled once for each answer that is described: the same few hundred are asked about some ten thousand times. */
const validators = new Map<unknown, ValidateFunction>();

const patterns = Object.keys(document.paths).map((path) => ({ path, pattern: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`) }));

/**
 * Throws when an answer is not one that the OpenAPI document describes for its route: an unknown status, another media type, or a body of another shape. Also where a 400
 * or 422 says nothing of the request, or points at nothing in it.
 */
export function checkAgainstContract(
  method: string,
  url: string,
  answer: { status: number; mediaType: string; body: unknown },
  sent: Sent,
): void {
  const path = url.split('?')[0] ?? '';
  const found = patterns.find(({ pattern }) => pattern.test(path));
  const operation = found === undefined ? undefined : document.paths[found.path]?.[method.toLowerCase()];
  if (operation === undefined) return; // Not a route; what comes back then is tested by itself.
  const what = `${method} ${url} answered ${answer.status}`;
  const response = operation.responses[String(answer.status)];
  if (response === undefined) throw new Error(`${what}, which ${operation.operationId} does not describe: ${JSON.stringify(answer.body)}`);
  const content = response.content?.[answer.mediaType];
  if (response.content !== undefined && content === undefined) throw new Error(`${what} with ${answer.mediaType}, which is not described`);
  if (content?.schema === undefined) return;
  const validate = validatorOf(content.schema);
  if (!validate(answer.body))
    throw new Error(`${what} with a body of another shape: ${ajv.errorsText(validate.errors)}: ${JSON.stringify(answer.body)}`);
  if (answer.status !== 400 && answer.status !== 422) return;
  const wrong = wrongInFaults(documented(operation), sent, (answer.body as { errors: Parameters<typeof wrongInFaults>[2] }).errors);
  if (wrong !== null) throw new Error(`${what} ${wrong}: ${JSON.stringify(answer.body)}`);
}

function documented({ parameters = [] }: Operation): Record<string, string[]> {
  const of = (place: string) => parameters.filter((one) => one.in === place).map(({ name }) => name);
  return { query: of('query'), path: of('path'), header: of('header') };
}

function validatorOf(schema: unknown): ValidateFunction {
  const validate = validators.get(schema) ?? ajv.compile(inDocument(schema));
  validators.set(schema, validate);
  return validate;
}

function inDocument(schema: unknown): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"openapi#/')) as object;
}
