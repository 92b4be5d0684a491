/**
 * Writes what is published of events to docs/events/, and with `--release`, where that has changed since, also as the next release, which later changes are measured by.
 * Refuses to where somebody who was written by a release could not read what comes: that gets a type of its own.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { currentSchemas, fileOf, schemaText } from './events/event-schemas.ts';
import { breaksOfReleases, digestOf, releasedFolder, releasedSchemas, releasedText } from './events/released-schemas.ts';

const current = currentSchemas();
const released = releasedSchemas();
const breaks = breaksOfReleases(released, current);
if (breaks.length > 0) {
  console.error(
    `This would break whoever reads these events. Give what is new a type of its own.\n${breaks.map((line) => `  ${line}`).join('\n')}`,
  );
  process.exitCode = 1;
} else {
  mkdirSync(releasedFolder, { recursive: true });
  for (const [type, schema] of Object.entries(current)) writeFileSync(fileOf(type), schemaText(schema));
  console.log(`${Object.keys(current).length} schemas are in docs/events.`);
  if (process.argv.includes('--release')) release();
}

function release(): void {
  const [last, text] = [released.at(-1), releasedText(current)];
  if (last?.text === text) {
    console.log(`Release ${last.version} has these.`);
    return;
  }
  const version = (last?.version ?? 0) + 1;
  writeFileSync(`${releasedFolder}${version}.json`, text);
  console.log(`They are release ${version}. Add to scripts/events/released-schemas.ts:\n  ${version}: '${digestOf(text)}',`);
}
