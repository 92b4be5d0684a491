import { z } from 'zod';
import { changeCodes } from '../../ontology/change-codes.ts';
import { component } from './components.ts';
import { entityTag } from './entity-tag.ts';
import { migrationOutline } from './migration-schema.ts';
import { nextPageToken } from './page-schema.ts';
import { concernedObjects } from './problem-schema.ts';
import { loosens, settingProposal } from './setting-schema.ts';
import { digest, json, text, time } from './text-schema.ts';

/** The document itself is checked by the ontology's own schema, which knows what names mean and points at each fault; here it is only JSON. */
export const ontologyBody = component('OntologyDocument', z.record(z.string(), json), 'See /schemas/ontology.json.');

const version = z
  .string()
  .regex(/^[1-9]\d{0,8}$/, 'must be the number of a version')
  .transform(Number)
  .meta({ type: 'integer', minimum: 1 });

export const versionQuery = z.strictObject({ version: version.exactOptional().describe('That version instead of the one in force.') });

export const diffQuery = z.strictObject({ from: version.describe('The earlier version.'), to: version.describe('The later version.') });

export const uploadQuery = z.strictObject({
  dryRun: z
    .enum(['true', 'false'])
    .transform((word) => word === 'true')
    .exactOptional()
    .meta({ description: 'Says what would come of it, also where data does not fit, and stores nothing.', type: 'boolean' }),
  justification: text(4_000).exactOptional().describe('Why, for whoever approves.'),
});

export const uploadHeaders = z.object({
  ifMatch: entityTag('the digest of the document in force')
    .exactOptional()
    .describe('`"<digest>"` of the document that this one replaces; refused where another is in force.'),
});

const change = component(
  'OntologyChange',
  z.strictObject({
    pointer: z.string().describe('RFC 6901, into the later document; of what was removed, into the earlier one.'),
    kind: z.enum(['added', 'removed', 'changed']),
    code: z.enum(Object.keys(changeCodes) as [string, ...string[]]).describe('Stable; match on this.'),
    impact: z.enum(['compatible', 'breaking']).describe('Breaking: stored data, or requests of unchanged clients, may no longer fit.'),
    message: z.string(),
  }),
);

export const ontologyOutcomeSchema = component(
  'OntologyOutcome',
  z.strictObject({
    version: z.int().describe('Of the document, or the one that it would get.'),
    digest,
    changed: z.boolean().describe('False when it is the document in force already.'),
    accepted: z.boolean().describe('False in a dry run whose document would be refused because data does not fit.'),
    dryRun: z.boolean(),
    breaking: z.boolean().describe('Whether any change is breaking.'),
    changes: z.array(change).describe('Against the version in force before.'),
    loosens,
    faults: z
      .array(z.strictObject({ code: z.string(), pointer: z.string(), message: z.string(), ...concernedObjects }))
      .describe('What of the data does not fit; only a dry run answers with them.'),
    actionTypes: z.record(z.string(), z.int()).describe('Action type to its version then.'),
    redefined: z
      .array(
        z.strictObject({
          name: z.string(),
          from: z.int().nullable(),
          to: z.int().nullable().describe('Null where the action type is gone.'),
          waiting: z
            .strictObject({
              simulatedAgain: z.int().describe('Under the new version, as a new revision.'),
              kept: z.int().describe('Under the version that they have.'),
              ended: z.int().describe('The action type is gone.'),
            })
            .describe('What becomes of open proposals under an earlier version when each is next looked at.'),
        }),
      )
      .describe('Action types whose version changes. Of a migration nothing is told: they change when it ends.'),
    migration: migrationOutline.nullable().describe('Where objects are rewritten first. Its id is that of the proposal.'),
    proposal: settingProposal,
  }),
);

const versionFields = { version: z.int(), digest, createdBy: z.string(), createdAt: time };

export const ontologyVersionsSchema = component(
  'OntologyVersions',
  z.strictObject({ versions: z.array(z.strictObject(versionFields)), nextPageToken }),
);

export const ontologyDiffSchema = component(
  'OntologyDiff',
  z.strictObject({
    from: z.strictObject(versionFields),
    to: z.strictObject(versionFields),
    breaking: z.boolean(),
    changes: z.array(change),
  }),
);
