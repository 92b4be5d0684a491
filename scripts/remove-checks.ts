/**
 * Removes each check of the gate, of the store and of the door, one at a time, and runs the tests that meet it. Prints which test misses it, and ends with 1 where none does.
 * First every test file runs once with all checks marked, so that it is known which of them meet which: what no test meets, none can miss. Works on copies of the sources and
 * on database servers of its own. What was seen is remembered, so that a run that was ended goes on, and only what changed since is tried again.
 *
 * Usage: npm run remove-checks -- [--only <text> ...] [--tests <text> ...] [--minutes <n>] [--lanes <n>] [--met] [--list] [--afresh]
 * --tests: goes by these test files alone, to see soon what they miss. --met: says which checks no test meets, and removes nothing. --list: names the checks, and runs nothing but the migrations.
 */
import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { doorChecks } from './remove-checks/door-checks.ts';
import { type Meeting, type Memory, read, write } from './remove-checks/memory.ts';
import { meetings } from './remove-checks/met-checks.ts';
import { redundantChecks } from './remove-checks/redundant-checks.ts';
import { type Checked, keyOf, nameOf, type Removal } from './remove-checks/removal.ts';
import { sourceChecks } from './remove-checks/source-checks.ts';
import { firstFailure, type Notice } from './remove-checks/tests-that-notice.ts';
import { Workshop } from './remove-checks/workshop.ts';
import { startTemporalDevServer } from './temporal/dev-server.ts';

const { values: wishes } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [''] },
    tests: { type: 'string', multiple: true, default: [''] },
    minutes: { type: 'string', default: '600' },
    lanes: { type: 'string', default: '2' },
    met: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    afresh: { type: 'boolean', default: false },
  },
});

interface Trial {
  key: string;
  removal: Removal;
  checked: Checked;
}

const memory: Memory = wishes.afresh ? { meetings: {}, noticed: {}, passed: {} } : read();
const lanes = Number(wishes.lanes);
const endAtMs = Date.now() + Number(wishes.minutes) * 60_000;
const servers: { stop(): Promise<void> }[] = [];
const workshops: Workshop[] = [];
try {
  process.exitCode = await removeAll();
} finally {
  await Promise.all([...workshops.map((one) => one.close()), ...servers.map((one) => one.stop())]);
  rmSync('.exequatur/remove-checks', { recursive: true, force: true });
}

async function removeAll(): Promise<number> {
  const first = await open();
  const all = [...sourceChecks(first.root), ...(await first.inTemplate(doorChecks))];
  const trials = all
    .flatMap((checked) => checked.removals.map((removal): Trial => ({ key: keyOf(removal, checked.text), removal, checked })))
    .filter(({ removal }) => wishes.only.some((text) => nameOf(removal).includes(text)));
  if (wishes.list) {
    for (const { removal } of trials) console.log(nameOf(removal));
    console.log(`${trials.length} checks`);
    return 0;
  }
  const temporal = process.env.TEMPORAL_ADDRESS ? undefined : await startTemporalDevServer();
  if (temporal !== undefined) {
    servers.push(temporal);
    process.env.TEMPORAL_ADDRESS = temporal.address; // One for all runs of tests; each is told.
  }
  const known = await meetings(all, first.root, memory, { lanes, isMeant: (path) => wishes.tests.some((text) => path.includes(text)) });
  if (!wishes.met) await tryAll(trials, known, first);
  return sum(trials, known);
}

async function open(): Promise<Workshop> {
  const workshop = await Workshop.open(workshops.length);
  workshops.push(workshop);
  return workshop;
}

/** Each lane has a workshop of its own, and takes the next check as soon as it is through with one. */
async function tryAll(trials: readonly Trial[], known: ReadonlyMap<string, Meeting>, first: Workshop): Promise<void> {
  const waiting = trials.filter(
    ({ key, removal }) => memory.noticed[key] === undefined && redundancyOf(removal) === undefined && left(key, known).length > 0,
  );
  console.log(`removing ${waiting.length} checks, of ${trials.length}`);
  const take = async (workshop: Workshop) => {
    for (let trial = waiting.shift(); trial !== undefined && Date.now() < endAtMs; trial = waiting.shift())
      await tryOne(trial, known, workshop);
  };
  const others = await Promise.all(Array.from({ length: lanes - 1 }, open));
  await Promise.all([first, ...others].map(take));
}

/** The files that meet it and have not passed without it yet, those first that are soon through. */
function left(key: string, known: ReadonlyMap<string, Meeting>): string[] {
  return [...known]
    .filter(([path, { met, digest }]) => met.includes(key) && memory.passed[key]?.[path] !== digest)
    .sort(([, a], [, b]) => a.seconds - b.seconds)
    .map(([path]) => path);
}

async function tryOne({ key, removal, checked }: Trial, known: ReadonlyMap<string, Meeting>, workshop: Workshop): Promise<void> {
  const files = left(key, known);
  const groups = [files.slice(0, 2), files.slice(2, 6), files.slice(6)].filter((group) => group.length > 0);
  await workshop.withoutCheck(removal, checked, async () => {
    for (const group of groups) {
      const failure = await noticeOf(workshop, group);
      if (failure !== null) {
        memory.noticed[key] = failure;
        break;
      }
      const passed = group.map((path) => [path, known.get(path)?.digest ?? '']);
      memory.passed[key] = { ...memory.passed[key], ...Object.fromEntries(passed) };
    }
  });
  write(memory);
  const notice = memory.noticed[key];
  console.log(`${nameOf(removal)}\n    ${notice === undefined ? 'missed by none' : wordsOf(notice)}`);
}

/** A test that takes too long says nothing unless it fails otherwise when its file runs again alone. */
async function noticeOf(workshop: Workshop, files: readonly string[]): Promise<Notice | null> {
  const failure = await firstFailure(workshop.root, files, workshop.url);
  if (!failure?.timedOut) return failure;
  const again = await firstFailure(workshop.root, [failure.file], workshop.url);
  if (again !== null && !again.timedOut) return again;
  const others = files.filter((path) => path !== failure.file);
  return others.length === 0 ? null : noticeOf(workshop, others);
}

/** The list, and whether it is as it should be. */
function sum(trials: readonly Trial[], known: ReadonlyMap<string, Meeting>): number {
  const counts = { noticed: 0, redundant: 0, survived: 0, unmet: 0, left: 0 };
  console.log('\nwhat came of each');
  for (const { key, removal } of trials) {
    const [outcome, words] = outcomeOf(key, removal, known);
    counts[outcome]++;
    console.log(`${nameOf(removal)}\n    ${words}`);
  }
  console.log(
    `${trials.length} checks: ${counts.noticed} missed by a test when gone, ${counts.redundant} redundant, ${counts.survived} SURVIVED, ${counts.unmet} met by no test, ${counts.left} not tried`,
  );
  return counts.survived + counts.unmet + counts.left === 0 ? 0 : 1;
}

function outcomeOf(
  key: string,
  removal: Removal,
  known: ReadonlyMap<string, Meeting>,
): ['noticed' | 'redundant' | 'survived' | 'unmet' | 'left', string] {
  const notice = memory.noticed[key];
  if (notice !== undefined) return ['noticed', wordsOf(notice)];
  const redundant = redundancyOf(removal);
  if (redundant !== undefined) return ['redundant', `redundant: ${redundant.because}`];
  const meeting = [...known].flatMap(([path, { met }]) => (met.includes(key) ? [path] : []));
  if (meeting.length === 0) return ['unmet', 'SURVIVED: no test meets it'];
  return left(key, known).length > 0
    ? ['left', `not tried; met by ${meeting.length} files`]
    : ['survived', `SURVIVED: ${meeting.join(', ')} meet it, and pass without it`];
}

function redundancyOf(removal: Removal) {
  return redundantChecks.find((one) => nameOf(removal).startsWith(one.name));
}

function wordsOf({ file, test }: Notice): string {
  return `${file}: ${test}`;
}
