import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;

/**
 * Seals small secrets under a key of the deployment (AES-256-GCM). `place` is bound to what is sealed, so that a row that was copied elsewhere does not open there. Keys are
 * tried newest first, so that a new one can be brought in while the old one still opens what it sealed.
 */
export class SecretBox {
  private readonly keys: readonly Buffer[];

  /** `keys` are 32 bytes each, in base64; the first seals. @throws where one is not. */
  constructor(keys: readonly string[]) {
    this.keys = keys.map((text) => Buffer.from(text, 'base64'));
    if (this.keys.some((key) => key.length !== 32)) throw new Error('a secrets key is 32 bytes in base64');
  }

  get isUsable(): boolean {
    return this.keys.length > 0;
  }

  seal(text: string, place: string): Buffer {
    const [key] = this.keys;
    if (key === undefined) throw new Error('there is no key to seal with');
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv(algorithm, key, nonce).setAAD(Buffer.from(place, 'utf8'));
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
  }

  /** Null where no key opens it, here. */
  open(sealed: Buffer, place: string): string | null {
    for (const key of this.keys) {
      try {
        const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes })
          .setAAD(Buffer.from(place, 'utf8'))
          .setAuthTag(sealed.subarray(nonceBytes, nonceBytes + tagBytes));
        return Buffer.concat([decipher.update(sealed.subarray(nonceBytes + tagBytes)), decipher.final()]).toString('utf8');
      } catch {}
    }
    return null;
  }
}
