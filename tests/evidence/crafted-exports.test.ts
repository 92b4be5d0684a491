// Exports that nobody's server wrote, signed by whoever made them up: the verifier ends soon, and says where what is wrong.
import { createHash, randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { auditEntry, frameOf } from '../../audit/entry.ts';
import { leafHash } from '../../audit/merkle.ts';
import { checkpointText, readSigner, signNote, writeSigner } from '../../audit/signed-note.ts';
import type { JsonObject, JsonValue } from '../../ontology/json.ts';

const part = (name: string) => import(String(new URL(`../../verifier/${name}.mjs`, import.meta.url)));
const { Mismatch } = await part('formats');
const { Tree } = await part('tree');
const { readVerifier } = await part('notes');
const { verifyExport } = await part('verify-export');

const tenant = randomUUID();
const signer = readSigner(writeSigner('crafted.test/log', Buffer.alloc(32, 7)));
const verifiers = [readVerifier(signer.verifierKey)];
const planDigest = `sha256:${'0'.repeat(64)}`;
const proposalId = randomUUID();

/** A whole export of these payloads, with more lines behind it where they are given. */
async function exportOf(payloads: readonly string[], behind: readonly unknown[] = []): Promise<string[]> {
  const tree = new Tree();
  let previousHash = '0'.repeat(64);
  const entries = payloads.map((payload, at) => {
    const entry = { seq: at + 1, at: String(1_790_000_000_000_000 + at), previousHash, payload, disclosures: [] };
    const frame = frameOf(tenant, entry);
    tree.add(leafHash(frame));
    previousHash = createHash('sha256').update(frame).digest('hex');
    return entry;
  });
  const note = await signNote(checkpointText(`${signer.name}/${tenant}`, payloads.length, tree.root), [signer]);
  const header = { exequatur: 'audit-export', format: 1, tenant, from: 1, to: payloads.length, subtrees: [] };
  return [header, ...entries, { checkpoint: note }, { end: payloads.length }, ...behind].map((line) => JSON.stringify(line));
}

const payloadOf = (type: string, facts: JsonObject) => auditEntry({ type, proposalId, facts }).payload;
const verified = async (payloads: readonly string[], behind: readonly unknown[] = []) =>
  verifyExport(await exportOf(payloads, behind), verifiers) as Promise<Record<string, number>>;
const stageOf = (thresholds: number, needed: number, more: object = {}) => ({
  name: 'stage',
  require: 'any',
  thresholds: Array.from({ length: thresholds }, () => ({ name: 'some', needed, toleratedDenials: 0, reviewers: 'true' })),
  ...more,
});

interface Review {
  id: string;
  decision?: 'approve' | 'reject';
}

/** A proposal whose plan asks for these stages, and that was executed by these approvals, of different people. */
function lifecycle(stages: readonly object[], reviews: readonly Review[], executed: JsonObject = {}): string[] {
  const requirement = { policy: 'p', automatic: false, stages, distinctReviewers: true, expiresAfter: 'P1D' } as unknown as JsonValue;
  const approvals = reviews
    .filter(({ decision }) => decision !== 'reject')
    .map(({ id }, at) => ({ review: id, person: at + 1, roles: [] }));
  return [
    payloadOf('proposal.created', { status: 'simulating' }),
    payloadOf('proposal.simulated', { from: 'simulating', status: 'awaiting_approval', planDigest, requirement }),
    ...reviews.map(({ id, decision = 'approve' }) => payloadOf('review.recorded', { reviewId: id, decision, planDigest })),
    payloadOf('proposal.approved', { from: 'awaiting_approval', status: 'approved' }),
    payloadOf('proposal.executing', { from: 'approved', status: 'executing' }),
    payloadOf('proposal.executed', { status: 'executed', planDigest, executionId: randomUUID(), requirement, approvals, ...executed }),
  ];
}
const given = (count: number): Review[] => Array.from({ length: count }, (_, at) => ({ id: `r${at}` }));
const soon = async <T>(work: () => Promise<T>): Promise<T> => {
  const startedAt = process.cpuUsage();
  const outcome = await work();
  expect(process.cpuUsage(startedAt).user / 1_000_000).toBeLessThan(10);
  return outcome;
};

it('a plain one is whole', async () => {
  expect(await verified(lifecycle([stageOf(2, 1)], given(1)))).toMatchObject({ executions: 1, unjudged: 0, rejectionsUncounted: 0 });
});

it('one that is created once more is noticed, so that nobody stands behind it whom the log did not name at first', async () => {
  const created = payloadOf('proposal.created', {});
  await expect(verified([created, created])).rejects.toThrow('entry 2: creates a proposal that is there');
});

it.each<[string, object[]]>([
  ['stages that may be met in ten milliard ways', Array.from({ length: 10 }, () => stageOf(10, 1))],
  ['and whose people have to be of many teams as well', Array.from({ length: 10 }, () => stageOf(10, 1, { teams: 2 }))],
])('%s, with one approval too few, end soon', async (_, stages) => {
  const outcome = await soon(() => verified(lifecycle(stages, given(9))).catch((error: Error) => error.message));
  if (typeof outcome === 'string') expect(outcome).toContain('its stages cannot all be filled');
  else expect(outcome).toMatchObject({ unjudged: 1 });
});

it('with as many as it takes they are found to be met', async () => {
  const stages = Array.from({ length: 10 }, () => stageOf(10, 1));
  expect(await soon(() => verified(lifecycle(stages, given(10))))).toMatchObject({ executions: 1, unjudged: 0 });
});

it('of more ways than it tries it says that it has not judged', async () => {
  // Each of two hundred approvals is admitted everywhere, and no two people are of different teams: only trying shows it.
  const stages = Array.from({ length: 8 }, () => stageOf(8, 2, { teams: 2 }));
  const approvals = given(40).map(({ id }, at) => ({ review: id, person: at + 1, roles: [], teams: ['one'] }));
  expect(await soon(() => verified(lifecycle(stages, given(40), { approvals })))).toMatchObject({ executions: 1, unjudged: 1 });
});

it('a threshold that asks for a milliard approvals is not filled', async () => {
  await expect(soon(() => verified(lifecycle([stageOf(1, 1_000_000_000)], given(1))))).rejects.toThrow(
    'entry 6: was executed, but 1 of the 1000000000 approvals were given',
  );
});

it('a condition nested deeper than anything is not read, and the approval believed', async () => {
  const stage = stageOf(1, 1);
  Object.assign(stage.thresholds[0] ?? {}, { reviewers: `${'('.repeat(20_000)}true${')'.repeat(20_000)}` });
  expect(await soon(() => verified(lifecycle([stage], given(1))))).toMatchObject({ executions: 1, conditionsUnjudged: 1 });
});

it.each<[string, unknown]>([
  ['an entry', { seq: 2, at: '1', previousHash: '00', payload: '{}', disclosures: [] }],
  ['another end', { end: 1 }],
  ['a checkpoint', { checkpoint: 'x' }],
  ['anything', {}],
  ['nothing', null],
])('nothing may stand behind its end: %s', async (_, line) => {
  await expect(verified([payloadOf('proposal.created', {})], [line])).rejects.toThrow(
    'entry 1: is the last by what the export says, and more lines follow',
  );
});

it('nor a line that is no JSON, or is empty', async () => {
  const lines = await exportOf([payloadOf('proposal.created', {})]);
  for (const line of ['', 'x', '\r'])
    await expect(verifyExport([...lines, line], verifiers), line).rejects.toMatchObject({
      index: 1,
      message: 'entry 1: is the last by what the export says, and more lines follow',
    });
});

it('where the chain is torn, that is what is told, whatever stands behind it', async () => {
  const lines = await exportOf([payloadOf('proposal.created', {}), payloadOf('y', {}), payloadOf('z', {})]);
  const torn = { ...JSON.parse(lines[2] ?? ''), previousHash: 'f'.repeat(64) };
  for (const behind of ['x', '', '{"seq":3', 'null', '[]'])
    await expect(verifyExport([...lines.slice(0, 2), JSON.stringify(torn), behind], verifiers), behind).rejects.toMatchObject({
      index: 1,
      message: 'entry 1: or the next does not fit what follows: entry 2 continues another',
    });
});

it('an export of no entries is none, also where the checkpoint before them holds', async () => {
  const [header = '', , checkpoint = '', end = ''] = await exportOf([payloadOf('proposal.created', {})]);
  const [, , root = ''] = JSON.parse(checkpoint).checkpoint.split('\n');
  const empty = { ...JSON.parse(header), from: 2, to: 1, subtrees: [Buffer.from(root, 'base64').toString('hex')] };
  const outcome = await verifyExport([JSON.stringify(empty), checkpoint, end], verifiers).catch((error: Error) => error);
  expect(outcome).toMatchObject({ message: 'the export begins with 2, and ends with 1' });
  expect(outcome).not.toBeInstanceOf(Mismatch);
});

it.each<unknown>([0, 2, '1', null, 1e9])('broken at once is an end that is another, such as %j', async (end) => {
  const lines = await exportOf([payloadOf('proposal.created', {})]);
  const ending = [...lines.slice(0, -1), JSON.stringify({ end }), lines.at(-1) ?? ''];
  await expect(verifyExport(ending, verifiers)).rejects.toMatchObject({
    index: 1,
    message: `entry 1: is the last, and the export says that it ends at ${end}, and at first 1`,
  });
});

it.each<object>([
  { from: '1' },
  { from: 1.5 },
  { from: 0 },
  { from: null },
  { to: '1' },
  { to: 0.5 },
  { exequatur: 'export' },
  { format: '1' },
  { tenant: [tenant] },
  { tenant: tenant.toUpperCase().replace(/^./, 'A') },
  { tenant: `${tenant}zz` },
  { subtrees: null },
  { subtrees: ['00'] },
  { subtrees: ['0'.repeat(64)] },
  { from: 4, subtrees: ['0'.repeat(64)] },
])('cannot be read: a header with %j', async (change) => {
  const lines = await exportOf([payloadOf('proposal.created', {})]);
  const forged = [JSON.stringify({ ...JSON.parse(lines[0] ?? ''), ...change }), ...lines.slice(1)];
  const outcome = await verifyExport(forged, verifiers).catch((error: Error) => error);
  expect(outcome).toBeInstanceOf(Error);
  expect(outcome).not.toBeInstanceOf(Mismatch);
});

it.each<[string, string[], number]>([
  [
    'an execution that names no plan, of a proposal without one',
    [
      payloadOf('proposal.created', { status: 'simulating' }),
      payloadOf('execution.applied', { executionId: 'e', approvals: [], requirement: {} }),
    ],
    2,
  ],
  ['an execution whose approvals are no list', lifecycle([stageOf(1, 1)], given(1), { approvals: 'all' }), 6],
  ['approvals that are nothing', lifecycle([stageOf(1, 1)], given(1), { approvals: [null] }), 6],
  ['denials that are no list', lifecycle([stageOf(1, 1)], given(1), { denials: 5 }), 6],
  ['a requirement without stages', lifecycle([], given(1)).map((text) => text.replace(',"stages":[]', '')), 6],
  ['a payload that is no JSON', [payloadOf('proposal.created', {}), 'not JSON'], 2],
  ['a payload that is null', [payloadOf('proposal.created', {}), 'null'], 2],
  ['a type that is a number', [`{"proposalId":"p","status":"simulating","type":5}`], 1],
])('is broken, and says at which entry: %s', async (_, payloads, index) => {
  await expect(verified(payloads)).rejects.toMatchObject({ index });
});

it('a line that is made of other things than an entry is broken too, at its number', async () => {
  const lines = await exportOf([payloadOf('proposal.created', {}), payloadOf('y', {})]);
  for (const change of [{ at: 'noon' }, { payload: 5 }, { previousHash: 7 }, { disclosures: null }]) {
    const forged = lines.map((line, at) => (at === 2 ? JSON.stringify({ ...JSON.parse(line), ...change }) : line));
    await expect(verifyExport(forged, verifiers), JSON.stringify(change)).rejects.toMatchObject({ index: 2 });
  }
});

it('a review that says no and that the execution does not tell is counted, and one that somebody took back is not', async () => {
  const rejecting: Review = { id: 'no', decision: 'reject' };
  const told = { denials: [{ review: 'no', person: 9, roles: [] }] };
  const tolerating = stageOf(1, 1);
  Object.assign(tolerating.thresholds[0] ?? {}, { toleratedDenials: 1 });
  expect(await verified(lifecycle([tolerating], [...given(1), rejecting]))).toMatchObject({ rejectionsUncounted: 1 });
  expect(await verified(lifecycle([tolerating], [...given(1), rejecting], told))).toMatchObject({ rejectionsUncounted: 0 });
});
