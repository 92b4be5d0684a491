import { parseArgs } from 'node:util';

/** Reads `--name value` options as whole numbers or text, with defaults; an unknown option ends the program with a message. */
export function readOptions<T extends Record<string, string | number>>(args: readonly string[], defaults: T): T {
  const options = Object.fromEntries(Object.keys(defaults).map((name) => [name, { type: 'string' as const }]));
  try {
    const { values } = parseArgs({ args: [...args], options });
    const read = Object.entries(defaults).map(([name, fallback]) => [name, coerce(values[name], fallback)]);
    return Object.fromEntries(read) as T;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(2);
  }
}

function coerce(given: unknown, fallback: string | number): string | number {
  if (typeof given !== 'string') return fallback;
  if (typeof fallback === 'string') return given;
  const number = Number(given);
  if (!Number.isInteger(number) || number < 1) throw new Error(`${given} is not a whole number above 0`);
  return number;
}
