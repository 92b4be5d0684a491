import type { PolicyRequest, PolicySet } from '../ontology/policy-engine.ts';
import { CedarEngine } from '../policy/cedar-engine.ts';
import { checkPolicies } from '../policy/check-policies.ts';
import { readOptions } from './options.ts';
import { boundingPolicies } from './policy/bounding-policies.ts';
import { measureGateShare, printGateShare } from './policy/gate-share.ts';
import { measureWaiting, type Waiting } from './policy/waiting-proposals.ts';
import { printTable, quantile, spread } from './statistics.ts';

const actionTypes = Array.from({ length: 50 }, (_, at) => `action${at}`);
const vocabulary = { actionTypes, objectTypes: ['thing'], sensitive: [], amounts: ['minutes'], attributes: {}, values: {}, endpoints: [] };

interface Measured {
  policies: number;
  perSecond: number[];
  p99Ms: number[];
  denied: number;
}

/**
 * `npm run bench -- policy [--policies 10,100,1000] [--principals 10000] [--seconds 3] [--rounds 5] [--lifecycles 200] [--proposals 10000] [--frozen-s 1200] [--server production|dev]`: what one decision
 * of the engine costs in one process, with sets of each size, in turns, asked about the execution of a plan by one principal after the other; what decisions take of a lifecycle;
 * and what so many proposals cost that wait for the end of a freeze window, which is as long as it must be and at most `frozen-s`, and how long they take then.
 * Says of each part how long it took.
 */
export async function benchPolicy(args: readonly string[]): Promise<void> {
  const options = readOptions(args, {
    ...{ policies: '10,100,1000', principals: 10_000, seconds: 3, rounds: 5 },
    ...{ lifecycles: 200, proposals: 10_000, 'frozen-s': 1_200, server: 'production' },
  });
  const sizes = options.policies.split(',').map(Number);
  const laps = new Laps();
  const engine = new CedarEngine();
  const sets = sizes.map(policiesOf);
  const requests = Array.from({ length: options.principals }, (_, at) => requestOf(at));
  const measured = sets.map(({ policies }): Measured => ({ policies: Object.keys(policies).length, perSecond: [], p99Ms: [], denied: 0 }));
  for (const set of sets) measure(engine, set, requests, 0.5); // The first decisions parse the set and compile the engine.
  for (let round = 0; round < options.rounds; round++) {
    for (const [at, set] of sets.entries()) {
      const one = measured[at];
      const taken = measure(engine, set, requests, options.seconds);
      one?.perSecond.push(taken.perSecond);
      one?.p99Ms.push(taken.p99Ms);
      if (one !== undefined) one.denied = taken.denied;
    }
  }
  console.log(
    `decisions on executions, ${options.principals} principals, one process, ${options.rounds} rounds of ${options.seconds} s: median (least–greatest)`,
  );
  printTable([
    ['policies', 'decisions/s', 'p99 ms', 'denied'],
    ...measured.map(({ policies, perSecond, p99Ms, denied }) => [
      `${policies}`,
      spread(perSecond, 0),
      spread(p99Ms, 3),
      `${(denied * 100).toFixed(0)} %`,
    ]),
  ]);
  laps.tell('decisions');
  const gateShare = await measureGateShare(sizes, options.lifecycles);
  printGateShare(gateShare);
  laps.tell('lifecycles');
  const waiting = await measureWaiting(options.proposals, options['frozen-s'], options.server === 'dev' ? 'dev' : 'production');
  printWaiting(waiting);
  laps.tell('waiting proposals');
  console.log(JSON.stringify({ bench: 'policy', principals: options.principals, measured, gateShare, waiting, seconds: laps.seconds }));
}

/** How long each part of the benchmark itself takes. */
class Laps {
  readonly seconds: Record<string, number> = {};
  private from = performance.now();

  tell(part: string): void {
    const now = performance.now();
    this.seconds[part] = Math.round((now - this.from) / 1_000);
    console.log(`(${part}: ${this.seconds[part]} s)`);
    this.from = now;
  }
}

function printWaiting({ proposals, proposingS, idleS, windows, memory, releaseS }: Waiting): void {
  console.log(
    `\n${proposals} proposals, held by a freeze window, proposed in ${proposingS.toFixed(0)} s (${(proposals / proposingS).toFixed(0)} a second; ${windows} ${windows === 1 ? 'window' : 'windows'}, which lasted ${idleS.toFixed(0)} s more); all executed ${releaseS.toFixed(1)} s after it ended (${(proposals / releaseS).toFixed(0)} a second)`,
  );
  printTable([
    ['resident MiB', 'before', 'with all waiting'],
    ...memory.map(({ part, before, waiting }) => [part, `${before}`, `${waiting}`]),
  ]);
}

function measure(engine: CedarEngine, set: PolicySet, requests: readonly PolicyRequest[], seconds: number) {
  const times: number[] = [];
  let denied = 0;
  const start = performance.now();
  for (let at = 0; performance.now() - start < seconds * 1_000; at++) {
    const request = requests[at % requests.length];
    if (request === undefined) break;
    const before = performance.now();
    const { decision, errors } = engine.decide(set, request);
    times.push(performance.now() - before);
    if (errors.length > 0) throw new Error(errors[0]);
    if (decision === 'deny') denied++;
  }
  return { perSecond: (times.length * 1_000) / (performance.now() - start), p99Ms: quantile(times, 0.99), denied: denied / times.length };
}

function policiesOf(count: number): PolicySet {
  const policies = boundingPolicies(count, actionTypes, 'minutes');
  const [fault] = checkPolicies(policies, vocabulary);
  if (fault !== undefined) throw new Error(fault.message);
  return { key: `bench/${count}`, policies };
}

function requestOf(at: number): PolicyRequest {
  const proposer = { id: `principal-${at}`, kind: 'user' as const };
  return {
    principal: { ...proposer, roles: [`role${at % 200}`, `role${(at * 13) % 200}`], teams: [`team${at % 40}`], actsFor: null },
    action: 'execute',
    resource: actionTypes[at % actionTypes.length] ?? '',
    context: {
      now: '2026-01-01T00:00:00.000Z',
      plan: {
        riskTier: 'low',
        edits: { create: 0, modify: at % 500, delete: 0, link: 0, unlink: 0 },
        objectTypes: ['thing'],
        sensitive: [],
        amounts: { minutes: at % 90 },
      },
      proposer,
      approvals: 1,
    },
  };
}
