/**
 * Writes what is published of events to docs/events/, and with `--release`, where that has changed since, also as the next release, which later changes are measured by.
 * Refuses to where somebody who was written by a release could not read what comes: that gets a type of its own.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { asyncApiDocument } from '../api/async-api.ts';
import type { Schema } from './events/breaking-changes.ts';
import { envelopeOf } from './events/event-envelope.ts';
import { currentSchemas, fileOf, schemaText } from './events/event-schemas.ts';
import {
  breaksOfReleases,
  digestOf,
  type Released,
  releasedFile,
  releasedFolder,
  releasedSchemas,
  releasedText,
} from './events/released-schemas.ts';

const data = currentSchemas();
const current: Record<Released, Record<string, Schema>> = { data, envelope: envelopeOf(asyncApiDocument()) };
const kinds = Object.keys(current) as Released[];
const breaks = kinds.flatMap((kind) => breaksOfReleases(releasedSchemas(kind), current[kind]));
if (breaks.length > 0) {
  console.error(
    `This would break whoever reads these events. Give what is new a type of its own.\n${breaks.map((line) => `  ${line}`).join('\n')}`,
  );
  process.exitCode = 1;
} else {
  mkdirSync(releasedFolder, { recursive: true });
  for (const [type, schema] of Object.entries(data)) writeFileSync(fileOf(type), schemaText(schema));
  console.log(`${Object.keys(data).length} schemas are in docs/events.`);
  if (process.argv.includes('--release')) for (const kind of kinds) release(kind);
}

function release(kind: Released): void {
  const [last, text] = [releasedSchemas(kind).at(-1), releasedText(current[kind])];
  if (last?.text === text) {
    console.log(`Release ${last.version} of the ${kind} has these.`);
    return;
  }
  const version = (last?.version ?? 0) + 1;
  writeFileSync(releasedFolder + releasedFile(kind, version), text);
  console.log(`They are release ${version} of the ${kind}. Add to scripts/events/released-schemas.ts:\n  ${version}: '${digestOf(text)}',`);
}
