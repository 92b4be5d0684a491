import { z } from 'zod';
import type { EffectDefinition, Template } from './effect-definition.ts';

/** The shapes of effects in an ontology document; the pieces that other definitions share are handed in. */
export interface SharedShapes {
  described: z.ZodRawShape;
  identifier: z.ZodType<string>;
  label: z.ZodType<string>;
  cel: z.ZodType<string>;
  duration: z.ZodType<string>;
  valueShapes: readonly z.ZodRawShape[];
}

export const mostEffects = 20;

/** An answer is waited for by a worker's slot, so not for long. */
const timeout = z.string().regex(/^PT(60|[1-5][0-9]|[1-9])S$|^PT1M$/, 'must be an ISO 8601 duration of 1 to 60 seconds, such as PT10S');

export function effectSchemas({ described, identifier, label, cel, duration, valueShapes }: SharedShapes) {
  const template: z.ZodType<Template> = z.lazy(() =>
    z.union([cel, z.strictObject({ slot: identifier }), z.record(z.string().min(1).max(200), template), z.array(template).max(1_000)]),
  ) as z.ZodType<Template>;
  const webhook = z.strictObject({
    endpoint: label,
    method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']).optional(),
    path: z.array(template).max(20).optional(),
    query: z.record(z.string().min(1).max(200), template).optional(),
    body: template.optional(),
  });
  const probe = z.strictObject({ webhook, done: cel });
  const handling = { lostAnswer: z.enum(['key', 'probe', 'none']).optional(), probe: probe.optional() };
  const requests = [
    { webhook },
    {
      message: z.strictObject({
        type: z
          .string()
          .regex(/^[a-z][a-z0-9]*([.-][a-z0-9]+)*$/, 'must be words of lower-case letters and digits with dots or hyphens between')
          .max(100),
        data: template,
      }),
    },
    { function: z.strictObject({ name: label, version: z.number().int().positive(), input: template }) },
  ];
  const slot = z.discriminatedUnion('type', valueShapes.map((shape) => z.strictObject({ ...shape, value: cel })) as never);
  const compensation = z.union(requests.map((request) => z.strictObject({ ...request, ...handling })));
  const common = {
    ...described,
    ...handling,
    name: label,
    phase: z.enum(['writeBack', 'sideEffect']),
    when: cel.optional(),
    optional: z.boolean().optional(),
    attempts: z.number().int().positive().max(50).optional(),
    slots: z.record(identifier, slot).optional(),
    compensation: compensation.optional(),
  };
  return {
    endpoint: z.strictObject({ ...described, url: z.string().min(1).max(2_000), timeout: timeout.optional() }),
    effects: z
      .array(z.union(requests.map((request) => z.strictObject({ ...request, ...common }))) as unknown as z.ZodType<EffectDefinition>)
      .max(mostEffects),
    checks: z
      .array(
        z
          .strictObject({
            ...described,
            name: label,
            after: duration.optional(),
            bake: duration.optional(),
            every: duration.optional(),
            probe: probe.optional(),
            holds: cel.optional(),
          })
          .refine(({ probe, holds }) => (probe === undefined) !== (holds === undefined), 'must have one of probe and holds'),
      )
      .max(mostEffects),
  };
}
