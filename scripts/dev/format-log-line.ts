const colours: Record<string, string> = { api: '36', worker: '35', relay: '33' };
const levels: Record<number, string> = { 10: 'trace', 20: 'debug', 30: 'info', 40: 'WARN', 50: 'ERROR', 60: 'FATAL' };
const hidden = new Set(['level', 'time', 'pid', 'hostname', 'msg', 'name', 'v', 'service']);
const longestValue = 400; // A stack trace's first frames; the whole is in the process's own output where it matters.

/** One structured log line for reading in a terminal: who, when, what, and the fields. A line that is not structured is passed on as it is. */
export function formatLogLine(source: string, line: string, colour: boolean): string {
  const who = paint(source.padEnd(7), colours[source] ?? '37', colour);
  const entry = parse(line);
  if (!entry) return `${who} ${line}`;
  const time = new Date(Number(entry.time)).toISOString().slice(11, 23);
  const level = levels[Number(entry.level)] ?? String(entry.level);
  const fields = Object.entries(entry)
    .filter(([name, value]) => !hidden.has(name) && value !== undefined && value !== null)
    .map(([name, value]) => `${name}=${shorten(value)}`);
  return `${who} ${time} ${level.padEnd(5)} ${entry.msg ?? ''} ${paint(fields.join(' '), '90', colour)}`.trimEnd();
}

function parse(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const entry = JSON.parse(line) as Record<string, unknown>;
    return typeof entry.level === 'number' && entry.time !== undefined ? entry : undefined;
  } catch {
    return undefined;
  }
}

function shorten(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > longestValue ? `${text.slice(0, longestValue)}…` : text;
}

function paint(text: string, code: string, colour: boolean): string {
  return colour && text ? `\u001b[${code}m${text}\u001b[0m` : text;
}
