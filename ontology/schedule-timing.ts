import { durationMs } from './duration.ts';

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

const lastYear = 2100; // What keeps the time knows of no later one.
const daysOf = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** What of a timing says that there is no time left at which it could run, by its member, and why; null where nothing does. Whether a cron expression ever meets its bounds is not looked at. */
export function neverRuns(timing: ScheduleTiming, now: string): { member: keyof ScheduleTiming; message: string } | null {
  const { cron, every, at, startsAt, endsAt } = timing;
  const last = Date.UTC(lastYear + 1, 0, 1) - 1;
  const from = Math.max(Date.parse(now), startsAt === undefined ? 0 : Date.parse(startsAt));
  const until = endsAt === undefined ? last : Math.min(last, Date.parse(endsAt));
  const isTooLate = `must be before the end of ${lastYear}`;
  if (startsAt !== undefined && Date.parse(startsAt) > last) return { member: 'startsAt', message: isTooLate };
  if (from > until) return { member: 'endsAt', message: 'is past, or before it starts' };
  if (at !== undefined) {
    const once = Date.parse(at);
    if (once > last) return { member: 'at', message: isTooLate };
    if (once <= Date.parse(now)) return { member: 'at', message: 'is past' };
    return once < from || once > until ? { member: 'at', message: 'is not between when it starts and ends' } : null;
  }
  if (every !== undefined && Math.ceil(from / durationMs(every)) * durationMs(every) > until)
    return { member: 'every', message: 'has no time, counted from 1970, between when it starts and ends' };
  return cron !== undefined && !hasDay(cron) ? { member: 'cron', message: 'names days that no month of it has' } : null;
}

/** Whether a month that it names has a day of month that it names. */
function hasDay(cron: string): boolean {
  const [, , day = '*', month = '*'] = cron.trim().split(/\s+/);
  const [, , days, months] = fields;
  const earliest = Math.min(...valuesIn(day, days));
  return valuesIn(month, months).some((one) => earliest <= (daysOf[one - 1] ?? 0));
}

function valuesIn(part: string, field: (typeof fields)[number]): number[] {
  return part.split(',').flatMap((item) => {
    const [range = '', step] = item.split('/');
    const [first = field.from, last = step === undefined ? first : field.to] =
      range === '*' ? [field.from, field.to] : range.split('-').map((end) => numberIn(end, field) ?? field.from);
    return Array.from({ length: last - first + 1 }, (_, n) => first + n).filter((n) => (n - first) % Number(step ?? 1) === 0);
  });
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
