import { z } from 'zod';
import { component } from './components.ts';
import { text, time } from './text-schema.ts';

/** Headers that say how a request is read, or are ours, are no secrets. */
const reserved =
  /^(host|content-.*|transfer-encoding|connection|upgrade|te|trailer|expect|accept|user-agent|idempotency-key|webhook-.*|proxy-.*)$/;

export const secretParams = z.strictObject({
  name: text(63).describe('An endpoint of the ontology document in force.'),
  secret: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,62}$/, 'must be `signing` or a header in lower case')
    .refine((name) => !reserved.test(name), 'is a header that is ours to set')
    .describe('`signing`, or the name of a header.'),
});

export const secretBody = component(
  'NewEndpointSecret',
  z.strictObject({
    value: z
      .string()
      .regex(/^[\x20-\x7e]{1,2000}$/, 'must be 1 to 2,000 printable ASCII characters')
      .exactOptional()
      .describe('Of `signing`: `whsec_` and base64; made here where it is left out.'),
    overlap: z
      .string()
      .regex(
        /^P(?=.*[1-9])(\d{1,2}D)?(T(?=.)(\d{1,4}H)?(\d{1,5}M)?(\d{1,7}S)?)?$/,
        'must be an ISO 8601 duration in days, hours, minutes and seconds',
      )
      .exactOptional()
      .describe('How long the one before is used beside it; it retires at once where this is left out.'),
  }),
);

const secret = z.strictObject({ name: z.string(), id: z.string(), createdBy: z.string(), createdAt: time, retiresAt: time.nullable() });

export const secretSchema = component(
  'EndpointSecret',
  z.strictObject({ ...secret.shape, value: z.string().nullable().describe('Where it was made here: shown now, and never again.') }),
);

export const retirementSchema = component('RetiredSecrets', z.strictObject({ retired: z.int() }));

export const endpointsSchema = component(
  'Endpoints',
  z.strictObject({
    endpoints: z.array(
      z.strictObject({
        name: z.string(),
        url: z
          .string()
          .nullable()
          .describe('Null where the document in force has no such endpoint any more and secrets of it are still in use: retire them.'),
        secrets: z.array(secret),
      }),
    ),
  }),
  'Where effects may go, and which secrets are in use.',
);
