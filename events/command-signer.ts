import { spawn } from 'node:child_process';
import { readVerifierKey } from '../audit/note-keys.ts';
import { isSignature, type NoteSigner, openNote, signatureLine } from '../audit/signed-note.ts';

const mostBytes = 4_096; // A signature is 88 characters; whatever says more than this says something else.

/**
 * Signs with a program, such as one that asks a hardware module: it gets the text of the checkpoint on standard input and answers with the signature in base64. Run
 * without a shell, anew for each checkpoint; killed with all it started when it takes longer than allowed. What it answers is checked before anybody sees it.
 */
export function commandSigner({
  command,
  verifierKey,
  timeoutMs,
}: {
  command: string;
  verifierKey: string;
  timeoutMs: number;
}): NoteSigner {
  const verifier = readVerifierKey(verifierKey);
  if (verifier.kind !== 'log') throw new Error(`${verifierKey} is no key of a log`);
  return {
    name: verifier.name,
    verifierKey,
    async sign(text) {
      const bytes = Buffer.from((await run(command, text, timeoutMs)).trim(), 'base64');
      const line = signatureLine(verifier.name, Buffer.from(verifier.id, 'hex'), bytes);
      const [signature] = openNote(`${text}\n${line}`)?.signatures ?? [];
      if (signature === undefined || !isSignature(text, signature, verifier))
        throw new Error('the signing command answered what its key did not sign');
      return line;
    },
  };
}

/** @throws when it cannot be run, ends otherwise than with 0, or takes too long. */
function run(command: string, input: string, timeoutMs: number): Promise<string> {
  const [program = '', ...args] = command.trim().split(/\s+/);
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'pipe', detached: true }); // A group of its own, to be killed whole.
    const said = { stdout: '', stderr: '' };
    const fail = (why: string) => {
      clearTimeout(timer);
      if (child.pid !== undefined) killGroup(child.pid);
      reject(new Error(`the signing command ${why}${said.stderr === '' ? '' : `: ${said.stderr.trim().slice(0, 500)}`}`));
    };
    const timer = setTimeout(() => fail(`took longer than ${timeoutMs} ms`), timeoutMs);
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream].setEncoding('utf8').on('data', (piece: string) => {
        said[stream] += piece;
        if (said[stream].length > mostBytes) fail('says too much');
      });
    child.stdin.on('error', () => {}); // It may answer, or end, before it has read everything.
    child.once('error', (error) => fail(`could not be run (${error.message})`));
    child.once('close', (code, signal) => {
      if (code !== 0) return fail(`ended with ${code ?? signal}`);
      clearTimeout(timer);
      resolve(said.stdout);
    });
    child.stdin.end(input);
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
