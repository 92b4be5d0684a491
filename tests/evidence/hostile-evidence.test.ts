// Evidence, disclosures and single entries that somebody made up or altered, beside honest ones that pass. No database: tests/evidence/signed-log.ts.
import { describe, expect, it } from 'vitest';
import { canonicalText } from '../../ontology/canonical-json.ts';
import type { JsonObject, JsonValue } from '../../ontology/json.ts';
import {
  digestOf,
  exitOf,
  mendedUpTo,
  saidOf,
  saidOfEvidence,
  signedEvidence,
  signedExport,
  verdictOn,
  type Written,
} from './signed-log.ts';
import {
  asks,
  created,
  digest,
  move,
  plain,
  ran,
  replaced,
  requirement,
  simulated,
  threshold,
  told,
  turned,
  undone,
  without,
} from './written-proposal.ts';

const { rootByInclusion } = await import(String(new URL('../../verifier/tree.mjs', import.meta.url)));

describe('evidence of an action', () => {
  const planOf = (asked: JsonObject) => `${canonicalText({ format: 1, requirement: asked })}\n{}`;
  const plan = planOf(requirement);
  const of = (text: string) => plain.map((entry) => JSON.parse(JSON.stringify(entry).replaceAll(digest, digestOf(text))) as Written);

  it('passes with its plan and without it', async () => {
    expect(saidOfEvidence(await signedEvidence(of(plan), { plan }))).toMatchObject({ executions: 1, isJudged: true, status: 'executed' });
    expect(saidOfEvidence(await signedEvidence(plain))).toMatchObject({ executions: 1, isJudged: true });
    expect(saidOfEvidence(await signedEvidence(of(plan).slice(0, 4), { plan }))).toMatchObject({ executions: 0 });
  });

  it('begins with the proposal: a part of it is broken', async () => {
    const part = await signedEvidence(plain, { leave: (seq) => seq > 1 });
    expect(saidOfEvidence(part)).toBe('entry 2: is of a proposal that no entry creates');
  });

  it('commits to decisions by hashes, to each once, and on its proposal', async () => {
    const [created, ...rest] = plain as [Written, ...Written[]];
    const hash = 'a'.repeat(64);
    const of = (decisions: JsonValue, more: Written[] = []) => [{ ...created, facts: { ...created.facts, decisions } }, ...more, ...rest];
    expect(saidOfEvidence(await signedEvidence(of([hash])))).toMatchObject({ decisions: 1, decisionsShown: 0, decisionsUnsaid: 0 });
    for (const decisions of ['a', null, {}, [hash.toUpperCase()], [hash, 1], [[hash]], [`${hash}0`]])
      expect(saidOfEvidence(await signedEvidence(of(decisions))), JSON.stringify(decisions)).toMatch(/^entry 1: /);
    const unlike = { type: 'decision.refused', facts: { decisions: ['a'] } }; // Kinds are asked of all entries before what any of them says.
    expect(saidOfEvidence(await signedEvidence([...of([hash, hash]), unlike]))).toMatch(/^entry 8: is not made as entries are/);
    expect(saidOfEvidence(await signedEvidence(of([hash, hash])))).toBe('entry 1: commits to a decision once more');
    const again = { type: 'decision.refused', facts: { decisions: [hash] } };
    expect(saidOfEvidence(await signedEvidence(of([hash], [again])))).toBe('entry 2: commits to a decision once more');
    expect(await saidOf(await signedExport([...plain, { type: 'switch.changed', facts: { decisions: [hash] }, proposalId: null }]))).toBe(
      `entry ${plain.length + 1}: tells of decisions on no proposal`,
    );
  });

  it('shows decisions as they are made: with a salt of 16 bytes, and text of this proposal', async () => {
    const evidence = await signedEvidence(plain);
    const value = JSON.stringify({ proposalId: evidence.proposalId, actor: 'a', action: 'propose', outcome: 'allowed' });
    expect(saidOfEvidence({ ...evidence, decisions: [{ salt: null, value }] })).toMatchObject({ decisions: 0, decisionsUnsaid: 1 });
    for (const decisions of [
      'x',
      [null],
      [{ value }],
      [{ salt: null }],
      [{ salt: null, value: '{}' }],
      [{ salt: null, value: 'no' }],
      [{ salt: 'ab', value }],
    ])
      expect(exitOf({ ...evidence, decisions } as JsonObject), JSON.stringify(decisions)).toBe(1);
  });

  it('shows no decision twice, and none without its salt where the entry that creates the proposal tells of decisions, be it of none', async () => {
    const evidence = await signedEvidence(plain);
    const value = JSON.stringify({ proposalId: evidence.proposalId, actor: 'a', action: 'propose', outcome: 'allowed' });
    const unsaid = { salt: null, value };
    expect(saidOfEvidence({ ...evidence, decisions: [unsaid, { salt: null, value: value.replace('"a"', '"b"') }] })).toMatchObject({
      decisionsUnsaid: 2,
    });
    expect(saidOfEvidence({ ...evidence, decisions: [unsaid, unsaid] })).toBe('a decision is shown twice');
    expect(saidOfEvidence({ ...evidence, decisions: [unsaid, { salt: 'a'.repeat(32), value }] })).toBe('a decision is shown twice');
    const telling = await signedEvidence(replaced(plain, 0, told(plain[0], { decisions: [] })));
    expect(saidOfEvidence(telling)).toMatchObject({ executions: 1, decisions: 0 });
    expect(saidOfEvidence({ ...telling, decisions: [unsaid] })).toMatch(/^a decision is shown without its salt/);
  });

  it('has entries that are within the tree: no proof is of one behind it', () => {
    const leaf = Buffer.alloc(32, 1);
    expect(rootByInclusion(leaf, 0, 1, [])).toEqual(leaf);
    for (const index of [1, 2, 7]) expect(rootByInclusion(leaf, index, 1, [])).toBeNull();
  });

  it('has entries', async () => {
    const none = 'the evidence has no entry of its proposal';
    expect(saidOfEvidence(await signedEvidence(plain, { leave: () => false }))).toBe(none);
    expect(saidOfEvidence(await signedEvidence(of(plan), { plan, leave: () => false }))).toBe(none);
  });

  it('says what it is: in another format it cannot be read', async () => {
    const evidence = await signedEvidence(plain);
    for (const change of [{ exequatur: 'audit-export' }, { exequatur: ['evidence'] }, { format: 2 }, { format: '1' }, { format: null }])
      expect(exitOf({ ...evidence, ...change }), JSON.stringify(change)).toBe(2);
    expect(exitOf(evidence)).toBe(0);
    expect(exitOf(await signedEvidence(plain, { leave: () => false }))).toBe(1);
  });

  it('has a plan that its entries tell of, whether it ran or not', async () => {
    const said = 'the plan is one that no entry tells of';
    expect(saidOfEvidence(await signedEvidence(plain, { plan }))).toBe(said);
    expect(saidOfEvidence(await signedEvidence(plain.slice(0, 4), { plan }))).toBe(said);
  });

  it('has the plan that was executed last, unless the proposal was simulated again since', async () => {
    const other = `${canonicalText({ format: 1, requirement, policies: ['other'] })}\n{}`;
    const ranAs = { ...ran('execution.applied'), ...told(ran('execution.applied'), { planDigest: digestOf(plan) }) };
    const first = [...of(plan).slice(0, 6), ranAs];
    const anew = [...first, ...turned, undone, move('compensating', 'simulating'), simulated(digestOf(other))];
    expect(saidOfEvidence(await signedEvidence(anew, { plan: other }))).toMatchObject({ executions: 1, planDigest: digestOf(plan) });
    const before = [created, simulated(digestOf(other)), move('awaiting_approval', 'simulating'), ...first.slice(1)];
    expect(saidOfEvidence(await signedEvidence(before, { plan }))).toMatchObject({ executions: 1, isJudged: true });
    expect(saidOfEvidence(await signedEvidence(before, { plan: other }))).toBe('entry 9: the plan is not the one that was executed');
  });

  it('ties the requirement to the plan, which an export does not', async () => {
    const more = planOf(asks([{ name: 'keepers', thresholds: [threshold('keeper', 3)] }]));
    expect(await verdictOn(of(more))).toMatchObject({ executions: 1, unjudged: 0 });
    expect(saidOfEvidence(await signedEvidence(of(more), { plan: more }))).toBe('entry 2: names another requirement than the plan');
  });

  it('has a plan that says whose approval it needs, in an object', async () => {
    for (const header of [
      { format: 1 },
      { format: 1, requirement: null },
      { format: 1, requirement: 'x' },
      { requirement: [requirement] },
    ]) {
      const silent = `${canonicalText(header)}\n{}`;
      expect(saidOfEvidence(await signedEvidence(of(silent), { plan: silent })), silent).toBe(
        'the plan does not say whose approval it needs',
      );
    }
    for (const header of ['null', '5', '', '{']) expect(exitOf(await signedEvidence(of(header), { plan: header })), header).toBe(1);
  });

  it('judges by the plan where entries tell the digest of the requirement alone', async () => {
    const whole = { requirementDigest: digestOf(canonicalText(requirement)) };
    const shortened = of(plan).map((entry) =>
      entry.facts?.requirement === undefined ? entry : { ...entry, facts: { ...without(entry, 'requirement').facts, ...whole } },
    );
    expect(await verdictOn(shortened)).toMatchObject({ unjudged: 1 });
    expect(saidOfEvidence(await signedEvidence(shortened, { plan }))).toMatchObject({ unjudged: 0, isJudged: true });
    const invented = JSON.parse(JSON.stringify(shortened).replaceAll(whole.requirementDigest, `sha256:${'1'.repeat(64)}`)) as Written[];
    expect(saidOfEvidence(await signedEvidence(invented, { plan }))).toBe('entry 2: names another requirement than the plan');
  });
});

describe('what is disclosed', () => {
  it('has a salt of sixteen bytes, so that one commitment is to one value', async () => {
    const lines = await signedExport(plain);
    const salted = (change: (salt: string) => string) =>
      lines.map((line) => line.replace(/"salt":"([0-9a-f]+)"/, (_, salt: string) => `"salt":"${change(salt)}"`));
    expect(await saidOf(salted((salt) => salt))).toMatchObject({ executions: 1 });
    for (const change of [(salt: string) => `${salt}zz`, (salt: string) => salt.toUpperCase().replace(/^./, 'A')])
      expect(await saidOf(salted(change))).toMatch(/^entry 1: is not made as entries are: disclosures/);
  });
});

describe('of an entry that was altered, and nothing behind it, the verifier names', () => {
  const alteredAt = (lines: readonly string[], ...seqs: number[]) =>
    lines.map((line) => (seqs.some((seq) => line.includes(`"seq":${seq},`)) ? line.replaceAll('approve', 'reject') : line));

  it('this very entry, whether or not a checkpoint ends there', async () => {
    for (const sealed of [[], [2], [3], [4]])
      expect(await saidOf(alteredAt(await signedExport(plain, { sealed }), 3)), String(sealed)).toMatch(/^entry 3: /);
    expect(await saidOf(alteredAt(await signedExport(plain), 3))).toBe(
      'entry 3: does not fit what follows: entry 4 continues another; others from 1 on may have been altered too',
    );
  });

  it('the first of two', async () => {
    expect(await saidOf(alteredAt(await signedExport(plain), 3, 4))).toBe(
      'entry 3: or the next does not fit what follows: entry 4 continues another; others from 1 on may have been altered too',
    );
  });

  it('the one that leads elsewhere, where a checkpoint says that those before it are right', async () => {
    const lines = (await signedExport(plain, { sealed: [3] })).map((line) =>
      line.includes('"seq":4,') ? line.replace(/"previousHash":"(.)/, (_, digit) => `"previousHash":"${digit === '0' ? 1 : 0}`) : line,
    );
    expect(await saidOf(lines)).toBe('entry 4: does not follow the one before it');
  });

  it('where links were mended the last that was, and from where on the first may be', async () => {
    const altered = (await signedExport(plain, { sealed: [2] })).map((line) =>
      line.includes('"seq":3,') ? line.replace('"payload":"{', String.raw`"payload":"{\"altered\":1,`) : line,
    );
    for (const mended of [4, 5]) {
      const torn = `entry ${mended}: does not fit what follows: entry ${mended + 1} continues another`;
      expect(await saidOf(mendedUpTo(altered, mended))).toBe(`${torn}; others from 3 on may have been altered too`);
    }
    expect(await saidOf(mendedUpTo(altered, 7))).toBe('entry 7: up to here the log is not what was signed');
    expect(await saidOf(altered)).toBe('entry 3: does not fit what follows: entry 4 continues another');
  });

  it('the last, by the checkpoint over it', async () => {
    const lines = (await signedExport(plain)).map((line) => line.replace('executionId\\":\\"x', 'executionId\\":\\"y'));
    expect(await saidOf(lines)).toBe('entry 7: up to here the log is not what was signed');
  });
});
