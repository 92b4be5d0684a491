// Checkpoints as C2SP's tlog-checkpoint has them, signed as its signed-note says: any tool of the transparency logs reads them.
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';

const ed25519 = 1; // The algorithm's byte, in keys and in what key ids are over.
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex'); // What DER puts before the 32 bytes of an Ed25519 key.

/** Who signs, by the name that verifiers know. */
export interface NoteSigner {
  name: string;
  /** `<name>+<key id>+<key>`, as verifiers are given it. */
  verifierKey: string;
  sign(text: string): string;
}

/**
 * Reads a signing key as `note.GenerateKey` of golang.org/x/mod/sumdb/note writes it: `PRIVATE+KEY+<name>+<key id>+<base64 of a byte 1 and the 32 bytes>`.
 * @throws when the text is no such key.
 */
export function readSigner(text: string): NoteSigner {
  const [, name = '', id = '', encoded = ''] = /^PRIVATE\+KEY\+([^\s+]+)\+([0-9a-f]{8})\+(\S+)\s*$/.exec(text) ?? [];
  const key = Buffer.from(encoded, 'base64');
  if (key.length !== 33 || key[0] !== ed25519) throw new Error('the signing key is no Ed25519 key of a signed note');
  const signer = signerOf(name, key.subarray(1));
  if (keyIdIn(signer) !== id) throw new Error('the signing key does not have the id that it names');
  return signer;
}

/** A signing key from its 32 bytes, as text. */
export function writeSigner(name: string, seed: Buffer): string {
  return `PRIVATE+KEY+${name}+${keyIdIn(signerOf(name, seed))}+${Buffer.concat([Buffer.of(ed25519), seed]).toString('base64')}`;
}

function keyIdIn({ verifierKey }: NoteSigner): string {
  return verifierKey.split('+')[1] ?? ''; // Base64 may have more of them, names have none.
}

function signerOf(name: string, seed: Buffer): NoteSigner {
  const privateKey = createPrivateKey({ key: Buffer.concat([pkcs8, seed]), format: 'der', type: 'pkcs8' });
  const typed = Buffer.concat([Buffer.of(ed25519), rawPublicKey(privateKey)]);
  const id = createHash('sha256').update(`${name}\n`).update(typed).digest().subarray(0, 4);
  return {
    name,
    verifierKey: `${name}+${id.toString('hex')}+${typed.toString('base64')}`,
    sign: (text) => {
      const signature = Buffer.concat([id, sign(null, Buffer.from(text, 'utf8'), privateKey)]).toString('base64');
      return `${text}\n\u2014 ${name} ${signature}\n`;
    },
  };
}

function rawPublicKey(privateKey: KeyObject): Buffer {
  return createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32);
}

/** The text of a checkpoint, which is what is signed; it begins with the log's name. */
export function checkpointText(log: string, size: number, root: Uint8Array): string {
  return `${log}\n${size}\n${Buffer.from(root).toString('base64')}\n`;
}
