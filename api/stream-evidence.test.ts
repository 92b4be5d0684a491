import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { streamEvidence } from './stream-evidence.ts';

const bundle = { exequatur: 'evidence', entries: [{ seq: 1 }] };
const plan = (chunks: number) => ({ id: 'p', digest: 'sha256:00', chunks });

it.each([[[]], [[1]], [[3]], [[1, 1, 1]], [[100_000, 7, 2, 65_537]], [[4, 5]]])(
  'is one JSON text with all bytes of the plan, in chunks of %j',
  async (lengths) => {
    const chunks = lengths.map((length) => randomBytes(length));
    let text = '';
    for await (const piece of streamEvidence(bundle, plan(chunks.length), async (_, at) => chunks[at] as Buffer)) text += piece;
    expect(JSON.parse(text)).toEqual({ ...bundle, plan: { digest: 'sha256:00', bytes: Buffer.concat(chunks).toString('base64') } });
  },
);

it('is whole without a plan', async () => {
  let text = '';
  for await (const piece of streamEvidence(bundle, null, () => Promise.reject(new Error('none is read')))) text += piece;
  expect(JSON.parse(text)).toEqual({ ...bundle, plan: null });
});

it('reads a chunk when it is taken, and none ahead: whoever reads slowly keeps one in memory', async () => {
  let read = 0;
  const pieces = streamEvidence(bundle, plan(1_000), async () => {
    read++;
    return randomBytes(65_536);
  });
  for (let taken = 0; taken < 10; taken++) {
    await pieces.next();
    expect(read).toBe(taken);
  }
});
