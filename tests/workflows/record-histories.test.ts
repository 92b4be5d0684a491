import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { keepSchedules } from '../../events/keep-schedules.ts';
import { startIndexBuilds } from '../../events/start-index-builds.ts';
import { startMigrations } from '../../events/start-migrations.ts';
import type { Caller } from '../../ontology/authority.ts';
import type { JsonValue } from '../../ontology/json.ts';
import { changeSchedule, createSchedule, readSchedule } from '../../store/schedules.ts';
import { startTracing } from '../../telemetry/tracing.ts';
import { indexBuildWorkflowId } from '../../workflows/index-build.contract.ts';
import { ontologyMigrationWorkflowId } from '../../workflows/ontology-migration.contract.ts';
import { bookCarrier, parcelDomain, tellDepot } from '../effects/parcel-domain.ts';
import { Receiver } from '../effects/receiver.ts';
import { resolveAsAsked } from '../support/resolve-as-asked.ts';
import { writeHistory } from './history-file.ts';
import { LampShop } from './lamp-shop.ts';
import { definitionActivities, emergencyLamps, indexedLamps, migratedLamps, relayOf, remindedLamps, upload } from './lamp-uploads.ts';

const directory = join(import.meta.dirname, 'histories');

const operator: Caller = { id: 'operator', kind: 'user', roles: ['operator'], tokenIssuedAt: '2026-01-01T00:00:00.000Z' };

const isBooked = { webhook: { endpoint: 'carrier', path: ["'bookings'", { slot: 'booking' }] }, done: 'answer.status == 200' };

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
      write(`${kind}-${name}`, await shop.handle(id).fetchHistory());
    };
    await record('executed-by-policy', await shop.proposed('install', { names: ['hall'] }), 'executed');
    const approved = await shop.proposed('dim', { lamp: 'hall', level: 1 });
    write(`${kind}-awaiting-approval`, await shop.handle(approved).fetchHistory());
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
    await upload(shop, remindedLamps('PT6S'));
    const reminded = await shop.proposed('dim', { lamp: 'hall', level: 4 });
    await record('reminded-then-expired', reminded, 'expired');
    await upload(shop, emergencyLamps('PT2S'));
    const broken = await shop.proposed('dim', { lamp: 'hall', level: 5 });
    await shop.breakGlass(broken);
    await shop.nudge(broken);
    await record('unreviewed-emergency', broken, 'executed');
    const large = await shop.proposed('install', { names: Array.from({ length: 2_500 }, (_, i) => `lamp-${i}`) });
    await record('large-plan', large, 'executed');
    await shop.close();
    await tracing.stop();
  });

  it.each([
    ['without', 'plain', ''],
    ['with', 'traced', 'http://127.0.0.1:1'],
  ])('of executions with effects are recorded from a real server %s tracing', async (_, kind, endpoint) => {
    const tracing = startTracing('recorder', endpoint);
    const carrier = await Receiver.open();
    const document = parcelDomain(carrier.url, [bookCarrier, tellDepot], [{ name: 'kept', after: 'PT2S', probe: isBooked }]);
    const shop = await LampShop.open({ plugins: tracing.plugins, document: document as unknown as JsonValue });
    await shop.startWorker({ plugins: tracing.plugins });
    await shop.outcome(await shop.proposed('receive', { code: 'P1', weight: 7 }));
    const record = async (name: string, depot: string, expected: string) => {
      const id = await shop.started('handOver', { parcel: 'P1', depot });
      if (name === 'effects-resolved') {
        await expect.poll(() => shop.status(id)).toBe('needs_attention');
        const resolution = { proposalId: id, choice: 'skip' as const, reason: 'by telephone', by: operator };
        await shop.write((tx) => resolveAsAsked(tx, resolution, shop.deps));
        await shop.nudge(id);
      }
      expect(await shop.outcome(id)).toBe(expected);
      write(`${kind}-${name}`, await shop.handle(id).fetchHistory());
    };
    await record('effects-executed', 'north', 'executed');
    carrier.behaviour = ({ path }, n) => (path.endsWith('arrivals') ? (n === 0 ? { status: 503 } : { status: 409 }) : undefined);
    await record('effects-undone', 'south', 'failed');
    carrier.behaviour = ({ method, path }) => (path.endsWith('arrivals') || method === 'DELETE' ? { status: 409 } : undefined);
    await record('effects-resolved', 'east', 'failed');
    await shop.close();
    await carrier.close();
    await tracing.stop();
  });

  it.each([
    ['without', 'plain', ''],
    ['with', 'traced', 'http://127.0.0.1:1'],
  ])('of a bake time is recorded from a real server %s tracing', async (_, kind, endpoint) => {
    const tracing = startTracing('recorder', endpoint);
    const carrier = await Receiver.open();
    const document = parcelDomain(carrier.url, [bookCarrier], [{ name: 'kept', bake: 'PT4S', every: 'PT1S', probe: isBooked }]);
    const shop = await LampShop.open({ plugins: tracing.plugins, document: document as unknown as JsonValue });
    await shop.startWorker({ plugins: tracing.plugins });
    await shop.outcome(await shop.proposed('receive', { code: 'P1', weight: 7 }));
    const id = await shop.started('handOver', { parcel: 'P1', depot: 'north' });
    expect(await shop.outcome(id)).toBe('executed');
    write(`${kind}-effects-baked`, await shop.handle(id).fetchHistory());
    await shop.close();
    await carrier.close();
    await tracing.stop();
  });

  it('of a scheduled run is recorded from a real server', async () => {
    const shop = await LampShop.open();
    await shop.startWorker();
    await shop.installed('hall');
    const wish = {
      actionType: 'dim',
      parameters: { lamp: 'hall', level: 7 },
      justification: 'x',
      timing: { every: 'PT2S' },
      skipWhileOpen: true,
    };
    const schedule = await shop.inApi((tx) => createSchedule(tx, { ...wish, owner: operator }, shop.deps));
    if ('refused' in schedule) throw new Error(schedule.refused);
    await keepSchedules(relayOf(shop), false);
    const runs = async () => (await shop.inApi((tx) => readSchedule(tx, schedule.id)))?.runs ?? [];
    await expect.poll(async () => (await runs()).length).toBeGreaterThan(1);
    await shop.inApi((tx) => changeSchedule(tx, { id: schedule.id, change: 'delete', reason: 'x', by: operator }, shop.deps));
    await keepSchedules(relayOf(shop), false);
    const prefix = `scheduled-run/${shop.tenant}`;
    const names = ['plain-scheduled-run-refused', 'plain-scheduled-run'];
    for await (const { workflowId } of shop.client.workflow.list({
      query: `WorkflowType = 'scheduledRun' AND WorkflowId STARTS_WITH '${prefix}'`,
    })) {
      const handle = shop.client.workflow.getHandle(workflowId);
      const { kind } = (await handle.result()) as { kind: string };
      const name = names[kind === 'proposed' ? 1 : 0];
      if (name !== undefined && kind !== 'over') write(name, await handle.fetchHistory());
    }
    await shop.close();
  });

  it('of uploads are recorded from a real server', async () => {
    const shop = await LampShop.open();
    await shop.startWorker({ around: definitionActivities(shop) });
    await shop.installed(...Array.from({ length: 4_500 }, (_, i) => `lamp-${i}`));
    const ended = async (name: string, workflowId: string) => {
      const handle = shop.client.workflow.getHandle(workflowId);
      await handle.result();
      write(name, await handle.fetchHistory());
    };
    const migrationId = (await upload(shop, migratedLamps)) ?? '';
    await startMigrations(relayOf(shop));
    await ended('plain-ontology-migration', ontologyMigrationWorkflowId({ tenantId: shop.tenant, migrationId }));
    await upload(shop, indexedLamps);
    await startIndexBuilds(relayOf(shop));
    await ended('plain-index-build', indexBuildWorkflowId({ tenantId: shop.tenant, objectType: 'lamp' }));
    await shop.close();
  });
});

function write(name: string, history: Parameters<typeof writeHistory>[0]): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${name}.history.json`), writeHistory(history));
}
