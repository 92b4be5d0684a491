import type { LostAnswer, SlotDefinition } from './effect-definition.ts';
import type { JsonValue } from './json.ts';

/** A request as it will be sent, but for what only earlier answers can say: `{"$slot": "<name>"}` in values and `{name}` in URLs. Signatures and secret headers are added when it is sent. */
export type PlannedRequest =
  | { kind: 'webhook'; endpoint: string; method: string; url: string; body?: JsonValue; timeoutMs: number }
  | { kind: 'message'; type: string; data: JsonValue }
  | { kind: 'function'; name: string; version: number; input: JsonValue };

export interface PlannedProbe {
  request: Extract<PlannedRequest, { kind: 'webhook' }>;
  /** CEL over `answer`. */
  done: string;
}

export interface PlannedCompensation {
  request: PlannedRequest;
  lostAnswer: LostAnswer;
  probe?: PlannedProbe;
}

/** Part of the plan, and so of its digest. */
export interface PlannedEffect {
  name: string;
  phase: 'writeBack' | 'sideEffect';
  optional?: true;
  request: PlannedRequest;
  lostAnswer: LostAnswer;
  probe?: PlannedProbe;
  attempts: number;
  slots?: Record<string, SlotDefinition>;
  /** Of a write-back: which of its slots the plan's edits take. */
  fills?: string[];
  compensation?: PlannedCompensation;
  /** Of a revert: the effect that this takes back, as it was planned. A revert of the revert does it anew. */
  redo?: PlannedEffect;
  /** Sensitive properties and parameters that the requests may hold: `type.property`, or `parameters.name`. Who may not see all of them sees none of the requests. */
  sensitive?: string[];
}

export interface PlannedCheck {
  name: string;
  afterMs: number;
  /** How long it is asked again and again, and how long between two askings; once, where both are missing. */
  bakeMs?: number;
  everyMs?: number;
  /** What is asked of somebody else, or ... */
  probe?: PlannedProbe;
  /** ... CEL over the parameters, whose objects are read as they are then. */
  holds?: string;
  /** Of a change set: over the parameters of which of its actions. */
  action?: number;
  sensitive?: string[];
}
