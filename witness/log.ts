const levels = { info: 30, warn: 40, error: 50 } as const;

/** One line of JSON on standard output, in the form of the other processes' logs. */
export function log(level: keyof typeof levels, msg: string, fields: Record<string, unknown> = {}): void {
  console.log(JSON.stringify({ level: levels[level], time: Date.now(), service: 'witness', ...fields, msg }));
}
