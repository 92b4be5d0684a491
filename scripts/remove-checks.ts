/**
 * Removes each check of the gate, of the store and of the door, one at a time, and runs the tests that meet it. Prints which test misses it, and ends with 1 where none does.
 * First every test file runs once with all checks marked, so that it is known which of them meet which: what no test meets, none can miss. Works on copies of the sources and
 * on database servers of its own. What was seen is remembered, so that a run that was ended goes on, and only what changed since is tried again.
 *
 * Usage: npm run remove-checks -- [--only <text> ...] [--tests <text> ...] [--minutes <n>] [--lanes <n>] [--met] [--list] [--afresh]
 * --tests: goes by these test files alone, to see soon what they miss. --met: says which checks no test meets, and removes nothing. --list: names the checks, and runs nothing but the migrations.
 */
import { parseArgs } from 'node:util';
import { doorChecks } from './remove-checks/door-checks.ts';
import { type Meeting, type Memory, read, write } from './remove-checks/memory.ts';
import { meetings, testFiles } from './remove-checks/met-checks.ts';
import { type Candidate, filesLeft, Queue, type Trial } from './remove-checks/queue.ts';
import { redundantChecks } from './remove-checks/redundant-checks.ts';
import { keyOf, nameOf, without } from './remove-checks/removal.ts';
import { sourceChecks } from './remove-checks/source-checks.ts';
import { prepare, runCopies } from './remove-checks/test-copies.ts';
import type { Notice } from './remove-checks/tests-that-notice.ts';
import { Workshop } from './remove-checks/workshop.ts';

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

const memory: Memory = wishes.afresh ? { meetings: {}, noticed: {}, passed: {}, seconds: 0 } : read();
const endAtMs = Date.now() + Number(wishes.minutes) * 60_000;
const opened: Workshop[] = [];
/** Files that pass in a run of trials with all checks in place: what they find without one says something. */
const sound = new Set<string>();
try {
  process.exitCode = await removeAll();
} finally {
  await Promise.all(opened.map((one) => one.close()));
}

async function removeAll(): Promise<number> {
  const workshops = [await open()];
  const [first] = workshops as [Workshop];
  const all = [...sourceChecks(process.cwd()), ...(await first.inDatabase(first.template, doorChecks))];
  const candidates = all
    .flatMap((checked) => checked.removals.map((removal): Candidate => ({ key: keyOf(removal, checked.text), removal, checked })))
    .filter(({ removal }) => wishes.only.some((text) => nameOf(removal).includes(text)));
  if (wishes.list) {
    for (const { removal } of candidates) console.log(nameOf(removal));
    console.log(`${candidates.length} checks`);
    return 0;
  }
  await refuseNonsense(candidates, first);
  const digests = testFiles(first.root, all, (path) => wishes.tests.some((text) => path.includes(text)));
  while (workshops.length < Number(wishes.lanes)) workshops.push(await open());
  for (const one of workshops) prepare(one, all);
  const known = await meetings(digests, all, workshops, memory);
  if (!wishes.met) await tryAll(candidates, known, workshops);
  return sum(candidates, known);
}

async function open(): Promise<Workshop> {
  const workshop = await Workshop.open(opened.length);
  opened.push(workshop);
  return workshop;
}

/** A function that PostgreSQL does not take would fail every test, and none of them would have missed the check. */
async function refuseNonsense(candidates: readonly Candidate[], workshop: Workshop): Promise<void> {
  await workshop.inDatabase(workshop.template, async (client) => {
    for (const { removal, checked } of candidates) {
      if (checked.lane !== 'door') continue;
      await client.query('BEGIN');
      await client.query(without(removal, checked.text)).catch((cause: unknown) => {
        throw new Error(`the function does not stand without ${nameOf(removal)}`, { cause });
      });
      await client.query('ROLLBACK');
    }
  });
}

/** Each lane has a workshop of its own, and takes the next trials as soon as it is through with some. */
async function tryAll(
  candidates: readonly Candidate[],
  known: ReadonlyMap<string, Meeting>,
  workshops: readonly Workshop[],
): Promise<void> {
  const waiting = candidates.filter(
    (one) => memory.noticed[one.key] === undefined && redundancyOf(one) === undefined && filesLeft(one.key, known, memory).length > 0,
  );
  console.log(`removing ${waiting.length} checks, of ${candidates.length}`);
  const queue = new Queue(waiting, known, memory);
  const work = async (workshop: Workshop) => {
    for (let trials = queue.take(); trials.length > 0 && Date.now() < endAtMs; trials = queue.take()) {
      const from = performance.now();
      await tryOut(trials, workshop, known);
      for (const { without: one } of trials) if (memory.noticed[one.key] === undefined) queue.giveBack(one);
      memory.seconds += (performance.now() - from) / 1_000;
      write(memory);
    }
  };
  await Promise.all(workshops.map(work));
}

/** Beside them each file runs with all checks in place, once; and one of them after every run, last, so that nothing that the others left is taken for a notice. */
async function tryOut(trials: readonly Trial[], workshop: Workshop, known: ReadonlyMap<string, Meeting>): Promise<void> {
  const paths = [...new Set(trials.map(({ path }) => path))].sort((a, b) => (known.get(a)?.seconds ?? 0) - (known.get(b)?.seconds ?? 0));
  const unproved = paths.filter((path) => !sound.has(path));
  const proofs = (unproved.length > 0 ? unproved : paths.slice(0, 1)).map((path) => ({ path }));
  const outcomes = await runCopies(workshop, [...trials, ...proofs]);
  await workshop.dropTestDatabases();
  const isProved = proofs.every((_, number) => outcomes[trials.length + number] === null);
  if (isProved) for (const { path } of proofs) sound.add(path);
  for (const [number, trial] of trials.entries()) {
    const outcome = outcomes[number];
    const isClear = isProved && (outcome === null || outcome?.timedOut === false);
    settle(trial, isClear ? outcome : await alone(trial, workshop), known);
  }
}

/** Undefined where it says nothing: it takes too long also by itself, or does not pass with all checks in place. */
async function alone(trial: Trial, workshop: Workshop): Promise<Notice | null | undefined> {
  const [proof, outcome] = await runCopies(workshop, [{ path: trial.path }, trial]);
  await workshop.dropTestDatabases();
  if (proof !== null)
    console.log(`${trial.path} fails with all checks in place: ${proof?.test ?? 'it did not come to its end'}: ${proof?.found}`);
  return proof !== null || outcome?.timedOut ? undefined : outcome;
}

function settle({ path, without: one }: Trial, outcome: Notice | null | undefined, known: ReadonlyMap<string, Meeting>): void {
  if (outcome) memory.noticed[one.key] = outcome;
  else memory.passed[one.key] = { ...memory.passed[one.key], [path]: known.get(path)?.digest ?? '' };
  const words = outcome ? wordsOf(outcome) : `${outcome === null ? 'passes' : 'says nothing'}: ${path}`;
  console.log(`${nameOf(one.removal)}\n    ${words}; ${filesLeft(one.key, known, memory).length} files left`);
}

/** The list, and whether it is as it should be. */
function sum(candidates: readonly Candidate[], known: ReadonlyMap<string, Meeting>): number {
  const counts = { noticed: 0, redundant: 0, survived: 0, unmet: 0, left: 0 };
  console.log('\nwhat came of each');
  for (const one of candidates) {
    const [outcome, words] = outcomeOf(one, known);
    counts[outcome]++;
    console.log(`${nameOf(one.removal)}\n    ${words}`);
  }
  console.log(
    `${candidates.length} checks: ${counts.noticed} missed by a test when gone, ${counts.redundant} redundant, ${counts.survived} SURVIVED, ${counts.unmet} met by no test, ${counts.left} not tried to the end; ${(memory.seconds / 60).toFixed(0)} minutes of removing`,
  );
  return counts.survived + counts.unmet + counts.left === 0 ? 0 : 1;
}

function outcomeOf(
  candidate: Candidate,
  known: ReadonlyMap<string, Meeting>,
): ['noticed' | 'redundant' | 'survived' | 'unmet' | 'left', string] {
  const { key } = candidate;
  const notice = memory.noticed[key];
  if (notice !== undefined) return ['noticed', wordsOf(notice)];
  const redundant = redundancyOf(candidate);
  if (redundant !== undefined) return ['redundant', `redundant: ${redundant.because}`];
  const meeting = [...known].flatMap(([path, { met }]) => (met.includes(key) ? [path] : []));
  if (meeting.length === 0) return ['unmet', 'SURVIVED: no test meets it'];
  const left = filesLeft(key, known, memory).length;
  return left > 0
    ? ['left', `not tried with ${left} of the ${meeting.length} files that meet it`]
    : ['survived', `SURVIVED: ${meeting.join(', ')} meet it, and pass without it`];
}

function redundancyOf({ removal, checked }: Candidate) {
  const after = checked.text.slice(removal.to).trimStart();
  return redundantChecks.find(({ name, followedBy = '' }) => nameOf(removal).startsWith(name) && after.startsWith(followedBy));
}

function wordsOf({ file, test, found }: Notice): string {
  return `${file}: ${test}: ${found}`;
}
