import { complaintOfInterval } from './asking-interval.ts';
import { compileExpression, type Expression } from './cel/expression.ts';
import { Scope, type Variable, Vocabulary } from './cel/scope.ts';
import { checkValueDefinition } from './check-value-definition.ts';
import { type CompiledTemplate, compileTemplate, type TemplateContext } from './compile-template.ts';
import type { OntologyDocument } from './definition.ts';
import type {
  CheckDefinition,
  CompensationDefinition,
  EffectDefinition,
  EndpointDefinition,
  LostAnswer,
  ProbeTemplate,
  RequestTemplate,
  SlotDefinition,
  WebhookTemplate,
} from './effect-definition.ts';
import type { FaultList } from './fault-list.ts';
import { pointerTo } from './json.ts';
import { boolean, expression, type RuleContext, type Types } from './rule-context.ts';

export interface CompiledWebhook {
  kind: 'webhook';
  endpoint: string;
  method: string;
  path: readonly CompiledTemplate[];
  query: readonly (readonly [string, CompiledTemplate])[];
  body?: CompiledTemplate;
}

export type CompiledRequest =
  | CompiledWebhook
  | { kind: 'message'; type: string; data: CompiledTemplate }
  | { kind: 'function'; name: string; version: number; input: CompiledTemplate };

export interface CompiledProbe {
  request: CompiledWebhook;
  done: string;
}

export interface CompiledCompensation {
  request: CompiledRequest;
  lostAnswer: LostAnswer;
  probe?: CompiledProbe;
}

export interface CompiledEffect {
  definition: EffectDefinition;
  pointer: string;
  when?: Expression;
  request: CompiledRequest;
  lostAnswer: LostAnswer;
  probe?: CompiledProbe;
  compensation?: CompiledCompensation;
  /** What is sensitive of what it sends, as does its compensation, and asks. */
  sensitive: readonly string[];
  /** The same by the definitions of another time. */
  sensitiveIn: (types: Types) => readonly string[];
}

export interface CompiledCheck {
  definition: CheckDefinition;
  probe?: CompiledProbe;
  holds?: Expression;
  sensitive: readonly string[];
}

const answerScope = new Scope(new Vocabulary(new Map())).with('answer', 'dyn');
const anything = { type: () => true, words: 'a value' };

/** CEL over `answer` {status, body}: what came back. */
export function compileOverAnswer(text: string, pointer: string, expects: 'boolean' | 'anything' = 'anything') {
  return compileExpression(answerScope, text, pointer, expects === 'boolean' ? boolean : anything);
}

export function checkEndpoints({ endpoints = {} }: OntologyDocument, faults: FaultList): void {
  for (const [name, { url }] of Object.entries(endpoints)) {
    const complaint = complaintOf(url);
    if (complaint !== undefined) faults.addAt('/endpoints', [name, 'url'], complaint);
  }
}

function complaintOf(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return 'must be an absolute https URL';
  if (url.username !== '' || url.password !== '') return 'must hold no user and no password; secrets are kept apart';
  return url.search !== '' || url.hash !== '' ? 'must have neither query nor fragment' : undefined;
}

interface EffectsContext {
  document: OntologyDocument;
  rules: RuleContext;
  scope: Scope;
  endpoints: Readonly<Record<string, EndpointDefinition>>;
  /** What is sensitive of what these variables were asked for, and of what these slots fill; by the definitions that are compiled where no others are given. */
  sensitiveOf: (variables: Iterable<Variable>, slots: ReadonlySet<string>, types?: Types) => string[];
}

/** Compiles an action type's effects in order, since a later one may take what the answer to an earlier one says. */
export function compileEffects(context: EffectsContext, effects: readonly EffectDefinition[], base: string): CompiledEffect[] {
  const filled = new Set<string>();
  const { faults } = context.rules;
  if (new Set(effects.map(({ name }) => name)).size !== effects.length) faults.add(base, 'two effects have one name');
  return effects.flatMap((effect, at) => {
    const pointer = pointerTo(base, at);
    if (effect.phase === 'writeBack' && effects[at - 1]?.phase === 'sideEffect')
      faults.addAt(pointer, ['phase'], 'write-backs come before side effects');
    if (effect.phase === 'writeBack' && effect.optional) faults.addAt(pointer, ['optional'], 'only side effects may be optional');
    const compiled = compileEffect(context, effect, pointer, filled);
    if (!effect.optional) for (const slot of Object.keys(effect.slots ?? {})) filled.add(slot);
    return compiled ? [compiled] : [];
  });
}

function compileEffect(
  context: EffectsContext,
  effect: EffectDefinition,
  pointer: string,
  filled: ReadonlySet<string>,
): CompiledEffect | undefined {
  const { rules, scope, endpoints } = context;
  const tracing = scope.traced();
  const sent = new Set<string>();
  const before: SendContext = { rules, scope, tracing, slots: new Set(filled), sent, endpoints };
  const after = { ...before, slots: new Set([...filled, ...Object.keys(effect.slots ?? {})]) };
  for (const [slot, { value }] of Object.entries(effect.slots ?? {}) as [string, SlotDefinition][]) {
    if (filled.has(slot)) rules.faults.addAt(pointer, ['slots', slot], 'an earlier effect fills it');
    checkValueDefinition(context.document, effect.slots?.[slot] as SlotDefinition, pointerTo(pointer, 'slots', slot), rules.faults);
    rules.faults.take(compileOverAnswer(value, pointerTo(pointer, 'slots', slot, 'value')));
  }
  if (effect.slots && 'message' in effect) rules.faults.addAt(pointer, ['slots'], 'a message has no answer');
  const when = effect.when === undefined ? undefined : expression(rules, scope, effect.when, pointerTo(pointer, 'when'), boolean);
  const request = compileRequest(before, effect, pointer);
  const handling = compileHandling(before, effect, pointer);
  const compensation = effect.compensation && compileCompensation(after, effect.compensation, pointerTo(pointer, 'compensation'));
  if (!request) return undefined;
  return {
    definition: effect,
    pointer,
    ...(when ? { when } : {}),
    request,
    ...handling,
    ...(compensation ? { compensation } : {}),
    sensitive: context.sensitiveOf(tracing.variables.values(), sent),
    sensitiveIn: (types) => context.sensitiveOf(tracing.variables.values(), sent, types),
  };
}

export function compileChecks(
  context: EffectsContext,
  effects: readonly EffectDefinition[],
  checks: readonly CheckDefinition[],
  base: string,
) {
  const { rules, scope, endpoints } = context;
  const slots = new Set(effects.flatMap((effect) => (effect.optional ? [] : Object.keys(effect.slots ?? {}))));
  return checks.flatMap((definition, at): CompiledCheck[] => {
    const complaint = complaintOfInterval(definition);
    if (complaint !== undefined) rules.faults.addAt(pointerTo(base, at), ['every'], complaint);
    if (definition.probe === undefined) {
      const holds = expression(rules, scope, definition.holds ?? '', pointerTo(base, at, 'holds'), boolean);
      return holds ? [{ definition, holds, sensitive: [] }] : [];
    }
    const tracing = scope.traced();
    const sent = new Set<string>();
    const send = { rules, scope, tracing, slots, sent, endpoints };
    const probe = compileProbe(send, definition.probe, pointerTo(base, at, 'probe'));
    return probe ? [{ definition, probe, sensitive: context.sensitiveOf(tracing.variables.values(), sent) }] : [];
  });
}

interface SendContext extends TemplateContext {
  endpoints: EffectsContext['endpoints'];
}

function compileCompensation(context: SendContext, definition: CompensationDefinition, pointer: string): CompiledCompensation | undefined {
  const request = compileRequest(context, definition, pointer);
  const handling = compileHandling(context, definition, pointer);
  return request && { request, ...handling };
}

/** What a lost answer means must be said: there is no right guess. A message is stored with what it tells, so nothing of it is lost. */
function compileHandling(
  context: SendContext,
  definition: RequestTemplate & { lostAnswer?: LostAnswer; probe?: ProbeTemplate },
  pointer: string,
): Pick<CompiledCompensation, 'lostAnswer' | 'probe'> {
  const { faults } = context.rules;
  if ('message' in definition) {
    if (definition.lostAnswer !== undefined) faults.addAt(pointer, ['lostAnswer'], 'the answer to a message cannot be lost');
    return { lostAnswer: 'key' };
  }
  if (definition.lostAnswer === undefined) {
    faults.add(pointer, 'must say under lostAnswer what a lost answer means: key, probe or none');
    return { lostAnswer: 'none' };
  }
  if ((definition.lostAnswer === 'probe') !== (definition.probe !== undefined)) {
    faults.addAt(pointer, ['probe'], 'goes with lostAnswer probe, and with it alone');
  }
  const probe = definition.probe && compileProbe(context, definition.probe, pointerTo(pointer, 'probe'));
  return { lostAnswer: definition.lostAnswer, ...(probe ? { probe } : {}) };
}

function compileProbe(context: SendContext, { webhook, done }: ProbeTemplate, pointer: string): CompiledProbe | undefined {
  context.rules.faults.take(compileOverAnswer(done, pointerTo(pointer, 'done'), 'boolean'));
  const request = compileWebhook(context, { method: 'GET', ...webhook }, pointerTo(pointer, 'webhook'));
  return request && { request, done };
}

function compileRequest(context: SendContext, definition: RequestTemplate, pointer: string): CompiledRequest | undefined {
  if ('webhook' in definition) return compileWebhook(context, { method: 'POST', ...definition.webhook }, pointerTo(pointer, 'webhook'));
  if ('message' in definition) {
    const data = compileTemplate(context, definition.message.data, pointerTo(pointer, 'message', 'data'));
    return data && { kind: 'message', type: definition.message.type, data };
  }
  const { name, version, input } = definition.function;
  if (!context.rules.effectFunctions.has(`${name}@${version}`)) {
    context.rules.faults.addAt(pointer, ['function', 'name'], `no effect function ${name} of version ${version} is registered`);
  }
  const compiled = compileTemplate(context, input, pointerTo(pointer, 'function', 'input'));
  return compiled && { kind: 'function', name, version, input: compiled };
}

function compileWebhook(context: SendContext, webhook: WebhookTemplate, pointer: string): CompiledWebhook | undefined {
  if (!Object.hasOwn(context.endpoints, webhook.endpoint)) {
    context.rules.faults.addAt(pointer, ['endpoint'], `there is no endpoint ${webhook.endpoint}`);
    return undefined;
  }
  const body = webhook.body === undefined ? undefined : compileTemplate(context, webhook.body, pointerTo(pointer, 'body'));
  if (body && webhook.method === 'GET') context.rules.faults.addAt(pointer, ['body'], 'a GET has none');
  return {
    kind: 'webhook',
    endpoint: webhook.endpoint,
    method: webhook.method ?? 'POST',
    path: (webhook.path ?? []).flatMap((segment, at) => compileTemplate(context, segment, pointerTo(pointer, 'path', at)) ?? []),
    query: Object.entries(webhook.query ?? {}).flatMap(([name, value]) => {
      const compiled = compileTemplate(context, value, pointerTo(pointer, 'query', name));
      return compiled ? [[name, compiled] as const] : [];
    }),
    ...(body ? { body } : {}),
  };
}
