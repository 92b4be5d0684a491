import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const root = dirname(import.meta.dirname);
const limitMs = 480_000; // While other tests run; by itself it takes a twentieth of this.

it('npm run demo tells the whole story and exits with 0', { timeout: limitMs }, async () => {
  const command = ['scripts/bootstrap.mjs', 'scripts/demo.ts'];
  const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: root, timeout: limitMs, maxBuffer: 16 * 1024 ** 2 });
  const told = (pattern: RegExp) => pattern.exec(stdout)?.[1];
  for (const part of [
    /objects \(US airports, routes and flights of 2001\) in 4 approved batches: [\d.]+ s/,
    /ops-agent \(proposed it\) .* 403 .*agent_may_not_review/,
    /duty-manager-1 .* 412 .*stale_digest/,
    /altogether +2,553/,
    /executed: 2,553 edits in one transaction, \d+ ms/,
    /airport ORD .* closed: Blizzard/,
    /The history of flight \d+/,
    /Before and after are equal: restored to the byte/,
    /asked for by Polaris Airways\n\n *asked for +answer\n[ ─]+\n *route \S+ +404 nothing of that name\n *flight \S+ +404 nothing of that name\n *all flights +200 an empty list\n\n/,
    /failed; the flight goes to [A-Z]{3} again, and the carrier’s reroute is cancelled/,
    /needs_attention: step \w+, of which an operator may retry, skip, abort/,
    /operator +skip: .* It is failed, and in the audit log with who and why/,
    /\u2014 \S+ [A-Za-z0-9+/]{91}=\n/,
    /evidence of the closure alone: whole, approved by \S+ and \S+/,
    /the whole log: [\d,]+ entries, [\d,]+ executions, all under checkpoints that log and witness signed/,
    /BROKEN entry \d+: /,
    /API page +http:\S+\/docs/,
    /the closure's workflow http:\S+/,
  ])
    expect(stdout).toMatch(part);
  const [before, during, after] = ['before the closure', 'while closed', 'after the revert'].map((when) =>
    told(new RegExp(`${when} +([0-9a-f]{64})`)),
  );
  expect(before).toMatch(/^[0-9a-f]{64}$/);
  expect(after).toBe(before);
  expect(during).not.toBe(before);
});
