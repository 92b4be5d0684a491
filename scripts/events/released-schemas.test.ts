// What was released of events stays as it was, also where a change would alter it together with what it is compared with.
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { asyncApiDocument } from '../../api/async-api.ts';
import { dataOf, envelopeOf } from './event-envelope.ts';
import { currentSchemas } from './event-schemas.ts';
import {
  breaksOfReleases,
  digestOf,
  type Released,
  releasedDigests,
  releasedFile,
  releasedFolder,
  releasedSchemas,
} from './released-schemas.ts';

const released = releasedSchemas('data');
const envelopes = releasedSchemas('envelope');
const files = (['data', 'envelope'] as const).flatMap((kind) =>
  releasedSchemas(kind).map(({ version, text }) => ({ name: releasedFile(kind, version), text })),
);
const git = (...args: string[]) =>
  execFileSync('git', args, { cwd: releasedFolder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });

/** The commit that brought a file here; null where there is no history, as in an archive, or the file is not committed yet. */
function broughtBy(file: string): string | null {
  try {
    return git('log', '--diff-filter=A', '--format=%H', '--', file).trim().split('\n').at(-1) || null;
  } catch {
    return null;
  }
}

describe('what is published of events', () => {
  it('can be read by whoever was written by any release', () => {
    expect(released.length).toBeGreaterThan(0);
    expect(breaksOfReleases(released, currentSchemas())).toEqual([]);
    expect(breaksOfReleases(released, dataOf(asyncApiDocument()))).toEqual([]);
  });

  it('comes in what it came in with any release: channels, headers, keys and attributes', () => {
    expect(envelopes.length).toBeGreaterThan(0);
    expect(breaksOfReleases(envelopes, envelopeOf(asyncApiDocument()))).toEqual([]);
  });

  it.each<[string, (text: string) => string, string[]]>([
    [
      'headers have other names',
      (text) => text.replaceAll('"ce_', '"cloudevents_'),
      ['kafkaTopic object.created /headers/ce_id: is gone', 'kafkaTopicOfTenant object.created /headers/ce_sequence: is gone'],
    ],
    [
      'attributes are gone',
      (text) => text.replace(/"(ce_)?(tenant|sequence)":\{"type":"string"[^}]*\},?/g, ''),
      [
        'kafkaTopic object.created /headers/ce_tenant: is gone',
        'kafkaTopic object.created /headers/ce_sequence: is gone',
        'eventStream object.created /payload/tenant: is gone',
        'webhook object.created /payload/sequence: is gone',
      ],
    ],
    [
      'a topic has another name',
      (text) => text.replaceAll('"exequatur.events', '"another.events'),
      ['kafkaTopic /address: may be another.events as well', 'kafkaTopicOfTenant /address: may be another.events.{tenant} as well'],
    ],
    [
      'keys are numbers',
      (text) => text.replaceAll('"key":{"type":"string"', '"key":{"type":"integer"'),
      ['kafkaTopic object.created /key: string became integer'],
    ],
    [
      'the stream is elsewhere',
      (text) => text.replace('"/v1/events"', '"/v2/events"'),
      ['eventStream /address: may be /v2/events as well'],
    ],
    [
      'a message has the data of another',
      (text) => text.replaceAll('schemas/object.created"', 'schemas/object.deleted"'),
      ['webhook object.created /payload/data: may be schema object.deleted as well'],
    ],
    [
      'a type is in a channel no more',
      (text) => text.replaceAll('"object.created":{"$ref"', '"object.made":{"$ref"'),
      ['webhook object.created: is gone'],
    ],
  ])('would break readers where %s', (_, alter, told) => {
    const text = JSON.stringify(asyncApiDocument());
    expect(alter(text)).not.toBe(text);
    expect(breaksOfReleases(envelopes, envelopeOf(JSON.parse(alter(text))))).toEqual(
      expect.arrayContaining(told.map((words) => `since release 1: ${words}`)),
    );
  });
});

describe('a release', () => {
  it.each<Released>(['data', 'envelope'])(
    'of the %s has the digest that is written down beside the code, and a number without a gap',
    (kind) => {
      const versions = releasedSchemas(kind);
      expect(versions.map(({ version, text }) => [version, digestOf(text)])).toEqual(
        Object.entries(releasedDigests[kind]).map(([version, digest]) => [Number(version), digest]),
      );
      expect(versions.map(({ version }) => version)).toEqual(versions.map((_, at) => at + 1));
    },
  );

  it.each(files)('$name is as it was when it was committed first, whatever a later commit made of it', ({ name, text }) => {
    const commit = broughtBy(name);
    if (commit !== null) expect(digestOf(git('show', `${commit}:./${name}`))).toBe(digestOf(text));
  });

  it('is kept: none that a commit brought is gone', () => {
    let brought: string[];
    try {
      brought = git('log', '--diff-filter=A', '--format=', '--name-only', '--relative', '--', '.').split('\n').filter(Boolean);
    } catch {
      return; // No history.
    }
    expect(files.map(({ name }) => name)).toEqual(expect.arrayContaining(brought));
  });

  it('notices what a field that goes would break, also where the release before it did not have the field yet', () => {
    const [first] = released;
    const type = { type: 'object', properties: { id: { type: 'string' } }, required: ['id'], additionalProperties: {} };
    const more = { ...type, properties: { ...type.properties, more: { type: 'string' } } };
    const releases = [
      { version: 1, text: '', schemas: { one: type } },
      { version: 2, text: '', schemas: { one: more } },
    ];
    expect(first?.schemas['proposal.executed']).toBeDefined();
    expect(breaksOfReleases(releases, { one: more })).toEqual([]);
    expect(breaksOfReleases(releases, { one: type })).toEqual(['since release 2: one /more: is gone']);
  });
});
