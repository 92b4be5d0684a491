import type { JsonObject, JsonValue } from './json.ts';
import type { Principal } from './principal.ts';
import type { Snapshot } from './snapshot.ts';

/**
 * What rules cannot say, in TypeScript, registered by name and version. A function MUST be pure: the same input and snapshot give the same answer, since it runs
 * again at every check of the plan. It gets nothing but the read port, which records all it reads. Change what it does only under a new version.
 */
export interface OntologyFunction {
  name: string;
  version: number;
  run(input: FunctionInput, snapshot: FunctionSnapshot): Promise<FunctionOutcome> | FunctionOutcome;
}

export interface FunctionInput {
  /** Normalised, with what was filled in and without what is hidden: references are ids (of interfaces type and id), object sets lists of ids. */
  parameters: JsonObject;
  evaluatedAt: string;
  proposer: Principal;
}

export type FunctionSnapshot = Pick<Snapshot, 'get' | 'query' | 'links'>;

/** `refused` makes the proposal invalid, with these words for the proposer. */
export type FunctionOutcome = { edits: FunctionEdit[] } | { refused: string };

/** Before-images, no-ops and order are seen to by the evaluator. */
export type FunctionEdit =
  | { op: 'create'; type: string; id?: string; set: Record<string, JsonValue> }
  | { op: 'modify'; type: string; id: string; set?: Record<string, JsonValue>; unset?: string[] }
  | { op: 'delete'; type: string; id: string }
  | { op: 'link' | 'unlink'; link: string; from: string; to: string };

/**
 * An effect in TypeScript, registered by name and version beside the others: what no webhook can say. It runs outside every transaction and may run again after a crash, so it
 * MUST treat a second call with the same `idempotencyKey` as the first. What it returns is the answer's `body`; what it throws is a failure that is worth another
 * attempt, unless it is an `EffectRefused`.
 */
export interface EffectFunction {
  name: string;
  version: number;
  perform(input: JsonValue, call: EffectCall): Promise<JsonValue> | JsonValue;
}

export interface EffectCall {
  tenant: string;
  idempotencyKey: string;
  /** Aborted when the time of the attempt is over. */
  signal: AbortSignal;
}

/** Thrown by an effect function that will never do this: it was not done, and another attempt is pointless. */
export class EffectRefused extends Error {}

export type RegisteredFunction = OntologyFunction | EffectFunction;

export function isEffectFunction(candidate: RegisteredFunction): candidate is EffectFunction {
  return 'perform' in candidate;
}
