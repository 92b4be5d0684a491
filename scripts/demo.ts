/**
 * `npm run demo [-- --stay]`: the main job from beginning to end on a fresh database of its own, for reading. Exits with 0 only when everything happened as
 * told, the restored state included.
 */
import { randomUUID } from 'node:crypto';
import { join, resolve } from 'node:path';
import { elapsed, say } from './bootstrap/progress.mjs';
import { castOf } from './demo/cast.ts';
import { approveAndExecute, showRefusals } from './demo/decide-closure.ts';
import { explain } from './demo/explain.ts';
import { governDelays } from './demo/govern-delays.ts';
import { findSamples, showHistory, showObjects, showOtherTenant } from './demo/look-around.ts';
import { proposeChangeSet } from './demo/one-change-set.ts';
import { count, heading, text } from './demo/page.ts';
import { printSummary, proposeClosure } from './demo/propose-closure.ts';
import { proveIt } from './demo/prove-it.ts';
import { rerouteWithCarrier } from './demo/reroute-with-carrier.ts';
import { stateHash } from './demo/state-hash.ts';
import { formatLogLine } from './dev/format-log-line.ts';
import { loadAirports, loadNetwork } from './dev/load-network.ts';
import { until } from './rest/carry-proposal.ts';
import type { Proposal } from './rest/proposal.ts';
import { expectGood } from './rest/rest-client.ts';
import { type Stack, startStack } from './stack/start-stack.ts';

const commandStartedAt = Number(process.env.EXEQUATUR_STARTED_AT ?? Date.now());
const directory = resolve('.exequatur', 'demo');
const stay = process.argv.includes('--stay');
const tenants = [
  { slug: 'meridian', name: 'Meridian Air' },
  { slug: 'polaris', name: 'Polaris Airways' },
];

const stopping = new AbortController();
const stopRequested = new Promise<void>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      stopping.abort();
      resolve();
    });
  }
});

async function act(stack: Stack): Promise<void> {
  const cast = castOf(stack);
  const hashNow = () => stateHash(stack.postgresUrls.api, cast.tenant.id);

  heading('A real flight network is loaded, through plans like any other change');
  const other = stack.tenants[1];
  const [loaded, otherAirports] = await Promise.all([
    loadNetwork(stack.apiUrl, cast.tenant),
    other === undefined ? 0 : loadAirports(stack.apiUrl, other),
  ]);
  text(
    `${count(loaded.objects)} objects (US airports, routes and flights of 2001) in ${loaded.batches} approved batches: ${loaded.seconds.toFixed(1)} s`,
    `${tenants[1]?.name} has loaded the same definitions, and ${count(otherAirports)} of the same airports`,
  );
  const before = await hashNow();
  const samples = await findSamples(cast);

  const closure = await proposeClosure(cast);
  await showRefusals(cast, closure);

  heading('Two people approve it, one after the other, and it is executed');
  const executed = await approveAndExecute(
    [
      { who: 'duty-manager-1', client: cast.dutyManager, reason: 'Agreed with the tower.' },
      { who: 'safety-officer', client: cast.safetyOfficer, reason: 'No safe operation possible.' },
    ],
    closure.proposal,
  );
  text('');
  await explain(cast.dutyManager, executed);
  await showObjects(cast, samples, 'The objects as they are now');
  const flight = samples.at(-1);
  if (flight) await showHistory(cast, flight);
  const during = await hashNow();

  heading('The snow did not come: a dispatcher proposes to revert it');
  const revert = await proposeRevert(cast.dispatcher, executed);
  printSummary(revert);
  await approveAndExecute(
    [
      { who: 'duty-manager-2', client: cast.otherDutyManager, reason: 'Runways are clear.' },
      { who: 'safety-officer', client: cast.safetyOfficer, reason: 'Inspected and safe.' },
    ],
    revert,
  );
  await showObjects(cast, samples, 'The objects after the revert');

  heading('The proof: one hash over all objects, properties and links');
  const after = await hashNow();
  text(`before the closure  ${before}`, `while closed        ${during}`, `after the revert    ${after}`, '');
  if (before !== after || before === during) throw new Error('The restored state is not the state before.');
  text('Before and after are equal: restored to the byte.');

  await showOtherTenant(cast, samples, tenants[1]?.name ?? 'the other tenant');
  await proposeChangeSet(cast, hashNow);
  await rerouteWithCarrier(cast);
  await governDelays(cast);
  await proveIt(stack, cast, executed, join(directory, 'evidence'));
  showLinks(stack, executed);
}

async function proposeRevert(client: ReturnType<typeof castOf>['dispatcher'], executed: Proposal): Promise<Proposal> {
  const body = { justification: 'The blizzard passed south of the city.' };
  const answer = await client.post<Proposal>(`/v1/proposals/${executed.id}/revert`, body, { 'idempotency-key': randomUUID() });
  const proposal = expectGood(answer, 'Proposing the revert');
  return until(client, proposal.id, (status) => status !== 'simulating');
}

function showLinks(stack: Stack, executed: Proposal): void {
  heading('Where to look');
  text(
    `API page               ${stack.apiUrl}/docs`,
    `the closure's workflow ${executed.workflow.url ?? executed.workflow.id}`,
    stay
      ? 'Everything stays up until Ctrl-C.'
      : 'These end with the demo; `npm run demo -- --stay` keeps them up, `npm run dev` is the place to play.',
  );
}

let stack: Stack | undefined;
let exitCode = 0;
try {
  stack = await startStack({
    directory,
    fresh: true,
    disposable: true,
    signal: stopping.signal,
    tenants,
    preferredPorts: stay ? { api: 8080, temporalUi: 8233 } : { temporalUi: 0 },
    functions: resolve('examples', 'flight-network', 'functions.ts'),
    env: { EXEQUATUR_EFFECTS_ALLOWED_ADDRESSES: '127.0.0.1' }, // The carrier's side runs in this process.
    temporal: 'dev',
  });
  const setUpSeconds = (Date.now() - commandStartedAt) / 1000;
  const actStartedAt = Date.now();
  await Promise.race([act(stack), stack.broken.then((why) => Promise.reject(new Error(why))), stopRequested]);
  const actSeconds = (Date.now() - actStartedAt) / 1000;
  console.log(`\n   set-up ${setUpSeconds.toFixed(1)} s, demo ${actSeconds.toFixed(1)} s\n`);
  if (stay && !stopping.signal.aborted) await Promise.race([stopRequested, stack.broken]);
} catch (error) {
  console.error(`\nThe demo failed: ${error instanceof Error ? error.message : error}`);
  for (const { name, tail } of Object.values(stack?.processes ?? {})) {
    console.error(`\nlast words of ${name}:`);
    for (const line of tail().split('\n').slice(-8)) console.error(formatLogLine(name, line, false));
  }
  exitCode = 1;
}
const stopStartedAt = Date.now();
await stack?.stop();
say(`everything is stopped (${elapsed(stopStartedAt)}); the state is under ${join('.exequatur', 'demo')} until the next demo`);
process.exit(stopping.signal.aborted && exitCode === 0 ? 130 : exitCode);
