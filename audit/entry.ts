import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { canonicalText } from '../ontology/canonical-json.ts';
import type { JsonObject, JsonValue } from '../ontology/json.ts';

/**
 * One audit entry before the database gives it a place in the chain. `facts` go into the payload as they are; `personal` values (principals, reasons,
 * justifications) enter only as salted commitments, so that erasing the side row erases the value and leaves the chain whole.
 */
export interface AuditEntryInput {
  type: string;
  proposalId?: string;
  facts: JsonObject;
  personal?: Record<string, JsonValue | undefined>;
  /** Commitments to what was decided on the proposal when this was done. */
  decisions?: readonly string[];
}

export interface Disclosure {
  name: string;
  /** Hex. */
  salt: string;
  /** RFC 8785 text. */
  value: string;
}

/** What `append_audit` takes: payload text of at most 65,447 bytes, with which the entry has 65,535, as many as tlog-tiles can tell. */
export interface AuditEntry {
  id: string;
  type: string;
  proposalId: string | null;
  payload: string;
  disclosures: Disclosure[];
}

/** Builds the payload: RFC 8785 text of the facts with a commitment in place of each personal value. */
export function auditEntry(input: AuditEntryInput, id: string = randomUUID()): AuditEntry {
  const disclosures: Disclosure[] = [];
  const commitments: JsonObject = {};
  for (const [name, value] of Object.entries(input.personal ?? {})) {
    if (value === undefined) continue;
    const salt = randomBytes(16).toString('hex');
    const text = canonicalText(value);
    commitments[name] = commitmentTo(salt, text);
    disclosures.push({ name, salt, value: text });
  }
  const body: JsonObject = { type: input.type, ...input.facts };
  if (input.proposalId !== undefined) body.proposalId = input.proposalId;
  if (disclosures.length > 0) body.commitments = commitments;
  if (input.decisions !== undefined) body.decisions = [...input.decisions];
  return { id, type: input.type, proposalId: input.proposalId ?? null, payload: canonicalText(body), disclosures };
}

/** The bytes of an entry, over which its hash is: 'EXQ1', then tenant, sequence, microseconds, previous hash and payload, each behind its length. The database makes the same. */
export function frameOf(tenant: string, entry: { seq: number; at: string; previousHash: string; payload: string }): Buffer {
  const number = (value: bigint) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64BE(value);
    return bytes;
  };
  const fields = [
    Buffer.from(tenant.replaceAll('-', ''), 'hex'),
    number(BigInt(entry.seq)),
    number(BigInt(entry.at)),
    Buffer.from(entry.previousHash, 'hex'),
    Buffer.from(entry.payload),
  ];
  const parts = fields.flatMap((field) => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(field.length);
    return [length, field];
  });
  return Buffer.concat([Buffer.from('EXQ1'), ...parts]);
}

/** What a payload says; nothing where it is no object, as nobody appends it and whoever administers the database may make it. */
export function factsOf(payload: string | null): JsonObject {
  try {
    const value = JSON.parse(payload ?? 'null') as JsonValue;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}

/** What is disclosed; undefined where somebody made it into no JSON. */
export function disclosedValue(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

/** SHA-256 over the salt's bytes followed by the value's RFC 8785 text, so that a short value can't be guessed from its hash. */
export function commitmentTo(salt: string, text: string): string {
  return createHash('sha256').update(Buffer.from(salt, 'hex')).update(text).digest('hex');
}
