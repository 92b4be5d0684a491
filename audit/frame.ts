/** An audit entry as the database keeps it. */
export interface LoggedEntry {
  tenant: string;
  /** From 1, without gaps. */
  seq: number;
  /** Microseconds since 1970. */
  atMicros: bigint;
  /** Hex. */
  previousHash: string;
  /** RFC 8785 text. */
  payload: string;
}

/** The bytes that an entry's hash, and its leaf in the tree, are over: the same that the database's `audit_frame` writes. */
export function frameOf({ tenant, seq, atMicros, previousHash, payload }: LoggedEntry): Buffer {
  const number = (value: bigint) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64BE(value);
    return bytes;
  };
  const fields = [
    Buffer.from(tenant.replaceAll('-', ''), 'hex'),
    number(BigInt(seq)),
    number(atMicros),
    Buffer.from(previousHash, 'hex'),
    Buffer.from(payload, 'utf8'),
  ];
  return Buffer.concat([Buffer.from('EXQ1'), ...fields.flatMap((field) => [lengthOf(field), field])]);
}

function lengthOf(field: Buffer): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(field.length);
  return bytes;
}
