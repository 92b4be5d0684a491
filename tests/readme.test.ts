import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadNetwork } from '../examples/flight-network/load-network.ts';
import { identify } from '../scripts/bootstrap/process-identity.mjs';
import { ensureOntology, tokenOf } from '../scripts/dev/load-network.ts';
import { writeReadyFile } from '../scripts/dev/ready-file.ts';
import { propose, review, untilExecuted } from '../scripts/rest/carry-proposal.ts';
import { expectGood, restClient } from '../scripts/rest/rest-client.ts';
import { type Stack, startStack } from '../scripts/stack/start-stack.ts';

const root = dirname(import.meta.dirname);
const startTimeoutMs = 120_000; // Database, Temporal and three processes from source, while other tests run.
const state = join(root, '.exequatur', 'test-runs', identify(process.pid) ?? String(process.pid), 'readme');

let stack: Stack | undefined;
let folder: string;

/** What `npm run dev` does, with the first flights of the year and their airports in place of the whole network. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'readme-'));
  stack = await startStack({
    directory: state,
    disposable: true,
    temporal: 'dev',
    tenants: [{ slug: 'meridian', name: 'Meridian Air' }],
    functions: join(root, 'examples', 'flight-network', 'functions.ts'),
  });
  await loadFirstFlights(stack);
  mkdirSync(join(folder, '.exequatur'));
  writeReadyFile(join(folder, '.exequatur'), stack);
}, startTimeoutMs);
afterAll(async () => {
  await stack?.stop();
  rmSync(dirname(state), { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

async function loadFirstFlights({ apiUrl, tenants: [tenant] }: Stack): Promise<void> {
  if (tenant === undefined) throw new Error('a stack has the tenants it was asked for');
  const admins = ['ontology-admin-1', 'ontology-admin-2'].map((id) => restClient(apiUrl, tokenOf(tenant, id)));
  const [proposer, approver] = admins;
  if (proposer === undefined || approver === undefined) throw new Error('there are two administrators');
  await ensureOntology(proposer);
  const batches = loadNetwork();
  const flights = batches.flatMap(({ parameters }) => parameters.flights ?? []).slice(0, 20);
  const named = new Set(flights.flatMap(({ origin, destination }) => [origin, destination]));
  const airports = batches.flatMap(({ parameters }) => parameters.airports ?? []).filter(({ iata }) => named.has(iata));
  const request = { actionType: 'importNetwork', parameters: { airports, flights }, justification: 'The first flights of the year.' };
  const proposal = await propose(proposer, request, 'first-flights');
  expectGood(await review(approver, proposal, 'approve', 'The published data set'), 'Approving the import');
  await untilExecuted(proposer, proposal.id);
}

/** The shell commands of one section, as somebody who reads from top to bottom would enter them. */
function commandsOf(heading: string): string {
  const section = readFileSync(join(root, 'README.md'), 'utf8')
    .split(/^## /m)
    .find((part) => part.startsWith(`${heading}\n`));
  const blocks = [...(section ?? '').matchAll(/^```sh\n(.*?)^```$/gms)].map((match) => match[1]);
  if (blocks.length === 0) throw new Error(`README.md has no commands under "${heading}"`);
  return blocks.join('\n');
}

/** Ends each answer with a line break, so that answers printed one after another can be told apart. */
const tellApart = 'curl() { command curl "$@" && echo; }\n';

describe('the commands of README.md', () => {
  it('propose a change, approve exactly its plan, and show it executed', async () => {
    const script = `${tellApart}${commandsOf('Propose and approve')}cat "$PROPOSAL"; rm "$PROPOSAL"`;
    // Bash takes a socket for its input, which Node gives it, for a login over the network, and reads the machine's bashrc, which may not bear -u.
    const options = ['--norc', '-eu', '-o', 'pipefail'];
    const { stdout, stderr } = await promisify(execFile)('bash', [...options, '-c', script], { cwd: folder, timeout: 60_000 });
    expect(stderr).toBe('');
    const [plan, reviewed, executed, history, proposal, ...more] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(more).toEqual([]);
    expect(readdirSync(folder)).toEqual(['.exequatur']);
    expect(proposal).toMatchObject({
      status: 'awaiting_approval',
      planDigest: expect.stringMatching(/^sha256:/),
      planSummary: { edits: { modify: 1 } },
    });
    expect(plan).toMatchObject({ edits: [{ op: 'modify', type: 'flight', id: '00017', set: { delayReason: 'crew late' } }] });
    expect(reviewed).toMatchObject({
      decision: 'approve',
      reviewer: { id: 'duty-manager-1' },
      digest: proposal.planDigest,
      proposal: { id: proposal.id, status: 'approved', missing: '' },
    });
    expect(executed).toMatchObject({ id: proposal.id, status: 'executed', execution: { edits: 1 } });
    expect(history).toMatchObject({
      history: [
        { op: 'modify', before: { delay: 23 }, set: { delay: 68, delayReason: 'crew late' }, proposalId: proposal.id },
        { op: 'create', actionType: 'importNetwork' },
      ],
    });
  }, 90_000);
});
