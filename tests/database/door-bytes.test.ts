import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { oneStage } from './door-scene.ts';
import { doorWorld, passes } from './door-world.ts';

const world = doorWorld();
const { renaming, approved, execute, outcomeOf, bytesOf } = world;

describe('the digest', () => {
  it('of stored bytes that were never those approved is refused, and of the plan’s own passes', async () => {
    const edits = [await renaming()];
    const honest = await approved(edits);
    const bytes = Buffer.concat(await bytesOf(honest));
    const tampered = Buffer.from(bytes.toString().replace('"name ', '"NAME '));
    expect(await outcomeOf(edits, { bytes: tampered, digest: honest.digest })).toBe('XQ003');
    expect(await outcomeOf(edits, { bytes, digest: `sha256:${'0'.repeat(64)}` })).toBe('XQ003');
    expect(await execute(honest)).toBe(passes);
  });

  it('of stored bytes that the owner of the tables changed after the approval is refused', async () => {
    const planned = await approved([await renaming()]);
    const swap = (from: string, to: string) =>
      world.scene.as('superuser', (client) =>
        client.query(
          `SET LOCAL session_replication_role = replica; UPDATE exequatur.plan_chunk SET bytes = convert_to(replace(convert_from(bytes, 'UTF8'), '${from}', '${to}'), 'UTF8')
            WHERE plan_id = '${planned.planId}'`,
        ),
      );
    await swap('"id":"ORD"', '"id":"ATL"');
    expect(await execute(planned)).toBe('XQ003');
    await swap('"id":"ATL"', '"id":"ORD"');
    expect(await execute(planned)).toBe(passes);
  });

  it('lets a plan in many chunks pass as one of the same bytes', async () => {
    const edits = [await renaming('ATL'), await renaming('ORD')];
    const planned = await approved(edits, { chunkSize: 40 });
    expect((await bytesOf(planned)).length).toBeGreaterThan(2);
    expect(await execute(planned)).toBe(passes);
  });

  it('of another proposal’s plan is refused although that one is approved', async () => {
    const edits = [await renaming()];
    const theirs = await approved(edits);
    const mine = await approved(edits);
    expect(await execute({ ...mine, planId: theirs.planId })).toBe('XQ006'); // Their proposal was not begun.
    expect(await execute(mine)).toBe(passes);
  });
});

describe('what the bytes say', () => {
  it('must be this tenant, this action, its version and these parameters', async () => {
    const edits = [await renaming()];
    expect(await execute(await approved(edits, { tenant: randomUUID() }))).toBe('XQ003');
    expect(await execute(await approved(edits, { action: 'close' }))).toBe('XQ003');
    expect(await execute(await approved(edits, { parameters: { airport: 'ATL' } }))).toBe('XQ003');
    expect(await execute(await approved(edits, { revertOf: randomUUID() }))).toBe('XQ003');
    expect(await execute(await approved(edits))).toBe(passes);
  });

  it('must not name a key twice: readers that keep the first would have seen another plan', async () => {
    const edits = [await renaming()];
    const bytes = Buffer.concat(await bytesOf(await approved(edits))).toString();
    for (const doubled of [
      bytes.replace('"set":{', '"set":{"name":"shown",'),
      bytes.replace('"id":"ORD"', '"id":"ATL","id":"ORD"'),
      bytes.replace('"format":1', '"format":1,"format":1'),
    ]) {
      expect(doubled).not.toBe(bytes);
      expect(await execute(await approved(edits, { bytes: Buffer.from(doubled) }))).toBe('XQ003');
    }
    expect(await execute(await approved(edits, { bytes: Buffer.from(bytes) }))).toBe(passes);
  });

  it('must be edits, one a line', async () => {
    const edits = [await renaming()];
    const bytes = Buffer.concat(await bytesOf(await approved(edits))).toString();
    const line = bytes.split('\n')[2] as string;
    const variants = [
      `${bytes}\n`,
      `${bytes}\n[]`,
      bytes.replace('"op":"modify"', '"op":"replace"'),
      bytes.replace('"op":"modify"', '"op":null'),
      bytes.replace('"type":"airport"', '"type":7'),
      bytes.replace(/"set":\{[^}]*\}/, '"set":["name"]'),
      bytes.replace(/"before":\{[^}]*\}/, '"before":"name"'),
      bytes.replace(line, line.replace(',', '\n,')),
    ];
    for (const variant of variants) {
      expect(variant).not.toBe(bytes);
      expect(await outcomeOf(edits, { bytes: Buffer.from(variant) })).toMatch(/^XQ00[347]$/);
    }
    expect(await execute(await approved(edits, { bytes: Buffer.from(bytes) }))).toBe(passes);
  });

  it('must have the requirement that reviewers were held to', async () => {
    const edits = [await renaming()];
    const planned = await world.scene.plan(await world.scene.propose('rename'), edits);
    const lenient = await world.scene.plan(await world.scene.propose('rename'), edits, {
      requirement: { ...oneStage, automatic: true, stages: [] },
    });
    for (const each of [planned, lenient]) {
      await world.scene.review(each, 'reviewer');
      await world.scene.approve(each);
    }
    await world.scene.as('superuser', (client) =>
      client.query(
        `SET LOCAL session_replication_role = replica; UPDATE exequatur.plan SET requirement = '{}' WHERE id = '${lenient.planId}'`,
      ),
    );
    expect(await execute(lenient)).toBe('XQ003');
    expect(await execute(planned)).toBe(passes);
  });

  it('must touch an object once', async () => {
    const [first, second] = [await renaming(), await renaming()];
    expect(await execute(await approved([first, second]))).toMatch(/^XQ00[37]$/);
    expect(await execute(await approved([first]))).toBe(passes);
  });
});
