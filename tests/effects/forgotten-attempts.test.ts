// On the run's servers: tests/support/database.ts, tests/support/temporal.ts.
import { afterEach, describe, expect, it } from 'vitest';
import type { Caller } from '../../ontology/authority.ts';
import type { EffectDefinition } from '../../ontology/effect-definition.ts';
import type { JsonValue } from '../../ontology/json.ts';
import type { OperatorDecision } from '../../ontology/saga.ts';
import type { ProposalActivities } from '../../workflows/proposal-activities.contract.ts';
import { resolveAsAsked } from '../support/resolve-as-asked.ts';
import { LampShop } from '../workflows/lamp-shop.ts';
import { bookCarrier, parcelDomain, tellDepot } from './parcel-domain.ts';
import { Receiver } from './receiver.ts';

const operator: Caller = { id: 'operator-1', kind: 'user', roles: ['operator'], tokenIssuedAt: '2026-01-01T00:00:00.000Z' };

let shop: LampShop;
let carrier: Receiver;
let proposal: string;
let restore: () => Promise<void>;

/** Booked blindly: never sent again. */
const bookedOnce: EffectDefinition[] = [{ ...bookCarrier, lostAnswer: 'none' }, tellDepot];

/** A proposal that is committed, and of which Temporal has not heard; a backup of just that. */
async function saved(effects = bookedOnce): Promise<void> {
  carrier = await Receiver.open();
  shop = await LampShop.open({ document: parcelDomain(carrier.url, effects) as unknown as JsonValue });
  const stop = await shop.startWorker();
  expect(await shop.outcome(await shop.proposed('receive', { code: 'P1', weight: 7 }))).toBe('executed');
  await stop();
  proposal = await shop.propose('handOver', { parcel: 'P1', depot: 'north' });
  restore = await shop.database.save();
}
afterEach(async () => {
  await shop?.close();
  await carrier?.close();
});

const bookings = () => carrier.requests('POST', '/bookings').length;
const begin = () => shop.signal(proposal, 'handOver');
const untilAsked = () => expect.poll(() => shop.status(proposal).catch(() => undefined)).toBe('needs_attention');
const booked = () =>
  shop.query(`SELECT t.state, t.problem ->> 'code' AS code FROM exequatur.saga_step t WHERE t.proposal_id = $1 AND t.name = 'book'`, [
    proposal,
  ]);
async function decide(choice: OperatorDecision): Promise<void> {
  const resolution = { proposalId: proposal, choice, reason: 'the carrier says so', by: operator };
  await shop.write((tx) => resolveAsAsked(tx, resolution, shop.deps));
  await begin();
}

/** Carried to its end, and then begun anew from the backup. */
async function executedAndForgotten(): Promise<void> {
  const stop = await shop.startWorker();
  await begin();
  expect(await shop.outcome(proposal)).toBe('executed');
  await stop();
  await restore();
  expect(await shop.status(proposal)).toBe('simulating');
  await shop.startWorker();
  await begin(); // As the relay does, which finds that nobody carries it.
}

describe('an effect that is never to be sent again, of which a restored database knows nothing', () => {
  const unknown = [{ state: 'unknown', code: 'sent_before' }];

  it('is not sent again where its workflow has ended: a person is asked', async () => {
    await saved();
    await executedAndForgotten();
    await untilAsked();
    expect(await booked()).toEqual(unknown);
    expect(bookings()).toBe(1);
    await decide('skip');
    expect(await shop.outcome(proposal)).toBe('failed');
    expect(bookings()).toBe(1);
  });

  it('is not sent again by the workflow that was in the middle of it', async () => {
    await saved();
    let isRestored = false;
    carrier.behaviour = ({ path }) => {
      if (path !== '/bookings' || isRestored) return undefined;
      isRestored = true;
      return { meanwhile: restore };
    };
    await shop.startWorker();
    await begin();
    await untilAsked();
    expect(await booked()).toEqual(unknown);
    expect(bookings()).toBe(1);
  });
});

it('an effect that is probed, of which a restored database knows nothing, is probed before it is sent again', async () => {
  const { compensation: _, slots: __, ...book } = bookCarrier;
  const probe = {
    webhook: { endpoint: 'carrier', method: 'GET' as const, path: ["'bookings'", 'parcel.id'] },
    done: 'answer.status == 200',
  };
  await saved([{ ...book, lostAnswer: 'probe', probe }]);
  await executedAndForgotten();
  expect(await shop.outcome(proposal)).toBe('executed');
  expect(bookings()).toBe(1);
  expect(carrier.requests('GET', '/bookings/P1')).toHaveLength(1);
});

describe('it is sent all the same', () => {
  /** Of the first attempt something else becomes. */
  const otherwise = (first: (activities: ProposalActivities, start: Parameters<ProposalActivities['perform']>[0]) => Promise<never>) => {
    let isFirst = true;
    return (activities: ProposalActivities): ProposalActivities => ({
      ...activities,
      async perform(start) {
        if (!isFirst) return activities.perform(start);
        isFirst = false;
        return first(activities, start);
      },
    });
  };
  const expectOnce = async () => {
    await begin();
    expect(await shop.outcome(proposal)).toBe('executed');
    expect(bookings()).toBe(1);
  };

  it('where whoever was to send it died without a word, and the database still runs that gave it out', async () => {
    await saved();
    const around = otherwise(async () => {
      throw new Error('died');
    });
    await shop.startWorker({ around });
    await expectOnce();
  });

  it('where an earlier try found the database away and said so, whatever became of the database since', async () => {
    await saved();
    const around = otherwise(async (activities, start) => {
      const bringBack = await shop.database.save();
      await shop.database.shut();
      try {
        await activities.perform(start);
        throw new Error('a database that is away answered');
      } finally {
        await bringBack();
      }
    });
    await restore();
    await shop.startWorker({ around });
    await expectOnce();
  });
});
