import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCosigner } from '../../audit/cosignature.ts';
import { readVerifierKey, type VerifierKey, writeSigningKey } from '../../audit/note-keys.ts';
import { freePort } from '../../scripts/processes/free-port.ts';
import { type KillableProcess, startKillable } from '../support/killable-process.ts';

export interface WitnessProcess extends KillableProcess {
  url: string;
  key: VerifierKey;
  verifierKey: string;
  /** Where it keeps what it cosigned. */
  store: string;
  /** Waits until it answers, after a kill. */
  answers(): Promise<void>;
  remove(): Promise<void>;
}

/** A witness as it is deployed: another process with a key and a directory of its own. */
export async function startWitness(logs: string, name = 'witness.test/w1'): Promise<WitnessProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'witness-'));
  const keyFile = join(directory, 'key');
  const store = join(directory, 'store');
  const text = writeSigningKey(name, 'witness', randomBytes(32));
  writeFileSync(keyFile, text);
  mkdirSync(store);
  const port = String(await freePort());
  const env = {
    EXEQUATUR_WITNESS_KEY_FILE: keyFile,
    EXEQUATUR_WITNESS_STORE: store,
    EXEQUATUR_WITNESS_LOGS: logs,
    EXEQUATUR_WITNESS_PORT: port,
  };
  const running = startKillable('witness', 'witness/run-witness.ts', env);
  const { verifierKey } = readCosigner(text);
  const url = `http://127.0.0.1:${port}`;
  const answers = async () => {
    const deadline = Date.now() + 120_000; // Of a machine that is busy.
    while (
      !(await fetch(`${url}/readyz`).then(
        (answer) => answer.ok,
        () => false,
      ))
    ) {
      if (Date.now() > deadline) throw new Error(`the witness does not answer: ${running.tail()}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  await answers();
  return {
    ...running,
    url,
    key: readVerifierKey(verifierKey),
    verifierKey,
    store,
    answers,
    async remove() {
      await running.stop();
      rmSync(directory, { recursive: true });
    },
  };
}
