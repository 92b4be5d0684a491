import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { JsonValue } from '../../ontology/json.ts';
import { createRevert } from '../../store/create-revert.ts';
import { listEndpoints, putEndpointSecret, retireEndpointSecret } from '../../store/endpoint-secrets.ts';
import { SecretBox } from '../../store/secret-box.ts';
import { admin, expectDone, shareDatabase, simulated } from '../store/fixture.ts';
import { uploaded } from '../store/govern.ts';
import { clerk, type Depot, openDepot } from './parcel-depot.ts';
import { bookCarrier, parcelDomain, tellDepot } from './parcel-domain.ts';

const effects = [bookCarrier, tellDepot];
shareDatabase();
let depot: Depot;
afterEach(() => depot?.close());

/** The carrier has moved to another path, where whoever is asked is somebody else. */
const moveCarrier = async () =>
  expectDone(await uploaded(depot.fixture, parcelDomain(`${depot.carrier.url}/v9`, effects) as unknown as JsonValue));
const received = () => depot.carrier.received.map(({ method, path }) => `${method} ${path}`);

describe('what was planned to go to an address that the document no longer has', () => {
  it('is no part of a revert: it is refused as a conflict', async () => {
    depot = await openDepot(effects);
    const { proposalId } = await depot.drive(await depot.handOver());
    await moveCarrier();
    const request = { proposalId, justification: 'a mistake', proposer: clerk };
    const revert = expectDone(await depot.fixture.inApi((tx) => createRevert(tx, request, depot.fixture.deps)));
    expect(await simulated(depot.fixture, revert.proposalId)).toMatchObject({
      status: 'invalid',
      failure: { code: 'revert_conflict', faults: [{ message: expect.stringContaining('no endpoint leads') }] },
    });
    expect(received()).toHaveLength(2);
  });

  it('is not sent by an execution under way: a step is refused, an undo put before a person', async () => {
    depot = await openDepot(effects);
    const ended = await depot.drive(await depot.handOver(), async ({ next }) => {
      if (next?.kind === 'do' && next.name === 'tell') await moveCarrier();
    });
    expect(ended.status).toBe('needs_attention');
    expect(received()).toEqual(['POST /bookings']);
    const steps = (await depot.fixture.read(ended.proposalId)).effects?.steps;
    expect(steps).toMatchObject([
      { name: 'book', state: 'stuck', problem: { code: 'endpoint_gone' } },
      { name: 'tell', state: 'refused', problem: { code: 'endpoint_gone' } },
    ]);
  });
});

it('the secrets of an endpoint that the document no longer has are listed, and can be retired', async () => {
  depot = await openDepot([]);
  const { fixture } = depot;
  const box = new SecretBox([randomBytes(32).toString('base64')]);
  const wish = { endpoint: 'carrier', name: 'signing', by: admin };
  expectDone(await fixture.inApi((tx) => putEndpointSecret(tx, wish, box, fixture.deps)));
  const { endpoints: _gone, ...document } = parcelDomain('', []);
  expectDone(await uploaded(fixture, document as unknown as JsonValue));
  const list = () => fixture.inApi((tx) => listEndpoints(tx, fixture.deps));
  expect(await list()).toMatchObject([{ name: 'carrier', url: null, secrets: [{ name: 'signing' }] }]);
  expectDone(await fixture.inApi((tx) => retireEndpointSecret(tx, wish, fixture.deps)));
  expect(await list()).toEqual([]);
});
