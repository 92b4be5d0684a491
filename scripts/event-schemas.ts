/**
 * Writes what is published of events to docs/events/, by which a later change is measured. Refuses to where somebody who reads events by what is there could not read
 * what comes: that gets a type of its own.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { breakingChangesOfAll } from './events/breaking-changes.ts';
import { currentSchemas, fileOf, keptSchemas, schemaText } from './events/event-schemas.ts';

const current = currentSchemas();
const breaks = breakingChangesOfAll(keptSchemas(), current);
if (breaks.length > 0) {
  console.error(
    `This would break whoever reads these events. Give what is new a type of its own.\n${breaks.map((line) => `  ${line}`).join('\n')}`,
  );
  process.exitCode = 1;
} else {
  mkdirSync(fileOf('').replace(/[^/]*$/, ''), { recursive: true });
  for (const [type, schema] of Object.entries(current)) writeFileSync(fileOf(type), schemaText(schema));
  console.log(`${Object.keys(current).length} schemas are in docs/events.`);
}
