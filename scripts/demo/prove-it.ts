import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Proposal } from '../rest/proposal.ts';
import { expectGood } from '../rest/rest-client.ts';
import type { Stack } from '../stack/start-stack.ts';
import type { Cast } from './cast.ts';
import { count, heading, text } from './page.ts';

const verifier = resolve('verifier', 'exequatur-verify.mjs');

/** The audit log is exported and verified offline; then somebody with all rights over the database alters it, and the verifier names where. */
export async function proveIt(stack: Stack, { administrator, tenant }: Cast, executed: Proposal, directory: string): Promise<void> {
  heading('The proof for outsiders: the audit log, sealed, exported and verified offline');
  mkdirSync(directory, { recursive: true });
  const file = (name: string, content: string) => {
    const path = join(directory, name);
    writeFileSync(path, content);
    return path;
  };
  const checkpoint = await untilWitnessed(administrator);
  const sealed = expectGood(await administrator.get<unknown>(`/v1/proposals/${executed.id}/evidence`), 'Reading the evidence');
  text(
    ...checkpoint.note.trimEnd().split('\n'),
    '',
    'signed by the log, and by a witness: another process, which knows nothing but what it cosigned before',
    '',
  );
  const key = ['--key', stack.verifierKeys.log, '--witness', stack.verifierKeys.witness];
  const evidence = await verified([...key, file('evidence.json', JSON.stringify(sealed))]);
  text(
    `evidence of the closure alone: ${evidence.line.slice(0, 5)}, approved by ${((evidence.found?.approvedBy ?? []) as string[]).join(' and ')}`,
  );
  const kept = file('checkpoint.txt', checkpoint.note);
  const whole = await verified([...key, '--checkpoint', kept, file('log.ndjson', await exported(administrator, checkpoint.size))]);
  text(
    `the whole log: ${count(Number(whole.found?.entries))} entries, ${count(Number(whole.found?.executions))} executions, all under checkpoints that log and witness signed`,
  );
  if (!evidence.line.startsWith('whole') || !whole.line.startsWith('whole')) throw new Error(`${evidence.line}; ${whole.line}`);

  const superuser = new pg.Client({ connectionString: stack.postgresUrls.superuser });
  await superuser.connect();
  await superuser.query('SET session_replication_role = replica');
  const { rows } = await superuser.query<{ seq: number | null }>(
    `SELECT min(seq)::int AS seq FROM exequatur.audit_entry
      WHERE tenant_id = $1::uuid AND proposal_id = $2::uuid AND type = 'review.recorded' AND strpos(convert_from(payload, 'UTF8'), '"approve"') > 0`,
    [tenant.id, executed.id],
  );
  const seq = rows[0]?.seq;
  const turn = (from: string, to: string) =>
    superuser.query(
      "UPDATE exequatur.audit_entry SET payload = convert_to(replace(convert_from(payload, 'UTF8'), $3, $4), 'UTF8') WHERE tenant_id = $1::uuid AND seq = $2",
      [tenant.id, seq, from, to],
    );
  await turn('"approve"', '"reject"');
  const altered = await verified([...key, '--checkpoint', kept, file('altered.ndjson', await exported(administrator, checkpoint.size))]);
  await turn('"reject"', '"approve"');
  await superuser.end();
  if (!altered.line.startsWith(`BROKEN entry ${seq}: `))
    throw new Error(`The verifier did not name entry ${seq}, which was altered: ${altered.line}`);
  text('', `somebody with all rights over the database turns one approval of the closure, entry ${seq}, into a refusal:`, altered.line);
  text('', `verified by ${relative(process.cwd(), verifier)}, which needs the file, the public keys, and nothing of ours that runs`);
}

interface Signed {
  size: number;
  note: string;
}

/** An entry is under a checkpoint within a second, and a checkpoint cosigned within another. */
async function untilWitnessed(client: Cast['administrator']): Promise<Signed> {
  for (let tries = 0; tries < 100; tries++) {
    const { size, witnessed } = expectGood(
      await client.get<Signed & { witnessed: Signed | null }>('/v1/audit/checkpoint'),
      'Reading the checkpoint',
    );
    if (witnessed?.size === size) return witnessed;
    await delay(100);
  }
  throw new Error('The witness does not cosign.');
}

async function exported(client: Cast['administrator'], to: number): Promise<string> {
  return expectGood(await client.get<string>(`/v1/audit/export?to=${to}`), 'Exporting the log');
}

function verified(args: string[]): Promise<{ line: string; found: Record<string, unknown> | null }> {
  return new Promise((done) => {
    execFile(process.execPath, [verifier, ...args], (_error, stdout) => {
      const line = stdout.trim();
      done({ line, found: line.startsWith('whole ') ? (JSON.parse(line.slice('whole '.length)) as Record<string, unknown>) : null });
    });
  });
}
