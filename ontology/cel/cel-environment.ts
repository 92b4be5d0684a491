import { Environment } from '@marcbachmann/cel-js';
import { compilePattern, longestMatchedText } from '../compile-pattern.ts';
import { Decimal, longestDecimal } from '../decimal.ts';
import { bounded, joinable, loop, readText } from './budget.ts';
import { decimalType, geopointType, timestampType } from './cel-types.ts';
import { boundMark, joinMark, linearMatches, loopMark, orderMark } from './expression-text.ts';
import { ComputationError } from './failure-words.ts';
import { Geopoint } from './geopoint.ts';
import { withInstants } from './instant-operators.ts';
import { isSameObject, ObjectView } from './object-view.ts';
import { orderedText } from './ordered-text.ts';

/**
 * Two environments share one language. The checking one knows the precise type of every variable and property, so that a mistake is found when a definition is
 * uploaded; there, every type may be compared with null. The running one knows no types, because an absent property is null in it, which the library's typed
 * variables would refuse. What the checking one admits, the running one computes alike.
 */
const limits = { maxAstNodes: 2_000, maxDepth: 60 };
/** Expressions are written anew for running, with more parentheses than their authors used. */
const runningLimits = { maxAstNodes: 20_000, maxDepth: 500 };

export const running: Environment = withInstants(
  extend(new Environment({ unlistedVariablesAreDyn: true, homogeneousAggregateLiterals: false, limits: runningLimits })),
)
  .registerType('object', { ctor: ObjectView })
  .registerOperator('object == object', isSameObject)
  .registerFunction(`string.${linearMatches}(string): bool`, matches)
  .registerFunction(`${loopMark}(dyn, int): dyn`, loop)
  .registerFunction(`${boundMark}(dyn): dyn`, bounded)
  .registerFunction(`${orderMark}(dyn): dyn`, orderedText)
  .registerFunction(`${joinMark}(dyn): dyn`, joinable);

/** @throws {Error} when the text is too long, or a computed pattern is none; one that is written out was looked at when its expression was compiled. */
function matches(text: string, pattern: string): boolean {
  if (text.length > longestMatchedText) throw new ComputationError(`matches(): the text has more than ${longestMatchedText} characters`);
  readText(text);
  const outcome = compilePattern(pattern);
  if ('refused' in outcome) {
    throw new ComputationError('matches(): the computed text is no pattern');
  }
  return outcome.pattern.matchesPart(text);
}

/** A checking environment without variables, to be cloned for each scope. `objectTypes` and `structTypes` map CEL type names to their fields. */
export function checkingEnvironment(
  objectTypes: ReadonlyMap<string, Record<string, string>>,
  structTypes: ReadonlyMap<string, Record<string, string>>,
): Environment {
  const environment = extend(new Environment({ homogeneousAggregateLiterals: false, limits })); // A struct is written as a map of values of any type.
  const scalars = ['bool', 'int', 'double', 'string', timestampType, decimalType, geopointType, ...structTypes.keys()];
  for (const [name, fields] of [...objectTypes, ...structTypes]) {
    environment.registerType(name, { ctor: class {}, fields });
  }
  for (const name of objectTypes.keys()) {
    environment.registerOperator(`${name} == null`, unreachable);
    environment.registerOperator(`${name} == ${name}`, unreachable);
  }
  for (const name of scalars) {
    environment.registerOperator(`${name} == null`, unreachable);
    environment.registerOperator(`list<${name}> == null`, unreachable);
  }
  // `roles` is the only thing a principal has beside text.
  environment.registerType('principal', { ctor: class {}, fields: { id: 'string', kind: 'string', roles: 'list<string>' } });
  const planFacts = {
    edits: 'int',
    objects: 'map<string, int>',
    operations: 'map<string, int>',
    riskTier: 'string',
    sensitive: 'list<string>',
  };
  environment.registerType('planFacts', { ctor: class {}, fields: planFacts });
  return environment;
}

function isSameNumber(left: bigint, right: number): boolean {
  return Number.isInteger(right) && BigInt(right) === left;
}

function unreachable(): boolean {
  throw new Error('the checking environment never runs');
}

function extend(environment: Environment): Environment {
  return environment
    .registerType(decimalType, { ctor: Decimal })
    .registerType(geopointType, { ctor: Geopoint, fields: { latitude: 'double', longitude: 'double' } })
    .registerFunction('geopoint(double, double): geopoint', (latitude: number, longitude: number) => new Geopoint(latitude, longitude))
    .registerFunction('geopoint.distance(geopoint): double', (from: Geopoint, to: Geopoint) => from.distance(to))
    .registerOperator('geopoint == geopoint', (left: Geopoint, right: Geopoint) => left.equals(right))
    .registerFunction('decimal(string): decimal', (text: string) => {
      const number = Decimal.parse(text);
      if (!number) {
        throw new ComputationError(`decimal(): the text is no decimal number of at most ${longestDecimal} characters`);
      }
      return number;
    })
    .registerFunction('decimal(int): decimal', (number: bigint) => new Decimal(number, 0))
    .registerFunction('string(decimal): string', (number: Decimal) => number.toString())
    .registerFunction('double(decimal): double', (number: Decimal) => Number(number.toString()))
    .registerFunction('date(google.protobuf.Timestamp): string', (time: Date) => time.toISOString().slice(0, 10))
    .registerFunction('string(google.protobuf.Timestamp): string', (time: Date) => time.toISOString())
    .registerOperator('-decimal', (number: Decimal) => number.negated())
    .registerOperator('int == double', isSameNumber)
    .registerOperator('decimal == decimal', (left: Decimal, right: Decimal) => left.compare(right) === 0)
    .registerOperator('decimal < decimal', (left: Decimal, right: Decimal) => left.compare(right) < 0)
    .registerOperator('decimal <= decimal', (left: Decimal, right: Decimal) => left.compare(right) <= 0)
    .registerOperator('decimal > decimal', (left: Decimal, right: Decimal) => left.compare(right) > 0)
    .registerOperator('decimal >= decimal', (left: Decimal, right: Decimal) => left.compare(right) >= 0)
    .registerOperator('decimal + decimal', (left: Decimal, right: Decimal) => left.plus(right))
    .registerOperator('decimal - decimal', (left: Decimal, right: Decimal) => left.minus(right))
    .registerOperator('decimal * decimal', (left: Decimal, right: Decimal) => left.times(right));
}
