import { z } from 'zod';
import type { FieldDefinition, OntologyDocument, Rule } from './definition.ts';
import { effectSchemas } from './effect-schema.ts';
import type { Fault } from './plan.ts';
import { readShape } from './read-shape.ts';

/** Names that every JavaScript object already answers to would be found where nothing was defined. */
const isFree = (name: string) => !(name in Object.prototype);

/** Names that expressions use are identifiers; the others may also carry hyphens. 63 is what a PostgreSQL identifier may have. */
const identifier = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_]{0,62}$/, 'must be a name of letters, digits and _ that starts with a letter')
  .refine(isFree, 'is a reserved name');
const label = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,62}$/, 'must be a name of letters, digits, - and _ that starts with a letter')
  .refine(isFree, 'is a reserved name');
/** Longer expressions are programs; functions are the place for those. */
const cel = z.string().min(1).max(4000).describe('An expression in the Common Expression Language');
const described = { title: z.string().max(200).optional(), description: z.string().max(4000).optional() };
const digits = z.string().max(100);

/**
 * Names by what they stand for, at most so many: much of a document is compared with the rest of it, and whoever waits for the process that compiles it shall not wait
 * long. The limits are far above what people keep apart.
 */
function named<K extends z.core.$ZodRecordKey, V extends z.core.SomeType>(key: K, value: V, most: number) {
  const isWithin = (all: object) => Object.keys(all).length <= most;
  return z.record(key, value).refine(isWithin, `must have at most ${most} entries`).meta({ maxProperties: most });
}
const mostProperties = 1_000;
const count = z.number().int().nonnegative();

const numberLimits = { minimum: z.number().optional(), maximum: z.number().optional(), oneOf: z.array(z.number()).min(1).optional() };
const wholeLimits = {
  minimum: z.number().int().optional(),
  maximum: z.number().int().optional(),
  oneOf: z.array(z.number().int()).min(1).optional(),
};
const digitLimits = { minimum: digits.optional(), maximum: digits.optional(), oneOf: z.array(digits).min(1).optional() };
const timeLimits = { minimum: z.string().max(40).optional(), maximum: z.string().max(40).optional() };

const valueShapes = [
  { type: z.literal('boolean') },
  { type: z.literal('integer'), ...wholeLimits },
  { type: z.literal('double'), ...numberLimits },
  { type: z.literal('long'), ...digitLimits },
  { type: z.literal('decimal'), ...digitLimits },
  {
    type: z.literal('string'),
    pattern: z.string().max(1000).describe('A regular expression of RE2, which the whole text must match').optional(),
    minLength: count.optional(),
    maxLength: count.optional(),
    oneOf: z.array(z.string()).min(1).optional(),
  },
  { type: z.literal('date'), ...timeLimits },
  { type: z.literal('timestamp'), ...timeLimits },
  { type: z.literal('enum'), values: z.array(z.string().min(1)).min(1) },
  { type: z.literal('geopoint') },
  { type: z.literal('reference'), to: identifier },
] as const;

type Discriminated = [z.ZodObject<{ type: z.ZodLiteral<string> }>];

const fieldExtras = {
  ...described,
  required: z.boolean().optional(),
  default: z.json().optional(),
  unit: z.string().max(100).optional(),
};

const field: z.ZodType<FieldDefinition> = z.lazy(() => anyOf(fieldExtras)) as unknown as z.ZodType<FieldDefinition>;
const structShape = { type: z.literal('struct'), properties: named(identifier, field, mostProperties) };
const arrayShape = {
  type: z.literal('array'),
  items: z.discriminatedUnion('type', [
    ...valueShapes.map((shape) => z.strictObject(shape)),
    z.strictObject(structShape),
  ] as unknown as Discriminated),
  minItems: count.optional(),
  maxItems: count.optional(),
  distinct: z.boolean().optional(),
};

/** Any value, with what may be said beside it. */
function anyOf(extras: z.ZodRawShape) {
  const shapes: z.ZodRawShape[] = [...valueShapes, structShape, arrayShape];
  return z.discriminatedUnion('type', shapes.map((shape) => z.strictObject({ ...shape, ...extras })) as unknown as Discriminated);
}

const property = anyOf({
  ...fieldExtras,
  indexed: z.boolean().optional(),
  unique: z.boolean().optional(),
  sensitive: z.boolean().optional(),
});

const parameterExtras = {
  ...fieldExtras,
  nullable: z.boolean().optional(),
  sensitive: z.boolean().optional(),
  constraints: z.array(z.strictObject({ condition: cel, message: z.string().min(1).max(1000) })).optional(),
  prefill: cel.optional(),
  visibleWhen: cel.optional(),
  requiredWhen: cel.optional(),
};
const objectSet = z.strictObject({
  type: z.literal('objectSet'),
  of: identifier,
  maxItems: z.number().int().positive().optional(),
  ...parameterExtras,
});
const parameter = z.discriminatedUnion('type', [...anyOf(parameterExtras).options, objectSet] as unknown as Discriminated);

const when = { when: cel.optional() };
const expressions = z.record(
  identifier,
  z.union([cel, z.strictObject({ slot: identifier }).describe('What the answer to a write-back of this action will say.')]),
);
const created = { type: identifier, objectType: cel.optional(), id: cel.optional(), set: expressions.optional() };
const operations = z.enum(['create', 'modify', 'delete', 'link', 'unlink']);

const rule: z.ZodType<Rule> = z.lazy(() =>
  z.discriminatedUnion('rule', [
    z.strictObject({
      rule: z.literal('modify'),
      type: identifier,
      object: cel,
      set: expressions.optional(),
      unset: z.array(identifier).optional(),
      ...when,
    }),
    z.strictObject({ rule: z.literal('create'), ...created, ...when }),
    z.strictObject({ rule: z.literal('createOrModify'), ...created, create: expressions.optional(), ...when }),
    z.strictObject({ rule: z.literal('delete'), type: identifier, object: cel, ...when }),
    z.strictObject({ rule: z.enum(['link', 'unlink']), link: label, from: cel, to: cel, ...when }),
    z.strictObject({ rule: z.literal('forEach'), as: identifier, in: source, do: z.array(rule).min(1), ...when }),
    // biome-ignore lint/suspicious/noThenProperty: the word an author expects after `condition`; a schema is never awaited.
    z.strictObject({ rule: z.literal('if'), condition: cel, then: z.array(rule).min(1), else: z.array(rule).min(1).optional(), ...when }),
    z.strictObject({
      rule: z.literal('function'),
      name: label,
      version: z.number().int().positive(),
      writes: z
        .array(z.strictObject({ type: label, operations: z.array(operations).min(1), properties: z.array(identifier).optional() }))
        .min(1),
      ...when,
    }),
  ]),
) as z.ZodType<Rule>;

const step = { link: label, reverse: z.boolean().optional() };
const source = z.union([
  z.strictObject({ ...step, of: cel }),
  z.strictObject({ path: z.array(z.strictObject(step)).min(1).max(10), of: cel }),
  z.strictObject({ query: z.strictObject({ type: identifier, where: cel }) }),
  z.strictObject({ list: identifier }),
]);

const interfaceType = z.strictObject({ ...described, properties: named(identifier, property, mostProperties) });

const objectType = z.strictObject({
  ...described,
  implements: z.array(identifier).optional(),
  key: identifier.optional(),
  properties: named(identifier, property, mostProperties),
  minimumApprovals: count.max(20).optional(),
  sensitiveReaders: cel.optional(),
});

const linkEnds = {
  ...described,
  from: identifier,
  to: identifier,
  requiredEnds: z.array(z.enum(['from', 'to'])).optional(),
  onDelete: z.enum(['refuse', 'unlink', 'delete']).optional(),
};
const linkType = z.discriminatedUnion('cardinality', [
  z.strictObject({ ...linkEnds, cardinality: z.enum(['one-to-many', 'one-to-one']), via: identifier }),
  z.strictObject({ ...linkEnds, cardinality: z.literal('many-to-many') }),
]);

const duration = z
  .string()
  .regex(
    /^P(?=.*[1-9])(\d{1,4}W)?(\d{1,5}D)?(T(?=.)(\d{1,6}H)?(\d{1,8}M)?(\d{1,9}S)?)?$/,
    'must be an ISO 8601 duration in weeks, days, hours, minutes and seconds, longer than nothing',
  );

const outside = effectSchemas({ described, identifier, label, cel, duration, valueShapes });

/** The door takes plans of at most this many edits, whatever a definition says: 100,000 fit into a minute and a gigabyte. */
export const maximumEdits = 100_000;

const actionType = z.strictObject({
  ...described,
  parameters: named(identifier, parameter, mostProperties),
  proposers: cel.optional(),
  criteria: z.array(z.strictObject({ condition: cel, message: z.string().min(1).max(1000) })).optional(),
  rules: z.array(rule).min(1),
  effects: outside.effects.optional(),
  checks: outside.checks.optional(),
  approvalPolicy: label,
  limits: z
    .strictObject({
      edits: z.number().int().positive().max(maximumEdits).optional(),
      objects: z.record(identifier, z.number().int().positive().max(maximumEdits)).optional(),
    })
    .optional(),
  riskTier: z.enum(['low', 'medium', 'high']).optional(),
  reversible: z.boolean().optional(),
  whenRedefined: z.enum(['simulateAgain', 'keepVersion']).optional(),
  sensitiveReaders: cel.optional(),
});

const approvalPolicy = z.strictObject({
  ...described,
  stages: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(100),
        thresholds: z
          .array(
            z.strictObject({
              name: z.string().min(1).max(100).optional(),
              needed: z.number().int().positive().max(20),
              toleratedDenials: count.max(20).optional(),
              reviewers: cel,
            }),
          )
          .min(1)
          .max(10),
        require: z.enum(['all', 'any']).optional(),
        teams: z.number().int().min(2).max(20).optional(),
        when: cel.optional(),
      }),
    )
    .min(1)
    .max(10),
  expiresAfter: duration,
  approvalsLast: duration.optional(),
  remind: z.strictObject({ after: duration, every: duration.optional() }).optional(),
  escalate: z
    .strictObject({
      after: duration,
      to: z.array(z.string().min(1).max(100)).min(1).max(20).optional(),
      reviewers: z.record(z.string(), cel).optional(),
    })
    .optional(),
  breakGlass: z
    .strictObject({
      roles: z.array(z.string().min(1).max(100)).min(1).max(20),
      approvals: count.max(20),
      reviewWithin: duration,
      reviewers: cel,
      byProposer: z.boolean().optional(),
      passesFreezeWindows: z.boolean().optional(),
    })
    .optional(),
  distinctReviewers: z.boolean().optional(),
  automatic: z
    .strictObject({
      condition: cel,
      ceilings: z.strictObject({
        edits: z.number().int().positive().optional(),
        parameters: z.record(identifier, z.number().nonnegative()).optional(),
      }),
      sensitive: z
        .array(
          z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,62}\.[A-Za-z][A-Za-z0-9_]{0,62}$/, 'must be a type and a property with a dot between'),
        )
        .optional(),
    })
    .optional(),
});

const migration = z.strictObject({
  objectType: identifier,
  where: cel.optional(),
  set: z.record(identifier, cel).optional(),
  unset: z.array(identifier).optional(),
  approvalPolicy: label,
});

/** The shape of an ontology document. Strict everywhere: a key it does not know is a fault, since a misspelt limit must not pass for none. */
export const ontologySchema = z
  .strictObject({
    interfaces: named(identifier, interfaceType, 500).optional(),
    objectTypes: named(identifier, objectType, 2_000),
    linkTypes: named(label, linkType, 2_000).optional(),
    actionTypes: named(label, actionType, 2_000).optional(),
    approvalPolicies: named(label, approvalPolicy, 1_000).optional(),
    endpoints: named(label, outside.endpoint, 500).optional(),
    sensitiveReaders: cel.optional(),
    governance: z.strictObject({ loosening: label.optional(), tightening: label.optional() }).optional(),
    revertWithin: duration.optional(),
    migrations: z.array(migration).max(100).optional(),
  })
  .meta({
    id: 'OntologyDocument',
    title: 'Ontology document',
    description: 'Object, link and action types and approval policies of one tenant.',
  });

/** JSON Schema (2020-12) of an ontology document, for editors and for GET. */
export function ontologyJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(ontologySchema, { target: 'draft-2020-12', unrepresentable: 'any' }) as Record<string, unknown>;
}

/** A document nests rules in rules; deeper than this is an attack on the stack, not a definition. */
const maximumDepth = 60;

/** Reads the shape only; what names mean and what expressions yield is for `compileOntology`. */
export function parseDocument(json: unknown): { document: OntologyDocument } | { faults: Fault[] } {
  if (isDeeper(json, maximumDepth)) {
    return { faults: [{ code: 'invalid_ontology', pointer: '', message: `must not nest deeper than ${maximumDepth} levels` }] };
  }
  const outcome = readShape(ontologySchema, json, 'invalid_ontology');
  return 'faults' in outcome ? outcome : { document: outcome.value as unknown as OntologyDocument };
}

function isDeeper(json: unknown, depth: number): boolean {
  if (typeof json !== 'object' || json === null) {
    return false;
  }
  return depth === 0 || Object.values(json).some((inner) => isDeeper(inner, depth - 1));
}
