import type { StepDeps } from '../../activities/effects/perform-step.ts';
import { performStep } from '../../activities/effects/perform-step.ts';
import { canonicalText } from '../../ontology/canonical-json.ts';
import type { OntologyDocument } from '../../ontology/definition.ts';
import type { CheckDefinition, EffectDefinition } from '../../ontology/effect-definition.ts';
import type { JsonObject, JsonValue } from '../../ontology/json.ts';
import type { Answer } from '../../ontology/judge-answer.ts';
import type { EffectFunction } from '../../ontology/ontology-function.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import type { StepEnd } from '../../store/saga/announce-step.ts';
import type { Settled } from '../../store/settle.ts';
import { caller, type Fixture, openFixture } from '../store/fixture.ts';
import { parcelDomain } from './parcel-domain.ts';
import { Receiver } from './receiver.ts';

export const clerk = caller('clerk-1');

/** A tenant with one parcel `P1` of weight 7, and its carrier. */
export interface Depot {
  fixture: Fixture;
  carrier: Receiver;
  /** What is counted of steps. */
  ends: readonly StepEnd[];
  /** How long Temporal is told to wait before each further attempt. */
  pauses: readonly number[];
  handOver(parameters?: JsonObject): Promise<string>;
  /** Does one step after another until nothing is to be done any more, as the workflow does. `each` sees every state. */
  drive(proposalId: string, each?: (settled: Settled) => Promise<void> | void): Promise<Settled>;
  step(proposalId: string, settled: Settled): Promise<Settled>;
  parcel(): Promise<JsonObject>;
  close(): Promise<void>;
}

export async function openDepot(
  effects: EffectDefinition[],
  checks?: CheckDefinition[],
  functions: EffectFunction[] = [],
  domain: (url: string) => OntologyDocument = (url) => parcelDomain(url, effects, checks),
): Promise<Depot> {
  const carrier = await Receiver.open();
  const fixture = await openFixture(domain(carrier.url) as unknown as JsonValue, functions);
  const ends: StepEnd[] = [];
  const pauses: number[] = [];
  const deps: StepDeps = {
    pool: fixture.worker,
    store: fixture.deps,
    sendWebhook: (_tenant, request, key) => plainly(request, key),
    effectFunctions: functions,
    onEnd: (end) => void ends.push(end),
  };
  await fixture.done('receive', { code: 'P1', weight: 7 });
  const { worker, tenant } = fixture;
  const depot: Depot = {
    fixture,
    carrier,
    ends,
    pauses,
    handOver: async (parameters = { parcel: 'P1', depot: 'north' }) => (await fixture.planned('handOver', parameters, clerk)).proposalId,
    async step(proposalId, { next }) {
      if (next === undefined) return found(await executeProposal(worker, tenant, proposalId, fixture.deps));
      const start = { tenantId: tenant, proposalId, actionType: 'handOver', step: next };
      for (;;) {
        try {
          return found(await performStep(deps, start, new AbortController().signal));
        } catch (error) {
          const { type, nextRetryDelay } = error as { type?: string; nextRetryDelay?: number };
          if (type !== 'EffectNotDone') throw error;
          pauses.push(nextRetryDelay ?? 0);
          await fixture.database.advanceClock(nextRetryDelay ?? 0);
        }
      }
    },
    async drive(proposalId, each = () => undefined) {
      let settled = found(await executeProposal(worker, tenant, proposalId, fixture.deps));
      for (;;) {
        await each(settled);
        if (!['approved', 'executing', 'compensating'].includes(settled.status)) return settled;
        if (settled.waitMs !== null) await fixture.database.advanceClock(settled.waitMs);
        settled = await depot.step(proposalId, settled);
      }
    },
    async parcel() {
      const [row] = await fixture.inWorker((tx) =>
        tx.rows<{ properties: JsonObject }>(`SELECT o.properties FROM exequatur.object o WHERE o.type = 'parcel' AND o.id = 'P1'`),
      );
      return row?.properties ?? {};
    },
    async close() {
      await fixture.close();
      await carrier.close();
    },
  };
  return depot;
}

function found(settled: Settled | null): Settled {
  if (settled === null) throw new Error('no such proposal');
  return settled;
}

/** Without the guard and the signatures, which have tests of their own. */
async function plainly(request: { method: string; url: string; body?: JsonValue; timeoutMs: number }, key: string): Promise<Answer> {
  try {
    const response = await fetch(request.url, {
      method: request.method,
      headers: { 'idempotency-key': key, 'content-type': 'application/json' },
      ...(request.body === undefined ? {} : { body: canonicalText(request.body) }),
      signal: AbortSignal.timeout(request.timeoutMs),
    });
    const text = await response.text();
    const retryAfter = response.headers.get('retry-after');
    return {
      kind: 'answered',
      status: response.status,
      body: text === '' ? undefined : (JSON.parse(text) as JsonValue),
      ...(retryAfter === null ? {} : { retryAfterMs: Number(retryAfter) * 1_000 }),
    };
  } catch (error) {
    return { kind: 'lost', code: 'reset', reason: (error as Error).name };
  }
}
