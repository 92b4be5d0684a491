import type { Described, ValueDefinition } from './definition.ts';

/** Where effects may go: nothing is sent anywhere else. */
export interface EndpointDefinition extends Described {
  /** `https`, without a query; paths of effects are below it. */
  url: string;
  /** An ISO 8601 duration of at most a minute: how long an answer is waited for. `PT10S` by default. */
  timeout?: string;
}

/**
 * What is sent, as a tree: a text is CEL over the parameters, `proposer` and `evaluatedAt`, computed by the simulation; `{"slot": "<name>"}` is what the answer to an
 * earlier effect will say.
 */
export type Template = string | { slot: string } | { [name: string]: Template } | Template[];

export interface WebhookTemplate {
  endpoint: string;
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Segments below the endpoint's URL, each of which is encoded. */
  path?: Template[];
  query?: Record<string, Template>;
  body?: Template;
}

/** One of the three. */
export type RequestTemplate =
  | { webhook: WebhookTemplate }
  /** An event of the outbox, `message.<type>`. */
  | { message: { type: string; data: Template } }
  /** A registered effect function. */
  | { function: { name: string; version: number; input: Template } };

/**
 * How a request is treated whose answer was lost: `key` sends it again, since the receiver honours the idempotency key; `probe` asks first whether it was done;
 * `none` never sends it again by itself, a person decides.
 */
export type LostAnswer = 'key' | 'probe' | 'none';

/** `done` is CEL over `answer` {status, body}: whether the effect has happened. */
export interface ProbeTemplate {
  webhook: WebhookTemplate;
  done: string;
}

/** `value` is CEL over `answer` {status, body}. */
export type SlotDefinition = ValueDefinition & { value: string };

export type CompensationDefinition = RequestTemplate & { lostAnswer?: LostAnswer; probe?: ProbeTemplate };

/**
 * Something outside the ontology. A write-back comes before the ontology's transaction, and where it fails nothing is changed; a side effect comes after it, and where it
 * fails for good everything is undone, unless it is optional.
 */
export type EffectDefinition = Described &
  RequestTemplate & {
    name: string;
    phase: 'writeBack' | 'sideEffect';
    /** CEL; left out of the plan where it is false. */
    when?: string;
    /** Of side effects alone: a failure is reported and undoes nothing. */
    optional?: boolean;
    /** How often it is tried; 5 by default. */
    attempts?: number;
    lostAnswer?: LostAnswer;
    probe?: ProbeTemplate;
    /** What later effects, and its own compensation, may take from the answer. */
    slots?: Record<string, SlotDefinition>;
    /** Without one, the action cannot be undone from here on. */
    compensation?: CompensationDefinition;
  };

/** Asked after the last effect: where it does not hold, everything is undone. One of `probe` and `holds`. */
export interface CheckDefinition extends Described {
  name: string;
  /** How long to wait before it is asked: an ISO 8601 duration. At once, where it is left out. */
  after?: string;
  /** Its bake time, an ISO 8601 duration: it is asked again and again from then on, and must hold each time, also when this is over. Once, where it is left out. */
  bake?: string;
  /** How long between two askings of the bake time; `askingIntervalMs` unless said. */
  every?: string;
  /** Asks somebody else. */
  probe?: ProbeTemplate;
  /** CEL over the parameters, whose objects are read as they are then; `evaluatedAt` is that instant. */
  holds?: string;
}
