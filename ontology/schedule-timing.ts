/** When a schedule runs: one of `cron`, `every` and `at`. */
export interface ScheduleTiming {
  /** Five fields: minute, hour, day of month, month, day of week. */
  cron?: string;
  /** ISO 8601 duration, counted from 1970. */
  every?: string;
  /** Once, RFC 3339. */
  at?: string;
  /** IANA name, for `cron`; UTC where it is left out. */
  timeZone?: string;
  startsAt?: string;
  endsAt?: string;
  /** ISO 8601 duration by which runs are spread. */
  jitter?: string;
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const fields = [
  { name: 'minute', from: 0, to: 59, names: [] },
  { name: 'hour', from: 0, to: 23, names: [] },
  { name: 'day of month', from: 1, to: 31, names: [] },
  { name: 'month', from: 1, to: 12, names: months },
  { name: 'day of week', from: 0, to: 7, names: days },
] as const;

/** What is wrong with a cron expression; null where nothing is. */
export function faultOfCron(text: string): string | null {
  const given = text.trim().split(/\s+/);
  if (given.length !== fields.length) return 'has five fields: minute, hour, day of month, month, day of week';
  for (const [at, field] of fields.entries()) {
    const part = given[at] ?? '';
    if (!part.split(',').every((item) => isRange(item, field))) return `its ${field.name} cannot be ${part}`;
  }
  return null;
}

/** `*`, a number or name, or two of them with a dash between; each may have a step. */
function isRange(item: string, field: (typeof fields)[number]): boolean {
  const [range = '', step, ...more] = item.split('/');
  if (more.length > 0 || (step !== undefined && !/^[1-9][0-9]?$/.test(step))) return false;
  if (range === '*') return true;
  const ends = range.split('-').map((end) => numberIn(end, field));
  const [first, last = first] = ends;
  return ends.length <= 2 && first !== null && last !== null && first !== undefined && last !== undefined && first <= last;
}

function numberIn(text: string, { from, to, names }: (typeof fields)[number]): number | null {
  const named = (names as readonly string[]).indexOf(text.toLowerCase());
  const value = named >= 0 ? named + from : /^[0-9]{1,2}$/.test(text) ? Number(text) : Number.NaN;
  return value >= from && value <= to ? value : null;
}
