import { join } from 'node:path';
import { readOptions } from './options.ts';
import { benchStack } from './plan/bench-stack.ts';
import { loadItems } from './plan/load-items.ts';
import { measureAction, type Timings } from './plan/measure-action.ts';
import { measureBareUpdate } from './plan/measure-bare-update.ts';
import { peakMemory } from './plan/peak-memory.ts';
import { median, printTable, spread } from './statistics.ts';

const sizes = [1, 1_000, 10_000, 100_000];
const kinds = ['plain', 'indexed'] as const;

/**
 * `npm run bench -- plan [--rounds 3]`: what a plan of 1 to 100,000 edits costs, step by step, beside a bare `UPDATE ... FROM unnest` of the same rows.
 * `plain` changes a property without an index row, `indexed` one with; the bare update then keeps the same index rows. Rounds alternate.
 */
export async function benchPlan(args: readonly string[]): Promise<void> {
  const { rounds, largest } = readOptions(args, { rounds: 3, largest: 100_000 });
  const measured = sizes.filter((size) => size <= largest);
  const memory = peakMemory();
  const stack = await benchStack(join('.exequatur', 'bench', 'plan'));
  const results: { size: number; kind: string; action: Timings[]; bare: number[] }[] = [];
  try {
    console.log('loading items through plans of at most 10,000 edits');
    await loadItems(stack, measured);
    for (const size of measured) {
      for (const kind of kinds) {
        const result = { size, kind, action: [] as Timings[], bare: [] as number[] };
        const repeats = size === 1 ? rounds * 10 : rounds; // A single edit takes a millisecond or two: three of them say nothing.
        await measureAction(stack, kind, size); // Not counted: warms caches, statements and the planner's statistics.
        for (let round = 0; round < repeats; round++) {
          result.bare.push(await measureBareUpdate(stack, kind, size));
          result.action.push(await measureAction(stack, kind, size));
        }
        results.push(result);
        console.log(`  ${size} edits, ${kind}: done`);
      }
    }
  } finally {
    await stack.stop();
  }
  report(results, memory.stop());
}

function report(results: { size: number; kind: string; action: Timings[]; bare: number[] }[], peakMiB: number): void {
  console.log('\nmilliseconds: median (least–greatest) of the rounds');
  printTable([
    ['edits', 'property', 'simulate', 'apply', 'repeat', 'revert: simulate', 'revert: apply', 'bare update', 'apply / bare'],
    ...results.map(({ size, kind, action, bare }) => [
      String(size),
      kind,
      ...(['simulate', 'apply', 'repeat', 'revertSimulate', 'revertApply'] as const).map((step) =>
        spread(action.map((timings) => timings[step])),
      ),
      spread(bare),
      (median(action.map(({ apply }) => apply)) / median(bare)).toFixed(2),
    ]),
  ]);
  console.log(`\npeak memory of the Node process: ${peakMiB} MiB`);
  console.log(
    JSON.stringify({
      bench: 'plan',
      peakMiB,
      results: results.map(({ size, kind, action, bare }) => ({
        edits: size,
        property: kind,
        simulateMs: median(action.map((timings) => timings.simulate)),
        applyMs: median(action.map((timings) => timings.apply)),
        repeatMs: median(action.map((timings) => timings.repeat)),
        revertSimulateMs: median(action.map((timings) => timings.revertSimulate)),
        revertApplyMs: median(action.map((timings) => timings.revertApply)),
        bareMs: median(bare),
        ratio: median(action.map((timings) => timings.apply)) / median(bare),
      })),
    }),
  );
}
