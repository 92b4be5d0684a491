import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import powerGrid from '../examples/power-grid/ontology.json' with { type: 'json' };
import { withTenant } from '../store/sql.ts';
import { stateHash } from '../store/state-hash.ts';
import { type Answer, ApiScene } from './api/api-scene.ts';
import { temporalAddress } from './support/temporal.ts';
import { startWorkerProcess, type WorkerProcess } from './support/worker-process.ts';

// A database of its own: tests/support/database.ts. The worker is the real one, in a process of its own.
const taskQueue = `power-grid-${randomUUID()}`;
let scene: ApiScene;
let worker: WorkerProcess;
type Person = ReturnType<ApiScene['as']>;
let dispatcher: Person;
let admin: Person;

beforeAll(async () => {
  const temporal = temporalAddress();
  scene = await ApiScene.open({ temporal, taskQueue, simulationPatienceMs: 60_000, suspiciousMs: 60_000 });
  worker = await startWorkerProcess({ databaseUrl: scene.database.urls.worker, temporal, taskQueue });
  await worker.ready();
  dispatcher = scene.as({ id: 'dispatcher-1' });
  admin = scene.as({ id: 'ontology-admin-1' });
  const uploaded = await admin.put('/v1/ontology', powerGrid);
  expect(uploaded.status, JSON.stringify(uploaded.body)).toBe(201);
  const location = { latitude: 47.4, longitude: 8.5 };
  const transformers = [{ serial: 'T-1', rating: '40.00', assetTag: 'tag 1' }];
  await done('commissionSubstation', {
    code: 'ZH01',
    location,
    voltage: '110',
    address: { street: 'Hohlstrasse 1', town: 'Zürich' },
    transformers,
    feeders: ['F1', 'F2'],
  });
  await done('commissionSubstation', {
    code: 'ZH02',
    location,
    voltage: '110.50',
    transformers: [
      { serial: 'T-2', rating: '25.5' },
      { serial: 'T-3', rating: '25.5' },
    ],
  });
});
afterAll(async () => {
  await worker?.stop();
  await scene?.close();
});

const hash = () => withTenant(scene.pool, scene.tenant, (tx) => stateHash(tx));
const properties = async (path: string): Promise<Answer['body']> => (await admin.get(`/v1/objects/${path}`)).body.properties;
const faults = (proposal: Answer['body']) => proposal.failure.errors.map(({ code }: { code: string }) => code);

async function proposed(actionType: string, parameters: object): Promise<Answer['body']> {
  const { status, body } = await dispatcher.propose(actionType, parameters as never);
  expect(status, JSON.stringify(body)).toBe(201);
  return body;
}

/** Approved by whoever the policy asks for, in the order it asks. */
async function carry(proposal: Answer['body']): Promise<Answer['body']> {
  if (proposal.status === 'awaiting_approval') {
    for (const stage of proposal.approval.stages) {
      const reviewer = { engineering: 'engineer-1', metering: 'metering-1', 'control room': 'controller-1', medical: 'medical-officer-1' }[
        stage.name as string
      ];
      expect(await scene.as({ id: reviewer ?? '' }).review(proposal)).toMatchObject({ status: 201 });
    }
  }
  return scene.until(proposal.id, 'executed', 'failed', 'invalid');
}

async function done(actionType: string, parameters: object): Promise<Answer['body']> {
  const executed = await carry(await proposed(actionType, parameters));
  expect(executed.status, JSON.stringify(executed.failure)).toBe('executed');
  return executed;
}

/** Executes, reverts, and finds everything as it was; then executes again. */
async function thereAndBack(actionType: string, parameters: object): Promise<Answer['body']> {
  const before = await hash();
  const { id } = await done(actionType, parameters);
  expect(await hash()).not.toBe(before);
  const { body } = await dispatcher.post(`/v1/proposals/${id}/revert`, { justification: 'undo' });
  expect((await carry(await scene.until(body.id, 'awaiting_approval', 'approved', 'executed'))).status).toBe('executed');
  expect(await hash()).toBe(before);
  return done(actionType, parameters);
}

describe('the power grid, a domain that is a document and nothing else', () => {
  it('keeps structs, places and exact decimals', async () => {
    expect(await properties('substation/ZH01')).toMatchObject({ voltage: '110', address: { street: 'Hohlstrasse 1', town: 'Zürich' } });
    expect(await properties('substation/ZH02')).toEqual({
      code: 'ZH02',
      voltage: '110.5',
      condition: 'good',
      location: { latitude: 47.4, longitude: 8.5 },
    });
    expect(await properties('transformer/T-1')).toMatchObject({ rating: '40', assetTag: 'tag 1', substation: 'ZH01' });
  });

  it('lets policy alone register and read meters, up to a ceiling', async () => {
    const readings = [{ meter: '00000001', kilowattHours: '9007199254740993' }];
    const first = await thereAndBack('recordReadings', { feeder: 'F1', readings });
    expect(first.reviews).toEqual([]);
    const second = await done('recordReadings', { feeder: 'F2', readings: [...readings, { meter: '00000002', kilowattHours: '7' }] });
    expect(second.planSummary.edits).toMatchObject({ create: 1, modify: 1 });
    expect(await properties('meter/00000001')).toMatchObject({ feeder: 'F1', kilowattHours: '9007199254740993' });
    expect(await properties('meter/00000002')).toMatchObject({ feeder: 'F2' });
    const many = Array.from({ length: 51 }, (_, at) => ({ meter: String(10_000_000 + at), kilowattHours: '0' }));
    expect(await proposed('recordReadings', { feeder: 'F1', readings: many })).toMatchObject({ status: 'awaiting_approval' });
  });

  it('shows a customer to nobody without the permission, and lets no policy alone write one', async () => {
    const proposal = await proposed('signContract', { meter: '00000002', customer: 'Rosa Frei' });
    expect(proposal).toMatchObject({ status: 'awaiting_approval', parameters: { customer: { $masked: true } } });
    expect((await carry(proposal)).status).toBe('executed');
    expect((await properties('meter/00000002')).customer).toEqual({ $masked: true });
    const service = await scene.as({ id: 'customer-service-1' }).get('/v1/objects/meter/00000002');
    expect(service.body.properties).toMatchObject({ customer: 'Rosa Frei', hasLifeSupport: false });
  });

  it('asks the medical officer only where lives hang on it', async () => {
    const planned = await proposed('switchOff', { feeder: 'F1', reason: 'tree on the line', affectsLifeSupport: false });
    expect(planned.approval.stages.map(({ name }: { name: string }) => name)).toEqual(['control room']);
    await thereAndBack('switchOff', { feeder: 'F1', reason: 'tree on the line', affectsLifeSupport: true, medicalContact: 'ward 3' });
    expect(await properties('feeder/F1')).toMatchObject({ energised: false, outageReason: 'tree on the line' });
    expect(faults(await proposed('switchOff', { feeder: 'F2', reason: 'works', affectsLifeSupport: true }))).toEqual(['constraint_failed']);
    expect(
      faults(await proposed('switchOff', { feeder: 'F1', reason: 'again', affectsLifeSupport: true, medicalContact: 'ward 3' })),
    ).toEqual(['constraint_failed']);
  });

  it('moves what a filter selects', async () => {
    expect(faults(await proposed('transferMeters', { meters: { filter: 'true' }, feeder: 'F1' }))).toEqual(['criteria_failed']);
    const moved = await thereAndBack('transferMeters', { meters: { filter: "feeder == 'F1'" }, feeder: 'F2' });
    expect(moved.planSummary.objectTypes).toEqual({ meter: 1 });
  });

  it('notes inspections of anything that is a grid asset', async () => {
    await thereAndBack('inspect', { asset: { type: 'transformer', id: 'T-2' }, condition: 'worn', on: '2026-01-31' });
    await done('inspect', { asset: { type: 'substation', id: 'ZH02' }, condition: 'faulty', on: '2026-02-01' });
    expect(await properties('transformer/T-2')).toMatchObject({ condition: 'worn', inspectedOn: '2026-01-31' });
    expect(await properties('substation/ZH02')).toMatchObject({ condition: 'faulty' });
  });

  it('retires a substation with its transformers, but not from under its feeders or a crew that has no other', async () => {
    expect(faults(await proposed('formCrew', { name: 'idle', substations: [] }))).toEqual(['required_link_missing']);
    await thereAndBack('formCrew', { name: 'north', certificates: ['live line'], substations: ['ZH01', 'ZH02'] });
    expect(faults(await proposed('retireSubstation', { substation: 'ZH01' }))).toContain('still_referenced');
    const retired = await thereAndBack('retireSubstation', { substation: 'ZH02' });
    expect(retired.planSummary.edits).toMatchObject({ delete: 3, unlink: 1 });
    const twin = [{ serial: 'T-9', rating: '1', assetTag: 'tag 1' }];
    const location = { latitude: 0, longitude: 0 };
    expect(faults(await proposed('commissionSubstation', { code: 'ZH03', location, voltage: '1', transformers: twin }))).toEqual([
      'not_unique',
    ]);
  });
});
