import { createHash } from 'node:crypto';
import type { JsonValue } from '../ontology/json.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { Tx } from './sql.ts';
import { sqlStateOf } from './sql-state.ts';

/**
 * Page tokens after AIP-158: opaque to clients, and bound to the query they continue, so that a token used with another filter or order is refused instead of
 * answering something that was not asked. They hold the last key seen, so pages neither skip nor repeat what was there all along.
 */
const version = 1;

export function pageToken(query: JsonValue, after: JsonValue): string {
  return Buffer.from(JSON.stringify([version, fingerprint(query), after])).toString('base64url');
}

/** Null when the token is not one of this query's. */
export function readPageToken(query: JsonValue, token: string): { after: JsonValue } | null {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
    if (!Array.isArray(parsed) || parsed.length !== 3 || parsed[0] !== version || parsed[1] !== fingerprint(query)) return null;
    return { after: parsed[2] as JsonValue };
  } catch {
    return null;
  }
}

const dataException = '22'; // SQLSTATE class: a value that is not of the type it is compared with.

/** Reads a page. A token that was altered so that its key is no value of what the order compares is refused; without a token the same error is a defect. */
export async function readPage<T>(tx: Tx, token: string | undefined, read: () => Promise<T[]>): Promise<T[] | Refusal> {
  try {
    return await read();
  } catch (error) {
    if (token === undefined || sqlStateOf(error)?.startsWith(dataException) !== true) throw error;
    tx.undo(); // PostgreSQL has ended the transaction already.
    return refuse('invalid_page_token');
  }
}

function fingerprint(query: JsonValue): string {
  return createHash('sha256').update(JSON.stringify(query)).digest('base64url').slice(0, 12);
}

const defaultPageSize = 50;
const maxPageSize = 1_000; // A page must fit a response that a browser can show; AIP-158 asks to cap rather than to refuse.

export function pageSizeOf(asked: number | undefined): number {
  return asked === undefined || asked <= 0 ? defaultPageSize : Math.min(Math.floor(asked), maxPageSize);
}
