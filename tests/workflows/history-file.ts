import { temporal } from '@temporalio/proto';

const { History } = temporal.api.history.v1;
type History = temporal.api.history.v1.IHistory;

/** A history as JSON that people can read and compare: bytes in base64, 64-bit numbers as text, enumerations by name; nothing of whose machine it was. */
export function writeHistory(history: History): string {
  const plain = History.toObject(History.fromObject(history), { longs: String, bytes: String, enums: String });
  return `${JSON.stringify(plain, withoutMachine, 1)}\n`;
}

function withoutMachine(name: string, value: unknown): unknown {
  if (name === 'stackTrace') return undefined;
  return name === 'identity' ? 'worker' : value;
}

export function readHistory(text: string): History {
  return History.fromObject(JSON.parse(text));
}
