import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { eventDataSchema } from '../../ontology/event-data.ts';
import { type EventType, events } from '../../ontology/events.ts';
import type { Schema } from './breaking-changes.ts';

const suffix = '.schema.json';
const folder = fileURLToPath(new URL('../../docs/events/', import.meta.url));

/** By type, as they are published now. */
export function currentSchemas(): Record<string, Schema> {
  return Object.fromEntries((Object.keys(events) as EventType[]).map((type) => [type, eventDataSchema(type)]));
}

/** By type, as they were when they were last written down. */
export function keptSchemas(): Record<string, Schema> {
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(suffix)) : [];
  return Object.fromEntries(
    files.map((name) => [name.slice(0, -suffix.length), JSON.parse(readFileSync(folder + name, 'utf8')) as Schema]),
  );
}

export function fileOf(type: string): string {
  return `${folder}${type}${suffix}`;
}

export function schemaText(schema: Schema): string {
  return `${JSON.stringify(schema, null, 2)}\n`;
}
