#!/usr/bin/env node
// exequatur-verify [--key <verifier key>... [--witness <verifier key>... [--quorum <n>]] [--checkpoint <file>]...] [--unjudged <n>] EXPORT|EVIDENCE
//
// Checks an export of an audit log, or the evidence of one action, with nothing but this folder, Node.js and the public keys of those who signed. docs/evidence.md says what
// the bytes mean, and what is proven and what is not. Prints what it found as lines of text; exits with 0 where everything holds, 1 where something does not, 2 where it
// could not be read. Several keys are given where one took over from another. `--checkpoint` names a checkpoint that somebody kept elsewhere: the log must be one that it
// was signed over. With `--witness`, what is checked must be under a checkpoint that so many of these witnesses cosigned, all of them unless `--quorum` says otherwise. With
// `--unjudged`, no more executions than that may be such as nobody can judge. Without a key no signature is looked at: it then says `unsigned` in place of `whole` and exits
// with 3, since anybody could have written a log that holds together.
import { createReadStream, readFileSync } from 'node:fs';
import { Mismatch } from './formats.mjs';
import { linesOf } from './lines.mjs';
import { namesOf, readVerifier } from './notes.mjs';
import { verifyEvidence } from './verify-evidence.mjs';
import { verifyExport } from './verify-export.mjs';

async function main(args) {
  const verifiers = [];
  const witnesses = [];
  const kept = [];
  const files = [];
  let quorum = null;
  let mostUnjudged = Number.POSITIVE_INFINITY;
  for (let at = 0; at < args.length; at++) {
    if (args[at] === '--key') verifiers.push(readVerifier(args[++at] ?? ''));
    else if (args[at] === '--witness') witnesses.push(readVerifier(args[++at] ?? '', 4));
    else if (args[at] === '--quorum') quorum = Number(args[++at]);
    else if (args[at] === '--unjudged') mostUnjudged = /^\d+$/.test(args[++at] ?? '') ? Number(args[at]) : Number.NaN;
    else if (args[at] === '--checkpoint') kept.push(readFileSync(args[++at] ?? '', 'utf8'));
    else files.push(args[at]);
  }
  const isKeyless = verifiers.length === 0;
  if (files.length !== 1 || (isKeyless && witnesses.length + kept.length > 0) || files[0].startsWith('-') || Number.isNaN(mostUnjudged))
    throw new Error(
      'usage: exequatur-verify --key <verifier key> [--witness <verifier key> [--quorum <n>]] [--checkpoint <file>] [--unjudged <n>] EXPORT|EVIDENCE; without any key, witness and checkpoint it looks at no signature',
    );
  const all = namesOf(witnesses).length;
  const asked = { witnesses, quorum: quorum ?? all, mostUnjudged };
  const isQuorum = Number.isInteger(asked.quorum) && asked.quorum <= all && asked.quorum >= Math.min(1, all);
  if (!isQuorum) throw new Error(`a quorum is a number from 1 to that of the witnesses, which is ${all}`);
  const [file] = files;
  if ((await isEvidence(file)) && kept.length > 0)
    throw new Error('evidence of one action cannot be compared with a checkpoint that was kept: take an export');
  const keys = isKeyless ? null : verifiers;
  const result = (await isEvidence(file))
    ? verifyEvidence(JSON.parse(readFileSync(file, 'utf8')), keys, asked)
    : await verifyExport(linesOf(createReadStream(file)), keys, kept, asked);
  if (!isKeyless) return console.log('whole', JSON.stringify(result));
  console.log(
    'unsigned: it holds together, as a log that anybody made up can; no key was given to say whose it is',
    JSON.stringify(result),
  );
  process.exitCode = 3;
}

/** An export says what it is in its first line; whatever has no JSON there may be evidence that is written over several. */
async function isEvidence(file) {
  for await (const line of linesOf(createReadStream(file))) {
    try {
      return JSON.parse(line)?.exequatur === 'evidence';
    } catch {
      return true;
    }
  }
  return false;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.log(error instanceof Mismatch ? `BROKEN ${error.message}` : `cannot be read: ${error.message}`);
  process.exitCode = error instanceof Mismatch ? 1 : 2;
}
