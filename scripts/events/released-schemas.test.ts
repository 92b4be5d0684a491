// What was released of events stays as it was, also where a change would alter it together with what it is compared with.
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { currentSchemas } from './event-schemas.ts';
import { breaksOfReleases, digestOf, releasedDigests, releasedFolder, releasedSchemas } from './released-schemas.ts';

const released = releasedSchemas();
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
  });
});

describe('a release', () => {
  it('has the digest that is written down beside the code, and a number without a gap', () => {
    expect(released.map(({ version, text }) => [version, digestOf(text)])).toEqual(
      Object.entries(releasedDigests).map(([version, digest]) => [Number(version), digest]),
    );
    expect(released.map(({ version }) => version)).toEqual(released.map((_, at) => at + 1));
  });

  it.each(released)('$version is as it was when it was committed first, whatever a later commit made of it', ({ version, text }) => {
    const commit = broughtBy(`${version}.json`);
    if (commit !== null) expect(digestOf(git('show', `${commit}:./${version}.json`))).toBe(digestOf(text));
  });

  it('is kept: none that a commit brought is gone', () => {
    let brought: string[];
    try {
      brought = git('log', '--diff-filter=A', '--format=', '--name-only', '--relative', '--', '.').split('\n').filter(Boolean);
    } catch {
      return; // No history.
    }
    expect(released.map(({ version }) => `${version}.json`)).toEqual(expect.arrayContaining(brought));
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
