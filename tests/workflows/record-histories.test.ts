import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startTracing } from '../../telemetry/tracing.ts';
import { writeHistory } from './history-file.ts';
import { LampShop } from './lamp-shop.ts';

const directory = join(import.meta.dirname, 'histories');

/** Writes the histories that replay.test.ts replays. Run by hand: `RECORD_HISTORIES=1 npx vitest run tests/workflows/record-histories.test.ts`. */
describe.runIf(process.env.RECORD_HISTORIES)('histories', () => {
  // A fleet may be half traced, and tracing may be switched on or off over a restart: what one kind of worker began, the other goes on with.
  it.each([
    ['without', 'plain', ''],
    ['with', 'traced', 'http://127.0.0.1:1'],
  ])('are recorded from a real server %s tracing', async (_, kind, endpoint) => {
    const tracing = startTracing('recorder', endpoint);
    const shop = await LampShop.open({ plugins: tracing.plugins });
    await shop.startWorker({ plugins: tracing.plugins });
    const record = async (name: string, id: string, expected: string) => {
      expect(await shop.outcome(id)).toBe(expected);
      await write(shop, `${kind}-${name}`, id);
    };
    await record('executed-by-policy', await shop.proposed('install', { names: ['hall'] }), 'executed');
    const approved = await shop.proposed('dim', { lamp: 'hall', level: 1 });
    await write(shop, `${kind}-awaiting-approval`, approved);
    await shop.review(approved);
    await shop.nudge(approved);
    await record('executed-after-approval', approved, 'executed');
    const rejected = await shop.proposed('dim', { lamp: 'hall', level: 2 });
    await shop.review(rejected, 'reject');
    await shop.signal(rejected, 'dim');
    await record('rejected', rejected, 'rejected');
    await record('invalid', await shop.proposed('dim', { lamp: 'hall', level: -1 }), 'invalid');
    const nudgedInVain = await shop.proposed('dim', { lamp: 'hall', level: 3 });
    await shop.nudge(nudgedInVain);
    await expect.poll(() => shop.workflowTasks(nudgedInVain)).toBe(2);
    await shop.withdraw(nudgedInVain);
    await shop.nudge(nudgedInVain);
    await record('nudged-in-vain-then-withdrawn', nudgedInVain, 'withdrawn');
    const large = await shop.proposed('install', { names: Array.from({ length: 2_500 }, (_, i) => `lamp-${i}`) });
    await record('large-plan', large, 'executed');
    await shop.close();
    await tracing.stop();
  });
});

async function write(shop: LampShop, name: string, id: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${name}.history.json`), writeHistory(await shop.handle(id).fetchHistory()));
}
