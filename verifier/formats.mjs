// What the bytes of an entry are, digests of JSON, and how it is said that something does not hold.
import { createHash } from 'node:crypto';

export const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();

/** Something that does not hold. `index` is the entry it was found at. */
export class Mismatch extends Error {
  constructor(index, message) {
    super(index === null ? message : `entry ${index}: ${message}`);
    this.index = index;
  }
}

/** Whatever cannot be made of an entry as entries are is found at that entry: it says nothing that holds. @throws {Mismatch} */
export function madeOf(index, work) {
  try {
    return work();
  } catch (error) {
    throw error instanceof Mismatch ? error : new Mismatch(index, `is not made as entries are: ${error.message}`);
  }
}

/** The bytes of an entry: 'EXQ1', then tenant, sequence, microseconds, previous hash and payload, each behind its length. */
export function frameOf(tenant, { seq, at, previousHash, payload }) {
  const number = (value) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64BE(BigInt(value));
    return bytes;
  };
  const fields = [
    Buffer.from(tenant.replaceAll('-', ''), 'hex'),
    number(seq),
    number(at),
    Buffer.from(previousHash, 'hex'),
    Buffer.from(payload),
  ];
  const behindLength = (field) => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(field.length);
    return [length, field];
  };
  return Buffer.concat([Buffer.from('EXQ1'), ...fields.flatMap(behindLength)]);
}

/** Of RFC 8785 text: what plans and entries are written in, so that two of one meaning have one digest. */
export function digestOf(value) {
  const write = (item) => {
    if (Array.isArray(item)) return `[${item.map(write).join(',')}]`;
    if (typeof item !== 'object' || item === null) return JSON.stringify(item);
    return `{${Object.keys(item)
      .sort()
      .map((key) => `${JSON.stringify(key)}:${write(item[key])}`)
      .join(',')}}`;
  };
  return `sha256:${sha256(write(value)).toString('hex')}`;
}
