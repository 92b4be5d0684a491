// Who signs checkpoints, by the relay's settings; the signing command is a real program, run as the relay runs it.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readVerifierKey, writeSigningKey } from '../../audit/note-keys.ts';
import { isSignature, openNote, readSigner, signNote } from '../../audit/signed-note.ts';
import { type RelaySettings, readRelaySettings } from '../../config.ts';
import { readSigners } from '../../events/checkpoint-signers.ts';
import { commandSigner } from '../../events/command-signer.ts';

const directory = mkdtempSync(join(tmpdir(), 'signers-'));
afterAll(() => rmSync(directory, { recursive: true }));
let files = 0;
function file(text: string): string {
  const path = join(directory, `${++files}`);
  writeFileSync(path, text);
  return path;
}

const keyText = (name = 'log.test/one') => writeSigningKey(name, 'log', randomBytes(32));
const settings = (more: Record<string, string>): RelaySettings =>
  readRelaySettings({ TEMPORAL_ADDRESS: 'nowhere:1', EXEQUATUR_RELAY_DATABASE_URL: 'postgres://nowhere', ...more });
const text = 'log.test/one/tenant\n3\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n';

/** As whoever has a hardware module would write one: the text on standard input, the signature on standard output. */
function commandOf(key: string, last = ''): string {
  const program = file(`
    const { createPrivateKey, sign } = require('node:crypto');
    const pieces = [];
    pieces.push(require('node:fs').readFileSync(0));
    const seed = Buffer.from('${key.split('+').slice(4).join('+')}', 'base64').subarray(1);
    const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
    console.log(sign(null, Buffer.concat(pieces)${last}, createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })).toString('base64'));
  `);
  return `${process.execPath} ${program}`;
}

const timeoutMs = 10_000;
const verifierOf = (key: string) => readSigner(key).verifierKey;

describe('a signing command', () => {
  it('signs what it is given, and what it answers verifies', async () => {
    const key = keyText();
    const signer = commandSigner({ command: commandOf(key), verifierKey: verifierOf(key), timeoutMs });
    const [signature] = openNote(await signNote(text, [signer]))?.signatures ?? [];
    expect(signature && isSignature(text, signature, readVerifierKey(verifierOf(key)))).toBe(true);
  });

  it('that signs something else, or with another key, signs nothing', async () => {
    const key = keyText();
    for (const command of [commandOf(key, '.subarray(1)'), commandOf(keyText()), 'echo AAAA', 'echo'])
      await expect(commandSigner({ command, verifierKey: verifierOf(key), timeoutMs }).sign(text)).rejects.toThrow('did not sign');
  });

  it('that fails, is not there, says too much or hangs is not waited for, and leaves nothing running', async () => {
    const verifierKey = verifierOf(keyText());
    const signing = (command: string, within = timeoutMs) => commandSigner({ command, verifierKey, timeoutMs: within }).sign(text);
    await expect(signing('false')).rejects.toThrow('ended with 1');
    await expect(signing('/nowhere/at/all')).rejects.toThrow('could not be run');
    await expect(signing('yes')).rejects.toThrow('says too much');
    const pid = join(directory, 'pid');
    const hanging = file(`sleep 600 & echo $! > ${pid}; wait`);
    await expect(signing(`sh ${hanging}`, 3_000)).rejects.toThrow('took longer than 3000 ms');
    const sleeping = Number(readFileSync(pid, 'utf8'));
    await expect.poll(() => isRunning(sleeping)).toBe(false);
  });
});

describe('the relay’s settings', () => {
  it('name no key, one, or two of one name, the first of which stays', async () => {
    expect(readSigners(settings({}))).toBeUndefined();
    const [key, previous, module] = [keyText(), keyText(), keyText()];
    const signers = readSigners(
      settings({
        EXEQUATUR_CHECKPOINT_KEY_FILE: file(key),
        EXEQUATUR_CHECKPOINT_PREVIOUS_KEY_FILE: file(previous),
        EXEQUATUR_CHECKPOINT_COMMAND: commandOf(module),
        EXEQUATUR_CHECKPOINT_COMMAND_KEY: verifierOf(module),
      }),
    );
    expect(signers?.map(({ verifierKey }) => verifierKey)).toEqual([module, key, previous].map(verifierOf));
    expect(signers && openNote(await signNote(text, signers))?.signatures).toHaveLength(3);
  });

  it('let one command take over from another: both sign until the former is left out', async () => {
    const [before, after] = [keyText(), keyText()];
    const command = { EXEQUATUR_CHECKPOINT_COMMAND: commandOf(after), EXEQUATUR_CHECKPOINT_COMMAND_KEY: verifierOf(after) };
    const former = {
      EXEQUATUR_CHECKPOINT_PREVIOUS_COMMAND: commandOf(before),
      EXEQUATUR_CHECKPOINT_PREVIOUS_COMMAND_KEY: verifierOf(before),
    };
    const holds = async (more: Record<string, string>, key: string) => {
      const note = openNote(await signNote(text, readSigners(settings(more)) ?? expect.fail('nobody signs')));
      return note?.signatures.some((one) => isSignature(text, one, readVerifierKey(verifierOf(key))));
    };
    expect(await Promise.all([holds({ ...command, ...former }, before), holds({ ...command, ...former }, after)])).toEqual([true, true]);
    expect(await Promise.all([holds(command, before), holds(command, after)])).toEqual([false, true]);
    const gone = { ...former, EXEQUATUR_CHECKPOINT_PREVIOUS_COMMAND: 'false' };
    await expect(holds({ ...command, ...gone }, after)).rejects.toThrow('ended with 1');
    expect(() => readSigners(settings({ ...command, EXEQUATUR_CHECKPOINT_PREVIOUS_COMMAND: 'true' }))).toThrow(
      'EXEQUATUR_CHECKPOINT_PREVIOUS_COMMAND_KEY go together',
    );
  });

  it('are refused where a checkpoint would be one of two logs, or half a command is given', () => {
    const other = file(keyText('log.test/other'));
    expect(() =>
      readSigners(settings({ EXEQUATUR_CHECKPOINT_KEY_FILE: file(keyText()), EXEQUATUR_CHECKPOINT_PREVIOUS_KEY_FILE: other })),
    ).toThrow('cannot be as log.test/other too');
    expect(() => readSigners(settings({ EXEQUATUR_CHECKPOINT_COMMAND: 'true' }))).toThrow('go together');
    const witness = writeSigningKey('log.test/one', 'witness', randomBytes(32));
    expect(() => readSigners(settings({ EXEQUATUR_CHECKPOINT_KEY_FILE: file(witness) }))).toThrow('no Ed25519 key of a log');
  });

  it('name witnesses by URL and key', () => {
    expect(settings({ EXEQUATUR_WITNESSES: ' https://w.test/a key1\n  http://b.test key2 ' }).EXEQUATUR_WITNESSES).toEqual([
      { url: 'https://w.test/a', key: 'key1' },
      { url: 'http://b.test', key: 'key2' },
    ]);
    for (const wrong of ['https://w.test', 'key https://w.test', 'ftp://w.test key'])
      expect(() => settings({ EXEQUATUR_WITNESSES: wrong })).toThrow('must be pairs');
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}
