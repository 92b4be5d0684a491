// An installation whose policies are Rego, decided by a real OPA beside it; on a clone from tests/support/database.ts.
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createScheduleActivities } from '../activities/create-schedule-activities.ts';
import type { Actor, PrincipalKind } from '../ontology/authority.ts';
import type { PolicyCase } from '../ontology/policy-cases.ts';
import { type PolicyAction, PolicyEngineAway } from '../ontology/policy-engine.ts';
import { decide } from '../policy/decide.ts';
import { opaPolicies } from '../policy/opa.ts';
import { regoDefaults } from '../policy/rego-defaults.ts';
import { findOpa } from '../scripts/opa/find-opa.ts';
import { freePort } from '../scripts/processes/free-port.ts';
import { executeProposal } from '../store/execute-proposal.ts';
import { listReviewers } from '../store/list-reviewers.ts';
import { activatePolicies, putPolicies } from '../store/put-policies.ts';
import { readDecisions } from '../store/read-decisions.ts';
import { runSchedule } from '../store/run-schedule.ts';
import { createSchedule } from '../store/schedules.ts';
import { settleProposal } from '../store/settle-proposal.ts';
import { openLogger } from '../telemetry/logger.ts';
import { failureTypes } from '../workflows/proposal-activities.contract.ts';
import { admin, agent, building, expectDone, type Fixture, keeper1, keeper2, openFixture, simulated } from './store/fixture.ts';
import { carriedOut } from './store/govern.ts';
import { startOpa } from './support/opa-server.ts';

let fixture: Fixture;
let program: string;
let port: number;
let stop: () => Promise<void>;

beforeAll(async () => {
  program = await findOpa();
  port = await freePort();
  stop = await startOpa(program, port);
  fixture = await openFixture(building, [], opaPolicies(`http://127.0.0.1:${port}`));
}, 600_000); // The first time it is built.
afterAll(async () => {
  await fixture?.close();
  await stop?.();
});

const everything = { all: 'permit := true' };
const two = 'forbid if {\n  input.action == "execute"\n  input.resource == "askFloor"\n  input.context.approvals < 2\n}';
const put = (policies: Record<string, string>, cases: PolicyCase[] = []) =>
  fixture.inApi((tx) => putPolicies(tx, { policies, cases }, admin, fixture.deps));
const inForce = async (policies: Record<string, string>, cases: PolicyCase[] = []) => {
  const { proposalId } = expectDone(await put(policies, cases));
  if (proposalId !== null) expect(await carriedOut(fixture, proposalId)).toMatchObject({ status: 'executed' });
};
const execute = (proposalId: string) => executeProposal(fixture.worker, fixture.tenant, proposalId, fixture.deps);

describe('the built-in policies in Rego', () => {
  const kinds: PrincipalKind[] = ['user', 'agent', 'service'];
  const roles = [[], ['auditor'], ['auditor', 'keeper'], ['keeper'], ['ontology-admin'], ['operator'], ['access-admin']];
  it.each(kinds.flatMap((kind) => roles.map((held) => ({ kind, held }))))(
    'let a $kind with $held do what the gate lets them do',
    async ({ kind, held }) => {
      const actor: Actor = { id: 'a', kind, roles: held, actsFor: null, disabled: false, person: 'a', teams: [] };
      const context = { now: '2026-01-01T00:00:00.000Z', revert: false };
      const ask = async (action: PolicyAction, resource: string) =>
        (await fixture.deps.policies.of.engine.decide(regoDefaults, { principal: actor, action, resource, context })).decision === 'allow';
      expect(await ask('see', '')).toBe(decide({ action: 'read', actor }).allowed);
      expect(await ask('propose', 'closeRoom')).toBe(decide({ action: 'proposal:create', actor, proposers: null }).allowed);
      expect(await ask('administer', 'ontology')).toBe(decide({ action: 'ontology:put', actor }).allowed);
      expect(await ask('administer', 'switches')).toBe(decide({ action: 'switch:put', actor, off: true }).allowed);
      const subject = { id: 'b', person: 'b' };
      expect(await ask('administer', 'principals')).toBe(decide({ action: 'principal:put', actor, subject }).allowed);
      expect(await ask('review', 'closeRoom')).toBe(kind === 'user' && held.length > 0);
      expect(await ask('override', 'closeRoom')).toBe(kind === 'user' && held.length > 0);
    },
  );
});

describe('an action under policies in Rego', () => {
  it('is proposed, reviewed and executed by them, and goes back where they are stricter', async () => {
    const first = await fixture.planned('askFloor', { name: 'R1' });
    expect(expectDone(await fixture.review(first, keeper1)).settled).toMatchObject({ status: 'approved' });
    await inForce({ ...everything, two }, [
      { name: 'one', principal: {}, action: 'execute', resource: 'askFloor', context: { approvals: 1 }, expect: 'deny' },
    ]);
    expect(await execute(first.proposalId)).toMatchObject({ status: 'awaiting_approval' });
    expect(expectDone(await fixture.review(first, keeper2)).settled).toMatchObject({ status: 'approved' });
    expect(await execute(first.proposalId)).toMatchObject({ status: 'executed' });
    const { decisions } = expectDone(await fixture.inApi((tx) => readDecisions(tx, first.proposalId, fixture.deps)));
    expect(decisions.find(({ outcome }) => outcome === 'refused')).toMatchObject({ action: 'execute', policies: ['two'] });
  });

  it('goes by what its plan touches', async () => {
    await fixture.done('addFloor', { name: 'R2', rooms: [{ code: 'R2-1', seats: 40 }] });
    const large = 'forbid if {\n  input.action == "review"\n  input.context.plan.touches.room.before.seats.most > 10\n}';
    await inForce({ ...everything, large });
    const plan = await fixture.planned('closeRoom', { room: 'R2-1' });
    expect(await fixture.review(plan, keeper1)).toMatchObject({ refused: 'policy_forbids', faults: [{ message: 'forbidden by large' }] });
    await inForce(everything);
  });

  it('is explained by what a comment says, and goes by an older version once two people brought it back', async () => {
    const { version } = expectDone(await put(everything));
    await inForce({ ...everything, two: `# @explain("Two people ask for a floor.")\n${two}` });
    const plan = await fixture.planned('askFloor', { name: 'R7' });
    expectDone(await fixture.review(plan, keeper1));
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'awaiting_approval' });
    const { decisions } = expectDone(await fixture.inApi((tx) => readDecisions(tx, plan.proposalId, fixture.deps)));
    expect(decisions.find(({ outcome }) => outcome === 'refused')?.explanation).toMatch(
      /may not execute, by two \(Two people ask for a floor\.\)\.$/,
    );
    const back = expectDone(await fixture.inApi((tx) => activatePolicies(tx, version, admin, fixture.deps)));
    expect(await execute(plan.proposalId)).not.toMatchObject({ status: 'executed' }); // It waits for another person.
    expect(await carriedOut(fixture, back.proposalId ?? '')).toMatchObject({ status: 'executed' });
    expect(await settleProposal(fixture.worker, fixture.tenant, plan.proposalId, fixture.deps)).toMatchObject({ status: 'approved' });
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
  });

  it('is refused while OPA is away, is executed once it is back with nothing in its memory, and is sent back by nobody meanwhile', async () => {
    const plan = await fixture.planned('askFloor', { name: 'R3' });
    expectDone(await fixture.review(plan, keeper1));
    await stop();
    expect(await fixture.propose('askFloor', { name: 'R4' })).toMatchObject({
      refused: 'policy_forbids',
      faults: [{ message: 'the policies cannot be computed' }],
    });
    await expect(execute(plan.proposalId)).rejects.toThrow(/the engine failed/);
    expect((await fixture.read(plan.proposalId, agent)).status).toBe('approved');
    stop = await startOpa(program, port);
    expect(await execute(plan.proposalId)).toMatchObject({ status: 'executed' });
  });

  it('waits while OPA is away, as a change of policies and as a run of a schedule, and its reviewers are not said to be none', async () => {
    const waiting = await fixture.planned('askFloor', { name: 'R5' });
    const reviewers = () => fixture.inApi((tx) => listReviewers(tx, waiting.proposalId, fixture.deps));
    const { proposalId } = expectDone(await put({ ...everything, two }));
    const daily = {
      actionType: 'askFloor',
      parameters: { name: 'R6' },
      justification: 'x',
      timing: { every: 'PT1H' },
      skipWhileOpen: true,
    };
    const { id } = expectDone(await fixture.inApi((tx) => createSchedule(tx, { ...daily, owner: keeper1 }, fixture.deps)));
    const run = () => runSchedule(fixture.worker, fixture.tenant, { scheduleId: id, nominalAt: '2999-01-01T01:00:00.000Z' }, fixture.deps);
    const activities = createScheduleActivities({ pool: fixture.worker, logger: openLogger('test'), store: fixture.deps });
    /** As Temporal has it run, however often it has failed before. */
    const attempt = (nth: number) =>
      new MockActivityEnvironment({ attempt: nth }).run(activities.runSchedule, {
        tenantId: fixture.tenant,
        scheduleId: id,
        nominalAt: '2999-01-01T02:00:00.000Z',
      });
    await stop();
    await expect(attempt(100)).rejects.toMatchObject({ type: failureTypes.policyEngineAway, nonRetryable: false });
    await expect(simulated(fixture, proposalId ?? '')).rejects.toThrow(PolicyEngineAway);
    await expect(run()).rejects.toThrow(PolicyEngineAway);
    await expect(reviewers()).rejects.toThrow(PolicyEngineAway);
    expect((await fixture.read(proposalId ?? '', admin)).status).toBe('simulating');
    stop = await startOpa(program, port);
    expect(await carriedOut(fixture, proposalId ?? '')).toMatchObject({ status: 'executed' });
    expect(await attempt(101)).toMatchObject({ kind: 'proposed' }); // It was not put on record as refused for good.
    expect(await run()).toMatchObject({ kind: 'refused', code: 'schedule_skipped' }); // That proposal is open.
    expect(expectDone(await reviewers()).reviewers).not.toEqual([]);
  });
});

it('policies that were looked at and are not in force are not kept in OPA', async () => {
  const kept = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/v1/policies`);
    return ((await answer.json()) as { result: { id: string }[] }).result.map(({ id }) => id).sort();
  };
  const cases: PolicyCase[] = [{ name: 'one', principal: {}, action: 'see', expect: 'allow' }];
  await put({ ...everything, first: 'forbid if input.principal.id == "x"' });
  const before = await kept();
  const other = { ...everything, other: 'forbid if input.principal.id == "y"' };
  const dry = await fixture.inApi((tx) => putPolicies(tx, { policies: other, cases }, admin, fixture.deps, { dryRun: true }));
  expect(expectDone(dry).rehearsal?.proposals).toBeGreaterThan(0);
  expectDone(await put(other, cases));
  expect(await put({ ...everything, broken: 'permit if {' })).toMatchObject({ refused: 'invalid_policies' });
  expect(await kept()).toEqual(before);
});

it.each([
  ['names that are words of the language elsewhere', 'forbid if {"net": 4, "data": 3}.net > input.context.approvals'],
  ['texts with such words', 'forbid if "http://127.0.0.1/data" == input.principal.id # import, opa and file'],
  ['functions and rules of its own', 'twice(x) := 2 * x\n\nlate if twice(3) > 5\n\nforbid if {\n  input.action == "execute"\n  late\n}'],
  [
    'what else a decision goes by',
    'forbid if {\n  every id in ["a"] { startswith(id, "b") }\n  time.weekday(time.parse_rfc3339_ns(input.context.now)) == "Sunday"\n  object.get(input.context, ["plan", "riskTier"], "low") in {"high", "medium"}\n}',
  ],
  [
    'names that are there',
    'forbid if {\n  input.resource in {"closeRoom", "policies", ""}\n  input.context.plan.edits.total > 2\n  "room" in input.context.plan.objectTypes\n  input.principal.actsFor == input.context.proposer.id\n  some status in input.context.plan.touches.room.after.status\n  status != "open"\n}',
  ],
  ['another question', 'permit if late with input as {"approvals": 1}\n\nlate if input.approvals > 2'],
])('policies are taken with %s', async (_, text) => {
  expect(await put({ ...everything, it: text })).toMatchObject({ changed: true });
});

it.each([
  ['no Rego', 'permit if {', /unexpected eof/],
  ['what OPA does not know', 'permit if weather == "fine"', /unsafe|undefined/],
  ['a set of reasons', 'forbid contains "too late" if input.action == "execute"', /forbid must be true or false/],
  ['an object', 'forbid["too late"] := true', /forbid must be true or false/],
  ['a function', 'forbid(x) if x == 1', /forbid must be true or false/],
  ['no verdict', 'forbids if input.action == "execute"', /a rule permit or forbid/],
  ['a fact that there is not', 'forbid if input.context.aprovals < 2', /reads "aprovals".*"approvals"/],
  ['a property that there is not', 'forbid if "x" in input.context.plan.touches.room.before.statuz', /reads "statuz".*"status"/],
  ['an amount in brackets that there is not', 'forbid if input["context"].plan.amounts["seatz"] > 3', /reads "seatz".*"seats"/],
  ['a risk tier that there is not', 'forbid if input.context.plan.riskTier == "hihg"', /compares with "hihg".*"high"/],
  ['one of several', 'forbid if input.context.plan.riskTier in {"high", "medum"}', /compares with "medum".*"medium"/],
  ['a value that a property never has', 'forbid if "shut" in input.context.plan.touches.room.after.status', /compares with "shut"/],
  ['one of its elements', 'forbid if {\n  input.context.plan.touches.room.after.status[_] == "clsoed"\n}', /"clsoed".*"closed"/],
  ['an action type that there is not', 'forbid if input.resource in {"closeRom", "ontology", ""}', /"closeRom".*"closeRoom"/],
  ['an object type that there is not', 'forbid if "rooom" in input.context.plan.objectTypes', /"rooom".*"room"/],
  ['an action that there is not', 'forbid if input.action == "exceute"', /"exceute".*"execute"/],
  ['what reaches the network', 'permit if http.send({"method": "get", "url": "http://127.0.0.1"}).status_code == 200', /calls http.send/],
  ['what looks a host up', 'permit if net.lookup_ip_addr("example.org")', /calls net.lookup_ip_addr/],
  ['what fetches a schema', 'permit if json.match_schema({}, {"$ref": input.resource})[0]', /calls json.match_schema/],
  ['what fetches a schema to check it', 'permit if json.verify_schema({"$ref": input.resource})[0]', /calls json.verify_schema/],
  ['a name that is spelled by an escape', 'permit if json["match\\u005fschema"]({}, {})[0]', /calls json.match_schema/],
  ['what a comment has the compiler fetch', '# METADATA\n# schemas:\n# - input: {"$ref": "http://127.0.0.1"}\npermit := true', /METADATA/],
  ['the configuration', 'permit if opa.runtime().env.SECRET', /calls opa.runtime/],
  ['the clock', 'permit if time.now_ns() > 0', /calls time.now_ns/],
  ['the clock in a rule of its own', 'late if time.now_ns() > 0\n\npermit if late', /calls time.now_ns/],
  ['chance', 'permit if rand.intn("x", 2) == 1', /calls rand.intn/],
  ['chance under another name', 'permit if uuid.rfc4122("x") != ""', /calls uuid.rfc4122/],
  ['chance inside of a comprehension', 'permit if count([1 | some n in [1, 2]; n == rand.intn("x", 2)]) > 0', /calls rand.intn/],
  ['chance by default', 'permit := false if input.resource == "" else := rand.intn("x", 2) == 1', /calls rand.intn/],
  ['a function in the place of another', 'permit if count("x") == 1 with count as http.send', /replaces with `with`/],
  ['a number that fills the memory', 'permit if bits.lsh(1, 100000000000) > 0', /calls bits.lsh/],
  ['what writes into a log', 'permit if print(input)', /calls print/],
  ['what reads other policies', 'permit if data.exequatur', /reads data/],
  ['what reads all there is', 'permit if {\n  all := data\n  count(all) > 0\n}', /reads data/],
  ['what walks through all there is', 'permit if walk(data, [["system"], _])', /reads data/],
  ['what replaces other policies', 'permit if input.x with data.exequatur as {}', /reads data/],
  ['an import', 'import data.system\npermit if system.x', /imports nothing/],
  ['a package of its own', 'package exequatur.set_0\npermit := true', /OPA says/],
  ['a rule of another policy', 'permit := true\nexequatur_set["all"].forbid := false', /exequatur_set/],
  ['a text without an end', 'permit := true\nforbid if input.resource == `', /OPA says/],
])('policies are refused with a pointer where there is %s', async (_, text, words) => {
  const outcome = (await put({ ...everything, it: text })) as { refused: string; faults: { pointer: string; message: string }[] };
  expect(outcome).toMatchObject({ refused: 'invalid_policies' });
  expect(new Set(outcome.faults.map(({ pointer }) => pointer))).toEqual(new Set(['/policies/it']));
  expect(outcome.faults.map(({ message }) => message).join('; ')).toMatch(words);
});
