import { cosignedAt } from '../audit/cosignature.ts';
import type { VerifierKey } from '../audit/note-keys.ts';
import { openNote } from '../audit/signed-note.ts';

export interface KnownWitness {
  /** What stands before `/add-checkpoint`. */
  url: string;
  key: VerifierKey;
}

export type WitnessAnswer =
  /** A signature line that holds, and when, in seconds since 1970. */
  | { cosigned: string; at: number }
  /** What it has cosigned of this log is of this size. */
  | { knows: number }
  /** It does not take this log, or this checkpoint, as it is: it knows none of its keys, or cannot work on it. Others are not concerned. */
  | { declined: number }
  /** The proof does not lead from what it has cosigned to the checkpoint. */
  | 'refused';

/** A witness that cannot be asked now, or signs what none should: to be asked again later. */
export class WitnessAway extends Error {}

const patienceMs = 10_000;
const mostBytes = 16_384;
/** What a witness, or what stands in front of it, says of itself and not of a log. A 500 is not among them: it may fail at one log alone, and that one would keep the others waiting. */
const busy = new Set([429, 502, 503, 504]);

/** Submits a signed checkpoint as C2SP's tlog-witness has it. @throws {WitnessAway} */
export async function askWitness(witness: KnownWitness, old: number, proof: readonly Buffer[], note: string): Promise<WitnessAnswer> {
  const body = `old ${old}\n${proof.map((hash) => `${hash.toString('base64')}\n`).join('')}\n${note}`;
  const { status, text } = await post(`${witness.url.replace(/\/$/, '')}/add-checkpoint`, body);
  if (status === 200) return cosignatureIn(text, note, witness.key);
  if (status === 409 && /^(0|[1-9][0-9]{0,15})\n$/.test(text)) return { knows: Number(text) };
  if (status === 422) return 'refused';
  if (busy.has(status)) throw new WitnessAway(`the witness at ${witness.url} answered ${status}`);
  return { declined: status };
}

/** It may hold lines of other keys, which say nothing to us. */
function cosignatureIn(lines: string, note: string, key: VerifierKey): WitnessAnswer {
  const text = openNote(note)?.text ?? '';
  for (const signature of openNote(`${text}\n${lines}`)?.signatures ?? []) {
    const at = cosignedAt(text, signature, key);
    if (at !== null) return { cosigned: signature.line, at };
  }
  throw new WitnessAway(`the witness ${key.name} answered with no cosignature of its key`);
}

async function post(url: string, body: string): Promise<{ status: number; text: string }> {
  try {
    const answer = await fetch(url, { method: 'POST', body, redirect: 'error', signal: AbortSignal.timeout(patienceMs) });
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    for await (const piece of answer.body ?? []) {
      bytes += piece.length;
      if (bytes > mostBytes) throw new Error('it says too much');
      pieces.push(piece);
    }
    return { status: answer.status, text: Buffer.concat(pieces).toString('utf8') };
  } catch (error) {
    throw new WitnessAway(`the witness at ${url} does not answer`, { cause: error });
  }
}
