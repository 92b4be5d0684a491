import type { Environment } from '@marcbachmann/cel-js';
import type { Duration } from '@marcbachmann/cel-js/evaluator';
import { durationBetween, Instant, instantText, nanosecondsOf, plusDuration, readInstant, wholeMilliseconds } from '../instant.ts';
import { timestampType } from './cel-types.ts';
import { fineMark, instantMark, wholeMark } from './expression-text.ts';
import { ComputationError } from './failure-words.ts';

type AnyInstant = Date | Instant;

const fineType = 'instant';
const durationType = 'google.protobuf.Duration';

/**
 * Instants between milliseconds, which the library's timestamps cannot be. While checking there is one type of timestamps; while running, the finer ones are of a type of
 * their own, with the same operators. Adding goes through it for all of them, since the library would cut what is finer in a duration.
 */
export function withInstants(environment: Environment): Environment {
  const extended = environment
    .registerType(fineType, { ctor: Instant })
    .registerFunction(`${instantMark}(dyn): dyn`, readTimestamp)
    .registerFunction(`${wholeMark}(dyn): dyn`, (value: unknown) => (value instanceof Instant ? wholeMilliseconds(value) : value))
    .registerFunction(`${fineMark}(dyn): dyn`, (value: unknown) => (value instanceof Date ? new Instant(nanosecondsOf(value)) : value))
    .registerFunction(`date(${fineType}): string`, (time: Instant) => instantText(time).slice(0, 10))
    .registerFunction(`string(${fineType}): string`, (time: Instant) => instantText(time))
    .registerOperator(`${fineType} == ${fineType}`, (left: Instant, right: Instant) => left.nanoseconds === right.nanoseconds)
    .registerOperator(`${fineType} == ${timestampType}`, () => false)
    .registerOperator(`${fineType} - ${fineType}: ${durationType}`, durationBetween)
    .registerOperator(`${fineType} - ${timestampType}: ${durationType}`, durationBetween)
    .registerOperator(`${timestampType} - ${fineType}: ${durationType}`, durationBetween)
    .registerOperator(`${fineType} + ${durationType}: dyn`, (time: Instant, by: Duration) => admitted(plusDuration(time, by)))
    .registerOperator(`${durationType} + ${fineType}: dyn`, (by: Duration, time: Instant) => admitted(plusDuration(time, by)))
    .registerOperator(`${fineType} - ${durationType}: dyn`, (time: Instant, by: Duration) => admitted(plusDuration(time, by, -1n)));
  for (const [left, right] of [
    [fineType, fineType],
    [fineType, timestampType],
    [timestampType, fineType],
  ]) {
    extended
      .registerOperator(`${left} < ${right}`, (a: AnyInstant, b: AnyInstant) => nanosecondsOf(a) < nanosecondsOf(b))
      .registerOperator(`${left} <= ${right}`, (a: AnyInstant, b: AnyInstant) => nanosecondsOf(a) <= nanosecondsOf(b))
      .registerOperator(`${left} > ${right}`, (a: AnyInstant, b: AnyInstant) => nanosecondsOf(a) > nanosecondsOf(b))
      .registerOperator(`${left} >= ${right}`, (a: AnyInstant, b: AnyInstant) => nanosecondsOf(a) >= nanosecondsOf(b));
  }
  return extended;
}

/** What `timestamp()` gives: for whole milliseconds what the library's own would, which cuts what is finer. */
function readTimestamp(value: unknown): AnyInstant {
  if (typeof value === 'bigint') return admitted(new Date(Number(value) * 1000));
  if (typeof value !== 'string' || value.length < 20 || value.length > 35) throw refused();
  const read = readInstant(value);
  if (read) return read;
  if (/\.[0-9]{4}/.test(value)) throw refused();
  return admitted(new Date(value));
}

function admitted(time: AnyInstant): AnyInstant {
  const milliseconds = wholeMilliseconds(time).getTime();
  if (milliseconds >= -62_135_596_800_000 && milliseconds <= 253_402_300_799_999) return time;
  throw refused();
}

function refused(): ComputationError {
  return new ComputationError('timestamp() requires a string in ISO 8601 format');
}
