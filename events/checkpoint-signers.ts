import { readFileSync } from 'node:fs';
import { type NoteSigner, readSigner, type Signers } from '../audit/signed-note.ts';
import type { RelaySettings } from '../config.ts';
import { commandSigner } from './command-signer.ts';

const commandTimeoutMs = 5_000; // A hardware module answers within tens of milliseconds; past this it hangs, and the next round asks again.

/**
 * Who signs checkpoints: the command where one is given, the key of the file, and beside them, while verifiers are told of the new key, the previous ones. All of them sign, or
 * nothing is sealed. Undefined where nothing is set. @throws where they are not of one name: what is signed under another name is another log.
 */
export function readSigners(settings: RelaySettings): Signers | undefined {
  const fromFile = (path: string | undefined) => (path === undefined ? [] : [readSigner(readFileSync(path, 'utf8'))]);
  const signers: NoteSigner[] = [
    ...fromCommand(settings, 'COMMAND'),
    ...fromFile(settings.EXEQUATUR_CHECKPOINT_KEY_FILE),
    ...fromFile(settings.EXEQUATUR_CHECKPOINT_PREVIOUS_KEY_FILE),
    ...fromCommand(settings, 'PREVIOUS_COMMAND'),
  ];
  const [first, ...others] = signers;
  if (first === undefined) return undefined;
  const stranger = others.find(({ name }) => name !== first.name);
  if (stranger !== undefined) throw new Error(`checkpoints are signed as ${first.name} and cannot be as ${stranger.name} too`);
  return [first, ...others];
}

function fromCommand(settings: RelaySettings, name: 'COMMAND' | 'PREVIOUS_COMMAND'): NoteSigner[] {
  const [setting, keySetting] = [`EXEQUATUR_CHECKPOINT_${name}`, `EXEQUATUR_CHECKPOINT_${name}_KEY`] as const;
  const [command, verifierKey] = [settings[setting], settings[keySetting]];
  if (command === undefined && verifierKey === undefined) return [];
  if (command === undefined || verifierKey === undefined) throw new Error(`${setting} and ${keySetting} go together`);
  return [commandSigner({ command, verifierKey, timeoutMs: commandTimeoutMs })];
}
