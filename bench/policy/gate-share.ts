import { resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { cedar } from '../../policy/cedar.ts';
import { decide } from '../../policy/decide.ts';
import { OntologyCache } from '../../store/load-ontology.ts';
import { PolicySets } from '../../store/policy-sets.ts';
import { putPolicies } from '../../store/put-policies.ts';
import { isRefusal } from '../../store/refusal.ts';
import { withTenantPrisma } from '../../store/sql.ts';
import type { StoreDeps } from '../../store/store-deps.ts';
import { type BenchStack, benchStack } from '../plan/bench-stack.ts';
import { administrator } from '../plan/principals.ts';
import { approve, propose } from '../plan/propose.ts';
import { printTable } from '../statistics.ts';
import { boundingPolicies } from './bounding-policies.ts';

export interface GateShare {
  /** 0 for the built-in ones. */
  policies: number;
  lifecycleMs: number;
  decisionsMs: number;
  decisions: number;
}

/** What the gate and the policies take of proposing, simulating, reviewing and executing: the time within decisions, without the reading of what they go by. */
class Stopwatch {
  ms = 0;
  decisions = 0;

  readonly time = <A extends unknown[], R>(work: (...args: A) => R): ((...args: A) => R) => {
    return (...args) => {
      const from = performance.now();
      const answer = work(...args);
      this.ms += performance.now() - from;
      this.decisions++;
      return answer;
    };
  };
}

/**
 * The store's own path of one proposal after another, as API and worker walk it, without HTTP and Temporal: of a whole lifecycle the gate's share is smaller still. With the
 * built-in policies first, then with sets of each size in force.
 */
export async function measureGateShare(sizes: readonly number[], lifecycles: number): Promise<GateShare[]> {
  const watch = new Stopwatch();
  const engine = { decide: watch.time(cedar.engine.decide.bind(cedar.engine)) };
  const deps: StoreDeps = { ontologies: new OntologyCache([]), policies: new PolicySets({ ...cedar, engine }), decide: watch.time(decide) };
  const stack = await benchStack(resolve('.exequatur', 'bench', 'policy'), deps);
  try {
    await load(stack, lifecycles);
    const shares: GateShare[] = [];
    for (const policies of [0, ...sizes]) {
      if (policies > 0) await enforce(stack, policies);
      for (let at = 0; at < Math.ceil(lifecycles / 5); at++) await live(stack, at); // Warms caches and compilers.
      Object.assign(watch, { ms: 0, decisions: 0 });
      const times: number[] = [];
      for (let at = 0; at < lifecycles; at++) times.push(await live(stack, at));
      shares.push({
        policies,
        lifecycleMs: sum(times) / lifecycles,
        decisionsMs: watch.ms / lifecycles,
        decisions: watch.decisions / lifecycles,
      });
    }
    return shares;
  } finally {
    await stack.stop();
  }
}

export function printGateShare(shares: readonly GateShare[]): void {
  console.log(
    '\nof proposing, simulating, approving and executing one edit, in the store alone: time within decisions of gate and policies',
  );
  printTable([
    ['policies', 'lifecycle, mean ms', 'decisions', 'ms in them', 'share'],
    ...shares.map(({ policies, lifecycleMs, decisionsMs, decisions }) => [
      policies === 0 ? 'built-in' : `${policies}`,
      lifecycleMs.toFixed(1),
      decisions.toFixed(1),
      decisionsMs.toFixed(2),
      `${((decisionsMs / lifecycleMs) * 100).toFixed(1)} %`,
    ]),
  ]);
}

const sum = (times: readonly number[]) => times.reduce((all, one) => all + one, 0);
const groupOf = (at: number) => `group-${at}`;

/** One item in each group, so that no lifecycle touches what another does. */
async function load(stack: BenchStack, groups: number): Promise<void> {
  const items = Array.from({ length: groups }, (_, at) => ({ code: `item-${at}`, group: groupOf(at), value: 0, note: '' }));
  const proposalId = await propose(stack, 'load', { items });
  await approve(stack, proposalId);
  await stack.execute(proposalId);
}

async function live(stack: BenchStack, at: number): Promise<number> {
  const from = performance.now();
  const proposalId = await propose(stack, 'shiftPlain', { group: groupOf(at), amount: 1 });
  await approve(stack, proposalId);
  const { status } = await stack.execute(proposalId);
  if (status !== 'executed') throw new Error(`a proposal is ${status}`);
  return performance.now() - from;
}

/** Sets after the first may permit more, which takes a second person: so each is put in force from the built-in ones of a tenant that has just these. */
async function enforce(stack: BenchStack, count: number): Promise<void> {
  const policies = boundingPolicies(count, ['shiftPlain', 'shiftIndexed'], 'amount');
  await stack.superuser.query(
    'SET session_replication_role = replica; UPDATE exequatur.tenant_control SET policy_version = 0; RESET session_replication_role', // No entry tells of it.
  );
  const outcome = await withTenantPrisma(stack.api, stack.tenant, (tx) =>
    putPolicies(tx, { policies, cases: [] }, administrator, stack.deps),
  );
  if (isRefusal(outcome) || outcome.proposalId === null) throw new Error(`the policies were refused: ${JSON.stringify(outcome)}`);
  await stack.simulate(outcome.proposalId);
  const { status } = await stack.execute(outcome.proposalId);
  if (status !== 'executed') throw new Error(`the policies are ${status}`);
}
