// Exports and evidence whose members are of another kind of JSON, or written in another way, than docs/evidence.md has them: nothing has two readings. No database: tests/evidence/signed-log.ts.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../ontology/json.ts';
import { exitOf, saidOf, saidOfEvidence, signedEvidence, signedExport, type Written } from './signed-log.ts';
import { commandOn } from './verifier-command.ts';
import { plain, simulated, without } from './written-proposal.ts';

const entryOf = (lines: readonly string[], seq: number): JsonObject => JSON.parse(lines[seq] ?? '');
const withLine = (lines: readonly string[], at: number, line: JsonValue) =>
  lines.map((one, index) => (index === at ? JSON.stringify(line) : one));
const entriesOf = (evidence: JsonObject) => evidence.entries as JsonObject[];
const withEntry = (evidence: JsonObject, seq: number, change: object): JsonObject => ({
  ...evidence,
  entries: entriesOf(evidence).map((entry) => (entry.seq === seq ? { ...entry, ...change } : entry)),
});

describe('one commitment has one reading', () => {
  // Of a salt that is taken for one byte the other fifteen would be the beginning of the value.
  const salt = Buffer.concat([Buffer.from([0, 0x22]), Buffer.alloc(13, 0x61), Buffer.from([0x5c])]);
  const value = '"bob"';
  const commitment = createHash('sha256').update(salt).update(value).digest('hex');
  const log: Written[] = [{ type: 'audit.exported', proposalId: null, facts: { commitments: { reader: commitment } } }];
  const disclosing = async (...disclosures: JsonObject[]) => {
    const lines = await signedExport(log);
    return saidOf(withLine(lines, 1, { ...entryOf(lines, 1), disclosures }));
  };
  const honest = { name: 'reader', salt: salt.toString('hex'), value };

  it('as it was made', async () => {
    expect(await disclosing(honest)).toMatchObject({ disclosed: 1, erased: 0 });
  });

  it.each<[string, JsonObject[]]>([
    ['its salt in a list, and the value that this would come to', [{ ...honest, salt: [honest.salt], value: salt.subarray(1) + value }]],
    ['its salt as bytes', [{ ...honest, salt: [...salt] }]],
    ['its value in a list', [{ ...honest, value: [value] }]],
    ['its name in a list', [{ ...honest, name: ['reader'] }]],
    ['twice', [honest, honest]],
  ])('and not with %s', async (_, disclosures) => {
    expect(await disclosing(...disclosures)).toBe('entry 1: is not made as entries are: disclosures is not as it has to be');
  });

  it('nor does a decision of evidence have another', async () => {
    const evidence = await signedEvidence(plain);
    const shown = JSON.stringify({ proposalId: evidence.proposalId, actor: 'a', action: 'propose', outcome: 'allowed' });
    for (const decisions of [[{ salt: [honest.salt], value: shown }], [{ salt: honest.salt, value: [shown] }], {}])
      expect(exitOf({ ...evidence, decisions }), JSON.stringify(decisions)).toBe(1);
  });
});

describe('an entry is taken only as it is told, in exports and evidence alike', async () => {
  const lines = await signedExport(plain);
  const evidence = await signedEvidence(plain);
  const [third = {}] = entriesOf(evidence).slice(2);
  const at = String(third.at);
  const hash = String(third.previousHash);
  const said = (name: string) => `entry 3: is not made as entries are: ${name} is not as it has to be`;

  it.each<[string, JsonValue]>([
    ['at', Number(at)],
    ['at', `0x${BigInt(at).toString(16)}`],
    ['at', ` ${at}\n`],
    ['at', `0${at}`],
    ['at', `+${at}`],
    ['at', [at]],
    ['at', '9223372036854775808'],
    ['at', null],
    ['previousHash', [...Buffer.from(hash, 'hex')]],
    ['previousHash', [hash]],
    ['previousHash', `${hash.toUpperCase()}zz`],
    ['previousHash', hash.replace(/^./, 'A')],
    ['payload', [third.payload ?? null]],
    ['payload', null],
    ['disclosures', {}],
  ])('%s is not %j', async (name, value) => {
    const change = { [name]: value };
    expect(await saidOf(withLine(lines, 3, { ...entryOf(lines, 3), ...change }))).toBe(said(name));
    expect(saidOfEvidence(withEntry(evidence, 3, change))).toBe(said(name));
  });

  it.each<[string, JsonValue]>([
    ['a number', 5],
    ['a list', []],
    ['nothing', null],
    ['without a type', { a: 1 }],
    ['of a type in a list', { type: ['switch.changed'] }],
    ['with commitments that are a list', { type: 'switch.changed', commitments: ['0'.repeat(64)] }],
    ['with one that is a number', { type: 'switch.changed', commitments: { actor: 5 } }],
    ['with one in capitals', { type: 'switch.changed', commitments: { actor: 'A'.repeat(64) } }],
  ])('its payload is not %s', async (_, payload) => {
    const changed = { payload: JSON.stringify(payload) };
    expect(await saidOf(withLine(lines, 3, { ...entryOf(lines, 3), ...changed }))).toMatch(
      /^entry 3: is not made as entries are: of its payload/,
    );
    expect(saidOfEvidence(withEntry(evidence, 3, changed))).toMatch(/^entry 3: is not made as entries are: of its payload/);
  });

  it.each<[string, JsonValue]>([
    ['seq', '3'],
    ['seq', [3]],
    ['seq', 3.5],
    ['seq', 0],
  ])('of evidence its %s is not %j', (name, value) => {
    expect(saidOfEvidence(withEntry(evidence, 3, { [name]: value }))).toBe(`is not made as entries are: ${name} is not as it has to be`);
  });

  it.each<JsonValue | undefined>([undefined, null, 'x', [null], ['00'], [[hash]]])('nor is its proof %j', (proof) => {
    expect(saidOfEvidence(withEntry(evidence, 3, { proof }))).toBe(said('proof'));
  });

  it.each<JsonObject>([
    { tenant: [evidence.tenant ?? null] },
    { proposalId: null },
    { checkpoint: 5 },
    { checkpoint: null },
    { entries: {} },
    { entries: [5] },
    { formatChanged: 5 },
    { plan: 5 },
    { plan: { digest: 'x', bytes: '*' } },
  ])('evidence with %j is broken', (change) => {
    expect(exitOf({ ...evidence, ...change })).toBe(1);
  });

  it('members of other names are passed over', async () => {
    const more = { isFormatChange: true, facts: { type: 'log.format_changed' }, kept: 1 };
    expect(await saidOf(withLine(lines, 3, { ...entryOf(lines, 3), ...more }))).toEqual(await saidOf(lines));
    expect(saidOfEvidence(withEntry({ ...evidence, more }, 3, more))).toEqual(saidOfEvidence(evidence));
  });
});

describe('evidence has each entry once, in order', () => {
  const glass = async () => {
    const requirement = {
      policy: 'p',
      automatic: false,
      distinctReviewers: true,
      breakGlass: { roles: ['chief'], approvals: 1 },
      stages: [],
    };
    const stages = [{ name: 's', thresholds: [{ name: 's', needed: 2, toleratedDenials: 0, reviewers: 'true' }] }];
    return signedEvidence([
      plain[0] as Written,
      simulated(undefined, { requirement: { ...requirement, stages } }),
      { type: 'proposal.glass_broken', facts: { planDigest: plain[1]?.facts?.planDigest ?? null }, personal: { actor: 'keeper-1' } },
      plain[2] as Written,
      ...plain.slice(4, 6),
      {
        ...(plain[6] as Written),
        facts: {
          ...plain[6]?.facts,
          requirement: { ...requirement, stages },
          approvals: [{ review: 'r1', person: 1, roles: [] }],
          emergency: { person: 2, roles: ['chief'] },
        },
      },
    ]);
  };

  it('so nothing that an entry tells is told twice', async () => {
    const evidence = await glass();
    expect(saidOfEvidence(evidence)).toBe('entry 7: was executed, but keeper-1, who broke the glass, is counted as somebody else');
    const entries = entriesOf(evidence);
    for (const doubled of entries.keys())
      expect(saidOfEvidence({ ...evidence, entries: entries.toSpliced(doubled, 0, entries[doubled] ?? {}) })).toBe(
        `entry ${doubled + 1}: stands in the evidence behind entry ${doubled + 1}`,
      );
    expect(saidOfEvidence({ ...evidence, entries: entries.toReversed() })).toBe('entry 6: stands in the evidence behind entry 7');
  });

  it('nor once more as the change of the format', async () => {
    const evidence = await signedEvidence(plain);
    const change = { ...evidence, formatChanged: entriesOf(evidence)[2] ?? null };
    expect(saidOfEvidence(change)).toBe('entry 3: stands in the evidence behind entry 3');
  });
});

describe('a checkpoint', async () => {
  const lines = await signedExport(plain);
  const note = String((JSON.parse(lines.at(-2) ?? '') as JsonObject).checkpoint);
  const given = (checkpoint: JsonValue) => `${withLine(lines, lines.length - 2, { checkpoint }).join('\n')}\n`;

  it.each<JsonValue>([5, null])('is not %j: that is broken, and not merely unreadable', (checkpoint) => {
    expect(commandOn(given(checkpoint))).toEqual({ code: 1, said: 'BROKEN a checkpoint is not one' });
  });

  it.each<JsonValue>([{}, '', [note], true])('nor %j', async (checkpoint) => {
    expect(await saidOf(given(checkpoint).trimEnd().split('\n'))).toBe('a checkpoint is not one');
  });

  it.each<[string, string]>([
    ['signs of no base64 within', note.replace(/(.{20})\n$/, '*!~$1\n')],
    ['base64 as for addresses', note.replace(/(?<=\u2014 \S+ )\S+/, (text) => `-_${text.slice(2)}`)],
    ['base64 without its end', note.replace(/=*\n$/, '\n')],
    ['a line that is no signature', `${note}hello\n`],
    ['an empty line between signatures', `${note}\n${note.split('\n').at(-2)}\n`],
    ['a root with more behind it', note.replace('=\n', '==\n')],
    ['a size that is no number', note.replace('\n7\n', '\n0x7\n')],
  ])('does not have %s', async (_, text) => {
    expect(text).not.toBe(note);
    expect(await saidOf(given(text).trimEnd().split('\n'))).toBe('a checkpoint is not one');
  });

  it('that was kept may have lost its last newline, or got another', () => {
    const text = `${lines.join('\n')}\n`;
    for (const kept of [note, note.trimEnd(), `${note}\n`]) expect(commandOn(text, kept)).toMatchObject({ code: 0 });
  });

  it('of another log is broken, and names no number, which would be one of that log', async () => {
    const one = await signedExport(plain.slice(0, 1));
    const header = JSON.parse(one[0] ?? '') as JsonObject;
    expect(await saidOf(withLine(one, 0, { ...header, tenant: '00000000-0000-4000-8000-000000000000' }))).toBe(
      `the checkpoint over 1 entries is of another log, hostile.test/log/${header.tenant}`,
    );
  });
});

describe('evidence is known by what it says', () => {
  const sorted = (value: JsonObject): JsonObject =>
    Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));

  it('wherever in it that stands, in one line or over many', async () => {
    const evidence = sorted({ ...(await signedEvidence(plain)), before: 'x'.repeat(10_000) });
    expect(JSON.stringify(evidence).indexOf('"exequatur"')).toBeGreaterThan(10_000);
    for (const text of [JSON.stringify(evidence), JSON.stringify(evidence, null, 2), `\n${JSON.stringify(evidence)}\n`])
      expect(commandOn(text)).toMatchObject({ code: 0, said: expect.stringContaining('"isJudged":true') });
  });

  it('and an export by its first line, whatever else is in that', async () => {
    const [header = '', ...rest] = await signedExport(plain);
    const text = [JSON.stringify({ kind: 'evidence', ...JSON.parse(header) }), ...rest].join('\n');
    expect(commandOn(text)).toMatchObject({ code: 0, said: expect.stringContaining('"entries":7') });
    for (const neither of ['', 'null', 'x\n{}']) expect(commandOn(neither), neither).toMatchObject({ code: neither === '' ? 1 : 2 });
  });
});

describe('what an execution is judged by', () => {
  it('is a plan with a digest', async () => {
    const log = plain.map((entry) => ({ ...entry, ...without(entry, 'planDigest') }));
    expect(await saidOf(await signedExport(log))).toBe('entry 7: the plan that ran is not the one that was to be approved');
  });
});
