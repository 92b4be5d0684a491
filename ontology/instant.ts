import { Duration } from '@marcbachmann/cel-js/evaluator';

const readable = /^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?(Z|[+-][0-9]{2}:[0-9]{2})$/;
const nanosInMillisecond = 1_000_000n;
const nanosInSecond = 1_000_000_000n;
const earliest = -62_135_596_800_000; // The year 1.
const latest = 253_402_300_799_999; // The end of the year 9999.

/** An instant that lies between two milliseconds. Those on one are Dates, as the expression library has them, so that each instant has one form. */
export class Instant {
  /** Since 1970. */
  readonly nanoseconds: bigint;

  constructor(nanoseconds: bigint) {
    this.nanoseconds = nanoseconds;
  }

  /** Canonical text: in UTC, with milliseconds and then what digits there are, without zeros at the end. */
  toString(): string {
    const finer = mod(this.nanoseconds, nanosInMillisecond).toString().padStart(6, '0').replace(/0+$/, '');
    return `${wholeMilliseconds(this).toISOString().slice(0, -1)}${finer}Z`;
  }
}

/** Reads ISO 8601 with up to nanoseconds; undefined for anything else, and outside the years 1 to 9999. Days that no month has roll over. */
export function readInstant(text: string): Date | Instant | undefined {
  const [match, minutes, seconds = '00', fraction = '', zone] = readable.exec(text) ?? [];
  if (match === undefined) return undefined;
  const time = Date.parse(`${minutes}:${seconds}.${fraction.slice(0, 3).padEnd(3, '0')}${zone}`);
  if (Number.isNaN(time) || time < earliest || time > latest) return undefined;
  return ofNanoseconds(BigInt(time) * nanosInMillisecond + BigInt(fraction.slice(3).padEnd(6, '0')));
}

export function instantText(instant: Date | Instant): string {
  return instant instanceof Date ? instant.toISOString() : instant.toString();
}

export function nanosecondsOf(instant: Date | Instant): bigint {
  return instant instanceof Date ? BigInt(instant.getTime()) * nanosInMillisecond : instant.nanoseconds;
}

/** The millisecond at which it lies, or behind which. */
export function wholeMilliseconds(instant: Date | Instant): Date {
  if (instant instanceof Date) return instant;
  return new Date(Number((instant.nanoseconds - mod(instant.nanoseconds, nanosInMillisecond)) / nanosInMillisecond));
}

/**
 * Text that sorts as the instants do, of canonical texts: digits behind the milliseconds come behind the Z, which otherwise sorts behind every digit. The database
 * builds the same, and texts with milliseconds alone are their own.
 */
export function sortableInstant(text: string): string {
  return `${text.slice(0, 23)}Z${text.slice(23, -1)}`;
}

/** @throws {RangeError} outside the years 1 to 9999. */
export function plusDuration(instant: Date | Instant, duration: Duration, sign: 1n | -1n = 1n): Date | Instant {
  return ofNanoseconds(nanosecondsOf(instant) + sign * (duration.seconds * nanosInSecond + BigInt(duration.nanos)));
}

export function durationBetween(later: Date | Instant, earlier: Date | Instant): Duration {
  const nanoseconds = nanosecondsOf(later) - nanosecondsOf(earlier);
  return new Duration(nanoseconds / nanosInSecond, Number(nanoseconds % nanosInSecond));
}

function ofNanoseconds(nanoseconds: bigint): Date | Instant {
  return mod(nanoseconds, nanosInMillisecond) === 0n ? new Date(Number(nanoseconds / nanosInMillisecond)) : new Instant(nanoseconds);
}

function mod(value: bigint, by: bigint): bigint {
  return ((value % by) + by) % by;
}
