import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { sha256Hex } from '../../ontology/canonical-json.ts';
import { breakingChangesOfAll, type Schema } from './breaking-changes.ts';

/**
 * What has been released of events, version by version: whoever reads events may have been written by any of them, so what comes must suit the readers of each, and what is
 * published must describe what was sent under each. A file that is
 * there is never altered; a release that brings anything new writes another beside it, whose digest is added here.
 */
export const releasedDigests: Readonly<Record<Released, Readonly<Record<number, string>>>> = {
  data: { 1: 'sha256:f0ef178c157c6c43c9e47b6230d2a42b54df20ea523c838ccd537b9bdb5a9120' },
  envelope: {
    1: 'sha256:d11ee1481812dca768165daedb6f06b964c4a097edaf2b29d072269237b7cbc7',
    2: 'sha256:c4256cd51bb8c3ddf8ba96dfa824846e663d664267a294e245de98f76090e144',
  },
};

/** The data of events, and what they come in: channels, headers, keys and attributes. Each has releases of its own. */
export type Released = 'data' | 'envelope';

interface ReleasedSchemas {
  version: number;
  /** As the file is. */
  text: string;
  /** By type. */
  schemas: Record<string, Schema>;
}

export const releasedFolder = fileURLToPath(new URL('../../docs/events/released/', import.meta.url));

export function releasedFile(kind: Released, version: number): string {
  return `${kind === 'data' ? '' : `${kind}-`}${version}.json`;
}

/** In the order of their versions. */
export function releasedSchemas(kind: Released): ReleasedSchemas[] {
  const files = existsSync(releasedFolder) ? readdirSync(releasedFolder) : [];
  return files
    .map((name) => Number(/(\d+)\.json$/.exec(name)?.[1]))
    .filter((version, at) => files[at] === releasedFile(kind, version))
    .map((version) => ({ version, text: readFileSync(releasedFolder + releasedFile(kind, version), 'utf8') }))
    .sort((one, other) => one.version - other.version)
    .map(({ version, text }) => ({ version, text, schemas: JSON.parse(text) as Record<string, Schema> }));
}

export function releasedText(schemas: Readonly<Record<string, Schema>>): string {
  const sorted = Object.fromEntries(Object.entries(schemas).sort(([one], [other]) => (one < other ? -1 : 1)));
  return `${JSON.stringify(sorted, null, 1)}\n`;
}

export function digestOf(text: string): string {
  return `sha256:${sha256Hex(text)}`;
}

/** What of these would break whoever was written by any release, each with the release. */
export function breaksOfReleases(released: readonly ReleasedSchemas[], current: Readonly<Record<string, Schema>>): string[] {
  return released.flatMap(({ version, schemas }) =>
    breakingChangesOfAll(schemas, current).map((words) => `since release ${version}: ${words}`),
  );
}
