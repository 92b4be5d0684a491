import { type ChangeSetParameters, isChangeSet, membersOf } from './change-set.ts';
import type { PropertyChange, PropertyDifference } from './compare-edits.ts';
import { equalJson } from './equal-json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { requestsOf } from './outside-effects.ts';
import type { Edit, Fault, PlanSummary } from './plan.ts';
import type { PlannedCheck, PlannedEffect, PlannedRequest } from './planned-effect.ts';
import type { FieldOwner, SensitiveFields } from './sensitive-fields.ts';

/** Stands where a value is not shown. No value looks like it: the only values that are objects have fields whose names begin with a letter. */
export const maskedValue = Object.freeze({ $masked: true }) satisfies JsonObject;

/**
 * What one reader sees of values: sensitive ones that are not for this reader are replaced by `maskedValue`, by definition and never by what they look like. Everything
 * that shows values of objects or parameters to anybody MUST pass through here; what is stored, digested and executed never does.
 */
export class Mask {
  private readonly fields: SensitiveFields;
  private readonly admits: (readers: string) => boolean;
  private readonly verdicts = new Map<string, boolean>();
  private readonly told = new Map<string, number>();

  /** `admits` asks the gate about CEL over `reader`. */
  constructor(fields: SensitiveFields, admits: (readers: string) => boolean) {
    this.fields = fields;
    this.admits = admits;
  }

  hides(owner: FieldOwner, name: string, field: string): boolean {
    const readers = this.fields.readersOf(owner, name, field);
    return readers !== null && !this.isReader(readers);
  }

  /** How many sensitive values were let through, by owner, name and field: what the audit log keeps of a read. */
  reads(): Record<string, number> {
    return Object.fromEntries(this.told);
  }

  /** That a reader who may is told something of a sensitive field, be it by the answer to a question about it. */
  tell(owner: FieldOwner, name: string, field: string): void {
    if (this.fields.readersOf(owner, name, field) === null) return;
    const key = `${owner}/${name}/${field}`;
    this.told.set(key, (this.told.get(key) ?? 0) + 1);
  }

  /** Whether this reader sees every value of every type. */
  hidesNothing(): boolean {
    return this.fields.allReaders().every((readers) => this.isReader(readers));
  }

  /** Which of these fields this reader sees masked. */
  hidden(owner: FieldOwner, name: string, fields: object): string[] {
    return Object.keys(fields).filter((field) => this.hides(owner, name, field));
  }

  /** Values by property of an object type, or by parameter of an action type. */
  values<V extends Record<string, JsonValue>>(owner: FieldOwner, name: string, values: V): V {
    const hidden = this.hidden(owner, name, values);
    for (const [field, value] of Object.entries(values)) if (value !== null && !hidden.includes(field)) this.tell(owner, name, field);
    return hidden.length === 0 ? values : { ...values, ...Object.fromEntries(hidden.map((field) => [field, maskedValue])) };
  }

  object<T extends { type: string; properties: JsonObject }>(object: T): T {
    return { ...object, properties: this.values('objectTypes', object.type, object.properties) };
  }

  page<P extends { objects: readonly { type: string; properties: JsonObject }[] }>(page: P): P {
    return { ...page, objects: page.objects.map((object) => this.object(object)) };
  }

  /** An edit of a plan, or what of one a history entry tells. */
  change<T extends { before?: JsonObject | null; set?: JsonObject | null }>(type: string, change: T): T {
    return {
      ...change,
      ...(change.before ? { before: this.values('objectTypes', type, change.before) } : {}),
      ...(change.set ? { set: this.values('objectTypes', type, change.set) } : {}),
    };
  }

  edit(edit: Edit): Edit {
    return 'type' in edit ? this.change(edit.type, edit) : edit;
  }

  /** Requests that may hold what this reader does not see are not shown, whole. */
  effect(actionType: string, effect: PlannedEffect): PlannedEffect {
    if (holdsNothing(effect)) return effect;
    if (!this.hidesAny(actionType, effect.sensitive)) return effect;
    const { compensation, redo } = effect;
    return {
      ...effect,
      request: maskedRequest(effect.request),
      ...(redo ? { redo: this.effect(actionType, redo) } : {}),
      ...(effect.probe ? { probe: { ...effect.probe, request: maskedRequest(effect.probe.request) } } : {}),
      ...(compensation
        ? {
            compensation: {
              ...compensation,
              request: maskedRequest(compensation.request),
              ...(compensation.probe ? { probe: { ...compensation.probe, request: maskedRequest(compensation.probe.request) } } : {}),
            },
          }
        : {}),
    };
  }

  check(actionType: string, check: PlannedCheck): PlannedCheck {
    return check.probe !== undefined && this.hidesAny(actionType, check.sensitive)
      ? { ...check, probe: { ...check.probe, request: maskedRequest(check.probe.request) } }
      : check;
  }

  /** What of them is not hidden is told. */
  private hidesAny(actionType: string, paths: readonly string[] = []): boolean {
    const places = paths.flatMap((path): [FieldOwner, string, string][] => {
      const [owner = '', field = ''] = path.split('.');
      return owner === 'parameters' ? membersOf(actionType).map((name) => ['actionTypes', name, field]) : [['objectTypes', owner, field]];
    });
    if (places.some((place) => this.hides(...place))) return true;
    for (const place of places) this.tell(...place);
    return false;
  }

  /** What two plans make of one property. */
  difference(type: string, difference: PropertyDifference): PropertyDifference {
    const side = (change: PropertyChange | null) =>
      change && (Object.fromEntries(Object.keys(change).map((name) => [name, maskedValue])) as PropertyChange);
    if (this.hides('objectTypes', type, difference.property))
      return { property: difference.property, from: side(difference.from), to: side(difference.to) };
    this.tell('objectTypes', type, difference.property);
    return difference;
  }

  /** Of a change set those of each of its actions. */
  parameters(actionType: string, parameters: JsonValue): JsonValue {
    const isRecord = typeof parameters === 'object' && parameters !== null && !Array.isArray(parameters);
    if (!isRecord) return parameters;
    if (!isChangeSet(actionType)) return this.values('actionTypes', actionType, parameters);
    const { actions } = parameters as unknown as ChangeSetParameters;
    return { actions: actions.map((one) => ({ ...one, parameters: this.values('actionTypes', one.actionType, one.parameters) })) };
  }

  /** A set whose filter is hidden is not shown at all: what it selects tells what the filter says. */
  summary(actionType: string, summary: PlanSummary): PlanSummary {
    const { actions } = summary;
    return {
      ...this.choice(actionType, summary),
      ...(actions ? { actions: actions.map((one) => this.choice(one.actionType, one)) } : {}),
    };
  }

  private choice<S extends Pick<PlanSummary, 'prefilled' | 'objectSets'>>(actionType: string, { prefilled, objectSets, ...numbers }: S) {
    const sets = Object.entries(objectSets ?? {}).filter(([name]) => !this.hides('actionTypes', actionType, name));
    for (const [name] of sets) this.tell('actionTypes', actionType, name);
    return {
      ...numbers,
      ...(prefilled ? { prefilled: this.values('actionTypes', actionType, prefilled) } : {}),
      ...(sets.length > 0 ? { objectSets: Object.fromEntries(sets) } : {}),
    };
  }

  /** What is wrong with a hidden value would tell something of it, unless the definition's author wrote the words. */
  fault(actionType: string, fault: Fault): Fault {
    const hidden = (fault.objects ?? []).filter(
      ({ type, property }) => property !== undefined && this.hides('objectTypes', type, property),
    );
    const parameter = /^(?:\/(?:parameters|changeSet)\/actions\/[0-9]+)?\/parameters\/([^/]+)/.exec(fault.pointer ?? '')?.[1];
    // Which action of a change set it is of does not matter: what one of them hides is not told.
    const isParameter = parameter !== undefined && membersOf(actionType).some((name) => this.hides('actionTypes', name, parameter));
    if (hidden.length === 0 && !isParameter) return fault;
    const { objects, pointer, ...rest } = fault;
    // That a parameter which is shown equals a value which is not would tell that value.
    const isAstray = !isParameter && /^\/parameters\//.test(pointer ?? '');
    const names = isParameter ? [parameter] : [...new Set(hidden.map(({ property }) => property))];
    const isTelling = isParameter || hidden.some(({ type, property }) => this.fields.isReference(type, property ?? ''));
    return {
      ...rest,
      ...(pointer === undefined || isAstray ? {} : { pointer }),
      message: isInAuthorsWords(fault) ? fault.message : `${names.join(', ')}: sensitive, so what is wrong with it is not shown`,
      ...(isTelling || objects === undefined ? {} : { objects }),
    };
  }

  private isReader(readers: string): boolean {
    const known = this.verdicts.get(readers);
    if (known !== undefined) return known;
    const verdict = this.admits(readers);
    this.verdicts.set(readers, verdict);
    return verdict;
  }
}

/** Messages without their data alone: nothing of them is told to anybody. */
function holdsNothing({ redo, ...effect }: PlannedEffect): boolean {
  const isEmpty = (request: PlannedRequest) => request.kind === 'message' && equalJson(request.data, maskedValue);
  return requestsOf(effect).every(isEmpty) && (redo === undefined || holdsNothing(redo));
}

/** The endpoint's name says where it goes. */
function maskedRequest<R extends PlannedRequest>(request: R): R {
  if (request.kind === 'message') return { ...request, data: maskedValue };
  if (request.kind === 'function') return { ...request, input: maskedValue };
  return {
    ...request,
    url: '…',
    ...(request.body === undefined ? {} : { body: maskedValue }),
  };
}

function isInAuthorsWords({ code }: Fault): boolean {
  return code === 'criteria_failed' || code === 'constraint_failed';
}
